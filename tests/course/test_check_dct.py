"""Exercise checks of lesson 03: each accepts the solution and names the mistake of wrong answers."""

import math

import numpy as np
import torch
from verdicts import verdict, verdict_tests

from mmsnet_lite.course.check import dct as check
from mmsnet_lite.frequency import dct_basis, frequency_indices, grid_size


def c(x, u, v, *, height=2**0.5, shift=0.5, periods=1, swap=False, pool=torch.mean, scale=lambda n: 1.0):
    """Exercise 1, with every mistake as a switch."""
    n = len(x)

    def wave(k):
        place = torch.arange(n, dtype=torch.float64)
        return height * torch.cos(periods * math.pi * k * (place + shift) / n) if k else torch.ones(n).double()

    down, across = (wave(v), wave(u)) if swap else (wave(u), wave(v))
    return pool(x * down[:, None] * across) * scale(n)


def pools(x, basis, *, over_k=lambda z: z.square().mean(-1).sqrt(), order=(0, 1, 2)):
    """Exercise 4, likewise."""
    products = x[:, :, None] * basis
    three = (products.mean((-1, -2)), products.amax((-1, -2)), products.amin((-1, -2)))
    return torch.stack([over_k(three[i]) for i in order])


def squared_first(x, basis):
    products = (x[:, :, None] * basis).square()
    three = products.mean((-1, -2)), products.amax((-1, -2)), products.amin((-1, -2))
    return torch.stack([z.mean(-1).sqrt() for z in three])


def of_the_map(x, basis):
    return torch.stack([pools(x, basis)[0], x.amax((-1, -2)), x.amin((-1, -2)).abs()])


def gradient(x, logits, alpha, beta, *, sign=1, sigmoid=True, slope=True, with_x=True, apart=True, total=torch.sum):
    """Exercise 5, likewise."""
    m = logits.sigmoid()
    result = m * (1 - m) if slope else m
    result = result if sigmoid else torch.ones_like(m)
    result = result * total(x, 1, keepdim=True) if with_x else result
    return sign * result * (beta - alpha if apart else 1)


def both_up(x, logits, alpha, beta):
    return gradient(x, logits, -alpha, beta)


def each_channel(x, logits, alpha, beta):
    m = logits.sigmoid()
    return (beta - alpha) * m * (1 - m) * x


