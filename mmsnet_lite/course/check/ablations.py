"""Exercise checks of lesson 07."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from mmsnet_lite.analysis import auroc
from mmsnet_lite.course.check.exercise import Mistake, exercise

SEEDS, COMPARISONS = 3, 20  # of exercise 1


@exercise(1, expects="a pair of numbers: (chance, expected number)")
def same_sign(answer: Sequence[float]) -> str:
    """Chance that all seeds agree by luck, and how many of twenty comparisons that makes."""
    chance, number = (float(each) for each in answer)
    right = 2 * 0.5**SEEDS
    known = {
        "that is the chance that all of them are above 0; luck can also put them all below.": right / 2,
        "the first difference may have either sign; how many others must then agree with it?": 0.5**SEEDS * 4,
        "that is the chance that they do NOT agree.": 1 - right,
        "5 % is what an interval promises; here it is coins that decide.": 0.05,
    }
    if not math.isclose(chance, right):
        near = (words for words, value in known.items() if math.isclose(chance, value))
        raise Mistake(f"the chance: {next(near, 'not yet. Think of three coins.')}")
    if not math.isclose(number, COMPARISONS * right):
        once = 1 - (1 - right) ** COMPARISONS
        words = "that is the chance of at least one" if math.isclose(number, once, abs_tol=1e-3) else "not yet"
        raise Mistake(f"the chance is right; the expected number among twenty: {words}.")
    return "With three seeds, that three agree is no evidence yet."


def _scores(generator: np.random.Generator, shift: float) -> dict[str, np.ndarray]:
    """Scores of a row: seeds differ, images differ more, and the modalities have unequal numbers of them."""
    return {
        name: shift * (i + 1) + generator.normal(0.6, 0.03, (3, 1)) + generator.normal(0, 0.1, (3, n))
        for i, (name, n) in enumerate({"a": 8, "b": 40}.items())
    }


@exercise(2, expects="a function of two dictionaries, by modality (seeds images), that returns (mean, spread)")
def paired(answer: Callable[[Mapping[str, np.ndarray], Mapping[str, np.ndarray]], Sequence[float]]) -> str:
    """Mean paired difference over modalities of equal weight, and its spread over seeds."""
    generator = np.random.default_rng(4)
    a, b = _scores(generator, 0.05), _scores(generator, 0.0)
    returned = answer({m: s.copy() for m, s in a.items()}, {m: s.copy() for m, s in b.items()})
    if returned is None:
        raise Mistake("the function returns None; does it end with return?")
    mean, spread = (float(each) for each in returned)
    by_seed = np.mean([(a[m] - b[m]).mean(1) for m in a], axis=0)
    alone = [np.mean([side[m].mean(1) for m in side], axis=0).std(ddof=1) for side in (a, b)]
    pooled = np.concatenate([a[m] - b[m] for m in a], axis=1)
    if not math.isclose(mean, by_seed.mean(), abs_tol=1e-6):
        known = {
            "the sign is turned round: the first minus the second.": -by_seed.mean(),
            "all images in one pot: a modality with more of them then counts more. Take means of modalities.": (
                pooled.mean()
            ),
        }
        near = (words for words, value in known.items() if math.isclose(mean, value, abs_tol=1e-6))
        raise Mistake(f"the mean: {next(near, 'not yet.')}")
    if not math.isclose(spread, by_seed.std(ddof=1), abs_tol=1e-6):
        wrong = {
            "over seeds the sample's deviation divides by their number less one.": by_seed.std(),
            "that is the spread of images; seeds are asked for.": pooled.std(ddof=1),
            "that is the error of the mean; the spread of the seeds themselves is asked for.": (
                by_seed.std(ddof=1) / math.sqrt(len(by_seed))
            ),
            "spreads of the two sides, combined: that is what pairing does away with. Subtract first.": (
                math.hypot(*alone)
            ),
        }
        near = (words for words, value in wrong.items() if math.isclose(spread, value, abs_tol=1e-6))
        raise Mistake(f"the mean is right; the spread: {next(near, 'not yet.')}")
    return "What both sides owe to a seed or an image has cancelled."


@exercise(3, expects="a function of a list of p-values that returns as many booleans")
def holm(answer: Callable[[list[float]], Sequence[Any]]) -> str:
    """Holm's step-down correction at 5 %."""

    def asked(p: list[float]) -> list[bool]:
        found = answer(list(p))
        if found is None or len(found) != len(p):
            raise Mistake(f"{len(p)} values of p were given, and not {len(p)} booleans returned.")
        return [bool(each) for each in found]

    p = [0.30, 0.001, 0.02, 0.045, 0.012]  # Holm finds two, Bonferroni one, Benjamini-Hochberg three, none at all four
    found = asked(p)
    known = {
        "no correction: each is compared with 0.05.": [each <= 0.05 for each in p],
        "that is Bonferroni's: after one success, only the others are still in question.": [
            each <= 0.05 / 5 for each in p
        ],
        "that is in ascending order of p; the booleans belong to the values as they were given.": [True] * 2
        + [False] * 3,
        "turned round: True is for a finding.": [each not in (0.001, 0.012) for each in p],
        "that is Benjamini and Hochberg's: it controls another rate, that of false ones among the findings.": [
            each <= 0.04 for each in p
        ],
    }
    right = [False, True, False, False, True]
    if found != right:
        raise Mistake(next((words for words, each in known.items() if found == each), "not yet."))
    if asked([0.03, 0.02, 0.024]) != [False] * 3:
        raise Mistake("it goes on after the first failure; whoever fails takes all larger p with it.")
    if asked([0.05]) != [True]:
        raise Mistake("equality passes, so a single test at p = 0.05 is a finding.")
    return "It never finds less than Bonferroni and keeps the same promise."


@exercise(4, expects="a function of a map (h w) and a boolean mask (h w) that returns a number")
def pointing(answer: Callable[[np.ndarray, np.ndarray], Any]) -> str:
    """AUROC of an activation map on a lesion's pixels, ties counted half."""
    generator = np.random.default_rng(8)
    mask = generator.random((12, 12)) < 0.2
    cam = np.maximum(np.round(generator.normal(0.8 * mask, 1.0), 1), 0)  # most pixels tie at 0, as after a ReLU
    right = auroc(torch.from_numpy(cam), torch.from_numpy(mask))
    returned = answer(cam.copy(), mask.copy())
    if returned is None:
        raise Mistake("the function returns None; does it end with return?")
    found = float(returned)
    inside, outside = cam[mask][:, None], cam[~mask][None]
    known = {
        "pairs that tie count as lost; a map of zeros would score 0, worse than chance.": (inside > outside).mean(),
        "pairs that tie count as won; a map of zeros would score 1.": (inside >= outside).mean(),
        "that is how often the map is higher OUTSIDE.": 1 - right,
        "that is the share of activation on the lesion; it grows with the lesion.": cam[mask].sum() / cam.sum(),
        "that is a difference of means; it depends on the map's units.": cam[mask].mean() - cam[~mask].mean(),
        "that asks where the single highest pixel lies.": float(mask.ravel()[cam.argmax()]),
    }
    if not math.isclose(found, right, abs_tol=1e-6):
        near = (words for words, value in known.items() if math.isclose(found, value, abs_tol=1e-6))
        raise Mistake(next(near, f"not yet: yours gives {found:.3f}."))
    return "It does not change when a map is stretched, so that maps of two networks compare."
