"""Segment one image of any size."""

import numpy as np
import torch
from torch import nn

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
    probability = model(normalise(batch)).logits.sigmoid()[0, 0].float().cpu().numpy()
    return np.clip(resize_image(probability, *image.shape[:2]), 0, 1)
