"""Reading the prepared folder: every kind of file it meets, every fault by name."""

import shutil

import cv2
import numpy as np
import pytest
from small import write_dataset

from mmsnet_lite.data import Mix, PreparedFolder, folder_parts, prepared_folders
from mmsnet_lite.errors import InputError


def test_modality_comes_from_the_card_else_the_public_dataset_else_the_name(tmp_path):
    assert PreparedFolder(write_dataset(tmp_path, "ours")).modality == "ours"
    folder = write_dataset(tmp_path, "busi")
    assert PreparedFolder(folder).modality == "ultrasound"
    (folder / "card.json").write_text('{"modality": "colonoscopy"}')
    assert PreparedFolder(folder).modality == "colonoscopy"
    (folder / "card.json").write_text("{")
    with pytest.raises(InputError, match=r"card\.json is not a JSON object"):
        _ = PreparedFolder(folder).modality


def damage(folder, what):
    image, mask = folder / "images" / "a.png", folder / "masks" / "a.png"
    if what == "no masks":
        for file in (folder / "masks").iterdir():
            file.unlink()
        (folder / "masks").rmdir()
    elif what == "mask missing":
        mask.unlink()
    elif what == "image missing":
        image.unlink()
    elif what == "mask of another size":
        cv2.imwrite(str(mask), np.zeros((60, 64), np.uint8))
    elif what == "truncated":
        cv2.imwrite(str(folder / "images" / "a.jpg"), cv2.imread(str(image)))
        image.unlink()
        whole = (folder / "images" / "a.jpg").read_bytes()
        (folder / "images" / "a.jpg").write_bytes(whole[: len(whole) // 2])
    elif what == "not an image":
        image.write_text("hello")
    elif what == "two images":
        cv2.imwrite(str(folder / "images" / "a.jpg"), cv2.imread(str(image)))
    elif what == "listed twice":
        (folder / "splits" / "train.txt").write_text("a\nb\na\n")
    elif what == "empty split":
        (folder / "splits" / "train.txt").write_text("\n")
    elif what == "ending in split":
        (folder / "splits" / "train.txt").write_text("a.png\n")
    elif what == "no text":
        (folder / "splits" / "train.txt").write_bytes("é".encode("latin-1"))
    elif what == "no split":
        (folder / "splits" / "train.txt").unlink()


FAULTS = {
    "no masks": r"masks does not exist; a prepared dataset holds",
    "mask missing": r"masks/a\.png does not exist, but an image 'a' does; add the mask",
    "image missing": r"images/a\.\* does not exist, but a split lists 'a'; add the image",
    "mask of another size": r"masks/a\.png is 64x60 and its image 64x64 .*export the mask",
    "truncated": r"images/a\.jpg cannot be read as an image .*replace it",
    "not an image": r"images/a\.png cannot be read as an image",
    "two images": r"share one stem; keep one",
    "listed twice": r"train\.txt lists 'a' more than once",
    "empty split": r"train\.txt is empty",
    "ending in split": r"images/a\.png\.\* does not exist, but a split lists 'a\.png'; leave the ending away",
    "no text": r"train\.txt is not UTF-8 text",
    "no split": r"train\.txt does not exist; write one stem",
}


@pytest.mark.parametrize("what", FAULTS)
def test_each_fault_names_the_file_and_the_fix(tmp_path, what):
    folder = write_dataset(tmp_path, "set")
    damage(folder, what)
    with pytest.raises(InputError, match=FAULTS[what]):
        Mix(folder_parts(tmp_path, ["set"], "train"), 64)


def test_write_splits_draws_each_image_once(tmp_path):
    folder = write_dataset(tmp_path, "set", stems=[f"i{k}" for k in range(9)], test=["t"])
    shutil.rmtree(folder / "splits")
    prepared = PreparedFolder(folder)
    assert prepared.write_splits(0.3) == {"train": 7, "test": 3}
    train, test = prepared.stems("train"), prepared.stems("test")
    assert sorted(train + test) == sorted([f"i{k}" for k in range(9)] + ["t"])
    with pytest.raises(InputError, match="splits exists; delete it first"):
        prepared.write_splits(0.3)


def test_write_splits_refuses_and_writes_nothing(tmp_path):
    folder = write_dataset(tmp_path, "set")
    shutil.rmtree(folder / "splits")
    with pytest.raises(InputError, match="test share 1"):
        PreparedFolder(folder).write_splits(1)
    (folder / "masks/a.png").unlink()
    with pytest.raises(InputError, match=r"a\.png does not exist, but an image 'a' does"):
        PreparedFolder(folder).write_splits(0.5)
    assert not (folder / "splits").exists()


def test_upper_case_endings_and_a_byte_order_mark_are_read(tmp_path):
    folder = write_dataset(tmp_path, "set")
    (folder / "images/a.png").rename(folder / "images/a.PNG")
    (folder / "splits/train.txt").write_text("a\nb\n", encoding="utf-8-sig")
    prepared = PreparedFolder(folder)
    assert prepared.stems("train") == ["a", "b"]
    assert prepared.image_path("a").name == "a.PNG"


def test_split_command_is_offered_only_where_it_would_work(tmp_path):
    folder = write_dataset(tmp_path, "set")
    (folder / "splits/test.txt").unlink()
    with pytest.raises(InputError) as refused:
        PreparedFolder(folder).stems("test")
    assert "draw it" not in str(refused.value)
    (folder / "splits/train.txt").unlink()
    (folder / "splits").rmdir()
    with pytest.raises(InputError, match=r"python -m mmsnet_lite split .*set` draw it"):
        PreparedFolder(folder).stems("test")


def test_groups_are_read_and_a_missing_file_is_no_group(tmp_path):
    folder = write_dataset(tmp_path, "set")
    assert PreparedFolder(folder).groups() == {}
    file = folder / "splits" / "groups.csv"
    file.write_text('stem,group\na,1\n"b, c",1\nd,video 7\n', encoding="utf-8-sig")
    assert PreparedFolder(folder).groups() == {"a": "1", "b, c": "1", "d": "video 7"}
    (part,) = folder_parts(tmp_path, ["set"], "train")
    assert part.groups["d"] == "video 7"


@pytest.mark.parametrize(
    "text", [b"a,1\nb,1\n", b"stem,group\na\n", b"stem,group\na,1,2\n", b"", b"stem,group\n\xe9,1\n"]
)
def test_damaged_groups_are_refused(tmp_path, text):
    folder = write_dataset(tmp_path, "set")
    (folder / "splits" / "groups.csv").write_bytes(text)
    with pytest.raises(InputError, match=r"groups\.csv .*mend or delete it"):
        PreparedFolder(folder).groups()


def test_prepared_folders_are_found_and_nothing_else(tmp_path):
    for name in ("b", "a", "c.partial", "no splits"):
        write_dataset(tmp_path, name)
    shutil.rmtree(tmp_path / "no splits" / "splits")
    (tmp_path / "downloads").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "b/splits/train.txt").unlink()
    found = prepared_folders(tmp_path)
    assert [(f.name, f.has("train"), f.has("test")) for f in found] == [("a", True, True), ("b", False, True)]
    with pytest.raises(InputError, match="nowhere does not exist"):
        prepared_folders(tmp_path / "nowhere")
