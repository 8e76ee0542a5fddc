"""Is a probability of 0.7 right seven times in ten? Reliability, calibration error, temperature."""

from dataclasses import dataclass

import torch
from torch import Tensor

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

    Args:
        probabilities: any shape, 0..1.
        masks: of that shape, bool or 0 and 1.
        bins: 1 or more.

    Raises:
        InputError: shapes that differ, no pixels, values outside 0..1, or no bins.
    """
    if probabilities.shape != masks.shape or not masks.numel():
        raise InputError(f"{tuple(probabilities.shape)} probabilities do not fit {tuple(masks.shape)} mask pixels")
    if bins < 1:
        raise InputError(f"bins = {bins} does not fit; choose 1 or more, such as 15")
    p, y = probabilities.flatten().double(), masks.flatten().double()
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError("some probabilities lie outside 0..1; give probabilities, not logits")
    index = (p * bins).long().clamp(max=bins - 1)
    count, confidence, positive = (
        torch.zeros(bins, dtype=p.dtype, device=p.device).index_add(0, index, value)
        for value in (torch.ones_like(p), p, y)
    )
    error = (positive - confidence).abs().sum() / count.sum()
    return Reliability(
        tuple((confidence / count).tolist()),
        tuple((positive / count).tolist()),
        tuple((count / count.sum()).tolist()),
        float(error),
    )


def fit_temperature(logits: Tensor, masks: Tensor) -> float:
    """The T > 0 by which to divide logits so that they are likeliest: minimises the cross-entropy of sigmoid(z / T).

    One number: no pixel changes sides, no ranking changes. The slope of the cross-entropy in 1 / T,
    ``sum (sigmoid(z / T) - y) z``, only rises, so its zero is bisected.

    Fit it on validation images; on the images to be judged it would flatter the result. `assess` refuses that.

    Args:
        logits: any shape.
        masks: of that shape, bool or 0 and 1.

    Returns:
        T, 0.01..100; above 1 where the network was too sure.

    Raises:
        InputError: shapes that differ, or no such T: no pixel is wrong, or the logits are no better than chance.

    Source: Guo et al., "On calibration of modern neural networks" (ICML 2017).
    """
    if logits.shape != masks.shape:
        raise InputError(f"logits {tuple(logits.shape)} and masks {tuple(masks.shape)} differ; give one of each")
    z, y = logits.flatten().double(), masks.flatten().double()

    def slope(temperature: float) -> float:
        return float((((z / temperature).sigmoid() - y) * z).sum())

    low, high = 0.01, 100.0
    if not slope(high) < 0 < slope(low):
        raise InputError(
            f"no temperature from {low} to {high} fits: these logits are right everywhere, or no better than chance; "
            "fit it on more validation images, or train the network first"
        )
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if slope(middle) < 0 else (middle, high)
    return high
