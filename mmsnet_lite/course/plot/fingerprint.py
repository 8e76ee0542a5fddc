"""The figure of `data report`: counts, lesion sizes, spectra and energy in octaves, beside those of real images."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmsnet_lite.course.colours import MODALITY
from mmsnet_lite.course.plot.figure import blank, frame
from mmsnet_lite.data.fingerprint import CYCLES, OCTAVES, Fingerprint, reference

_OTHER = "#777777"


def fingerprints(found: Sequence[Fingerprint]) -> Figure:
    """Draw the fingerprints of several datasets, real images of the same modality dashed.

    Args:
        found: at least one; a modality without reference is drawn in grey and alone.
    """
    real = reference()
    figure = blank(11, 6.2)
    counts, areas, spectra, octaves = figure.subplots(2, 2).ravel()
    names = [f"{one.dataset} ({one.modality})" if one.dataset != one.modality else one.dataset for one in found]
    colours = [MODALITY.get(one.modality, _OTHER) for one in found]
    rows = list(range(len(found)))

    counts.barh(rows, [one.of for one in found], color=colours)
    for row, one in zip(rows, found, strict=True):
        counts.text(one.of, row, f" {one.of}, {one.width[1]:.0f}x{one.height[1]:.0f} px", va="center", fontsize=8)
    counts.set(title="training images, median size", xlim=(0, 1.45 * max(one.of for one in found)))

    for row, one, colour in zip(rows, found, colours, strict=True):
        _range(areas, row, one.area, colour, "o-")
        if one.modality in real:
            _range(areas, row + 0.25, real[one.modality].area, colour, "x--")
        label = f"{names[row]}, slope {one.slope:.2f}"
        spectra.plot(CYCLES, 10 * np.log10(one.spectrum), color=colour, lw=1.6, label=label)
        octaves.plot(10 * np.log10(np.maximum(one.octaves, 1e-9)), "o-", color=colour, lw=1.6, ms=4)
        if one.modality in real:
            other = real[one.modality]
            spectra.plot(CYCLES, 10 * np.log10(other.spectrum), "--", color=colour, lw=1)
            octaves.plot(10 * np.log10(np.maximum(other.octaves, 1e-9)), "x--", color=colour, lw=1, ms=4)
    for axis in (counts, areas):
        axis.set_yticks(rows, names if axis is counts else [""] * len(rows), fontsize=8)
        axis.invert_yaxis()
    areas.set(title="lesion area, % of the image: 10, 50, 90 % of images", xscale="log")
    areas.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
    spectra.set(title="power against cycles per image, dB", xscale="log")
    spectra.set_xticks([4, 8, 16, 32, 64], ["4", "8", "16", "32", "64"])
    spectra.legend(fontsize=7, frameon=False, loc="lower left")
    octaves.set(title="share of the energy in octaves, dB")
    pairs = zip(OCTAVES, OCTAVES[1:], strict=False)
    octaves.set_xticks(range(len(OCTAVES) - 1), [f"{low}-{high}" for low, high in pairs], fontsize=8)
    for axis in (counts, areas, spectra, octaves):
        axis.title.set_fontsize(9)
        frame(axis)
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    figure.text(0.5, 0.01, "solid: these images     dashed: real images of the same modality", ha="center", fontsize=8)
    return figure


def _range(axis: Axes, row: float, quantiles: Sequence[float], colour: str, style: str) -> None:
    """Three quantiles of a share on one line, in percent."""
    axis.plot([100 * value for value in quantiles], [row] * 3, style, color=colour, ms=4, lw=1.2)
