"""Image and mask files of every kind to arrays."""

import cv2
import numpy as np
import pytest
from layouts import encoded
from PIL import Image

from mmsnet_lite.data import read_image, read_mask, resize_image, resize_pair
from mmsnet_lite.data.image import decode, grey_levels, resize_mask, rgb
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


def test_sixteen_bits_keep_their_upper_byte(tmp_path):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    assert np.array_equal(read_image(tmp_path / "deep.png")[..., 0], ramp >> 8)
    Image.fromarray(((ramp > 9000) * 65535).astype(np.uint16)).save(tmp_path / "mask.png")
    assert np.array_equal(read_mask(tmp_path / "mask.png"), ramp > 9000)


def test_palette_mask_is_every_index_but_zero(tmp_path):
    image = Image.fromarray(np.array([[0, 1], [2, 0]], np.uint8))
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 60, 0])
    image.save(tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as saved:
        assert saved.mode == "P"
    assert read_mask(tmp_path / "p.png").tolist() == [[0, 1], [1, 0]]


def test_mask_of_zeros_and_ones_is_refused(tmp_path):
    Image.fromarray(np.array([[0, 1]], np.uint8)).save(tmp_path / "m.png")
    with pytest.raises(InputError, match=r"m\.png holds values of 0 to 1; save it as 0 .background. and 255"):
        read_mask(tmp_path / "m.png")
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / "empty.png")
    assert read_mask(tmp_path / "empty.png").sum() == 0


def test_floating_point_image_is_refused(tmp_path):
    Image.fromarray(np.random.default_rng(0).random((4, 4)).astype(np.float32)).save(tmp_path / "f.tif")
    with pytest.raises(InputError, match=r"f\.tif holds floating-point numbers"):
        read_image(tmp_path / "f.tif")


def test_resize_takes_the_area_mean_where_it_shrinks():
    image = np.arange(64, dtype=np.float32).reshape(8, 8)
    assert np.allclose(resize_image(image, 4, 2), image.reshape(4, 2, 2, 4).mean((1, 3)))


def test_bytes_are_decoded_as_files_are(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    (tmp_path / "c.png").write_bytes(encoded(pixels))
    assert np.array_equal(rgb(decode(encoded(pixels), "c"), "c"), pixels)
    assert np.array_equal(read_image(tmp_path / "c.png"), pixels)


@pytest.mark.parametrize("data", [b"", b"hello", encoded(np.zeros((99, 99), np.uint8), "JPEG")[:-200]])
def test_damaged_bytes_are_named_with_the_fix(data):
    with pytest.raises(InputError, match=r"^the archive: 'a\.png' cannot be read as an image \(.+\); get it again$"):
        decode(data, "the archive: 'a.png'", fix="get it again")


def test_convention_cmyk_is_converted_without_a_profile():
    paint = Image.fromarray(np.full((4, 4, 3), (200, 40, 90), np.uint8)).convert("CMYK")
    assert rgb(decode(encoded(paint, "TIFF"), "c"), "c")[0, 0].tolist() == [200, 40, 90]
    assert np.abs(rgb(decode(encoded(paint, "JPEG"), "c"), "c")[0, 0].astype(int) - (200, 40, 90)).max() < 6


def test_a_palette_with_transparency_is_read_without_a_warning():
    image = Image.fromarray(np.array([[0, 1]], np.uint8))
    image.putpalette([10, 20, 30, 200, 100, 50])
    assert rgb(decode(encoded(image, transparency=b"\0\7"), "p"), "p").tolist() == [[[10, 20, 30], [200, 100, 50]]]


def test_convention_grey_levels_are_the_luma_of_the_colours():
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [77, 77, 77]]], np.uint8)
    luma = np.rint(colours.astype(float) @ (0.299, 0.587, 0.114)).astype(int).tolist()
    assert grey_levels(decode(encoded(colours), "c"), "c").tolist() == luma
    clear = np.dstack([colours, np.zeros((1, 4), np.uint8)])
    assert grey_levels(decode(encoded(clear), "c"), "c").tolist() == luma
    assert grey_levels(decode(encoded(np.array([[True, False]])), "c"), "c").tolist() == [[255, 0]]
    deep = np.array([[0, 256, 65535]], np.uint16)
    assert grey_levels(decode(encoded(deep), "c"), "c").tolist() == [[0, 1, 255]]


def test_sixteen_bits_of_which_the_lower_eight_are_used_are_refused():
    image = decode(encoded(np.array([[0, 255]], np.uint16)), "dark.png")
    for read in (rgb, grey_levels):
        with pytest.raises(InputError, match=r"dark\.png has 16 bits but holds 0 to 255 only; save it with 8 bits"):
            read(image, "dark.png")
    black = decode(encoded(np.zeros((2, 2), np.uint16)), "black.png")
    assert rgb(black, "black.png").max() == 0


def test_a_mask_alone_is_resized_as_beside_its_image():
    mask = np.random.default_rng(1).integers(0, 2, (20, 30), dtype=np.uint8)
    for size in (7, 25, 50):
        assert np.array_equal(resize_mask(mask, size), resize_pair(np.dstack([mask] * 3), mask, size)[1])
