"""Checks of lesson 01's exercises."""

import functools
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from mmsnet_lite.analysis import auroc, spearman
from mmsnet_lite.course.check.exercise import Mistake, compare, exercise, tensor
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
    mistakes = {
        "that bin is the period in pixels. Bin k counts how often the pattern fits into the whole width.": PERIOD,
        "that is the mirror image of the peak, in the second half. The first half was asked for.": WIDTH - cycles,
        "the bin is one too high: bins count from 0, and bin 0 is the mean.": cycles + 1,
    }
    compare(index, cycles, mistakes, "the bin is not right. How many whole periods fit into the width?", rtol=0)
    wrong = {
        "is in radians per pixel. One cycle is 2 pi radians.": 2 * math.pi / PERIOD,
        "is not in cycles per pixel. What part of a cycle is one pixel?": (cycles, PERIOD),
    }
    otherwise = "is not. Divide the cycles by the pixels they spread over."
    compare(frequency, 1 / PERIOD, wrong, otherwise, of="the bin is right; the frequency ", rtol=0.01)
    return "The width may change, and the bin with it; the cycles per pixel stay."


@exercise(2, expects="a function (image (h w), low, high) -> a share from 0 to 1")
def energy_share(answer: Callable[[Tensor, float, float], float]) -> str:
    """Judge the student's share of the variance in the ring low <= r < high."""
    generator = torch.Generator().manual_seed(5)
    for (h, w), low, high in (((32, 32), 0.0, 0.125), ((32, 32), 0.125, 0.25), ((24, 40), 0.1, 0.3)):
        image = 3 + torch.randn(h, w, generator=generator, dtype=torch.float64).cumsum(1) / 4
        power, radius = power_spectrum(image[None, None])[0, 0], radial_frequency(h, w)
        ring = (radius >= low) & (radius < high)
        raw = torch.fft.fft2(image).abs().square() / (h * w) ** 2
        amplitude, half, moved = power.sqrt(), power.clone(), torch.fft.fftshift(power)
        half[:, w // 2 + 1 :] = 0
        mistakes = {
            "the mean is still in: its bin holds more than all others together.": raw[ring].sum() / raw.sum(),
            "the mean is out of the ring but still in the total.": power[ring].sum() / raw.sum(),
            "that is the share of amplitude. Energy is the modulus squared.": amplitude[ring].sum() / amplitude.sum(),
            "that is an energy, not a share: nothing divides it by the energy of all rings.": power[ring].sum(),
            "mask and spectrum are in different orders: one of them is shifted.": moved[ring].sum() / power.sum(),
            "rfft2 leaves out half of the bins: most of its columns stand for two.": half[ring].sum() / half.sum(),
        }
        right = band_energies(image[None, None], (low, high)).item() / power.sum()
        mistakes |= {
            "that is in percent; a share of the whole is 1.": 100 * right,
            "image.var() divides by n - 1, the energies sum to image.var(correction=0).": right * (1 - 1 / (h * w)),
        }
        otherwise = f"for a ring from {low} to {high} cycles per pixel the share is off. Is the ring low <= r < high?"
        if h != w:
            otherwise = "right for square images; this one is 24 x 40. Each axis has its own fftfreq."
        compare(float(answer(image.clone(), low, high)), right, mistakes, otherwise)
    return "Any image, any ring: that is all the table below is made of, but for the window."


@exercise(3, expects="a pair (ring from 1 to 10, AUC from 0.5 to 1)")
def best_ring(answer: tuple[int, float]) -> str:
    """Judge which ring separates fundus from dermoscopy best, and how well."""
    ring, auc = answer
    modality = _table().column("modality")
    rows = np.isin(modality, ("fundus", "dermoscopy"))
    fundus = torch.from_numpy(modality[rows] == "fundus")
    area = np.array([auroc(tensor(_table().rings[rows, k]), fundus) for k in range(len(RINGS))])
    strength = np.maximum(area, 1 - area)
    best = int(strength.argmax()) + 1
    mistakes = {
        "another ring separates better, unless you count from 0: the rings are numbered from 1.": best - 1,
        "that ring has the largest AUC, but another separates better: what does an AUC of 0.1 mean?": area.argmax() + 1,
    }
    otherwise = "another ring separates better. Compare all ten, on the table's `rings`, all images."
    compare(ring, best, mistakes, otherwise, rtol=0)
    wrong = {"turn the comparison round, so that the AUC is above one half.": 1 - strength.max()}
    otherwise = "its AUC is not. Compare every fundus image with every dermoscopy image."
    compare(auc, strength.max(), wrong, otherwise, of="the ring is right; ", atol=0.01)
    return "A ring beyond 64 cycles per image: it may be the skin, or the camera and the JPEG. Section 6 asks."


def _alike(a: Tensor, b: Tensor) -> float:
    """Phase correlation of two images (h w), the largest modulus over all shifts: 1 for equal phases, else near 0."""
    product = torch.fft.fft2(a - a.mean()) * torch.fft.fft2(b - b.mean()).conj()
    return float(torch.fft.ifft2(product / product.abs().clamp(min=1e-12)).real.abs().max())


@exercise(4, expects="a function: image (h w) -> real image (h w)")
def phase_scramble(answer: Callable[[Tensor], Tensor]) -> str:
    """Judge a function that keeps the modulus of an image's DFT and draws its phases at random."""
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 47), indexing="ij")
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
            "the power spectrum has changed. Phases drawn freely do not pair up at k and -k, and `.real` drops what "
            "does not pair up. Which images have a DFT whose phases do?"
        )
    if max(_alike(image, result), _alike(image.flip(0, 1), result)) > 0.5:
        raise Mistake("the spectrum is right, but the picture is still there, moved or turned: draw new phases.")
    waves = torch.fft.fft2(result)
    if waves.imag.abs().max() < 1e-6 * waves.abs().max():
        raise Mistake("the spectrum is right, but all phases are 0 or pi: draw them from the whole circle.")
    if abs(result.mean().abs() - image.mean()) > 1e-3 * image.mean():
        raise Mistake("bin 0, the mean, does not keep its modulus; all others do. Its phase can only be 0 or pi.")
    return (
        "Every ring is unchanged, so a classifier of plain ring energies cannot notice; you do. Behind a window one "
        "may: the window mixes neighbouring waves, and then their phases count."
    )


