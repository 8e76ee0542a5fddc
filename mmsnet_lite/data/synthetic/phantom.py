"""Phantoms: images whose frequency content is known exactly, for lessons and for tests of what measures spectra.

Frequencies are in cycles per image. All phantoms are float64 (size, size).
"""

import numpy as np


def grating(size: int, right: int, up: int = 0, amplitude: float = 1.0, phase: float = 0.0) -> np.ndarray:
    """A plane wave: ``a cos(2 pi (right x - up y) / n + phase)``, x to the right and y down, in pixels.

    Its DFT is ``a n^2 / 2 e^(+-i phase)`` in the two bins (row, column) = +-(-up, right), and 0 in all others; where
    the two are one bin (the mean, half of n), that holds their sum.

    Args:
        size: n, side in pixels, 2 or more.
        right, up: cycles per image along each axis; at most half of `size` in modulus.
        amplitude: a.
        phase: in radians, at the first pixel.

    Raises:
        ValueError: a wave that the pixels cannot hold.
    """
    if max(abs(right), abs(up)) > size / 2 or right != int(right) or up != int(up):
        raise ValueError(f"a wave of ({right}, {up}) cycles does not fit {size} pixels: whole numbers to {size // 2}")
    y, x = np.indices((size, size))
    return amplitude * np.cos(2 * np.pi * ((right * x - up * y) % size) / size + phase)


def power_law(size: int, slope: float, seed: int = 0) -> np.ndarray:
    """Noise whose power is ``f^slope`` in every bin of its DFT but the mean's, up to one factor; standard deviation 1.

    Args:
        size: side in pixels, 2 or more.
        slope: exponent of power, -2 for amplitudes that fall as 1 / f, 0 for a flat spectrum.
        seed: of the phases.
    """
    radius = _radius(size)
    radius[0, 0] = 1.0
    return _shaped(radius ** (slope / 2), seed)


def ring_noise(size: int, low: float, high: float, seed: int = 0) -> np.ndarray:
    """Noise of equal power in the bins ``low <= f < high`` cycles per image, and 0 in all others; standard deviation 1.

    Raises:
        ValueError: a ring that holds no bin.
    """
    radius = _radius(size)
    inside = (radius >= max(low, 1)) & (radius < high)
    if not inside.any():
        raise ValueError(f"a ring of {low} to {high} cycles holds no frequency of {size} pixels: widen it")
    return _shaped(inside, seed)


def _radius(size: int) -> np.ndarray:
    frequencies = np.fft.fftfreq(size, 1 / size)
    return np.hypot(frequencies[:, None], frequencies)


def _shaped(amplitude: np.ndarray, seed: int) -> np.ndarray:
    """Noise with this modulus of its DFT, up to a factor; white noise gives the phases, so that it is real."""
    amplitude = amplitude.astype(float)
    amplitude[0, 0] = 0.0
    spectrum = np.fft.fft2(np.random.default_rng(seed).standard_normal(amplitude.shape))
    image = np.fft.ifft2(amplitude * spectrum / np.abs(spectrum)).real
    return image / image.std()
