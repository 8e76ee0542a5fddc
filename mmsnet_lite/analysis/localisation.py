"""Does a network look at the lesion, and does it draw a sharp edge? Figures for what activation maps are shown for."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset

from mmsnet_lite.analysis.activation import grad_cam
from mmsnet_lite.analysis.detection import auroc, boundary_distance
from mmsnet_lite.data import Mix, normalise


def cam_auroc(cam: Tensor, masks: Tensor) -> list[float]:
    """For each image the probability that an activation map is higher on a lesion's pixel than beside it.

    Args:
        cam: (b 1 h' w'), enlarged bilinearly to the masks' size.
        masks: (b 1 h w), bool or 0 and 1.

    Returns:
        0..1, 0.5 for a map that knows nothing; nan for an image without lesion, or all lesion.
    """
    enlarged = F.interpolate(cam, size=masks.shape[2:], mode="bilinear")
    return [auroc(image, mask.bool()) for image, mask in zip(enlarged, masks, strict=True)]


def boundary_iou(predictions: Tensor, masks: Tensor, radius: float = 2) -> list[float]:
    """For each image the IoU of the two inner rims: the lesion's pixels within `radius` of its boundary.

    Convention: 1 where both are empty, as for `image_metrics`.

    Args:
        predictions, masks: (b 1 h w), bool or 0 and 1.
        radius: width of the rim in pixels, see `boundary_distance`.

    Source: Cheng et al., "Boundary IoU" (CVPR 2021).
    """
    rims = [each.bool() & (boundary_distance(each) <= radius) for each in (predictions, masks)]
    both, either = ((rims[0] & rims[1]).sum((1, 2, 3)), (rims[0] | rims[1]).sum((1, 2, 3)))
    return torch.where(either > 0, both / either.clamp(min=1), 1.0).tolist()


def edge_width(probabilities: Tensor) -> list[float]:
    """For each image the width of the predicted edge in pixels: those between 0.1 and 0.9, a pixel of the contour.

    Args:
        probabilities: (b 1 h w), 0..1.

    Returns:
        0 or more; nan for an image without contour, where nothing or everything is called lesion.
    """
    blurred = ((probabilities > 0.1) & (probabilities < 0.9)).sum((1, 2, 3))
    contour = (boundary_distance(probabilities >= 0.5) <= 1).sum((1, 2, 3)) / 2  # pixels of both sides touch it
    return torch.where(contour > 0, blurred / contour, torch.nan).tolist()


def localisation(model: nn.Module, mix: Mix, batch: int = 16) -> dict[str, dict[str, float]]:
    """Judge where a network looks and how sharp its edges are, on every image of a mix.

    Args:
        model: maps normalised images to an output with `logits` (b 1 h w); see `grad_cam`.
        mix: images and masks.
        batch: images at a time.

    Returns:
        by modality, means over its images: `cam_auroc` of each map of `intermediates` (none for a network that shows
        none), "boundary IoU" and "edge width"; without what no image has.
    """
    return {
        modality: _of_images(model, mix, [i for i, label in enumerate(mix.labels) if label == modality], batch)
        for modality in mix.modalities
    }


def _of_images(model: nn.Module, mix: Mix, indices: Sequence[int], batch: int) -> dict[str, float]:
    device = next(model.parameters()).device
    found: dict[str, list[float]] = {}
    model.eval()
    for samples in DataLoader(Subset(mix, indices), batch_size=batch):
        images, masks = normalise(samples["image"].to(device)), samples["mask"]
        with torch.no_grad():
            output = model(images)
        probabilities = output.logits.sigmoid().cpu()
        figures = {
            "boundary IoU": boundary_iou(probabilities >= 0.5, masks),
            "edge width": edge_width(probabilities),
        }
        if output.features:
            figures |= {name: cam_auroc(cam.cpu(), masks) for name, cam in grad_cam(model, images).items()}
        for name, values in figures.items():
            found.setdefault(name, []).extend(values)
    means = {name: float(torch.tensor(values).nanmean()) for name, values in found.items()}
    return {name: mean for name, mean in means.items() if not math.isnan(mean)}
