"""Figures of lesson 04: where parameters are, how fast networks learn, and their scores over seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from mmsnet_lite.course.plot.figure import blank

_GREYS = ("0.15", "0.45", "0.7", "0.9")
_LINES: tuple[dict[str, Any], ...] = (
    {"color": "black", "ls": "-", "marker": "o"},
    {"color": "black", "ls": "--", "marker": "s"},
    {"color": "0.55", "ls": "-", "marker": "^"},
    {"color": "0.55", "ls": ":", "marker": "v"},
)


def parameter_bars(parts: Mapping[str, Sequence[float]], title: str) -> Figure:
    """Stacked bars, one a stage.

    Args:
        parts: at most four, from the bottom up: parameters of each stage.
        title: above the bars.
    """
    figure = blank(6.2, 2.9)
    axes = figure.subplots()
    stages = range(1, 1 + len(next(iter(parts.values()))))
    below = [0.0 for _ in stages]
    for (name, counts), grey in zip(parts.items(), _GREYS, strict=False):
        thousands = [count / 1e3 for count in counts]
        axes.bar(stages, thousands, 0.6, bottom=below, color=grey, edgecolor="black", lw=0.5, label=name)
        below = [a + b for a, b in zip(below, thousands, strict=True)]
    axes.set_xticks(list(stages), [f"stage {stage}" for stage in stages], fontsize=8)
    axes.set_title(title, fontsize=9)
    axes.set_ylabel("parameters (thousands)", fontsize=8)
    axes.tick_params(axis="y", labelsize=8)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    figure.tight_layout(pad=0.5)
    return figure


def learning_curves(curves: Mapping[str, Sequence[float]], steps: int) -> Figure:
    """DSC on unseen images against training steps, a line a network.

    Args:
        curves: at most four: DSC after each epoch.
        steps: in an epoch.
    """
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
    """DSC of each seed as a point, a row a way of tuning, filled and open points by start.

    Args:
        rows: from the top down; then by start, at most two: DSC of each seed.
    """
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
