"""Figures of lesson 04: how fast networks learn, and their scores over seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from mmsnet_lite.course.plot.figure import blank

_LINES: tuple[dict[str, Any], ...] = (
    {"color": "black", "ls": "-", "marker": "o"},
    {"color": "black", "ls": "--", "marker": "s"},
    {"color": "0.55", "ls": "-", "marker": "^"},
    {"color": "0.55", "ls": ":", "marker": "v"},
)


def learning_curves(curves: Mapping[str, Sequence[float]], steps: int) -> Figure:
    """DSC on unseen images after each epoch of so many steps, a line a network (at most four)."""
    figure = blank(7.2, 2.7)
    axes = figure.subplots()
    for (name, values), style in zip(curves.items(), _LINES, strict=False):
        axes.plot([steps * (i + 1) for i in range(len(values))], values, ms=4, label=name, **style)
    axes.set(ylim=(0, None), xticks=[steps * (i + 1) for i in range(max(map(len, curves.values())))])
    axes.set_xlabel("training steps", fontsize=8)
    axes.set_ylabel("DSC on unseen images", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout(pad=0.5)
    return figure


def seed_scores(rows: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """DSC of each seed as a point, a row a way of tuning, filled and open points by start (at most two)."""
    figure = blank(5.8, 0.7 + 0.27 * len(rows))
    axes = figure.subplots()
    for y, starts in enumerate(rows.values()):
        for (start, values), fill in zip(starts.items(), ("black", "none"), strict=False):
            label = start if y == 0 else None
            axes.scatter(values, [y] * len(values), s=28, facecolors=fill, edgecolors="black", label=label)
    axes.set_yticks(range(len(rows)), list(rows), fontsize=8)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("mean DSC on MixLite test images, a point a seed", fontsize=8)
    axes.tick_params(axis="x", labelsize=7)
    axes.grid(alpha=0.3, axis="x")
    if any(len(starts) > 1 for starts in rows.values()):
        axes.legend(frameon=False, fontsize=8)
    figure.tight_layout(pad=0.5)
    return figure
