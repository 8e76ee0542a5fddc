"""`data check` finds what is planted, and nothing where nothing is."""

import json
import shutil

import cv2
import numpy as np
import pytest
from layouts import build
from PIL import Image

from mmsnet_lite.__main__ import main
from mmsnet_lite.data import PreparedFolder, folder_parts
from mmsnet_lite.data.check import check
from mmsnet_lite.data.prepare import prepare
from mmsnet_lite.data.synthetic import MODALITIES, draw
from mmsnet_lite.errors import InputError


def write(root, name, train, test):
    """A prepared folder of drawn images; a stem's number is the image's."""
    for split, stems in (("train", train), ("test", test)):
        for sub in ("images", "masks", "splits"):
            (root / name / sub).mkdir(parents=True, exist_ok=True)
        for number, stem in enumerate(stems):
            modality = MODALITIES[number % 4]
            image, mask = draw(modality, seed=len(name), index=number + 100 * (split == "test"), size=96)
            cv2.imwrite(str(root / name / "images" / f"{stem}.png"), image[..., ::-1])
            cv2.imwrite(str(root / name / "masks" / f"{stem}.png"), mask.astype(np.uint8) * 255)
        (root / name / "splits" / f"{split}.txt").write_text("".join(f"{stem}\n" for stem in stems))
    return root / name


@pytest.fixture
def clean(tmp_path):
    write(tmp_path, "one", "abcdef", "uvw")
    write(tmp_path, "other", "abcd", "uv")
    return tmp_path


def copy(source, target, change=lambda x: x, ending=".png", options=()):
    """Put a changed copy of an image in the place of another."""
    image = cv2.imread(str(source))
    target.unlink()
    cv2.imwrite(str(target.with_suffix(ending)), np.ascontiguousarray(change(image)), list(options))


def texts(report, severity):
    return [finding.text for finding in report.findings if finding.severity == severity]


