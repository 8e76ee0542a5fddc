"""Is a probability of 0.7 right seven times in ten? Reliability, calibration error, temperature."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mmsnet_lite.analysis.detection import check_pairs
from mmsnet_lite.errors import InputError


@dataclass(frozen=True)
class Reliability:
    """The reliability diagram's data, one entry a bin of equal width, and the error that sums it up.

    probability: mean predicted probability of lesion in the bin, 0..1; nan in an empty bin.
    frequency: share of lesion among the bin's pixels, 0..1; nan in an empty bin.
    share: of all pixels, 0..1.
    error: expected calibration error, sum of share |frequency - probability|, 0..1.
    """

    probability: tuple[float, ...]
    frequency: tuple[float, ...]
    share: tuple[float, ...]
    error: float


def reliability(probabilities: Tensor, masks: Tensor, bins: int = 15) -> Reliability:
    """Compare predicted probabilities with how often they come true (Guo et al., ICML 2017).

    Convention: bins are of the probability of lesion, not of the confidence in the likelier class, so that too much and
    too little lesion are told apart. Half open, ``i / bins <= p < (i + 1) / bins``; the last holds p = 1.
    Convention: every pixel counts the same, so the error is dominated by plain background; read it beside the diagram.

    Raises:
        InputError: probabilities and masks (bool or 0 and 1) that differ in shape, or probabilities outside 0..1.
    """
    check_pairs(probabilities, masks)
    p, y = probabilities.flatten().double(), masks.flatten().double()
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError("some probabilities lie outside 0..1; give probabilities, not logits")
    index = (p * bins).long().clamp(max=bins - 1)
    count, confidence, positive = (p.new_zeros(bins).index_add(0, index, each) for each in (torch.ones_like(p), p, y))
    error = float((positive - confidence).abs().sum() / len(p))
    diagram = (confidence / count, positive / count, count / len(p))
    probability, frequency, share = (tuple(each.tolist()) for each in diagram)
    return Reliability(probability, frequency, share, error)


def fit_temperature(logits: Tensor, masks: Tensor) -> float:
    """The T > 0 by which to divide logits so that they are likeliest: minimises the cross-entropy of sigmoid(z / T).

    No pixel changes sides, no ranking changes. The slope of the cross-entropy in 1 / T, ``sum (sigmoid(z / T) - y) z``,
    only rises, so its zero is bisected. Fit it on validation images; on those to be judged it would flatter the result.

    Returns:
        T, 0.01..100; above 1 where the network was too sure.

    Raises:
        InputError: logits and masks (bool or 0 and 1) that differ in shape, or no such T: no pixel is wrong, or the
            logits are no better than chance.

    Source: Guo et al., "On calibration of modern neural networks" (ICML 2017).
    """
    check_pairs(logits, masks)
    z, y = logits.flatten().double(), masks.flatten().double()

    def slope(temperature: float) -> float:
        return float((((z / temperature).sigmoid() - y) * z).sum())

    low, high = 0.01, 100.0
    if not slope(high) < 0 < slope(low):
        raise InputError("no temperature fits: logits are right everywhere, or no better than chance; take more images")
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if slope(middle) < 0 else (middle, high)
    return high
