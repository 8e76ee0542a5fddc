"""Bad input on the command line: one line that names the thing and the fix, exit code 2, nothing half-written."""

import json
import shutil

import cv2
import numpy as np
import pytest
from small import assert_one_line, train_arguments

from mmsnet_lite.__main__ import main

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
    "path for a dataset": (["--datasets", "../data/left"], "dataset '../data/left' is a path"),
    "seed": (["--seed", "-1"], "seed = -1 does not fit"),
    "infinite lr": (["--lr", "inf"], "choose 0 <= min_lr <= lr, lr above 0 and finite"),
    "size beyond memory": (["--size", "999968"], r"need \d+\.\d GiB in .*set MMSNET_CACHE"),
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
    assert_one_line(capsys, ".*already exists; continue a run with --resume")
    assert main(train_arguments(finished / "data", finished / "run", "--resume", "--r", "2")) == 2
    assert_one_line(capsys, r".*was trained with options\.r = None, not 2")
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


def test_places_that_cannot_be_written_are_one_line(finished, root, tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    for run in (tmp_path / "file", tmp_path / "file" / "sub"):
        assert main(train_arguments(root, run)) == 2
        assert_one_line(capsys, ".*file")
    image = str(root / "left/images/a.png")
    assert main(["predict", "--run", str(finished / "run"), "--out", str(tmp_path / "file"), image]) == 2
    assert_one_line(capsys, ".*file")


def test_images_in_both_splits_end_training(root, tmp_path, capsys):
    (root / "left/splits/test.txt").write_text("a\n")
    assert main(train_arguments(root, tmp_path / "run")) == 2
    assert_one_line(capsys, "1 of 3 test images also trained on: left/a; keep each in one split")
    assert not (tmp_path / "run").exists()


def test_a_damaged_configuration_is_one_line(finished, tmp_path, capsys):
    whole = json.loads((finished / "run/config.json").read_text())
    for damaged in (5, whole | {"settings": {}}, whole | {"size": "64"}, whole | {"options": []}):
        (tmp_path / "config.json").write_text(json.dumps(damaged))
        assert main(["evaluate", "--run", str(tmp_path)]) == 2
        assert_one_line(capsys, r".*config\.json is not a run's configuration")


def test_images_that_would_share_a_prediction_are_named(finished, root, capsys):
    images = [str(root / "left/images/a.png"), str(root / "right/images/a.jpg")]
    assert main(["predict", "--run", str(finished / "run"), *images]) == 2
    assert_one_line(capsys, r".*left/images/a\.png and .*right/images/a\.jpg would write the same files")
