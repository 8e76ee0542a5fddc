"""Augmentation: each change against another library's, the image and its mask alike, everything from the generator."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from scipy import ndimage
from torch.testing import assert_close

from mmsnet_lite.data import AUGMENTATIONS, Augmentation, random_flips
from mmsnet_lite.data.augment import change_colour, gaussian_blur, multiply_speckle, warp
from mmsnet_lite.errors import InputError

ONE = torch.ones(1)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(b=2, h=40, w=40, seed=0):
    """Smooth coloured noise of 0..255 and blobs, as uint8."""
    rng = np.random.default_rng(seed)
    fields = ndimage.gaussian_filter(rng.standard_normal((b, 4, h, w)), (0, 0, 3, 3))
    images = 128 + 60 * fields[:, :3] / fields[:, :3].std()
    return torch.from_numpy(images.clip(0, 255).astype(np.uint8)), torch.from_numpy(fields[:, 3:] > 0.05).byte()


def enhanced(image, kind, factor):
    """Pillow's version, on 8 bits."""
    picture = Image.fromarray(image.permute(1, 2, 0).byte().numpy())
    return torch.from_numpy(np.array(getattr(ImageEnhance, kind)(picture).enhance(factor))).permute(2, 0, 1).float()


def test_flips_are_joint_seeded_and_all_four_occur():
    images = torch.arange(64 * 12, dtype=torch.float32).view(64, 3, 2, 2)
    flipped, masks = random_flips(images, images[:, :1].clone(), generator())
    again, _ = random_flips(images, images[:, :1], generator())
    assert torch.equal(flipped, again)
    assert torch.equal(flipped[:, :1], masks)
    kinds = set()
    for image, out in zip(images, flipped, strict=True):
        fits = [k for k, axes in enumerate([(), (-1,), (-2,), (-1, -2)]) if torch.equal(out, image.flip(axes))]
        assert len(fits) == 1
        kinds |= set(fits)
    assert kinds == {0, 1, 2, 3}


def test_the_preset_of_flips_flips_and_does_nothing_else():
    images, masks = pictures(16)
    done, flipped = AUGMENTATIONS["flips"](images, masks, generator()), random_flips(images, masks, generator())
    assert all(torch.equal(a, b) for a, b in zip(done, flipped, strict=True))
    assert done[0].dtype == torch.uint8


def test_the_probability_of_a_flip_is_the_asked_one():
    images = torch.arange(4.0).view(1, 1, 2, 2).repeat(4000, 3, 1, 1)
    done, _ = Augmentation.flips(0.2)(images, images[:, :1], generator())
    assert abs((done[:, 0, 0, 0] == 0).double().mean() - 0.8**2) < 0.03


def test_nothing_asked_for_changes_nothing_bit_for_bit():
    images, masks = pictures()
    done = AUGMENTATIONS["none"](images, masks, generator())
    assert torch.equal(done[0], images)
    assert torch.equal(done[1], masks)


def test_each_operation_at_zero_strength_is_the_identity_bit_for_bit():
    images, masks = pictures()
    x, zero, one = images.float(), torch.zeros(2), torch.ones(2)
    warped, mask = warp(x, masks, zero, one)
    assert torch.equal(warped, x)
    assert torch.equal(mask, masks)
    assert torch.equal(change_colour(x, one, one, one), x)
    assert torch.equal(gaussian_blur(x, zero, 3), x)
    assert torch.equal(multiply_speckle(x, zero, torch.randn(2, 1, 40, 40)), x)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_of_a_square_are_exact_and_counter_clockwise(turns):
    images, masks = pictures()
    warped, mask = warp(images.float(), masks, torch.full((2,), 90.0 * turns), torch.ones(2))
    assert torch.equal(warped, images.float().rot90(turns, (-2, -1)))
    assert torch.equal(mask, masks.rot90(turns, (-2, -1)))


