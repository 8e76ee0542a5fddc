"""Figures of lesson 03: what is told apart against K, and what a guidance block makes of an image."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from torch import Tensor

from mmsnet_lite.course.colours import PROBABILITY
from mmsnet_lite.course.plot.figure import blank

_LINES = ({"color": "black", "ls": "-"}, {"color": "0.45", "ls": "--"}, {"color": "0.45", "ls": ":"})


def accuracy_curves(counts: Sequence[int], curves: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Accuracy against K, one pair of axes a question, one line a reader (at most three); chance is marked."""
    figure = blank(3.6 * len(curves), 2.9)
    cells = figure.subplots(1, len(curves), squeeze=False, sharey=True).ravel()
    for axes, (question, lines) in zip(cells, curves.items(), strict=True):
        axes.axhline(0.5, color="0.8", lw=1)
        for (name, values), style in zip(lines.items(), _LINES, strict=False):
            axes.plot(counts, values, marker="o", ms=4, label=name, **style)
        axes.set_title(question, fontsize=9)
        axes.set_xscale("log", base=2)
        axes.set_xticks(counts, [str(count) for count in counts], fontsize=8)
        axes.set(ylim=(0.42, 1.03))
        axes.set_xlabel("K", fontsize=9)
        axes.tick_params(axis="y", labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    cells[0].set_ylabel("told apart (accuracy)", fontsize=9)
    cells[0].text(counts[-1], 0.49, "chance", fontsize=8, color="0.5", ha="right", va="top")
    cells[-1].legend(frameon=False, fontsize=8, loc="upper left")
    figure.tight_layout(pad=0.5)
    return figure


def weights_and_map(image: Tensor, foreground: Tensor, weights: Tensor, row: int, name: str) -> Figure:
    """An image, its foreground map, and its channel weights (dots) within their range over all images (bars).

    Args:
        image: (h w 3), 0 to 1.
        foreground: (h' w'), 0 to 1.
        weights: (b c), 0 to 1; channels are drawn from the smallest to the largest median.
        row: which of the b is the image.
        name: of the image.
    """
    figure = blank(8.6, 2.4)
    figure.set_layout_engine("constrained", w_pad=0.08)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1.2, 2))
    left.imshow(image.numpy())
    left.set_title(name, fontsize=9)
    shown = middle.imshow(foreground.numpy(), cmap=PROBABILITY, vmin=0, vmax=1)
    middle.set_title(f"foreground M, {foreground.shape[0]}x{foreground.shape[1]}", fontsize=9)
    figure.colorbar(shown, ax=middle, shrink=0.8).ax.tick_params(labelsize=8)
    for axes in (left, middle):
        axes.set(xticks=[], yticks=[])
    ordered = weights[:, weights.median(0).values.argsort()].numpy()
    places = range(ordered.shape[1])
    right.vlines(places, ordered.min(0), ordered.max(0), color="0.75", lw=3, label=f"{len(ordered)} test images")
    right.plot(places, ordered[row], "o", color="black", ms=3, label="this image")
    right.axhline(0.5, color="0.5", lw=0.8, ls=":")
    right.set(ylim=(0, 1), xticks=[])
    right.set_xlabel("channel, sorted", fontsize=8)
    right.set_ylabel("weight A", fontsize=8)
    right.tick_params(labelsize=8)
    right.spines[["top", "right"]].set_visible(False)
    right.legend(frameon=False, fontsize=8, loc="upper left")
    return figure
