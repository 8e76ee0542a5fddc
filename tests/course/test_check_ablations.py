"""Exercise checks of lesson 07: each accepts the solution and names the mistake of wrong answers."""

import numpy as np
import pytest
import torch
from scipy.stats import false_discovery_control, mannwhitneyu
from verdicts import verdict_tests

from mmsnet_lite.course.check import ablations as check


def paired(a, b, *, sign=1, ddof=1, root=False):
    by_seed = sign * np.mean([(a[m] - b[m]).mean(1) for m in a], axis=0)
    return by_seed.mean(), by_seed.std(ddof=ddof) / (len(by_seed) ** 0.5 if root else 1)


def pooled(a, b):
    every = np.concatenate([a[m] - b[m] for m in a], axis=1)
    return every.mean(), every.mean(1).std(ddof=1)


def spread_of_images(a, b):
    return paired(a, b)[0], np.concatenate([a[m] - b[m] for m in a], axis=1).std(ddof=1)


def unpaired(a, b):
    sides = [np.mean([side[m].mean(1) for m in side], axis=0).std(ddof=1) for side in (a, b)]
    return paired(a, b)[0], np.hypot(*sides)


def holm(p, *, stop=True, level=0.05):
    found, alive = [False] * len(p), True
    for rank, i in enumerate(np.argsort(p)):
        passed = p[i] <= level / (len(p) - rank)
        alive = passed and (alive or not stop)
        found[i] = bool(alive)
    return found


def holm_by_index(p):
    """Equal p-values share an index, so that all but the first are lost."""
    kept = {p.index(each) for each, found in zip(p, holm(p), strict=True) if found}
    return [i in kept for i in range(len(p))]


def benjamini(p):
    return list(false_discovery_control(p) <= 0.05)


def pointing(cam, mask):
    """SciPy's U counts pairs, ties half."""
    return mannwhitneyu(cam[mask], cam[~mask]).statistic / (mask.sum() * (~mask).sum())


def pairs(cam, mask):
    return cam[mask][:, None], cam[~mask][None]


SOLVED = {
    "same_sign": [(0.25, 5), [1 / 4, 5.0], np.array([0.25, 5.0])],
    "paired": [paired, lambda a, b: torch.tensor(paired(a, b), dtype=torch.float64)],
    "holm": [holm, lambda p: np.array(holm(p))],
    "pointing": [pointing, lambda cam, mask: torch.tensor(pointing(cam, mask))],
}
WRONG = {
    "same_sign": [
        ((0.125, 2.5), "all below"),
        ((0.5, 10), "either sign"),
        ((0.75, 15), "do NOT agree"),
        ((0.05, 1), "coins"),
        ((0.3, 6), "not yet"),
        ((0.25, 1 - 0.75**20), "at least one"),
        ((0.25, 1), "among twenty: not yet"),
        (0.25, "should be a pair"),
    ],
    "paired": [
        (lambda a, b: paired(a, b, sign=-1), "turned round"),
        (pooled, "one pot"),
        (lambda a, b: (0.5, 0.1), "the mean: not yet"),
        (lambda a, b: paired(a, b, ddof=0), "less one"),
        (spread_of_images, "spread of images"),
        (lambda a, b: paired(a, b, root=True), "error of the mean"),
        (unpaired, "Subtract first"),
        (lambda a, b: (paired(a, b)[0], 9.0), "the spread: not yet"),
        (lambda a, b: None, "return something"),
        (0.1, "should be a function"),
    ],
    "holm": [
        (lambda p: [each <= 0.05 for each in p], "no correction"),
        (lambda p: [each <= 0.05 / len(p) for each in p], "Bonferroni's"),
        (lambda p: sorted(holm(p), reverse=True), "as they were given"),
        (lambda p: [not each for each in holm(p)], "turned round"),
        (benjamini, "Benjamini"),
        (holm_by_index, "tests of their own"),
        (lambda p: holm(p, stop=False), "first failure"),
        (lambda p: holm(p, level=0.0499), "single test"),
        (lambda p: [True] * len(p), "not yet"),
        (lambda p: [True], "should have shape"),
        (lambda p: None, "return something"),
        (0.05, "should be a function"),
    ],
    "pointing": [
        (lambda cam, mask: np.greater(*pairs(cam, mask)).mean(), "lost"),
        (lambda cam, mask: np.greater_equal(*pairs(cam, mask)).mean(), "won"),
        (lambda cam, mask: 1 - pointing(cam, mask), "OUTSIDE"),
        (lambda cam, mask: cam[mask].sum() / cam.sum(), "share of activation"),
        (lambda cam, mask: cam[mask].mean() - cam[~mask].mean(), "units"),
        (lambda cam, mask: float(mask.ravel()[cam.argmax()]), "single highest"),
        (lambda cam, mask: 0.123, "not yet"),
        (lambda cam, mask: None, "return something"),
        (0.5, "should be a function"),
    ],
}


test_right_answers_are_accepted, test_wrong_answers_are_named, test_empty_stubs_are_excused = verdict_tests(
    check, SOLVED, WRONG
)


@pytest.mark.parametrize("name", SOLVED)
def test_no_verdict_on_a_wrong_answer_holds_the_answer(name, capsys):
    telling = {"same_sign": ("0.25", "1/4"), "holm": ("- rank",), "paired": ("mean(1)",), "pointing": ("0.5 *",)}
    for answer, _ in WRONG[name]:
        getattr(check, name)(answer)
        said = capsys.readouterr().out
        assert not any(word in said for word in telling[name]), said
