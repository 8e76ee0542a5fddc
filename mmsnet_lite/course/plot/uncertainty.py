"""Figures of lesson 08: uncertainty maps, risk against coverage, reliability, and what correcting masks is worth."""

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmsnet_lite.analysis import Reliability, RiskCoverage
from mmsnet_lite.course.colours import MARK, UNCERTAINTY
from mmsnet_lite.course.plot.figure import blank, frame

_LINES: tuple[dict[str, Any], ...] = (
    {"color": "black", "ls": "-"},
    {"color": MARK, "ls": "--"},
    {"color": "0.5", "ls": "-"},
    {"color": "0.5", "ls": ":"},
    {"color": "#56B4E9", "ls": "-."},
)
_POINTS = 400  # of a drawn curve


def uncertainty_maps(
    pictures: Sequence[np.ndarray], maps: Mapping[str, Sequence[np.ndarray]], names: Sequence[str]
) -> Figure:
    """Pictures (h w 3) with their maps (h w) in a row, each column on one scale from 0 to its largest value, named."""
    figure = blank(1.7 * (1 + len(maps)) + 0.3, 1.7 * len(pictures) + 0.3)
    axes = figure.subplots(len(pictures), 1 + len(maps), squeeze=False)
    for i, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        axes[i, 0].imshow(picture)
        axes[i, 0].set_ylabel(name, fontsize=9)
    for j, (title, arrays) in enumerate(maps.items(), 1):
        largest = max(float(np.max(each)) for each in arrays)
        for i, each in enumerate(arrays):
            axes[i, j].imshow(each, cmap=UNCERTAINTY, vmin=0, vmax=largest)
        axes[0, j].set_title(f"{title}, to {largest:.2f}", fontsize=8)
    for each in axes.flat:
        each.set(xticks=[], yticks=[])
        each.spines[:].set_visible(False)
    figure.tight_layout(pad=0.3)
    return figure


def doubt(
    picture: np.ndarray, entropy: np.ndarray, left: np.ndarray, curve: RiskCoverage, point: tuple[float, float]
) -> Figure:
    """A picture, its entropy, what is left of it, and a risk-coverage curve with the point that the rest stands at."""
    figure = blank(9.6, 2.5)
    axes = figure.subplots(1, 4, width_ratios=(1, 1, 1, 1.5))
    axes[0].imshow(picture)
    axes[1].imshow(entropy, cmap=UNCERTAINTY, vmin=0, vmax=log(2))
    axes[2].imshow(left)
    for each, title in zip(axes, ("errors", "entropy, 0 to ln 2", "retained"), strict=False):
        each.set(xticks=[], yticks=[])
        each.set_title(title, fontsize=9)
    _risk(axes[3], {"": curve})
    axes[3].plot(*point, "o", color=MARK, ms=8)
    figure.tight_layout(pad=0.5, w_pad=1.5)
    return figure


def risk_curves(curves: Mapping[str, RiskCoverage]) -> Figure:
    """Risk against coverage, at most five lines."""
    figure = blank(6.8, 2.8)
    axes = figure.subplots()
    _risk(axes, curves)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout(pad=0.5)
    return figure


def reliability_diagrams(found: Mapping[str, Reliability]) -> Figure:
    """Share of lesion against predicted probability, and how many pixels each bin holds; at most five lines."""
    figure = blank(8.4, 2.8)
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color="0.8", lw=4)
    for (name, each), style in zip(found.items(), _LINES, strict=False):
        filled = ~np.isnan(each.probability)
        p, y = np.array(each.probability)[filled], np.array(each.frequency)[filled]
        left.plot(p, y, marker="o", ms=3, label=f"{name}, error {each.error:.3f}", **style)
        right.plot(p, np.array(each.share)[filled], marker="o", ms=3, **style)
    left.set(xlim=(0, 1), ylim=(0, 1))
    left.legend(frameon=False, fontsize=8)
    right.set(xlim=(0, 1), yscale="log")
    right.yaxis.set_major_formatter("{x:g}")  # the default writes formulas, in fonts that may be missing
    right.yaxis.set_minor_formatter("")
    frame(left, "predicted probability of lesion", "share that is lesion")
    frame(right, "predicted probability of lesion", "share of all pixels")
    figure.tight_layout(pad=0.5)
    return figure


def dots(rows: Mapping[str, Sequence[float]], label: str, chance: float | None = None) -> Figure:
    """Values as points, a row a name, the mean of several marked; a dotted line says what chance gives."""
    figure = blank(6.4, 0.7 + 0.28 * len(rows))
    axes = figure.subplots()
    for y, values in enumerate(rows.values()):
        axes.plot(values, [y] * len(values), "o", color="black", ms=5)
        if len(values) > 1:
            axes.plot(np.mean(values), y, "|", color=MARK, ms=14, mew=2)
    if chance is not None:
        axes.axvline(chance, color="0.5", ls=":")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.locator_params(axis="x", nbins=7, steps=(1, 2, 5, 10))
    axes.grid(alpha=0.3, axis="x")
    frame(axes, label, "")
    figure.tight_layout(pad=1)
    return figure


def _risk(axes: Axes, curves: Mapping[str, RiskCoverage]) -> None:
    for (name, curve), style in zip(curves.items(), _LINES, strict=False):
        some = np.unique(np.linspace(0, len(curve.coverage) - 1, _POINTS).astype(int))
        axes.plot(curve.coverage[some], curve.risk[some], lw=1.5, label=name, **style)
    axes.set(xlim=(0, 1.02), ylim=(0, None))
    frame(axes, "share of pixels retained", "share of them that is wrong")
