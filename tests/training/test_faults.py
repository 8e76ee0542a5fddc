"""Faults of machine and data: each ends training with an error that says what to do, and keeps the last checkpoint."""

import gc
import json
import os
import signal
import tempfile
import time
from pathlib import Path

import pytest
import torch
from apart import mixes, network, same
from filelock import FileLock
from small import TinyNet

from mmsnet_lite.data import Mix
from mmsnet_lite.errors import InputError
from mmsnet_lite.training import TrainSettings, make_accelerator, train
from mmsnet_lite.training.checkpoint import DAMAGED, LAST, PREVIOUS
from mmsnet_lite.training.guards import Interrupted, explained

SETTINGS = TrainSettings(epochs=3, batch=2, lr=1e-2)


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def after_first_epoch(action):
    """A callback that acts once, after the first epoch."""
    return lambda record: action() if record["epoch"] == 1 else None


def flip_a_bit(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 16
    file.write_bytes(data)


def halve(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def assert_resumes_exactly(data, run):
    """What `run` holds continues to the weights of an uninterrupted training."""
    whole, resumed = network(), network()
    train(whole, *mixes(data), SETTINGS)
    train(resumed, *mixes(data), SETTINGS, run=run, resume=True)
    assert same(whole, resumed)


def test_a_full_disk_keeps_the_last_checkpoint(root, run):
    def fill_disk():
        kept.append((run / LAST).read_bytes())
        (run / f"new.{LAST}.tmp").symlink_to("/dev/full")  # every write to it finds a full disk

    kept = []
    with pytest.raises(OSError, match="No space left"):
        train(network(), *mixes(root), SETTINGS, run=run, on_epoch=after_first_epoch(fill_disk))
    assert (run / LAST).read_bytes() == kept[0]
    assert_resumes_exactly(root, run)


@pytest.mark.parametrize("damage", [halve, flip_a_bit])
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_it_used(root, run, damage):
    train(network(), *mixes(root), SETTINGS, run=run, save_every=0)
    damage(run / LAST)
    with pytest.warns(
        UserWarning, match=r"last\.safetensors is damaged .*it is now damaged\.safetensors, the one before"
    ):
        assert_resumes_exactly(root, run)
    assert (run / DAMAGED).exists()


def test_with_both_checkpoints_damaged_there_is_nothing_to_resume(root, run):
    train(network(), *mixes(root), SETTINGS, run=run)
    halve(run / LAST)
    flip_a_bit(run / PREVIOUS)
    with (
        pytest.warns(UserWarning, match="is damaged"),
        pytest.raises(InputError, match="does not exist, nor a whole previous"),
    ):
        train(network(), *mixes(root), SETTINGS, run=run, resume=True)


def test_a_kill_between_the_two_renames_leaves_the_previous_one(root, run):
    train(network(), *mixes(root), SETTINGS, run=run, save_every=0)
    (run / LAST).unlink()
    assert_resumes_exactly(root, run)


def test_a_checkpoint_of_another_configuration_is_refused_and_kept(root, run):
    train(network(), *mixes(root), SETTINGS, run=run)
    kept = (run / LAST).read_bytes()
    with pytest.raises(InputError, match=r"was trained with batch = 2, not 3; repeat its settings"):
        train(network(), *mixes(root), TrainSettings(epochs=3, batch=3, lr=1e-2), run=run, resume=True)
    with pytest.raises(InputError, match=r"was trained with images = 6, not 2"):
        train(network(), *mixes(root)[::-1], SETTINGS, run=run, resume=True)
    with pytest.raises(InputError, match=r"belongs to another configuration"):
        train(TinyNet(8), *mixes(root), SETTINGS, run=run, resume=True)
    assert (run / LAST).read_bytes() == kept


class Planted(Mix):
    """A mix with one bad image, left/b: a NaN in its mask, or the death of the worker that loads it."""

    fault = "nan"

    def __getitem__(self, index):
        sample = super().__getitem__(index)
        sample["mask"] = sample["mask"].float()
        if (sample["dataset"], sample["stem"]) == ("left", "b"):
            if self.fault == "death":
                os.kill(os.getpid(), signal.SIGKILL)
            sample["mask"][0, 3, 3] = float("nan")
        return sample


def planted(data, fault):
    kept, held = mixes(data)
    bad = Planted(kept.parts, 64)
    bad.fault = fault
    assert any((s["dataset"], s["stem"]) == ("left", "b") for s in kept)
    return bad, held


def test_a_nan_in_a_batch_names_the_part_and_keeps_the_last_checkpoint(root, run):
    mix, held = planted(root, "nan")
    accelerator = make_accelerator(accumulate=2)
    with pytest.raises(InputError, match=r"the loss of epoch 1, step \d is nan on left/b; the last checkpoint is kept"):
        train(network(), mix, held, SETTINGS, run=run, accelerator=accelerator, save_every=0)
    found = json.loads((run / "nonfinite.json").read_text())
    assert found["epoch"] == 1
    assert found["batches"] == [{"loss": "nan", "images": ["left/b"]}]
    assert (run / LAST).exists() == (found["step"] > 1)


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # to the worker, when it died in between
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loader_worker_that_dies_is_explained(root, run):
    with pytest.raises(InputError, match=r"a loader worker died .*continue with fewer --workers"):
        train(network(), *planted(root, "death"), SETTINGS, run=run, workers=1)
    gc.collect()


def test_a_death_that_is_reported_after_what_it_broke_is_explained_all_the_same():
    def report(*_):
        raise RuntimeError("DataLoader worker (pid 1) is killed by signal: Killed.")

    before = signal.signal(signal.SIGALRM, report)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(InputError, match="a loader worker died"), explained(torch.device("cpu")):
            raise ConnectionResetError("Connection reset by peer")
        time.sleep(0.1)  # a report that was not awaited comes here
    finally:
        signal.signal(signal.SIGALRM, before)


def test_workers_change_nothing(root):
    models = network(), network()
    for model, workers in zip(models, (0, 2), strict=True):
        train(model, *mixes(root), TrainSettings(epochs=1, batch=2), workers=workers)
    assert same(*models)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_ends_training(root, run, number):
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=rf"{number.name}; saved after step 1 of epoch 2") as stopped:
        train(
            network(),
            *mixes(root),
            SETTINGS,
            run=run,
            on_epoch=after_first_epoch(lambda: os.kill(os.getpid(), number)),
        )
    assert stopped.value.signal == number
    assert signal.getsignal(number) is before
    assert_resumes_exactly(root, run)


def test_a_second_ctrl_c_does_not_wait_for_the_step(root, run):
    def twice():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as stopped:
        train(network(), *mixes(root), SETTINGS, run=run, on_epoch=after_first_epoch(twice))
    assert not isinstance(stopped.value, Interrupted)


def test_a_read_only_run_folder_is_refused_before_the_first_step(root):
    with tempfile.TemporaryDirectory() as name:  # not in tmp_path, which another user may not enter
        folder = Path(name)
        train(network(), *mixes(root), SETTINGS, run=folder)
        kept = (folder / LAST).read_bytes()
        (folder / ".lock").unlink()
        folder.chmod(0o555)
        as_root = os.geteuid() == 0  # whom permissions do not bind
        loaded = mixes(root)
        if as_root:
            os.seteuid(65534)
        try:
            with pytest.raises(PermissionError):
                train(network(), *loaded, SETTINGS, run=folder, resume=True)
        finally:
            if as_root:
                os.seteuid(0)
            folder.chmod(0o755)
        assert (folder / LAST).read_bytes() == kept


def test_two_trainings_in_one_folder_are_refused(root, run):
    with (
        FileLock(run / ".lock"),
        pytest.raises(InputError, match="another training writes to .*run; wait for it, or choose another run folder"),
    ):
        train(network(), *mixes(root), SETTINGS, run=run)
    train(network(), *mixes(root), SETTINGS, run=run)
    assert (run / LAST).exists()


def test_out_of_memory_says_what_to_try(root, run):
    class Greedy(TinyNet):
        def forward(self, x):
            if (run / LAST).exists():
                raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
            return super().forward(x)

    model = Greedy()
    with pytest.raises(
        InputError, match=r"out of memory.*last checkpoint is kept.*--accumulate 2.*--precision bf16.*--checkpointing"
    ):
        train(model, *mixes(root), SETTINGS, run=run, save_every=0)
    assert (run / LAST).exists()
