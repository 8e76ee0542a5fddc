"""What does uncertainty point at? Wrong pixels, bad images, and regions that are rightly left out (claim C16)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from mmsnet_lite.errors import InputError


def check_pairs(*values: Tensor) -> None:
    """Raise InputError where tensors differ in shape."""
    if len({each.shape for each in values}) > 1:
        shapes = ", ".join(str(tuple(each.shape)) for each in values)
        raise InputError(f"values of shapes {shapes} do not pair; give one of each")


def _tied(scores: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Items of equal score taken together, in ascending order: sums of values, numbers, and each item's place."""
    check_pairs(scores, values)
    if not torch.isfinite(scores).all():
        raise InputError("some scores are not finite; leave those items out")
    _, place, counts = scores.flatten().unique(return_inverse=True, return_counts=True)
    sums = torch.zeros(len(counts), dtype=torch.float64, device=scores.device)
    return sums.index_add(0, place, values.flatten().double()), counts, place


def auroc(scores: Tensor, errors: Tensor) -> float:
    """The probability that a wrong pixel has a higher score than a right one, ties counting half.

    Of scores (any shape, higher means more likely wrong) and errors (bool) 0..1, 0.5 by chance; nan where all pixels
    are right, or all wrong.

    Raises:
        InputError: shapes that differ, or a score that is not finite.
    """
    wrong, counts, _ = _tied(scores, errors)
    right = counts - wrong
    return float((wrong * (right.cumsum(0) - right / 2)).sum() / (wrong.sum() * right.sum()))


def average_precision(scores: Tensor, errors: Tensor) -> float:
    """The area under the precision-recall curve, ``sum_i (R_i - R_{i-1}) P_i``.

    P_i and R_i are precision and recall of "wrong where the score is at least the i-th highest". Arguments and errors
    as for `auroc`; 0..1, by chance the share of wrong pixels; nan where none is wrong.

    Convention: by steps, not by trapezoids, which are too optimistic between points.
    """
    wrong, counts, _ = (each.flip(0) for each in _tied(scores, errors))
    return float((wrong * wrong.cumsum(0) / counts.cumsum(0)).sum() / wrong.sum())


def boundary_distance(masks: Tensor) -> Tensor:
    """The Euclidean distance of each pixel's centre to that of the nearest pixel of the other class.

    Of masks (b 1 h w), bool or 0 and 1; float32 of that shape.

    Convention: in pixels, 1 for those that touch the boundary; infinite in an image that is all lesion or has none.
    """
    distances = []
    for mask in masks.bool().cpu().numpy().reshape(-1, *masks.shape[2:]):
        if mask.all() or not mask.any():
            distances.append(np.full(mask.shape, np.inf, np.float32))
            continue
        inside, outside = (
            cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for side in (mask, ~mask)
        )
        # squares are whole numbers: OpenCV's last digits vary from call to call, and would break ties at random
        distances.append(np.sqrt(np.rint((inside + outside) ** 2)))
    return torch.from_numpy(np.stack(distances)).view(masks.shape).to(masks.device)


@dataclass(frozen=True)
class Detection:
    """How well one score finds wrong pixels.

    auroc: over all pixels, 0.5 by chance.
    auprc: within the radius of the true boundary; chance is `share`.
    share: of wrong pixels within the radius, 0..1.
    """

    auroc: float
    auprc: float
    share: float


