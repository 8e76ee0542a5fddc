"""The explorer of lesson 00."""

import cv2
import numpy as np
import torch
from matplotlib.figure import Figure

from mmsnet_lite.course.colours import MODALITY, overlay
from mmsnet_lite.course.explore.explorer import Choice, controls
from mmsnet_lite.course.plot import blank
from mmsnet_lite.data.synthetic import MODALITIES, draw
from mmsnet_lite.training import image_metrics

SIZE, SHIFTS = 128, range(0, 17, 2)


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


@controls(
    modality=Choice("modality", MODALITIES, "fundus"),
    shift=Choice("move by (px)", (0, 2, 4, 8, 12, 16), 4),
    grow=Choice("grow by (px)", (-4, -2, 0, 2, 4, 8), 0),
)
def score(modality: str, shift: int, grow: int) -> tuple[Figure, str]:
    """What DSC and IoU do when a true mask is grown and moved: a point on the curves of all modalities."""
    figure = blank(7.6, 3.2)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
    same = []
    for name in MODALITIES:
        image, truth = draw(name, 0, 1, SIZE)
        curve = [scores(changed(truth, s, grow), truth)[0] for s in SHIFTS]
        at = curve[SHIFTS.index(shift)]
        same.append(f"{name} {at:.2f}")
        style = "--" if name == MODALITIES[-1] else "-"  # shows the curve that it lies on
        right.plot(SHIFTS, curve, style, lw=1.8, label=name, color=MODALITY[name], zorder=2)
        if name == modality:
            right.lines[-1].set(lw=3, zorder=3)
            right.plot(shift, at, "o", ms=9, color=MODALITY[name], zorder=3)
            predicted, covered = changed(truth, shift, grow), truth.mean()
            left.imshow(close_up(overlay(image, predicted, truth), truth))
            dsc, iou = scores(predicted, truth)
    left.set(xticks=[], yticks=[], title=f"{modality}, moved by {shift} px")
    right.set(xlabel="shift of the mask (pixels)", ylabel="DSC", ylim=(0, 1.03), title="the same error, four lesions")
    right.grid(alpha=0.3)
    right.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    size = f" and {'grown' if grow > 0 else 'shrunk'} by {abs(grow)}" if grow else ""
    alt = (
        f"The true mask of a {modality} image, which covers {covered:.1%} of it, moved by {shift} of {SIZE} "
        f"pixels{size}, scores DSC {dsc:.2f} and IoU {iou:.2f}. The same change gives {', '.join(same)}."
    )
    return figure, alt