@pytest.mark.parametrize(("h", "w"), [(40, 40), (32, 56)])
@pytest.mark.parametrize(("degrees", "scale"), [(17.0, 1.0), (-30.0, 0.8), (0.0, 1.25), (140.0, 0.6)])
def test_rotation_and_scale_are_scipys_affine_transform_with_a_mirrored_border(h, w, degrees, scale):
    images, masks = pictures(1, h, w)
    warped, mask = warp(images.float(), masks, torch.tensor([degrees]), torch.tensor([scale]))
    a = math.radians(degrees)
    matrix = (
        np.array([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]]) / scale
    )  # output (row, column) to input
    centre = np.array([h - 1, w - 1]) / 2
    both = torch.cat((images, masks), dim=1)[0].double().numpy()
    expected = [
        ndimage.affine_transform(plane, matrix, centre - matrix @ centre, order=1, mode="reflect") for plane in both
    ]
    assert_close(warped[0].numpy(), np.stack(expected[:3]).round().astype(np.float32), atol=1, rtol=0)
    assert ((mask[0, 0].numpy() > 0) != (expected[3] >= 0.5)).mean() < 0.002  # ties
    assert np.abs(warped[0].numpy() - np.stack(expected[:3])).mean() < 0.3  # half a grey level at most, by rounding


def test_rotation_and_scale_agree_with_opencv():
    """Whose angle is counter-clockwise as well; it rounds coordinates to 1/32 pixel."""
    images, masks = pictures(1)
    warped, _ = warp(images.float(), masks, torch.tensor([25.0]), torch.tensor([1.1]))
    matrix = cv2.getRotationMatrix2D((19.5, 19.5), 25.0, 1.1)
    expected = cv2.warpAffine(images[0].permute(1, 2, 0).numpy(), matrix, (40, 40), borderMode=cv2.BORDER_REFLECT)
    assert np.abs(warped[0].permute(1, 2, 0).numpy() - expected).max() < 4


@pytest.mark.parametrize(("kind", "place"), [("Brightness", 0), ("Contrast", 1), ("Color", 2)])
@pytest.mark.parametrize("factor", [0.7, 1.2])
def test_colour_is_pillows(kind, place, factor):
    images, _ = pictures(1)
    factors = [ONE, ONE, ONE]
    factors[place] = factor * ONE
    done = change_colour(images.float(), *factors)[0].clamp(0, 255)
    assert_close(done, enhanced(images[0], kind, factor), atol=1.6, rtol=0)  # Pillow rounds twice


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.0])
def test_blur_is_scipys_gaussian(sigma):
    images, _ = pictures(1, 24, 40)
    done = gaussian_blur(images.float(), torch.tensor([sigma]), radius=6)
    expected = ndimage.gaussian_filter(images[0].double().numpy(), (0, sigma, sigma), mode="mirror", radius=(0, 6, 6))
    assert_close(done[0].numpy(), expected.astype(np.float32), atol=1e-2, rtol=0)


def test_blur_lowers_high_frequencies_and_keeps_the_mean():
    noise = torch.rand(1, 3, 64, 64, generator=generator()) * 255
    spectra = [torch.fft.rfft2(x).abs() for x in (noise, gaussian_blur(noise, ONE, 3))]
    ratio = (spectra[1] / spectra[0])[0]
    assert ratio[:, 24:40].median() < 0.1
    assert_close(ratio[:, 1:3, 1:3].median(), torch.tensor(1.0), atol=0.1, rtol=0)
    assert_close(ratio[:, 0, 0], torch.ones(3), atol=0.01, rtol=0)


def test_speckle_is_multiplicative_of_the_asked_variance_and_grey_stays_grey():
    flat = torch.full((2, 3, 200, 200), 100.0)
    flat[1] = 50
    noise = torch.randn(2, 1, 200, 200, generator=generator())
    done = multiply_speckle(flat, torch.tensor([0.1, 0.2]), noise)
    assert_close(done.var((-3, -2, -1)), torch.tensor([(0.1 * 100) ** 2, (0.2 * 50) ** 2]), rtol=0.02, atol=0)
    assert torch.equal(done[:, 0], done[:, 2])
    assert_close(done.mean(), torch.tensor(75.0), atol=0.2, rtol=0)


