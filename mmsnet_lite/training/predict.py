"""Segment one image of any size."""

import numpy as np
import torch
from torch import Tensor, nn

from mmsnet_lite.data import normalise, resize_image


@torch.no_grad()
def predict_image(model: nn.Module, image: np.ndarray, size: int) -> np.ndarray:
    """Return the probability of lesion for every pixel of an image.

    The image is resized to the network's size, as in training, and the probability back.

    Args:
        model: in eval mode; maps normalised images (b 3 h w) to an output with `logits` (b 1 h w).
        image: RGB, uint8 (h w 3), any size.
        size: side in pixels at which the network works.

    Returns:
        float32 (h w), 0..1.
    """
    device = next(model.parameters()).device
    batch = torch.from_numpy(resize_image(image, size, size)).to(device).permute(2, 0, 1)[None]
    return probability_at(model(normalise(batch)).logits[0, 0], *image.shape[:2])


def probability_at(logits: Tensor, height: int, width: int) -> np.ndarray:
    """Return the probability of logits (h w), resized: float32 (height width), 0..1."""
    return np.clip(resize_image(logits.sigmoid().float().cpu().numpy(), height, width), 0, 1)
