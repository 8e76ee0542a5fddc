"""Chance in a mean over images: bootstrap intervals and a paired permutation test, seeded.

Scores come as strata, one a modality, each (seeds images metrics): the images of one modality, scored by the networks
of one configuration that differ in their seed. A mean is sum_k w_k mean(stratum k), with the weights w of the strata.

Convention: intervals are percentile intervals of 95 %, from 10,000 draws.
Convention: a draw takes the images of each modality with replacement, as many as there are, the same for all networks.
Convention: of several seeds a draw takes as many with replacement, for each side on its own: seed 0 of one
    configuration has nothing in common with seed 0 of another. With two or three seeds that understates their spread,
    by about the square root of (seeds - 1) / seeds.
Convention: the permutation test takes the networks as they are, and asks whether the images could have favoured one by
    chance: under the null hypothesis each image's two scores may change places, which turns the sign of its difference.
    p = (1 + draws at least as far from 0 as the measured mean) / (1 + draws), two-sided.
"""

from collections.abc import Sequence

import numpy as np

DRAWS = 10_000
_CHUNK = 1000


def bootstrap(strata: Sequence[Sequence[np.ndarray]], weights: Sequence[float], seed: int = 0) -> np.ndarray:
    """Return the interval of a mean, or of the difference of two means over the same images: (2 metrics).

    Args:
        strata: for each modality the scores of one side, or of two: (seeds images metrics), sides may differ in seeds.
        weights: of the strata.
        seed: draws.
    """
    return np.quantile(bootstrap_means(strata, weights, seed), (0.025, 0.975), axis=0)


def bootstrap_means(strata: Sequence[Sequence[np.ndarray]], weights: Sequence[float], seed: int = 0) -> np.ndarray:
    """Return what `bootstrap` takes its interval from: the mean, or difference of two, of each draw (draws metrics)."""
    rng = np.random.default_rng(seed)
    means = np.zeros((DRAWS, strata[0][0].shape[-1]))
    seeds = [_shares(rng, len(side), DRAWS) for side in strata[0]]
    for sides, weight in zip(strata, weights, strict=True):
        for start in range(0, DRAWS, _CHUNK):
            rows = slice(start, start + _CHUNK)
            images = _shares(rng, sides[0].shape[1], _CHUNK)
            for side, drawn, sign in zip(sides, seeds, (1, -1), strict=False):
                by_seed = np.tensordot(images, side, (1, 1))  # draws seeds metrics
                means[rows] += sign * weight * np.einsum("ds,dsm->dm", drawn[rows], by_seed)
    return means


def permutation_test(differences: Sequence[np.ndarray], weights: Sequence[float], seed: int = 0) -> np.ndarray:
    """Return p of a mean difference, by turning signs of the images' differences at random: (metrics), in 0..1.

    Args:
        differences: for each modality (images metrics).
        weights: of the modalities.
        seed: draws.
    """
    rng = np.random.default_rng(seed)
    parts = np.concatenate([weight * d / len(d) for d, weight in zip(differences, weights, strict=True)])
    measured, reached = np.abs(parts.sum(0)), np.zeros(parts.shape[1])
    for _ in range(DRAWS // _CHUNK):
        signs = rng.integers(0, 2, (_CHUNK, len(parts))) * 2.0 - 1
        reached += (np.abs(signs @ parts) >= measured - 1e-12).sum(0)  # the measured order itself is one of them
    return (1 + reached) / (1 + DRAWS)


def _shares(rng: np.random.Generator, n: int, draws: int) -> np.ndarray:
    """How much each of n counts in a mean of n drawn with replacement: (draws n)."""
    picked = rng.integers(0, n, (draws, n)) + n * np.arange(draws)[:, None]
    return np.bincount(picked.ravel(), minlength=draws * n).reshape(draws, n) / n
