"""The Fourier high-pass against NumPy, and its conventions."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from mmsnet_lite.frequency.fourier import high_pass


def image(h, w, *, dtype=torch.float64):
    return torch.randn(2, 3, h, w, generator=torch.Generator().manual_seed(0), dtype=dtype)


def oracle(x, ratio):
    """Frequency by frequency on the unshifted spectrum: remove where both centred indices lie in [-s/2, s/2)."""
    h, w = x.shape[-2:]
    half = int(np.floor(np.sqrt(ratio * h * w) / 2))
    fy, fx = np.round(np.fft.fftfreq(h) * h), np.round(np.fft.fftfreq(w) * w)
    inside = ((fy >= -half) & (fy < half))[:, None] & ((fx >= -half) & (fx < half))[None, :]
    return np.abs(np.fft.ifft2(np.where(inside, 0, np.fft.fft2(x))).real)


@pytest.mark.parametrize("shape", [(352, 352), (48, 80), (33, 47), (8, 100)])
@pytest.mark.parametrize("ratio", [0.1, 0.25, 0.6])
def test_equals_numpy(shape, ratio):
    x = image(*shape)[:1, : 1 if shape[0] > 100 else 3]
    assert_close(high_pass(x, ratio), torch.from_numpy(oracle(x.numpy(), ratio)), atol=1e-12, rtol=0)


def test_convention_the_square_is_176_at_352_and_leans_to_the_negative():
    """A cosine of k cycles holds the frequencies k and -k: 87 goes, 88 loses one of the two, 89 stays."""
    columns = torch.arange(352, dtype=torch.float64).expand(1, 1, 352, 352)
    for cycles, share in ((87, 0.0), (88, 0.5), (89, 1.0)):
        x = torch.cos(2 * torch.pi * cycles / 352 * columns)
        assert_close(high_pass(x), share * x.abs(), atol=1e-9, rtol=0)
        assert_close(high_pass(x.mT), share * x.mT.abs(), atol=1e-9, rtol=0)


def test_convention_modulus():
    x = image(24, 24)
    assert high_pass(x).min() >= 0
    assert_close(high_pass(-x), high_pass(x))
    assert_close(high_pass(x, 0.0), x.abs())


def test_constant_image_gives_zero():
    flat = torch.full((1, 2, 64, 48), 0.9, dtype=torch.float64)
    assert_close(high_pass(flat), torch.zeros_like(flat), atol=1e-12, rtol=0)
    assert_close(high_pass(image(16, 16), 1.0), torch.zeros(2, 3, 16, 16, dtype=torch.float64), atol=1e-12, rtol=0)


def test_batch_entries_and_channels_do_not_meet_and_float32_stays():
    x = image(32, 32, dtype=torch.float32)
    assert_close(high_pass(x)[1:, 2:], high_pass(x[1:, 2:]))
    assert_close(high_pass(x), high_pass(x.double()).float(), atol=1e-5, rtol=0)


def test_half_precision_is_taken_as_float32():
    x = image(8, 8, dtype=torch.float32).half()
    assert_close(high_pass(x), high_pass(x.float()), atol=0, rtol=0)


def test_gradients():
    assert torch.autograd.gradcheck(high_pass, image(6, 8)[:1, :1].clone().requires_grad_())


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_refuses_other_ratios(ratio):
    with pytest.raises(ValueError, match="between 0 and 1"):
        high_pass(image(8, 8), ratio)


def test_refuses_what_is_no_image():
    with pytest.raises(ValueError, match=r"\(b c h w\)"):
        high_pass(torch.zeros(3, 8, 8))
    with pytest.raises(ValueError, match="got torch.int64"):
        high_pass(torch.zeros(1, 3, 8, 8, dtype=torch.int64))
