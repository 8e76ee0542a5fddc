"""Exercise checks of lesson 08: each accepts the solution and names the mistake of wrong answers."""

import numpy as np
import torch
from torch import nn
from verdicts import verdict, verdict_tests

from mmsnet_lite.course.check import uncertainty as check

entr = torch.special.entr


def entropy(p):
    return entr(p) + entr(1 - p)


def information(p):
    return entropy(p.mean(0)) - entropy(p).mean(0)


def with_logarithms(p):
    def h(q):
        return -q * q.log() - (1 - q) * (1 - q).log()

    return h(p.mean(0)) - h(p).mean(0)


def only(*kinds, first=nn.Module.eval):
    """Exercise 1 with its mistakes as switches: what is done to the whole, and which classes are on."""

    def answer(model):
        first(model)
        for module in model.modules():
            if isinstance(module, kinds):
                module.training = True

    return answer


def top_level(model):
    model.eval()
    for module in model.children():
        if isinstance(module, nn.Dropout | nn.Dropout2d):
            module.train()


def by_name(model):
    model.eval()
    for module in model.modules():
        if "drop" in type(module).__name__.lower():
            module.train()


def calibration(p, y, bins, *, weigh=True, size=np.abs, middle=False, total=False):
    """Exercise 5, with its mistakes as switches."""
    index = np.minimum((p * bins).astype(int), bins - 1)
    gaps, shares = [], []
    for i in range(bins):
        inside = index == i
        if inside.any():
            gaps.append(size(y[inside].mean() - ((i + 0.5) / bins if middle else p[inside].mean())))
            shares.append(inside.sum() if total else inside.mean())
    return np.dot(gaps, shares) if weigh else np.mean(gaps)


def without_one(p, y, bins):
    inside = p < 1
    return calibration(p[inside], y[inside], bins) * inside.mean()


def with_empty_bins(p, y, bins):
    index = np.minimum((p * bins).astype(int), bins - 1)
    found = [(index == i).mean() * abs(y[index == i].mean() - p[index == i].mean()) for i in set(index.tolist())]
    return np.sum(found) if len(found) == bins else float("nan")  # 0 * nan, without numpy's warning


def equally_full(p, y, bins):
    groups = np.array_split(np.argsort(p), bins)
    return sum(len(i) / len(p) * abs(y[i].mean() - p[i].mean()) for i in groups)


def confidence(p, y, bins):
    sure = np.maximum(p, 1 - p)
    return calibration(sure, (p >= 0.5) == y, bins)


def spread(a, w, bias, q, *, odds=None, each=True, steps=lambda p: p * (1 - p) / 2, root=1.0):
    """Exercise 3, with its mistakes as switches."""
    loud = a * w.view(1, -1, 1, 1)
    p = (loud.sum(1, keepdim=True) + bias).sigmoid()
    squares = loud.square().sum(1, keepdim=True) if each else loud.sum(1, keepdim=True).square()
    return steps(p) * ((q / (1 - q) if odds is None else odds) * squares) ** root


def kept(u, wrong, coverage):
    return wrong[np.argsort(u)][: round(coverage * len(u))]


def first(u, wrong, coverage):
    return wrong[: round(coverage * len(u))].mean()


