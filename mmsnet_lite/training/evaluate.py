"""Evaluation of any network with the output contract on any mix."""

import torch
from accelerate import Accelerator
from torch import nn
from torch.utils.data import DataLoader

from mmsnet_lite.data import Mix, normalise
from mmsnet_lite.errors import InputError
from mmsnet_lite.training.metrics import METRICS, Evaluation, ImageScore, image_metrics


@torch.no_grad()
def evaluate(model: nn.Module, mix: Mix, *, batch: int = 16, accelerator: Accelerator | None = None) -> Evaluation:
    """Score every image of `mix` once, at the mix's size.

    The model is left in the mode it came in.

    Args:
        model: maps normalised images (b 3 h w) to an output with `logits` (b 1 h w).
        mix: images and masks.
        batch: images a step.
        accelerator: one that has prepared `model` already; None makes one, which picks the device.

    Raises:
        InputError: the network's output is not finite; the message names the images.
    """
    mode = model.training
    if accelerator is None:
        accelerator = Accelerator()
        model = accelerator.prepare_model(model, evaluation_mode=True)
    model.eval()
    loader = accelerator.prepare_data_loader(DataLoader(mix, batch_size=batch))
    scores: dict[int, list[float]] = {}
    for samples in loader:
        logits = model(normalise(samples["image"])).logits
        if not torch.isfinite(logits).all():
            names = ", ".join(f"{d}/{s}" for d, s in zip(samples["dataset"], samples["stem"], strict=True))
            raise InputError(f"the network's output is not finite on {names}; train with a lower learning rate")
        metrics = image_metrics(logits, samples["mask"])
        for index, row in zip(*accelerator.gather_for_metrics((samples["index"], metrics)), strict=True):
            scores[int(index)] = row.tolist()
    model.train(mode)
    images = []
    for i in range(len(mix)):
        sample = mix[i]
        metrics_of = dict(zip(METRICS, scores[i], strict=True))
        images.append(ImageScore(sample["stem"], sample["dataset"], sample["modality"], **metrics_of))
    return Evaluation(tuple(images))
