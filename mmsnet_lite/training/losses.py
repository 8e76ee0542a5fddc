"""The loss: binary cross-entropy plus soft IoU, the sum that EVP trains with at 352 px."""

import torch.nn.functional as F
from torch import Tensor


def soft_iou_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """One minus the soft IoU of each image, averaged:  1 - (sum p m + 1) / (sum (p + m - p m) + 1).

    The added pixel keeps an empty mask finite: the loss is then 0 for an empty prediction and grows towards 1.

    Args:
        logits: (b 1 h w).
        masks: (b 1 h w) float of 0 and 1.
    """
    p = logits.sigmoid()
    intersection = (p * masks).sum((1, 2, 3))
    union = (p + masks - p * masks).sum((1, 2, 3))
    return (1 - (intersection + 1) / (union + 1)).mean()


def segmentation_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Mean binary cross-entropy plus `soft_iou_loss`; arguments as there."""
    return F.binary_cross_entropy_with_logits(logits, masks) + soft_iou_loss(logits, masks)
