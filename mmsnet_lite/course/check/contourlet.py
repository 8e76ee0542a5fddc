"""Exercise checks of lesson 02."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmsnet_lite.course.check.exercise import Mistake, compare, exercise, tensor
from mmsnet_lite.course.explore.contourlet import keep_largest as kept_by_course
from mmsnet_lite.course.explore.contourlet import picture
from mmsnet_lite.frequency import ContourletCoefficients, ContourletTransform

OFFERED = ((2, 3, 4), (4, 5, 6), (5, 6, 7), (2, 2, 2, 2, 2), (2, 2, 2, 2, 2, 2))  # exercise 3
HEIGHT, WIDTH = 224, 160


@exercise(1, expects="a number, the coefficients per pixel")
def redundancy(answer: float) -> str:
    """Coefficients of levels (3, 4) per pixel of a 256 x 256 image."""
    value, pixels = float(answer), 256**2
    shapes = ContourletTransform((3, 4)).band_shapes(256, 256)
    bands, low = sum(h * w for level in shapes.bands for h, w in level), shapes.low[0] * shapes.low[1]
    mistakes = {
        "the low band is missing: it is part of the transform, too.": bands / pixels,
        "that is the number of coefficients; divide it by the number of pixels.": bands + low,
        "a wavelet or a filter bank alone has as many samples as the image; the pyramid's details are full size.": 1,
        "that is the limit for many levels, or the count for three; here the pyramid has two.": (4 / 3, 1.328),
    }
    otherwise = "that is not the count. Which bands are there, of which sizes, and how many pixels has the image?"
    if value > 2:
        otherwise = "too many: splitting a detail into directions adds no samples, so count each detail once."
    compare(value, (bands + low) / pixels, mistakes, otherwise, rtol=3e-3)
    return "Directions are free; only the pyramid costs."


@exercise(2, expects="a pair (index of the band, angle of the edges in degrees)")
def strongest_band(answer: tuple[int, float]) -> str:
    """The strongest of eight directional bands of the hatched picture, and the angle of its edges."""
    index, angle = int(answer[0]), float(answer[1])
    transform = ContourletTransform((3,))
    bands = transform(picture("hatching", 128)).bands[0]
    best = max(range(len(bands)), key=lambda k: float(bands[k].square().sum()))
    peak = max(range(len(bands)), key=lambda k: float(bands[k].abs().max()))
    mistakes = {
        "that band holds the largest coefficient; energy is the sum of all squares.": peak,
        "bands count from 0; or did you take a neighbour of the strongest?": best + 1,
    }
    otherwise = f"band {index} is not the strongest; sum the squares of each band and take the largest sum."
    compare(index, best, mistakes, otherwise, rtol=0)

    def near(other: float) -> bool:
        return abs((angle - other + 90) % 180 - 90) <= 8

    frequency = transform.directions()[0][best]
    if not near(90 + frequency):
        words = "the angle is not. wedge_angles(3) has it, up to a right angle."
        if near(frequency):
            words = "the angle is that of the frequency vector. An edge runs across its frequency."
        elif near(90 - frequency):
            words = "the angle is mirrored: it counts from the right towards the image's top."
        raise Mistake(f"the index is right; {words}")
    return "The bright stroke holds the largest coefficient, and the faint stripes all around it the energy."


@exercise(3, expects="a list of tuples, some of those offered")
def levels_that_fit(answer: Sequence[tuple[int, ...]]) -> str:
    """Which level settings fit an image of 224 x 160."""
    chosen = {tuple(int(each) for each in levels) for levels in answer}
    if strange := chosen - set(OFFERED):
        raise Mistake(f"{min(strange)} was not offered.")
    units = {levels: ContourletTransform(levels).size_unit() for levels in OFFERED}
    fit = {levels for levels, unit in units.items() if not (HEIGHT % unit or WIDTH % unit)}
    if wrong := sorted(chosen - fit):
        levels, unit = wrong[0], 2 ** len(wrong[0])
        words = "though its pyramid does: at each pyramid level, 2^(l-1) must divide both sides."
        if HEIGHT % unit or WIDTH % unit:
            words = f"for its pyramid halves both sides {len(levels)} times."
        raise Mistake(f"{levels} does not fit, {words}")
    if chosen < fit:
        raise Mistake(f"all of yours fit, but not only they: {len(fit) - len(chosen)} missing.")
    return "ContourletTransform(levels).size_unit() gives the rule as one number."


@exercise(4, expects="a function of (bands, size) that returns a map of that size")
def prompt(answer: Callable[[Sequence[Tensor], tuple[int, int]], Tensor]) -> str:
    """One map that shows where a level's directional bands are strong."""
    bands, size = ContourletTransform((2, 3, 4))(picture("colonoscopy", 128)).bands[2], (96, 128)
    result = tensor(answer([band.clone() for band in bands], size))
    if tuple(result.shape[-2:]) != size:
        raise Mistake(f"asked for a map of {size}, got {tuple(result.shape[-2:])}; F.interpolate has size=.")
    if result.numel() != size[0] * size[1]:
        raise Mistake(f"one map is asked for, all bands merged; yours has shape {tuple(result.shape)}.")
    if not 0 < float(result.std()) < float("inf"):
        raise Mistake("the map is constant, or holds NaN or infinity; where are the bands?")
    signed = torch.stack([F.interpolate(band, size=size, mode="bilinear") for band in bands])
    modulus, *others = (
        torch.stack([F.interpolate(band.abs(), size=size, mode=mode) for band in bands])
        for mode in ("bilinear", "nearest", "nearest-exact")
    )
    scaled = (modulus / modulus.amax((-2, -1), keepdim=True)).sum(0)
    mistakes = {
        "the bands keep their sign, so that they cancel each other and average away.": signed.sum(0),
        "the modulus comes too late: neighbours of opposite sign cancelled in the resizing.": signed.abs().sum(0),
        "the modulus comes last, after the bands have cancelled each other.": signed.sum(0).abs(),
        "that is one band; merge all of them.": modulus[0],
        "each band was scaled by its own largest value: a weak direction counts as much as a strong one.": scaled,
    }

    def alike(other: Tensor) -> float:
        return float(torch.corrcoef(torch.stack([result.flatten(), other.flatten()]))[0, 1])

    for words, wrong in mistakes.items():
        if alike(wrong) > 0.999:
            raise Mistake(words)
    merged = [(m.sum(0), m.amax(0), m.square().sum(0), m.norm(dim=0)) for m in (modulus, *others)]
    if max(map(alike, sum(merged, ()))) < 0.96:
        raise Mistake("the map does not follow the bands. Does each count as it is? What happens to signs, and when?")
    return "Modulus first, then resize, then merge: what FEP does, with learned weights for the mean."


