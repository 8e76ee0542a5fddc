"""A run that is killed anywhere goes on as if it had not been; several processes compute what one does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from apart import SEVERAL, Exact, mixes, network

from mmsnet_lite.training import evaluate, make_accelerator, train
from mmsnet_lite.training.checkpoint import frozen_part, read_weights, save_model

TESTS = Path(__file__).parents[1]


def run_apart(launcher, what, data, folder):
    paths = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    own = {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "1"}
    command = [sys.executable, *launcher, str(TESTS / "apart.py"), what, str(data), str(folder)]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_ten_kills_leave_no_trace_in_the_weights(root, tmp_path):
    told = json.loads(run_apart([], "killed", root, tmp_path).splitlines()[-1])
    print(told)
    assert told["half_written"] >= 5
    for name in ("last", "best"):
        (whole, note), (cut, cut_note) = (
            read_weights(tmp_path / run / f"{name}.safetensors") for run in ("whole", "cut")
        )
        assert whole.keys() == cut.keys()
        assert all(torch.equal(whole[key], cut[key]) for key in whole)
    timed = ("seconds", "images_per_second")
    histories = [
        [{k: v for k, v in json.loads(line).items() if k not in timed} for line in file.read_text().splitlines()]
        for file in (tmp_path / "whole/metrics.jsonl", tmp_path / "cut/metrics.jsonl")
    ]
    assert histories[0] == histories[1]
    assert len(histories[0]) == 40


@pytest.mark.slow
def test_two_processes_compute_what_one_does(root, tmp_path):
    """Losses of one that accumulates the same halves, metrics of one checkpoint, and a run that changes over."""
    fixed = network()
    fixed.eval()
    save_model(tmp_path / "fixed.safetensors", fixed, {"frozen": frozen_part(fixed)})
    run_apart(["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"], "several", root, tmp_path)
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["processes"] == 2
    (main, other), shared = found["statistics"]  # of batch normalisation, before and after they are shared
    assert main != other
    assert shared == [main, main]

    train_mix, validation_mix = mixes(root)
    history = train(
        network(Exact), train_mix, validation_mix, SEVERAL, accelerator=make_accelerator(accumulate=2)
    )  # fmt: skip
    losses = torch.tensor([record["loss"] for record in history], dtype=torch.float64)
    assert len(losses) == 20
    apart = (losses - torch.tensor(found["losses"], dtype=torch.float64)).abs().max().item()

    one = evaluate(fixed, train_mix, batch=4).to_json()["images"]
    two = found["scores"]["images"]
    assert [row["stem"] for row in one] == [row["stem"] for row in two]
    metrics = [abs(a[key] - b[key]) for a, b in zip(one, two, strict=True) for key in ("dsc", "iou", "mae")]

    assert len((tmp_path / "half/metrics.jsonl").read_text().splitlines()) == 10
    changed = train(
        network(Exact),
        train_mix,
        validation_mix,
        SEVERAL,
        run=tmp_path / "half",
        resume=True,
        accelerator=make_accelerator(accumulate=2),
    )
    over = max(abs(record["loss"] - loss) for record, loss in zip(changed, found["losses"], strict=True))
    print(f"two processes and one: losses {apart:.1e}, metrics {max(metrics):.1e}, changed over {over:.1e}")
    assert apart <= 1e-5
    assert max(metrics) <= 1e-9
    assert over <= 1e-5
    alone = train(network(Exact), train_mix, validation_mix, SEVERAL, accelerator=make_accelerator())
    assert abs(alone[-1]["loss"] - found["losses"][-1]) > 1e-5  # undivided batches are normalised as a whole
