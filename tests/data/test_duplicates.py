"""Perceptual hashes: copies are found through what copies go through, other pictures are not."""

import cv2
import numpy as np
import pytest

from mmsnet_lite.data import duplicates
from mmsnet_lite.data.duplicates import ALIKE, TURNS, describe, groups, near_duplicates
from mmsnet_lite.data.synthetic import MODALITIES, draw


@pytest.fixture(scope="module")
def pictures():
    return [draw(modality, seed=5, index=index, size=200)[0] for modality in MODALITIES for index in range(6)]


def reencoded(image):
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_COLOR)


COPIES = {
    "as it is": (lambda x: x, "as it is"),
    "JPEG of quality 30": (reencoded, "as it is"),
    "halved": (lambda x: cv2.resize(x, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), "as it is"),
    "squashed": (lambda x: cv2.resize(x, (320, 150)), "as it is"),
    "darker": (lambda x: (x * 0.8).astype(np.uint8), "as it is"),
    "blurred": (lambda x: cv2.GaussianBlur(x, (0, 0), 1.5), "as it is"),
    "mirrored": (lambda x: reencoded(np.ascontiguousarray(x[:, ::-1])), "mirrored left-right"),
    "upside down": (lambda x: x[::-1], "mirrored up-down"),
    "turned left": (np.rot90, "turned by 270 degrees"),
    "turned right": (lambda x: np.rot90(x, -1), "turned by 90 degrees"),
    "turned over": (lambda x: np.rot90(x, 2), "turned by 180 degrees"),
    "transposed": (lambda x: x.transpose(1, 0, 2), "mirrored on the diagonal"),
    "transposed and turned": (lambda x: np.rot90(x, 2).transpose(1, 0, 2), "mirrored on the other diagonal"),
}


@pytest.mark.parametrize("what", COPIES)
def test_a_copy_is_found_and_its_turn_named(what, pictures):
    change, how = COPIES[what]
    originals = np.stack([describe(image) for image in pictures])
    copies = np.stack([describe(np.ascontiguousarray(change(image))) for image in pictures])
    n = len(pictures)
    found = [(i, j - n, name) for i, j, name in near_duplicates(np.concatenate([copies, originals])) if i < n <= j]
    assert [(i, j) for i, j, _ in found] == [(i, i) for i in range(n)]
    # `how` turns the original into the copy: turning the original's hash by it gives the copy's
    assert {name for _, _, name in found} == {how}


def test_different_pictures_are_not_duplicates(pictures, monkeypatch):
    hashes = np.stack([describe(image) for image in pictures])
    assert near_duplicates(hashes) == []
    monkeypatch.setattr(duplicates, "ALIKE", 0.2)
    assert near_duplicates(hashes) != []


def test_convention_light_and_surround_that_all_images_share_count_little():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:256j, -1:1:256j]
    light = 190 * np.exp(-2 * (x**2 + y**2)) + 30
    textures = [cv2.GaussianBlur(rng.standard_normal((256, 256)), (0, 0), 6) for _ in range(2)]
    images = [light + 8 * texture / texture.std() for texture in textures]
    assert np.corrcoef(images[0].ravel(), images[1].ravel())[0, 1] > ALIKE  # to a plain comparison they are one
    a, b = (describe(np.repeat(image[..., None], 3, axis=2).clip(0, 255).astype(np.uint8)) for image in images)
    assert a @ b < ALIKE - 0.1


def test_within_one_set_each_pair_is_reported_once(pictures):
    hashes = np.stack([describe(image) for image in (*pictures[:3], pictures[1], pictures[1][:, ::-1])])
    assert near_duplicates(hashes) == [
        (1, 3, "as it is"),
        (1, 4, "mirrored left-right"),
        (3, 4, "mirrored left-right"),
    ]


def test_many_images_are_compared_in_blocks():
    rng = np.random.default_rng(0)
    hashes = rng.standard_normal((1300, 1024), dtype=np.float32)
    hashes /= np.linalg.norm(hashes, axis=1, keepdims=True)
    hashes[1250] = hashes[3]
    hashes[600] = hashes[599]
    assert [(i, j) for i, j, _ in near_duplicates(hashes)] == [(3, 1250), (599, 600)]


def test_a_hash_is_a_unit_vector_and_zero_for_a_single_level(pictures):
    assert np.linalg.norm(describe(pictures[0])) == pytest.approx(1, abs=1e-5)
    assert abs(describe(pictures[0]).mean()) < 1e-6
    blank = describe(np.full((50, 60, 3), 90, np.uint8))
    assert not blank.any()
    assert near_duplicates(np.stack([blank, blank])) == []
    assert 0.5 < ALIKE < 1


def test_turns_are_the_eight_symmetries_of_a_square():
    square = np.arange(9).reshape(3, 3)
    expected = {np.rot90(flip, k).tobytes() for flip in (square, square.T) for k in range(4)}
    assert {np.ascontiguousarray(turn(square)).tobytes() for turn in TURNS.values()} == expected


def test_groups_are_connected_components():
    assert groups(7, [(5, 1), (1, 2), (4, 6)]) == [[1, 2, 5], [4, 6]]
    assert groups(3, []) == []
    chain = [(i, i + 1) for i in range(999)]
    assert groups(1000, chain[::-1]) == [list(range(1000))]
