"""Explorers of lesson 00, their drawings called as plain functions."""

import re

import numpy as np
import pytest
from sweeps import sweep

from mmsnet_lite.course.explore import start
from mmsnet_lite.data.synthetic import MODALITIES, draw


def square(left, right):
    mask = np.zeros((32, 32), bool)
    mask[8:16, left:right] = True
    return mask


def test_a_mask_is_moved_to_the_right_and_loses_what_leaves():
    assert (start.changed(square(4, 12), 5, 0) == square(9, 17)).all()
    assert (start.changed(square(24, 32), 5, 0) == square(29, 32)).all()


def test_a_mask_grows_and_shrinks_by_whole_pixels():
    grown = start.changed(square(4, 12), 0, 2)
    assert grown[12].tolist() == [2 <= x < 14 for x in range(32)]
    shrunk = start.changed(square(4, 12), 0, -2)
    assert shrunk[12].tolist() == [6 <= x < 10 for x in range(32)]


def test_scores_of_a_square_moved_by_half_its_width():
    assert start.scores(square(8, 12), square(4, 12)) == pytest.approx((2 * 32 / 96, 32 / 64))


def test_a_close_up_keeps_the_mask_and_a_margin_within_the_image():
    picture = np.arange(32 * 32).reshape(32, 32)
    assert (start.close_up(picture, square(20, 24), 4) == picture[4:20, 16:28]).all()
    assert (start.close_up(picture, square(0, 32), 100) == picture).all()


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_marked_point_its_curve_and_the_words_agree(modality):
    figure, alt = start.score().draw(modality, 8, 0)
    said = float(re.search(r"DSC (\d\.\d+)", alt).group(1))
    thick = [line for line in figure.axes[1].lines if line.get_linewidth() == 3]
    assert [line.get_label() for line in thick] == [modality]
    x, y = thick[0].get_data()
    assert y[list(x).index(8)] == pytest.approx(said, abs=0.005)
    assert y[0] == 1
    assert np.all(np.diff(y) < 0)  # moving further never helps
    marked = [line for line in figure.axes[1].lines if line.get_marker() == "o"]
    assert float(marked[0].get_ydata()[0]) == pytest.approx(said, abs=0.005)


def test_the_smallest_lesion_loses_most_by_the_same_shift():
    figure, _ = start.score().draw("fundus", 4, 0)
    at_four = {line.get_label(): line.get_ydata()[2] for line in figure.axes[1].lines if line.get_label() in MODALITIES}
    areas = {modality: draw(modality, 0, 1, 128)[1].mean() for modality in MODALITIES}
    assert min(at_four, key=at_four.get) == min(areas, key=areas.get) == "fundus"


def test_growing_is_said_and_shown():
    _, plain = start.score().draw("dermoscopy", 0, 0)
    figure, grown = start.score().draw("dermoscopy", 0, 8)
    assert "DSC 1.00 and IoU 1.00" in plain
    assert "grown by 8" in grown
    assert "shrunk by 4" in start.score().draw("ultrasound", 0, -4)[1]
    assert "DSC 1.00" not in grown
    picture = figure.axes[0].images[0].get_array()
    assert not np.array_equal(picture, start.score().draw("dermoscopy", 0, 0)[0].axes[0].images[0].get_array())


def test_every_position_of_the_controls_can_be_drawn(monkeypatch):
    monkeypatch.delenv("MMSNET_STATIC", raising=False)
    explorer = start.score()
    assert sweep(explorer) == 4 + 7 + 7  # four modalities, then six positions and back, twice
    assert explorer.picture.value.startswith("<img")
