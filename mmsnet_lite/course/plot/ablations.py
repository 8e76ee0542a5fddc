"""Figures of lesson 07: differences with their intervals, what networks look at, and which bands they need."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mmsnet_lite.course.colours import MAGNITUDE, MODALITY, PROBABILITY, SIGNED
from mmsnet_lite.course.plot.figure import blank, picture_grid

STAGES = (1, 2, 3, 4)


def forest(contrasts: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Figure:
    """Differences in DSC, a line a contrast: a dot, its interval, and in grey what is too small to be found.

    They go by name, then by place ("mean" or a modality): "difference", "interval" and "detectable".
    """
    places = list(next(iter(contrasts.values())))
    figure = blank(9.6, 1.0 + 0.34 * len(contrasts))
    cells = figure.subplots(1, len(places), sharey=True, squeeze=False)[0]
    for axes, place in zip(cells, places, strict=True):
        axes.use_sticky_edges = False  # or the longest grey bar ends at the frame
        for y, found in enumerate(each[place] for each in contrasts.values()):
            axes.barh(y, 2 * found["detectable"], 0.7, left=-found["detectable"], color="0.88")
            axes.plot(found["interval"], [y, y], color=MODALITY.get(place, "black"), lw=2)
            axes.plot(found["difference"], y, "o", color=MODALITY.get(place, "black"), ms=5)
        axes.axvline(0, color="black", lw=0.8)
        axes.set_title(place, fontsize=9)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    cells[0].set_yticks(range(len(contrasts)), [name.replace(" - (", "\n- (") for name in contrasts])
    cells[0].invert_yaxis()
    figure.supxlabel(
        "difference in DSC, each panel on its own scale; grey: too small for this design to find reliably", fontsize=8
    )
    figure.tight_layout(pad=0.5)
    return figure


def seed_pairs(rows: Mapping[str, Sequence[float]]) -> Figure:
    """Mean DSC of rows, a point a seed, the points of a seed numbered and joined; equally many seeds a row."""
    figure = blank(5.8, 0.9 + 0.35 * len(rows))
    axes = figure.subplots()
    for seed, values in enumerate(zip(*rows.values(), strict=True)):
        axes.plot(values, range(len(rows)), marker="o", color="black", ls=("-", "--", ":")[seed % 3], ms=5, lw=1)
        axes.annotate(f"seed {seed}", (values[0], 0), (0, 6), textcoords="offset points", ha="center", fontsize=8)
    axes.set_yticks(range(len(rows)), list(rows), fontsize=8)
    axes.set_ylim(len(rows) - 0.7, -0.7)
    axes.set_xlabel("mean DSC on MixLite test images", fontsize=8)
    axes.tick_params(axis="x", labelsize=7)
    axes.grid(alpha=0.3, axis="x")
    figure.tight_layout(pad=0.5)
    return figure


def looks(rows: Mapping[str, Mapping[str, np.ndarray]], sources: Sequence[str] = ("features",)) -> Figure:
    """What networks found in one image and where they looked, a row a network and a source of maps.

    Args:
        rows: by name: "found" uint8 (h w 3), "probability" (h w), and maps (h' w') such as "features 1"; what a
            network does not have stays blank.
        sources: "features", "guidance" or both.
    """
    nothing = np.full((1, 1), np.nan)
    pictures, names = [], []
    for name, found in rows.items():
        for i, source in enumerate(sources):
            maps = [found.get(f"{source} {stage}", nothing) for stage in STAGES]
            pictures.append([found["found"], found["probability"], *maps] if i == 0 else [nothing, nothing, *maps])
            names.append(name if len(sources) == 1 else source)
    titles = ("found", "probability", *(f"stage {stage}" for stage in STAGES))
    colours = (None, PROBABILITY, *[MAGNITUDE] * len(STAGES))
    return picture_grid(pictures, names, titles, colour_maps=colours, side=1.35, legend=True)


def sensitivity(matrix: Mapping[str, Mapping[str, float]]) -> Figure:
    """The loss of DSC by modality and by what was taken out, written into coloured cells, white at 0."""
    names = list(next(iter(matrix.values())))
    values = np.array([[row[name] for name in names] for row in matrix.values()])
    figure = blank(1.6 + 0.78 * len(names), 0.9 + 0.34 * len(matrix))
    axes = figure.subplots()
    limit = np.abs(values).max() or 1.0
    axes.imshow(values, cmap=SIGNED, vmin=-limit, vmax=limit, aspect="auto")
    for (y, x), value in np.ndenumerate(values):
        colour = "white" if abs(value) > 0.6 * limit else "black"
        axes.text(x, y, f"{value:+.2f}", ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(len(names)), [name.replace(" to ", "\nto ") for name in names], fontsize=7)
    axes.set_yticks(range(len(matrix)), list(matrix), fontsize=8)
    axes.set_xlabel("taken out of the image (rings in cycles per pixel; level 0 is the coarsest)", fontsize=8)
    figure.tight_layout(pad=0.5)
    return figure
