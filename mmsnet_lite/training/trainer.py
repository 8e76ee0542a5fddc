"""The training loop, on accelerate: CPU or GPU, one process or several, the same code."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from mmsnet_lite.data import AUGMENTATIONS, SAMPLERS, BalancedSampler, EpochSampler, Mix, normalise
from mmsnet_lite.data.sampler import epoch_seed
from mmsnet_lite.errors import InputError
from mmsnet_lite.training.checkpoint import load_training, save_training, save_weights, write_text
from mmsnet_lite.training.evaluate import evaluate
from mmsnet_lite.training.losses import segmentation_loss


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How to train; the defaults are the paper's optimiser (AdamW, 5e-4) with cosine decay.

    Args:
        epochs: passes over the training images.
        batch: images a step and process.
        lr, min_lr: learning rate at the first step and after the last; cosine in between.
        weight_decay: of AdamW, on every trained tensor.
        seed: of the order of the images, the augmentation and the dropout; 0 to 2^40.
        sampler: "proportional" (each image once an epoch) or "balanced" (each modality equally often).
        augment: "flips" (left-right and up-down), "full" (see `mmsnet_lite.data.Augmentation`) or "none".

    Raises:
        InputError: a number outside its range, or an unknown name.
    """

    epochs: int = 50
    batch: int = 8
    lr: float = 5e-4
    min_lr: float = 1e-6
    weight_decay: float = 0.01
    seed: int = 0
    sampler: str = "proportional"
    augment: str = "flips"

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1:
            raise InputError(f"epochs = {self.epochs}, batch = {self.batch}: both must be at least 1")
        if not 0 <= self.min_lr <= self.lr < math.inf or self.lr == 0:
            raise InputError(f"lr = {self.lr}, min_lr = {self.min_lr}: choose 0 <= min_lr <= lr, lr above 0 and finite")
        if not 0 <= self.seed <= 2**40:
            raise InputError(f"seed = {self.seed} does not fit; choose 0 to 2^40")
        for name, known in (("sampler", SAMPLERS), ("augment", tuple(AUGMENTATIONS))):
            if getattr(self, name) not in known:
                raise InputError(f"{name} {getattr(self, name)!r} is unknown; choose one of {', '.join(known)}")

    def lr_at(self, step: int, steps: int) -> float:
        """Learning rate of step 0..steps-1 on the cosine from `lr` to `min_lr`."""
        return self.min_lr + (self.lr - self.min_lr) * (1 + math.cos(math.pi * step / steps)) / 2


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
) -> list[dict[str, Any]]:
    """Train `model` in place and return one record an epoch: loss, validation DSC, IoU, MAE, lr, seconds.

    Args:
        model: maps normalised images (b 3 h w) to an output with `logits` (b 1 h w).
        train_mix, validation_mix: the second one chooses the best epoch (highest mean DSC).
        settings: see `TrainSettings`.
        run: folder for metrics.jsonl, best.safetensors and last.safetensors; None writes nothing.
        resume: continue from last.safetensors in `run`; a run killed in an epoch repeats that epoch.
        progress: show a bar with the loss and the images per second.
        on_epoch: called with each new record, on the main process.
        accelerator: None makes one, which picks the device.

    Raises:
        InputError: nothing to resume, a checkpoint of another configuration, or a loss that is not finite.
    """
    accelerator = accelerator or Accelerator()
    device = accelerator.device
    trained = [p for p in model.parameters() if p.requires_grad]
    model.to(device)
    optimizer = torch.optim.AdamW(trained, lr=settings.lr, weight_decay=settings.weight_decay, fused=True)
    history: list[dict[str, Any]] = []
    if resume:
        if run is None:
            raise InputError("resume needs the folder of a run; pass run=")
        history = load_training(run / "last.safetensors", model, optimizer)["history"]
        _write_metrics(run, history)  # a run killed between the two files has the checkpoint only

    sampler = EpochSampler(len(train_mix), settings.seed)
    if settings.sampler == "balanced":
        sampler = BalancedSampler(train_mix.labels, settings.seed)
    whole_batches = len(train_mix) >= settings.batch * accelerator.num_processes
    loader = DataLoader(train_mix, batch_size=settings.batch, sampler=sampler, drop_last=whole_batches)
    wrapped, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    steps = settings.epochs * len(loader)

    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        for epoch in range(len(history), settings.epochs):
            sampler.epoch = epoch
            start = time.perf_counter()
            torch.manual_seed(epoch_seed(settings.seed, epoch, "dropout", accelerator.process_index))
            loss = _train_epoch(accelerator, wrapped, optimizer, loader, settings, epoch, steps, progress)
            seconds = time.perf_counter() - start
            scores = evaluate(wrapped, validation_mix, batch=settings.batch, accelerator=accelerator).mean
            record = {"epoch": epoch + 1, "loss": loss, **{f"validation_{k}": v for k, v in scores.items()}}
            record |= {"lr": settings.lr_at((epoch + 1) * len(loader) - 1, steps), "seconds": round(seconds, 2)}
            record["images_per_second"] = round(len(loader) * settings.batch * accelerator.num_processes / seconds, 2)
            history.append(record)
            if not accelerator.is_main_process:
                continue
            if run is not None:
                _save(run, model, optimizer, history)
            if on_epoch is not None:
                on_epoch(record)
    return history


def _train_epoch(
    accelerator: Accelerator,
    model: nn.Module,
    optimizer: Any,
    loader: Any,
    settings: TrainSettings,
    epoch: int,
    steps: int,
    progress: bool,
) -> float:
    """Run one epoch; returns the mean loss."""
    model.train()
    augment = AUGMENTATIONS[settings.augment]
    draws = torch.Generator().manual_seed(epoch_seed(settings.seed, epoch, "augment", accelerator.process_index))
    total = torch.zeros((), device=accelerator.device)
    bar = tqdm(
        loader,
        desc=f"epoch {epoch + 1}/{settings.epochs}",
        unit="image",
        unit_scale=settings.batch,
        disable=not (progress and accelerator.is_main_process),
    )
    for i, samples in enumerate(bar):
        for group in optimizer.param_groups:
            group["lr"] = settings.lr_at(epoch * len(loader) + i, steps)
        images, masks = augment(samples["image"], samples["mask"], draws)
        loss = segmentation_loss(model(normalise(images)).logits, masks.float())
        if not torch.isfinite(loss):
            names = ", ".join(f"{d}/{s}" for d, s in zip(samples["dataset"], samples["stem"], strict=True))
            raise InputError(
                f"the loss of epoch {epoch + 1}, step {i + 1} is {loss.item()} on {names}; the last checkpoint is "
                "kept: look at these images, or lower the learning rate"
            )
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        total += loss.detach()
        bar.set_postfix(loss=f"{total.item() / (i + 1):.3f}")
    return accelerator.reduce(total, "mean").item() / len(loader)


def _save(run: Path, model: nn.Module, optimizer: Any, history: list[dict[str, Any]]) -> None:
    """Write the best weights when this epoch is the best, then everything that resuming needs."""
    best = max(record["validation_dsc"] for record in history[:-1]) if len(history) > 1 else -1.0
    if history[-1]["validation_dsc"] > best:
        save_weights(run / "best.safetensors", model.state_dict(), {"epoch": len(history)})
    save_training(run / "last.safetensors", model, optimizer, {"history": history})
    _write_metrics(run, history)


def _write_metrics(run: Path, history: list[dict[str, Any]]) -> None:
    write_text(run / "metrics.jsonl", "".join(json.dumps(record, allow_nan=False) + "\n" for record in history))
