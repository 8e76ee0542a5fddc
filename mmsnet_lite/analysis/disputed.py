"""Regions that are uncertain and still, rightly, not segmented (claim C16)."""

from dataclasses import dataclass

import cv2
import numpy as np
from torch import Tensor

from mmsnet_lite.analysis.detection import check_pairs


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
