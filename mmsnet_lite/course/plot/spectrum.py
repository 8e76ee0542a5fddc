"""Figures of lesson 01: gratings, windows, spectra of modalities, scores, lesion sizes."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mmsnet_lite.course.colours import GREY, MAGNITUDE, MODALITY
from mmsnet_lite.course.plot.figure import blank, frame

NEUTRAL = "#777777"  # what is no modality: chance, baselines, the pool


def grating(samples: np.ndarray, amplitudes: np.ndarray) -> Figure:
    """A signal (n) and the modulus of its DFT (n), side by side."""
    figure = blank(8.5, 2.3)
    left, right = figure.subplots(1, 2)
    left.plot(samples, color="black", lw=1)
    left.set(xlabel="pixel", ylabel="brightness")
    right.vlines(np.arange(len(amplitudes)), 0, amplitudes, color=NEUTRAL, lw=0.8)
    right.plot(amplitudes, "o", color="black", ms=2.5)
    right.set(xlabel="bin k (cycles per image)", ylabel="|F(k)|")
    _finish(figure)
    return figure


def windows(rows: Sequence[Sequence[np.ndarray]], titles: Sequence[str]) -> Figure:
    """A picture and its spectrum, as it is (first row) and faded out (second): two rows of a grey image (h w) and a
    power spectrum (h w), unshifted, drawn with the zero frequency in the middle over seven decades.
    """
    figure = blank(5.6, 5.6)
    axes = figure.subplots(2, 2)
    top = max(np.log10(power.max()) for _, power in rows)
    for line, (picture, power), title in zip(axes, rows, titles, strict=True):
        line[0].imshow(picture, cmap=GREY, vmin=0, vmax=1)
        line[0].set_title(title, fontsize=9)
        decades = np.log10(np.fft.fftshift(power) + 1e-30)
        shown = line[1].imshow(decades, cmap=MAGNITUDE, vmin=top - 7, vmax=top)
        line[1].set_title("power, log10", fontsize=9)
        figure.colorbar(shown, ax=line[1], fraction=0.046)
        for axis in line:
            axis.set(xticks=[], yticks=[])
    _finish(figure)
    return figure


def spectra(
    frequencies: np.ndarray, real: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray], name: str
) -> Figure:
    """log10 density of energy (n k) against frequency (k), a panel a modality: median and middle half of the real
    images, and the dashed median of others, called `name`.
    """
    figure = blank(9.5, 2.9)
    panels = figure.subplots(1, len(real), sharex=True, sharey=True)
    for axis, (modality, curves) in zip(panels, real.items(), strict=True):
        low, middle, high = np.quantile(curves, (0.25, 0.5, 0.75), axis=0)
        for others in real.values():
            axis.plot(frequencies, np.median(others, axis=0), color="#cccccc", lw=0.8)
        axis.fill_between(frequencies, low, high, color=MODALITY[modality], alpha=0.25, lw=0)
        axis.plot(frequencies, middle, color=MODALITY[modality], lw=1.8, label="real, median")
        axis.plot(frequencies, np.median(other[modality], axis=0), "--", color=MODALITY[modality], lw=1.2, label=name)
        axis.set_xscale("log", base=2)
        axis.set_xticks([2, 8, 32], ["2", "8", "32"])
        axis.set_title(modality, fontsize=9)
        axis.legend(fontsize=7, frameon=False, loc="lower left")
        axis.set_xlabel("cycles per image")
    panels[0].set_ylabel("share per bin, log10")
    _finish(figure)
    return figure


def scores(rows: Mapping[str, tuple[float, float]], highlight: str) -> Figure:
    """Balanced accuracies as points with their spread: name -> (value, standard deviation); chance as a line."""
    figure = blank(7.5, 0.6 + 0.3 * len(rows))
    axis = figure.subplots()
    for i, (name, (value, spread)) in enumerate(rows.items()):
        colour = "black" if name == highlight else NEUTRAL
        axis.errorbar(value, -i, xerr=spread, fmt="o", color=colour, ms=5, capsize=3)
        axis.text(1.02, -i, f"{value:.2f}", va="center", fontsize=9, color=colour, transform=axis.get_yaxis_transform())
    axis.axvline(0.25, color=NEUTRAL, ls=":", lw=1)
    axis.text(0.255, 0.55, "chance", color=NEUTRAL, fontsize=8, va="bottom")
    axis.set(xlim=(0, 1), ylim=(-len(rows) + 0.5, 1.1), xlabel="balanced accuracy")
    axis.set_yticks([-i for i in range(len(rows))], list(rows))
    _finish(figure)
    return figure


def confusion(counts: np.ndarray, names: Sequence[str]) -> Figure:
    """Counts (k k), true modality down and named modality across, coloured by their share of the row."""
    figure = blank(4.6, 3.6)
    axis = figure.subplots()
    shares = counts / counts.sum(1, keepdims=True)
    shown = axis.imshow(shares, cmap=MAGNITUDE, vmin=0, vmax=1)
    for i, j in np.ndindex(*counts.shape):
        axis.text(j, i, str(counts[i, j]), ha="center", va="center", color="white" if shares[i, j] < 0.6 else "black")
    axis.set_xticks(range(len(names)), names, fontsize=8, rotation=20, ha="right")
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set(xlabel="named", ylabel="true")
    figure.colorbar(shown, ax=axis, label="share of the true modality")
    _finish(figure)
    return figure


def sizes(areas: Mapping[str, np.ndarray]) -> Figure:
    """The distribution of lesion areas (percent of the image) in each modality, on a logarithmic axis."""
    figure = blank(7.5, 2.8)
    axis = figure.subplots()
    bins = np.geomspace(min(a.min() for a in areas.values()), 100, 40).tolist()
    for modality, area in areas.items():
        weights, label = np.full(len(area), 100 / len(area)), f"{modality}, median {np.median(area):.0f} %"
        axis.hist(area, bins, weights=weights, histtype="step", lw=1.6, color=MODALITY[modality], label=label)
    axis.set_xscale("log")
    axis.set_xticks(ticks := [0.3, 1, 3, 10, 30, 100], map(str, ticks))
    axis.set(xlabel="lesion area, % of the image", ylabel="% of images")
    axis.legend(fontsize=8, frameon=False)
    _finish(figure)
    return figure


def correlations(pooled: np.ndarray, within: Mapping[str, np.ndarray], noise: Mapping[str, float]) -> Figure:
    """Rank correlation of lesion area with each ring's share, pooled and within modalities; a point of a modality is
    hollow where the correlation is at most the modality's `noise`.
    """
    figure = blank(7.5, 3.0)
    axis = figure.subplots()
    rings = np.arange(1, len(pooled) + 1)
    axis.axhline(0, color=NEUTRAL, lw=0.8)
    for modality, values in within.items():
        colour, hollow = MODALITY[modality], np.abs(values) <= noise[modality]
        axis.plot(rings, values, "o-", color=colour, lw=1.3, ms=5, label=modality)
        if hollow.any():
            axis.plot(rings[hollow], values[hollow], "o", color=colour, mfc="white", ms=5, zorder=3)
    axis.plot(rings, pooled, "s--", color=NEUTRAL, lw=2, ms=5, label="all pooled", zorder=1.9)
    axis.plot([], [], "o", color="black", mfc="white", ms=5, label="hollow: chance")
    axis.set(xlabel="ring (1 coarse, 10 fine)", ylabel="rank correlation with area", xticks=rings, ylim=(-0.8, 0.8))
    axis.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    _finish(figure)
    return figure


def _finish(figure: Figure) -> None:
    for axis in figure.axes:
        if not axis.images:
            frame(axis, axis.get_xlabel(), axis.get_ylabel(), 9)
    figure.tight_layout()
