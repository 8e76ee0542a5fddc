"""Does uncertainty put the bad ones last? Risk against coverage, and the ranking of images against their DSC."""

from typing import NamedTuple

import torch
from torch import Tensor

from mmsnet_lite.errors import InputError


class RiskCoverage(NamedTuple):
    """What `risk_coverage` returns.

    coverage: the share kept, float64 (n), 1/n .. 1.
    risk: the mean loss of those kept, float64 (n), in the units of the loss.
    area: the mean of `risk`, AURC.
    """

    coverage: Tensor
    risk: Tensor
    area: float


def risk_coverage(uncertainty: Tensor, loss: Tensor) -> RiskCoverage:
    """The mean loss of the k most certain items, k = 1 .. n, and the area under that curve.

    Items are pixels (loss: wrong or not) or images (loss: 1 - DSC; then 1 - risk is the mean DSC of those retained).
    Useless uncertainty keeps the risk at the mean loss; ``risk_coverage(loss, loss)`` is the best that any can do.

    Convention: items of equal uncertainty enter in equal parts, so that their order means nothing.

    Args:
        uncertainty: n values of any shape, finite.
        loss: of that shape.

    Raises:
        InputError: shapes that differ, no item, or an uncertainty that is not finite.

    Source: El-Yaniv and Wiener (JMLR 2010); the area, Geifman, Uziel and El-Yaniv (ICLR 2019).
    """
    _check(uncertainty, loss)
    u, group = uncertainty.flatten().unique(return_inverse=True)  # ascending
    sums = torch.zeros(len(u), dtype=torch.float64, device=u.device).index_add(0, group, loss.flatten().double())
    counts = torch.bincount(group)
    spread = (sums / counts).repeat_interleave(counts)  # each item's expected loss, most certain first
    kept = torch.arange(1, len(group) + 1, dtype=torch.float64, device=u.device)
    risk = spread.cumsum(0) / kept
    return RiskCoverage(kept / len(group), risk, float(risk.mean()))


def spearman(a: Tensor, b: Tensor) -> float:
    """Spearman's rank correlation: the linear correlation of ranks, tied values sharing their mean rank.

    Args:
        a, b: n values each, finite.

    Returns:
        -1..1; nan where one is constant.

    Raises:
        InputError: shapes that differ, no value, or one that is not finite.
    """
    _check(a, b)
    _check(b, a)
    return float(torch.corrcoef(torch.stack([_ranks(a), _ranks(b)]))[0, 1])


def image_uncertainty(uncertainty: Tensor, predictions: Tensor) -> Tensor:
    """One number an image: its uncertainty summed over pixels, for each pixel that is called lesion.

    Convention: the mean over the image would rank by the length of the boundary, so by the lesion's size; a large
    lesion with a long boundary can still have a high DSC. An image without a predicted lesion divides by 1.

    Args:
        uncertainty: (b 1 h w).
        predictions: (b 1 h w), bool.

    Returns:
        float64 (b), 0 or more for an uncertainty of 0 or more.
    """
    return uncertainty.double().sum((1, 2, 3)) / predictions.double().sum((1, 2, 3)).clamp(min=1)


def _ranks(values: Tensor) -> Tensor:
    _, group, counts = values.flatten().unique(return_inverse=True, return_counts=True)
    return (counts.cumsum(0) - (counts - 1) / 2).double()[group]


def _check(values: Tensor, others: Tensor) -> None:
    if values.shape != others.shape or not values.numel():
        raise InputError(f"{tuple(values.shape)} and {tuple(others.shape)} values do not pair; give one of each")
    if not torch.isfinite(values).all():
        raise InputError("some values to rank are not finite; leave those items out")
