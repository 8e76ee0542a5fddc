"""The figures of lesson 01 show the numbers they are given."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from mmsnet_lite.course.colours import MODALITY
from mmsnet_lite.course.plot import spectrum as plot

RNG = np.random.default_rng(0)


def texts(axis):
    return [text.get_text() for text in axis.texts]


def test_grating_shows_signal_and_modulus():
    signal, modulus = RNG.random(12), RNG.random(12)
    left, right = plot.grating(signal, modulus).axes
    assert left.lines[0].get_ydata().tolist() == signal.tolist()
    assert right.lines[0].get_ydata().tolist() == modulus.tolist()


def test_windows_put_the_zero_frequency_in_the_middle_and_share_one_scale():
    power = np.full((8, 8), 1e-5)
    power[0, 0] = 0.1
    figure = plot.windows([(np.zeros((8, 8)), power), (np.zeros((8, 8)), power / 10)], ["one", "two"])
    pictures = [axis.images[0] for axis in figure.axes if axis.get_title() == "power, log10"]
    assert np.unravel_index(pictures[0].get_array().argmax(), (8, 8)) == (4, 4)
    assert [picture.get_clim() for picture in pictures] == [(-8, -1), (-8, -1)]


def test_spectra_draw_median_and_middle_half_in_the_modality_s_colour():
    curves = {name: RNG.random((9, 5)) for name in MODALITY}
    figure = plot.spectra(2.0 ** np.arange(5), curves, curves, "copy")
    for axis, (name, values) in zip(figure.axes, curves.items(), strict=True):
        real, copy = axis.lines[-2:]
        assert axis.get_title() == name
        assert real.get_color() == copy.get_color() == MODALITY[name]
        np.testing.assert_allclose(real.get_ydata(), np.median(values, 0))
        low, high = np.quantile(values, (0.25, 0.75), 0)
        edges = axis.collections[0].get_paths()[0].vertices[:, 1]
        assert (edges.min(), edges.max()) == pytest.approx((low.min(), high.max()))


def test_scores_write_each_value_beside_its_name():
    axis = plot.scores({"rings": (0.794, 0.02), "slope": (0.44, 0.1)}, "rings").axes[0]
    assert {"0.79", "0.44", "chance"} <= set(texts(axis))
    assert [label.get_text() for label in axis.get_yticklabels()] == ["rings", "slope"]


def test_confusion_writes_counts_and_colours_shares_of_the_row():
    axis = plot.confusion(np.array([[3, 1], [10, 30]]), ["a", "b"]).axes[0]
    assert texts(axis) == ["3", "1", "10", "30"]
    assert axis.images[0].get_array().tolist() == [[0.75, 0.25], [0.25, 0.75]]


def test_sizes_sum_to_100_percent_of_each_modality():
    areas = {"fundus": RNG.uniform(1, 9, 50), "dermoscopy": RNG.uniform(2, 80, 70)}
    axis = plot.sizes(areas).axes[0]
    names = [text.get_text() for text in axis.get_legend().get_texts()]
    assert names == [f"{name}, median {np.median(area):.0f} %" for name, area in areas.items()]
    for patch, name in zip(axis.patches, areas, strict=True):
        steps = patch.get_xy()  # the outline goes up and down at each edge of a bin
        heights = steps[1:-1:2, 1]
        assert heights.sum() == pytest.approx(100)
        assert to_hex(patch.get_edgecolor()) == MODALITY[name].lower()


def test_correlations_draw_the_pool_apart_and_what_chance_reaches_hollow():
    pooled, within = RNG.uniform(-1, 1, 4), {"fundus": np.array([-0.3, 0.1, -0.2, 0.6]), "ultrasound": np.full(4, 0.1)}
    axis = plot.correlations(pooled, within, {"fundus": 0.2, "ultrasound": 0.05}).axes[0]
    drawn = {line.get_label(): line.get_ydata() for line in axis.lines}
    assert drawn["all pooled"].tolist() == pooled.tolist()
    assert drawn["fundus"].tolist() == within["fundus"].tolist()
    hollow = [line for line in axis.lines if line.get_markerfacecolor() == "white" and len(line.get_xdata())]
    assert [line.get_xdata().tolist() for line in hollow] == [[2, 3]]
