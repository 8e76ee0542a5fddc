"""What the values of a published mask mean."""

import io

import numpy as np
import pytest
from layouts import encoded
from PIL import Image

from mmsnet_lite.data.image import decode
from mmsnet_lite.data.masks import targets
from mmsnet_lite.errors import InputError

FUNDUS = {255: (), 128: ("masks",), 0: ("masks", "masks_cup")}
SQUARE = np.zeros((32, 24), bool)
SQUARE[8:24, 8:16] = True


def masks_of(*files, rule=None):
    return targets(rule, [(f"m{i}.png", decode(file, f"m{i}.png")) for i, file in enumerate(files)])


def square(foreground, background, dtype=np.uint8):
    return np.where(SQUARE, foreground, background).astype(dtype)


def palette():
    image = Image.fromarray(square(1, 2))
    image.putpalette([9, 9, 9, 255, 255, 255, 0, 0, 0])  # the larger index is the background
    return image


@pytest.mark.parametrize(
    "file",
    [
        encoded(SQUARE),
        encoded(square(255, 0)),
        encoded(square(128, 127)),
        encoded(square(65535, 0, np.uint16)),
        encoded(np.dstack([square(255, 0)] * 3)),
        encoded(np.dstack([square(255, 0)] * 3 + [np.zeros(SQUARE.shape, np.uint8)])),
        encoded(np.dstack([square(200, 10), np.zeros(SQUARE.shape, np.uint8)])),
        encoded(palette()),
        encoded(palette(), transparency=b"\0\0\0"),
        encoded(Image.fromarray(np.dstack([square(255, 0)] * 3)).convert("CMYK"), "JPEG"),
        encoded(square(255, 0), "JPEG", quality=60),
        encoded(square(255, 0), "BMP"),
        encoded(square(255, 0), "TIFF"),
    ],
    ids=[
        *("1-bit", "grey", "threshold", "16-bit", "rgb", "rgba", "la"),
        *("palette", "transparent", "cmyk", "jpeg", "bmp", "tiff"),
    ],
)
def test_masks_of_every_kind_become_zero_and_one(file):
    found = masks_of(file)
    assert list(found) == ["masks"]
    assert found["masks"].dtype == np.uint8
    assert np.array_equal(found["masks"], SQUARE)


def test_convention_several_masks_are_joined():
    other = np.zeros_like(SQUARE)
    other[0, 0] = other[10, 10] = True
    joined = masks_of(encoded(SQUARE), encoded(other), encoded(np.zeros_like(SQUARE)))["masks"]
    assert np.array_equal(joined, SQUARE | other)
    assert joined.max() == 1


def test_convention_a_jpeg_below_the_threshold_is_empty_and_another_file_is_not():
    dark = np.random.default_rng(0).integers(0, 9, (32, 24), dtype=np.uint8)
    assert masks_of(encoded(dark, "JPEG"))["masks"].sum() == 0
    with pytest.raises(InputError, match=r"m0\.png holds values of 0 to 8, where the target should have 128 and above"):
        masks_of(encoded(dark))
    assert masks_of(encoded(np.zeros((4, 4), np.uint8)))["masks"].sum() == 0


def test_convention_a_mask_is_not_turned_by_exif():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert np.array_equal(masks_of(encoded(square(255, 0), exif=exif))["masks"], SQUARE)


def test_sixteen_bits_with_eight_bit_values_are_refused():
    with pytest.raises(InputError, match=r"m0\.png has 16 bits but holds 0 to 255 only"):
        masks_of(encoded(square(255, 0, np.uint16)))


def test_masks_of_different_sizes_are_refused_with_both():
    with pytest.raises(InputError, match=r"m0\.png is \(24, 32\) pixels and m1\.png, of the same image, \(8, 4\)"):
        masks_of(encoded(SQUARE), encoded(np.zeros((4, 8), np.uint8)))


@pytest.mark.parametrize("form", ["PNG", "BMP"])
def test_levels_tell_disc_and_cup(form):
    levels = np.full((8, 8), 255, np.uint8)
    levels[1:7, 1:7] = 128
    levels[3:5, 3:5] = 0
    found = masks_of(encoded(levels, form), rule=FUNDUS)
    assert np.array_equal(found["masks"], levels < 255)
    assert np.array_equal(found["masks_cup"], levels == 0)
    assert np.array_equal(masks_of(encoded(np.dstack([levels] * 3)), rule=FUNDUS)["masks_cup"], levels == 0)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0, 1, 2], "values 1, 2; a mask of this dataset has 0, 128, 255 and nothing else"),
        ([255, 128, 127], "values 127;"),
        ([254, 253, 7, 6, 5, 4, 3], "values 3, 4, 5, 6, 7, ...;"),
    ],
)
def test_unknown_levels_are_refused_with_file_and_values(values, said):
    with pytest.raises(InputError, match=rf"m0\.png holds the {said}"):
        masks_of(encoded(np.array([values], np.uint8)), rule=FUNDUS)


def test_a_jpeg_of_levels_is_refused():
    levels = np.where(SQUARE, 0, 255).astype(np.uint8)
    levels[10:12, 10:12] = 128
    file = io.BytesIO(encoded(levels, "JPEG", quality=50)).getvalue()
    with pytest.raises(InputError, match=r"m0\.png holds the values \d+"):
        masks_of(file, rule=FUNDUS)
