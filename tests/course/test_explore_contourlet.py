"""Explorers of lesson 02, their drawings called as plain functions, and the pictures and measures they stand on."""

import re

import numpy as np
import pytest
import torch

from mmsnet_lite.course.explore import contourlet as explore
from mmsnet_lite.course.plot import contourlet as plot
from mmsnet_lite.frequency import ContourletTransform, WaveletTransform, wedge_angles


def numbers(alt, pattern):
    return [float(found) for found in re.findall(pattern, alt)]


def shown(figure, axes):
    return np.asarray(figure.axes[axes].images[0].get_array())


# --- pictures and measures -----------------------------------------------------------------------------------------


def test_the_disc_has_the_area_of_a_disc_and_grey_pixels_on_its_rim_only():
    disc = explore.disc(128)
    assert float(disc.mean()) == pytest.approx(np.pi * 0.3**2, rel=1e-3)
    grey = (disc > 0) & (disc < 1)
    assert 0 < grey.sum() < 2 * 2 * np.pi * 0.3 * 128


def test_stripes_have_the_period_asked_for_along_the_line_to_their_centre():
    row = explore.stripes(256, period=8, away=0.4, angle=0)[0, 0, 128]
    spectrum = torch.fft.rfft(row - row.mean()).abs()
    assert spectrum.argmax().item() == 256 // 8


def test_stripes_run_across_the_direction_of_their_centre():
    hard = explore.stripes(128, period=16, away=0, hard=True)[0, 0, 64, 64:100]
    assert ((hard < 0.2) | (hard > 0.8)).double().mean() > 0.7  # black or white, but for pixels on an edge
    x = explore.stripes(128, period=4, away=20, angle=30)
    spectrum = torch.fft.fft2(x - x.mean())[0, 0].abs()
    row, column = divmod(int(spectrum[:, :64].argmax()), 64)
    row -= 128 * (row > 64)
    assert np.degrees(np.arctan2(-row, column)) == pytest.approx(30, abs=3)


@pytest.mark.parametrize("size", [64, 65])
def test_scrambling_keeps_every_amplitude_and_the_mean_and_loses_the_picture(size):
    image = explore.stripes(size)
    scrambled = explore.scramble(image)
    torch.testing.assert_close(torch.fft.fft2(scrambled).abs(), torch.fft.fft2(image).abs())
    assert float(scrambled.mean()) == pytest.approx(float(image.mean()))
    assert abs(float(torch.corrcoef(torch.stack([image.flatten(), scrambled.flatten()]))[0, 1])) < 0.2


def test_middle_is_the_middle_half_of_rows_and_columns():
    assert explore.middle(torch.arange(64).view(1, 1, 8, 8))[0, 0].tolist()[0] == [18, 19, 20, 21]
    assert explore.middle(torch.zeros(1, 1, 8, 8)).shape[-2:] == (4, 4)


@pytest.mark.parametrize("count", [0, 1, 100, 4096])
def test_the_largest_coefficients_are_kept_and_no_other(count):
    coefficients = WaveletTransform(2)(explore.picture("fundus", 64))
    kept = explore.keep_largest(coefficients, count)
    before, after = (torch.cat([b.flatten() for level in c.bands for b in level]) for c in (coefficients, kept))
    chosen = set(before.abs().topk(min(count, len(before))).indices.tolist()) if count else set()
    assert set(after.nonzero().flatten().tolist()) == {i for i in chosen if before[i] != 0}
    assert torch.equal(kept.low, coefficients.low)


def test_psnr_of_a_known_error():
    image = torch.zeros(1, 1, 4, 4)
    assert explore.psnr(image + 0.1, image) == pytest.approx(20)


def test_single_bands_add_up_to_all_of_them():
    transform, x = ContourletTransform((2, 3)), explore.picture("disc", 64)
    coefficients = transform(x)
    parts = [
        explore.one_band(coefficients, j, k) for j, level in enumerate(coefficients.bands) for k in range(len(level))
    ]
    detail = transform.inverse(coefficients._replace(low=coefficients.low * 0))
    torch.testing.assert_close(sum(transform.inverse(part) for part in parts), detail)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_every_band_is_found_by_its_own_edge_angle(depth):
    for k, frequency in enumerate(wedge_angles(depth)):
        assert explore.band_of_edge(depth, frequency + 90) == k


# --- explorers -----------------------------------------------------------------------------------------------------