TOP = frequency_indices(32, 28)
D = dct_basis(TOP, 28)
BLIND = D[1] - D[2]
SIDES = [96 // stride for stride in (4, 8, 16, 32)]
GRIDS = [grid_size(side, cap) for side, cap in zip(SIDES, (56, 28, 14, 7), strict=True)]
COUNTS = [len(set(frequency_indices(32, n))) for n in GRIDS]

SOLVED = {
    "coefficient": [c, lambda x, u, v: c(x, u, v).item(), lambda x, u, v: (x * dct_basis([(u, v)], len(x))[0]).mean()],
    "effective_k": [COUNTS, tuple(COUNTS), torch.tensor(COUNTS), np.array(COUNTS, float)],
    "blind_map": [
        BLIND,
        BLIND.numpy(),
        BLIND[None, None].double(),
        D[:3].sum(0) - 3 * D[7],
        (2 * D[15] - 2 * D[9]).tolist(),
    ],
    "rms_pools": [pools, lambda x, b: pools(x.float(), b.float()), lambda x, b: tuple(pools(x, b)) and pools(x, b)],
    "gate_gradient": [gradient, lambda x, z, a, b: gradient(x.float(), z, a, b)],
}
WRONG = {
    "coefficient": [
        (lambda x, u, v: c(x, u, v, swap=True), "exchanged"),
        (lambda x, u, v: c(x, u, v, pool=torch.sum), "the pool is a mean"),
        (lambda x, u, v: c(x, u, v, scale=lambda n: n), "that is the orthonormal coefficient"),
        (lambda x, u, v: c(x, u, v, scale=lambda n: 1 / n), "n times too small"),
        (lambda x, u, v: c(x, u, v, height=1), "too low"),
        (lambda x, u, v: c(x, u, v) * 2 ** (((u == 0) + (v == 0)) / 2), "b_0 is 1"),
        (lambda x, u, v: c(x, u, v, shift=0), "middle of the pixels"),
        (lambda x, u, v: c(x, u, v, periods=2), "half periods"),
        (lambda x, u, v: x.mean(), "whatever u and v are"),
        (lambda x, u, v: float("nan"), "NaN"),
        (lambda x, u, v: 0.3, "not yet"),
        (lambda x, u, v: None, "should be a function"),
        (3.0, "should be a function"),
    ],
    "effective_k": [
        ([32] * 4, "that is K"),
        ([min(32, n * n) for n in GRIDS], "has room for so many"),
        (GRIDS, "those are sides"),
        (COUNTS[::-1], "comes first"),
        ([*COUNTS[:3], 4], "stage 4 is not right"),
        (COUNTS[:3], "your list has 3"),
        (32, "should be a list"),
    ],
    "blind_map": [
        (torch.zeros(28, 28), "zeros"),
        (torch.ones(28, 28), "0.0625"),
        (D[1], "should be 0"),
        (dct_basis([(1, 0)], 28)[0], "0.1 or more is asked"),
        (D[20] - D[21], "0.1 or more is asked"),
        (0.01 * BLIND, "0.1 or more is asked"),
        (torch.full((28, 28), float("inf")), "NaN or infinity"),
        (torch.rand(7, 7), "yours has shape (7, 7)"),
        ("stripes", "should be a map"),
    ],
    "rms_pools": [
        (lambda x, b: pools(x, b, over_k=lambda z: z.mean(-1)), "squares first"),
        (lambda x, b: pools(x, b, over_k=lambda z: z.square().sum(-1).sqrt()), "not averaged"),
        (lambda x, b: pools(x, b, over_k=lambda z: z.square().mean(-1)), "root is missing"),
        (lambda x, b: pools(x, b, over_k=lambda z: z.abs().mean(-1)), "mean modulus"),
        (lambda x, b: pools(x, b, over_k=lambda z: z.mean(-1).square().sqrt()), "coefficients cancel"),
        (lambda x, b: pools(x, b, order=(0, 2, 1)), "exchanged"),
        (squared_first, "squared before"),
        (of_the_map, "not of its products"),
        (lambda x, b: pools(x, b, over_k=lambda z: z), "should have shape (3, 2, 4)"),
        (lambda x, b: tuple(pools(x, b)), "one tensor"),
        (lambda x, b: pools(x, b) + 1, "not yet"),
        (lambda x, b: None, "should be a function"),
    ],
    "gate_gradient": [
        (lambda *a: gradient(*a, sign=-1), "turned round"),
        (lambda *a: gradient(*a, sigmoid=False), "behind a sigmoid"),
        (lambda *a: gradient(*a, with_x=False), "x is missing"),
        (lambda *a: gradient(*a, apart=False), "how far"),
        (lambda *a: gradient(*a, slope=False), "slope"),
        (lambda *a: gradient(*a, total=torch.mean), "averaged"),
        (both_up, "push one way"),
        (each_channel, "one map gates all channels"),
        (lambda *a: gradient(*a) * 0, "not yet"),
        (lambda x, *a: gradient(x, *a).flatten(), "should have shape"),
        (lambda *a: None, "should be a function"),
    ],
}


test_right_answers_are_accepted, test_wrong_answers_are_named, test_empty_stubs_are_excused = verdict_tests(
    check, SOLVED, WRONG
)


def test_the_third_and_fourth_stage_set_the_trap():
    assert COUNTS[2] < min(32, GRIDS[2] ** 2)
    assert COUNTS[3] == GRIDS[3] ** 2 < 32


def test_no_verdict_on_a_wrong_answer_holds_the_answer(capsys):
    telling = {
        "coefficient": ("sqrt", "cos("),
        "effective_k": (str(COUNTS), f"{COUNTS[2]}", f" {COUNTS[3]}"),
        "blind_map": ("difference", " - "),
        "rms_pools": (".square()", "mean(-1)", "amax"),
        "gate_gradient": ("beta - alpha", "m (1 - m)", "m * (1 - m)"),
    }
    for name, words in telling.items():
        for answer, _ in WRONG[name]:
            said = verdict(getattr(check, name), answer, capsys)
            assert not any(word in said for word in words), said
