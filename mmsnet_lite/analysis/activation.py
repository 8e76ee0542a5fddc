"""Where a network looks: Grad-CAM and Seg-Grad-CAM on what it shows of itself, without hooks."""

import torch
from torch import Tensor, nn

from mmsnet_lite.analysis.modes import modes
from mmsnet_lite.errors import InputError


def intermediates(model: nn.Module, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Segment images and return the logits (b 1 h w) and the maps on the way, by name, each (b c h' w').

    "features 1" to "features 4" are the encoder's stages, fine to coarse; where the network explains itself (see
    `MMSNet.explain`) "guidance 1" to "guidance 4" are the same stages after MSFG, and "frequency" is FEP's map. What
    a network does not have is not there.
    """
    seen = model.explain(images) if hasattr(model, "explain") else model(images)  # type: ignore[operator]
    maps = {f"features {s}": feature for s, feature in enumerate(seen.features, 1)}
    maps |= {f"guidance {s}": stage.output for s, stage in enumerate(getattr(seen, "guidance", ()), 1)}
    if getattr(seen, "frequency", None) is not None:
        maps["frequency"] = seen.frequency
    return seen.logits, maps


def grad_cam(model: nn.Module, images: Tensor, region: Tensor | None = None) -> dict[str, Tensor]:
    """For each map of `intermediates`, where it speaks for lesion in a region.

        CAM = ReLU( sum_c alpha_c A_c ),   alpha_c = mean over positions of dy / dA_c,   y = sum of the region's logits

    Over all pixels this is Grad-CAM, over a chosen region Seg-Grad-CAM. The gradients are those of the named tensors
    themselves. The network is in eval mode meanwhile; its parameters, their gradients and its modes are left alone.

    Convention: dy / dA is the whole derivative: a stage's map also acts through the stages behind it.
    Convention: on the map's own grid and in its own units, neither enlarged nor scaled to 1, so that maps of one
    network compare; between networks compare only shapes.
    Convention: each image has its own region and its own weights; images of one batch do not mix.

    Args:
        model: maps normalised images to an output with `logits` (b 1 h w) and `features`.
        images: normalised, (b 3 h w).
        region: bool or weights (b 1 h w), not empty in any image; None is every pixel.

    Returns:
        by name, float (b 1 h' w'), 0 or more.

    Raises:
        InputError: a region of another shape or empty, or a network that shows no intermediates.

    Source: Selvaraju et al. (ICCV 2017); for segmentation, Vinogradova, Dibrov and Myers (AAAI 2020).
    """
    shape = (len(images), 1, *images.shape[2:])
    region = torch.ones(shape, device=images.device) if region is None else region.to(images.dtype)
    if region.shape != shape:
        raise InputError(f"a region of shape {tuple(region.shape)} does not fit; give one mask an image, {shape}")
    empty = [i for i, mask in enumerate(region) if not mask.any()]
    if empty:
        raise InputError(f"the region of image {empty[0]} is empty; choose pixels, or leave the image out")
    with modes(model), torch.enable_grad():
        logits, maps = intermediates(model, images.detach().requires_grad_())
        if not maps:
            raise InputError(
                "the network shows no intermediates (its `features` are empty); choose MMSNet or SegFormer"
            )
        gradients = torch.autograd.grad((logits * region).sum(), list(maps.values()))
    weights = [gradient.mean((2, 3), keepdim=True) for gradient in gradients]
    return {
        name: (weight * each.detach()).sum(1, keepdim=True).relu()
        for (name, each), weight in zip(maps.items(), weights, strict=True)
    }
