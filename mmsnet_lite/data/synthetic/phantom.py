"""Phantoms: images whose frequency content is known exactly, for lessons and for tests of what measures spectra.

Frequencies are in cycles per image, whole numbers where a wave must fit the (periodic) image; angles are in degrees
from the x axis, counter-clockwise as the image is seen, 0 to below 180. All phantoms are float64 (size, size).
"""

import numpy as np

__all__ = ["grating", "power_law", "ring_noise", "wedge_noise", "zone_plate"]


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
    _check(size)
    if max(abs(right), abs(up)) > size / 2 or right != int(right) or up != int(up):
        raise ValueError(
            f"a wave of ({right}, {up}) cycles does not fit {size} pixels: whole numbers up to {size // 2}"
        )
    y, x = np.indices((size, size))
    return amplitude * np.cos(2 * np.pi * ((right * x - up * y) % size) / size + phase)


def zone_plate(size: int, highest: float = 0.5) -> np.ndarray:
    """Rings that narrow outwards: ``cos(2 pi highest r^2 / n)``, r the distance from the centre in pixels.

    The local frequency is ``2 highest r / n`` cycles per pixel along the radius: `highest` at the middle of each side.

    Args:
        size: n, side in pixels, 2 or more.
        highest: 0 to 0.5; beyond, the rings alias.

    Raises:
        ValueError: a frequency outside 0 to 0.5.
    """
    _check(size)
    if not 0 < highest <= 0.5:
        raise ValueError(f"highest = {highest} cycles per pixel: choose above 0 and at most 0.5")
    axis = np.arange(size) - size / 2
    return np.cos(2 * np.pi * highest * (axis**2 + axis[:, None] ** 2) / size)


def power_law(size: int, slope: float, seed: int = 0) -> np.ndarray:
    """Noise whose power is ``f^slope`` in every bin of its DFT but the mean's, up to one factor; standard deviation 1.

    Args:
        size: side in pixels, 2 or more.
        slope: exponent of power, -2 for amplitudes that fall as 1 / f, 0 for a flat spectrum.
        seed: of the phases, 0 or more.
    """
    _check(size)
    radius = _radius(size)
    radius[0, 0] = 1.0
    return _shaped(radius ** (slope / 2), seed)


def ring_noise(size: int, low: float, high: float, seed: int = 0) -> np.ndarray:
    """Noise of equal power in the bins ``low <= f < high`` cycles per image, and 0 in all others; standard deviation 1.

    Args:
        size: side in pixels, 2 or more.
        low, high: edges of the ring, 0 <= low < high.
        seed: of the phases, 0 or more.

    Raises:
        ValueError: a ring that holds no bin.
    """
    _check(size)
    return _shaped((_radius(size) >= low) & (_radius(size) < high), seed, f"a ring of {low} to {high} cycles")


def wedge_noise(size: int, low: float, high: float, seed: int = 0) -> np.ndarray:
    """Noise of equal power in the bins at angles ``low <= angle < high``, and 0 in all others; standard deviation 1.

    Args:
        size: side in pixels, 2 or more.
        low, high: edges of the wedge in degrees, 0 <= low < high <= 180; its stripes run across them.
        seed: of the phases, 0 or more.

    Raises:
        ValueError: a wedge that holds no bin.
    """
    _check(size)
    rows, columns = np.meshgrid(*[np.fft.fftfreq(size, 1 / size)] * 2, indexing="ij")
    angle = np.degrees(np.arctan2(-rows, columns)) % 180
    # bins at half of `size` stand for both signs: an angle and its mirror image
    both = (np.abs(rows) == size / 2) | (np.abs(columns) == size / 2)
    return _shaped((angle >= low) & (angle < high) & ~both, seed, f"a wedge of {low} to {high} degrees")


def _check(size: int) -> None:
    if size < 2:
        raise ValueError(f"size is {size}: a phantom has 2 or more pixels a side")


def _radius(size: int) -> np.ndarray:
    frequencies = np.fft.fftfreq(size, 1 / size)
    return np.hypot(frequencies[:, None], frequencies)


def _shaped(amplitude: np.ndarray, seed: int, what: str = "") -> np.ndarray:
    """Noise with this modulus of its DFT, up to a factor; white noise gives the phases, so that it is real."""
    amplitude = amplitude.astype(float)
    amplitude[0, 0] = 0.0
    if not amplitude.any():
        raise ValueError(f"{what} holds no frequency of {len(amplitude)} pixels: widen it")
    spectrum = np.fft.fft2(np.random.default_rng(seed).standard_normal(amplitude.shape))
    image = np.fft.ifft2(amplitude * spectrum / np.abs(spectrum)).real
    return image / image.std()
