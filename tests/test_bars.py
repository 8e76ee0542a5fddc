"""The promises about scores: on MixLite by running the default command, on real images by the stored results."""

import json
import time
from pathlib import Path

import pytest
import torch

from mmsnet_lite.__main__ import main
from mmsnet_lite.build import build_model
from mmsnet_lite.data import Mix, mixlite_parts, split_validation
from mmsnet_lite.training import TrainSettings, evaluate, train

RESULTS = Path(__file__).parents[1] / "benchmarks/results"


@pytest.mark.slow
def test_default_training_on_mixlite_reaches_its_scores(tmp_path):
    start = time.perf_counter()
    assert main(["train", "--mix", "mixlite", "--run", str(tmp_path / "run")]) == 0
    seconds = time.perf_counter() - start
    scores = json.loads((tmp_path / "run/test.json").read_text())
    dsc = {name: round(row["dsc"], 3) for name, row in scores["modalities"].items()}
    note = "noisy, so not asserted; the promise is 5 minutes on 2 cores"
    print(f"{seconds:.0f} s ({note}), mean DSC {scores['mean']['dsc']:.3f}, {dsc}")
    assert scores["mean"]["dsc"] >= 0.80
    assert min(dsc.values()) >= 0.65  # the promise is 0.70, kept by the stored results; another CPU drifts a little


def test_training_the_network_twice_gives_the_same_numbers():
    def run():
        counts = {"train": 5, "test": 1}
        kept, held = split_validation(mixlite_parts("train", 64, counts=counts), 0.2)
        model = build_model("mmsnet", {"encoder": "mit-nano", "tune": "full"}, seed=3)
        history = train(model, Mix(kept, 64), Mix(held, 64), TrainSettings(epochs=2, batch=4, lr=1e-3))
        test = evaluate(model, Mix(mixlite_parts("test", 64, counts=counts), 64))
        return [record["loss"] for record in history], test.to_json(), list(model.state_dict().values())

    (losses, scores, weights), (losses_again, scores_again, weights_again) = run(), run()
    assert losses == losses_again
    assert scores == scores_again
    assert all(torch.equal(a, b) for a, b in zip(weights, weights_again, strict=True))


def test_stored_scores_on_mixlite_keep_the_bar():
    (run,) = json.loads((RESULTS / "runs_mixlite.json").read_text())["runs"]
    assert run["command"].startswith("python -m mmsnet_lite train --mix mixlite")
    assert run["test"]["mean"]["dsc"] >= 0.80
    assert min(row["dsc"] for row in run["test"]["datasets"].values()) >= 0.70


def test_stored_scores_on_real_images_keep_the_bar():
    seeds: dict[tuple, list[int]] = {}
    for run in json.loads((RESULTS / "runs_real_128.json").read_text())["runs"]:
        assert run["datasets"] == ["drishti", "kvasir", "busi", "isic2017"]
        assert (run["size"], run["settings"]["epochs"], run["settings"]["batch"]) == (128, 6, 16)
        assert run["validation"] <= 0.05
        assert run["test"]["mean"]["dsc"] >= 0.70
        assert min(row["dsc"] for row in run["test"]["datasets"].values()) >= 0.55
        options = run["options"]
        seeds.setdefault((run["model"], options.get("encoder"), options.get("tune")), []).append(
            run["settings"]["seed"]
        )
    assert seeds == {
        ("mmsnet", "mit-b0", "full"): [0],
        ("mmsnet", "mit-nano", "full"): [0, 1, 2],
        ("mmsnet", "mit-nano", "mfa"): [0, 1, 2],
        ("unet", None, None): [0, 1, 2],
    }