def test_a_clean_root_has_no_findings(clean, capsys):
    report = check(clean)
    assert report.findings == ()
    assert report.counts == {"one": {"test": 3, "train": 6}, "other": {"test": 2, "train": 4}}
    assert report.exit_code == 0
    assert main(["data", "check", "--data", str(clean)]) == 0
    assert "nothing wrong" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "ending", "kind", "how"),
    [
        (lambda x: x, ".png", "an identical file", ""),
        (lambda x: x, ".jpg", "a near-duplicate", ""),
        (lambda x: x[:, ::-1], ".png", "a near-duplicate", " (mirrored left-right)"),
        (lambda x: cv2.resize(x, (70, 50), interpolation=cv2.INTER_AREA), ".png", "a near-duplicate", ""),
    ],
    ids=["copied", "re-encoded", "mirrored", "resized"],
)
def test_a_planted_leak_between_train_and_test_is_an_error(clean, change, ending, kind, how, capsys):
    images = clean / "one/images"
    if kind == "an identical file":
        shutil.copy(images / "c.png", images / "v.png")
    else:
        copy(images / "c.png", images / "v.png", change, ending, (cv2.IMWRITE_JPEG_QUALITY, 60) * (ending == ".jpg"))
    size = cv2.imread(str(next(images.glob("v.*")))).shape[1::-1]
    mask = cv2.imread(str(clean / "one/masks/v.png"), 0)
    cv2.imwrite(str(clean / "one/masks/v.png"), cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST))
    report = check(clean)
    (finding,) = report.findings
    assert finding.severity == "error"
    assert finding.text == f"one test: 1 image has {kind} in one train"
    assert finding.examples == (f"one/v = one/c{how}",)
    assert main(["data", "check", "--data", str(clean), "one", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["examples"] == [f"one/v = one/c{how}"]
    assert main(["data", "check", "--data", str(clean), "other"]) == 0


def test_a_leak_from_one_dataset_to_another_is_an_error_and_a_copy_within_a_split_a_note(clean):
    shutil.copy(clean / "one/images/a.png", clean / "other/images/u.png")
    shutil.copy(clean / "one/images/a.png", clean / "one/images/b.png")
    report = check(clean)
    assert texts(report, "error") == ["other test: 1 image has an identical file in one train"]
    assert texts(report, "note") == ["one train: 1 image has an identical file in the same split"]


def test_the_isic_leak_between_the_mixes_is_found_by_name(tmp_path):
    write(tmp_path, "isic2018", ["ISIC_0000001", "ISIC_0000002", "ISIC_0000003"], ["ISIC_0000009"])
    write(tmp_path, "isic2017", ["ISIC_0000002"], ["ISIC_0000001", "ISIC_0000003", "ISIC_0000007"])
    report = check(tmp_path)
    assert texts(report, "leak") == ["isic2017 test: 2 images have an image of the same name in isic2018 train"]
    assert "isic2017 train: 1 image has an image of the same name in isic2018 train" in texts(report, "note")
    assert len(texts(report, "error")) == 4  # the four counts are not the published ones
    assert "isic2017: 3 images in test, the paper's mix has 600" in texts(report, "error")


def test_frames_of_one_video_in_train_and_test_are_an_error(tmp_path):
    write(tmp_path, "frames", ["clinicdb_001", "clinicdb_030"], ["clinicdb_025", "clinicdb_060"])
    (finding,) = check(tmp_path).findings
    assert finding.text == "frames test: 1 image has a frame of the same video in frames train"
    assert finding.examples == ("frames/clinicdb_025 = frames/clinicdb_001",)


def test_missing_files_and_double_stems_are_named(clean):
    one = clean / "one"
    (one / "images/a.png").unlink()
    (one / "masks/b.png").unlink()
    (one / "splits/test.txt").write_text("u\nv\nc\n")
    errors = {finding.text: finding.examples for finding in check(clean).findings if finding.severity == "error"}
    assert errors["one: 1 listed in train and in test"] == ("c",)
    assert errors["one: 1 listed without an image"] == ("a",)
    assert errors["one: 1 without a mask STEM.png"] == ("b",)
    assert errors["one: 1 with a mask and no image"] == ("a",)
    assert texts(check(clean), "note") == ["one: 1 in no split"]


def test_damaged_files_odd_masks_and_a_wrong_card_are_named(clean):
    one = clean / "one"
    (one / "images/a.png").write_bytes(b"")
    cv2.imwrite(str(one / "masks/b.png"), np.full((9, 9), 255, np.uint8))
    cv2.imwrite(str(one / "masks/c.png"), np.zeros((96, 96), np.uint8))
    for stem in "de":
        cv2.imwrite(str(one / f"masks/{stem}.png"), np.tile(np.uint8([0, 200]), (96, 48)))
    cv2.imwrite(str(one / "masks/f.png"), np.full((96, 96), 255, np.uint8))
    (one / "card.json").write_text('{"counts": {"train": 7, "test": 3}}')
    report = check(clean)
    unusable = next(finding for finding in report.findings if "unusable" in finding.text)
    assert (unusable.severity, len(unusable.examples)) == ("error", 2)
    assert "a.png cannot be read as an image" in unusable.examples[0]
    assert "b.png is 9x9 and its image 96x96" in unusable.examples[1]
    assert any("card.json says {'train': 7, 'test': 3}" in text for text in texts(report, "error"))
    assert len(texts(report, "error")) == 2
    assert [(finding.text, finding.examples) for finding in report.findings if finding.severity == "note"] == [
        ("one: 1 without lesion in the mask", ("c",)),
        ("one: 2 with mask values besides 0 and 255; 128 and above count as lesion", ("d", "e")),
        ("one: 1 with a mask that is all lesion", ("f",)),
    ]


@pytest.mark.parametrize("fault", ["mask in another format", "two images of a stem"])
def test_what_train_refuses_the_check_finds(clean, fault):
    one = clean / "one"
    if fault == "mask in another format":
        (one / "masks/b.png").rename(one / "masks/b.bmp")
    else:
        cv2.imwrite(str(one / "images/b.bmp"), cv2.imread(str(one / "images/b.png")))
    with pytest.raises(InputError):
        folder_parts(clean, ["one"], "train")
    (error,) = (finding for finding in check(clean).findings if finding.severity == "error")
    assert error.examples == ("b",)


def test_a_palette_mask_is_not_odd(clean):
    mask = cv2.imread(str(clean / "one/masks/b.png"), cv2.IMREAD_GRAYSCALE) // 255
    palette = Image.fromarray(mask, "L").convert("P")
    palette.putpalette([0, 0, 0, 1, 1, 1])
    palette.save(clean / "one/masks/b.png")
    assert check(clean).findings == ()


def test_files_that_changed_since_prepare_are_named(tmp_path):
    folder = prepare(build("busi", 4, 2).place(tmp_path), tmp_path, size=96).path
    before = texts(check(tmp_path), "error")
    stem = PreparedFolder(folder).stems("train")[0]
    cv2.imwrite(str(folder / f"images/{stem}.png"), np.full((96, 96, 3), 90, np.uint8))
    (folder / f"masks_original/{stem}.png").unlink()
    found = [finding for finding in check(tmp_path).findings if finding.text not in before]
    (changed,) = (finding for finding in found if "since `prepare`" in finding.text)
    assert changed.severity == "error"
    assert set(changed.examples) == {f"images/{stem}.png", f"masks_original/{stem}.png"}
    (folder / "files.sha256").write_text("no digests\n")
    damaged = next(finding for finding in check(tmp_path).findings if "damaged file" in finding.text)
    assert "files.sha256 is damaged" in damaged.examples[0]


def test_a_long_finding_shows_three_examples_and_counts_the_rest(clean):
    for stem in "abcdef":
        cv2.imwrite(str(clean / f"one/masks/{stem}.png"), np.zeros((96, 96), np.uint8))
    report = check(clean)
    assert "one: 6 without lesion in the mask: a, b, c and 3 more" in report.text()
    assert report.findings[0].examples == tuple("abcdef")
    assert report.exit_code == 0


def test_an_image_is_counted_once_however_many_it_agrees_with(clean):
    for stem in "bcd":
        shutil.copy(clean / "one/images/a.png", clean / f"one/images/{stem}.png")
    shutil.copy(clean / "one/images/a.png", clean / "one/images/u.png")
    (finding,) = [finding for finding in check(clean).findings if finding.severity == "error"]
    assert finding.text == "one test: 1 image has an identical file in one train"
    assert finding.examples == ("one/u = one/a",)


def test_a_folder_whose_splits_are_not_written_is_an_error(clean):
    for split in ("train", "test"):
        (clean / f"one/splits/{split}.txt").unlink()
    (finding,) = [finding for finding in check(clean).findings if finding.severity == "error"]
    assert finding.text.endswith("splits lists no image; write train.txt or test.txt")


def test_nothing_to_check_is_an_error(tmp_path, capsys):
    with pytest.raises(InputError, match="holds no prepared dataset"):
        check(tmp_path)
    with pytest.raises(InputError, match="nowhere does not exist"):
        check(tmp_path, ["nowhere"])
    assert main(["data", "check", "--data", str(tmp_path / "none")]) == 2
    assert "none does not exist" in capsys.readouterr().err
