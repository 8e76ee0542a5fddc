"""The command line: every command on small folders, from the first image to the prediction."""

import json
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
from small import assert_one_line, train_arguments

from mmsnet_lite.__main__ import main


def test_train_writes_a_whole_run_folder(finished):
    run = finished / "run"
    assert sorted(p.name for p in run.iterdir()) == [
        ".lock",
        "best.safetensors",
        "config.json",
        "environment.json",
        "last.safetensors",
        "metrics.jsonl",
        "samples",
        "test.csv",
        "test.json",
    ]
    config = json.loads((run / "config.json").read_text())
    assert config["options"] == {"encoder": "mit-nano", "width": 32, "pretrained": "own", "tune": "mfa"}
    assert set(json.loads((run / "test.json").read_text())["datasets"]) == {"left", "right"}
    assert "torch" in json.loads((run / "environment.json").read_text())["versions"]


def test_predict_writes_mask_and_overlay_at_the_images_size(finished, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "wide.png"), np.full((40, 90, 3), 120, np.uint8))
    cv2.imwrite(str(folder / "grey.jpg"), np.full((70, 50), 120, np.uint8))
    out = tmp_path / "out"
    assert main(["predict", "--run", str(finished / "run"), "--out", str(out), str(folder)]) == 0
    assert sorted(p.name for p in out.iterdir()) == [
        "grey_mask.png",
        "grey_overlay.png",
        "wide_mask.png",
        "wide_overlay.png",
    ]
    mask = cv2.imread(str(out / "wide_mask.png"), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (40, 90)
    assert set(np.unique(mask)) <= {0, 255}
    assert cv2.imread(str(out / "grey_overlay.png")).shape == (70, 50, 3)


def test_split_then_train_on_a_folder_without_splits(root, tmp_path, capsys):
    shutil.rmtree(root / "left" / "splits")
    assert main(train_arguments(root, tmp_path / "run")) == 2
    assert_one_line(capsys, r".*let `python -m mmsnet_lite split .*left` draw it")
    assert main(["split", str(root / "left")]) == 0
    assert main(train_arguments(root, tmp_path / "run")) == 0


def test_a_run_cut_off_in_its_first_epoch_starts_again(root, tmp_path, monkeypatch):
    def cut_off(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("mmsnet_lite.cli_train.train", cut_off)
        assert main(train_arguments(root, tmp_path / "run")) == 130
    assert not (tmp_path / "run" / "last.safetensors").exists()
    assert main(train_arguments(root, tmp_path / "run", "--resume")) == 0
    assert (tmp_path / "run" / "test.json").exists()


@pytest.mark.parametrize("model", ["unet", "segformer", "lora"])
def test_the_other_models_train(root, tmp_path, model, capsys):
    assert main(train_arguments(root, tmp_path / "run", "--model", model)) == 0
    assert "mean of modalities" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "start"),
    [
        ([], "weights 'own', tuned: mfa"),
        (["--tune", "full"], "weights 'own', tuned: full"),
        (["--pretrained", "none"], "random weights, tuned: full"),
        (["--model", "segformer"], "weights 'own', tuned: full"),
    ],
)
def test_the_command_says_what_the_encoder_starts_from(root, tmp_path, capsys, words, start):
    assert main(train_arguments(root, tmp_path / "run", *words)) == 0
    assert f"mit-nano starts from {start}" in capsys.readouterr().out


def test_evaluate_takes_what_is_left_open_from_the_run(finished, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)  # the run knows where its images are, wherever it is read
    words = ["evaluate", "--run", str(finished / "run"), "--out", str(tmp_path / "x.csv")]
    assert main([*words, "--datasets", "right"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:3]] == ["right", "mean"]
    assert main([*words, "--data", str(finished / "data")]) == 0
    assert "left" in capsys.readouterr().out


def test_data_root_comes_from_the_environment(finished, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("MMSNET_DATA", str(finished / "data"))
    words = ["evaluate", "--run", str(finished / "run"), "--out", str(tmp_path / "x.csv")]
    assert main([*words, "--datasets", "right"]) == 0
    assert "right" in capsys.readouterr().out


def test_every_command_explains_itself():
    for command in ([], ["train"], ["evaluate"], ["compare"], ["results"], ["predict"], ["split"], ["summary"]):
        done = subprocess.run(
            [sys.executable, "-m", "mmsnet_lite", *command, "--help"], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0
        assert done.stdout.startswith("usage: python -m mmsnet_lite")
