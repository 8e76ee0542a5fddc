"""Bootstrap and permutation test: against SciPy's, against formulas, and the conventions."""

import itertools

import numpy as np
import pytest
import scipy.stats

from mmsnet_lite.training.intervals import bootstrap, permutation_test

SCORES = np.random.default_rng(5).beta(5, 2, (1, 80, 2))
OTHERS = np.random.default_rng(6).beta(2, 2, (1, 40, 2))


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_interval_equals_scipys(rng):
    theirs = scipy.stats.bootstrap((SCORES[0, :, 0],), np.mean, method="percentile", n_resamples=10_000, rng=rng)
    interval = theirs.confidence_interval
    ours = bootstrap([[SCORES]], [1.0])
    assert ours[:, 0] == pytest.approx([interval.low, interval.high], abs=0.002)
    assert np.array_equal(ours, bootstrap([[SCORES]], [1.0]))
    assert not np.array_equal(ours, bootstrap([[SCORES]], [1.0], seed=1))


def test_convention_strata_keep_their_weight():
    """Two modalities with a constant score each: a draw over all images would vary, a draw within each cannot."""
    constants = [[np.full((1, 5, 1), 0.2)], [np.full((1, 50, 1), 0.8)]]
    assert bootstrap(constants, [0.5, 0.5])[:, 0] == pytest.approx([0.5, 0.5])
    both = bootstrap([[SCORES], [OTHERS]], [0.5, 0.5])
    sd = 0.5 * np.hypot(*(part[0, :, 0].std() / np.sqrt(part.shape[1]) for part in (SCORES, OTHERS)))
    assert both[1, 0] - both[0, 0] == pytest.approx(2 * 1.96 * sd, rel=0.04)


def test_a_difference_is_drawn_over_the_same_images():
    """Two sides that differ by a constant on every image differ by it in every draw, wide as either interval is."""
    assert bootstrap([[SCORES + 0.1, SCORES]], [1.0]) == pytest.approx(0.1)
    assert np.ptp(bootstrap([[SCORES]], [1.0])[:, 0]) > 0.05


def test_convention_seeds_are_drawn_for_each_side_on_its_own():
    """Images alike and seeds alone differing, the interval is that of a mean of drawn seeds: here all combinations."""
    a, b = np.array([0.1, 0.3, 0.5]), np.array([0.2, 0.6])
    sides = [np.broadcast_to(s[:, None, None], (len(s), 7, 1)) for s in (a, b)]
    drawn = [[np.mean(pick) for pick in itertools.product(s, repeat=len(s))] for s in (a, b)]
    every = np.subtract.outer(*drawn).ravel()
    assert bootstrap([sides], [1.0])[:, 0] == pytest.approx(np.quantile(every, (0.025, 0.975)), abs=0.02)
    paired_by_number = bootstrap([[sides[0], sides[0]]], [1.0])
    assert np.ptp(paired_by_number) > 0.2


def test_p_equals_the_exact_one_of_all_signs(rng):
    strata = [rng.normal(0.03, 0.1, (n, 1)) for n in (6, 5)]
    parts = np.concatenate([0.5 * d[:, 0] / len(d) for d in strata])
    every = np.array(list(itertools.product((1, -1), repeat=11))) @ parts
    exact = np.mean(np.abs(every) >= abs(parts.sum()) - 1e-12)
    assert 0.01 < exact < 0.9
    assert permutation_test(strata, [0.5, 0.5])[0] == pytest.approx(exact, abs=0.015)


def test_p_equals_scipys(rng):
    differences = rng.normal(0.03, 0.1, (60, 2))
    for ours, d in zip(permutation_test([differences], [1.0]), differences.T, strict=True):
        theirs = scipy.stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=9999, rng=rng)
        assert ours == pytest.approx(theirs.pvalue, abs=0.015)


def test_p_under_the_null_hypothesis_is_uniform_and_intervals_cover(rng):
    ps = np.concatenate([permutation_test([rng.normal(0, 1, (30, 40))], [1.0], seed) for seed in range(5)])
    assert scipy.stats.kstest(ps, "uniform").pvalue > 0.01
    low, high = bootstrap([[rng.normal(0, 1, (1, 60, 1000))]], [1.0])
    assert 0.92 < np.mean((low < 0) & (high > 0)) < 0.96


def test_p_of_equal_sides_is_1_and_of_certain_ones_the_smallest():
    assert permutation_test([np.zeros((9, 1))], [1.0])[0] == 1
    assert permutation_test([np.full((40, 1), 0.1)], [1.0])[0] == pytest.approx(1 / 10_001)
