"""How much of a training step is the trainer's own: everything but forward, backward and optimiser.

    python benchmarks/training.py [--epochs N]

MMSNet with mit-b0 tuned in full, 128 px, batch 16, MixLite, one thread, run folder on disk. The clocks run inside one
training, so that a busy machine slows all parts alike; the first epoch warms up and is not counted. Shares are of the
processor's time; waiting for the loader is of the wall clock as well. A checkpoint is timed on its own: one is written
every 60 s and at the end of an epoch.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch.utils.data.dataloader import _BaseDataLoaderIter

from mmsnet_lite.build import build_model, environment
from mmsnet_lite.data import Mix, mixlite_parts, split_validation
from mmsnet_lite.training import TrainSettings, loop, train

RESULT = Path(__file__).parent / "results/training.json"
SIZE, BATCH, IMAGES, BAR = 128, 16, 20, 0.05  # images a modality


class Clock:
    """Seconds of the processor and of the wall by part, while it is on."""

    def __init__(self) -> None:
        self.processor: Counter[str] = Counter()
        self.wall: Counter[str] = Counter()
        self.on = False

    def timed(self, part: str, function: Callable[..., Any], always: bool = False) -> Callable[..., Any]:
        """Return `function`, timed."""

        def run(*args: Any, **kwargs: Any) -> Any:
            if not (self.on or always):
                return function(*args, **kwargs)
            processor, wall = time.process_time(), time.perf_counter()
            result = function(*args, **kwargs)
            self.processor[part] += time.process_time() - processor
            self.wall[part] += time.perf_counter() - wall
            return result

        return run


def measure(epochs: int) -> dict[str, Any]:
    """Train with clocks on: by part, its share of a step."""
    clock = Clock()
    kept, held = split_validation(mixlite_parts("train", SIZE, counts={"train": IMAGES, "test": 1}), 0.2)
    model = build_model("mmsnet", {"encoder": "mit-b0", "tune": "full"})
    model.forward = clock.timed("forward", model.forward)  # type: ignore[method-assign]
    loop.segmentation_loss = clock.timed("forward", loop.segmentation_loss)
    torch.Tensor.backward = clock.timed("backward", torch.Tensor.backward)  # type: ignore[method-assign]
    torch.optim.AdamW.step = clock.timed("optimiser", torch.optim.AdamW.step)  # type: ignore[method-assign]
    _BaseDataLoaderIter.__next__ = clock.timed("loader", _BaseDataLoaderIter.__next__)  # type: ignore[method-assign]
    loop.save_training = clock.timed("checkpoint", loop.save_training, always=True)
    train_epoch = clock.timed("step", loop.Loop.train_epoch)

    def timed_epoch(self: loop.Loop) -> None:
        clock.on = len(self.at.history) > 0  # the first epoch warms up
        train_epoch(self)
        clock.on = False

    loop.Loop.train_epoch = timed_epoch  # type: ignore[method-assign]
    settings = TrainSettings(epochs=epochs + 1, batch=BATCH)
    with tempfile.TemporaryDirectory() as run:
        history = train(model, Mix(kept, SIZE), Mix(held, SIZE), settings, run=Path(run))
        checkpoint_bytes = (Path(run) / "last.safetensors").stat().st_size
    steps = epochs * (len(Mix(kept, SIZE)) // BATCH)
    own = 1 - sum(clock.processor[part] for part in ("forward", "backward", "optimiser")) / clock.processor["step"]
    parts = {part: clock.processor[part] / clock.processor["step"] for part in ("forward", "backward", "optimiser")}
    return {
        "share of a step, processor": parts | {"the trainer's own": own, "bar": BAR},
        "of the trainer's own, waiting for the loader": clock.processor["loader"] / clock.processor["step"],
        "waiting for the loader, wall": clock.wall["loader"] / clock.wall["step"],
        "seconds a step, processor": clock.processor["step"] / steps,
        "steps": steps,
        "checkpoint": {
            "MiB": checkpoint_bytes / 2**20,
            "seconds, processor": clock.processor["checkpoint"] / len(history),
            "seconds, wall": clock.wall["checkpoint"] / len(history),
        },
    }


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description="The trainer's own share of a step.")
    parser.add_argument("--epochs", type=int, default=3, help="epochs to measure, of 4 steps each (default 3)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    described = environment() | {"command": f"python benchmarks/training.py --epochs {args.epochs}"}
    result = measure(args.epochs) | {"environment": described, "date": date.today().isoformat()}
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
