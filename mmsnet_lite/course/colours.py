"""The colour contract: one colour or colour map per quantity, everywhere, safe for colour-blind readers."""

import cv2
import numpy as np

# Okabe and Ito's palette, RGB 0..255
AGREE = (0, 158, 115)  # true positive, or a prediction shown without its truth
FALSE_ALARM = (230, 159, 0)  # false positive
MISSED = (0, 114, 178)  # false negative

# matplotlib colour maps
GREY = "gray"  # pictures of one channel
MAGNITUDE = "cividis"  # |frequency|, band moduli
SIGNED = "PuOr"  # sub-bands, differences: white at 0, so draw from -m to m
PROBABILITY = "viridis"  # 0..1
UNCERTAINTY = "magma"  # entropy, variance: from 0 up

MARK = "#D55E00"  # the line or point of which a figure speaks

# Lines and points of a modality: what Okabe and Ito have left that shows on white
MODALITY = {"fundus": "#D55E00", "colonoscopy": "#CC79A7", "ultrasound": "#56B4E9", "dermoscopy": "#000000"}


def overlay(image: np.ndarray, predicted: np.ndarray, truth: np.ndarray | None = None, fill: float = 0.4) -> np.ndarray:
    """Paint a mask over an image: a light fill and a solid outline; with a truth, errors in their own colours.

    Args:
        image: uint8 (h w 3) RGB.
        predicted: (h w) bool or 0 and 1.
        truth: likewise, or None.
        fill: share of colour inside; 0 paints the outlines alone.

    Returns:
        uint8 (h w 3) RGB.
    """
    predicted = predicted.astype(bool)
    regions = [(predicted, AGREE)]
    if truth is not None:
        truth = truth.astype(bool)
        regions = [(predicted & truth, AGREE), (predicted & ~truth, FALSE_ALARM), (~predicted & truth, MISSED)]
    painted = image.copy()
    for region, colour in regions:
        painted[region] = ((1 - fill) * painted[region] + fill * np.array(colour)).astype(np.uint8)
    thickness = max(1, round(min(image.shape[:2]) / 150))
    outlines = [(predicted, AGREE)] if truth is None else [(truth, MISSED), (predicted, AGREE)]
    for region, colour in outlines:
        contours, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(painted, contours, -1, colour, thickness)
    return painted
