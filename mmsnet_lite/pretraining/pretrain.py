"""The pretraining loop: an encoder with a light head learns to name what `scenes` has drawn."""

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsnet_lite.errors import InputError
from mmsnet_lite.model import MiTEncoder
from mmsnet_lite.model.encoder import STRIDES
from mmsnet_lite.pretraining.scenes import DIRECTIONS, OUTLINES, SLOPES, Scenes, draw_scenes

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, what every user of the encoder normalises by
HELD_OUT = 2**40  # seed of the scenes that score, beyond those of every step
KEEP_EVERY = 200  # steps
PROBED = 256  # scenes that score, a multiple of 16
WIDTH = 64  # of the head, in channels
_GROUPS = (1, len(OUTLINES), SLOPES, DIRECTIONS, 1)  # channels of the head


@dataclass(frozen=True, kw_only=True)
class PretrainSettings:
    """How to pretrain.

    Args:
        steps: optimiser steps, each on scenes never seen before.
        batch: scenes a step.
        size: side of the scenes in pixels in the last fifth of the steps, a multiple of 64 from 128 on; half of it
            before, at a third of the cost.
        lr: of AdamW after a warm-up of a twentieth of the steps, then cosine to 0.
        seed: of the weights and the scenes.

    Raises:
        InputError: a number outside its range.
    """

    steps: int = 8000
    batch: int = 16
    size: int = 128
    lr: float = 2e-3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 2:
            raise InputError(f"steps = {self.steps}, batch = {self.batch}: at least 1 step of 2 scenes is needed")
        if not 0 < self.lr < math.inf:
            raise InputError(f"lr = {self.lr} does not fit; choose a number above 0")
        if not 0 <= self.seed < 2**16:
            raise InputError(f"seed = {self.seed} does not fit; choose 0 to 65535")
        if self.size < 128 or self.size % 64:
            raise InputError(f"size = {self.size} does not fit: most steps see half of it; choose 128, 192, 256 ...")

    def lr_at(self, step: int) -> float:
        """Learning rate of step 0..steps-1."""
        warm = max(1, self.steps // 20)
        if step < warm:
            return self.lr * (step + 1) / warm
        return self.lr * (1 + math.cos(math.pi * (step - warm) / (self.steps - warm))) / 2


class Naming(nn.Module):
    """The encoder with an all-MLP head that names outline, slope and direction at stride 4, and tells the depth."""

    def __init__(self, encoder: MiTEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.reduce = nn.ModuleList(nn.Conv2d(c, WIDTH, 1) for c in encoder.spec.widths)
        self.name = nn.Sequential(nn.BatchNorm2d(WIDTH), nn.ReLU(), nn.Conv2d(WIDTH, sum(_GROUPS), 1))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map normalised images (b 3 h w) to scores of objects, outlines, slopes and directions, and the depth.

        Each (b n h/4 w/4), with n = 1, `len(OUTLINES)`, `SLOPES`, `DIRECTIONS` and 1.
        """
        features = self.encoder(x)
        maps = [reduce(feature) for feature, reduce in zip(features, self.reduce, strict=True)]
        whole = maps[0] + sum(F.interpolate(m, size=maps[0].shape[2:], mode="bilinear") for m in maps[1:])
        return self.name(whole).split(_GROUPS, 1)


def _normalised(images: Tensor) -> Tensor:
    mean, std = (torch.tensor(values, device=images.device).view(3, 1, 1) for values in (MEAN, STD))
    return (images - mean) / std


def _coarse(target: Tensor) -> Tensor:
    """The target at the head's stride: the pixel beside the middle of each cell."""
    half = STRIDES[0] // 2
    return target[:, half :: STRIDES[0], half :: STRIDES[0]]


def naming_loss(scores: tuple[Tensor, ...], scenes: Scenes) -> Tensor:
    """Cross-entropy of object, outline (on objects), slope and direction, and the depth's absolute error, added up."""
    objects, outline, slope, direction, depth = scores
    target = _coarse(scenes.outline)
    named = F.cross_entropy(outline, target, ignore_index=-1)
    return (
        2 * F.binary_cross_entropy_with_logits(objects[:, 0], (target >= 0).float())
        + (named if (target >= 0).any() else 0)
        + F.cross_entropy(slope, _coarse(scenes.slope))
        + F.cross_entropy(direction, _coarse(scenes.direction))
        + 4 * F.l1_loss(depth[:, 0], _coarse(scenes.depth))
    )


@torch.no_grad()
def probe(net: Naming, size: int) -> dict[str, float]:
    """Score `net` on `PROBED` held-out scenes, all figures in 0..1, at stride 4.

    Returns:
        "object IoU": of objects against background; "outline": share of the objects' pixels named rightly; "slope" and
        "direction": share of all pixels.
    """
    net.eval()
    device = next(net.parameters()).device
    generator = torch.Generator().manual_seed(HELD_OUT)
    right, of = torch.zeros(2, 4, dtype=torch.float64)
    for _ in range(PROBED // 16):
        scenes = draw_scenes(16, size, generator)
        objects, *scores, _ = (score.cpu() for score in net(_normalised(scenes.images).to(device)))
        truth, seen = _coarse(scenes.outline), objects[:, 0] > 0
        inside, every = truth >= 0, torch.ones_like(seen)
        named = [
            score.argmax(1) == _coarse(target)
            for score, target in zip(scores, (scenes.outline, scenes.slope, scenes.direction), strict=True)
        ]
        right += torch.stack([each.sum() for each in (seen & inside, *named)])
        of += torch.stack([each.sum() for each in (seen | inside, inside, every, every)])
    shares = (right / of.clamp(min=1)).tolist()
    return {
        n: round(share, 4) for n, share in zip(("object IoU", "outline", "slope", "direction"), shares, strict=True)
    }


def pretrain(
    encoder: str,
    settings: PretrainSettings,
    folder: Path,
    *,
    device: str = "cpu",
    on_step: Callable[[int, float], None] | None = None,
) -> dict[str, Any]:
    """Pretrain an encoder from random weights and write it to `folder`, with its card; returns the card's record.

    The folder is written at the end, whole or not at all, as `MMSNetConfig(pretrained=...)` and transformers load it:
    config.json, model.safetensors (float16), and card.json with recipe, time and score. Progress is kept beside it, in
    `folder`.partial.pt, every `KEEP_EVERY` steps; the same call continues from there. Every step draws its scenes from
    its own number, so that the same settings give the same weights on one machine, however often it was cut off; they
    grow harder over the first 40 % of the steps.

    Args:
        encoder: one of `ENCODERS`.
        settings: see `PretrainSettings`.
        folder: where the weights go; must not exist.
        device: "cpu" or "cuda", there with bfloat16 autocast.
        on_step: called with the number of steps done and the loss.

    Raises:
        InputError: `folder` exists, an unknown encoder, progress of other settings, or a loss that is not finite.
    """
    if folder.exists():
        raise InputError(f"{folder} exists; name another folder, or remove it")
    devices = [device] if device.startswith("cuda") else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(settings.seed)
        net = Naming(MiTEncoder(encoder)).to(device).train()
        optimizer = torch.optim.AdamW(net.parameters(), lr=settings.lr, weight_decay=0.05, fused=True)
        asked = {"encoder": encoder, **asdict(settings)}
        kept, done, seconds = folder.with_name(folder.name + ".partial.pt"), 0, 0.0
        if kept.exists():
            state = torch.load(kept, map_location=device, weights_only=True)
            if state["settings"] != asked:
                raise InputError(f"{kept} is of {state['settings']}, not {asked}; remove it, or repeat its options")
            net.load_state_dict(state["net"])
            optimizer.load_state_dict(state["optimizer"])
            done, seconds = state["done"], state["seconds"]
        generator = torch.Generator(device)
        for step in range(done, settings.steps):
            start = time.perf_counter()
            number = settings.seed * 2**24 + step
            torch.manual_seed(number)  # drop-path
            generator.manual_seed(number)
            size = settings.size // 2 if step < 0.8 * settings.steps else settings.size
            hardness = min(1.0, step / (0.4 * settings.steps))
            scenes = draw_scenes(settings.batch, size, generator, hardness)
            for group in optimizer.param_groups:
                group["lr"] = settings.lr_at(step)
            with torch.autocast(device, torch.bfloat16, enabled=bool(devices)):
                loss = naming_loss(net(_normalised(scenes.images)), scenes)
            if not torch.isfinite(loss):
                raise InputError(f"the loss of step {step + 1} is {loss.item()}; lower the learning rate")
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            seconds += time.perf_counter() - start
            if on_step is not None:
                on_step(step + 1, loss.item())
            if (step + 1) % KEEP_EVERY == 0:
                state = {"settings": asked, "done": step + 1, "seconds": seconds, "net": net.state_dict()}
                temporary = kept.with_suffix(".tmp")
                torch.save(state | {"optimizer": optimizer.state_dict()}, temporary)
                os.replace(temporary, kept)
    record = {"settings": asked, "device": device, "seconds": round(seconds), "probe": probe(net, settings.size)}
    temporary = folder.with_name(folder.name + ".tmp")
    temporary.mkdir(parents=True, exist_ok=True)
    net.encoder.cpu().save(temporary, torch.float16)
    (temporary / "card.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    os.replace(temporary, folder)
    kept.unlink(missing_ok=True)
    return record
