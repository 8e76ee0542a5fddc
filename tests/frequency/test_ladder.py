"""The oracle `tests/ladder.py` against a literal NumPy transcription of the published steps; and the ladder's taps."""

import math

import numpy as np
import pytest
import torch
from ladder import ladder_filter_bank
from torch.testing import assert_close

from mmsnet_lite.frequency import ladder_filter

# --- oracle: the steps one by one, list by list, with explicit indices ---------------------------------------------

HALVES = {
    "pkva": [0.6300, -0.1930, 0.0972, -0.0526, 0.0272, -0.0144],
    "pkva8": [0.6302, -0.1924, 0.0930, -0.0403],
    "pkva6": [0.6261, -0.1794, 0.0688],
}


def resample(x, kind, shift=1):
    h, w = x.shape
    i, j = np.indices((h, w))
    s = shift if kind in (1, 3) else -shift
    return x[(i + s * j) % h, j] if kind in (1, 2) else x[i, (j + s * i) % w]


def left(x, axis):
    return np.roll(x, -1, axis)


def polyphase(x, kind):
    if kind == "1r":
        x = resample(x, 2)
        return resample(x[0::2], 3), resample(left(x[1::2], 1), 3)
    if kind == "2c":
        x = resample(x, 4)
        return resample(x[:, 0::2], 1), resample(left(x[:, 1::2], 0), 1)
    if kind == 1:
        return resample(x[0::2], 3), resample(left(x[1::2], 1), 3)
    if kind == 2:
        return resample(x[0::2], 4), resample(x[1::2], 4)
    if kind == 3:
        return resample(x[:, 0::2], 1), resample(left(x[:, 1::2], 0), 1)
    return resample(x[:, 0::2], 2), resample(x[:, 1::2], 2)


def separable(x, beta, shift, extension):
    """Convolution with beta (x) beta, one output sample per input sample, every index wrapped by hand."""
    h, w = x.shape
    size = len(beta)
    pad = (size - 1) // 2 + shift
    i, j = np.indices((h, w))
    y = np.zeros_like(x)
    for a in range(size):
        for b in range(size):
            rows, columns = i + a - pad, j + b - pad
            if extension == "qper_col":
                columns = columns + (rows // h) * (w // 2)
            y += beta[size - 1 - a] * beta[size - 1 - b] * x[rows % h, columns % w]
    return y


def oracle_split(x, kind, beta, extension="per"):
    p0, p1 = polyphase(x, kind)
    y0 = (p0 - separable(p1, beta, 1, extension)) / math.sqrt(2)
    y1 = -math.sqrt(2) * p1 - separable(y0, beta, 0, extension)
    return y0, y1


def oracle(x, levels, ladder):
    v = np.array(HALVES[ladder])
    beta = np.concatenate([v[::-1], v])
    beta[0::2] *= -1
    x0, x1 = oracle_split(x, "1r", beta, "qper_col")
    b, a = oracle_split(x0, "2c", beta)
    d, c = oracle_split(x1, "2c", beta)
    y = [a, b, c, d]
    for m in range(3, levels + 1):
        old, y = y, []
        for k in range(1, 2 ** (m - 1) + 1):
            kind = (k - 1) % 2 + (1 if k <= 2 ** (m - 2) else 3)
            first, second = oracle_split(old[k - 1], kind, beta)
            y += [second, first]
    half = 2 ** (levels - 1)
    if levels > 2:
        for k in range(1, half // 2 + 1):
            shift = 2 * k - (half // 2 + 1)
            for band in (2 * k - 2, 2 * k - 1):
                y[band] = resample(y[band], 3, shift)
                y[band + half] = resample(y[band + half], 1, shift)
    return y[:half] + y[half:][::-1]


def image(n):
    return torch.randn(1, 1, n, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


# --- the oracle's own check -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "levels", "ladder"),
    [
        (32, 2, "pkva"),
        (32, 3, "pkva"),
        (48, 4, "pkva"),
        (32, 5, "pkva"),
        (32, 3, "pkva6"),
        (40, 4, "pkva8"),
        (8, 3, "pkva"),
    ],
)
def test_equals_the_published_steps(n, levels, ladder):
    x = image(n)
    bands = ladder_filter_bank(x, levels, ladder)
    for band, expected in zip(bands, oracle(x[0, 0].numpy(), levels, ladder), strict=True):
        assert_close(band[0, 0], torch.from_numpy(expected), atol=1e-12, rtol=0)


def test_pkva_is_the_twelve_tap_ladder():
    assert ladder_filter("pkva") == ladder_filter("pkva12")
    assert len(ladder_filter("pkva")) == 12


@pytest.mark.parametrize("ladder", ["pkva", "pkva8", "pkva6"])
def test_ladder_filter_is_the_antisymmetric_fan(ladder):
    taps = torch.tensor(ladder_filter(ladder))
    assert_close(taps, -taps.flip(0))
    signs = torch.tensor([-1.0, 1.0]).repeat(len(taps) // 2)
    half = torch.tensor(HALVES[ladder])
    assert_close(taps * signs, torch.cat([half.flip(0), half]))


def test_the_plain_ladder_has_a_seam_from_three_levels_on():
    """Moving the image by a band's decimation does not move the ladder's bands by one sample."""
    x = image(128)
    bands, moved = ladder_filter_bank(x, 3), ladder_filter_bank(x.roll((4, 4), (-2, -1)), 3)
    step = [((1, 2), (2, 1))[k >= 4] for k in range(8)]
    differences = [(m - b.roll(s, (-2, -1))).abs().max() for b, m, s in zip(bands, moved, step, strict=True)]
    assert min(differences) > 1e-3
