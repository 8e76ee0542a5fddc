"""MixLite: four imaging modalities drawn by code, with exact masks and nothing to download.

MixLite stands in for the paper's mixed-modality sets where no archive is at hand: in tests, in the first notebooks
and in any check that must run offline. Each generator follows how its modality forms a picture (absorption, shading,
scattering, optics), and its figures are held against real images: how energy falls with frequency, where the lesion
lies and how much it covers (`benchmarks/mixlite.py`). It has no medical content, so a score on MixLite says that a
network and its training work, never that the network can read a medical image.

Every sample is a pure function of (modality, seed, index, size). All geometry is relative to the image, and every
random array has a fixed shape, so the same (modality, seed, index) is the same scene at any size.
"""

import numpy as np

from mmsnet_lite.errors import InputError

from . import colonoscopy, dermoscopy, fundus, ultrasound

_GENERATORS = {
    "fundus": fundus,
    "colonoscopy": colonoscopy,
    "ultrasound": ultrasound,
    "dermoscopy": dermoscopy,
}
MODALITIES = tuple(_GENERATORS)
"""The modalities; the position of a name is part of its samples' seed, so append and never reorder."""

VERSION = "mixlite@2"
"""Changes whenever a pixel changes: scores are comparable within one version only."""

SIZES = (32, 1024)
"""The smallest and the largest side length that `draw` accepts, in pixels."""

_GOLDEN = (5**0.5 - 1) / 2  # the steps of its multiples, modulo 1, fill the interval evenly


def draw(modality: str, seed: int, index: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws sample `index` of a modality's endless series.

    Args:
        modality: one of `MODALITIES`.
        seed: number of the series, 0 or more.
        index: number of the sample within the series, 0 or more.
        size: side length in pixels, within `SIZES`.

    Returns:
        The image, uint8 (h w 3) RGB, and its mask, bool (h w), true on the lesion (fundus: the optic disc), not empty.

    Convention: order. Samples do not depend on each other, nor on the order they are drawn in; the generator is
        `np.random.default_rng(np.random.SeedSequence([seed, modality number, index]))`.
    Convention: area. The lesion's size follows the golden-ratio sequence: (start + index * 0.618...) mod 1 is its
        quantile among real lesions, with a start of the series' own. So any run of a hundred samples has nearly the
        real quantiles, where independent draws would miss the widest law's by a third.

    Raises:
        InputError: for an unknown modality, a size outside `SIZES`, or a negative seed or index.
    """
    if modality not in _GENERATORS:
        raise InputError(f"unknown modality {modality!r}: MixLite draws {', '.join(MODALITIES)}")
    if not SIZES[0] <= size <= SIZES[1]:
        raise InputError(f"size is {size}: MixLite draws {SIZES[0]} to {SIZES[1]} pixels a side; draw that and resize")
    if seed < 0 or index < 0:
        raise InputError(f"seed is {seed} and index is {index}: both must be 0 or more")
    series = [seed, MODALITIES.index(modality)]
    start = np.random.default_rng(series).random()
    quantile = (start + index * _GOLDEN) % 1.0
    rng = np.random.default_rng(np.random.SeedSequence([*series, index]))
    generator = _GENERATORS[modality]
    return generator.draw(rng, size, generator.AREA.at(min(max(quantile, 1e-6), 1 - 1e-6)))
