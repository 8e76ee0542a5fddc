"""Noise with a chosen spectrum, and the few pixel operations that every painter needs.

Each random array has a fixed shape (`cells` by `cells`) and is resized to the canvas afterwards. So a generator is
advanced by the same amount at every size, and the same seed gives the same texture at every size.

Convention: planes first. While it is painted an image is (3, h, w) float32, RGB, 0 to 1, because NumPy is several times
    faster on whole planes than on triples; `finish` turns it into (h, w, 3) uint8.
"""

import functools

import cv2
import numpy as np

CANVAS = 256
"""Side length at which the finest textures are made; no image needs a larger canvas than this or its own size."""


def canvas_size(size: int) -> int:
    """Side length to paint at for an image of side `size`: twice that, for smooth edges, but not beyond `CANVAS`."""
    return max(size, min(2 * size, CANVAS))


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """Resizes a plane (h, h) of uint8 or float32 to (size, size): area average to shrink, cubic to grow."""
    if len(image) == size:
        return image
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if size < len(image) else cv2.INTER_CUBIC)


@functools.lru_cache(maxsize=16)
def _frequencies(cells: int) -> np.ndarray:
    """Radial frequency of each `rfft2` bin in cycles per image, (cells, cells // 2 + 1) float32; the mean's is 1."""
    rows = np.fft.fftfreq(cells, 1 / cells)[:, None]
    columns = np.fft.rfftfreq(cells, 1 / cells)[None, :]
    radius = np.hypot(rows, columns).astype(np.float32)
    radius[0, 0] = 1.0
    return radius


def _shaped(rng: np.random.Generator, size: int, amplitude: np.ndarray) -> np.ndarray:
    """Gaussian noise whose `rfft2` has the given amplitude, (size, size) float32 of mean 0 and variance about 1."""
    cells = amplitude.shape[0]
    parts = rng.standard_normal((2, *amplitude.shape), dtype=np.float32)
    spectrum = (parts[0] + 1j * parts[1]) * amplitude
    spectrum[0, 0] = 0.0
    noise = np.fft.irfft2(spectrum, s=(cells, cells)).astype(np.float32)
    return resize(noise / max(float(noise.std()), 1e-12), size)


def sloped_noise(rng: np.random.Generator, size: int, slope: float, cells: int = 64) -> np.ndarray:
    """Noise whose amplitude falls as f ** -slope: 0.5 is rough, 1 is cloudy, 2 and more is smooth.

    It is (size, size) float32 of mean 0, and of standard deviation 1 on the lattice of `cells` a side that it is made
    on, whose finest detail is `cells / 2` cycles per image. It tiles.
    """
    return _shaped(rng, size, _frequencies(cells) ** -np.float32(slope))


def grain(rng: np.random.Generator, size: int) -> np.ndarray:
    """White noise of the sensor, (size, size) float32, mean 0, standard deviation 1 at the side `CANVAS`."""
    return resize(rng.standard_normal((CANVAS, CANVAS), dtype=np.float32), size)


def band_noise(
    rng: np.random.Generator, size: int, frequency: float, bandwidth: float = 0.35, cells: int = CANVAS
) -> np.ndarray:
    """Noise around one frequency in cycles per image, blobs that are 1 / frequency wide; otherwise as `sloped_noise`.

    Amplitude: exp(-(log(f / frequency) / bandwidth) ** 2 / 2).
    """
    octave = np.log(_frequencies(cells) / np.float32(frequency)) / np.float32(bandwidth)
    return _shaped(rng, size, np.exp(-0.5 * octave * octave))


def smoothstep(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Rises smoothly from 0 at `low` to 1 at `high` (or falls, if low > high): 3 t^2 - 2 t^3, any shape, 0 to 1."""
    t = np.clip((values - low) * (1.0 / (high - low)), 0.0, 1.0)
    rise = 3.0 - 2.0 * t
    rise *= t
    rise *= t
    return rise


def blend(image: np.ndarray, colour: np.ndarray | tuple[float, float, float], alpha: np.ndarray) -> np.ndarray:
    """Lays a colour, or an image, over an image (3, h, w): image + alpha * (colour - image), with alpha (h, w)."""
    laid = planes(colour) - image
    laid *= alpha
    laid += image
    return laid


def planes(colour: np.ndarray | tuple[float, float, float]) -> np.ndarray:
    """A colour of three values as (3, 1, 1) float32, ready to be multiplied with planes; planes as they are."""
    colour = np.asarray(colour, dtype=np.float32)
    return colour.reshape(3, 1, 1) if colour.ndim == 1 else colour


def finish(image: np.ndarray, size: int) -> np.ndarray:
    """Reduces a painted canvas (3, h, h) float32 of 0 to 1 to (size, size, 3) uint8 of 0 to 255."""
    reduced = [resize(plane, size) for plane in np.clip(image, 0.0, 1.0)]
    return np.stack([np.clip(plane * 255.0 + 0.5, 0.0, 255.0).astype(np.uint8) for plane in reduced], axis=-1)
