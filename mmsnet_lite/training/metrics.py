"""DSC, IoU and MAE of single images: what each of a batch scores does not depend on the others.

Convention: a prediction is probability >= 0.5.
Convention: where mask and prediction are both empty, DSC = IoU = 1; where only one is, 0.
Convention: MAE is the mean absolute difference between probability and mask; `mae_binary` that between prediction and
    mask, the share of wrong pixels.
"""

import torch
from torch import Tensor

METRICS = ("dsc", "iou", "mae", "mae_binary")


def image_metrics(logits: Tensor, masks: Tensor) -> Tensor:
    """Score logits (b 1 h w) against masks (b 1 h w) of 0 and 1: float64 (b 4), see `probability_metrics`."""
    dtype = torch.float32 if logits.device.type == "mps" else torch.float64  # Apple's GPU has no float64
    return probability_metrics(logits.to(dtype).sigmoid(), masks)


def probability_metrics(probability: Tensor, masks: Tensor) -> Tensor:
    """Compute DSC = 2|P M| / (|P| + |M|), IoU = |P M| / |P u M|, MAE and binary MAE of each image.

    Args:
        probability: (b 1 h w), 0..1.
        masks: (b 1 h w) of 0 and 1.

    Returns:
        (b 4) of the probability's type: dsc, iou, mae, mae_binary, each in 0..1.
    """
    probability, truth = probability.flatten(1), masks.to(probability.dtype).flatten(1)
    predicted = (probability >= 0.5).to(probability.dtype)
    intersection = (predicted * truth).sum(1)
    total = predicted.sum(1) + truth.sum(1)
    empty = total == 0
    dsc = torch.where(empty, 1.0, 2 * intersection / total.clamp(min=1))
    iou = torch.where(empty, 1.0, intersection / (total - intersection).clamp(min=1))
    mae, wrong = ((p - truth).abs().mean(1) for p in (probability, predicted))
    return torch.stack([dsc, iou, mae, wrong], 1)
