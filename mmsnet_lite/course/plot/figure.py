"""What all figures share: a white canvas, grids of pictures, and showing or saving them with their alternative text."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from mmsnet_lite.course.colours import AGREE, FALSE_ALARM, MISSED, overlay

DPI = 80  # of figures in lessons


def blank(width: float, height: float) -> Figure:
    """An empty figure of so many inches on a white background, outside pyplot's global state."""
    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def frame(axes: Axes, x: str | None = None, y: str | None = None, size: float = 8) -> None:
    """Name axes in letters of `size` points, if at all; small ticks, and no line at the top and at the right."""
    if x is not None:
        axes.set_xlabel(x, fontsize=size)
    if y is not None:
        axes.set_ylabel(y, fontsize=size)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def png(figure: Figure) -> str:
    """A figure as a base64 PNG of 256 colours: less than half of the bytes, so that lessons stay below 1 MB."""
    stream, small = io.BytesIO(), io.BytesIO()
    figure.savefig(stream, format="png", dpi=DPI)
    with Image.open(stream) as picture:
        picture.convert("RGB").quantize(256, kmeans=1).save(small, format="png", optimize=True)
    return base64.b64encode(small.getvalue()).decode()


def show(figure: Figure, alt: str) -> None:
    """Show a figure in a notebook, with its alternative text (the finding with its number) in the output's metadata."""
    size = "x".join(f"{inches * DPI:.0f}" for inches in figure.get_size_inches())
    text = f"<Figure size {size} with {len(figure.axes)} Axes>"
    display({"image/png": png(figure), "text/plain": text}, metadata={"image/png": {"alt": alt}}, raw=True)


def save(figure: Figure, path: str) -> None:
    """Write a figure to a PNG file at 110 dots per inch."""
    figure.savefig(path, dpi=110)


def picture_grid(
    rows: Sequence[Sequence[np.ndarray]],
    row_names: Sequence[str],
    column_names: Sequence[str] = (),
    *,
    colour_maps: Sequence[str | None] = (),
    side: float = 1.7,
    legend: bool = False,
) -> Figure:
    """Lay pictures out in a grid.

    Args:
        rows: pictures, uint8 (h w 3), or float (h w) shown in their column's colour map from its smallest value up.
        row_names, column_names: written at the left and at the top.
        colour_maps: one a column, None for colour pictures.
        side: inches a picture.
        legend: explain the colours of `overlay` below the grid.
    """
    columns = len(rows[0])
    foot = 0.35 if legend else 0.05
    height = side * len(rows) + 0.3 * bool(column_names) + foot
    figure = blank(side * columns + 0.35, height)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            axes[i, j].imshow(picture, cmap=colour_maps[j] if colour_maps else None)
            axes[i, j].set(xticks=[], yticks=[])
            axes[i, j].spines[:].set_visible(False)
            if i == 0 and column_names:
                axes[i, j].set_title(column_names[j], fontsize=9)
        axes[i, 0].set_ylabel(row_names[i], fontsize=9)
    left, top = 0.35 / (side * columns + 0.35), 1 - (0.3 * bool(column_names)) / height
    figure.subplots_adjust(left=left, right=0.995, top=top, bottom=foot / height, wspace=0.03, hspace=0.03)
    if legend:
        for x, name, colour in ((0.2, "found", AGREE), (0.5, "false alarm", FALSE_ALARM), (0.8, "missed", MISSED)):
            figure.text(x, 0.1 / height, f"■ {name}", color=np.array(colour) / 255, fontsize=9, ha="center")
    return figure


def gallery(images: Sequence[np.ndarray], masks: Sequence[np.ndarray], names: Sequence[str], columns: int) -> Figure:
    """Show images with their masks outlined, `columns` of them a row, the rows named."""
    painted = [overlay(image, mask, fill=0) for image, mask in zip(images, masks, strict=True)]
    rows = [painted[i : i + columns] for i in range(0, len(painted), columns)]
    return picture_grid(rows, names)
