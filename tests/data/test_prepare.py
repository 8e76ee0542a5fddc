"""From archives in their real layout to prepared folders, and again, and after an interruption."""

import hashlib
import json
import threading
import zipfile
from importlib import import_module

import cv2
import numpy as np
import pytest
from archives import ArchiveServer
from layouts import SIDE, build, encoded, noise, outline, zipped

from mmsnet_lite.data import PreparedFolder, read_mask
from mmsnet_lite.data.prepare import prepare
from mmsnet_lite.data.specs import SPECS
from mmsnet_lite.errors import InputError

module = import_module("mmsnet_lite.data.prepare")


def files_of(folder):
    """Contents of all files, by path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def converted(monkeypatch, stop_at=None):
    """Stems that are converted from now on; Ctrl-C comes instead of the image number `stop_at`."""
    stems, convert, lock = [], module._convert, threading.Lock()

    def counting(spec, pair, *rest):
        with lock:
            if len(stems) == stop_at:
                raise KeyboardInterrupt
            stems.append(pair.stem)
        return convert(spec, pair, *rest)

    monkeypatch.setattr(module, "_convert", counting)
    return stems


@pytest.mark.parametrize("name", SPECS)
def test_every_dataset_is_prepared_from_its_real_layout(name, tmp_path):
    layout, root, lines = build(name, 6, 3), tmp_path / "Bilder 图像", []
    with ArchiveServer() as server:
        spec = layout.serve(server)
        folder = prepare(spec, root, size=16, report=lines.append)
        asked = len(server.requests)
        before = files_of(root)
        assert prepare(spec, root, size=16, report=lines.append) == folder
        assert len(server.requests) == asked == len(spec.archives)
    assert files_of(root) == before
    assert folder == PreparedFolder(root / name)
    assert {split: folder.stems(split) for split in ("train", "test")} == {
        split: sorted(stems) for split, stems in layout.stems.items()
    }
    kinds = {"images", "masks", "masks_original"} | (
        {"masks_cup", "masks_cup_original"} if name in ("origa", "refuge") else set()
    )
    assert {path.name for path in folder.path.iterdir()} == kinds | {"splits", "card.json", "files.sha256"}
    every = {stem for stems in layout.stems.values() for stem in stems}
    for kind in kinds:
        assert {path.name for path in (folder.path / kind).iterdir()} == {f"{stem}.png" for stem in every}
    for stem in every:
        image, mask = folder.read(stem)
        assert image.shape == (16, 16, 3)
        assert 0 < mask.mean() < 1
    assert lines == [f"{archive.name}: {archive.urls[0]}" for archive in spec.archives]
    assert {path.name for path in root.iterdir()} == {"downloads", name}


def test_images_are_squashed_by_area_and_masks_cut_first(tmp_path):
    layout = build("kvasir", 4, 2)
    folder = prepare(layout.place(tmp_path), tmp_path, size=2)
    key = "TrainDataset/image/149.png"  # written 12 x 10, so an output pixel is the mean of 6 x 5
    blocks = noise(key).reshape(2, 5, 2, 6, 3).mean((1, 3))
    image, mask = folder.read("clinicdb_149")
    assert np.abs(image - blocks).max() <= 0.5
    assert np.array_equal(mask, outline(key).reshape(2, 5, 2, 6).mean((1, 3)) >= 0.5)
    original = cv2.imread(str(folder.path / "masks_original" / "clinicdb_149.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(original, outline(key) * 255)


def test_the_masks_of_one_image_are_joined(tmp_path):
    folder = prepare(build("busi", 4, 2).place(tmp_path), tmp_path, size=16)
    path = "Dataset_BUSI_with_GT/benign/benign (4)"
    mask = read_mask(folder.path / "masks_original" / "benign (4).png")
    assert np.array_equal(mask, outline(path) | outline(f"{path}_mask_1"))


def test_disc_and_cup(tmp_path):
    spec = build("refuge", 3, 2).place(tmp_path)
    folder = prepare(spec, tmp_path, size=16)
    masks = {kind: folder.path / kind / "train_n0001.png" for kind in ("masks_original", "masks_cup_original")}
    disc, cup = (read_mask(path) for path in masks.values())
    assert np.array_equal(disc, outline("REFUGE/train/image/n0001.png"))
    assert 0 < cup.sum() < disc.sum()
    assert (cup <= disc).all()
    assert json.loads((folder.path / "card.json").read_text())["options"] == {"size": 16, "cup": True}


def test_disc_only_and_what_to_do_when_the_cup_is_wanted_later(tmp_path):
    spec = build("origa", 3, 2).place(tmp_path)
    folder = prepare(spec, tmp_path, cup=False, size=16)
    assert not list(folder.path.glob("masks_cup*"))
    assert prepare(spec, tmp_path, cup=False, size=16) == folder
    with pytest.raises(InputError, match=r"origa was prepared with cup = False, but True is wanted; delete it and run"):
        prepare(spec, tmp_path, size=16)
    with pytest.raises(InputError, match=r"was prepared with size = 16, but 352 is wanted"):
        prepare(spec, tmp_path, cup=False)


def test_convention_a_folder_with_cups_will_do_for_discs(tmp_path):
    spec = build("origa", 3, 2).place(tmp_path)
    folder = prepare(spec, tmp_path, size=16)
    assert prepare(spec, tmp_path, size=16, cup=False) == folder


def test_the_card_says_what_it_is_and_was_made_from(tmp_path):
    spec = build("cvc300", 4, 2).place(tmp_path)
    folder = prepare(spec, tmp_path, size=16).path
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    for key in ("name", "title", "modality", "target", "licence", "citation", "page", "counts"):
        assert card[key] == getattr(spec, key)
    for archive in card["archives"]:
        data = (tmp_path / "downloads" / archive["name"]).read_bytes()
        assert archive["sha256"] == hashlib.sha256(data).hexdigest()
    images = {
        f"{path.parent.name}/{path.name}": path for kind in ("images", "masks*") for path in folder.glob(f"{kind}/*")
    }
    lines = [f"{hashlib.sha256(images[name].read_bytes()).hexdigest()}  {name}\n" for name in sorted(images)]
    assert card["sha256"] == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert (folder / "files.sha256").read_text(encoding="utf-8") == "".join(lines)


def test_frames_of_one_video_and_near_duplicates_share_a_group(tmp_path):
    layout = build("kvasir", 8, 4)
    first, second = layout.stems["test"][:2]
    members = layout.archives["TestDataset.zip"]
    smooth = cv2.resize(noise("smooth"), (64, 64), interpolation=cv2.INTER_CUBIC)
    for stem, pixels in ((first, smooth), (second, smooth[:, ::-1])):
        path = f"TestDataset/TestDataset/Kvasir/images/{stem}.png"
        members |= {path: encoded(pixels), path.replace("images", "masks"): encoded(outline(path, (64, 64)))}
    found = prepare(layout.place(tmp_path), tmp_path, size=64).groups()
    assert found[first] == found[second]
    frames = [stem for stem in layout.stems["train"] if stem.startswith("clinicdb")]
    assert len(frames) == 4
    sequences = {stem: found[stem] for stem in frames if stem in found}
    assert len(set(sequences.values())) == 1  # frames 149, 150, 151 are of one sequence, 152 of the next
    assert sorted(sequences) == ["clinicdb_149", "clinicdb_150", "clinicdb_151"]
    assert set(found) == {first, second, *sequences}


@pytest.mark.parametrize("stop_at", [0, 4, 8])
def test_an_interrupted_preparation_goes_on_without_repeating(stop_at, tmp_path, monkeypatch):
    layout = build("refuge", 6, 3)
    spec = layout.place(tmp_path)
    with monkeypatch.context() as patched:
        first = converted(patched, stop_at)
        with pytest.raises(KeyboardInterrupt):
            prepare(spec, tmp_path, size=16)
        assert len(first) == stop_at
    assert not (tmp_path / "refuge").exists()
    second = converted(monkeypatch)
    folder = prepare(spec, tmp_path, size=16)
    assert sorted(first + second) == sorted(stem for stems in layout.stems.values() for stem in stems)
    whole = prepare(layout.place(tmp_path / "other"), tmp_path / "other", size=16)
    assert files_of(folder.path) == files_of(whole.path)


def test_an_interruption_while_the_end_is_written_repeats_no_image(tmp_path, monkeypatch):
    spec = build("busi", 4, 2).place(tmp_path)
    for stage in ("describe", "groups", "write_card"):
        with monkeypatch.context() as patched:
            patched.setattr(f"mmsnet_lite.data.card.{stage}", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                prepare(spec, tmp_path, size=16)
        assert not (tmp_path / "busi").exists()
        stems = converted(monkeypatch)
    prepare(spec, tmp_path, size=16)
    assert stems == []


@pytest.mark.parametrize("damage", ["missing file", "short file", "blank file", "other archive", "other size"])
def test_what_is_not_certainly_done_is_done_again(damage, tmp_path, monkeypatch):
    layout = build("tn3k", 6, 3)
    spec, size = layout.place(tmp_path), 16
    with monkeypatch.context() as patched:
        first = converted(patched, 7)
        with pytest.raises(KeyboardInterrupt):
            prepare(spec, tmp_path, size=size)
    partial, again = tmp_path / "tn3k.partial", {first[0]}
    if damage == "missing file":
        (partial / "masks" / f"{first[0]}.png").unlink()
    elif damage == "short file":
        (partial / "images" / f"{first[0]}.png").write_bytes(
            (partial / "images" / f"{first[0]}.png").read_bytes()[:-20]
        )
    elif damage == "blank file":  # what a power cut can leave
        (partial / "images" / f"{first[0]}.png").write_bytes(bytes(300))
    elif damage == "other archive":
        (archive,) = layout.archives.values()
        archive["Thyroid Dataset/tn3k/test-image/0000.jpg"] = encoded(noise("new", (24, 20)), "JPEG")
        (tmp_path / "downloads" / "checksums.json").unlink()
        spec, again = layout.place(tmp_path), set(first)
    else:
        size, again = 8, set(first)
    second = converted(monkeypatch)
    folder = prepare(spec, tmp_path, size=size)
    assert set(second) & set(first) == again
    assert set(second) | set(first) == {stem for stems in layout.stems.values() for stem in stems}
    folder.read(first[0])


def test_a_folder_unpacked_by_hand_is_taken(tmp_path):
    layout = build("busi", 4, 2)
    spec = layout.spec()
    (data,) = (zipped(members) for members in layout.archives.values())
    (tmp_path / "busi.zip").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "busi.zip") as archive:
        archive.extractall(tmp_path / "downloads")
    folder = prepare(spec, tmp_path, size=16)
    assert folder.stems("train") == sorted(layout.stems["train"])
    (archive,) = json.loads((folder.path / "card.json").read_text())["archives"]
    assert (archive["folder"], archive["sha256"]) == ("Dataset_BUSI_with_GT", None)


def test_the_same_archives_give_the_same_bytes(tmp_path):
    layout = build("isic2017", 5, 3)
    both = [prepare(layout.place(tmp_path / side), tmp_path / side, size=16).path for side in ("left", "right")]
    assert files_of(both[0]) == files_of(both[1])


def test_the_default_size_is_the_papers(tmp_path):
    layout = build("origa", 1, 1)
    folder = prepare(layout.place(tmp_path), tmp_path)
    assert folder.read("001")[0].shape == (352, 352, 3)
    assert read_mask(folder.path / "masks_original" / "001.png").shape == SIDE[::-1]