SOLVED = {
    "mutual_information": [information, lambda p: information(p.clamp(1e-6, 1 - 1e-6))],
    "without_passes": [spread, lambda *a: spread(*a).float()],
    "only_dropout": [only(nn.Dropout, nn.Dropout2d), only(nn.modules.dropout._DropoutNd)],
    "calibration_error": [calibration, lambda *a: torch.tensor(calibration(*a))],
    "retained_risk": [lambda *a: kept(*a).mean(), lambda *a: torch.tensor(kept(*a).mean())],
}
WRONG = {
    "mutual_information": [
        (lambda p: entropy(p.mean(0)), "total uncertainty"),
        (lambda p: entropy(p).mean(0), "each for itself"),
        (lambda p: -information(p), "wrong way round"),
        (lambda p: information(p) / np.log(2), "in bits"),
        (lambda p: p.var(0), "variance"),
        (lambda p: p.var(0, unbiased=False), "variance"),
        (lambda p: entropy(p.mean(0)) - entropy(p).sum(0), "added up"),
        (lambda p: entr(p.mean(0)) - entr(p).mean(0), "second term"),
        (with_logarithms, "0 ln 0"),
        (lambda p: information(p)[0], "yours has (1, 5, 5)"),
        (lambda p: with_logarithms(p).nan_to_num(), "one pass is perfectly sure"),
        (lambda p: torch.zeros_like(p[0]), "not yet"),
        (lambda p: None, "return something"),
        (0.1, "should be a function"),
    ],
    "only_dropout": [
        (lambda model: model.train(), "everything is in training mode"),
        (lambda model: model.eval(), "nothing is in training mode"),
        (only(nn.Dropout), "class Dropout2d is still off"),
        (top_level, "class Dropout is still off"),
        (only(nn.Dropout, nn.Dropout2d, first=lambda model: None), "everything is in training mode"),
        (only(nn.Dropout, nn.Dropout2d, nn.BatchNorm2d), "batch norm is in training mode"),
        (only(nn.Dropout, nn.Dropout2d, check._Block), "Block is in training mode"),
        (only(nn.Dropout, nn.Dropout2d, nn.InstanceNorm2d), "InstanceNorm2d is in training mode"),
        (by_name, "DropPath is in training mode"),
        (7, "should be a function"),
    ],
    "without_passes": [
        (lambda *a: spread(*a, steps=torch.ones_like), "variance of the logit; what"),
        (lambda *a: spread(*a, steps=lambda p: (p * (1 - p)) ** 2), "variance of p"),
        (lambda *a: spread(*a, steps=lambda p: 0.5 / (p * (1 - p))), "where that of p belongs"),
        (lambda *a: spread(*a, steps=lambda p: torch.full_like(p, 0.5)), "a square"),
        (lambda *a: 2 * spread(*a), "factor of 2"),
        (lambda *a: spread(*a) / 2, "factor of 2"),
        (lambda *a: spread(*a, root=0.5), "not its root"),
        (lambda a, w, bias, q: spread(a, w, bias, q, odds=q * (1 - q)), "scaled up"),
        (lambda a, w, bias, q: spread(a, w, bias, 1 - q), "changed places"),
        (lambda *a: spread(*a, each=False), "square each"),
        (lambda a, w, bias, q: spread(a, w, 0, q), "bias is missing"),
        (lambda *a: spread(*a)[:, 0], "yours has (2, 3, 4)"),
        (lambda *a: spread(*a) + 1, "not yet"),
        (lambda *a: None, "return something"),
        (0.1, "should be a function"),
    ],
    "calibration_error": [
        (lambda *a: calibration(*a, weigh=False), "all bins count the same"),
        (lambda *a: calibration(*a, size=lambda gap: gap), "cancel"),
        (lambda *a: calibration(*a, size=lambda gap: -gap), "cancel"),
        (lambda *a: calibration(*a, size=np.square), "squared"),
        (lambda *a: calibration(*a, middle=True), "middle of a bin"),
        (lambda *a: calibration(*a, total=True), "not divided"),
        (lambda p, y, bins: np.abs(p - y).mean(), "single pixels"),
        (confidence, "likelier class"),
        (equally_full, "equally many"),
        (with_empty_bins, "mean of no pixels"),
        (without_one, "exactly 1"),
        (lambda *a: 0.9, "times what it should be"),
        (lambda *a: None, "return something"),
        (lambda *a: float("nan"), "returns nan"),
        (lambda *a: float("inf"), "NaN or infinity"),
        (0.1, "should be a function"),
    ],
    "retained_risk": [
        (lambda u, w, c: kept(-u, w, c).mean(), "most uncertain"),
        (lambda u, w, c: kept(-u, w, 1 - c).mean(), "handed over; what of those kept"),
        (lambda u, w, c: kept(u, w, c).sum() / len(w), "divides by all pixels"),
        (lambda u, w, c: kept(u, w, c).sum() / w.sum(), "share of the errors"),
        (lambda u, w, c: 1 - kept(u, w, c).mean(), "share that is right"),
        (lambda u, w, c: kept(u, w, c).sum(), "how many of those kept"),
        (lambda u, w, c: (kept(u, w, 1).cumsum() / np.arange(1, len(u) + 1))[: round(c * len(u))].mean(), "up to this"),
        (lambda u, w, c: w[u <= c].mean(), "cuts at a number of nats; the coverage"),
        (lambda u, w, c: w.mean(), "risk of all pixels"),
        (first, "first pixels"),
        (lambda u, w, c: kept(u, w, 1 - c).mean(), "not the share that is handed over"),
        (lambda u, w, c: w[u < c].mean(), "number of nats"),
        (lambda u, w, c: w[np.argsort(u)][: round(c * len(u)) + 1].mean(), "not yet"),  # one too many, no cut in nats
        (lambda u, w, c: 0.9, "not yet"),
        (lambda u, w, c: None, "return something"),
        (0.1, "should be a function"),
    ],
}


test_right_answers_are_accepted, test_wrong_answers_are_named, test_empty_stubs_are_excused = verdict_tests(
    check, SOLVED, WRONG
)


def test_what_the_formula_says_is_what_many_passes_draw():
    generator = torch.Generator().manual_seed(0)
    a, w = torch.rand(1, 16, 2, 2, generator=generator), 0.3 * torch.randn(16, generator=generator)
    drop, layer = nn.Dropout2d(0.1), nn.Conv2d(16, 1, 1)
    layer.weight.data, layer.bias.data = w.view(1, -1, 1, 1), torch.tensor([0.4])
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        drawn = information(layer(drop(a.expand(40_000, -1, -1, -1))).double().sigmoid()[:, None])
    assert torch.allclose(spread(a, w, 0.4, 0.1).double(), drawn, rtol=0.1)


def test_the_largest_gap_is_named(capsys):
    def largest(p, y, bins):
        index = (p * bins).astype(int)
        return max(abs(y[index == i].mean() - p[index == i].mean()) for i in range(bins))

    assert "largest gap" in verdict(check.calibration_error, largest, capsys)


def test_batch_norm_left_on_is_found_in_a_network_that_comes_in_training_mode(capsys):
    def forgets_eval(model):
        for module in model.modules():
            module.training = isinstance(module, nn.Dropout | nn.Dropout2d) or (
                module.training and isinstance(module, nn.BatchNorm2d)
            )

    assert "may also come in training mode" in verdict(check.only_dropout, forgets_eval, capsys)
