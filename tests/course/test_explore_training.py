"""Explorers of lesson 05, their drawings called as plain functions, and its cards; networks are not trained here."""

import re

import numpy as np
import pytest
import torch
from sweeps import sweep

from mmsnet_lite.course import profile
from mmsnet_lite.course.explore import training as explore
from mmsnet_lite.course.plot import training as plot
from mmsnet_lite.course.profile import Card, lacking
from mmsnet_lite.data.specs import MIXES
from mmsnet_lite.training import Evaluation, ImageScore

AREAS = (0.01, 0.05, 0.05, 0.3)


def evaluation(seed):
    """Scores of 24 images in each of four modalities."""
    values = np.random.default_rng(seed).random((4, 24))
    return Evaluation(
        tuple(
            ImageScore(f"{i}", m, m, float(values[k, i]), 0.5, 0.1, 0.1, AREAS[i % 4], 64, 64)
            for k, m in enumerate("abcd")
            for i in range(24)
        )
    )


@pytest.fixture
def untrained(monkeypatch):
    """Scores and probabilities that no network made."""
    generator = torch.Generator().manual_seed(0)
    probability = torch.rand(96, 1, 8, 8, generator=generator)
    masks = (torch.rand(96, 1, 8, 8, generator=generator) < 0.4).to(torch.uint8)
    monkeypatch.setattr(explore, "scores", lambda start, seed: evaluation(seed))
    monkeypatch.setattr(explore, "probabilities", lambda seed: (probability, masks))
    return probability, masks


def test_the_full_recipe_on_mix1_takes_so_many_steps():
    """5,091 images of which 25 + 72 + 27 + 129 are held out: 4,838, in 604 batches of 8, 50 times."""
    assert explore.images_of("mix1") == 4838
    figure, alt = explore.learning_rate().draw("mix1", 50, 8, 1e-6)
    assert "are 30,200 steps" in alt
    rates = figure.axes[0].lines[0].get_ydata()
    assert len(rates) == 30_200
    assert rates[0] == 5e-4
    assert rates[15_100] == pytest.approx((5e-4 + 1e-6) / 2)
    assert f"{(np.asarray(rates) < 5e-5).mean():.0%} of all steps" in alt


def test_a_schedule_has_no_scale_of_its_own():
    shares = {
        re.findall(r"(\d+)% of all", explore.learning_rate().draw("mix2", n, b, 1e-6)[1])[0]
        for n in (6, 50)
        for b in (8, 32)
    }
    assert shares == {"20"}


def test_threshold_scores_are_those_of_the_cut_masks(untrained):
    probability, masks = untrained
    small = np.array([score.size == "small" for score in evaluation(0).images])
    at = explore.THRESHOLDS.index(0.3)
    predicted, truth = (probability[small, 0] >= 0.3).numpy(), masks[small, 0].numpy() == 1
    both = (predicted & truth).sum((1, 2))
    dsc = 2 * both / (predicted.sum((1, 2)) + truth.sum((1, 2)))
    iou = both / (predicted | truth).sum((1, 2))
    assert explore.threshold_scores(0, "DSC")["lesion < 2 %"][at] == pytest.approx(dsc.mean())
    assert explore.threshold_scores(0, "IoU")["lesion < 2 %"][at] == pytest.approx(iou.mean())
    assert f"lesion < 2 %: {dsc.mean():.2f} here" in explore.threshold().draw(0.3, "DSC", 0)[1]


def test_intervals_are_of_the_first_images_and_narrow_with_their_number(untrained):
    figure, alt = explore.interval().draw(6, 1)
    first = [score.dsc for score in evaluation(1).images if int(score.stem) < 6]
    assert f"on 24 images, seed 1 has a mean DSC of {np.mean(first):.2f}" in alt
    widths = [float(w) for w in re.findall(r"[\d.]*\d", alt.split("images: ")[1])]
    assert widths == sorted(widths, reverse=True)
    assert len(widths) == len(explore.NUMBERS)
    assert [t.get_text() for t in figure.axes[0].texts] == [f"{w:.2f} wide" for w in widths]


@pytest.mark.parametrize("explorer", [explore.learning_rate, explore.threshold, explore.interval])
def test_every_position_of_the_controls_can_be_drawn(explorer, untrained, monkeypatch):
    monkeypatch.delenv("MMSNET_STATIC", raising=False)
    made = explorer()
    assert sweep(made) >= sum(len(control.options) - 1 for control in made.controls.values())
    assert made.picture.value.startswith("<img")


