"""Exercise checks of lesson 00."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from mmsnet_lite import MMSNet, MMSNetConfig
from mmsnet_lite.course.check.exercise import Mistake, compare, exercise
from mmsnet_lite.course.explore.start import scores

NETWORK = MMSNetConfig(encoder="mit-nano", width=32, frequencies=8, msfg_scales=2)  # of the lesson


def counts(tune: str) -> tuple[int, int]:
    """Parameters of the lesson's network that are trained, and all of them."""
    with torch.device("meta"):
        parameters = list(MMSNet(dataclasses.replace(NETWORK, tune=tune)).parameters())
    return sum(p.numel() for p in parameters if p.requires_grad), sum(p.numel() for p in parameters)


@exercise(1, expects="a whole number")
def frozen_count(answer: Any) -> str:
    """How many parameters of the lesson's network are trained with tune="frozen"."""
    trained, everything = counts("frozen")
    if abs(float(answer) - trained / 1e6) < 0.01:
        raise Mistake("give the number itself, not millions.")
    mistakes = {
        "that counts the encoder as well, which is there but not trained; see requires_grad.": everything,
        'that is tune="full"; here the encoder is frozen.': counts("full")[0],
        'that is tune="mfa"; with "frozen" the adaptor is gone, and the prompt with it.': counts("mfa")[0],
        "that is what is frozen; the question is what is left to train.": everything - trained,
    }
    otherwise = "no. Build the network anew from replace(model.config, tune=...), and sum numel() over its parameters."
    compare(float(answer), trained, mistakes, otherwise, rtol=0)
    return "Only the decoder learns: the adaptor is gone, and with it the way in for the frequency prompt."


@exercise(2, expects="a function of two boolean arrays that returns a number")
def iou(answer: Callable[[np.ndarray, np.ndarray], Any]) -> str:
    """IoU of two masks, also when one or both are empty."""
    generator = np.random.default_rng(0)
    nothing = np.zeros((16, 16), bool)
    for density in (0.1, 0.3, 0.6):
        predicted, truth = generator.random((16, 16)) < density, generator.random((16, 16)) < 0.4
        dsc, iou = scores(predicted, truth)
        hit = (predicted & truth).sum()
        value = float(answer(predicted.copy(), truth.copy()))
        mistakes = {
            "that is DSC; IoU divides by the union.": dsc,
            "that divides by the sum of both areas, in which the overlap counts twice.": dsc / 2,
            "that divides by the area of the truth alone (the recall): false alarms cost nothing.": hit / truth.sum(),
            "that divides by the area predicted (the precision): misses cost nothing.": hit / predicted.sum(),
            "that is the share of pixels that agree; background should not count.": (predicted == truth).mean(),
            "that is the overlap in pixels; divide it.": hit,
        }
        compare(value, iou, mistakes, f"not yet: masks with {hit} common pixels give {value:.3f}.")
    with np.errstate(all="ignore"):
        for p, t in ((nothing, truth), (truth, nothing)):
            compare(answer(p.copy(), t.copy()), 0, {}, "right where both hold something; wrong where only one does.")
        try:
            both = float(answer(nothing, nothing.copy()))
        except ZeroDivisionError:
            both = math.nan
    if math.isnan(both):
        raise Mistake("right, but two empty masks give 0 / 0; what should a network get that rightly finds nothing?")
    compare(both, 1, {}, "right, but two empty masks agree everywhere, and yours does not reward that.")
    return "It gives the package's numbers, for empty masks too."


@exercise(3, expects="a function of a DSC, 0 to 1, that returns a number")
def iou_from_dsc(answer: Callable[[float], Any]) -> str:
    """IoU as a function of DSC."""
    generator = np.random.default_rng(1)
    for density in (0.2, 0.5, 0.8):
        dsc, iou = scores(generator.random((16, 16)) < density, generator.random((16, 16)) < 0.5)
        mistakes = {
            "that is the DSC itself; IoU is the harsher of the two.": dsc,
            "that is the way back, from IoU to DSC: your result exceeds what came in.": 2 * dsc / (1 + dsc),
            "half of it would give a perfect prediction an IoU of 0.5.": dsc / 2,
            "the square is right at 0 and 1 and wrong between; write both scores with P, M and their overlap.": dsc**2,
        }
        value = float(answer(dsc))
        compare(value, iou, mistakes, f"not yet: where DSC is {dsc:.2f}, yours says {value:.3f}.")
    ends = [float(answer(dsc)) for dsc in (0.0, 1.0)]
    compare(ends, [0, 1], {}, "right between, but 0 must stay 0 and 1 must stay 1.")
    return "So the two order single images alike; means over images they may order differently."


@exercise(4, expects="a function of two boolean arrays (n h w) that returns a number")
def all_pairs_control(answer: Callable[[np.ndarray, np.ndarray], Any]) -> str:
    """Mean DSC of every prediction with every other image's mask."""
    generator = np.random.default_rng(2)
    sizes = np.array([0.1, 0.3, 0.5, 0.8])[:, None, None]
    predicted, truth = generator.random((4, 12, 12)) < sizes, generator.random((4, 12, 12)) < sizes[::-1]
    table = np.array([[scores(p, t)[0] for t in truth] for p in predicted])
    n = len(table)
    others = table[~np.eye(n, dtype=bool)]
    one_each = [np.diag(np.roll(table, shift, 1)).mean() for shift in (-1, 1)]
    halves = [table[half].mean() for half in (np.triu_indices(n, 1), np.tril_indices(n, -1))]
    mistakes = {
        "that includes each image's own mask; the control must leave it out.": table.mean(),
        "that is the score itself: each prediction with its own mask.": np.diag(table).mean(),
        "that pairs each prediction with one other mask; take all the others.": tuple(one_each),
        "prediction i with mask j is not prediction j with mask i; you take one of the two.": tuple(halves),
        "the right pairs, but divided by n * n; how many pairs are there?": others.sum() / n**2,
        "the right pairs, but added up; take their mean.": others.sum(),
    }
    value = float(answer(predicted.copy(), truth.copy()))
    compare(value, others.mean(), mistakes, f"not yet: your four images give {value:.3f}.")
    return "All pairs use each mask n - 1 times, so that luck in the pairing matters less."
