"""Reading the prepared folder: every kind of file it meets, every fault by name."""

import shutil

import cv2
import numpy as np
import pytest
from PIL import Image
from small import write_dataset

from mmsnet_lite.data import Mix, PreparedFolder, folder_parts, read_image, read_mask, resize_pair
from mmsnet_lite.errors import InputError


def test_convention_grey_is_repeated_and_alpha_dropped(tmp_path):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(grey).save(tmp_path / "g.png")
    assert np.array_equal(read_image(tmp_path / "g.png"), np.stack([grey] * 3, -1))
    rgba = np.dstack([np.full((4, 4, 3), 77, np.uint8), np.zeros((4, 4), np.uint8)])
    Image.fromarray(rgba).save(tmp_path / "a.png")
    assert np.unique(read_image(tmp_path / "a.png")).tolist() == [77]


def test_images_are_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "c.png"), np.full((4, 4, 3), (10, 20, 30), np.uint8))  # OpenCV writes BGR
    assert read_image(tmp_path / "c.png")[0, 0].tolist() == [30, 20, 10]


def test_convention_mask_cuts_at_128_and_reads_one_bit_files(tmp_path):
    Image.fromarray(np.array([[0, 127], [128, 255]], np.uint8)).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png").tolist() == [[0, 0], [1, 1]]
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "bit.png")
    assert read_mask(tmp_path / "bit.png").tolist() == [[1, 0]]


@pytest.mark.parametrize("size", [32, 100])
def test_convention_mask_stays_binary_and_keeps_its_area(size):
    mask = np.zeros((64, 48), np.uint8)
    mask[10:40, 8:30] = 1
    image, small = resize_pair(np.dstack([mask * 200] * 3), mask, size)
    assert image.shape == (size, size, 3)
    assert set(np.unique(small)) == {0, 1}
    assert small.mean() == pytest.approx(mask.mean(), abs=0.02)
    assert np.abs(image[..., 0] / 200.0 - small).mean() < 0.03  # both moved alike


def test_modality_comes_from_the_card_else_the_name(tmp_path):
    folder = write_dataset(tmp_path, "kvasir")
    assert PreparedFolder(folder).modality == "kvasir"
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