@exercise(5, expects="a function of (coefficients, k) that returns coefficients (low, bands)")
def keep_largest(answer: Callable[[ContourletCoefficients, int], ContourletCoefficients]) -> str:
    """Keep the k largest coefficients of all bands together."""
    given, count = ContourletTransform((2, 3))(picture("colonoscopy", 64)), 400
    low, original = given.low.clone(), _flat(given)
    result = ContourletCoefficients(*answer(given, count))
    if not (torch.equal(given.low, low) and torch.equal(_flat(given), original)):
        raise Mistake("your function writes into the coefficients that it was given; make new ones.")
    if not torch.equal(result.low, low):
        raise Mistake("the low band changed; it stays as it is and does not count.")
    if _shapes(result) != _shapes(given):
        raise Mistake("the bands changed their number, order or shapes; set coefficients to 0 and leave them in place.")
    found = _flat(result)
    mask = found != 0
    if not torch.equal(found[mask], original[mask]):
        raise Mistake("what is kept must keep its value, its sign too.")
    if torch.equal(mask, _flat(kept_by_course(given, count)) != 0):
        return "One threshold for all bands: an edge spends its coefficients where it needs them."
    left, everything = int(mask.sum()), torch.cat([original, low.flatten()]).abs()
    if left == int((original != 0).sum()):
        raise Mistake("nothing was set to 0.")
    if bool((original[mask] > 0).all()):
        raise Mistake("only positive coefficients are left; the largest modulus counts, and half are negative.")
    if left == int((original.abs() >= everything.topk(count).values[-1]).sum()):
        raise Mistake("the low band took part in the ranking; k counts the coefficients of the bands alone.")
    if left == count:
        raise Mistake(f"{count} are left, but not the largest of all bands together; is there one threshold for all?")
    near = abs(left - count) == 1
    words = "is the threshold itself kept, and only once?" if near else "k counts all bands together, not each band."
    raise Mistake(f"{left} coefficients are left instead of {count}: {words}")


def _flat(coefficients: ContourletCoefficients) -> Tensor:
    return torch.cat([band.flatten() for level in coefficients.bands for band in level])


def _shapes(coefficients: ContourletCoefficients) -> list[tuple[int, ...]]:
    return [tuple(band.shape) for level in coefficients.bands for band in level]
