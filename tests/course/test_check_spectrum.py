"""Each check of lesson 01 accepts what is right and names what is wrong."""

import math

import numpy as np
import torch
from verdicts import verdict_tests

from mmsnet_lite.course.check import spectrum as check
from mmsnet_lite.data.reference import real_table


def share(
    image, low, high, *, mean=False, total_mean=False, power=2, shift=False, norm=True, closed=False, swap=False,
    half=False,
):  # fmt: skip
    """Exercise 2, with every mistake as a switch."""
    h, w = image.shape
    f_y, f_x = torch.fft.fftfreq(h, dtype=torch.float64), torch.fft.fftfreq(w, dtype=torch.float64)
    if swap:  # cycles per image, divided by the height on both axes
        f_x = f_x * w / h
    r = torch.hypot(f_y[:, None], f_x)
    spectrum = torch.fft.fft2(image).abs() ** power / (h * w) ** power
    energy = spectrum.clone()
    if not mean:
        energy[0, 0] = 0
    if half:  # as rfft2
        energy[:, w // 2 + 1 :] = 0
    total = spectrum.sum() if mean or total_mean else energy.sum()
    if shift:
        energy = torch.fft.fftshift(energy)
    ring = (r >= low) & ((r <= high) if closed else (r < high))
    return energy[ring].sum() / (total if norm else 1)


def scramble(image, *, real=True, free=False, pixels=False, roll=False):
    """Exercise 4, with every mistake as a switch."""
    generator = torch.Generator().manual_seed(0)
    if pixels:
        return image.flatten()[torch.randperm(image.numel(), generator=generator)].view_as(image)
    if roll:
        return image.roll((5, 9), (0, 1))
    phase = torch.fft.fft2(torch.randn(image.shape, generator=generator, dtype=image.dtype)).angle()
    if free:
        phase = 2 * math.pi * torch.rand(image.shape, generator=generator, dtype=image.dtype)
    result = torch.fft.ifft2(torch.fft.fft2(image).abs() * torch.exp(1j * phase))
    return result.real if real else result


TABLE = real_table()
AUC = (
    (TABLE.rings[TABLE.column("modality") == "fundus"][:, None] > TABLE.rings[TABLE.column("modality") == "dermoscopy"])
    .mean((0, 1))
    .tolist()
)
RANKS = [np.argsort(np.argsort(column)) for column in (TABLE.column("area"), *TABLE.rings.T)]
POOLED = [np.corrcoef(RANKS[0], ranks)[0, 1] for ranks in RANKS[1:]]

SOLVED = {
    "grating_bin": [(6, 0.0625), (torch.tensor(6), np.float32(0.0625))],
    "energy_share": [share, lambda image, low, high: share(image, low, high).item()],
    "best_ring": [(10, 1 - AUC[9]), (np.int64(10), round(1 - AUC[9], 2))],
    "phase_scramble": [
        scramble,
        lambda image: scramble(image).float(),
        lambda image: -scramble(image),
        lambda image: scramble(image).numpy(),
    ],
    "pooled_or_within": [(POOLED[2], {"dermoscopy"}), (round(POOLED[2], 2), ["dermoscopy"])],
}
WRONG = {
    "grating_bin": [
        ((16, 0.0625), "the period in pixels"),
        ((90, 0.0625), "mirror image"),
        ((7, 0.0625), "count from 0"),
        ((5, 0.0625), "How many whole periods"),
        ((6, 2 * math.pi / 16), "radians"),
        ((6, 6.0), "not in cycles per pixel"),
        ((6, 0.1), "Divide the cycles"),
        (6, "should be a pair"),
    ],
    "energy_share": [
        (lambda *a: share(*a, mean=True), "the mean is still in"),
        (lambda *a: share(*a, total_mean=True), "still in the total"),
        (lambda *a: share(*a, power=1), "share of amplitude"),
        (lambda *a: share(*a, norm=False), "not a share"),
        (lambda *a: share(*a, shift=True), "different orders"),
        (lambda *a: share(*a, half=True), "rfft2 leaves out"),
        (lambda *a: share(*a, closed=True), "Is the ring low <= r < high"),
        (lambda *a: 100 * share(*a), "in percent"),
        (lambda image, *a: share(image, *a) * image.var(correction=0) / image.var(), "divides by n - 1"),
        (lambda *a: share(*a, swap=True), "Each axis has its own fftfreq"),
        (0.5, "should be a function"),
    ],
    "best_ring": [
        ((9, 0.8), "count from 0"),
        ((4, 0.62), "largest AUC, but another separates better"),
        ((7, 0.54), "another ring separates better. Compare"),
        ((10, AUC[9]), "turn the comparison round"),
        ((10, 0.9), "its AUC is not"),
        ((10, float("nan")), "NaN"),
    ],
    "phase_scramble": [
        (lambda image: scramble(image, real=False, free=True), "is complex"),
        (lambda image: scramble(image, free=True), "do not pair up"),
        (lambda image: scramble(image - image.mean()), "bin 0"),
        (lambda image: scramble(image) + 0.2, "bin 0"),
        (lambda image: scramble(image, pixels=True), "pixels were shuffled"),
        (lambda image: scramble(image, roll=True), "picture is still there"),
        (lambda image: image.flip(0, 1), "picture is still there"),
        (lambda image: 1 - image, "picture is still there"),
        (lambda image: torch.fft.ifft2(torch.fft.fft2(image).abs()).real, "all phases are 0 or pi"),
        (lambda image: torch.fft.irfft2(torch.fft.rfft2(scramble(image))), "the image was"),  # its width is odd
    ],
    "pooled_or_within": [
        ((POOLED[3], {"dermoscopy"}), "the next ring"),
        ((np.corrcoef(TABLE.column("area"), TABLE.rings[:, 2])[0, 1], {"dermoscopy"}), "that of their ranks"),
        ((0.9, {"dermoscopy"}), "pooled correlation is not right"),
        ((POOLED[2], {"fundus", "colonoscopy", "ultrasound"}), "those that disagree"),
        ((POOLED[2], {"dermoscopy", "fundus"}), "the set is not"),
        ((POOLED[2], {"derm"}), "names among"),
    ],
}


test_right_answers_are_accepted, test_wrong_answers_are_named, test_empty_stubs_are_excused = verdict_tests(
    check, SOLVED, WRONG
)
