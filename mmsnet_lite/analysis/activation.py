"""Where a network looks (Grad-CAM, Seg-Grad-CAM; no hooks), whether that is the lesion, and how sharp its edge is."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsnet_lite.analysis.detection import auroc, boundary_distance
from mmsnet_lite.analysis.modes import batches, modes
from mmsnet_lite.data import Mix, normalise
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

    Over all pixels this is Grad-CAM, over a chosen region Seg-Grad-CAM. The network is in eval mode meanwhile; its
    parameters, their gradients and its modes are left alone.

    Convention: dy / dA is the whole derivative: a stage's map also acts through the stages behind it.
    Convention: on the map's own grid and in its own units, neither enlarged nor scaled to 1, so that maps of one
    network compare; between networks compare only shapes.
    Convention: each image has its own region and its own weights; images of one batch do not mix.

    Args:
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
            raise InputError("the network shows no intermediates; choose one that does, such as MMSNet or SegFormer")
        gradients = torch.autograd.grad((logits * region).sum(), list(maps.values()))
    weights = [gradient.mean((2, 3), keepdim=True) for gradient in gradients]
    return {
        name: (weight * each.detach()).sum(1, keepdim=True).relu()
        for (name, each), weight in zip(maps.items(), weights, strict=True)
    }


def cam_auroc(cam: Tensor, masks: Tensor) -> list[float]:
    """For each image the probability that an activation map is higher on a lesion's pixel than beside it.

    Maps (b 1 h' w') are enlarged bilinearly to the masks' size (b 1 h w). 0..1, 0.5 for a map that knows nothing; nan
    for an image without lesion, or all lesion.
    """
    enlarged = F.interpolate(cam, size=masks.shape[2:], mode="bilinear")
    return [auroc(image, mask.bool()) for image, mask in zip(enlarged, masks, strict=True)]


def boundary_iou(predictions: Tensor, masks: Tensor, radius: float = 2) -> list[float]:
    """For each image the IoU of the two inner rims: the lesion's pixels within `radius` pixels of its boundary.

    Convention: 1 where both are empty, as for `image_metrics`.

    Source: Cheng et al., "Boundary IoU" (CVPR 2021).
    """
    ours, theirs = (each.bool() & (boundary_distance(each) <= radius) for each in (predictions, masks))
    both, either = (ours & theirs).sum((1, 2, 3)), (ours | theirs).sum((1, 2, 3))
    return torch.where(either > 0, both / either.clamp(min=1), 1.0).tolist()


def edge_width(probabilities: Tensor) -> list[float]:
    """For each of probabilities (b 1 h w) the edge's width: pixels between 0.1 and 0.9, for each of the contour.

    0 or more; nan for an image without contour, where nothing or everything is called lesion.
    """
    blurred = ((probabilities > 0.1) & (probabilities < 0.9)).sum((1, 2, 3))
    contour = (boundary_distance(probabilities >= 0.5) <= 1).sum((1, 2, 3)) / 2  # pixels of both sides touch it
    return torch.where(contour > 0, blurred / contour, torch.nan).tolist()


def localisation(model: nn.Module, mix: Mix, batch: int = 16) -> dict[str, dict[str, float]]:
    """Judge where a network looks and how sharp its edges are, on every image of a mix, `batch` at a time.

    Returns:
        by modality, means over its images: `cam_auroc` of each map of `intermediates` (none for a network that shows
        none), "boundary IoU" and "edge width"; without what no image has.
    """
    table = {}
    for modality in mix.modalities:
        found: dict[str, list[float]] = {}
        for pixels, masks in batches(model, mix, batch, modality):
            images = normalise(pixels)
            with torch.no_grad(), modes(model):
                output = model(images)
            p = output.logits.sigmoid()
            figures = {"boundary IoU": boundary_iou(p >= 0.5, masks), "edge width": edge_width(p)}
            if output.features:
                figures |= {name: cam_auroc(cam, masks) for name, cam in grad_cam(model, images).items()}
            for name, values in figures.items():
                found.setdefault(name, []).extend(values)
        means = {name: torch.tensor(values).nanmean() for name, values in found.items()}
        table[modality] = {name: mean.item() for name, mean in means.items() if not mean.isnan()}
    return table