@exercise(5, expects="a pair (pooled correlation, set of modalities)")
def pooled_or_within(answer: tuple[float, set[str]]) -> str:
    """Judge the pooled rank correlation of ring 3 with lesion area, and the modalities that share its sign."""
    pooled, agree = answer
    modality, area, rings = _table().column("modality"), tensor(_table().column("area")), tensor(_table().rings)
    names, right = set(modality.tolist()), spearman(area, rings[:, RING - 1])
    mistakes = {
        "that is the next ring: ring 3 is column 2.": spearman(area, rings[:, RING]),
        "that is the correlation of the values; use that of their ranks.": np.corrcoef(area, rings[:, RING - 1])[0, 1],
    }
    otherwise = "the pooled correlation is not right. Use all images at once, and the ranks of both columns."
    compare(pooled, right, mistakes, otherwise, atol=0.01)
    same = {name for name in names if spearman(area[modality == name], rings[modality == name, RING - 1]) * right > 0}
    agree = set(agree)
    if agree != same:
        words = "the set is not. Take the sign within each modality alone."
        if not agree <= names:
            words = f"the set should hold names among {', '.join(sorted(names))}."
        elif agree == names - same:
            words = "your set holds those that disagree with its sign."
        raise Mistake(f"the pooled correlation is right; {words}")
    return (
        "The pool mixes modalities that differ in both columns; its sign here is that of dermoscopy, nearly half of it."
    )
