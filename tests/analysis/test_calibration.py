"""Calibration error against torchmetrics and a planted miscalibration; temperature against SciPy and a known one."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from torch.testing import assert_close
from torchmetrics.functional.classification import binary_calibration_error

from mmsnet_lite.analysis import fit_temperature, reliability
from mmsnet_lite.errors import InputError


def draw(n, seed=0, temperature=1.0):
    """Logits that are `temperature` times too sure, and outcomes."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, generator=generator, dtype=torch.float64) * 2
    return logits * temperature, torch.rand(n, generator=generator) < logits.sigmoid()


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_the_error_is_that_of_torchmetrics(bins):
    logits, outcomes = draw(5000, temperature=3.0)
    ours = reliability(logits.sigmoid(), outcomes, bins).error
    assert_close(
        ours, float(binary_calibration_error(logits.sigmoid(), outcomes.int(), n_bins=bins)), atol=1e-6, rtol=0
    )


def test_the_diagram_is_that_of_a_loop():
    logits, outcomes = draw(300)
    p, y = logits.sigmoid().numpy(), outcomes.numpy()
    seen = reliability(logits.sigmoid(), outcomes, 40)
    for i in range(40):
        inside = (p >= i / 40) & (p < (i + 1) / 40)
        assert seen.share[i] == pytest.approx(inside.mean())
        if inside.any():
            assert seen.probability[i] == pytest.approx(p[inside].mean())
            assert seen.frequency[i] == pytest.approx(y[inside].mean())
        else:
            assert math.isnan(seen.probability[i])
            assert math.isnan(seen.frequency[i])


def test_bins_are_half_open_and_of_the_probability_of_lesion():
    """Convention: 0.5 belongs to the upper half, 1 to the last bin, and 0.1 is not taken for a confidence of 0.9."""
    p, y = torch.tensor([0.0, 0.1, 0.5, 1.0]), torch.tensor([0, 0, 1, 1])
    seen = reliability(p, y, 2)
    assert seen.share == (0.5, 0.5)
    assert seen.frequency == (0, 1)
    assert seen.probability == pytest.approx((0.05, 0.75))
    assert seen.error == pytest.approx(0.5 * 0.05 + 0.5 * 0.25)


def test_temperature_is_scipys_minimum():
    logits, outcomes = draw(4000, seed=1, temperature=1.7)
    z, y = logits.numpy(), outcomes.numpy()

    def cross_entropy(log_t):
        scaled = z / np.exp(log_t)
        return np.mean(np.logaddexp(0, scaled) - y * scaled)

    expected = np.exp(minimize_scalar(cross_entropy, bounds=(-3, 3), method="bounded", options={"xatol": 1e-10}).x)
    assert fit_temperature(logits, outcomes) == pytest.approx(expected, rel=1e-4)


def test_temperature_undoes_a_planted_one_on_other_images():
    fitted = fit_temperature(*draw(40_000, seed=2, temperature=2.5))
    assert fitted == pytest.approx(2.5, rel=0.05)
    logits, outcomes = draw(40_000, seed=3, temperature=2.5)
    before, after = (reliability((logits / t).sigmoid(), outcomes).error for t in (1, fitted))
    assert before > 0.08
    assert after < 0.015


def test_without_a_minimum_there_is_no_temperature():
    logits, outcomes = draw(100)
    with pytest.raises(InputError, match="right everywhere, or no better than chance"):
        fit_temperature(logits, logits > 0)
    with pytest.raises(InputError, match="right everywhere, or no better than chance"):
        fit_temperature(-logits, outcomes)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="not logits"):
        reliability(torch.tensor([2.0]), torch.tensor([1]))
    for function in (reliability, fit_temperature):
        with pytest.raises(InputError, match="do not pair"):
            function(torch.rand(3), torch.ones(4))
