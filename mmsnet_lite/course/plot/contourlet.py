"""Figures of lesson 02: pictures beside their bands, frequency squares, and quality against coefficients kept."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from torch import Tensor

from mmsnet_lite.course.colours import GREY, MAGNITUDE, SIGNED
from mmsnet_lite.course.plot.figure import blank

Panel = tuple[str, Tensor, str]  # title, array with h and w as its last axes, kind

_LINES = ({"color": "0.45", "ls": "--"}, {"color": "0.45", "ls": ":"}, {"color": "black", "ls": "-"})
_PSNR_LIMIT = 60  # dB: errors of a quarter grey level


def _draw(axes: Axes, panel: Panel) -> None:
    title, values, kind = panel
    flat = values.detach().reshape(values.shape[-2:]).numpy()
    axes.set_title(title, fontsize=9, pad=3)
    if kind == "spectrum":
        axes.imshow(np.fft.fftshift(np.abs(flat)), cmap=MAGNITUDE, vmin=0, extent=(-0.5, 0.5, 0.5, -0.5))
        axes.set(xticks=(-0.5, 0, 0.5), yticks=(-0.5, 0, 0.5))
        axes.tick_params(labelsize=8)
        return
    if kind == "signed":
        limit = np.quantile(np.abs(flat), 0.99, method="higher") or np.abs(flat).max() or 1.0
        axes.imshow(flat, cmap=SIGNED, vmin=-limit, vmax=limit)
    elif kind == "magnitude":
        axes.imshow(np.abs(flat), cmap=MAGNITUDE, vmin=0)
    else:
        axes.imshow(flat, cmap=GREY, vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[])


def panels(pictures: Sequence[Panel], columns: int | None = None, side: float = 1.9) -> Figure:
    """Pictures in rows, each under its title.

    Args:
        pictures: (title, array, kind), arrays of any sizes with h and w as last axes and nothing else; kind is "grey"
            (an image of 0 to 1), "signed" (a sub-band, white at 0; the largest 1 % saturate), "magnitude" (its
            modulus), or "spectrum" (the modulus of a response in the DFT's order, drawn with zero in the middle, axes
            in cycles per pixel).
        columns: pictures a row; all in one row by default.
        side: inches a picture.
    """
    columns = columns or len(pictures)
    rows = math.ceil(len(pictures) / columns)
    tallest = max(values.shape[-2] / values.shape[-1] for _, values, _ in pictures)
    figure = blank(side * columns, (side * min(1, tallest) + 0.25) * rows)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.03)
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, panel in zip(cells, pictures, strict=False):
        _draw(axes, panel)
    for axes in cells[len(pictures) :]:
        axes.set_axis_off()
    return figure


def wedges(responses: Sequence[Tensor], angles: Sequence[float], columns: int = 4) -> Figure:
    """Frequency responses (h w) of directional bands, each with its number where its wedge is, its angle in the title.

    Responses are in the DFT's order; angles are the frequency vectors', in degrees, as `wedge_angles` gives them.
    """
    titles = [f"band {k}: {angle:.0f}°" for k, angle in enumerate(angles)]
    pictures = [(title, each, "spectrum") for title, each in zip(titles, responses, strict=True)]
    figure = panels(pictures, columns)
    for k, (axes, angle) in enumerate(zip(figure.axes, angles, strict=False)):
        turn = math.radians(angle)
        reach = 0.38 / max(abs(math.cos(turn)), abs(math.sin(turn)))
        outline = [withStroke(linewidth=2.5, foreground="white")]
        for sign in (reach, -reach):
            x, y = sign * math.cos(turn), -sign * math.sin(turn)  # the axis of rows points down
            axes.text(x, y, str(k), color="black", ha="center", va="center", fontsize=11, path_effects=outline)
    return figure


def rate_curves(counts: Sequence[int], curves: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """PSNR in dB, cut off at 60, against the coefficients kept: by picture, then a line a transform (at most three)."""
    figure = blank(2.9 * len(curves), 2.9)
    cells = figure.subplots(1, len(curves), squeeze=False).ravel()
    for axes, (picture, lines) in zip(cells, curves.items(), strict=True):
        for (name, values), style in zip(lines.items(), _LINES, strict=False):
            axes.plot(counts, values, marker="o", ms=3.5, label=name, **style)
        axes.set_title(picture, fontsize=9)
        axes.set_xscale("log", base=2)
        axes.set_xlabel("detail coefficients kept", fontsize=8)
        axes.set_xticks(counts[::2], [str(count) for count in counts[::2]], fontsize=7)
        axes.tick_params(axis="y", labelsize=7)
        axes.set_ylim(top=min(axes.get_ylim()[1], _PSNR_LIMIT))
        axes.grid(alpha=0.3)
    cells[0].set_ylabel("PSNR (dB)", fontsize=8)
    cells[0].legend(frameon=False, fontsize=8)
    figure.tight_layout(pad=0.5)
    return figure
