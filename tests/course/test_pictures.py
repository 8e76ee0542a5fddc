"""The colour contract, figures with their alt text, and the words of a band."""

import base64

import numpy as np
import pytest

from mmsnet_lite.course import plot
from mmsnet_lite.course.colours import AGREE, FALSE_ALARM, MISSED, overlay
from mmsnet_lite.course.profile import band, live, machine

GREY = np.full((60, 60, 3), 100, np.uint8)


def rectangle(left, right):
    mask = np.zeros((60, 60), bool)
    mask[20:40, left:right] = True
    return mask


def tint(colour):
    return (0.6 * 100 + 0.4 * np.array(colour)).astype(np.uint8).tolist()


def test_overlay_paints_each_kind_of_pixel_in_its_colour():
    painted = overlay(GREY, rectangle(10, 40), rectangle(20, 50))
    assert painted[30, 30].tolist() == tint(AGREE)
    assert painted[30, 15].tolist() == tint(FALSE_ALARM)
    assert painted[30, 45].tolist() == tint(MISSED)
    assert painted[5, 5].tolist() == [100, 100, 100]
    assert painted[20, 30].tolist() == list(AGREE)  # the prediction's outline is solid and on top
    assert GREY.max() == 100  # the image that came in is untouched


def test_overlay_without_a_truth_shows_the_prediction_alone():
    painted = overlay(GREY, rectangle(10, 40))
    assert painted[30, 25].tolist() == tint(AGREE)
    assert painted[30, 50].tolist() == [100, 100, 100]


def test_overlay_without_fill_keeps_the_grey_levels_inside():
    painted = overlay(GREY, rectangle(10, 40), fill=0)
    assert painted[30, 25].tolist() == [100, 100, 100]
    assert painted[20, 25].tolist() == list(AGREE)


def test_shown_figure_carries_its_alt_text(monkeypatch):
    shown = {}
    monkeypatch.setattr(plot.figure, "display", lambda data, **rest: shown.update(data=data, **rest))
    plot.show(plot.gallery([GREY] * 6, [rectangle(10, 40)] * 6, ["a", "b"], columns=3), "six squares")
    assert shown["metadata"]["image/png"]["alt"] == "six squares"
    assert base64.b64decode(shown["data"]["image/png"]).startswith(b"\x89PNG")
    assert shown["data"]["text/plain"].endswith("with 6 Axes>")


def test_saved_grid_has_a_white_background_and_every_picture(tmp_path):
    import cv2

    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30)]
    pictures = [np.full((20, 20, 3), colour, np.uint8) for colour in colours]
    plot.save(
        plot.picture_grid([pictures[:2], pictures[2:]], ["x", "y"], ["p", "q"], legend=True), str(tmp_path / "g.png")
    )
    pixels = cv2.cvtColor(cv2.imread(str(tmp_path / "g.png")), cv2.COLOR_BGR2RGB)
    assert pixels[0, 0].tolist() == [255, 255, 255]
    for colour in colours:
        assert (np.abs(pixels.astype(int) - colour).sum(-1) == 0).mean() > 0.1


def test_band_says_yes_without_the_number_and_no_with_it():
    assert band("DSC", 0.8312, 0.6, 0.95) == band("DSC", 0.7, 0.6, 0.95) == "DSC in 0.60-0.95: yes"
    assert band("DSC", 0.5, 0.6, 0.95) == "DSC in 0.60-0.95: NO, it is 0.500"


@pytest.mark.parametrize(("value", "expected"), [("1", False), ("0", True), (None, True)])
def test_static_switches_live_parts_off(monkeypatch, value, expected):
    monkeypatch.delenv("MMSNET_STATIC", raising=False)
    if value is not None:
        monkeypatch.setenv("MMSNET_STATIC", value)
    assert live() is expected


def test_machine_names_what_a_reader_needs():
    assert [line.split()[0] for line in machine().splitlines()] == ["Python", "PyTorch", "threads", "GPU"]
