"""How a run went: its curves, and what it made of the same validation images after each epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mmsnet_lite.course.colours import overlay
from mmsnet_lite.course.plot.figure import blank, picture_grid

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
        axis.tick_params(labelsize=8)
        axis.set_xlabel("epoch", fontsize=8)
        axis.spines[["top", "right"]].set_visible(False)
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
