"""The figure of `data report` shows the numbers it is given, and those of real images dashed."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex

from mmsnet_lite.course.colours import MODALITY
from mmsnet_lite.course.plot import save
from mmsnet_lite.course.plot.fingerprint import fingerprints
from mmsnet_lite.data.fingerprint import CYCLES, reference


@pytest.fixture(scope="module")
def found():
    """Two of the four modalities and one without reference."""
    real = reference()
    return [
        replace(real["ultrasound"], dataset="tn3k", of=2879, width=(1, 560, 900), height=(1, 360, 700), slope=-2.5),
        replace(real["fundus"], dataset="fundus", of=500, area=(0.01, 0.02, 0.04)),
        replace(real["fundus"], dataset="hands", modality="thermography", of=7, spectrum=(1.0,) * 96),
    ]


@pytest.fixture(scope="module")
def panels(found):
    return fingerprints(found).axes


def test_counts_and_median_sizes_are_written_beside_the_bars(found, panels):
    assert [bar.get_width() for bar in panels[0].patches] == [2879, 500, 7]
    assert panels[0].texts[0].get_text() == " 2879, 560x360 px"
    assert [label.get_text() for label in panels[0].get_yticklabels()] == [
        "tn3k (ultrasound)",
        "fundus",
        "hands (thermography)",
    ]


def test_lesion_areas_are_in_percent_with_the_real_ones_dashed(found, panels):
    lines = panels[1].lines
    assert [line.get_linestyle() for line in lines] == ["-", "--", "-", "--", "-"]
    np.testing.assert_allclose(lines[2].get_xdata(), [1, 2, 4])
    np.testing.assert_allclose(lines[3].get_xdata(), 100 * np.array(reference()["fundus"].area))
    assert panels[1].get_xscale() == "log"


def test_spectra_are_decibels_with_the_slope_in_the_legend(found, panels):
    axis = panels[2]
    solid, dashed = axis.lines[:2]
    assert solid.get_xdata() == pytest.approx(CYCLES)
    np.testing.assert_allclose(10 ** (np.array(solid.get_ydata()) / 10), found[0].spectrum)
    np.testing.assert_allclose(10 ** (np.array(dashed.get_ydata()) / 10), reference()["ultrasound"].spectrum)
    assert [text.get_text() for text in axis.get_legend().get_texts()][0] == "tn3k (ultrasound), slope -2.50"
    assert axis.lines[-1].get_ydata() == pytest.approx(np.zeros(96))


def test_octaves_are_decibels_of_their_share(found, panels):
    assert 10 ** (np.array(panels[3].lines[0].get_ydata()) / 10) == pytest.approx(found[0].octaves)
    assert [label.get_text() for label in panels[3].get_xticklabels()][:2] == ["1-2", "2-4"]


def test_a_modality_has_its_colour_and_another_is_grey(panels):
    solid = [to_hex(line.get_color()) for line in panels[2].lines if line.get_linestyle() == "-"]
    assert solid == [MODALITY["ultrasound"].lower(), MODALITY["fundus"].lower(), "#777777"]


def test_it_can_be_saved_with_an_empty_mask_and_an_empty_octave(found, tmp_path):
    odd = replace(found[0], area=(0.0, 0.0, 0.1), octaves=(1.0, *[0.0] * 6))
    save(fingerprints([odd]), str(tmp_path / "odd.png"))
    assert (tmp_path / "odd.png").stat().st_size > 10_000
