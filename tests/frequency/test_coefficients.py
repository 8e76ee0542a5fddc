"""What the transforms share: bands as maps, and images padded until they fit."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mmsnet_lite.frequency import ContourletCoefficients, ContourletTransform, LaplacianPyramid, WaveletTransform

TRANSFORMS = [ContourletTransform((2, 3)), WaveletTransform(2), LaplacianPyramid(2)]


def image(h, w):
    return torch.randn(2, 3, h, w, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda t: type(t).__name__)
@pytest.mark.parametrize("size", [(30, 41), (1, 7), (16, 16)])
def test_pad_to_fit_is_undone_by_its_window_and_pads_no_more_than_needed(transform, size):
    x, unit = image(*size), transform.size_unit()
    padded, window = transform.pad_to_fit(x)
    assert_close(padded[window], x, atol=0, rtol=0)
    assert tuple(padded.shape[-2:]) == tuple(-(-side // unit) * unit for side in size)
    assert_close(transform.inverse(transform(padded))[window], x, atol=1e-11, rtol=0)


def test_convention_padding_mirrors_behind_the_last_sample():
    x = torch.arange(5.0).expand(1, 1, 8, 5)
    padded, _ = LaplacianPyramid(3).pad_to_fit(x)
    assert padded[0, 0, 0].tolist() == [0, 1, 2, 3, 4, 4, 3, 2]
    short, _ = LaplacianPyramid(3).pad_to_fit(x[..., :2])
    assert short[0, 0, 0].tolist() == [0, 1, 1, 0, 0, 1, 1, 0]


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda t: type(t).__name__)
def test_maps_are_the_bands_resized_coarse_to_fine(transform):
    coefficients = transform(image(32, 48))
    maps = transform.to_maps(coefficients, (20, 30))
    bands = [band.abs() for level in coefficients.bands for band in level]
    assert maps.shape == (2, 3, 1 + len(bands), 20, 30)
    assert_close(maps[:, :, 0], F.interpolate(coefficients.low / 4, size=(20, 30), mode="bilinear"))
    for k, band in enumerate(bands):
        assert_close(maps[:, :, 1 + k], F.interpolate(band, size=(20, 30), mode="bilinear"))


def test_convention_maps_of_a_constant_image_are_its_value_and_zero():
    maps = ContourletTransform().to_maps(ContourletTransform()(torch.full((1, 1, 64, 64), 0.3)), (64, 64))
    assert_close(maps[:, :, 0], torch.full((1, 1, 64, 64), 0.3))
    assert_close(maps[:, :, 1:], torch.zeros(1, 1, 28, 64, 64), atol=1e-5, rtol=0)


def test_convention_a_signed_band_averages_away_and_its_modulus_does_not():
    transform = ContourletTransform((2, 3, 4))
    coefficients = transform(image(64, 64))
    modulus, signed = (
        transform.to_maps(coefficients, (64, 64), modulus=m)[:, :, 1:].mean((-2, -1)).abs() for m in (True, False)
    )
    assert (modulus.mean(), signed.mean()) == (pytest.approx(0.8, abs=0.15), pytest.approx(0.05, abs=0.05))
    assert modulus.min() > 0.3


def test_maps_refuse_coefficients_that_do_not_belong():
    transform = ContourletTransform((2, 3))
    low, bands = transform(image(32, 32))
    with pytest.raises(ValueError, match=r"expected \[4, 8\] bands per level"):
        transform.to_maps(ContourletCoefficients(low, bands[::-1]), (8, 8))
    with pytest.raises(ValueError, match=r"\(b c h w\), got shape \(3, 8\)"):
        transform.pad_to_fit(torch.zeros(3, 8))
