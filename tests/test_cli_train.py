"""The train command: profiles, how it is computed, signals, and what shows how a run went."""

import json
import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
from accelerate.state import AcceleratorState
from accelerate.tracking import GeneralTracker
from apart import mixes, network
from small import assert_one_line, train_arguments

from mmsnet_lite.__main__ import main, parser
from mmsnet_lite.cli_train import model_of, take_profile
from mmsnet_lite.course.plot.training import curves, sample_grid
from mmsnet_lite.training import PROFILES, TrainSettings, loop, make_accelerator, train
from mmsnet_lite.training.samples import read_samples


@pytest.fixture
def _own_precision():
    """Accelerate keeps one precision a process: a test that changes it begins and ends without."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("model", ["mmsnet", "segformer", "unet"])
def test_a_profile_fills_what_the_options_leave_open(name, model):
    profile = PROFILES[name]()
    args = parser().parse_args(["train", "--profile", name, "--model", model])
    assert take_profile(args) == profile.settings
    assert (args.mix, args.size, args.validation) == (profile.mix, profile.size, profile.validation)
    assert model_of(args) == (model, profile.options[model])


def test_options_win_over_the_profile():
    words = "train --profile full --mix mix2 --size 224 --epochs 2 --lr 0.001 --encoder mit-b1 --r 4 --augment full"
    args = parser().parse_args(words.split())
    settings = take_profile(args)
    assert (args.mix, args.size) == ("mix2", 224)
    assert (settings.epochs, settings.lr, settings.augment, settings.batch) == (2, 1e-3, "full", 8)
    assert model_of(args)[1] | {"pretrained": ""} == {
        "encoder": "mit-b1",
        "pretrained": "",
        "tune": "mfa",
        "r": 4,
        "frequencies": 32,
    }


@pytest.mark.parametrize(
    ("words", "lr"), [("", 2e-3), ("--encoder mit-b0", 5e-4), ("--model unet", 5e-4), ("--encoder mit-nano", 2e-3)]
)
def test_without_a_profile_the_rate_follows_the_network(words, lr):
    assert take_profile(parser().parse_args(["train", *words.split()])).lr == lr


def test_the_papers_recipe_is_the_full_profile():
    full = PROFILES["full"]()
    assert full.settings == TrainSettings(epochs=50, batch=8, lr=5e-4, min_lr=1e-6)
    assert (full.mix, full.size) == ("mix1", 352)
    options = {"encoder": "mit-b4", "pretrained": "nvidia/mit-b4", "tune": "mfa", "r": 1, "frequencies": 32}
    assert full.options["mmsnet"] == options
    for make in PROFILES.values():
        assert all(
            word in make.__doc__ for word in ("Command: python -m mmsnet_lite train --profile", "Expected", "Time")
        )


@pytest.mark.usefixtures("_own_precision")
def test_bf16_accumulation_and_checkpointing_train(root, tmp_path):
    how = ["--precision", "bf16", "--accumulate", "2", "--checkpointing", "--workers", "1"]
    assert main(train_arguments(root, tmp_path / "run", *how)) == 0
    told = json.loads((tmp_path / "run/environment.json").read_text())
    assert (told["precision"], told["accumulate"], told["checkpointing"], told["processes"]) == ("bf16", 2, True, 1)
    assert json.loads((tmp_path / "run/test.json").read_text())["mean"]["dsc"] > 0


BAD = {
    "parts": (["--accumulate", "3"], "a batch of 4 images does not divide into 1 processes x 3 accumulated parts"),
    "accumulate": (["--accumulate", "0"], "accumulate = 0 does not fit; choose 1 or more"),
    "workers": (["--workers", "-1"], "workers = -1 does not fit; choose 0 or more"),
    "precision": (["--precision", "fp8"], "precision 'fp8' is unknown; choose one of no, bf16"),
    "tracker": (["--tracker", "notebook"], "tracker 'notebook' is not installed, or none of .*tensorboard"),
    "checkpointing": (["--model", "unet", "--checkpointing"], "unet has none, leave it out"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_way_of_computing_is_one_line_and_writes_nothing(root, tmp_path, what, capsys):
    arguments, message = BAD[what]
    assert main(train_arguments(root, tmp_path / "run", *arguments)) == 2
    assert_one_line(capsys, message)
    assert not (tmp_path / "run").exists()


def test_a_tracker_without_its_package_is_one_line(root, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("mmsnet_lite.training.processes.get_available_trackers", list)
    assert main(train_arguments(root, tmp_path / "run", "--tracker", "tensorboard")) == 2
    assert_one_line(capsys, "tracker 'tensorboard' is not installed, or none of .*; pip install it, or leave it out")


def test_trackers_get_the_settings_once_and_every_epoch(root):
    class Diary(GeneralTracker):
        name, requires_logging_directory = "diary", False

        def __init__(self):
            super().__init__()
            self.told = []

        @property
        def tracker(self):
            return self.told

        def store_init_configuration(self, values):
            self.told.append(values)

        def log(self, values, step=None, **_):
            self.told.append((step, values["loss"], values["validation_dsc"]))

    diary, accelerator = Diary(), make_accelerator()
    accelerator.log_with = [diary]
    settings = TrainSettings(epochs=2, batch=2)
    history = train(network(), *mixes(root), settings, accelerator=accelerator)
    expected = [(record["epoch"], record["loss"], record["validation_dsc"]) for record in history]
    assert diary.told == [vars(settings), *expected]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_command_with_its_code_and_a_line(root, tmp_path, monkeypatch, capsys, number, code):
    command = train_arguments(root, tmp_path / "run", "--epochs", "2", "--model", "unet")
    real = loop.write_samples
    with monkeypatch.context() as patched:
        patched.setattr(loop, "write_samples", lambda *args: (real(*args), os.kill(os.getpid(), number)))
        assert main(command) == code
    told = capsys.readouterr().err.strip()
    assert told == f"interrupted by {number.name}; saved after step 1 of epoch 2; continue with --resume"
    assert not (tmp_path / "run/test.json").exists()
    assert main([*command, "--resume"]) == 0
    assert (tmp_path / "run/test.json").exists()


def test_of_several_processes_only_the_first_speaks(monkeypatch, capsys):
    for rank, spoken in (("0", True), ("1", False)):
        monkeypatch.setenv("RANK", rank)
        assert main(["evaluate", "--run", "/nowhere"]) == 2
        assert bool(capsys.readouterr().err) is spoken


def test_curves_draws_a_run(finished, tmp_path, capsys):
    assert main(["curves", "--run", str(finished / "run")]) == 0
    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert written == [finished / "run/curves.png", finished / "run/samples.png"]
    for file in written:
        assert cv2.imread(str(file)).std() > 0
        file.unlink()  # other tests read this folder
    assert main(["curves", "--run", str(tmp_path)]) == 2
    assert_one_line(
        capsys, r".*metrics\.jsonl does not exist; name a run folder in which `train` has finished an epoch"
    )


def test_samples_are_the_same_images_after_every_epoch(root, tmp_path):
    train_mix, held = mixes(root)
    history = train(network(), train_mix, held, TrainSettings(epochs=3, batch=2, lr=1e-2), run=tmp_path)
    rows = read_samples(tmp_path / "samples")
    assert list(rows) == ["images", "masks", "epoch-001", "epoch-002", "epoch-003"]
    for i, sample in enumerate(held):
        assert np.array_equal(rows["images"][i], sample["image"].permute(1, 2, 0).numpy())
        assert np.array_equal(rows["masks"][i][..., 0], 255 * sample["mask"][0].numpy())
    error = np.mean([np.abs(p / 255 - m / 255).mean() for p, m in zip(rows["epoch-003"], rows["masks"], strict=True)])
    assert error == pytest.approx(history[-1]["validation_mae"], abs=0.003)  # of probabilities, rounded to 1/255
    grid, lines = sample_grid(rows), curves(history)
    assert [axis.get_title() for axis in grid.axes[:4]] == ["image", "epoch 1", "epoch 2", "epoch 3"]
    assert list(lines.axes[0].lines[0].get_ydata()) == [record["loss"] for record in history]
