"""benchmarks/tuning.py on its tiny profile: rows are whole, are not measured twice, and belong to one encoder."""

import json

import torch
from small import benchmark

from mmsnet_lite.model import MiTEncoder


def save_encoder(folder, seed):
    torch.manual_seed(seed)
    MiTEncoder("mit-nano").save(folder)
    return str(folder)


def test_rows_are_whole_resumed_and_thrown_away_with_their_weights(tmp_path, monkeypatch, capsys):
    tuning, out = benchmark("tuning"), tmp_path / "tuning.json"
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    first, second = (save_encoder(tmp_path / str(seed), seed) for seed in (1, 2))

    def run(own, *only):
        tuning.main(["--own", own, "--seeds", "1", "--profile", "tiny", "--out", str(out), "--only", *only])
        return json.loads(out.read_text())

    rows = run(first, "frozen", "mfa-4")["rows"]
    assert [(row["way"], row["start"]) for row in rows] == [
        ("frozen", "own"), ("frozen", "random"), ("mfa-4", "own"), ("mfa-4", "random"),
    ]  # fmt: skip
    assert rows[0]["trained"] == rows[0]["decoder"] < rows[2]["trained"]
    assert rows[0]["loss"] != rows[1]["loss"]
    assert capsys.readouterr().out.count("DSC") == 4
    assert run(first, "frozen", "mfa-4")["rows"] == rows
    assert capsys.readouterr().out == ""
    assert len(run(second, "frozen")["rows"]) == 2


def test_every_way_is_one_that_networks_know():
    tuning = benchmark("tuning")
    counts = {way: tuning.trained_count(tuning.network(how, None, r)) for way, (how, r) in tuning.WAYS.items()}
    assert counts["frozen"] < counts["mfa-16"] < counts["mfa-4"] < counts["mfa-1"] < counts["full"]
    assert counts["frozen"] < counts["lora-4"] < counts["full"]