def test_shares_of_all_directions_reach_one():
    """Edge angles of l = 2's four wedges."""
    total = 0.0
    for edge in (explore.wedge_angles(2)[k] + 90 for k in range(4)):
        total += numbers(explore.levels_and_directions().draw("disc", 2, edge)[1], r"([\d.]+)% of the directional")[0]
    assert total == pytest.approx(100, abs=0.3)


def test_the_wedge_shown_is_that_of_the_edge():
    figure, alt = explore.levels_and_directions().draw("stripes", 3, 30)
    edge = numbers(alt, r"edges around (\d+)")[0]
    assert abs(edge - 30) < 15
    wedge = shown(figure, 1)
    assert wedge.shape == (128, 128)
    rows, columns = np.nonzero(wedge > 0.9 * wedge.max())
    angles = np.degrees(np.arctan2(64 - rows, columns - 64)) % 180
    assert np.median(angles) == pytest.approx(edge + 90, abs=10)


def test_one_direction_of_the_disc_shows_arcs_where_its_edge_runs_that_way():
    """Vertical edges of the disc lie left and right of its centre."""
    figure, alt = explore.one_direction().draw("disc", "fine", 90)
    assert "fine level alone" in alt
    part = shown(figure, 2) ** 2
    assert part[48:80].sum() > 0.6 * part.sum()


def test_both_rebuilt_pictures_and_the_words_agree():
    figure, alt = explore.kept().draw("stripes", 1024, (2, 3, 4))
    wavelet, contourlet, gap = numbers(alt, r"([\d.]+) dB")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[1:] == [f"wavelet: {wavelet} dB", f"contourlet: {contourlet} dB"]
    assert gap == pytest.approx(contourlet - wavelet, abs=0.11)
    errors = [np.mean((shown(figure, i) - shown(figure, 0)) ** 2) for i in (1, 2)]
    assert errors[1] < errors[0]


def test_claim_of_the_lesson_in_its_smallest_form():
    """Ahead on stripes, behind on the control and on the disc."""
    gaps = {}
    for image in ("stripes", "scrambled stripes", "disc"):
        wavelet, contourlet, _ = numbers(explore.kept().draw(image, 2048, (2, 3, 4))[1], r"([\d.]+) dB")
        gaps[image] = contourlet - wavelet
    assert gaps["stripes"] > 2
    assert gaps["scrambled stripes"] < 0
    assert gaps["disc"] < -2


@pytest.mark.parametrize(
    "explorer", [explore.levels_and_directions, explore.one_direction, explore.kept], ids=lambda each: each.__name__
)
def test_every_control_has_few_positions(explorer):
    assert all(len(control.options) <= 6 for control in explorer().controls.values())


# --- figures -------------------------------------------------------------------------------------------------------


def test_signed_panels_are_white_at_zero_and_spectra_have_zero_in_the_middle():
    response = torch.zeros(8, 8)
    response[0, 0] = 3
    figure = plot.panels([("a", torch.tensor([[-1.0, 4.0]]), "signed"), ("b", response, "spectrum")], columns=1)
    signed = figure.axes[0].images[0]
    assert (signed.norm.vmin, signed.norm.vmax) == (-4, 4)
    assert np.unravel_index(shown(figure, 1).argmax(), (8, 8)) == (4, 4)


def test_wedge_numbers_stand_where_their_response_is():
    figure = plot.wedges(list(explore.directional_responses(64, 64, 3)), wedge_angles(3))
    for k, axes in enumerate(figure.axes):
        picture = np.asarray(axes.images[0].get_array())
        assert len(axes.texts) == 2
        for text in axes.texts:
            x, y = text.get_position()
            assert text.get_text() == str(k)
            assert picture[round((y + 0.5) * 64), round((x + 0.5) * 64)] > 0.5 * picture.max()


def test_rate_curves_draw_what_they_are_given_and_cut_off_at_60_db():
    figure = plot.rate_curves((1, 2, 4), {"x": {"a": [10, 20, 90], "b": [1, 2, 3]}})
    assert [list(line.get_ydata()) for line in figure.axes[0].lines] == [[10, 20, 90], [1, 2, 3]]
    assert figure.axes[0].get_ylim()[1] == 60


def test_the_disc_is_shown_where_its_edge_is_and_details_are_counted():
    figure, alt = explore.kept().draw("disc", 256, (2, 3, 4))
    assert 0.1 < shown(figure, 0).mean() < 0.4
    details = 256**2 - 32**2, 256**2 + 128**2 + 64**2
    assert re.findall(r"of ([\d,]+)\)", alt) == [f"{each:,}" for each in details]
