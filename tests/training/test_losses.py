"""The loss by hand, and on the masks that break naive ones."""

import pytest
import torch
from torch.testing import assert_close

from mmsnet_lite.training import segmentation_loss, soft_iou_loss


def test_soft_iou_by_hand():
    logits = torch.tensor([[[[0.0, 40.0], [-40.0, 40.0]]]])  # probabilities 0.5 1 / 0 1
    masks = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])
    assert_close(soft_iou_loss(logits, masks), torch.tensor(1 - 2.5 / 4))  # (1.5 + 1) / (3 + 1)


def test_cross_entropy_is_the_other_half():
    logits, masks = torch.randn(2, 1, 8, 8), (torch.rand(2, 1, 8, 8) > 0.5).float()
    p = logits.sigmoid()
    entropy = -(masks * p.log() + (1 - masks) * (1 - p).log()).mean()
    assert_close(segmentation_loss(logits, masks), entropy + soft_iou_loss(logits, masks))


@pytest.mark.parametrize("mask", [0.0, 1.0])
@pytest.mark.parametrize("logit", [-60.0, 0.0, 60.0])
def test_empty_and_full_masks_stay_finite(mask, logit):
    logits = torch.full((2, 1, 8, 8), logit, requires_grad=True)
    loss = segmentation_loss(logits, torch.full((2, 1, 8, 8), mask))
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


def test_empty_prediction_of_an_empty_mask_is_right():
    assert soft_iou_loss(torch.full((1, 1, 8, 8), -60.0), torch.zeros(1, 1, 8, 8)) < 1e-6
