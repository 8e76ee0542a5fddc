"""Explorers of lesson 04, their drawings called as plain functions, and the counts and measures they stand on."""

import json
import re

import numpy as np
import pytest
import torch
from torch import nn

from mmsnet_lite.course.explore import mfa as explore
from mmsnet_lite.course.plot import mfa as plot


def numbers(alt, pattern):
    return [float(found) for found in re.findall(pattern, alt)]


# --- counts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("r", "total"), [(1, 6_407_488), (2, 1_801_376), (4, 550_480), (8, 188_072), (64, 14_815)])
def test_parts_add_up_to_the_count_of_mit_b4(r, total):
    assert sum(sum(part) for part in explore.mfa_parts("mit-b4", r).values()) == total


def test_parts_of_stages_that_are_left_out_are_zero_and_the_others_stay():
    whole, part = (explore.mfa_parts("mit-b4", 2, stages) for stages in ((1, 2, 3, 4), (1, 2)))
    for name in whole:
        assert part[name] == [*whole[name][:2], 0, 0]
    late = explore.mfa_parts("mit-b4", 2, (4,))
    assert late["frequency embedding"] == whole["frequency embedding"]  # the chain runs through all stages
    assert late["tuning layers"] == [0, 0, 0, whole["tuning layers"][3]]


def test_the_explorer_says_the_papers_count():
    figure, alt = explore.parameters().draw("mit-b4", 1, (1, 2, 3, 4))
    mfa, decoder = numbers(figure.axes[0].get_title(), r"(?:MFA|decoder) ([\d.]+) M")
    assert mfa + decoder == pytest.approx(7.51, abs=0.011)
    assert numbers(alt, r"has ([\d.]+) M") == [6.41]
    assert "The largest part is the tuning layers" in alt


@pytest.mark.parametrize("encoder", explore.LARGE)
def test_every_r_fits_every_encoder(encoder):
    for r in explore.R:
        assert explore.parameters().draw(encoder, r, (4,))[1].startswith(f"With {encoder}, r = {r} and stages (4,)")


def test_bytes_kept_are_those_of_the_inputs_that_a_gradient_needs():
    x = torch.randn(8, 16)
    trained, frozen = nn.Sequential(nn.Linear(16, 16), nn.ReLU()), nn.Sequential(nn.Linear(16, 16), nn.ReLU())
    frozen.requires_grad_(False)
    size = x.numel() * 4
    assert explore.kept_for_backward(trained, x) == 2 * size  # the linear layer's input, and the ReLU's output
    assert explore.kept_for_backward(frozen, x) == 0
    assert explore.kept_for_backward(frozen, x.clone().requires_grad_()) == size  # on the way to x: the ReLU's alone


def test_memory_follows_the_stages_and_full_tuning_keeps_most():
    x = torch.randn(2, 3, 64, 64)

    def kept(how, **options):
        return explore.kept_for_backward(explore.network(how, None, **options).train(), x)

    late, middle, every = (kept("mfa", stages=stages) for stages in ((4,), (3, 4), (1, 2, 3, 4)))
    assert kept("frozen") < late < middle < every < kept("full")


# --- networks ------------------------------------------------------------------------------------------------------


def test_adapted_networks_start_at_their_frozen_encoder():
    x = torch.randn(1, 3, 64, 64)
    model = explore.network("mfa", None)
    assert explore.changes(model.features(x), model.encoder(x)) == [0.0] * 4
    assert explore.trained_count(model) > explore.trained_count(explore.network("frozen", None))


def test_change_is_relative():
    before = [torch.ones(2, 2), 3 * torch.ones(2)]
    assert explore.changes([1.1 * each for each in before], before) == pytest.approx([0.1, 0.1])


def test_stored_scores_are_grouped_by_way_and_start(tmp_path):
    row = {"way": "full", "start": "own", "seed": 0, "dsc": 0.5}
    rows = [row, row | {"seed": 1, "dsc": 0.6}, row | {"start": "random"}, row | {"way": "mfa-1"}]
    (tmp_path / "tuning.json").write_text(json.dumps({"rows": rows}))
    expected = {"full": {"own": [0.5, 0.6], "random": [0.5]}, "mfa-1": {"own": [0.5]}}
    assert explore.stored_scores(tmp_path) == expected
    assert explore.stored_scores(tmp_path / "none") == {}


@pytest.fixture
def _untrained(monkeypatch):
    """The explorer of features on a network that was disturbed and not trained."""

    def disturbed(how, start):
        model = explore.network(how, None).eval()
        with torch.random.fork_rng():
            torch.manual_seed(1)
            for s in range(4):
                nn.init.normal_(model.mfa.adaptor(s).up.weight, std=0.1)
        return explore.Tuned(model, (0.0,))

    monkeypatch.setattr(explore, "tuned", disturbed)


@pytest.mark.usefixtures("_untrained")
@pytest.mark.parametrize("stage", [1, 4])
def test_the_channel_shown_is_the_one_that_changed_most(stage):
    figure, alt = explore.features().draw("random", "fundus", stage)
    before, after, difference = (np.asarray(axes.images[0].get_array()) for axes in figure.axes[1:])
    np.testing.assert_allclose(after - before, difference, atol=1e-5)
    assert before.shape == (128 // 2 ** (stage + 1),) * 2
    assert np.abs(difference).max() > 0
    of_stage = numbers(alt, r"moved by (\d+)% of")
    assert numbers(alt.split("stages 1 to 4")[1], r"(\d+)%")[stage - 1] == of_stage[0] > 0


@pytest.mark.parametrize("explorer", [explore.parameters, explore.features], ids=lambda each: each.__name__)
def test_every_control_has_few_positions(explorer):
    assert all(len(control.options) <= 7 for control in explorer().controls.values())


# --- figures -------------------------------------------------------------------------------------------------------


def test_bars_are_stacked_and_as_high_as_their_sum():
    parts = np.array(list(explore.mfa_parts("mit-b2", 4).values())) / 1e3
    patches = explore.parameters().draw("mit-b2", 4, (1, 2, 3, 4))[0].axes[0].patches
    tops = [patch.get_y() + patch.get_height() for patch in patches]
    np.testing.assert_allclose(np.reshape(tops, (4, 4)), parts.cumsum(0))


def test_curves_stand_at_their_steps():
    figure = plot.learning_curves({"x": [0.1, 0.2], "y": [0.3, 0.4]}, 12)
    assert [list(line.get_xdata()) for line in figure.axes[0].lines] == [[12, 24]] * 2
    assert list(figure.axes[0].lines[1].get_ydata()) == [0.3, 0.4]


def test_each_seed_is_a_point_of_its_row():
    figure = plot.seed_scores({"frozen": {"own": [0.5, 0.6], "random": [0.1]}, "full": {"own": [0.7]}})
    points = [tuple(map(tuple, each.get_offsets())) for each in figure.axes[0].collections]
    assert points == [((0.5, 0), (0.6, 0)), ((0.1, 0),), ((0.7, 1),)]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["own", "random"]
