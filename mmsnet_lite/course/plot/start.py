"""Figures of lesson 00: what a score does when a mask is moved or grown."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mmsnet_lite.course.colours import MODALITY
from mmsnet_lite.course.plot.figure import blank


def score_of_shift(
    picture: np.ndarray, shifts: Sequence[int], curves: Mapping[str, Sequence[float]], modality: str, shift: int
) -> Figure:
    """Show a painted image beside DSC against shift, one line a modality, the chosen one thick and marked.

    Args:
        picture: uint8 (h w 3), part of the image with prediction and truth painted over it.
        shifts: pixels, the horizontal axis.
        curves: DSC at each shift, by modality.
        modality, shift: the point to mark.
    """
    figure = blank(7.6, 3.2)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
    left.imshow(picture)
    left.set(xticks=[], yticks=[], title=f"{modality}, moved by {shift} px")
    for name, curve in curves.items():
        chosen = name == modality
        look = {"color": MODALITY[name], "zorder": 3 if chosen else 2}
        right.plot(shifts, curve, lw=3 if chosen else 1.8, label=name, **look)
        if chosen:
            right.plot(shift, curve[list(shifts).index(shift)], "o", ms=9, **look)
    right.set(xlabel="shift of the mask (pixels)", ylabel="DSC", ylim=(0, 1.03), title="the same error, four lesions")
    right.grid(alpha=0.3)
    right.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    return figure
