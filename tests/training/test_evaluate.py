"""Evaluation over a mix: any batch size, network size and original size."""

import cv2
import numpy as np
import pytest
import torch
from small import write_dataset
from torch import nn
from torch.testing import assert_close

from mmsnet_lite import SegmentationOutput
from mmsnet_lite.data import Mix, folder_parts, mixlite_parts, read_image, read_mask
from mmsnet_lite.errors import InputError
from mmsnet_lite.training import evaluate, image_metrics, predict_image, probability_metrics
from mmsnet_lite.training.scores import ImageScore


class Bright(nn.Module):
    """Calls bright pixels lesion: no arithmetic between pixels or images, so batches cannot matter."""

    def __init__(self):
        super().__init__()
        self.level = nn.Parameter(torch.tensor(0.3))

    def forward(self, x):
        return SegmentationOutput(4 * (x.mean(1, keepdim=True) - self.level), ())


def values(score: ImageScore):
    return torch.tensor([score.dsc, score.iou, score.mae, score.mae_binary], dtype=torch.float64)


@pytest.mark.parametrize("batch", [1, 2, 3, 8])
@pytest.mark.parametrize("original", [False, True])
def test_any_batch_size_gives_the_very_same_scores(root, batch, original):
    mix, model = Mix(folder_parts(root, ["left", "right"], "train"), 32), Bright().train()
    whole = evaluate(model, mix, batch=len(mix), original=original)
    assert model.training
    assert [(s.dataset, s.stem) for s in whole.images] == [(sample["dataset"], sample["stem"]) for sample in mix]
    for a, b in zip(whole.images, evaluate(model, mix, batch=batch, original=original).images, strict=True):
        assert (a.stem, a.dataset, a.dsc, a.iou, a.area) == (b.stem, b.dataset, b.dsc, b.iou, b.area)
        assert_close(values(a), values(b), atol=1e-12, rtol=0)


def test_scores_at_network_size_are_those_of_each_image(root):
    mix, model = Mix(folder_parts(root, ["left"], "test"), 32), Bright().eval()
    for sample, score in zip(mix, evaluate(model, mix).images, strict=True):
        logits = model((sample["image"][None] / 255 - MEAN) / STD).logits
        assert_close(values(score), image_metrics(logits, sample["mask"][None])[0], atol=1e-6, rtol=0)
        assert score.area == sample["mask"].float().mean().item()
        assert (score.height, score.width) == (32, 32)


MEAN, STD = (
    torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
)  # ImageNet's, written down once more


def test_at_original_size_the_scores_are_those_of_predict_image(root):
    """masks/ have their images' size here, 64 px; the network works at 32."""
    mix, model = Mix(folder_parts(root, ["left"], "test"), 32), Bright().eval()
    for score in evaluate(model, mix, original=True).images:
        image = read_image(root / "left/images" / f"{score.stem}.png")
        truth = read_mask(root / "left/masks" / f"{score.stem}.png")
        probability = torch.from_numpy(predict_image(model, image, 32)).double()
        want = probability_metrics(probability[None, None], torch.from_numpy(truth)[None, None])[0]
        assert_close(values(score), want, atol=1e-12, rtol=0)
        assert (score.height, score.width, score.area) == (64, 64, truth.mean())


def test_masks_original_are_used_where_they_are(tmp_path):
    folder = write_dataset(tmp_path, "left")
    (folder / "masks_original").mkdir()
    for stem in ("e", "f"):
        mask = np.zeros((100, 150), np.uint8)
        mask[20:50, 30:90] = 255
        cv2.imwrite(str(folder / "masks_original" / f"{stem}.png"), mask)
    mix = Mix(folder_parts(tmp_path, ["left"], "test"), 32)
    for score in evaluate(Bright(), mix, original=True).images:
        assert (score.height, score.width, score.area) == (100, 150, pytest.approx(30 * 60 / 15000))
    (folder / "masks_original/f.png").unlink()
    with pytest.raises(InputError, match=r"masks_original/f\.png does not exist"):
        evaluate(Bright(), mix, original=True)


def test_mixlite_is_drawn_at_the_size_of_the_mix():
    mix = Mix(mixlite_parts("test", 64, counts={"test": 1}), 64)
    near, far = (evaluate(Bright(), mix, original=original) for original in (False, True))
    for a, b in zip(near.images, far.images, strict=True):
        assert_close(values(a), values(b), atol=1e-6, rtol=0)
        assert (a.area, a.height, a.width) == (b.area, b.height, b.width)
