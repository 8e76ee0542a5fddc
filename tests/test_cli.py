"""The command line: one run through every command, and bad input ends with one line and exit code 2."""

import json
import os
import re
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest

from mmsnet_lite.__main__ import main

QUICK = ["--size", "64", "--epochs", "1", "--batch", "4", "--validation", "0.25"]


def train_arguments(root, run, *extra):
    return ["train", "--data", str(root), "--datasets", "left,right", *QUICK, "--run", str(run), *extra]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A data root and a finished run on it."""
    from small import write_dataset

    root = tmp_path_factory.mktemp("cli")
    for name in ("left", "right"):
        write_dataset(root / "data", name)
    os.environ["MMSNET_STATIC"] = "1"
    assert main(train_arguments(root / "data", root / "run")) == 0
    return root


def test_train_writes_a_whole_run_folder(finished):
    run = finished / "run"
    assert sorted(p.name for p in run.iterdir()) == [
        "best.safetensors",
        "config.json",
        "environment.json",
        "last.safetensors",
        "metrics.jsonl",
        "test.json",
    ]
    config = json.loads((run / "config.json").read_text())
    assert config["options"] == {"encoder": "mit-nano", "tune": "full"}
    assert set(json.loads((run / "test.json").read_text())["datasets"]) == {"left", "right"}
    assert "torch" in json.loads((run / "environment.json").read_text())["versions"]


def test_evaluate_prints_what_train_measured(finished, capsys):
    assert main(["evaluate", "--run", str(finished / "run")]) == 0
    table = capsys.readouterr().out
    test = json.loads((finished / "run" / "test.json").read_text())
    assert f"{test['mean']['dsc']:.3f}" in table.splitlines()[-1]
    assert [line.split()[0] for line in table.splitlines()[1:]] == ["left", "right", "mean"]


def test_evaluate_on_another_folder(finished, tmp_path, capsys):
    from small import write_dataset

    write_dataset(tmp_path, "elsewhere")
    run = str(finished / "run")
    assert main(["evaluate", "--run", run, "--data", str(tmp_path), "--datasets", "elsewhere"]) == 0
    assert "elsewhere" in capsys.readouterr().out


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
        patched.setattr("mmsnet_lite.training.train", cut_off)
        assert main(train_arguments(root, tmp_path / "run")) == 130
    assert not (tmp_path / "run" / "last.safetensors").exists()
    assert main(train_arguments(root, tmp_path / "run", "--resume")) == 0
    assert (tmp_path / "run" / "test.json").exists()


def test_summary_prints_the_papers_count(capsys):
    assert main(["summary", "--encoder", "mit-b4", "--r", "1"]) == 0
    total = capsys.readouterr().out.splitlines()[-1].split()
    assert total[0] == "all"
    assert int(total[1].replace(",", "")) / 1e6 == pytest.approx(7.51, abs=0.01)


@pytest.mark.parametrize("model", ["unet", "segformer"])
def test_the_other_models_train(root, tmp_path, model, capsys):
    assert main(train_arguments(root, tmp_path / "run", "--model", model)) == 0
    assert "mean of modalities" in capsys.readouterr().out


BAD_TRAINING = {
    "no images named": (["train"], "no images named; give --mix mixlite"),
    "size": (["--size", "100"], "image size 100x100 does not fit.*resize to 96x96"),
    "encoder": (["--encoder", "vit"], "encoder 'vit' is unknown; choose one of mit-nano"),
    "r": (["--r", "3"], r"r = 3 does not divide the stage widths .*choose r from \[1, 2, 4, 8, 16\]"),
    "model": (["--model", "sam"], "model 'sam' is unknown; choose one of mmsnet, unet, segformer"),
    "option of another model": (["--model", "unet", "--r", "2"], "model 'unet' has no option 'r'"),
    "checkpoint": (["--pretrained", "/nowhere/mit"], "checkpoint '/nowhere/mit' cannot be read"),
    "dataset": (["--datasets", "left,nowhere"], "nowhere does not exist; a prepared dataset holds"),
    "validation": (["--validation", "0"], "validation fraction 0.0 does not fit"),
    "nothing to resume": (["--resume"], r"config\.json does not exist"),
}


@pytest.mark.parametrize("what", BAD_TRAINING)
def test_bad_training_ends_with_one_line_and_writes_nothing(root, tmp_path, what, capsys, monkeypatch):
    monkeypatch.delenv("MMSNET_DATA", raising=False)
    arguments, message = BAD_TRAINING[what]
    run = tmp_path / "run"
    full = arguments if arguments[0] == "train" else train_arguments(root, run, *arguments)
    assert main(full) == 2
    assert_one_line(capsys, message)
    assert not run.exists()


def assert_one_line(capsys, message):
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert re.match(f"error: .*{message}", lines[0]), lines[0]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("masks", r"left/masks does not exist"),
        ("size", r"left/masks/a\.png is 30x20 and its image 64x64"),
        ("jpeg", r"left/images/a\.jpg cannot be read as an image"),
        ("stem", r"left/images/ghost\.\* does not exist, but a split lists 'ghost'"),
    ],
)
def test_bad_images_end_with_one_line_and_write_nothing(root, tmp_path, fault, message, capsys):
    left = root / "left"
    if fault == "masks":
        shutil.rmtree(left / "masks")
    elif fault == "size":
        cv2.imwrite(str(left / "masks/a.png"), np.zeros((20, 30), np.uint8))
    elif fault == "jpeg":
        cv2.imwrite(str(left / "images/a.jpg"), cv2.imread(str(left / "images/a.png")))
        (left / "images/a.png").unlink()
        whole = (left / "images/a.jpg").read_bytes()
        (left / "images/a.jpg").write_bytes(whole[: len(whole) // 2])
    else:
        with (left / "splits/train.txt").open("a") as file:
            file.write("ghost\n")
    assert main(train_arguments(root, tmp_path / "run")) == 2
    assert_one_line(capsys, f".*{message}")
    assert not (tmp_path / "run").exists()


def test_a_run_is_never_overwritten(finished, capsys):
    before = (finished / "run" / "best.safetensors").read_bytes()
    assert main(train_arguments(finished / "data", finished / "run")) == 2
    assert_one_line(capsys, "already holds files; continue it with --resume")
    assert main(train_arguments(finished / "data", finished / "run", "--resume", "--r", "2")) == 2
    assert_one_line(capsys, "was trained with another options")
    assert (finished / "run" / "best.safetensors").read_bytes() == before


def test_checkpoint_of_another_configuration_is_refused(finished, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(finished / "run", run)
    config = json.loads((run / "config.json").read_text())
    config["options"]["r"] = 2
    (run / "config.json").write_text(json.dumps(config))
    assert main(["evaluate", "--run", str(run)]) == 2
    assert_one_line(capsys, r".*best\.safetensors belongs to another configuration")


def test_predict_checks_every_image_before_it_writes(finished, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "good.png"), np.full((40, 40, 3), 9, np.uint8))
    (tmp_path / "bad.png").write_text("no image")
    out = tmp_path / "out"
    images = [str(tmp_path / "good.png"), str(tmp_path / "bad.png")]
    assert main(["predict", "--run", str(finished / "run"), "--out", str(out), *images]) == 2
    assert_one_line(capsys, r".*bad\.png cannot be read as an image")
    assert not out.exists()
    assert main(["predict", "--run", str(tmp_path), str(images[0])]) == 2
    assert_one_line(capsys, r".*config\.json does not exist; name a run folder")


def test_data_root_comes_from_the_environment(finished, capsys, monkeypatch):
    monkeypatch.setenv("MMSNET_DATA", str(finished / "data"))
    assert main(["evaluate", "--run", str(finished / "run"), "--datasets", "right"]) == 0
    assert "right" in capsys.readouterr().out


def test_every_command_explains_itself():
    for command in ([], ["train"], ["evaluate"], ["predict"], ["split"], ["summary"]):
        done = subprocess.run(
            [sys.executable, "-m", "mmsnet_lite", *command, "--help"], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0
        assert done.stdout.startswith("usage: python -m mmsnet_lite")
