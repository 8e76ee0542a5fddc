"""Metrics against MONAI's and torchmetrics', and the conventions."""

import pytest
import torch
from monai.metrics import DiceMetric, MeanIoU
from torch.testing import assert_close
from torchmetrics.regression import MeanAbsoluteError

from mmsnet_lite.training import Evaluation, ImageScore, image_metrics


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 1, 16, 16, generator=generator)
    return logits, (torch.rand(6, 1, 16, 16, generator=generator) > 0.6).float()


def test_dsc_and_iou_equal_monai(batch):
    logits, masks = batch
    ours = image_metrics(logits, masks)
    predicted = (logits >= 0).float()
    assert_close(ours[:, 0], DiceMetric()(predicted, masks)[:, 0].double(), atol=1e-6, rtol=0)
    assert_close(ours[:, 1], MeanIoU()(predicted, masks)[:, 0].double(), atol=1e-6, rtol=0)


def test_mae_equals_torchmetrics(batch):
    logits, masks = batch
    theirs = MeanAbsoluteError()(logits.sigmoid(), masks)
    assert_close(image_metrics(logits, masks)[:, 2].mean(), theirs.double(), atol=1e-6, rtol=0)


def test_convention_probability_of_one_half_is_foreground():
    assert_close(image_metrics(torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4))[0, 0].item(), 1.0)


def test_convention_empty_masks():
    nothing, something = torch.full((1, 1, 4, 4), -9.0), torch.full((1, 1, 4, 4), 9.0)
    empty, full = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    assert image_metrics(nothing, empty)[0, :2].tolist() == [1, 1]
    assert image_metrics(something, empty)[0, :2].tolist() == [0, 0]
    assert image_metrics(nothing, full)[0, :2].tolist() == [0, 0]


def test_convention_mae_is_on_probabilities():
    logits = torch.full((1, 1, 4, 4), torch.logit(torch.tensor(0.8)).item())
    assert image_metrics(logits, torch.ones(1, 1, 4, 4))[0, 2].item() == pytest.approx(0.2, abs=1e-6)


def test_convention_mean_is_over_modalities():
    scores = [ImageScore(str(i), "a", "eye", 1.0, 1.0, 0.0) for i in range(3)]
    scores += [ImageScore("3", "b", "skin", 0.5, 0.4, 0.2), ImageScore("4", "c", "skin", 0.3, 0.2, 0.4)]
    evaluation = Evaluation(tuple(scores))
    assert evaluation.by("dataset")["c"] == {"n": 1, "dsc": 0.3, "iou": 0.2, "mae": 0.4}
    assert evaluation.by("modality")["skin"]["dsc"] == pytest.approx(0.4)
    assert evaluation.mean["dsc"] == pytest.approx(0.7)
    lines = evaluation.table().splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["a", "b", "c", "all", "all", "mean"]
    assert "0.700" in lines[-1]
