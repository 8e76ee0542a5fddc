"""Comparison of two sides over the same images."""

import dataclasses

import numpy as np
import pytest

from mmsnet_lite.errors import InputError
from mmsnet_lite.training import METRICS, Evaluation, ImageScore, compare, comparison_table

MODALITIES = {"kvasir": "colonoscopy", "busi": "ultrasound"}


def run(seed, better=0.0, n=40, noise=0.02):
    """Scores of one network: the images' difficulty is the same in every run."""
    difficulty, own = np.random.default_rng(0).random((2 * n, 4)), np.random.default_rng(seed + 1)
    values = 0.5 * difficulty + better + noise * own.standard_normal((2 * n, 4))
    areas = np.random.default_rng(9).uniform(0, 0.2, 2 * n)
    names = [(f"{i:03}", name) for name in MODALITIES for i in range(n)]
    return Evaluation(
        tuple(
            ImageScore(stem, name, MODALITIES[name], *row.tolist(), float(area), 64, 64)
            for (stem, name), row, area in zip(names, values, areas, strict=True)
        )
    )


def changed(evaluation, **values):
    return Evaluation((dataclasses.replace(evaluation.images[0], **values), *evaluation.images[1:]))


def test_a_small_steady_gain_is_found_that_unpaired_intervals_hide():
    a, b = run(0, better=0.02), run(1)
    rows = compare({"a": a}, {"b": b})
    dsc = rows[0]
    assert (dsc.group, dsc.metric, dsc.images) == ("mean of modalities", "dsc", 80)
    assert (dsc.a, dsc.b) == pytest.approx((a.mean["dsc"], b.mean["dsc"]))
    assert dsc.interval[0] < dsc.difference < dsc.interval[1]
    assert dsc.interval[0] > 0
    assert dsc.p < 0.001
    assert a.interval(balanced=True)["dsc"][0] < b.mean["dsc"]  # each alone could be the other


def test_two_alike_do_not_differ_and_order_does_not_matter():
    a, b = run(0), run(1)
    assert compare({"a": a}, {"b": b})[0].p > 0.01
    same = compare({"a": a}, {"again": Evaluation(a.images[::-1])})
    assert all(row.difference == 0 and row.interval == (0, 0) for row in same)
    assert [row.p for row in same[:4]] == [1] * 4


def test_rows_are_metrics_then_modalities_then_sizes():
    rows = compare({"a": run(0)}, {"b": run(1)})
    assert [row.metric for row in rows[:4]] == list(METRICS)
    groups = ["colonoscopy", "ultrasound", "lesion < 2 %", "lesion 2 to 10 %", "lesion > 10 %"]
    assert [row.group for row in rows[4:]] == groups
    assert sum(row.images for row in rows[6:]) == 80
    table = comparison_table(rows).splitlines()
    assert f"{rows[0].difference:+.3f}" in table[1]
    assert f"{rows[0].p:.4f}" in table[1]


def test_convention_p_stands_at_the_means_of_modalities_only():
    rows = compare({"a": run(0)}, {"b": run(1)})
    assert [row.p is not None for row in rows] == [True] * 4 + [False] * 5


def test_seeds_widen_the_interval():
    """Seeds that differ as a whole: one of them is certain of what three are not."""
    seeds = {f"{i}": run(i, better=0.1 * i) for i in range(3)}
    alone, three = compare({"1": seeds["1"]}, {"b": run(7)})[0], compare(seeds, {"b": run(7)})[0]
    assert three.difference == pytest.approx(alone.difference, abs=0.01)
    assert np.ptp(three.interval) > 3 * np.ptp(alone.interval)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (changed(run(1), stem="new"), r"2 are in one of them only, such as \('kvasir', '000'"),
        (Evaluation(run(1).images[1:]), r"1 are in one of them only, such as \('kvasir', '000'"),
        (changed(run(1), height=128), r"2 .* such as \('kvasir', '000', 'colonoscopy', 64, 64.*--at original"),
        (changed(run(1), area=0.5), "2 are in one of them only"),
        (changed(run(1), modality="eye"), "2 are in one of them only"),
    ],
)
def test_other_images_are_refused(other, message):
    with pytest.raises(InputError, match=f"one and two were not scored on the same images, masks and sizes: {message}"):
        compare({"one": run(0)}, {"two": other})


def test_a_side_without_runs_is_refused():
    with pytest.raises(InputError, match="each side needs"):
        compare({}, {"b": run(0)})
