"""Curves against torchmetrics, distances against SciPy, and the controls on a planted prediction."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt
from torch.testing import assert_close
from torchmetrics.functional.classification import binary_auroc, binary_average_precision

from mmsnet_lite.analysis import auroc, average_precision, boundary_distance, error_detection
from mmsnet_lite.errors import InputError


@pytest.mark.parametrize("levels", [2, 7, 10_000])  # many ties, some, hardly any
def test_areas_are_those_of_torchmetrics(levels):
    generator = torch.Generator().manual_seed(levels)
    errors = torch.rand(4, 1, 20, 20, generator=generator) < 0.2
    scores = ((torch.rand(errors.shape, generator=generator) + 0.4 * errors) * levels).floor() / (1.4 * levels)
    assert_close(auroc(scores, errors), float(binary_auroc(scores, errors.int())), atol=1e-6, rtol=0)
    expected = float(binary_average_precision(scores, errors.int()))
    assert_close(average_precision(scores, errors), expected, atol=1e-6, rtol=0)


def test_areas_of_what_is_known():
    errors = torch.tensor([True, False, True, False])
    assert auroc(torch.tensor([4.0, 3, 2, 1]), errors) == 0.75
    assert average_precision(torch.tensor([4.0, 3, 2, 1]), errors) == (1 + 2 / 3) / 2
    assert auroc(torch.ones(4), errors) == 0.5
    assert average_precision(torch.ones(4), errors) == 0.5


def test_one_sort_of_pixel_has_no_area():
    assert math.isnan(auroc(torch.rand(5), torch.zeros(5, dtype=torch.bool)))
    assert math.isnan(auroc(torch.rand(5), torch.ones(5, dtype=torch.bool)))
    assert math.isnan(average_precision(torch.rand(5), torch.zeros(5, dtype=torch.bool)))


def test_boundary_distance_is_scipys_and_starts_at_one():
    """Convention: 1 for pixels that touch the boundary; infinite without one."""
    masks = (
        torch.rand(3, 1, 30, 41, generator=torch.Generator().manual_seed(0))
        < torch.tensor([0.02, 0.5, 0.98])[:, None, None, None]
    )
    for mask, ours in zip(masks[:, 0].numpy(), boundary_distance(masks)[:, 0].numpy(), strict=True):
        expected = distance_transform_edt(mask) + distance_transform_edt(~mask)
        assert (ours == expected.astype(np.float32)).all()  # to the last digit, so that equal distances are ties
        assert ours.min() == 1
    plain = torch.stack([torch.zeros(1, 4, 4), torch.ones(1, 4, 4)])
    assert boundary_distance(plain).isinf().all()


def disc(radius, size=64):
    y, x = torch.meshgrid(*[torch.arange(size) - size / 2] * 2, indexing="ij")
    return (torch.hypot(x, y) < radius)[None, None]


def test_the_radius_is_inclusive_and_around_the_truth():
    """Convention: near is a distance of at most the radius to the true boundary."""
    truth, prediction = disc(20), disc(23)
    wrong = truth != prediction
    seen = error_detection({"constant": torch.zeros(1, 1, 64, 64)}, prediction, truth, radius=3)["constant"]
    near = boundary_distance(truth) <= 3
    assert seen.share == pytest.approx(float((wrong & near).sum() / near.sum()))
    assert seen.auprc == pytest.approx(seen.share)
    assert seen.auroc == 0.5


def test_distance_to_the_boundary_does_well_overall_and_a_better_score_beats_it_near():
    """Why there are two figures: where the boundary is does not say on which part of it the prediction is wrong."""
    truth = disc(20)
    prediction = truth.clone()
    prediction[..., :30, :] = disc(23)[..., :30, :]  # wrong along the upper half of the rim
    errors = truth != prediction
    distance = -boundary_distance(prediction)
    scores = {"distance": distance, "knows the half": distance + 2.0 * (torch.arange(64) < 30).view(1, 1, 64, 1)}
    seen = error_detection(scores, prediction, truth)
    assert seen["distance"].auroc > 0.9
    assert seen["knows the half"].auprc > 1.5 * seen["distance"].auprc
    assert seen["distance"].share == pytest.approx(float(errors[boundary_distance(truth) <= 8].float().mean()))


def test_bad_input_is_named():
    with pytest.raises(InputError, match="differ"):
        auroc(torch.zeros(3), torch.zeros(4, dtype=torch.bool))
    with pytest.raises(InputError, match="not finite"):
        auroc(torch.tensor([0.0, math.inf]), torch.tensor([True, False]))


def test_images_without_a_boundary_have_no_pixel_near_it():
    empty = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    seen = error_detection({"any": torch.rand(1, 1, 8, 8)}, disc(2, 8), empty)["any"]
    assert math.isnan(seen.auprc)
    assert math.isnan(seen.share)
    assert 0 <= seen.auroc <= 1
