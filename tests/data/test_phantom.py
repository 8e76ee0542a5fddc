"""Phantoms hold exactly what they promise, by NumPy's FFT."""

import numpy as np
import pytest
import torch

from mmsnet_lite.data.synthetic import phantom
from mmsnet_lite.frequency.fourier import radial_power_spectrum, spectral_slope


def spectrum(image):
    return np.fft.fft2(image)


@pytest.mark.parametrize(("right", "up"), [(10, 0), (0, 7), (5, 12), (-3, 20), (17, -4)])
@pytest.mark.parametrize("size", [64, 75])
def test_a_grating_is_two_bins_and_nothing_else(right, up, size):
    f = spectrum(phantom.grating(size, right, up, amplitude=0.3, phase=0.7))
    expected = np.zeros((size, size), complex)
    expected[-up % size, right % size] = 0.15 * size**2 * np.exp(0.7j)
    expected[up % size, -right % size] = 0.15 * size**2 * np.exp(-0.7j)
    np.testing.assert_allclose(f, expected, atol=1e-9)


def test_an_upward_grating_rises_to_the_upper_right():
    image = phantom.grating(32, 2, 2)
    np.testing.assert_allclose(image[8, 8], image[9, 9])  # constant down the other diagonal
    assert abs(image[8, 8] - image[8, 12]) > 0.5


@pytest.mark.parametrize("slope", [-3.4, -2.0, 0.0])
def test_power_law_noise_has_the_slope_in_every_bin(slope):
    f = np.abs(spectrum(phantom.power_law(60, slope, seed=3))) ** 2
    axis = np.fft.fftfreq(60, 1 / 60)
    radius = np.hypot(axis[:, None], axis).ravel()[1:]
    flat = f.ravel()[1:] / radius**slope
    np.testing.assert_allclose(flat, flat[0], rtol=1e-8)
    assert abs(f[0, 0]) < 1e-12
    x = torch.from_numpy(phantom.power_law(256, slope, seed=3))[None, None]
    frequencies, power = radial_power_spectrum(x)
    assert spectral_slope(frequencies, power, 4 / 256, 0.5).item() == pytest.approx(slope, abs=0.02)


def test_ring_noise_lives_in_its_ring():
    f = np.abs(spectrum(phantom.ring_noise(64, 6, 9, seed=1)))
    axis = np.fft.fftfreq(64, 1 / 64)
    radius = np.hypot(axis[:, None], axis)
    inside = (radius >= 6) & (radius < 9)
    assert f[~inside].max() < 1e-10
    np.testing.assert_allclose(f[inside], f[inside][0])


def test_noise_is_real_standardised_and_seeded():
    for make in (
        lambda seed: phantom.power_law(48, -2, seed),
        lambda seed: phantom.ring_noise(48, 3, 9, seed),
    ):
        image = make(5)
        assert image.dtype == np.float64
        assert abs(image.mean()) < 1e-12
        assert image.std() == pytest.approx(1)
        assert np.array_equal(image, make(5))
        assert not np.allclose(image, make(6))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: phantom.grating(64, 33), r"a wave of \(33, 0\) cycles does not fit 64 pixels: whole numbers to 32"),
        (lambda: phantom.grating(64, 2.5), "whole numbers"),
        (lambda: phantom.ring_noise(64, 90, 99), "a ring of 90 to 99 cycles holds no frequency of 64 pixels"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
