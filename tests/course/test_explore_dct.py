"""Explorers of lesson 03, their drawings called as plain functions, and what the lesson's evidence stands on."""

import re

import numpy as np
import pytest
import scipy.fft
import torch
from sweeps import sweep

from mmsnet_lite.course.explore import dct as explore
from mmsnet_lite.course.plot import dct as plot
from mmsnet_lite.data.synthetic import MODALITIES
from mmsnet_lite.model import MMSNet, MMSNetConfig
from mmsnet_lite.model.msfg import FrequencyChannelAttention


def shown(figure, axes):
    return np.asarray(figure.axes[axes].images[0].get_array())


def numbers(alt, pattern):
    return [float(found) for found in re.findall(pattern, alt)]


@pytest.fixture(scope="module")
def untrained():
    """Networks without training in the place of trained ones: what is drawn does not care."""
    torch.manual_seed(0)
    patch = pytest.MonkeyPatch()
    nets = {
        k: MMSNet(MMSNetConfig(encoder="mit-nano", fep="none", width=32, msfg_scales=2, frequencies=k)).eval()
        for k in (1, 32)
    }
    patch.setattr(explore, "trained", lambda k: nets[k])
    explore.explained.cache_clear()
    yield nets
    explore.explained.cache_clear()
    patch.undo()


# --- textures ------------------------------------------------------------------------------------------------------


def test_textures_are_made_of_the_same_values_and_repeat_by_seed():
    fine, coarse = explore.texture(1.0, 3, 28, 0), explore.texture(2.0, 3, 28, 1)
    values = fine.flatten(1).sort().values
    assert torch.equal(values[0].expand_as(values), values)
    assert torch.equal(coarse.flatten(1).sort().values, values)
    assert 0 < values.min() < values.max() < 1
    assert torch.equal(fine, explore.texture(1.0, 3, 28, 0))
    assert not torch.equal(fine, explore.texture(1.0, 3, 28, 5))


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0])
def test_textures_have_the_slope_asked_for(slope):
    """Power falls as twice the amplitude's exponent; giving every map the same values changes it little."""
    x = explore.texture(slope, 64, 56, 0).double()
    powers = torch.fft.fft2(x - x.mean()).abs().square().mean(0)
    f = torch.hypot(torch.fft.fftfreq(56)[:, None], torch.fft.fftfreq(56)).double()
    ring = (f > 0.05) & (f < 0.4)
    found = np.polyfit(f[ring].log().numpy(), powers[ring].log().numpy(), 1)[0]
    assert found == pytest.approx(-2 * slope, abs=0.35)


def test_claim_of_the_lesson_in_its_smallest_form():
    """K = 1 reads the same of all textures; the coefficients' root mean square is larger in fine ones."""
    maps = torch.cat([explore.texture(1.0, 50, 56, 0), explore.texture(2.0, 50, 56, 1)])[None]
    one = FrequencyChannelAttention(100, 1, 56).pools(maps)[:, 0]
    assert (one.amax(1) - one.amin(1)).max() < 1e-5
    rms = FrequencyChannelAttention(100, 32, 56, pool="rms").pools(maps)[0, 0]
    mean = FrequencyChannelAttention(100, 32, 56).pools(maps)[0, 0]
    assert abs((rms[:50, None] > rms[50:]).double().mean() - 0.5) > 0.35  # the chance that a fine map has the larger
    assert abs((mean[:50, None] > mean[50:]).double().mean() - 0.5) < 0.15


