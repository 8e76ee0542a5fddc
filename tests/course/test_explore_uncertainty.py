"""Explorers and figures of lesson 08, called as plain functions; the network is not trained here."""

import json
import math
import re

import numpy as np
import pytest
import torch
from sweeps import sweep

from mmsnet_lite.analysis import reliability, risk_coverage
from mmsnet_lite.build import build_model
from mmsnet_lite.course.explore import uncertainty as explore
from mmsnet_lite.course.plot import uncertainty as plot

CACHED = (explore.mixlite, explore.trained, explore.samples, explore.logits, explore.passes)


@pytest.fixture(scope="module", autouse=True)
def untrained():
    """Few images and a network that was never trained; nothing of it is kept."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"TRAINED": 2, "HELD": 1, "TESTED": 4}.items():
            patch.setattr(explore, name, value)
        model = build_model("mmsnet", explore.OPTIONS, 0).eval()
        with torch.no_grad():
            model.decoder.predict.weight *= 12  # unsure here and sure there
        patch.setattr(explore, "trained", lambda: model)
        yield
    for function in CACHED:
        function.cache_clear()


def percentages(text):
    return [float(number) / 100 for number in re.findall(r"([\d.]+)%", text)]


def test_the_drawn_point_is_what_a_threshold_keeps():
    figure, alt = explore.uncertainty().draw("ultrasound", 5, 0.3, 0.3)
    rows = explore.samples().modalities == "ultrasound"
    entropy, wrong = (each[rows].numpy().ravel() for each in (explore.passes(5, 0.3).entropy, explore.wrong()))
    kept = entropy < 0.3
    assert 0 < kept.mean() < 1
    assert percentages(alt) == pytest.approx([1 - kept.mean(), wrong[kept].mean(), wrong.mean()], abs=6e-4)
    curve, point = figure.axes[3].lines
    assert point.get_xydata()[0] == pytest.approx([kept.mean(), wrong[kept].mean()])
    assert np.interp(kept.mean(), *curve.get_data()) == pytest.approx(wrong[kept].mean(), abs=0.02)
    blank = np.all(figure.axes[2].images[0].get_array() == explore.BLANKED, -1)
    i = explore.shown("ultrasound")
    assert (blank >= (explore.passes(5, 0.3).entropy[i, 0] >= 0.3).numpy()).all()


def test_the_rate_of_some_passes_is_not_the_networks():
    low, high = (explore.passes(5, rate).mutual_information.mean() for rate in (0.05, 0.5))
    assert high > 3 * low
    assert explore.trained().decoder.dropout.p == 0.1


def test_a_temperature_is_drawn_beside_none():
    figure, alt = explore.temperature().draw(2.0, "fundus")
    rows = explore.samples().modalities == "fundus"
    z, y = explore.logits()[rows].double(), explore.samples().masks[rows].double()
    for factor, line in zip((1.0, 2.0), figure.axes[0].lines[1:], strict=True):
        p = (z / factor).sigmoid()
        found = reliability(p, y)
        assert f"T = {factor:g}: calibration error {found.error:.3f}" in alt
        loss = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
        assert f"cross-entropy {loss:.3f}" in alt
        filled = [each for each in found.frequency if not math.isnan(each)]
        assert line.get_ydata() == pytest.approx(filled)
    assert len(explore.temperature().draw(1.0, "all")[0].axes[0].lines) == 2


@pytest.mark.parametrize("explorer", [explore.uncertainty, explore.temperature])
def test_every_position_of_the_controls_can_be_drawn(explorer, monkeypatch):
    monkeypatch.delenv("MMSNET_STATIC", raising=False)
    made = explorer()
    assert sweep(made) >= sum(len(control.options) - 1 for control in made.controls.values())
    assert made.picture.value.startswith("<img")


def test_images_are_balanced_shared_by_no_two_mixes_and_shown_ones_are_of_their_kind():
    names = [{(sample["dataset"], sample["stem"]) for sample in mix} for mix in explore.mixes()]
    assert [len(each) for each in names] == [8, 4, 16]
    assert not names[0] & names[1] | names[0] & names[2] | names[1] & names[2]
    for modality in explore.MODALITIES:
        assert explore.samples().modalities[explore.shown(modality)] == modality


# --- stored measurements --------------------------------------------------------------------------------------------


def test_what_is_not_measured_is_empty(tmp_path):
    assert explore.stored_assessments(tmp_path) == []
    assert explore.stored_reannotation(tmp_path) == {}


def test_an_assessment_is_told_as_means_over_modalities(tmp_path):
    def modality(shift):
        scores = ("entropy", "mutual information", "single-pass entropy", "boundary distance")
        detection = {n: {"auroc": 0.5 + shift, "auprc": 0.1 * i + shift} for i, n in enumerate(scores)}
        ranking = {n: {"spearman": -0.4 - shift} for n in scores[:3]} | {"lesion size": {"spearman": shift}}
        errors = dict.fromkeys(("single pass", "temperature", "mc mean"), shift)
        return {"images": 3, "detection": detection, "ranking": ranking, "calibration": errors}

    row = {"run": "a-run", "size": 96, "modalities": {"a": modality(0.1), "b": modality(0.3)}}
    (tmp_path / "uncertainty.json").write_text(json.dumps({"rows": [row]}))
    (found,) = explore.stored_assessments(tmp_path)
    head, first, *_, last, size, calibration = explore.assessment_table(found).splitlines()
    assert head == "a-run, 96 px, 6 test images"
    assert (
        " ".join(first.split())
        == "entropy AUROC 0.700, near the boundary AUPRC 0.200; images, rank -0.60 (-0.70 to -0.50)"
    )
    assert " ".join(last.split()) == "boundary distance AUROC 0.700, near the boundary AUPRC 0.500"
    assert " ".join(size.split()) == "size called images, rank +0.20 (+0.10 to +0.30)"
    assert calibration.endswith("single pass 0.2000, temperature 0.2000, mc mean 0.2000")
    row["modalities"]["a"]["detection"]["entropy"]["auroc"] = None
    assert math.isnan(explore.mean_of_modalities(row, "detection", "entropy", "auroc"))


def test_the_study_of_bad_masks_is_told_by_arm(tmp_path):
    rows = [
        {"arm": arm, "seed": seed, "dsc": {"a": [value, value + 0.2], "b": [value + seed / 10]}}
        for arm, value in (("none", 0.4), ("uncertainty", 0.5))
        for seed in (0, 1)
    ]
    gain = {"mean": 0.012, "interval": [-0.01, 0.03]}
    arms = {
        "none": {"mean": 0.45, "bad": [0, 0], "checked": [0, 0]},
        "uncertainty": {"mean": 0.55, "bad": [4, 5], "checked": [10, 10], "minus random": gain},
    }
    areas = {"all": {"mean": 0.52}, "within a modality": {"mean": 0.5}}
    summary = {"bad masks found, AUROC": {"entropy": areas}, "arms": arms}
    stored = {"rows": rows, "summary": summary, "profile": {"size": 96}}
    (tmp_path / "reannotation.json").write_text(json.dumps(stored))
    study = explore.stored_reannotation(tmp_path)
    assert study["dsc"]["none"] == pytest.approx([0.45, 0.5])
    found, none, ours = explore.reannotation_table(study).splitlines()
    assert found.endswith("AUROC 0.52, within a modality 0.50")
    assert none.endswith("DSC 0.450, 0 of 0 masks checked were bad")
    assert ours.endswith("DSC 0.550, 9 of 20 masks checked were bad; minus random +0.012 (-0.010 to +0.030)")


# --- figures --------------------------------------------------------------------------------------------------------


def test_maps_of_a_column_share_a_scale_from_zero():
    pictures = [np.zeros((4, 4, 3), np.uint8)] * 2
    maps = {"doubt": [np.full((4, 4), 0.2), np.full((4, 4), 0.5)], "other": [np.ones((4, 4))] * 2}
    axes = plot.uncertainty_maps(pictures, maps, ["a", "b"]).axes
    assert [each.images[0].get_clim() for each in (axes[1], axes[4])] == [(0, 0.5)] * 2
    assert [axes[i].get_title() for i in (1, 2)] == ["doubt, to 0.50", "other, to 1.00"]


def test_dots_stand_at_their_values_and_curves_run_to_their_ends():
    axes = plot.dots({"one": [0.2, 0.4], "two": [0.9]}, "score", 0.5).axes[0]
    dots = [tuple(line.get_xdata()) for line in axes.lines if line.get_marker() == "o"]
    assert dots == [(0.2, 0.4), (0.9,)]
    means = [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "|"]
    assert means == pytest.approx([0.3])  # none where there is one value
    loss = torch.rand(1000, generator=torch.Generator().manual_seed(0))
    curve = risk_coverage(loss, loss)
    (line,) = plot.risk_curves({"best": curve}).axes[0].lines
    assert line.get_xydata()[-1] == pytest.approx([1, float(loss.double().mean())])
    assert len(line.get_xdata()) <= 400
