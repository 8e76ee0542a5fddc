"""Uncertain and rightly unsegmented: planted regions, and SciPy's labels on random ones."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_dilation, label

from mmsnet_lite.analysis import disputed
from mmsnet_lite.errors import InputError


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


def test_bad_input_is_named():
    doubt, prediction, truth = maps(1, 1, 5, 5)
    with pytest.raises(InputError, match="do not pair"):
        disputed(doubt, prediction[..., :4], truth, threshold=0.1)