# --- cosine images -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "u", "v"), [(7, 1, 0), (14, 3, 2), (28, 0, 6), (56, 5, 5)])
def test_the_coefficient_shown_is_scipys(n, u, v):
    figure, alt = explore.components().draw("ultrasound", n, u, v)
    x = shown(figure, 0)
    assert x.shape == (n, n)
    theirs = scipy.fft.dctn(x, norm="ortho")[u * n // 7, v * n // 7] / n
    assert numbers(alt, r"coefficient, is (-?[\d.]+\d)")[0] == pytest.approx(theirs, abs=6e-4)
    share = numbers(alt, r"([\d.]+)% of the map's variance")[0]
    assert share == pytest.approx(100 * theirs**2 / x.var(), abs=0.02)
    np.testing.assert_allclose(shown(figure, 2), x * shown(figure, 1), atol=1e-5)
    assert f"reaches from {shown(figure, 2).min():.2f} to {shown(figure, 2).max():.2f}." in alt


def test_index_zero_is_the_average():
    figure, alt = explore.components().draw("fundus", 7, 0, 0)
    assert f"is {shown(figure, 0).mean():.3f}, the average of the map" in alt


def test_a_coarse_texture_answers_on_the_small_grid_and_a_fine_one_on_the_large():
    """What the lesson asks its reader to find."""

    def share(name, n):
        return numbers(explore.components().draw(f"{name} texture", n, 1, 0)[1], r"([\d.]+)% of the map")[0]

    assert share("coarse", 7) > share("fine", 7)
    assert share("coarse", 56) < share("fine", 56)


# --- attention -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("modality", "k", "stage", "scale"), [("fundus", 1, 1, 1), ("dermoscopy", 32, 2, 2)])
def test_weights_and_map_shown_are_the_networks(untrained, modality, k, stage, scale):
    figure, alt = explore.attention().draw(modality, k, stage, scale)
    row = 12 * MODALITIES.index(modality)
    with torch.no_grad():
        seen = untrained[k].explain(explore.unseen_images()[0][row : row + 1]).guidance[stage - 1]
    np.testing.assert_allclose(shown(figure, 1), seen.foreground[scale - 1][0, 0], atol=1e-5)
    drawn = np.sort(figure.axes[2].lines[0].get_ydata())
    own = seen.attention[scale - 1].flatten().sort().values.numpy()
    np.testing.assert_allclose(drawn, own, atol=1e-5)
    assert f"between {own[0]:.2f} and {own[-1]:.2f}" in alt


def test_test_images_stand_in_the_order_of_modalities():
    images, masks = explore.unseen_images()
    assert images.shape == (48, 3, 64, 64)
    assert masks.shape == (48, 1, 64, 64)
    lesion = [
        (image.mean(0)[mask[0] == 1].mean() - image.mean(0)[mask[0] == 0].mean())
        for image, mask in zip(images, masks, strict=True)
    ]
    signs = torch.stack(lesion).view(4, 12).mean(1) > 0
    assert signs.tolist() == [True, True, False, False]  # discs and polyps are bright, tumours and skin lesions dark


@pytest.mark.slow
def test_training_repeats_and_leaves_the_global_generator_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first = explore.trained(1)
    assert torch.equal(torch.rand(1), expected)
    explore.trained.cache_clear()
    again = explore.trained(1)
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True))
    assert not again.training


# --- controls and figures ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("explorer", [explore.components, explore.attention], ids=lambda each: each.__name__)
def test_every_position_of_the_controls_can_be_drawn(explorer, untrained, monkeypatch):
    monkeypatch.delenv("MMSNET_STATIC", raising=False)
    made = explorer()
    assert all(len(control.options) <= 7 for control in made.controls.values())
    assert sweep(made) >= sum(len(control.options) - 1 for control in made.controls.values())
    assert made.picture.value.startswith("<img")


def test_accuracy_curves_draw_what_they_are_given():
    figure = plot.accuracy_curves(
        (1, 2, 4), {"x": {"a": [0.5, 0.6, 0.7], "b": [0.5, 0.5, 1.0]}, "y": {"a": [0.9, 0.9, 0.9]}}
    )
    lines = [list(line.get_ydata()) for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert lines == [[0.5, 0.6, 0.7], [0.5, 0.5, 1.0]]
    assert [axes.get_title() for axes in figure.axes] == ["x", "y"]


def test_channels_are_sorted_by_their_median_and_bars_span_all_images(untrained):
    axes = explore.attention().draw("fundus", 1, 1, 1)[0].axes[2]
    weights = explore.explained(1).guidance[0].attention[0][:, :, 0, 0].numpy()
    order = np.argsort(np.sort(weights, 0)[len(weights) // 2 - 1])
    np.testing.assert_allclose(axes.lines[0].get_ydata(), weights[0, order])
    spans = np.array([path[:, 1] for path in axes.collections[0].get_segments()])
    np.testing.assert_allclose(spans.T, [weights.min(0)[order], weights.max(0)[order]])
