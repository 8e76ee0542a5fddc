"""Joint augmentation of images and masks, on batches of tensors, seeded by a generator."""

import torch
from torch import Tensor


def random_flips(images: Tensor, masks: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Flip each image and its mask left-right and up-down, each with probability one half.

    Args:
        images: (b c h w).
        masks: (b 1 h w).
        generator: on the CPU; the same state gives the same flips on every device.
    """
    coins = torch.rand(2, len(images), generator=generator) < 0.5
    for axis, coin in zip((-1, -2), coins.to(images.device), strict=True):
        coin = coin.view(-1, 1, 1, 1)
        images = torch.where(coin, images.flip(axis), images)
        masks = torch.where(coin, masks.flip(axis), masks)
    return images, masks
