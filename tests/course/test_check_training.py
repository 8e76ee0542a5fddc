"""Exercise checks of lesson 05: each accepts the solution and names the mistake of wrong answers."""

import math

import numpy as np
import torch
from scipy.stats import ttest_rel, wilcoxon
from verdicts import verdict, verdict_tests

from mmsnet_lite.course.check import training as check

N = 5091 - (25 + 72 + 27 + 129)  # Mix1 without 5 % of each dataset
STEPS = 50 * (N // 16)


def warm(step, steps, lr, least, warm, *, first=1, start=0.0, late=None, left=None, floor=None, period=1.0):
    """Exercise 2, with every mistake as a switch."""
    if step < warm:
        return start + (lr - start) * (step + first) / warm
    floor = least if floor is None else floor
    late = warm if late is None else late
    left = steps - warm if left is None else left
    return floor + (lr - floor) * (1 + math.cos(period * math.pi * (step - late) / left)) / 2


def line(step, steps, lr, least, w):
    return warm(step, steps, lr, least, w) if step < w else lr - (lr - least) * (step - w) / (steps - w)


def means(values, *, size=None, replace=True, draws=4000):
    generator = np.random.default_rng(0)
    return np.array([generator.choice(values, size or len(values), replace=replace).mean() for _ in range(draws)])


def interval(values, tails=(0.025, 0.975), **switches):
    return np.quantile(means(values, **switches), tails)


def flipped(d, draws=10_000):
    return np.random.default_rng(0).choice([-1, 1], (draws, len(d))) @ d / len(d)


def p_value(a, b, *, plus=1, side=abs, margin=-1e-12):
    reached = (side(flipped(a - b)) >= side((a - b).mean()) + margin).sum()
    return (plus + reached) / (plus + 10_000)


def unpaired(a, b):
    generator, both = np.random.default_rng(0), np.concatenate([a, b])
    drawn = [generator.permutation(both) for _ in range(4000)]
    gaps = np.array([abs(each[: len(a)].mean() - each[len(a) :].mean()) for each in drawn])
    return (gaps >= abs(a.mean() - b.mean())).mean()


SOLVED = {
    "steps_and_part": [(STEPS, 2), [STEPS, 2.0], np.array([STEPS, 2])],
    "warm_up": [warm, lambda *a: torch.tensor(warm(*a), dtype=torch.float64)],
    "interval": [interval, lambda v: tuple(interval(v, draws=1000)), lambda v: torch.tensor(interval(v))],
    "p_value": [p_value, lambda a, b: p_value(b, a), lambda a, b: torch.tensor(p_value(a, b))],
}
WRONG = {
    "steps_and_part": [
        ((N // 16, 2), "one epoch"),
        ((50 * math.ceil(N / 16), 2), "left over"),
        ((50 * (N // 64), 2), "over all GPUs"),
        ((STEPS * 2, 2), "parts are no steps"),
        ((STEPS, 16), "that is the batch"),
        ((STEPS, 4), "computes it in parts"),
        ((STEPS, 8), "single GPU"),
        ((7, 2), "steps: not yet"),
        (STEPS, "should be a pair"),
    ],
    "warm_up": [
        (lambda *a: warm(*a[:4], 0), "where is the rise"),
        (lambda *a: warm(*a, first=0), "would learn nothing"),
        (lambda *a: warm(*a, start=a[3]), "only the cosine"),
        (lambda *a: warm(*a, late=0, left=a[1]), "begun at step 0"),
        (lambda *a: warm(*a, left=a[1]), "does not arrive"),
        (lambda *a: warm(*a, late=a[4] - 1), "begins a step early"),
        (lambda *a: warm(*a, left=a[1] - a[4] - 1), "arrives a step early"),
        (lambda *a: warm(*a, floor=0.0), "min_lr is missing"),
        (lambda *a: warm(*a, period=2), "rises again"),
        (line, "straight line"),
        (lambda *a: 1.0, "the rise is not right"),
        (lambda *a: float("nan"), "NaN"),
        (lambda *a: None, "return something"),
        (0.1, "should be a function"),
    ],
    "interval": [
        (lambda v: interval(v, replace=False), "drawn twice"),
        (lambda v: np.quantile(v, (0.025, 0.975)), "single images lie"),
        (lambda v: interval(v, (0.05, 0.95)), "90 %"),
        (lambda v: interval(v, (0.16, 0.84)), "68 %"),
        (lambda v: interval(v, size=len(v) // 2), "as large as the sample"),
        (lambda v: interval(v, (0.005, 0.995)), "quantiles 0.025"),
        (lambda v: interval(v)[::-1], "lower end"),
        (lambda v: interval(v) + 0.3, "about the mean"),
        (lambda v: (0.0, 9.0), "times as wide"),
        (lambda v: (0.0, float("nan")), "NaN"),
        (lambda v: v.mean(), "should be a function"),
    ],
    "p_value": [
        (unpaired, "pairs are broken"),
        (lambda a, b: p_value(a, b, side=lambda x: x), "one-sided"),
        (lambda a, b: 1.0, "changes no mean"),
        (lambda a, b: 1 - p_value(a, b), "do NOT reach"),
        (lambda a, b: p_value(a, b, plus=0), "count it"),
        (lambda a, b: p_value(a, b, margin=1e-12), "just reaches"),
        (lambda a, b: p_value(a, b) if a.mean() > b.mean() else 1.0, "exchanging the sides"),
        (lambda a, b: wilcoxon(a, b).pvalue, "not yet"),
        (lambda a, b: ttest_rel(a, b).pvalue, "not yet"),
        (lambda a, b: None, "return something"),
        (0.05, "should be a function"),
    ],
}


test_right_answers_are_accepted, test_wrong_answers_are_named, test_empty_stubs_are_excused = verdict_tests(
    check, SOLVED, WRONG
)


def test_no_verdict_on_a_wrong_answer_holds_the_answer(capsys):
    telling = {
        "steps_and_part": (str(STEPS), f"{STEPS:,}"),
        "warm_up": ("(1 +", "cos("),
        "interval": ("choice", "mean("),
    }
    for name, words in telling.items():
        for answer, _ in WRONG[name]:
            said = verdict(getattr(check, name), answer, capsys)
            assert not any(word in said for word in words), said
