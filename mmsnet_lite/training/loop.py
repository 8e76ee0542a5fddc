"""Training any network with the output contract, on accelerate: CPU or GPU, one process or several, the same code.

What is random in a step is a function of (seed, epoch, part of the epoch), so that a checkpoint holds no generator's
state, and a run that is cut off anywhere goes on exactly as if it had not been.
"""

import json
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from mmsnet_lite.data import AUGMENTATIONS, BalancedSampler, EpochSampler, Mix, normalise
from mmsnet_lite.data.sampler import BatchSplitter, batch_seed
from mmsnet_lite.errors import InputError
from mmsnet_lite.training.checkpoint import (
    frozen_part,
    load_training,
    newest_checkpoint,
    save_model,
    save_training,
    write_text,
)
from mmsnet_lite.training.evaluate import evaluate
from mmsnet_lite.training.guards import Interrupted, StopRequest, explained, refuse_nonfinite, sole_owner
from mmsnet_lite.training.losses import segmentation_loss
from mmsnet_lite.training.processes import log, make_accelerator, part_count, share_buffers
from mmsnet_lite.training.samples import write_samples
from mmsnet_lite.training.settings import TrainSettings


@dataclass
class Position:
    """Where a training stands: finished epochs, and how far the next one is."""

    history: list[dict[str, Any]] = field(default_factory=list)
    step: int = 0
    loss: float = 0.0  # sum over those steps
    seconds: float = 0.0  # spent on them


