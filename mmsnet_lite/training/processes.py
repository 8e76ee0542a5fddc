"""How training is computed, in accelerate's terms: processes, precision, accumulation, trackers.

Convention: a batch is what one step of the optimiser sees. W processes that accumulate A parts compute W A parts of
batch / (W A) images; images, learning rate and random draws of part k of a step are the same whatever W and A are, as
long as W A is.
Convention: batch normalisation sees one part at a time. The running statistics are the main process's: DDP hands its
buffers to all before each step, and so does `share_buffers` before an evaluation; its are the ones that are saved.
"""

from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers
from accelerate.utils import broadcast
from torch import nn

from mmsnet_lite.errors import InputError


def make_accelerator(
    *, precision: str | None = None, accumulate: int = 1, tracker: str | None = None, folder: Path | None = None
) -> Accelerator:
    """Return accelerate's Accelerator, which finds device and processes; `accelerate launch` starts several.

    Args:
        precision: "no" (float32) or "bf16" (autocast); None takes what `accelerate launch` was told, else "no".
        accumulate: A, parts of a batch that each process computes one after the other.
        tracker: one of accelerate's, such as "tensorboard" or "wandb".
        folder: where trackers that write files do so.

    Raises:
        InputError: an unknown precision or tracker, a tracker whose package is missing, or accumulate below 1.
    """
    if precision not in (None, "no", "bf16"):
        raise InputError(f"precision {precision!r} is unknown; choose one of no, bf16")
    if accumulate < 1:
        raise InputError(f"accumulate = {accumulate} does not fit; choose 1 or more")
    if tracker is not None and tracker not in [str(available) for available in get_available_trackers()]:
        known = ", ".join(LOGGER_TYPE_TO_CLASS)
        raise InputError(f"tracker {tracker!r} is not installed, or none of {known}; pip install it, or leave it out")
    return Accelerator(
        mixed_precision=precision, gradient_accumulation_steps=accumulate, log_with=tracker, project_dir=folder
    )


def part_count(accelerator: Accelerator, batch: int) -> int:
    """Return W A, the parts of a batch.

    Raises:
        InputError: they do not divide it.
    """
    processes, accumulate = accelerator.num_processes, accelerator.gradient_accumulation_steps
    if batch % (processes * accumulate):
        raise InputError(
            f"a batch of {batch} images does not divide into {processes} processes x {accumulate} accumulated parts; "
            f"choose a --batch that is a multiple of {processes * accumulate}, and at least as many training images"
        )
    return processes * accumulate


def share_buffers(accelerator: Accelerator, model: nn.Module) -> None:
    """Give every process the main process's buffers."""
    if accelerator.num_processes > 1:
        for buffer in model.buffers():
            broadcast(buffer)


def log(accelerator: Accelerator, settings: dict[str, Any], record: dict[str, Any]) -> None:
    """Hand an epoch's record to the trackers, if there are any."""
    if accelerator.log_with and not accelerator.trackers:
        accelerator.init_trackers("mmsnet_lite", settings)
    accelerator.log({key: value for key, value in record.items() if key != "epoch"}, step=record["epoch"])
