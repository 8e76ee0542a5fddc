"""How a run went: its curves and samples; figures of lesson 05: runs beside each other, and metric cards."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mmsnet_lite.course.colours import MARK, overlay
from mmsnet_lite.course.plot.figure import blank, frame, picture_grid
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
    scores.axvline(best["epoch"], color=MARK, lw=1)
    scores.set(title=f"validation: best DSC {best['validation_dsc']:.3f} in epoch {best['epoch']}", ylim=(0, 1))
    scores.legend(fontsize=8, frameon=False)
    rate.plot(epochs, [record["lr"] for record in history], "o-", color="black", ms=3)
    rate.set(title="learning rate at the epoch's end", yscale="log")
    for axis in (loss, scores, rate):
        axis.title.set_fontsize(9)
        frame(axis, "epoch")
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


def runs(sides: Mapping[str, Mapping[str, Evaluation]]) -> Figure:
    """Draw the mean DSC of each run with its interval over images, one block a side; a line marks a side's mean."""
    figure = blank(6.8, 0.28 * sum(map(len, sides.values())) + 0.9)
    axes = figure.subplots()
    place, names = 0, []
    for (title, side), colour in zip(sides.items(), ("black", "0.55"), strict=True):
        values = [evaluation.mean["dsc"] for evaluation in side.values()]
        axes.vlines(sum(values) / len(values), place - 0.4, place + len(side) - 0.6, color=MARK, lw=2)
        for (name, evaluation), value in zip(side.items(), values, strict=True):
            axes.plot(evaluation.interval(balanced=True)["dsc"], [place, place], color=colour, lw=3)
            axes.plot(value, place, "o", color=colour, ms=7)
            names.append(f"{title}, {name}")
            place += 1
    axes.set(xlim=(0, 1))
    axes.set_yticks(range(place), names)
    axes.invert_yaxis()
    frame(axes, "mean DSC, interval over images; orange: mean of the side")
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
    frame(axes, "mean DSC: yours (dot), expected (grey)")
    figure.subplots_adjust(left=0.22, right=0.62, bottom=0.5 / (0.75 * len(found) + 0.5), top=0.97)
    return figure, " ".join(f"{card.name}: {card.verdict}." for card in found)
