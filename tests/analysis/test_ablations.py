"""The ablations' grid, the worth of a difference, and benchmarks/ablations.py on its tiny profile."""

import importlib.util
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from small import write_dataset

from mmsnet_lite.analysis.ablations import BY_NAME, GROUPS, ROWS, effects
from mmsnet_lite.build import build_model
from mmsnet_lite.errors import InputError


def load():
    spec = importlib.util.spec_from_file_location("ablations", Path(__file__).parents[2] / "benchmarks/ablations.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_rows_are_distinct_and_each_serves_a_group():
    for one, other in itertools.combinations(ROWS, 2):
        assert one.name != other.name
        assert (one.model, one.training, one.options) != (other.model, other.training, other.options)
    assert len(ROWS) == len(BY_NAME) == 24
    contrasts = [contrast for group in GROUPS.values() for contrast in group]
    assert {name for contrast in contrasts for name in contrast.plus + contrast.minus} == BY_NAME.keys()
    assert all(len(contrast.plus) == len(contrast.minus) > 0 for contrast in contrasts)
    assert [row.name for row in load().rows_of(["r"])] == ["mmsnet", "r8", "r4", "r2"]


def trained(name):
    model = build_model(BY_NAME[name].model, dict(BY_NAME[name].options))
    return model, sum(p.numel() for p in model.parameters() if p.requires_grad)


def test_networks_are_what_their_rows_say():
    counts = {row.name: trained(row.name)[1] for row in ROWS if row.training == "mix"}
    assert counts["plain"] < counts["mfa"] < counts["no-msfg"] < counts["no-fep"] < counts["mmsnet"] < counts["tuned"]
    assert counts["plain"] < counts["msfg"] < counts["lora"] < counts["no-fep"]
    assert counts["r8"] < counts["r4"] < counts["r2"] < counts["mmsnet"]
    assert counts["sfg-ssg"] == counts["mfg-ssg"] < counts["sfg-msg"] == counts["k16"] == counts["mmsnet"]
    model = trained("mmsnet")[0]
    assert (model.config.r, model.config.frequencies, model.config.msfg_scales) == (1, 32, 3)
    assert not any(p.requires_grad for p in model.encoder.parameters())
    for row in (r for r in ROWS if r.training == "single" and r.name != "k1-single"):
        assert any((row.model, row.options) == (r.model, r.options) for r in ROWS if r.training == "mix")


def test_contrasts_read_as_sums():
    names = [contrast.name for contrasts in GROUPS.values() for contrast in contrasts]
    assert "no-fep - mmsnet" in names
    assert "(unet-single + mmsnet) - (unet + mmsnet-single)" in names


def made(rng, seeds=3, images=(12, 30), shift=0.0):
    """Scores of a row in two modalities, with an effect of the seed and one of the image."""
    return {
        name: rng.normal(0.7 + shift, 0.05, (seeds, 1)) + rng.normal(0, 0.1, (seeds, n))
        for name, n in zip(("a", "b"), images, strict=True)
    }


def test_an_interval_equals_a_naive_bootstrap_over_pairs():
    rng = np.random.default_rng(3)
    rows = [made(rng) for _ in range(4)]
    found = effects(rows[:2], rows[2:])
    differences = {m: rows[0][m] + rows[1][m] - rows[2][m] - rows[3][m] for m in "ab"}
    means = []
    for _ in range(4000):
        drawn = rng.integers(0, 3, 3)
        chosen = {m: rng.integers(0, d.shape[1], d.shape[1]) for m, d in differences.items()}
        means.append([differences[m][drawn][:, chosen[m]].mean() for m in "ab"])
    naive = dict(zip("ab", np.transpose(means), strict=True)) | {"mean": np.mean(means, axis=1)}
    for where, draws in naive.items():
        assert found[where].interval == pytest.approx(np.quantile(draws, (0.025, 0.975)), abs=0.01)
        assert found[where].error == pytest.approx(draws.std(), rel=0.06)
    assert found["a"].by_seed == pytest.approx(differences["a"].mean(1))
    assert found["mean"].mean == pytest.approx(np.mean([d.mean() for d in differences.values()]))
    assert found["a"].spread == pytest.approx(differences["a"].mean(1).std(ddof=1))


def test_pairs_that_differ_by_a_constant_leave_nothing_to_chance():
    one = made(np.random.default_rng(0))
    found = effects([{m: part + 0.02 for m, part in one.items()}], [one])["mean"]
    assert found.interval == pytest.approx((0.02, 0.02))
    assert found.detectable == pytest.approx(0, abs=1e-12)
    with pytest.raises(InputError, match="paired"):
        effects([one], [{m: part[:2] for m, part in one.items()}])


def test_a_detectable_difference_is_found_in_four_of_five_experiments():
    """Experiments repeated with new seeds and images and that true difference, judged by their standard deviation."""
    rng = np.random.default_rng(11)
    seeds, images = 30, 60

    def experiments(n):
        return rng.normal(0, 0.05, (n, seeds, 1)) + rng.normal(0, 0.2, (n, 1, images))

    nothing = {"a": np.zeros((seeds, images))}
    delta = np.mean([effects([{"a": each}], [nothing])["mean"].detectable for each in experiments(8)])
    means = experiments(4000).mean((1, 2))
    assert (np.abs(means + delta) > 1.96 * means.std()).mean() == pytest.approx(0.8, abs=0.05)
    assert (np.abs(means) > 1.96 * means.std()).mean() == pytest.approx(0.05, abs=0.015)


@pytest.fixture
def benchmark(tmp_path, monkeypatch):
    """benchmarks/ablations.py on its tiny profile: a function of more arguments that returns the summary."""
    module = load()
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)

    def run(*arguments):
        module.main(["--profile", "tiny", "--out", str(tmp_path / "ablations"), *arguments])
        return json.loads((tmp_path / "ablations.json").read_text())

    run.module, run.folder = module, tmp_path / "ablations" / "mixlite"
    return run


