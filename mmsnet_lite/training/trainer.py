"""Training any network with the output contract, on accelerate: CPU or GPU, one process or several, the same code."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from mmsnet_lite.data import Mix
from mmsnet_lite.errors import InputError
from mmsnet_lite.training.guards import explained, sole_owner
from mmsnet_lite.training.loop import Loop
from mmsnet_lite.training.processes import make_accelerator
from mmsnet_lite.training.settings import TrainSettings


def train(
    model: nn.Module,
    train_mix: Mix,
    validation_mix: Mix,
    settings: TrainSettings,
    *,
    run: Path | None = None,
    resume: bool = False,
    progress: bool = False,
    on_epoch: Callable[[dict[str, Any]], None] | None = None,
    accelerator: Accelerator | None = None,
    workers: int = 0,
    save_every: float = 60.0,
) -> list[dict[str, Any]]:
    """Train `model` in place and return one record an epoch: loss, validation DSC, IoU, MAE, lr, seconds.

    Args:
        model: maps normalised images (b 3 h w) to an output with `logits` (b 1 h w).
        train_mix, validation_mix: the second one chooses the best epoch (highest mean DSC).
        settings: see `TrainSettings`.
        run: folder for metrics.jsonl, best, last and previous.safetensors, and samples/; None writes nothing.
        resume: continue from the newest whole checkpoint in `run`; the result is that of an uninterrupted run.
        progress: show a bar with epoch, loss, DSC, images per second and the time left.
        on_epoch: called with each new record, on the main process.
        accelerator: see `make_accelerator`; None makes one, which picks the device.
        workers: processes that load images beside each training process.
        save_every: seconds between checkpoints within an epoch; one more is written at its end.

    Raises:
        InputError: nothing to resume, a checkpoint of another configuration, a batch that does not divide, a loss that
            is not finite, memory that does not suffice.
        Interrupted: a signal came, and the state was saved; with `run` only.
    """
    accelerator = accelerator or make_accelerator()
    device, main = accelerator.device, accelerator.is_main_process
    loop = Loop(accelerator, model.to(device), train_mix, settings, run, workers, save_every)
    if resume and run is None:
        raise InputError("resume needs the folder of a run; pass run=")
    with ExitStack() as guards:
        guards.enter_context(explained(device))
        if run is not None:
            guards.enter_context(loop.stop)
        if run is not None and main:
            guards.enter_context(sole_owner(run))
        guards.enter_context(torch.random.fork_rng(devices=[device] if device.type == "cuda" else []))
        guards.enter_context(loop.prepared(resume, progress and main))
        for _ in range(len(loop.at.history), settings.epochs):
            loop.train_epoch()
            record = loop.end_epoch(validation_mix)
            if main and on_epoch is not None:
                on_epoch(record)
        accelerator.wait_for_everyone()
    return loop.at.history
