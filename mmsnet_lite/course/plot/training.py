"""How a run went: its curves and samples; figures of lesson 05: schedule, thresholds, intervals, metric cards."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from mmsnet_lite.course.colours import overlay
from mmsnet_lite.course.plot.figure import blank, picture_grid
from mmsnet_lite.course.profile import Card
from mmsnet_lite.training import Evaluation

SHOWN = 6  # epochs in a grid of samples


def curves(history: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw loss, validation scores and learning rate by epoch; the best epoch by DSC is marked.

    Args:
        history: the records that `train` returns and metrics.jsonl holds, at least one.
    """
    epochs = [record["epoch"] for record in history]
    best = max(history, key=lambda record: record["validation_dsc"])
    figure = blank(10, 2.8)
    loss, scores, rate = figure.subplots(1, 3)
    loss.plot(epochs, [record["loss"] for record in history], "o-", color="black", ms=3)
    loss.set(title="training loss")
    for name, line in (("dsc", "o-"), ("iou", "s--"), ("mae", "^:")):
        values = [record[f"validation_{name}"] for record in history]
        scores.plot(epochs, values, line, color="black", ms=3, label=name.upper())
    scores.axvline(best["epoch"], color="#D55E00", lw=1)
    scores.set(title=f"validation: best DSC {best['validation_dsc']:.3f} in epoch {best['epoch']}", ylim=(0, 1))
    scores.legend(fontsize=8, frameon=False)
    rate.plot(epochs, [record["lr"] for record in history], "o-", color="black", ms=3)
    rate.set(title="learning rate at the epoch's end", yscale="log")
    for axis in (loss, scores, rate):
        axis.title.set_fontsize(9)
        _plain(axis, "epoch")
    figure.tight_layout()
    return figure


def sample_grid(rows: Mapping[str, Sequence[np.ndarray]]) -> Figure:
    """Draw a row an image: the image, then what was found after some epochs, first and last among them.

    Args:
        rows: RGB tiles by name: "images", "masks" and one or more "epoch-NNN", see `read_samples`.
    """
    epochs = [name for name in rows if name.startswith("epoch-")]
    chosen = [epochs[i] for i in sorted({round(i) for i in np.linspace(0, len(epochs) - 1, SHOWN)})]
    pictures = []
    for i, (image, mask) in enumerate(zip(rows["images"], rows["masks"], strict=True)):
        found = [overlay(image, rows[name][i][..., 0] >= 128, mask[..., 0] >= 128) for name in chosen]
        pictures.append([image, *found])
    names = [f"epoch {int(name.removeprefix('epoch-'))}" for name in chosen]
    return picture_grid(pictures, [str(i + 1) for i in range(len(pictures))], ["image", *names], legend=True)


def schedule(rates: np.ndarray, epoch: int) -> Figure:
    """Draw the learning rate of each step, on a linear and a logarithmic axis, `epoch` steps marked."""
    figure = blank(8.6, 2.6)
    for axes, scale in zip(figure.subplots(1, 2), ("linear", "log"), strict=True):
        axes.plot(rates, color="black", lw=1.5)
        axes.axvspan(0, epoch, color="0.85", label="first epoch")
        axes.axhline(rates[0] / 10, color="0.5", lw=1, ls=":", label="a tenth")
        axes.set_yscale(scale)
        axes.locator_params(axis="x", nbins=5)
        axes.yaxis.set_major_formatter("{x:.0e}")  # the default writes formulas, in fonts that may be missing
        axes.yaxis.set_minor_formatter("")
        axes.set_title(f"learning rate, {scale} axis", fontsize=9)
        _plain(axes, "step")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # a short range has a single power of ten
    axes.legend(frameon=False, fontsize=8, loc="lower left")
    figure.tight_layout()
    return figure


_LINES = ("-", "--", ":", "-.")