def test_the_mask_moves_with_its_image():
    """A bright disc, augmented in full: where it is bright is where the mask says it is."""
    ys, xs = np.mgrid[:96, :96]
    disc = torch.from_numpy((ys - 30) ** 2 + (xs - 60) ** 2 < 18**2)
    images = torch.where(disc, 200.0, 20.0).repeat(32, 3, 1, 1)
    masks = disc.byte().repeat(32, 1, 1, 1)
    done, moved = Augmentation(rotation=180.0)(images, masks, generator())
    seen = done.mean(1, keepdim=True) > done.amax((1, 2, 3), keepdim=True) / 2
    overlap = (seen & moved.bool()).sum((1, 2, 3)) / (seen | moved.bool()).sum((1, 2, 3))
    assert overlap.min() > 0.85
    assert (moved != masks).flatten(1).any(1).sum() > 28
    untouched = (seen & masks.bool()).sum((1, 2, 3)) / (seen | masks.bool()).sum((1, 2, 3))
    assert untouched.median() < 0.5


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_masks_stay_binary_and_images_in_range(name, dtype):
    images, masks = pictures(8)
    done, moved = AUGMENTATIONS[name](images, masks.to(dtype), generator())
    assert moved.dtype == dtype
    assert set(moved.unique().tolist()) == {0, 1}
    assert 0 <= done.min() < done.max() <= 255


def test_colour_blur_and_speckle_leave_the_mask_alone():
    images, masks = pictures(8)
    done, moved = replace(Augmentation(), flip=0.0, rotation=0.0, scale=(1.0, 1.0))(images, masks, generator())
    assert torch.equal(moved, masks)
    assert (done != images).flatten(1).any(1).all()


def test_everything_comes_from_the_generator_and_every_image_has_its_own():
    images, masks = (x[:1].repeat(6, 1, 1, 1) for x in pictures(1))
    state = torch.random.get_rng_state()
    first, again, other = (Augmentation()(images, masks, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    assert len({image.numpy().tobytes() for image in first[0]}) == 6


def test_what_becomes_of_an_image_does_not_depend_on_the_others():
    images, masks = pictures(4)
    others, their_masks = pictures(4, seed=9)
    others[2], their_masks[2] = images[2], masks[2]
    done, beside = Augmentation()(images, masks, generator()), Augmentation()(others, their_masks, generator())
    assert all(torch.equal(a[2], b[2]) for a, b in zip(done, beside, strict=True))


@pytest.mark.parametrize("name", [f for f in Augmentation.__dataclass_fields__ if f != "flip"])
def test_each_change_is_made_alone_within_its_strength(name):
    """One field at a time: the drawn factors span the range, by how far the image goes."""
    strength = getattr(Augmentation(), name)
    alone = replace(AUGMENTATIONS["none"], **{name: strength})
    images, masks = pictures(64)
    done, moved = alone(images, masks, generator())
    assert (done != images).flatten(1).any(1).float().mean() > 0.9
    assert torch.equal(moved, masks) == (name not in ("rotation", "scale"))
    if name == "brightness":
        factors = done.mean((1, 2, 3)) / images.float().mean((1, 2, 3))
        assert 0.78 < factors.min() < 0.85
        assert 1.13 < factors.max() < 1.21


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flip": 1.5}, "flip = 1.5 does not fit; choose 0 to 1"),
        ({"speckle": -0.1}, "speckle = -0.1"),
        ({"scale": (0.5,)}, r"scale = \(0.5,\) does not fit"),
        ({"rotation": 200.0}, "rotation = 200.0 does not fit; choose 0 to 180"),
        ({"scale": (1.2, 0.8)}, r"scale = \(1.2, 0.8\)"),
        ({"scale": (0.0, 1.0)}, "choose 0.1 <= smallest"),
        ({"blur": float("nan")}, "blur = nan does not fit; choose 0 to 10"),
    ],
)
def test_strengths_out_of_range_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        Augmentation(**options)
