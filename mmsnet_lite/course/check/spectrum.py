"""Checks of lesson 01's exercises."""

import functools
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from mmsnet_lite.course.check.exercise import Mistake, exercise
from mmsnet_lite.data.reference import RINGS, real_table
from mmsnet_lite.frequency.fourier import band_energies, power_spectrum, radial_frequency

WIDTH, PERIOD = 96, 16  # of exercise 1's grating, in pixels
RING = 3  # of exercise 5

_table = functools.cache(real_table)


@exercise(1, expects="a pair (bin, frequency in cycles per pixel)")
def grating_bin(answer: tuple[int, float]) -> str:
    """Judge the peak of a grating of period 16 on 96 pixels, in the first half of the DFT, and its frequency."""
    index, frequency = answer
    cycles = WIDTH // PERIOD
    if index == PERIOD:
        raise Mistake("that bin is the period in pixels. Bin k counts how often the pattern fits into the whole width.")
    if index == WIDTH - cycles:
        raise Mistake("that is the mirror image of the peak, in the second half. The first half was asked for.")
    if index == cycles + 1:
        raise Mistake("the bin is one too high: bins count from 0, and bin 0 is the mean.")
    if index != cycles:
        raise Mistake("the bin is not right. How many whole periods fit into the width?")
    if math.isclose(frequency, 2 * math.pi / PERIOD, rel_tol=0.01):
        raise Mistake("the bin is right; the frequency is in radians per pixel. One cycle is 2 pi radians.")
    if math.isclose(frequency, cycles) or math.isclose(frequency, PERIOD):
        raise Mistake("the bin is right; the frequency is not in cycles per pixel. What part of a cycle is one pixel?")
    if not math.isclose(frequency, 1 / PERIOD, rel_tol=0.01):
        raise Mistake("the bin is right; the frequency is not. Divide the cycles by the pixels they spread over.")
    return "The width may change, and the bin with it; the cycles per pixel stay."


def _share(power: Tensor, low: float, high: float, total: Tensor | float) -> float:
    radius = radial_frequency(*power.shape)
    return float(power[(radius >= low) & (radius < high)].sum() / total)


