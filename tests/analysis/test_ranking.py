"""Risk and coverage by brute force, ranks against SciPy."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch.testing import assert_close

from mmsnet_lite.analysis import image_uncertainty, risk_coverage, spearman
from mmsnet_lite.errors import InputError


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


def test_bad_input_is_named():
    for function in (risk_coverage, spearman):
        with pytest.raises(InputError, match="do not pair"):
            function(torch.rand(3), torch.rand(4))
        with pytest.raises(InputError, match="do not pair"):
            function(torch.rand(0), torch.rand(0))
        with pytest.raises(InputError, match="not finite"):
            function(torch.tensor([0.0, math.nan]), torch.rand(2))
