"""Does uncertainty find errors? Areas under two curves, over all pixels and near the boundary."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from mmsnet_lite.errors import InputError


def _steps(scores: Tensor, errors: Tensor) -> tuple[Tensor, Tensor]:
    """Errors and correct pixels above each distinct score, highest first: counts that end at all of them."""
    if scores.shape != errors.shape:
        raise InputError(f"scores {tuple(scores.shape)} and errors {tuple(errors.shape)} differ; give one of each")
    if not torch.isfinite(scores).all():
        raise InputError("some scores are not finite; leave those pixels out")
    order = scores.flatten().argsort(descending=True)
    ranked, wrong = scores.flatten()[order], errors.flatten()[order].double()
    last = torch.ones_like(ranked, dtype=torch.bool)  # of its score
    last[:-1] = ranked[1:] != ranked[:-1]
    return wrong.cumsum(0)[last], (1 - wrong).cumsum(0)[last]


def auroc(scores: Tensor, errors: Tensor) -> float:
    """The probability that a wrong pixel has a higher score than a right one, ties counting half.

    Args:
        scores: any shape, finite; higher means more likely wrong.
        errors: bool, of that shape.

    Returns:
        0..1, 0.5 by chance; nan where all pixels are right, or all wrong.

    Raises:
        InputError: shapes that differ, or a score that is not finite.
    """
    wrong, right = (torch.cat([count.new_zeros(1), count]) for count in _steps(scores, errors))
    area = torch.trapezoid(wrong, right) / (wrong[-1] * right[-1])
    return float(area)


def average_precision(scores: Tensor, errors: Tensor) -> float:
    """The area under the precision-recall curve, as average precision: ``sum_i (R_i - R_{i-1}) P_i``.

    i runs over the distinct scores, highest first; P_i and R_i are precision and recall of "wrong where the score is at
    least this".

    Convention: by steps, not by trapezoids, which are too optimistic between points.

    Args:
        scores, errors: see `auroc`.

    Returns:
        0..1, by chance the share of wrong pixels; nan where none is wrong.

    Raises:
        InputError: as `auroc`.
    """
    wrong, right = _steps(scores, errors)
    if not errors.any():
        return float("nan")
    return float((wrong.diff(prepend=wrong.new_zeros(1)) * wrong / (wrong + right)).sum() / wrong[-1])


def boundary_distance(masks: Tensor) -> Tensor:
    """The Euclidean distance of each pixel's centre to that of the nearest pixel of the other class.

    Convention: in pixels, 1 for those that touch the boundary; infinite in an image that is all lesion or has none.

    Args:
        masks: (b 1 h w), bool or 0 and 1.

    Returns:
        float32 (b 1 h w), 1 or more.
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
    """Compare scores by how well they find the pixels where a prediction is wrong.

    All scores are judged on the errors of one prediction. Most errors lie near the boundary, and most pixels do not; so
    over all pixels any score that knows where the boundary is does well, and the second figure asks which of the pixels
    there are wrong. Pixels of all images are pooled.

    Convention: near is a `boundary_distance` of at most `radius` to the true boundary; an image without lesion, or all
    lesion, has none.

    Args:
        scores: by name, each (b 1 h w), higher means more uncertain; the negative `boundary_distance` of the prediction
            is the control that no network is needed for.
        predictions, masks: (b 1 h w), bool.
        radius: in pixels.

    Raises:
        InputError: as `auroc`; the distance to a boundary that is not there must be made finite first.
    """
    errors = predictions.bool() != masks.bool()
    near = boundary_distance(masks) <= radius
    share = float(errors[near].double().mean())
    return {
        name: Detection(auroc(score, errors), average_precision(score[near], errors[near]), share)
        for name, score in scores.items()
    }
