"""Exercise checks of lesson 07."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from mmsnet_lite.analysis import auroc
from mmsnet_lite.course.check.exercise import compare, exercise

SEEDS, COMPARISONS = 3, 20  # of exercise 1


@exercise(1, expects="a pair of numbers: (chance, expected number)")
def same_sign(answer: Sequence[float]) -> str:
    """Chance that all seeds agree by luck, and how many of twenty comparisons that makes."""
    chance, number = (float(each) for each in answer)
    right = 2 * 0.5**SEEDS
    mistakes = {
        "that is the chance that all of them are above 0; luck can also put them all below.": right / 2,
        "the first difference may have either sign; how many others must then agree with it?": 0.5**SEEDS * 4,
        "that is the chance that they do NOT agree.": 1 - right,
        "5 % is what an interval promises; here it is coins that decide.": 0.05,
    }
    compare(chance, right, mistakes, "not yet. Think of three coins.", of="the chance: ")
    once = {"that is the chance of at least one.": 1 - (1 - right) ** COMPARISONS}
    of = "the chance is right; the expected number among twenty: "
    compare(number, COMPARISONS * right, once, "not yet.", of, atol=1e-3)
    return "With three seeds, that three agree is a hint at best."


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
    mean, spread = (
        float(each) for each in answer({m: s.copy() for m, s in a.items()}, {m: s.copy() for m, s in b.items()})
    )
    by_seed = np.mean([(a[m] - b[m]).mean(1) for m in a], axis=0)
    alone = [np.mean([side[m].mean(1) for m in side], axis=0).std(ddof=1) for side in (a, b)]
    pooled, right = np.concatenate([a[m] - b[m] for m in a], axis=1), by_seed.std(ddof=1)
    mistakes = {
        "the sign is turned round: the first minus the second.": -by_seed.mean(),
        "all images in one pot: a modality with more of them counts more. Take means of modalities.": pooled.mean(),
    }
    compare(mean, by_seed.mean(), mistakes, "not yet.", of="the mean: ")
    mistakes = {
        "over seeds the sample's deviation divides by their number less one.": by_seed.std(),
        "that is the spread of images; seeds are asked for.": pooled.std(ddof=1),
        "that is the error of the mean; the spread of the seeds themselves is asked for.": right / len(by_seed) ** 0.5,
        "spreads of the two sides, combined: that is what pairing does away with. Subtract first.": math.hypot(*alone),
    }
    compare(spread, right, mistakes, "not yet.", of="the mean is right; the spread: ")
    return "What both sides owe to a seed or an image has cancelled."


@exercise(3, expects="a function of a list of p-values that returns as many booleans")
def holm(answer: Callable[[list[float]], Sequence[Any]]) -> str:
    """Holm's step-down correction at 5 %."""
    p = [0.30, 0.001, 0.02, 0.045, 0.012, 0.001]  # Holm finds 3, Bonferroni 2, Benjamini-Hochberg 4, none at all 5
    mistakes = {
        "no correction: each is compared with 0.05.": [each <= 0.05 for each in p],
        "that is Bonferroni's: after one success, only the others are still in question.": [each < 0.01 for each in p],
        "that is in ascending order of p; the booleans belong to the values as they were given.": [1, 1, 1, 0, 0, 0],
        "turned round: True is for a finding.": [each not in (0.001, 0.012) for each in p],
        "equal p-values are tests of their own; `index` finds the first alone.": [0, 1, 0, 0, 1, 0],
        "that is Benjamini and Hochberg's: it controls another rate, that of false ones among the findings.": [
            each <= 0.04 for each in p
        ],
    }
    compare(answer(list(p)), [0, 1, 0, 0, 1, 1], mistakes, "not yet.")
    words = "it goes on after the first failure; whoever fails takes all larger p with it."
    compare(answer([0.03, 0.02, 0.024]), [0, 0, 0], {}, words)
    compare(answer([0.05]), [1], {}, "equality passes, so a single test at p = 0.05 is a finding.")
    return "It never finds less than Bonferroni and keeps the same promise."


@exercise(4, expects="a function of a map (h w) and a boolean mask (h w) that returns a number")
def pointing(answer: Callable[[np.ndarray, np.ndarray], Any]) -> str:
    """AUROC of an activation map on a lesion's pixels, ties counted half."""
    generator = np.random.default_rng(8)
    mask = generator.random((12, 12)) < 0.2
    cam = np.maximum(np.round(generator.normal(0.8 * mask, 1.0), 1), 0)  # most pixels tie at 0, as after a ReLU
    right = auroc(torch.from_numpy(cam), torch.from_numpy(mask))
    found, inside, outside = float(answer(cam.copy(), mask.copy())), cam[mask][:, None], cam[~mask][None]
    mistakes = {
        "pairs that tie count as lost; a map of zeros would score 0, worse than chance.": (inside > outside).mean(),
        "pairs that tie count as won; a map of zeros would score 1.": (inside >= outside).mean(),
        "that is how often the map is higher OUTSIDE.": 1 - right,
        "that is the share of activation on the lesion; it grows with the lesion.": cam[mask].sum() / cam.sum(),
        "that is a difference of means; it depends on the map's units.": cam[mask].mean() - cam[~mask].mean(),
        "that asks where the single highest pixel lies.": float(mask.ravel()[cam.argmax()]),
    }
    compare(found, right, mistakes, f"not yet: yours gives {found:.3f}.")
    return "It does not change when a map is stretched, so that maps of two networks compare."
