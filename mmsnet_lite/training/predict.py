"""Segment one image of any size."""

import cv2
import numpy as np
import torch
from torch import nn

from mmsnet_lite.data import normalise


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
    height, width = image.shape[:2]
    interpolation = cv2.INTER_AREA if size < min(height, width) else cv2.INTER_LINEAR
    small = cv2.resize(image, (size, size), interpolation=interpolation)
    device = next(model.parameters()).device
    batch = torch.from_numpy(small).to(device).permute(2, 0, 1)[None]
    probability = model(normalise(batch)).logits.sigmoid()[0, 0].float().cpu().numpy()
    return np.clip(cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR), 0, 1)