def error_detection(
    scores: Mapping[str, Tensor], predictions: Tensor, masks: Tensor, radius: float = 8
) -> dict[str, Detection]:
    """Compare scores by how well they find the pixels where a prediction is wrong, pixels of all images pooled.

    Most errors lie near the boundary, and most pixels do not; so over all pixels any score that knows where the
    boundary is does well, and the second figure asks which of the pixels there are wrong.

    Convention: near is a `boundary_distance` of at most `radius` pixels to the true boundary; an image without lesion,
    or all lesion, has none.

    Args:
        scores: by name, each (b 1 h w), higher means more uncertain; the negative `boundary_distance` of the
            prediction, made finite, is the control that no network is needed for.
        predictions, masks: (b 1 h w), bool.

    Raises:
        InputError: as `auroc`.
    """
    errors = predictions.bool() != masks.bool()
    near = boundary_distance(masks) <= radius
    share = float(errors[near].double().mean())
    return {
        name: Detection(auroc(score, errors), average_precision(score[near], errors[near]), share)
        for name, score in scores.items()
    }


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

    Items, of any shape, are pixels (loss: wrong or not) or images (loss: 1 - DSC). Useless uncertainty keeps the risk
    at the mean loss; ``risk_coverage(loss, loss)`` is the best that any can do. Raises as `auroc`.

    Convention: items of equal uncertainty enter in equal parts, so that their order means nothing.

    Source: El-Yaniv and Wiener (JMLR 2010); the area, Geifman, Uziel and El-Yaniv (ICLR 2019).
    """
    sums, counts, place = _tied(uncertainty, loss)
    kept = torch.arange(1, len(place) + 1, dtype=torch.float64, device=sums.device)
    risk = (sums / counts).repeat_interleave(counts).cumsum(0) / kept
    return RiskCoverage(kept / len(place), risk, float(risk.mean()))


def spearman(a: Tensor, b: Tensor) -> float:
    """Spearman's rank correlation of n pairs, -1..1, tied values sharing their mean rank; nan where one is constant.

    Raises as `auroc`.
    """
    ranks = []
    for values, others in ((a, b), (b, a)):
        _, counts, place = _tied(values, others)
        ranks.append((counts.cumsum(0) - (counts - 1) / 2).double()[place])
    return float(torch.corrcoef(torch.stack(ranks))[0, 1])


def image_uncertainty(uncertainty: Tensor, predictions: Tensor) -> Tensor:
    """One number an image, float64 (b): its uncertainty (b 1 h w) summed, for each pixel that is called lesion.

    Convention: the mean over the image would rank by the length of the boundary, so by the lesion's size; a large
    lesion with a long boundary can still have a high DSC. An image without a predicted lesion divides by 1.
    """
    return uncertainty.double().sum((1, 2, 3)) / predictions.double().sum((1, 2, 3)).clamp(min=1)


@dataclass(frozen=True)
class Disputed:
    """What becomes of uncertain pixels and of uncertain regions; nan is the share of nothing.

    uncertain: share of all pixels.
    rejected, missed, found, invented: shares of the uncertain pixels, by prediction and truth: neither calls it lesion,
        truth alone, both, prediction alone.
    regions: number of connected uncertain regions.
    rejected_regions: share of them that hold no pixel of prediction or truth, nor touch one.
    rejected_area: share of the uncertain pixels that lie in such regions.
    """

    uncertain: float
    rejected: float
    missed: float
    found: float
    invented: float
    regions: int
    rejected_regions: float
    rejected_area: float


def disputed(uncertainty: Tensor, predictions: Tensor, masks: Tensor, threshold: float) -> Disputed:
    """Measure how much of what is uncertain is, rightly, not segmented.

    The rim of any lesion is uncertain, and its outer half is rightly left out: that alone makes `rejected` about a
    half. `rejected_regions` counts what the claim means, places apart from every lesion.

    Convention: uncertain is ``>= threshold``; pixels are connected to all eight neighbours.

    Raises:
        InputError: maps (b 1 h w) that differ in shape.
    """
    check_pairs(uncertainty, predictions, masks)
    uncertain = (uncertainty >= threshold).cpu().numpy()[:, 0]
    predicted, truth = (each.bool().cpu().numpy()[:, 0] for each in (predictions, masks))
    regions = rejected_regions = rejected_area = 0
    for doubt, lesion in zip(uncertain, predicted | truth, strict=True):
        touched = cv2.dilate(lesion.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(doubt.astype(np.uint8), connectivity=8)
        alone = np.setdiff1d(np.arange(1, count), labels[touched])
        regions += count - 1
        rejected_regions += len(alone)
        rejected_area += int(stats[alone, cv2.CC_STAT_AREA].sum())
    pixels = int(uncertain.sum())

    def share(of: np.ndarray | int, total: int = pixels) -> float:
        return float(np.sum(of) / total) if total else float("nan")

    return Disputed(
        uncertain=pixels / uncertain.size,
        rejected=share(uncertain & ~predicted & ~truth),
        missed=share(uncertain & ~predicted & truth),
        found=share(uncertain & predicted & truth),
        invented=share(uncertain & predicted & ~truth),
        regions=regions,
        rejected_regions=share(rejected_regions, regions),
        rejected_area=share(rejected_area),
    )