@exercise(2, expects="a function (image (h w), low, high) -> a share from 0 to 1")
def energy_share(answer: Callable[[Tensor, float, float], float]) -> str:
    """Judge the student's share of the variance in the ring low <= r < high."""
    generator = torch.Generator().manual_seed(5)
    for (h, w), low, high in (((32, 32), 0.0, 0.125), ((32, 32), 0.125, 0.25), ((24, 40), 0.1, 0.3)):
        image = 3 + torch.randn(h, w, generator=generator, dtype=torch.float64).cumsum(1) / 4
        given = float(answer(image.clone(), low, high))
        power = power_spectrum(image[None, None])[0, 0]
        with_mean = torch.fft.fft2(image).abs().square() / (h * w) ** 2
        amplitude, bins, half = power.sqrt(), torch.fft.fftshift(power), power.clone()
        half[:, w // 2 + 1 :] = 0
        wrong = {
            "the mean is still in: its bin holds more than all others together. Take it out, above and below.": _share(
                with_mean, low, high, with_mean.sum()
            ),
            "the mean is out of the ring but still in the total.": _share(power, low, high, with_mean.sum()),
            "that is the share of amplitude. Energy is the modulus squared.": _share(
                amplitude, low, high, amplitude.sum()
            ),
            "that is an energy, not a share: nothing divides it by the energy of all rings.": _share(
                power, low, high, 1.0
            ),
            "mask and spectrum are in different orders: one is shifted, the other is not.": _share(
                bins, low, high, power.sum()
            ),
            "rfft2 leaves out half of the bins: most columns of it stand for two. fft2 has them all.": _share(
                half, low, high, half.sum()
            ),
        }
        truth = (band_energies(image[None, None], (low, high)) / power.sum()).item()
        if math.isclose(given, truth, rel_tol=1e-4, abs_tol=1e-6):
            continue
        for message, value in wrong.items():
            if math.isclose(given, value, rel_tol=1e-4, abs_tol=1e-6):
                raise Mistake(message)
        if h != w:
            raise Mistake("right for square images; this one is 24 x 40. Each axis has its own fftfreq.")
        raise Mistake(
            f"for a ring from {low} to {high} cycles per pixel the share is off. Is the ring low <= r < high?"
        )
    return "Any image, any ring: that is all the table below is made of, but for the window."


def _separation(ring: int, first: str, second: str) -> float:
    """Probability that a random image of `first` has a larger share in the ring than one of `second` (ties half)."""
    share, modality = _table().rings[:, ring - 1], _table().column("modality")
    a, b = share[modality == first], np.sort(share[modality == second])
    return float((np.searchsorted(b, a, "left") + np.searchsorted(b, a, "right")).mean() / (2 * len(b)))


@exercise(3, expects="a pair (ring from 1 to 10, AUC from 0.5 to 1)")
def best_ring(answer: tuple[int, float]) -> str:
    """Judge which ring separates fundus from dermoscopy best, and how well."""
    ring, auc = answer
    truth = np.array([_separation(k, "fundus", "dermoscopy") for k in range(1, len(RINGS) + 1)])
    strength = np.maximum(truth, 1 - truth)
    best = int(strength.argmax()) + 1
    if ring == best - 1:
        raise Mistake("the rings are numbered from 1; yours seems to count from 0.")
    if ring == int(truth.argmax()) + 1:
        raise Mistake("that ring has the largest AUC, but another separates better: what does an AUC of 0.1 mean?")
    if ring != best:
        raise Mistake("another ring separates better. Compare all ten, on the table's `rings`, all images.")
    if abs(auc - (1 - strength[best - 1])) < 0.01:
        raise Mistake("the ring is right; turn the comparison round, so that the AUC is above one half.")
    if not abs(auc - strength[best - 1]) <= 0.01:
        raise Mistake("the ring is right; its AUC is not. Compare every fundus image with every dermoscopy image.")
    return "A ring beyond 64 cycles per image: it may be the skin, or the camera and the JPEG. Section 6 asks."


def _alike(a: Tensor, b: Tensor) -> float:
    """Phase correlation of two images (h w), the largest modulus over all shifts: 1 for equal phases, else near 0."""
    product = torch.fft.fft2(a - a.mean()) * torch.fft.fft2(b - b.mean()).conj()
    return float(torch.fft.ifft2(product / product.abs().clamp(min=1e-12)).real.abs().max())


@exercise(4, expects="a function: image (h w) -> real image (h w)")
def phase_scramble(answer: Callable[[Tensor], Tensor]) -> str:
    """Judge a function that keeps the modulus of an image's DFT and draws its phases at random."""
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 48), indexing="ij")
    image = 0.3 + 0.5 * ((rows - 0.2) ** 2 + columns**2 < 0.3).double() + 0.05 * rows.double()
    result = torch.as_tensor(answer(image.clone()))
    if result.is_complex():
        raise Mistake("the result is complex. A real image needs opposite phases at k and -k; then take `.real`.")
    if result.shape != image.shape:
        raise Mistake(f"the result is {tuple(result.shape)}, the image was {tuple(image.shape)}.")
    result = result.double()
    before, after = power_spectrum(image[None, None]), power_spectrum(result[None, None])
    if not torch.allclose(before, after, atol=1e-7 * float(before.max()), rtol=1e-3):
        if torch.allclose(image.flatten().sort().values, result.flatten().sort().values):
            raise Mistake("the pixels were shuffled: that keeps the histogram and whitens the spectrum.")
        raise Mistake(
            "the power spectrum has changed. Phases drawn freely do not pair up at k and -k, and `.real` then drops "
            "part of the power. Which images have a DFT whose phases do pair up?"
        )
    if max(_alike(image, result), _alike(image.flip(0, 1), result)) > 0.5:
        raise Mistake(
            "the spectrum is right, but the picture is still there, perhaps moved, turned or negative: draw new phases."
        )
    if float(torch.fft.fft2(result).imag.abs().max()) < 1e-6 * float(torch.fft.fft2(result).abs().max()):
        raise Mistake("the spectrum is right, but all phases are 0 or pi: draw them from the whole circle.")
    return "Every ring is unchanged, so a classifier of ring energies (without a window) cannot notice. You can."


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def _rank_correlation(ring: int, modality: str | None = None) -> float:
    table = _table()
    rows = np.full(len(table), True) if modality is None else table.column("modality") == modality
    return float(np.corrcoef(_ranks(table.column("area")[rows]), _ranks(table.rings[rows, ring - 1]))[0, 1])


@exercise(5, expects="a pair (pooled correlation, set of modalities)")
def pooled_or_within(answer: tuple[float, set[str]]) -> str:
    """Judge the pooled rank correlation of ring 3 with lesion area, and the modalities that share its sign."""
    pooled, agree = answer
    table = _table()
    names = set(table.column("modality").tolist())
    truth = _rank_correlation(RING)
    right = {name for name in names if _rank_correlation(RING, name) * truth > 0}
    if not abs(pooled - truth) <= 0.01:
        if abs(pooled - _rank_correlation(RING + 1)) < 0.01:
            raise Mistake("that is the next ring: ring 3 is column 2.")
        if abs(pooled - np.corrcoef(table.column("area"), table.rings[:, RING - 1])[0, 1]) < 0.01:
            raise Mistake("that is the correlation of the values; use that of their ranks.")
        raise Mistake("the pooled correlation is not right. Use all images at once, and the ranks of both columns.")
    agree = set(agree)
    if not agree <= names:
        raise Mistake(f"the pooled correlation is right; the set should hold names among {', '.join(sorted(names))}.")
    if agree == names - right:
        raise Mistake("the pooled correlation is right; your set holds those that disagree with its sign.")
    if agree != right:
        raise Mistake("the pooled correlation is right; the set is not. Take the sign within each modality alone.")
    return (
        "The pool mixes modalities that differ in both columns; its sign here is that of dermoscopy, nearly half of it."
    )