def test_runs_are_stored_resumed_and_compared(benchmark, capsys):
    rows = ["--only", "mmsnet", "mmsnet-single", "--seeds", "2"]
    first = benchmark(*rows)["mixlite"]
    assert capsys.readouterr().out.count("DSC") == 4
    files = {file.name: file.read_text() for file in benchmark.folder.iterdir()}
    assert set(files) == {f"{row}-seed{seed}.json" for row in ("mmsnet", "mmsnet-single") for seed in (0, 1)}
    mix, single = (json.loads(files[f"{row}-seed0.json"]) for row in ("mmsnet", "mmsnet-single"))
    assert (len(mix["loss of each epoch"]), len(single["loss of each epoch"])) == (1, 4)
    assert mix["lesion share of each image"] == single["lesion share of each image"]
    assert list(first["groups"]) == ["interference"]
    found = first["groups"]["interference"]["mmsnet-single - mmsnet"]
    dsc = first["rows"]
    assert found["mean"]["difference"] == pytest.approx(dsc["mmsnet-single"]["dsc"] - dsc["mmsnet"]["dsc"], abs=2e-4)
    for modality, scores in mix["dsc of each image"].items():
        assert mix["modalities"][modality]["dsc"] == pytest.approx(np.mean(scores), abs=2e-4)

    assert benchmark(*rows)["mixlite"] == first
    assert "DSC" not in capsys.readouterr().out
    stale = mix | {"settings": mix["settings"] | {"lr": 1.0}}
    (benchmark.folder / "mmsnet-seed0.json").write_text(json.dumps(stale))
    assert benchmark("--summary", "--seeds", "2")["mixlite"]["rows"]["mmsnet"]["seeds"] == [1]
    benchmark(*rows)
    assert capsys.readouterr().out.count("DSC") == 1
    again = json.loads((benchmark.folder / "mmsnet-seed0.json").read_text())
    assert again["dsc of each image"] == mix["dsc of each image"]


def test_a_row_that_fails_leaves_the_others(benchmark, capsys, monkeypatch):
    build = benchmark.module.build_model

    def refuse(name, options, seed):
        if name == "unet":
            raise InputError("no U-Net here")
        return build(name, options, seed)

    monkeypatch.setattr(benchmark.module, "build_model", refuse)
    with pytest.raises(SystemExit, match="failed"):
        benchmark("--only", "unet", "segformer", "--groups", "interference", "--seeds", "1")
    said = capsys.readouterr().out
    assert "unet-seed0 failed: InputError: no U-Net here" in said
    assert [file.name for file in benchmark.folder.iterdir()] == ["segformer-seed0.json"]


def test_real_images_come_from_prepared_folders(benchmark, tmp_path, monkeypatch):
    monkeypatch.setenv("MMSNET_CACHE", str(tmp_path / "cache"))
    for name in benchmark.module.SETS:
        write_dataset(tmp_path, name)
    found = benchmark(str(tmp_path), "--only", "plain", "no-fep", "r8", "--seeds", "1")["real"]
    assert list(found["rows"]) == ["no-fep", "plain"]
    assert found["images"] == dict.fromkeys(("fundus", "colonoscopy", "ultrasound", "dermoscopy"), 2)
