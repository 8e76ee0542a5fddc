"""benchmarks/reannotation.py and uncertainty.py on tiny networks: rows whole, not measured twice, summed up rightly."""

import json

import numpy as np
import pytest
import torch
from small import TinyNet, benchmark, train_arguments, write_dataset

from mmsnet_lite.__main__ import main
from mmsnet_lite.analysis.reannotation import ARMS, draw_noise


@pytest.fixture
def reannotation(monkeypatch):
    module = benchmark("reannotation")
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    monkeypatch.setattr(module, "environment", lambda: dict.fromkeys(("commit", "versions", "threads", "gpu")))
    monkeypatch.setattr(module, "build_model", lambda name, options, seed: seeded(seed))
    return module


def seeded(seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TinyNet()


def test_arms_are_whole_resumed_and_summed_up(reannotation, tmp_path, capsys):
    out = tmp_path / "reannotation.json"

    def run():
        reannotation.main(["--profile", "tiny", "--seeds", "2", "--out", str(out)])
        return json.loads(out.read_text()), capsys.readouterr().out.count("DSC")

    found, measured = run()
    assert measured == 2 * len(ARMS)
    assert [(row["seed"], row["arm"]) for row in found["rows"]] == [(s, arm) for s in (0, 1) for arm in ARMS]
    assert all(row["environment"].keys() == {"commit", "versions", "threads", "gpu"} for row in found["rows"])
    assert run() == (found, 0)
    out.write_text(json.dumps(found | {"rows": [r for r in found["rows"] if (r["seed"], r["arm"]) != (1, "loss")]}))
    again, measured = run()
    assert measured == 1
    assert [row | {"seconds": 0} for row in again["rows"]] == [row | {"seconds": 0} for row in found["rows"]]
    assert not list(tmp_path.glob("*.tmp"))
    profile = reannotation.SETTINGS["tiny"]
    assert reannotation.read(profile, out) == again
    out.write_text(json.dumps(found | {"mixlite": "another"}))
    assert reannotation.read(profile, out)["rows"] == []


def test_the_summary_counts_bad_masks_and_takes_differences_within_a_seed(reannotation):
    profile = reannotation.SETTINGS["tiny"]
    parts = reannotation.images(profile)[0]
    keys = [(part.dataset, stem) for part in parts for stem in part.stems]
    noise = {seed: draw_noise(parts, profile["share"], seed) for seed in (0, 1)}
    dsc = {"none": (0.5, 0.7), "random": (0.6, 0.7), "uncertainty": (0.7, 0.8)}
    rows = [
        {"seed": seed, "arm": arm, "bad": 1, "checked": [0, 3], "dsc": {"a": [value, value], "b": [value + 0.1] * 4}}
        for arm, values in dsc.items()
        for seed, value in enumerate(values)
    ]
    for seed, row in enumerate(rows[:2]):
        bad = np.array([key in noise[seed] for key in keys], float)
        row["scores"] = {"perfect": bad, "blind": np.zeros(len(keys)), "perverse": -bad}
    summary = reannotation.summary(rows, profile)
    areas = {name: row["all"]["mean"] for name, row in summary["bad masks found, AUROC"].items()}
    assert areas == {"perfect": 1, "blind": 0.5, "perverse": 0}
    assert summary["bad masks found, AUROC"]["perfect"]["missed"]["seeds"] == [1, 1]
    arms = summary["arms"]
    assert arms["uncertainty"]["mean"] == pytest.approx(0.8)
    assert arms["uncertainty"]["minus random"] == {"mean": 0.1, "interval": [0.1, 0.1]}
    assert arms["uncertainty"]["minus none"] == {"mean": 0.15, "interval": [0.1, 0.2]}
    assert "minus random" not in arms["random"]


def test_a_run_is_judged_once_on_its_own_images(tmp_path, capsys):
    uncertainty, out = benchmark("uncertainty"), tmp_path / "uncertainty.json"
    for name in ("left", "right"):
        write_dataset(tmp_path, name)
    run = tmp_path / "run"
    assert main(train_arguments(tmp_path, run, "--model", "mmsnet", "--encoder", "mit-nano")) == 0
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("left", "right"):
        (tmp_path / name).rename(moved / name)
    uncertainty.main([str(run), "--data", str(moved), "--passes", "2", "--out", str(out)])
    (row,) = json.loads(out.read_text())["rows"]
    assert row["run"] == "run"
    assert "--data ROOT --datasets left,right" in row["command"]
    assert sum(quality["images"] for quality in row["modalities"].values()) == 4
    for quality in row["modalities"].values():
        assert {"single-pass entropy", "boundary distance", "entropy"} <= quality["detection"].keys()
    assert "temperature" in capsys.readouterr().out
    uncertainty.main([str(run), "--passes", "2", "--out", str(out)])  # its images are gone, and not needed
    assert capsys.readouterr().out == ""
    assert json.loads(out.read_text())["rows"] == [row]


def test_what_is_no_number_is_stored_as_none():
    assert benchmark("uncertainty").plain({"a": float("nan"), "b": (1, 0.123456)}) == {"a": None, "b": (1, 0.123456)}
    assert benchmark("uncertainty").plain({"a": {"b": 0.123456}, "n": 3}) == {"a": {"b": 0.1235}, "n": 3}