def test_mixes_are_balanced_and_disjoint():
    train, held, test = explore.mixes()
    assert [len(mix) for mix in (train, held, test)] == [64, 4, 96]
    assert all(len(set(map(mix.labels.count, mix.modalities))) == 1 for mix in (train, held, test))
    names = [{(s["dataset"], s["stem"]) for s in mix} for mix in (train, held, test)]
    assert not names[0] & names[1]
    assert not names[0] & names[2]


def test_networks_of_two_starts_differ_in_the_encoder_and_of_two_seeds_in_the_rest():
    def parts(start, seed):
        model = explore.network(start, seed)
        return {trained: [p for p in model.parameters() if p.requires_grad is trained] for trained in (True, False)}

    a, seed, start = parts("own", 0), parts("own", 1), parts("random", 0)
    assert all(torch.equal(x, y) for x, y in zip(a[False], seed[False], strict=True))
    assert not all(torch.equal(x, y) for x, y in zip(a[True], seed[True], strict=True))
    assert not all(torch.equal(x, y) for x, y in zip(a[False], start[False], strict=True))
    assert [p.shape for p in a[True]] == [p.shape for p in start[True]]


@pytest.mark.slow
def test_what_is_cut_at_one_half_is_what_was_scored_and_the_lesson_stands_on_it():
    """Probabilities first, as in a notebook of which one explorer alone is run."""
    probability, masks = explore.probabilities(0)
    predicted, truth = (probability[:, 0] >= 0.5).numpy(), masks[:, 0].numpy() == 1
    dsc = 2 * (predicted & truth).sum((1, 2)) / (predicted.sum((1, 2)) + truth.sum((1, 2)))
    assert [score.dsc for score in explore.scores("own", 0).images] == pytest.approx(list(dsc), abs=0.02)
    assert explore.scores("own", 0).mean["dsc"] > explore.scores("random", 0).mean["dsc"]


# --- cards and the switch ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "bands", "words"),
    [
        (0.5, {"cpu": (0.4, 0.6)}, "yours 0.50; expected 0.40 to 0.60, inside"),
        (0.7, {"cpu": (0.4, 0.6)}, "yours 0.70; expected 0.40 to 0.60, OUTSIDE"),
        (0.7, {"cuda": (0.4, 0.6)}, "yours 0.70; expected: not measured yet"),
        (None, {"cpu": (0.4, 0.6)}, "no run of yours yet; expected 0.40 to 0.60"),
        (None, {}, "no run of yours yet; expected: not measured yet"),
    ],
)
def test_a_card_says_what_is_known_and_no_more(value, bands, words, monkeypatch):
    monkeypatch.setattr(profile.torch.cuda, "is_available", lambda: False)
    card = Card("x", value, bands)
    assert card.verdict == words
    figure, alt = plot.cards([card])
    assert alt == f"x: {words}."
    assert len(figure.axes[0].patches) == ("cpu" in bands)
    assert len(figure.axes[0].lines) == (value is not None)


def test_what_full_lacks_is_named_until_nothing_is_lacking(monkeypatch, tmp_path):
    monkeypatch.setattr(profile.torch.cuda, "device_count", lambda: 0)
    monkeypatch.delenv("MMSNET_DATA", raising=False)
    gpu, data = lacking("mix1")
    assert "a GPU" in gpu
    assert "MMSNET_DATA" in data
    monkeypatch.setattr(profile.torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("MMSNET_DATA", str(tmp_path))
    for i, name in enumerate(MIXES["mix1"]):
        (said,) = lacking("mix1")
        assert said.endswith(f"prepare {' '.join(MIXES['mix1'][i:])}`")
        (tmp_path / name / "splits").mkdir(parents=True)
        (tmp_path / name / "splits" / "train.txt").write_text("a\n")
    assert lacking("mix1") == []


def test_runs_are_drawn_at_their_means():
    sides = {"one": {"a": evaluation(0), "b": evaluation(1)}, "two": {"c": evaluation(2)}}
    axes = plot.runs(sides).axes[0]
    dots = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert dots == pytest.approx([evaluation(seed).mean["dsc"] for seed in range(3)])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one, a", "one, b", "two, c"]
