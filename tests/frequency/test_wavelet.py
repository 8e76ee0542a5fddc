"""The wavelet transform against PyWavelets, and its interface."""

import sys

import pytest
import pywt
import torch
from torch.testing import assert_close

from mmsnet_lite.frequency import ContourletCoefficients, WaveletTransform

PYWT = {"9-7": "bior4.4", "haar": "haar", "db2": "db2", "sym5": "sym5", "bior2.2": "bior2.2", "coif1": "coif1"}


def image(h, w, *, dtype=torch.float64):
    return torch.randn(2, 3, h, w, generator=torch.Generator().manual_seed(0), dtype=dtype)


def flat(coefficients):
    return [coefficients.low, *(band for level in coefficients.bands for band in level)]


@pytest.mark.parametrize("wavelet", PYWT)
@pytest.mark.parametrize(("h", "w", "levels"), [(352, 352, 3), (96, 160, 2), (32, 48, 1), (8, 24, 3)])
@pytest.mark.filterwarnings("ignore:Level value of")
def test_convention_signs_phases_order_and_scale_are_those_of_pywavelets(wavelet, h, w, levels):
    x = image(h, w)[: 1 if h > 100 else 2]
    low, *bands = pywt.wavedec2(x.numpy(), PYWT[wavelet], mode="periodization", level=levels, axes=(-2, -1))
    expected = [torch.from_numpy(band) for band in (low, *(band for level in bands for band in level))]
    assert_close(flat(WaveletTransform(levels, wavelet)(x)), expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize("wavelet", PYWT)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-11), (torch.float32, 1e-5)])
@pytest.mark.parametrize(("h", "w", "levels"), [(64, 96, 3), (2, 4, 1), (8, 8, 3)])
def test_reconstructs(wavelet, dtype, tolerance, h, w, levels):
    x, transform = image(h, w, dtype=dtype), WaveletTransform(levels, wavelet)
    assert_close(transform.inverse(transform(x)), x, atol=tolerance, rtol=0)


@pytest.mark.parametrize("wavelet", PYWT)
def test_inverse_equals_pywavelets_for_changed_coefficients(wavelet):
    transform = WaveletTransform(2, wavelet)
    low, bands = transform(image(64, 96))
    bands = tuple(tuple(band * (j + k) for k, band in enumerate(level)) for j, level in enumerate(bands))
    arrays = [low.numpy(), *(tuple(band.numpy() for band in level) for level in bands)]
    expected = pywt.waverec2(arrays, PYWT[wavelet], mode="periodization", axes=(-2, -1))
    assert_close(transform.inverse(ContourletCoefficients(low, bands)), torch.from_numpy(expected), atol=1e-9, rtol=0)


@pytest.mark.parametrize("name", pywt.wavelist(kind="discrete"))
def test_every_discrete_wavelet_of_pywavelets_gives_its_bands(name):
    """One level of a random image longer than the filters; given by name and as an object."""
    x = image(2, 256)[:1, :1]
    low, bands = pywt.dwt2(x.numpy(), name, mode="periodization", axes=(-2, -1))
    coefficients = WaveletTransform(1, name)(x)
    assert_close(flat(coefficients), [torch.from_numpy(band) for band in (low, *bands)], atol=1e-9, rtol=0)
    assert_close(flat(WaveletTransform(1, pywt.Wavelet(name))(x)), flat(coefficients), atol=1e-12, rtol=0)


@pytest.mark.parametrize("wavelet", ["9-7", "haar"])
def test_convention_lh_holds_horizontal_edges_and_coarse_comes_first(wavelet):
    x = torch.zeros(1, 1, 64, 64, dtype=torch.float64)
    x[..., 21:50, :] = 1  # two horizontal edges
    low, bands = WaveletTransform(3, wavelet)(x)
    assert [band[0].shape[-1] for band in bands] == [8, 16, 32]
    for lh, hl, hh in bands:
        assert lh.abs().max() > 0.1
        assert max(hl.abs().max(), hh.abs().max()) < 1e-10


@pytest.mark.parametrize("wavelet", ["9-7", "haar"])
def test_convention_low_is_2_to_the_levels_times_the_mean(wavelet):
    coefficients = WaveletTransform(3, wavelet)(torch.full((1, 1, 32, 32), 0.5, dtype=torch.float64))
    assert_close(coefficients.low, torch.full_like(coefficients.low, 4.0), atol=1e-10, rtol=0)
    for band in flat(coefficients)[1:]:
        assert_close(band, torch.zeros_like(band), atol=1e-10, rtol=0)


def test_haar_is_orthonormal():
    x = image(32, 64)
    assert_close(sum(band.square().sum() for band in flat(WaveletTransform(3, "haar")(x))), x.square().sum())


def test_shapes_by_formula_and_no_sample_added():
    transform, x = WaveletTransform(3), image(48, 80)
    coefficients, shapes = transform(x), transform.band_shapes(48, 80)
    assert [tuple(band.shape[-2:]) for band in flat(coefficients)] == flat(shapes)
    assert sum(band.numel() for band in flat(coefficients)) == x.numel()


def test_gradients_and_no_state():
    transform, x = WaveletTransform(2, "9-7"), image(4, 8)[:1, :1].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: tuple(flat(transform(x))), x)
    assert torch.autograd.gradcheck(lambda x: transform.inverse(transform(x)), x)
    assert not transform.state_dict()


def test_refuses_bad_arguments():
    with pytest.raises(ValueError, match="unknown wavelet 'db99'; accepted: '9-7', 'haar'"):
        WaveletTransform(3, "db99")
    with pytest.raises(ValueError, match="levels must be 1 or more, an integer, got 0"):
        WaveletTransform(0)
    with pytest.raises(ValueError, match=r"32x36 is not divisible by 2\^levels = 8; nearest that fit: width 32 or 40"):
        WaveletTransform(3)(image(32, 36))
    transform = WaveletTransform(2)
    low, bands = transform(image(16, 16))
    with pytest.raises(ValueError, match=r"expected \[3, 3\] bands per level"):
        transform.inverse(ContourletCoefficients(low, bands[1:]))
    with pytest.raises(ValueError, match=r"bands\[0\]\[0\] has shape"):
        transform.inverse(ContourletCoefficients(low, bands[::-1]))


def test_needs_pywavelets_for_other_names_only(monkeypatch):
    monkeypatch.setitem(sys.modules, "pywt", None)
    assert WaveletTransform(1, "9-7").size_unit() == 2
    with pytest.raises(ValueError, match="'db2' is PyWavelets', which is not installed: pip install pywavelets"):
        WaveletTransform(1, "db2")