class Loop:
    """A training under way."""

    def __init__(
        self,
        accelerator: Accelerator,
        model: nn.Module,
        train_mix: Mix,
        settings: TrainSettings,
        run: Path | None,
        workers: int,
        save_every: float,
    ) -> None:
        self.accelerator, self.model, self.settings, self.run = accelerator, model, settings, run
        trained = [p for p in model.parameters() if p.requires_grad]
        self.optimizer: Any = torch.optim.AdamW(trained, lr=settings.lr, weight_decay=settings.weight_decay, fused=True)
        self.order = EpochSampler(len(train_mix), settings.seed)
        if settings.sampler == "balanced":
            self.order = BalancedSampler(train_mix.labels, settings.seed)
        batch = min(settings.batch, len(train_mix))
        self.batches = BatchSplitter(self.order, batch, part_count(accelerator, batch))
        self.loader: Any = DataLoader(
            train_mix, batch_sampler=self.batches, num_workers=workers, pin_memory=accelerator.device.type == "cuda"
        )
        self.stop = StopRequest()
        self.at = Position()
        self.note: dict[str, Any] = {"settings": asdict(settings) | {"images": len(train_mix)}}
        self.save_every, self.saved = save_every, time.monotonic()

    @contextmanager
    def prepared(self, resume: bool, progress: bool) -> Iterator[None]:
        """Hand everything to accelerate, the state of a checkpoint first; afterwards `model` is as it came."""
        if self.run is not None:
            self.note["frozen"] = frozen_part(self.model)
            if resume:
                self._resume(self.run)
        self.wrapped, self.optimizer, self.loader = self.accelerator.prepare(self.model, self.optimizer, self.loader)
        steps, batch = self.batches.steps, self.batches.batch
        done = len(self.at.history) * steps + self.at.step
        total = self.settings.epochs * steps * batch
        try:
            with tqdm(total=total, initial=done * batch, unit="image", disable=not progress) as self.bar:
                yield
        finally:
            self.accelerator.unwrap_model(self.wrapped, keep_fp32_wrapper=False)

    def _resume(self, run: Path) -> None:
        chosen = [newest_checkpoint(run) if self.accelerator.is_main_process else None]
        path = broadcast_object_list(chosen)[0]  # all processes take the same one
        note = load_training(path, self.model, self.optimizer)
        for key, value in self.note["settings"].items():
            if (then := note.get("settings", {}).get(key)) != value:
                raise InputError(f"{path} was trained with {key} = {then}, not {value}; repeat its settings")
        self.at = Position(**{key: note[key] for key in asdict(self.at)})
        if self.accelerator.is_main_process:
            write_metrics(run, self.at.history)  # a run killed between the two files has the checkpoint only

    def save(self) -> None:
        """Write a checkpoint."""
        if self.run is not None and self.accelerator.is_main_process:
            save_training(self.run, self.model, self.optimizer, self.note | asdict(self.at))
            self.saved = time.monotonic()

    def train_epoch(self) -> None:
        """Train from where the epoch stands to its end."""
        at, settings, accelerator = self.at, self.settings, self.accelerator
        epoch, steps, first = len(at.history), self.batches.steps, at.step * self.batches.parts
        self.order.epoch, self.batches.start = epoch, at.step
        self.bar.set_description(f"epoch {epoch + 1}/{settings.epochs}")
        self.wrapped.train()
        augment, draws = AUGMENTATIONS[settings.augment], torch.Generator()
        losses: list[Tensor] = []
        names: list[list[str]] = []
        clock = time.perf_counter()
        for i, samples in enumerate(self.loader if at.step < steps else ()):
            number = first + i * accelerator.num_processes + accelerator.process_index  # of this part in the epoch
            torch.manual_seed(batch_seed(settings.seed, epoch, number, "dropout"))
            draws.manual_seed(batch_seed(settings.seed, epoch, number, "augment"))
            with accelerator.accumulate(self.wrapped):
                images, masks = augment(samples["image"], samples["mask"], draws)
                loss = segmentation_loss(self.wrapped(normalise(images)).logits, masks.float())
                accelerator.backward(loss)
            losses.append(loss.detach())
            names.append([f"{d}/{s}" for d, s in zip(samples["dataset"], samples["stem"], strict=True)])
            if not accelerator.sync_gradients:
                continue
            told = torch.stack([torch.stack(losses).mean(), loss.new_tensor(float(self.stop.signal > 0))])
            mean, stopping = accelerator.reduce(told, "mean").tolist()  # the same on every process
            if not math.isfinite(mean):
                where = {"epoch": epoch + 1, "step": at.step + 1}
                refuse_nonfinite(accelerator, self.run, where, zip(losses, names, strict=True))
            for group in self.optimizer.param_groups:
                group["lr"] = settings.lr_at(epoch * steps + at.step, settings.epochs * steps)
            self.optimizer.step()
            self.optimizer.zero_grad()
            losses, names = [], []
            now = time.perf_counter()
            at.step, at.loss, at.seconds, clock = at.step + 1, at.loss + mean, at.seconds + now - clock, now
            dsc = {"DSC": f"{at.history[-1]['validation_dsc']:.3f}"} if at.history else {}
            self.bar.set_postfix({"loss": f"{at.loss / at.step:.3f}"} | dsc, refresh=False)
            self.bar.update(self.batches.batch)
            if stopping:
                self._stop()
            if time.monotonic() - self.saved >= self.save_every:
                self.save()

    def _stop(self) -> None:
        self.save()
        self.accelerator.wait_for_everyone()
        number = self.stop.signal or signal.SIGTERM
        raise Interrupted(
            f"interrupted by {signal.Signals(number).name}; saved after step {self.at.step} of epoch "
            f"{len(self.at.history) + 1}",
            number,
        )

    def end_epoch(self, validation_mix: Mix) -> dict[str, Any]:
        """Validate, keep the best weights, write everything; returns the epoch's record."""
        at, settings, steps = self.at, self.settings, self.batches.steps
        share_buffers(self.accelerator, self.model)
        scores = evaluate(self.wrapped, validation_mix, batch=settings.batch, accelerator=self.accelerator).mean
        epoch = len(at.history) + 1
        record = {"epoch": epoch, "loss": at.loss / steps, **{f"validation_{k}": v for k, v in scores.items()}}
        record |= {"lr": settings.lr_at(epoch * steps - 1, settings.epochs * steps), "seconds": round(at.seconds, 2)}
        record["images_per_second"] = round(steps * self.batches.batch / at.seconds, 2)
        self.at = Position([*at.history, record])
        if self.run is not None and self.accelerator.is_main_process:
            if all(record["validation_dsc"] > earlier["validation_dsc"] for earlier in at.history):
                save_model(self.run / "best.safetensors", self.model, {"epoch": epoch, "frozen": self.note["frozen"]})
            write_samples(self.run / "samples", self.model, validation_mix, epoch)
            self.save()
            write_metrics(self.run, self.at.history)
        log(self.accelerator, asdict(settings), record)
        return record


def write_metrics(run: Path, history: list[dict[str, Any]]) -> None:
    """Write metrics.jsonl, a line an epoch."""
    write_text(run / "metrics.jsonl", "".join(json.dumps(record, allow_nan=False) + "\n" for record in history))


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

    Convention: where the accelerator trains on another device, the model comes back to its own at the end.

    Args:
        model: maps normalised images (b 3 h w) to an output with `logits` (b 1 h w).
        train_mix, validation_mix: the second one chooses the best epoch (highest mean DSC).
        settings: see `TrainSettings`.
        run: folder for metrics.jsonl, best, last and previous.safetensors, and samples/; None writes nothing.
        resume: continue from the newest whole checkpoint in `run`; the result is that of an uninterrupted run.
        progress: show a bar.
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
    device, main, home = accelerator.device, accelerator.is_main_process, next(model.parameters()).device
    loop = Loop(accelerator, model.to(device), train_mix, settings, run, workers, save_every)
    if resume and run is None:
        raise InputError("resume needs the folder of a run; pass run=")
    with ExitStack() as guards:
        guards.callback(model.to, home)
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
