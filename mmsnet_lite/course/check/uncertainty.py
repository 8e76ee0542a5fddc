"""Exercise checks of lesson 08."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmsnet_lite.analysis import binary_entropy, reliability, risk_coverage
from mmsnet_lite.course.check.exercise import Mistake, compare, exercise


def _number(value: Any) -> float:
    if math.isnan(float(value)):
        raise Mistake("the function returns nan; does it take the mean of no pixels?")
    return float(value)


class DropPath(nn.Module):
    """Stands for a module that skips blocks in training; its name begins like that of dropout."""


class _Block(nn.Module):
    """A module around others, which may look at its own mode."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), DropPath(), nn.Dropout(0.2))


@exercise(1, expects="a function of a network that changes which of its modules are in training mode")
def only_dropout(answer: Callable[[nn.Module], Any]) -> str:
    """Everything in eval mode, dropout in training mode."""
    for start in (True, False):
        model = nn.Sequential(_Block(), nn.Dropout2d(0.1), nn.Conv2d(4, 1, 1), nn.InstanceNorm2d(1)).train(start)
        answer(model)
        on = {type(module).__name__ for module in model.modules() if module.training}
        if len(on) == len({type(module) for module in model.modules()}):
            raise Mistake("everything is in training mode, batch norm too.")
        if not on:
            raise Mistake("nothing is in training mode, so all passes would agree.")
        if "BatchNorm2d" in on:
            raise Mistake(
                "batch norm is in training mode: it would forget its statistics"
                + ("; a network may also come in training mode." if start else ".")
            )
        missing = {"Dropout", "Dropout2d"} - on
        if missing:
            raise Mistake(
                f"a module of class {min(missing)} is still off; are the modules inside of modules looked at, and all "
                "kinds of dropout?"
            )
        if on != {"Dropout", "Dropout2d"}:
            name = min(on - {"Dropout", "Dropout2d"}).lstrip("_")
            raise Mistake(
                f"a module of class {name} is in training mode. Only dropout should be: others may skip blocks at "
                "random, or normalise by the batch."
            )
    return "mc_predict goes further: it also finds dropout that is called as a function, which no class betrays."


