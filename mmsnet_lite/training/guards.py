"""What a long training is guarded against: a second one in its folder, signals, full memory, dead loader workers."""

import json
import signal
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from filelock import FileLock, Timeout

from mmsnet_lite.errors import InputError
from mmsnet_lite.training.checkpoint import write_text


class Interrupted(KeyboardInterrupt):
    """A signal ended training after its state was saved; `signal` is its number."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.signal = number


class StopRequest:
    """Within this context SIGTERM and Ctrl-C set `signal` instead of ending the process; a second one ends it.

    Only in the main thread, where Python delivers signals.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._note)
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        self.__exit__()

    def __exit__(self, *error: object) -> None:
        while self._before:
            signal.signal(*self._before.popitem())


@contextmanager
def sole_owner(run: Path) -> Iterator[None]:
    """Hold a run folder's lock; the system lets go of it when the process ends, however it ends.

    Raises:
        InputError: another training holds it.
    """
    try:
        held = FileLock(run / ".lock", timeout=0).acquire()
    except Timeout as error:
        raise InputError(f"another training writes to {run}; wait for it, or choose another run folder") from error
    with held:
        yield


@contextmanager
def explained(device: torch.device) -> Iterator[None]:
    """Turn out-of-memory and the death of a loader worker into errors that say what to do."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        peak = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else 0
        raise InputError(
            f"{device} is out of memory at a peak of {peak:.1f} GiB; the last checkpoint is kept. Three things to try: "
            "smaller parts of the same batch (--accumulate 2, 4 ...), bfloat16 (--precision bf16), encoder blocks "
            "computed twice instead of kept (--checkpointing)"
        ) from error
    except (RuntimeError, ConnectionError, EOFError) as error:  # the last two while it hands its images over
        if isinstance(error, RuntimeError) and "DataLoader worker" not in str(error):
            raise
        with suppress(RuntimeError):  # the loader's own report of the death, where that comes after what it broke
            time.sleep(0.1)
        traceback.clear_frames(error.__traceback__)  # ends the loader, which else reports the death again and again
        raise InputError(
            f"a loader worker died ({error!r:.90}), mostly for lack of memory; the last checkpoint is kept: continue "
            "with fewer --workers, or 0"
        ) from error


def refuse_nonfinite(
    accelerator: Accelerator, run: Path | None, where: dict[str, int], parts: Iterable[tuple[torch.Tensor, list[str]]]
) -> None:
    """End training at a loss that is not finite, on every process; the images' names also go to nonfinite.json.

    Args:
        accelerator: gathers from all processes.
        run: folder to write; None writes nothing.
        where: epoch and step.
        parts: loss and names of the images of each part that this process computed.

    Raises:
        InputError: always.
    """
    own = [{"loss": str(loss.item()), "images": names} for loss, names in parts if not torch.isfinite(loss)]
    found = gather_object(own)
    if run is not None and accelerator.is_main_process:
        write_text(run / "nonfinite.json", json.dumps({**where, "batches": found}, indent=1) + "\n")
    names = ", ".join(name for part in found for name in part["images"])
    raise InputError(
        f"the loss of epoch {where['epoch']}, step {where['step']} is {found[0]['loss']} on {names}; the last "
        "checkpoint is kept: look at these images, or lower the learning rate"
    )
