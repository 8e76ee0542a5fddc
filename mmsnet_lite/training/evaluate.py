"""What any network with the output contract finds: in one image of any size, and scored, in a mix."""

from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmsnet_lite.data import Mix, normalise, resize_image
from mmsnet_lite.errors import InputError
from mmsnet_lite.training.metrics import image_metrics, probability_metrics
from mmsnet_lite.training.scores import Evaluation, ImageScore


@torch.no_grad()
def evaluate(
    model: nn.Module,
    mix: Mix,
    *,
    batch: int = 16,
    accelerator: Accelerator | None = None,
    original: bool = False,
) -> Evaluation:
    """Score every image of `mix` once; the model is left in the mode and on the device it came in.

    Convention: at original size the probabilities are resized, like an image, to that of each published mask, and cut
        at one half there.

    Args:
        model: maps normalised images (b 3 h w) to an output with `logits` (b 1 h w).
        mix: images and masks.
        batch: images a step.
        accelerator: one that has prepared `model` already; None makes one, which picks the device.
        original: score at the size of each published mask, not at the mix's.

    Raises:
        InputError: the network's output is not finite; the message names the images.
    """
    mode, home = model.training, next(model.parameters()).device
    if accelerator is None:
        accelerator = Accelerator()
        model = accelerator.prepare_model(model, evaluation_mode=True)
    model.eval()
    loader = accelerator.prepare_data_loader(DataLoader(mix, batch_size=batch))
    scores: dict[int, tuple[Any, ...]] = {}
    for samples in loader:
        logits = model(normalise(samples["image"])).logits
        if not torch.isfinite(logits).all():
            names = ", ".join(f"{d}/{s}" for d, s in zip(samples["dataset"], samples["stem"], strict=True))
            raise InputError(f"the network's output is not finite on {names}; train with a lower learning rate")
        if original:
            rows = _at_original_size(logits, mix, samples["index"].tolist())
        else:
            rows = _with_sizes(image_metrics(logits, samples["mask"]), samples["mask"])
        for index, row in zip(*accelerator.gather_for_metrics((samples["index"], rows)), strict=True):
            *metrics, height, width = row.tolist()
            scores[int(index)] = (*metrics, int(height), int(width))
    model.train(mode).to(home)
    images = [(stem, part.dataset, part.modality) for part in mix.parts for stem in part.stems]
    return Evaluation(tuple(ImageScore(*image, *scores[i]) for i, image in enumerate(images)))


def _with_sizes(metrics: Tensor, masks: Tensor) -> Tensor:
    """Append to metrics (b 4) the lesion's share of the area, height and width of masks (b 1 h w)."""
    height, width = (torch.full_like(metrics[:, 0], side) for side in masks.shape[2:])
    return torch.cat([metrics, masks.to(metrics.dtype).mean((2, 3)), height[:, None], width[:, None]], 1)


def _at_original_size(logits: Tensor, mix: Mix, indices: list[int]) -> Tensor:
    rows = []
    for one, index in zip(logits, indices, strict=True):
        mask = mix.original_mask(index)
        probability, truth = (torch.from_numpy(a)[None, None] for a in (probability_at(one[0], *mask.shape), mask))
        rows.append(_with_sizes(probability_metrics(probability.double(), truth), truth))
    found = torch.cat(rows)
    return found.to(logits.device, torch.float32 if logits.device.type == "mps" else found.dtype)


@torch.no_grad()
def predict_image(model: nn.Module, image: np.ndarray, size: int) -> np.ndarray:
    """Return the probability of lesion for every pixel of an image: float32 (h w), 0..1.

    Args:
        model: in eval mode; maps normalised images (b 3 h w) to an output with `logits` (b 1 h w).
        image: RGB, uint8 (h w 3), any size.
        size: side in pixels at which the network works; the image is resized to it, and the probability back.
    """
    device = next(model.parameters()).device
    batch = torch.from_numpy(resize_image(image, size, size)).to(device).permute(2, 0, 1)[None]
    return probability_at(model(normalise(batch)).logits[0, 0], *image.shape[:2])


def probability_at(logits: Tensor, height: int, width: int) -> np.ndarray:
    """Return the probability of logits (h w), resized: float32 (height width), 0..1."""
    return np.clip(resize_image(logits.sigmoid().float().cpu().numpy(), height, width), 0, 1)
