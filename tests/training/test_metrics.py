"""Metrics of single images against MONAI's and torchmetrics', on random and degenerate masks, and the conventions."""

import pytest
import torch
from monai.metrics import DiceMetric, MeanIoU
from torch.testing import assert_close
from torchmetrics.functional.classification import binary_f1_score, binary_hamming_distance, binary_jaccard_index
from torchmetrics.regression import MeanAbsoluteError

from mmsnet_lite.training import METRICS, image_metrics

EMPTY, FULL = torch.zeros(1, 16, 16), torch.ones(1, 16, 16)
POINT, OTHER, HALF = EMPTY.clone(), EMPTY.clone(), EMPTY.clone()
POINT[0, 3, 4], OTHER[0, 9, 9], HALF[0, :8] = 1, 1, 1
SHAPES = (EMPTY, FULL, POINT, OTHER, HALF)


def random_pairs(n=12):
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(n, 1, 16, 16, generator=generator)
    share = torch.linspace(0.05, 0.95, n).view(-1, 1, 1, 1)
    return logits, (torch.rand(n, 1, 16, 16, generator=generator) < share).float()


def degenerate_pairs():
    """Every pair of empty, full, one pixel, another pixel and half."""
    pairs = [(18 * p - 9, m) for p in SHAPES for m in SHAPES]
    return tuple(torch.stack(part) for part in zip(*pairs, strict=True))


@pytest.fixture(params=[random_pairs, degenerate_pairs], ids=["random", "degenerate"])
def pairs(request):
    return request.param()


def assert_near(ours, theirs):
    assert_close(ours, theirs.double(), atol=1e-6, rtol=0)


def test_dsc_and_iou_equal_monai(pairs):
    """Policy: MONAI leaves images with an empty mask out unless told `ignore_empty=False`; then it does as we do."""
    logits, masks = pairs
    ours, predicted = image_metrics(logits, masks), (logits >= 0).float()
    assert_near(ours[:, 0], DiceMetric(ignore_empty=False)(predicted, masks)[:, 0])
    assert_near(ours[:, 1], MeanIoU(ignore_empty=False)(predicted, masks)[:, 0])


def test_dsc_and_iou_equal_torchmetrics(pairs):
    """Policy: 0 / 0, where both masks are empty, is `zero_division=1`."""
    logits, masks = pairs
    ours, probability = image_metrics(logits, masks), logits.sigmoid()
    for row, p, mask in zip(ours, probability, masks.int(), strict=True):
        assert_near(row[0], binary_f1_score(p, mask, zero_division=1.0))
        assert_near(row[1], binary_jaccard_index(p, mask, zero_division=1.0))


def test_both_mae_equal_torchmetrics(pairs):
    logits, masks = pairs
    ours, probability = image_metrics(logits, masks), logits.sigmoid()
    for row, p, mask in zip(ours, probability, masks, strict=True):
        assert_near(row[2], MeanAbsoluteError()(p, mask))
        assert_near(row[3], binary_hamming_distance(p, mask.int()))


def test_any_partition_into_batches_gives_the_same_numbers():
    logits, masks = random_pairs(24)
    whole, generator = image_metrics(logits, masks), torch.Generator().manual_seed(1)
    for _ in range(20):
        cuts = torch.randperm(23, generator=generator)[:5].sort().values + 1
        parts = [image_metrics(*pair) for pair in zip(*(t.tensor_split(cuts) for t in (logits, masks)), strict=True)]
        assert_close(torch.cat(parts), whole, atol=1e-12, rtol=0)
        assert torch.equal(torch.cat(parts)[:, :2], whole[:, :2])


def test_convention_probability_of_one_half_is_foreground():
    assert_close(image_metrics(torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4))[0, 0].item(), 1.0)


def test_convention_empty_masks():
    nothing, something = 18 * EMPTY[None] - 9, 18 * FULL[None] - 9
    assert image_metrics(nothing, EMPTY[None])[0, :2].tolist() == [1, 1]
    assert image_metrics(something, EMPTY[None])[0, :2].tolist() == [0, 0]
    assert image_metrics(nothing, FULL[None])[0, :2].tolist() == [0, 0]


def test_convention_one_mae_is_on_probabilities_and_one_on_masks():
    logits = torch.full((1, 1, 4, 4), torch.logit(torch.tensor(0.8)).item())
    scores = dict(zip(METRICS, image_metrics(logits, torch.ones(1, 1, 4, 4))[0].tolist(), strict=True))
    assert scores["mae"] == pytest.approx(0.2, abs=1e-6)
    assert scores["mae_binary"] == 0
