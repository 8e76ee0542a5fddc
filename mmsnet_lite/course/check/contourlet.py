"""Exercise checks of lesson 02."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mmsnet_lite.course.check.exercise import Mistake, exercise
from mmsnet_lite.course.explore.contourlet import keep_largest as kept_by_course
from mmsnet_lite.course.explore.contourlet import picture
from mmsnet_lite.frequency import ContourletCoefficients, ContourletTransform

OFFERED = ((2, 3, 4), (4, 5, 6), (5, 6, 7), (2, 2, 2, 2, 2), (2, 2, 2, 2, 2, 2))  # exercise 3
HEIGHT, WIDTH = 224, 160


def _count(levels: tuple[int, ...], side: int, low: bool = True) -> int:
    """Samples of all bands of a square image, from the package."""
    shapes = ContourletTransform(levels).band_shapes(side, side)
    bands = sum(h * w for level in shapes.bands for h, w in level)
    return bands + low * shapes.low[0] * shapes.low[1]


def _returned(result: Any) -> Any:
    if result is None:
        raise Mistake("the function returns None; does it end with return?")
    return result


@exercise(1, expects="a number, the coefficients per pixel")
def redundancy(answer: float) -> str:
    """Coefficients of levels (3, 4) per pixel of a 256 x 256 image."""
    value, pixels = float(answer), 256**2
    true = _count((3, 4), 256) / pixels
    mistakes = {
        "the low band is missing: it is part of the transform, too.": _count((3, 4), 256, low=False) / pixels,
        "that is the number of coefficients; divide it by the number of pixels.": true * pixels,
        "a wavelet or a filter bank alone has as many samples as the image; the pyramid's details are full size.": 1.0,
    }
    for words, wrong in mistakes.items():
        if abs(value - wrong) < 1e-3 * wrong:
            raise Mistake(words)
    if abs(value - true) < 3e-3:
        return "Directions are free; only the pyramid costs."
    if abs(value - 4 / 3) < 6e-3:  # the count for three levels is 1.328
        raise Mistake("that is the limit for many levels, or the count for three; here the pyramid has two.")
    if value > 2:
        raise Mistake("too many: splitting a detail into directions adds no samples, so count each detail once.")
    raise Mistake("that is not the count. Which bands are there, of which sizes, and how many pixels has the image?")


@exercise(2, expects="a pair (index of the band, angle of the edges in degrees)")
def strongest_band(answer: tuple[int, float]) -> str:
    """The strongest of eight directional bands of the hatched picture, and the angle of its edges."""
    index, angle = int(answer[0]), float(answer[1]) % 180
    transform = ContourletTransform((3,))
    bands = transform(picture("hatching", 128)).bands[0]
    best = max(range(len(bands)), key=lambda k: float(bands[k].square().sum()))
    peak = max(range(len(bands)), key=lambda k: float(bands[k].abs().max()))
    if index != best:
        if index == peak:
            raise Mistake("that band holds the largest coefficient; energy is the sum of all squares.")
        if index == best + 1:
            raise Mistake("bands count from 0; or did you take a neighbour of the strongest?")
        raise Mistake(f"band {index} is not the strongest; sum the squares of each band and take the largest sum.")
    frequency = transform.directions()[0][best]
    if _apart(angle, frequency) < 8:
        raise Mistake(
            "the index is right; the angle is that of the frequency vector. An edge runs across its frequency."
        )
    if _apart(angle, 90 - frequency) < 8:
        raise Mistake("the index is right; the angle is mirrored: it counts from the right towards the image's top.")
    if not _apart(angle, 90 + frequency) <= 8:
        raise Mistake("the index is right; the angle is not. wedge_angles(3) has it, up to a right angle.")
    return "The bright stroke holds the largest coefficient, and the faint stripes all around it the energy."


def _apart(a: float, b: float) -> float:
    """Degrees between two directions, 0..90."""
    return abs((a - b + 90) % 180 - 90)


@exercise(3, expects="a list of tuples, some of those offered")
def levels_that_fit(answer: Sequence[tuple[int, ...]]) -> str:
    """Which level settings fit an image of 224 x 160."""
    chosen = {tuple(int(each) for each in levels) for levels in answer}
    if strange := chosen - set(OFFERED):
        raise Mistake(f"{min(strange)} was not offered.")
    fit = {levels for levels in OFFERED if _fits(levels)}
    if wrong := sorted(chosen - fit):
        levels, unit = wrong[0], 2 ** len(wrong[0])
        if HEIGHT % unit or WIDTH % unit:
            raise Mistake(f"{levels} does not fit: its pyramid halves both sides {len(levels)} times.")
        raise Mistake(
            f"{levels} does not fit, though its pyramid does: at each pyramid level, 2^(l-1) must divide both sides."
        )
    if chosen < fit:
        raise Mistake(f"all of yours fit, but not only they: {len(fit) - len(chosen)} missing.")
    return "ContourletTransform(levels).size_unit() gives the rule as one number."


def _fits(levels: tuple[int, ...]) -> bool:
    try:
        ContourletTransform(levels).band_shapes(HEIGHT, WIDTH)
    except ValueError:
        return False
    return True


@exercise(4, expects="a function of (bands, size) that returns a map of that size")
def prompt(answer: Callable[[Sequence[Tensor], tuple[int, int]], Tensor]) -> str:
    """One map that shows where a level's directional bands are strong."""
    bands, size = ContourletTransform((2, 3, 4))(picture("colonoscopy", 128)).bands[2], (128, 128)
    result = torch.as_tensor(_returned(answer([band.clone() for band in bands], size))).detach().double()
    if tuple(result.shape[-2:]) != size:
        raise Mistake(f"asked for a map of {size}, got {tuple(result.shape[-2:])}; F.interpolate has size=.")
    if result.numel() != size[0] * size[1]:
        raise Mistake(f"one map is asked for, all bands merged; yours has shape {tuple(result.shape)}.")
    if not result.isfinite().all():
        raise Mistake("the map holds NaN or infinity.")
    if float(result.std()) == 0:
        raise Mistake("the map is constant; where are the bands?")
    signed = torch.stack([_resize(band, size) for band in bands])
    modulus = torch.stack([_resize(band.abs(), size) for band in bands])
    mistakes = {
        "the bands keep their sign, so that they cancel each other and average away.": signed.sum(0),
        "the modulus comes too late: signed bands had averaged away when they were resized.": signed.abs().sum(0),
        "the modulus comes last, after the bands have cancelled each other.": signed.sum(0).abs(),
        "the wide bands are in it and the tall ones are not.": modulus[: len(bands) // 2].sum(0),
        "the tall bands are in it and the wide ones are not.": modulus[len(bands) // 2 :].sum(0),
        "that is one band; merge all of them.": modulus[0],
    }
    for words, wrong in mistakes.items():
        if _correlation(result, wrong) > 0.999:
            raise Mistake(words)
    right = modulus.sum(0), modulus.amax(0), modulus.square().sum(0), modulus.square().sum(0).sqrt()
    if not max(_correlation(result, each) for each in right) >= 0.955:
        raise Mistake("the map does not follow the bands. What happens to their signs, and when?")
    return "Modulus first, then resize, then merge: what FEP does, with learned weights for the mean."


def _resize(band: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(band, size=size, mode="bilinear")


def _correlation(a: Tensor, b: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


@exercise(5, expects="a function of (coefficients, k) that returns coefficients (low, bands)")
def keep_largest(answer: Callable[[ContourletCoefficients, int], ContourletCoefficients]) -> str:
    """Keep the k largest coefficients of all bands together."""
    given, count = ContourletTransform((2, 3))(picture("colonoscopy", 64)), 400
    before = _flat(given)
    result = _returned(answer(given, count))
    low, bands = torch.as_tensor(result[0]), [band for level in result[1] for band in level]
    if not torch.equal(_flat(given), before):
        raise Mistake("your function writes into the coefficients that it was given; make new ones.")
    if low.shape != given.low.shape or not torch.equal(low, given.low):
        raise Mistake("the low band changed; it stays as it is and does not count.")
    expected = [band for level in given.bands for band in level]
    if [tuple(band.shape) for band in bands] != [tuple(band.shape) for band in expected]:
        raise Mistake("the bands changed their number, order or shapes; set coefficients to 0 and leave them in place.")
    found = torch.cat([band.flatten() for band in bands])
    original, mask = torch.cat([band.flatten() for band in expected]), found != 0
    if not torch.equal(found[mask], original[mask]):
        raise Mistake("what is kept must keep its value, its sign too.")
    truth = kept_by_course(given, count)
    wanted = torch.cat([band.flatten() for level in truth.bands for band in level]) != 0
    if torch.equal(mask, wanted):
        return "One threshold for all bands: an edge spends its coefficients where it needs them."
    if int(mask.sum()) == int((original != 0).sum()):
        raise Mistake("nothing was set to 0.")
    if bool((original[mask] > 0).all()):
        raise Mistake(
            "only positive coefficients are left; the largest modulus counts, and half of those are negative."
        )
    left, everything = int(mask.sum()), torch.cat([original.abs(), low.abs().flatten()])
    if left == int((original.abs() >= everything.topk(count).values[-1]).sum()):
        raise Mistake("the low band took part in the ranking; k counts the coefficients of the bands alone.")
    if abs(left - count) == 1:
        raise Mistake(f"{left} coefficients are left instead of {count}: is the threshold itself kept, and only once?")
    if left != count:
        raise Mistake(f"{left} coefficients are left instead of {count}; k counts all bands together, not each band.")
    raise Mistake(f"{count} are left, but not the largest of all bands together; is there one threshold for all?")


def _flat(coefficients: ContourletCoefficients) -> Tensor:
    return torch.cat([coefficients.low.flatten(), *(b.flatten() for level in coefficients.bands for b in level)])