def threshold_curves(
    thresholds: Sequence[float], curves: Mapping[str, np.ndarray], threshold: float, metric: str
) -> Figure:
    """Draw a score against the threshold, one line a size of lesion; the best point of each line is marked."""
    figure = blank(6.4, 3)
    axes = figure.subplots()
    for (name, curve), style in zip(curves.items(), _LINES, strict=False):
        axes.plot(thresholds, curve, style, color="black", label=name)
        axes.plot(thresholds[int(curve.argmax())], curve.max(), "o", color="black", ms=6)
    axes.axvline(threshold, color="#D55E00", lw=1.5)
    axes.set(ylim=(0, 1), ylabel=metric)
    axes.legend(frameon=False, fontsize=8, loc="upper right")
    _plain(axes, "a pixel is lesion from this probability up")
    figure.tight_layout()
    return figure


def intervals(rows: Mapping[int, tuple[float, float, float]], marked: int) -> Figure:
    """Draw means with their intervals (mean, low, high) by number of images; one is marked."""
    figure = blank(6.4, 2.6)
    axes = figure.subplots()
    for place, (count, (mean, low, high)) in enumerate(rows.items()):
        colour = "#D55E00" if count == marked else "black"
        axes.plot([low, high], [place, place], color=colour, lw=3)
        axes.plot(mean, place, "o", color=colour, ms=7)
        axes.text(high + 0.01, place, f"{high - low:.2f} wide", fontsize=8, va="center")
    axes.set(xlim=(0, 1), ylim=(-0.6, len(rows) - 0.4))
    axes.set_yticks(range(len(rows)), [f"{count} images" for count in rows])
    _plain(axes, "mean DSC and its 95 % interval")
    figure.tight_layout()
    return figure


def runs(sides: Mapping[str, Mapping[str, Evaluation]]) -> Figure:
    """Draw the mean DSC of each run with its interval over images, one block a side; a line marks a side's mean."""
    figure = blank(6.8, 0.28 * sum(map(len, sides.values())) + 0.9)
    axes = figure.subplots()
    place, names = 0, []
    for (title, side), colour in zip(sides.items(), ("black", "0.55"), strict=True):
        values = [evaluation.mean["dsc"] for evaluation in side.values()]
        axes.vlines(sum(values) / len(values), place - 0.4, place + len(side) - 0.6, color="#D55E00", lw=2)
        for evaluation, value in zip(side.values(), values, strict=True):
            axes.plot(evaluation.interval(balanced=True)["dsc"], [place, place], color=colour, lw=3)
            axes.plot(value, place, "o", color=colour, ms=7)
            names.append(title)
            place += 1
    axes.set(xlim=(0, 1))
    axes.set_yticks(range(place), names)
    axes.invert_yaxis()
    _plain(axes, "mean DSC, interval over images; orange: mean of the side")
    figure.tight_layout()
    return figure


def cards(found: Sequence[Card]) -> tuple[Figure, str]:
    """Draw metric cards, a number beside what is expected of it, and say the same in words."""
    figure = blank(8.6, 0.75 * len(found) + 0.5)
    axes = figure.subplots()
    for place, card in enumerate(reversed(found)):
        if card.expected is not None:
            low, high = card.expected
            axes.barh(place, high - low, left=low, height=0.5, color="0.85")
        if card.value is not None:
            axes.plot(card.value, place, "o", color="black", ms=8)
        axes.text(1.03, place, card.verdict, fontsize=8, va="center")
    axes.set(xlim=(0, 1), ylim=(-0.6, len(found) - 0.4))
    axes.set_yticks(range(len(found)), [card.name for card in reversed(found)])
    _plain(axes, "mean DSC: yours (dot), expected (grey)")
    figure.subplots_adjust(left=0.22, right=0.62, bottom=0.5 / (0.75 * len(found) + 0.5), top=0.97)
    return figure, " ".join(f"{card.name}: {card.verdict}." for card in found)


def _plain(axes: Axes, label: str) -> None:
    axes.tick_params(labelsize=8)
    axes.set_xlabel(label, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
