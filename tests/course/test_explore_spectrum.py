"""The rings of lesson 01's explorer: what they keep, and what the figure and its words say."""

import re

import numpy as np
import pytest
import torch

from mmsnet_lite.course.explore.spectrum import EDGES, RADII, WIDTHS, keep_ring, rings
from mmsnet_lite.data.synthetic import MODALITIES, draw
from mmsnet_lite.frequency.fourier import band_energies


@pytest.fixture(scope="module")
def explorer():
    return rings({modality: draw(modality, 0, 1, 128)[0] for modality in MODALITIES})


def shares(alt):
    return [float(number) for number in re.findall(r"([\d.]+)% of", alt)]


@pytest.mark.parametrize("radius", [0.0, 0.1, 0.3])
def test_energy_kept_is_the_ring_s_share_of_the_variance(radius):
    grey = torch.rand(40, 56, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 2
    kept, share = keep_ring(grey, radius, 0.1)
    edges = (max(0.0, radius - 0.05), radius + 0.05)
    assert share == pytest.approx((band_energies(grey[None, None], edges) / grey.var(correction=0)).item())
    assert abs(kept.mean()) < 1e-12


@pytest.mark.parametrize("edge", EDGES)
def test_touching_rings_give_the_image_back(edge):
    grey = torch.rand(64, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    parts = [keep_ring(grey, radius, 0.3, edge)[0] for radius in (0.15, 0.45, 0.75)]
    assert (sum(parts) - (grey - grey.mean())).abs().max() < 1e-12


def test_a_soft_edge_ripples_less():
    """Coarse rings of a bright square: how far the result swings below its surroundings, in the far corner."""
    square = torch.zeros(96, 96, dtype=torch.float64)
    square[40:56, 40:56] = 1
    sharp, soft = (keep_ring(square, 0.0, 0.2, edge)[0][:24, :24].std() for edge in EDGES)
    assert soft < 0.5 * sharp


def test_the_figure_shows_every_image_its_spectrum_and_what_is_kept(explorer):
    figure, alt = explorer.draw(radius=0.12, width=0.12, edge="sharp")
    assert len(figure.axes) == 3 * len(MODALITIES)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[:4] == list(MODALITIES)
    assert titles[8:] == [f"keeps {share}%" for share in shares(alt)]
    assert "from 0.060 to 0.180 cycles per pixel" in alt


def test_the_circles_stand_at_the_ring_s_edges(explorer):
    figure, _ = explorer.draw(radius=0.25, width=0.06, edge="sharp")
    for line, limit in zip(figure.axes[4].lines, (0.22, 0.28), strict=True):
        assert np.hypot(line.get_xdata() - 64, line.get_ydata() - 64) == pytest.approx(128 * limit)


def test_a_wide_ring_at_zero_keeps_nearly_all_a_fine_one_little_and_the_first_one_most_of_ultrasound(explorer):
    assert min(shares(explorer.draw(radius=0.0, width=0.5, edge="sharp")[1])) > 90
    assert max(shares(explorer.draw(radius=0.4, width=0.25, edge="sharp")[1])) < 10
    start = dict(zip(MODALITIES, shares(explorer.draw(radius=0.12, width=0.12, edge="sharp")[1]), strict=True))
    assert max(start, key=start.get) == "ultrasound"


def test_controls_are_few_and_start_inside(explorer):
    assert [len(choice.options) for choice in explorer.controls.values()] == [len(RADII), len(WIDTHS), len(EDGES)]
    assert max(len(RADII), len(WIDTHS)) <= 6
    assert set(explorer.controls) == {"radius", "width", "edge"}
