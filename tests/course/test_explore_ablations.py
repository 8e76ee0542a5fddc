"""Explorers of lesson 07, their drawings and loaders, on the repository's own results; nothing is trained here."""

import re

import numpy as np
import pytest
import torch

from mmsnet_lite.analysis.ablations import BY_NAME, GROUPS, effects
from mmsnet_lite.course.explore import ablations as explore
from mmsnet_lite.course.plot import ablations as plot
from mmsnet_lite.data.synthetic import MODALITIES, draw


def numbers(text):
    return [float(found) for found in re.findall(r"[+-]?\d*\.\d+", text)]


# --- stored measurements -------------------------------------------------------------------------------------------


def test_scores_of_the_runs_have_the_means_of_the_summary():
    for kind, found in explore.results().items():
        for row, summary in found["rows"].items():
            scores = explore.scores(row, kind)
            assert {s.shape for s in scores.values()} == {(len(summary["seeds"]), n) for n in found["images"].values()}
            for modality, of_row in scores.items():
                assert of_row.mean() == pytest.approx(summary["modalities"][modality], abs=2e-4)


def test_differences_are_paired_by_the_seeds_that_all_rows_share():
    for kind, found in explore.results().items():
        for group, contrasts in found["groups"].items():
            for contrast in (each for each in GROUPS[group] if each.name in contrasts):
                difference = explore.differences(contrast, kind)
                summary = contrasts[contrast.name]
                assert len(difference["fundus"]) == len(summary["seeds"])
                for modality, part in difference.items():
                    assert part.mean() == pytest.approx(summary[modality]["difference"], abs=2e-4)


def test_the_summary_is_what_the_runs_say_now():
    """A stale summary beside newer runs would let the lesson speak of other numbers."""
    contrast = GROUPS["modules"][1]
    seeds = explore.results()["mixlite"]["groups"]["modules"][contrast.name]["seeds"]
    plus, minus = ([explore.scores(row, seeds=seeds) for row in side] for side in (contrast.plus, contrast.minus))
    found, summary = (
        effects(plus, minus)["mean"],
        explore.results()["mixlite"]["groups"]["modules"][contrast.name]["mean"],
    )
    assert summary["interval"] == pytest.approx(found.interval, abs=1e-4)
    assert summary["detectable"] == pytest.approx(found.detectable, abs=1e-4)


def test_a_table_stars_the_intervals_without_zero():
    effect = {"difference": 0.02, "interval": [0.01, 0.03], "spread": None, "detectable": 0.01}
    wide = effect | {"interval": [-0.01, 0.05]}
    lines = explore.effect_table(
        {"a - b": {"seeds": [0, 2], "localisation": [], "mean": effect, "fundus": wide}}
    ).splitlines()
    assert lines[0].split()[-5:] == ["seeds", "mean", "fundus", "found", "from"]
    assert lines[1].split()[-4:] == ["2", "+0.020*", "+0.020", "0.010"]
    assert explore.excludes_zero(effect | {"interval": [-0.3, -0.1]})


def test_scores_of_rows_stand_beside_their_spread_where_there_is_one():
    mixlite, real = (explore.results()[kind]["rows"]["mmsnet"] for kind in ("mixlite", "real"))
    head, mmsnet, k16 = explore.score_table(("mmsnet", "k16")).splitlines()
    assert head.endswith("real")
    spread = f"{mixlite['dsc']:.3f} ± {mixlite['spread']:.3f}"
    assert mmsnet.split(maxsplit=2) == ["mmsnet", f"{mixlite['trained']:,}", f"{spread}{real['dsc']:18.3f}"]
    assert k16.split()[-2] == "±"  # not measured on real images


def test_localisation_lies_between_its_seeds():
    table = explore.localisation_table("edge width", ("mmsnet", "plain"))
    low, high = (float(each) for each in table.splitlines()[1].split()[1].split("-"))
    runs = [run["localisation"]["fundus"]["edge width"] for run in explore.runs("mmsnet")]
    assert (low, high) == (round(min(runs), 2), round(max(runs), 2))
    assert [line.split()[0] for line in table.splitlines()[1:]] == ["mmsnet", "plain"]
    assert len(explore.localisation_table("guidance 2", ("mmsnet", "plain")).splitlines()) == 2  # plain has no MSFG