@exercise(2, expects="a function of a tensor of probabilities (T b 1 h w) that returns one (b 1 h w)")
def mutual_information(answer: Callable[[Tensor], Tensor]) -> str:
    """Entropy of the mean minus mean of the entropies, in nats."""
    p = torch.rand(4, 2, 1, 5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    total, expected = binary_entropy(p.mean(0)), binary_entropy(p).mean(0)
    right = total - expected
    for_lesion = torch.special.entr(p.mean(0)) - torch.special.entr(p).mean(0)
    mistakes = {
        "that is the total uncertainty: it is also high where all passes agree on one half.": total,
        "that is what the passes are unsure of each for itself; how much do they differ?": expected,
        "the two terms are the wrong way round: entropy is concave, so yours is never above 0.": -right,
        "that is in bits; the lesson's unit is the nat.": right / math.log(2),
        "that is the variance, which measures disagreement too, but is not this.": (p.var(0, unbiased=False), p.var(0)),
        "the entropies of the passes are added up; take their mean.": total - expected * len(p),
        "only the outcome lesion is counted; the entropy has a second term, for no lesion.": for_lesion,
    }
    compare(answer(p.clone()), right, mistakes, "not yet. Write H(p) as a function first, then use it twice.")
    p[:, 0] = p[0, 1] = torch.tensor([0.0, 1.0], dtype=p.dtype).repeat(13)[:25].view(1, 5, 5)
    found = answer(p.clone())  # all passes sure of the first image, one pass of the second
    if torch.isnan(found).any():
        raise Mistake("right, but a pass that is perfectly sure gives nan: 0 ln 0 counts as 0.")
    if not torch.allclose(found.double(), binary_entropy(p.mean(0)) - binary_entropy(p).mean(0), atol=1e-3):
        raise Mistake("right, but not where one pass is perfectly sure: 0 ln 0 is 0, and the other passes still count.")
    return "It is 0 where all passes agree, even if they agree on one half."


@exercise(3, expects="a function of maps (b c h w), weights (c), a bias and a rate that returns maps (b 1 h w)")
def without_passes(answer: Callable[[Tensor, Tensor, float, float], Tensor]) -> str:
    """Mutual information under dropout before a linear layer, to second order, computed rather than drawn."""
    generator, q, bias = torch.Generator().manual_seed(3), 0.15, 0.7
    a = torch.rand(2, 5, 3, 4, generator=generator, dtype=torch.float64)
    w = torch.randn(5, generator=generator, dtype=torch.float64)
    loud = a * w.view(1, -1, 1, 1)
    z, odds = loud.sum(1, keepdim=True), q / (1 - q)
    p, variance = (z + bias).sigmoid(), odds * loud.square().sum(1, keepdim=True)  # the variance of the logit
    slope, biasless = p * (1 - p), z.sigmoid() * (1 - z.sigmoid())
    right = slope * variance / 2
    mistakes = {
        "that is the variance of the logit; what does p do with it?": variance,
        "that is the variance of p; one step is left.": slope.square() * variance,
        "the variance of the logit stands where that of p belongs.": variance / (2 * slope),
        "p moves p (1 - p) times as far as the logit; what does that do to the variance, a square?": variance / 2,
        "a factor of 2 is missing or too much.": (2 * right, right / 2),
        "the variance is wanted, not its root.": slope * variance.sqrt() / 2,
        "channels that stay are scaled up by 1 / (1 - q), which raises the spread.": right * (1 - q) ** 2,
        "q and 1 - q have changed places.": right / odds**2,
        "channels are dropped one by one: square each, then add.": slope * odds * z.square() / 2,
        "the bias is missing in p.": biasless * variance / 2,
    }
    compare(answer(a.clone(), w.clone(), bias, q), right, mistakes, "not yet. Begin with the variance of the logit.")
    return "So behind a last layer the passes draw what one of them could have computed."


@exercise(4, expects="a function of two NumPy arrays (n) and a share that returns a number")
def retained_risk(answer: Callable[[np.ndarray, np.ndarray, float], Any]) -> str:
    """Share of wrong pixels among the most certain ones."""
    generator = np.random.default_rng(6)
    doubt = generator.permutation(200) / 251.0  # a cut at 0.7 keeps clearly more than a share of 0.7
    wrong = generator.random(200) < 0.1 + 0.5 * doubt
    coverage = 0.7
    n = round(coverage * len(doubt))
    curve = risk_coverage(torch.from_numpy(doubt), torch.from_numpy(wrong).double())
    right = float(curve.risk[n - 1])
    ranked = wrong[np.argsort(doubt)]
    found = _number(answer(doubt.copy(), wrong.copy(), coverage))
    kept, handed = ranked[:n], ranked[n:]
    mistakes = {
        "those are the most uncertain; they are handed over, and the others are kept.": ranked[-n:].mean(),
        "that is the risk of those handed over; what of those kept?": handed.mean(),
        "that divides by all pixels; how many are kept?": kept.sum() / len(wrong),
        "that is the share of the errors that is kept; what share of the kept is wrong?": kept.sum() / wrong.sum(),
        "that is how many of those kept are wrong; what share of them?": kept.sum(),
        "that is the mean of the risks up to this coverage; only the last of them was wanted.": curve.risk[:n].mean(),
        "that cuts at a number of nats; the coverage is a share of the pixels.": wrong[doubt <= coverage].mean(),
        "that is the share that is right.": 1 - right,
        "that is the risk of all pixels; none was handed over.": wrong.mean(),
        "these are the first pixels, as they stand; sort them by their uncertainty.": wrong[:n].mean(),
        "the coverage is the share that is kept, not the share that is handed over.": ranked[: len(handed)].mean(),
    }
    compare(found, right, mistakes, f"not yet: yours gives {found:.3f}.")
    words = "right here, but it cuts at a number of nats: squared uncertainties have the same order."
    compare(answer(doubt**2, wrong.copy(), coverage), right, {}, words)
    return "Draw it for all shares, and the area below the curve is AURC."


@exercise(5, expects="a function of two NumPy arrays (n) and a number of bins that returns a number")
def calibration_error(answer: Callable[[np.ndarray, np.ndarray, int], Any]) -> str:
    """Expected calibration error with bins of equal width."""
    generator, bins = np.random.default_rng(4), 7
    p = generator.beta(0.6, 1.4, 500)
    y = generator.random(500) < 0.2 + 0.5 * p  # too little lesion is predicted in low bins, too much in high ones
    right = reliability(torch.from_numpy(p), torch.from_numpy(y), bins)
    share, mean_p, mean_y = (np.nan_to_num(each) for each in (right.share, right.probability, right.frequency))
    gaps, middle = mean_y - mean_p, (np.arange(bins) + 0.5) / bins
    sure = np.maximum(p, 1 - p)
    confident = reliability(torch.from_numpy(sure), torch.from_numpy((p >= 0.5) == y), bins)
    found = _number(answer(p.copy(), y.copy(), bins))
    signed = float((share * gaps).sum())
    crowds = np.array_split(np.argsort(p), bins)
    equal = sum(len(i) / len(p) * abs(y[i].mean() - p[i].mean()) for i in crowds)
    mistakes = {
        "all bins count the same; a bin should count by the pixels that it holds.": np.abs(gaps).mean(),
        "too much here and too little there cancel; what is added up should not be below 0.": (signed, -signed),
        "that is the largest gap of a bin; wanted is the expected one.": np.abs(gaps).max(),
        "that is squared; take the absolute gap.": (share * gaps**2).sum(),
        "the middle of a bin is not the mean probability in it.": (share * np.abs(mean_y - middle)).sum(),
        "that is the confidence in the likelier class; our bins are of the probability of lesion.": confident.error,
        "that is the mean distance of single pixels; compare means of a bin.": np.abs(p - y).mean(),
        "it is not divided by the number of all pixels.": right.error * len(p),
        "those bins hold equally many pixels; ours are equally wide.": equal,
    }
    compare(found, right.error, mistakes, f"not yet: yours is {found / right.error:.2f} times what it should be.")
    last = _number(answer(np.array([1.0, 1.0, 0.1]), np.array([True, False, False]), bins))
    compare(last, (0.5 * 2 + 0.1) / 3, {}, "right but for a probability of exactly 1, which belongs to the last bin.")
    return "Most of it is plain background here as well, so read it beside the diagram."
