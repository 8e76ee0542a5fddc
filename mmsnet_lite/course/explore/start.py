"""Explorers of lesson 00."""

import functools

import cv2
import numpy as np
import torch
from matplotlib.figure import Figure

from mmsnet_lite.course.colours import overlay
from mmsnet_lite.course.explore.explorer import Choice, Explorer
from mmsnet_lite.course.plot.start import score_of_shift
from mmsnet_lite.data.synthetic import MODALITIES, draw
from mmsnet_lite.training import image_metrics

SIZE, SEED, INDEX = 128, 0, 1
SHIFTS = tuple(range(0, 17, 2))


@functools.cache
def example(modality: str) -> tuple[np.ndarray, np.ndarray]:
    """The image (h w 3) and mask (h w) that stand for a modality."""
    return draw(modality, SEED, INDEX, SIZE)


def changed(mask: np.ndarray, shift: int, grow: int) -> np.ndarray:
    """A mask grown by so many pixels on all sides (below 0: shrunk), then moved to the right; what leaves is lost."""
    if grow:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(grow) + 1,) * 2)
        mask = (cv2.dilate if grow > 0 else cv2.erode)(mask.astype(np.uint8), disc)
    moved = np.zeros(mask.shape, bool)
    moved[:, shift:] = mask[:, : mask.shape[1] - shift]
    return moved


def close_up(picture: np.ndarray, mask: np.ndarray, margin: int = 24) -> np.ndarray:
    """The part of a picture within `margin` pixels of a mask's bounding box."""
    rows, columns = np.nonzero(mask)
    top, left = max(0, rows.min() - margin), max(0, columns.min() - margin)
    return picture[top : rows.max() + margin + 1, left : columns.max() + margin + 1]


def scores(predicted: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """The package's DSC and IoU of two masks."""
    logits, mask = torch.from_numpy(np.where(predicted, 9.0, -9.0)), torch.from_numpy(truth)
    dsc, iou, *_ = image_metrics(logits[None, None], mask[None, None])[0].tolist()
    return dsc, iou


def draw_scores(modality: str, shift: int, grow: int) -> tuple[Figure, str]:
    """Score a true mask that was grown and moved, and show the whole curve for all four modalities."""
    curves = {}
    for name in MODALITIES:
        truth = example(name)[1]
        curves[name] = [scores(changed(truth, s, grow), truth)[0] for s in SHIFTS]
    image, truth = example(modality)
    predicted = changed(truth, shift, grow)
    dsc, iou = scores(predicted, truth)
    size = f" and {'grown' if grow > 0 else 'shrunk'} by {abs(grow)}" if grow else ""
    alt = (
        f"The true mask of a {modality} image, which covers {truth.mean():.1%} of it, moved by {shift} of {SIZE} "
        f"pixels{size}, scores DSC {dsc:.2f} and IoU {iou:.2f}. "
    )
    alt += "The same change gives " + ", ".join(f"{m} {curves[m][SHIFTS.index(shift)]:.2f}" for m in MODALITIES) + "."
    picture = close_up(overlay(image, predicted, truth), truth)
    return score_of_shift(picture, SHIFTS, curves, modality, shift), alt


def score() -> Explorer:
    """What DSC and IoU do when a mask is moved or grown, by modality."""
    return Explorer(
        draw_scores,
        modality=Choice("modality", MODALITIES, "fundus"),
        shift=Choice("move by (px)", (0, 2, 4, 8, 12, 16), 4),
        grow=Choice("grow by (px)", (-4, -2, 0, 2, 4, 8), 0),
    )