# --- drawings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ["mmsnet", "plain", "unet-single"])
@pytest.mark.parametrize("modality", MODALITIES)
def test_stored_maps_belong_to_the_image_that_was_scored(row, modality):
    found = explore.look(row, modality)["probability"] >= 0.5
    _, mask = draw(modality, 0, 1_000_000, len(found))
    dsc = 2 * (found & (mask > 0)).sum() / (found.sum() + (mask > 0).sum())
    run = next(run for run in explore.runs(row) if run["seed"] == 0)
    assert dsc == pytest.approx(run["dsc of each image"][modality][0], abs=2e-3)


def test_a_row_is_drawn_with_its_figures_and_maps():
    figure, alt = explore.draw_row("no-msfg", "fundus")
    summary = explore.results()["mixlite"]["rows"]["no-msfg"]
    assert f"{summary['trained']:,} trained" in alt
    assert round(summary["dsc"], 3) in numbers(alt)
    assert round(summary["localisation"]["fundus"]["features 3"], 2) in numbers(alt)
    blank = [np.isnan(np.ma.filled(axes.images[0].get_array(), np.nan)).all() for axes in figure.axes]
    assert blank == [False] * 6 + [True] * 6  # no guidance without MSFG
    assert "shows no maps" in explore.draw_row("unet", "fundus")[1]


def test_a_group_is_drawn_at_its_differences():
    figure, alt = explore.draw_group("mixlite: modules")
    contrasts = explore.results()["mixlite"]["groups"]["modules"]
    assert [axes.get_title() for axes in figure.axes] == ["mean", *explore.results()["mixlite"]["images"]]
    for axes, place in zip(figure.axes, ("mean", *MODALITIES), strict=True):
        dots = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
        assert dots == [each[place]["difference"] for each in contrasts.values()]
        bars = [2 * each[place]["detectable"] for each in contrasts.values()]
        assert [patch.get_width() for patch in axes.patches] == pytest.approx(bars)
    assert all(name in alt for name in contrasts)


@pytest.mark.parametrize("explorer", [explore.row, explore.group], ids=lambda each: each.__name__)
def test_controls_offer_what_is_stored(explorer):
    first, *_ = explorer().controls.values()
    offered = {option.split(": ")[-1] for option in first.options}
    assert offered in (set(explore.results()["mixlite"]["rows"]), set(GROUPS))


def test_points_of_a_seed_are_joined():
    axes = plot.seed_pairs({"with": [0.4, 0.5], "without": [0.6, 0.3]}).axes[0]
    assert [list(line.get_xdata()) for line in axes.lines] == [[0.4, 0.6], [0.5, 0.3]]
    assert [text.get_text() for text in axes.texts] == ["seed 0", "seed 1"]


def test_sensitivity_is_written_into_its_cells():
    axes = plot.sensitivity({"fundus": {"a": 0.1, "b to c": -0.05}, "other": {"a": 0.0, "b to c": 0.2}}).axes[0]
    assert [text.get_text() for text in axes.texts] == ["+0.10", "-0.05", "+0.00", "+0.20"]
    assert axes.images[0].get_clim() == (-0.2, 0.2)


# --- live networks -------------------------------------------------------------------------------------------------


def test_live_rows_differ_in_msfg_alone(monkeypatch):
    monkeypatch.setattr(explore, "train", lambda *_: None)
    with_msfg, without = (explore.trained.__wrapped__(msfg, 0) for msfg in (True, False))
    assert with_msfg.config.msfg
    assert not without.config.msfg
    same = {name: value for name, value in with_msfg.state_dict().items() if name.startswith("encoder.")}
    assert all(torch.equal(value, without.state_dict()[name]) for name, value in same.items())
    assert set(explore.results()["mixlite"]["rows"]) <= BY_NAME.keys()
