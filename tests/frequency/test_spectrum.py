"""Rings of frequencies and power spectra against NumPy, Parseval and images whose spectrum is known."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from mmsnet_lite.frequency.fourier import (
    band_energies,
    band_mask,
    band_pass,
    power_spectrum,
    radial_frequency,
    radial_power_spectrum,
    spectral_slope,
)

EDGES = (0, 0.03, 0.1, 0.2, 0.35, 0.5, math.inf)
SHAPES = [(32, 32), (24, 50), (33, 47), (1, 9)]


def image(h, w, *, dtype=torch.float64, seed=0):
    return 0.5 + torch.randn(2, 3, h, w, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def grating(h, w, rows, columns, *, phase=0.0):
    """A cosine of so many cycles down and across the image."""
    i, j = torch.arange(h, dtype=torch.float64)[:, None], torch.arange(w, dtype=torch.float64)
    return torch.cos(2 * math.pi * (rows * i / h + columns * j / w) + phase)[None, None]


def numpy_power(x, hann):
    h, w = x.shape[-2:]
    v = np.ones((h, w))
    if hann:
        v = np.outer(*(np.sin(np.pi * np.arange(n) / n) ** 2 for n in (h, w)))
    centred = x - (v * x).sum((-2, -1), keepdims=True) / v.sum()
    return np.abs(np.fft.fft2(v * centred)) ** 2 / (h * w * (v**2).sum())


# --- rings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("h", "w"), SHAPES)
def test_convention_radius_is_in_cycles_per_pixel_and_unshifted(h, w):
    expected = np.hypot(np.fft.fftfreq(h)[:, None], np.fft.fftfreq(w)[None])
    assert_close(radial_frequency(h, w), torch.from_numpy(expected), atol=1e-15, rtol=0)
    assert radial_frequency(h, w)[0, 0] == 0


def test_convention_a_ring_holds_its_lower_edge_and_not_its_upper():
    for cycles, inside in ((7, 0), (8, 1), (15, 1), (16, 0)):
        assert band_mask(64, 64, 8 / 64, 16 / 64)[0, cycles] == inside
    assert band_mask(64, 64, 0, 0.1)[0, 0] == 1  # and the first ring holds the mean
    assert band_mask(64, 64, 0.5, math.inf)[32, 32] == 1


@pytest.mark.parametrize(("h", "w"), SHAPES)
@pytest.mark.parametrize("soft", [0.0, 0.02, 0.03])
def test_adjacent_rings_are_a_partition_of_unity(h, w, soft):
    masks = [band_mask(h, w, low, high, soft=soft) for low, high in zip(EDGES, EDGES[1:], strict=False)]
    assert_close(sum(masks), torch.ones(h, w, dtype=torch.float64), atol=1e-15, rtol=0)
    assert all(mask.min() >= 0 and mask.max() <= 1 for mask in masks)
    assert soft or all(set(mask.unique().tolist()) <= {0, 1} for mask in masks)


def test_soft_edge_is_a_raised_cosine_about_the_edge():
    row = band_mask(1, 400, 0.1, 0.3, soft=0.04)[0]
    for frequency, expected in ((0.08, 0), (0.09, 0.5 - 0.5**0.5 / 2), (0.1, 0.5), (0.12, 1), (0.28, 1), (0.3, 0.5)):
        assert row[round(400 * frequency)].item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("h", "w"), [(24, 50), (33, 47)])
def test_band_pass_equals_numpy_and_rings_add_up_to_the_image(h, w):
    x, mask = image(h, w), band_mask(h, w, 0.1, 0.3, soft=0.05)
    expected = np.fft.ifft2(np.fft.fft2(x.numpy()) * mask.numpy())
    assert np.abs(expected.imag).max() < 1e-14
    assert_close(band_pass(x, mask), torch.from_numpy(expected.real), atol=1e-13, rtol=0)
    rings = [band_pass(x, band_mask(h, w, low, high)) for low, high in zip(EDGES, EDGES[1:], strict=False)]
    assert_close(sum(rings), x, atol=1e-13, rtol=0)
    assert_close(rings[0].mean((-2, -1)), x.mean((-2, -1)))


# --- power -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("h", "w"), SHAPES[:3])
@pytest.mark.parametrize("hann", [False, True])
def test_power_and_energies_equal_numpy(h, w, hann):
    x = image(h, w)
    expected = numpy_power(x.numpy(), hann)
    assert_close(power_spectrum(x, hann=hann), torch.from_numpy(expected), atol=1e-15, rtol=1e-10)
    r = np.hypot(np.fft.fftfreq(h)[:, None], np.fft.fftfreq(w)[None])
    rings = [expected[..., (r >= low) & (r < high)].sum(-1) for low, high in zip(EDGES, EDGES[1:], strict=False)]
    assert_close(band_energies(x, EDGES, hann=hann), torch.from_numpy(np.stack(rings, -1)), atol=1e-14, rtol=1e-10)


@pytest.mark.parametrize(("h", "w"), SHAPES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_convention_parseval_all_rings_sum_to_the_variance_whatever_the_mean(h, w, dtype, tolerance):
    x = image(h, w, dtype=dtype)
    energies = band_energies(x + 3, EDGES)
    assert energies.dtype == dtype
    assert_close(energies.sum(-1), x.var((-2, -1), correction=0), atol=tolerance, rtol=tolerance)
    assert power_spectrum(x)[..., 0, 0].abs().max() < 1e-12


def test_convention_hann_sums_to_the_weighted_variance_and_takes_the_weighted_mean_out():
    x = image(20, 36)
    v = np.outer(*(np.sin(np.pi * np.arange(n) / n) ** 2 for n in (20, 36)))
    x0 = x.numpy() - (v * x.numpy()).sum((-2, -1), keepdims=True) / v.sum()
    expected = torch.from_numpy((v**2 * x0**2).sum((-2, -1)) / (v**2).sum())
    power = power_spectrum(x, hann=True)
    assert_close(power.sum((-2, -1)), expected)
    assert power[..., 0, 0].abs().max() < 1e-30


@pytest.mark.parametrize("hann", [False, True])
def test_convention_white_noise_has_its_variance_in_every_ring(hann):
    x = 3 * torch.randn(200, 1, 24, 40, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    frequencies, power = radial_power_spectrum(x, hann=hann)
    mean = power.mean(0)[0]
    kept = mean[2:] if hann else mean  # the window spreads the missing mean to the nearest frequencies
    assert_close(kept, torch.full_like(kept, 9.0), atol=0.9, rtol=0)
    slope = spectral_slope(frequencies, mean, 0.08)
    assert abs(slope.item()) < 0.06


@pytest.mark.parametrize("cycles", [(0, 5), (9, 0), (3, 4), (6, -8)])
def test_a_sinusoid_lands_in_its_ring(cycles):
    x, radius = grating(64, 64, *cycles), math.hypot(*cycles) / 64
    energies = band_energies(x, (0, radius - 0.005, radius + 0.005, math.inf))[0, 0]
    assert_close(energies, torch.tensor([0.0, 0.5, 0.0], dtype=torch.float64), atol=1e-12, rtol=0)
    frequencies, power = radial_power_spectrum(x)
    assert abs(frequencies[power[0, 0].argmax()].item() - radius) < 0.5 / 64


def test_convention_cycles_per_pixel_also_where_the_image_is_no_square():
    for x in (grating(40, 120, 8, 0), grating(40, 120, 0, 24)):  # both 0.2 cycles per pixel
        assert_close(band_energies(x, (0.19, 0.21))[0, 0, 0].item(), 0.5)


def test_the_window_takes_the_cross_of_a_ramp_away():
    ramp = torch.linspace(0, 1, 64, dtype=torch.float64).expand(1, 1, 64, 64)
    fine = [band_energies(ramp, (0, 0.1, math.inf), hann=hann)[0, 0] for hann in (False, True)]
    plain, hann = ((energies[1] / energies.sum()).item() for energies in fine)
    assert plain > 0.05
    assert hann < 1e-4


@pytest.mark.parametrize(("h", "w"), [(32, 32), (33, 47), (8, 100), (2, 2)])
def test_convention_radial_rings_and_their_frequencies(h, w):
    n = max(h, w)
    frequencies, power = radial_power_spectrum(image(h, w))
    edges = np.linspace(0.5 / n, 0.5 + 0.5 / n, n // 2 + 1)
    r, p = np.hypot(np.fft.fftfreq(h)[:, None], np.fft.fftfreq(w)[None]), numpy_power(image(h, w).numpy(), False)
    for i, (low, high) in enumerate(zip(edges, edges[1:], strict=False)):
        inside = (r >= low) & (r < high)
        assert frequencies[i].item() == pytest.approx(r[inside].mean())
        assert_close(power[..., i], torch.from_numpy(h * w * p[..., inside].mean(-1)))


# --- slope -----------------------------------------------------------------------------------------------------------


def test_slope_of_a_power_law_is_exact_and_batched():
    f = torch.linspace(0.01, 0.5, 40, dtype=torch.float64)
    power = torch.stack([3 * f**-2, f**-1.5, torch.full_like(f, 7)])
    assert_close(spectral_slope(f, power), torch.tensor([-2, -1.5, 0], dtype=torch.float64), atol=1e-12, rtol=0)


@pytest.mark.parametrize("falloff", [0.5, 1.0, 1.5])
def test_convention_slope_of_power_is_twice_that_of_amplitude(falloff):
    noise, r = image(128, 128), radial_frequency(128, 128)
    r[0, 0] = 1
    frequencies, power = radial_power_spectrum(band_pass(noise, r**-falloff))
    assert_close(spectral_slope(frequencies, power, 0.03).mean().item(), -2 * falloff, atol=0.08, rtol=0)


def test_convention_every_octave_counts_the_same():
    """Flat below 1/16 and f^-2 above, over one octave each: an unweighted fit would lean to the steep octave."""
    f = torch.arange(32, 128, dtype=torch.float64) / 1024
    power = torch.where(f < 1 / 16, torch.ones_like(f), (16 * f) ** -2)
    x, y = np.log(f.numpy()), np.log(power.numpy())
    expected = np.polyfit(x, y, 1, w=np.sqrt(1 / f.numpy()))[0]
    assert spectral_slope(f, power, 1 / 32, 1 / 8).item() == pytest.approx(expected, abs=1e-10)
    assert abs(np.polyfit(x, y, 1)[0] - expected) > 0.05


def test_half_precision_is_taken_as_float32():
    x = image(8, 12, dtype=torch.float32).half()
    assert_close(power_spectrum(x), power_spectrum(x.float()), atol=0, rtol=0)
    assert band_pass(x, band_mask(8, 12, 0, 0.2)).dtype == torch.float32


def test_gradients():
    x = image(5, 6)[:1, :1].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: band_energies(x, EDGES, hann=True), x)
    assert torch.autograd.gradcheck(lambda x: band_pass(x, band_mask(5, 6, 0.1, 0.4)), x)
    assert torch.autograd.gradcheck(lambda x: spectral_slope(*radial_power_spectrum(x)), x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: radial_frequency(0, 4), "got 0x4"),
        (lambda: band_mask(8, 8, 0.3, 0.3), "0 <= low < high"),
        (lambda: band_mask(8, 8, -0.1, 0.3), "0 <= low < high"),
        (lambda: band_mask(8, 8, 0.1, 0.2, soft=0.2), "soft edges must be 0 to"),
        (lambda: band_pass(image(8, 8), band_mask(8, 9, 0, 1)), r"\(8, 9\) and the images \(8, 8\)"),
        (lambda: band_pass(torch.zeros(8, 8), band_mask(8, 8, 0, 1)), r"\(b c h w\)"),
        (lambda: power_spectrum(torch.zeros(1, 1, 8, 8, dtype=torch.int64)), "got torch.int64"),
        (lambda: power_spectrum(image(1, 9), hann=True), "got 1x9"),
        (lambda: band_energies(image(8, 8), (0.1,)), "two or more rising"),
        (lambda: band_energies(image(8, 8), (0.2, 0.1)), "two or more rising"),
        (lambda: band_energies(image(8, 8), (-0.2, 0.1)), "two or more rising"),
        (lambda: spectral_slope(torch.tensor([0.1, 0.2]), torch.ones(2), 0.15), "needs two"),
    ],
)
def test_refuses_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
