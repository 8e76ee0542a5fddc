"""Curves against torchmetrics and brute force; distances, ranks and regions against SciPy; planted predictions."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_dilation, distance_transform_edt, label
from scipy.stats import spearmanr
from torch.testing import assert_close
from torchmetrics.functional.classification import binary_auroc, binary_average_precision

from mmsnet_lite.analysis.detection import (
    auroc,
    average_precision,
    boundary_distance,
    disputed,
    error_detection,
    image_uncertainty,
    risk_coverage,
    spearman,
)
from mmsnet_lite.errors import InputError


@pytest.mark.parametrize("levels", [2, 7, 10_000])  # many ties, some, hardly any
def test_areas_are_those_of_torchmetrics(levels):
    generator = torch.Generator().manual_seed(levels)
    errors = torch.rand(4, 1, 20, 20, generator=generator) < 0.2
    scores = ((torch.rand(errors.shape, generator=generator) + 0.4 * errors) * levels).floor() / (1.4 * levels)
    assert_close(auroc(scores, errors), float(binary_auroc(scores, errors.int())), atol=1e-6, rtol=0)
    expected = float(binary_average_precision(scores, errors.int()))
    assert_close(average_precision(scores, errors), expected, atol=1e-6, rtol=0)


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


def test_images_without_a_boundary_have_no_pixel_near_it():
    empty = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    seen = error_detection({"any": torch.rand(1, 1, 8, 8)}, disc(2, 8), empty)["any"]
    assert math.isnan(seen.auprc)
    assert math.isnan(seen.share)
    assert 0 <= seen.auroc <= 1


def test_ties_count_as_the_mean_of_all_their_orders():
    """Convention: items of equal uncertainty enter in equal parts: the mean over every way to break the ties."""
    uncertainty, loss = np.array([2, 1, 2, 0, 1]), np.array([0.9, 0.1, 0.3, 0.2, 0.5])
    curves = [
        np.cumsum(loss[list(order)]) / np.arange(1, 6)
        for order in itertools.permutations(range(5))
        if (np.diff(uncertainty[list(order)]) >= 0).all()
    ]
    assert len(curves) == 4
    seen = risk_coverage(torch.tensor(uncertainty), torch.tensor(loss))
    assert_close(seen.risk.numpy(), np.mean(curves, axis=0))
    assert_close(seen.coverage.numpy(), np.arange(1, 6) / 5)
    assert seen.area == pytest.approx(np.mean(curves))


def test_the_best_the_useless_and_the_worst():
    loss = torch.rand(200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    best, useless, worst = (risk_coverage(u, loss) for u in (loss, torch.zeros(200), -loss))
    assert best.area < useless.area < worst.area
    assert_close(useless.risk, loss.mean().expand(200))
    assert (best.risk.diff() >= 0).all()
    for curve in (best, worst):
        assert float(curve.risk[-1]) == pytest.approx(float(loss.mean()))


@pytest.mark.parametrize("levels", [3, 1000])
def test_rank_correlation_is_scipys(levels):
    generator = torch.Generator().manual_seed(levels)
    a = (torch.rand(60, generator=generator) * levels).floor()
    b = ((torch.rand(60, generator=generator) - a / levels) * 10).floor()
    assert spearman(a, b) == pytest.approx(spearmanr(a.numpy(), b.numpy()).statistic)
    assert spearman(a, a**3) == pytest.approx(1)
    assert math.isnan(spearman(a, torch.ones(60)))


def test_an_images_uncertainty_is_per_pixel_of_lesion():
    """Convention: twice the doubt on four times the lesion is half as bad; no lesion divides by 1."""
    maps, predictions = torch.zeros(3, 1, 8, 8), torch.zeros(3, 1, 8, 8, dtype=torch.bool)
    predictions[0, :, :2, :2] = predictions[1, :, :4, :4] = True
    maps[0, 0, 4, :4] = maps[1, 0, 5] = maps[2, 0, 6, :2] = 0.5
    assert_close(image_uncertainty(maps, predictions), torch.tensor([0.5, 0.25, 1.0], dtype=torch.float64))


@pytest.mark.parametrize("function", [auroc, average_precision, risk_coverage, spearman])
def test_bad_input_is_named(function):
    with pytest.raises(InputError, match="do not pair"):
        function(torch.rand(3), torch.rand(4))
    with pytest.raises(InputError, match="not finite"):
        function(torch.tensor([0.0, math.nan]), torch.ones(2))


def maps(*shape):
    return torch.zeros(shape), torch.zeros(shape, dtype=torch.bool), torch.zeros(shape, dtype=torch.bool)


def test_planted_regions_are_told_apart():
    doubt, prediction, truth = maps(1, 1, 20, 20)
    truth[..., 2:8, 2:8] = prediction[..., 2:8, 2:7] = True
    doubt[..., 2:8, 6:9] = 0.6  # the rim: found, missed and rejected, 6 pixels each
    doubt[..., 12:14, 12:15] = 0.6  # a region apart: rejected, 6 pixels
    doubt[..., 17:19, 2:4] = 0.4  # not uncertain enough
    seen = disputed(doubt, prediction, truth, threshold=0.6)
    assert seen.uncertain == 24 / 400
    assert (seen.found, seen.missed, seen.rejected, seen.invented) == (0.25, 0.25, 0.5, 0.0)
    assert (seen.regions, seen.rejected_regions, seen.rejected_area) == (2, 0.5, 0.25)


def test_a_region_that_touches_the_lesion_is_its_rim():
    """Convention: eight neighbours, in what touches and in what is one region."""
    doubt, prediction, truth = maps(1, 1, 9, 9)
    prediction[..., 2, 2] = True
    doubt[..., 3, 3] = doubt[..., 4, 4] = 1.0  # one region, by a corner; touches the prediction, by a corner
    doubt[..., 7, 7] = 1.0
    seen = disputed(doubt, prediction, truth, threshold=0.5)
    assert (seen.regions, seen.rejected_regions, seen.rejected_area) == (2, 0.5, 1 / 3)


def test_random_maps_agree_with_scipy():
    generator = torch.Generator().manual_seed(0)
    doubt = torch.rand(4, 1, 40, 30, generator=generator)
    prediction, truth = (torch.rand(4, 1, 40, 30, generator=generator) < 0.02 for _ in range(2))
    seen = disputed(doubt, prediction, truth, threshold=0.8)
    regions, alone, area = 0, 0, 0
    for u, lesion in zip(doubt[:, 0].numpy() >= 0.8, (prediction | truth)[:, 0].numpy(), strict=True):
        labels, count = label(u, np.ones((3, 3)))
        near = binary_dilation(lesion, np.ones((3, 3)))
        clear = [i for i in range(1, count + 1) if not near[labels == i].any()]
        regions, alone, area = regions + count, alone + len(clear), area + int(np.isin(labels, clear).sum())
    assert 0 < alone < regions
    assert (seen.regions, seen.rejected_regions) == (regions, pytest.approx(alone / regions))
    assert seen.rejected_area == pytest.approx(area / float((doubt >= 0.8).sum()))
    assert seen.rejected + seen.missed + seen.found + seen.invented == pytest.approx(1)


def test_no_doubt_has_no_shares():
    seen = disputed(*maps(1, 1, 5, 5), threshold=0.1)
    assert (seen.uncertain, seen.regions) == (0, 0)
    assert math.isnan(seen.rejected)
    assert math.isnan(seen.rejected_regions)


def test_maps_of_different_shapes_are_refused():
    doubt, prediction, truth = maps(1, 1, 5, 5)
    with pytest.raises(InputError, match="do not pair"):
        disputed(doubt, prediction[..., :4], truth, threshold=0.1)
