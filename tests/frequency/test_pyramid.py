"""The Laplacian pyramid and its high-pass against dense matrices built by hand, and their stated conventions."""

import pytest
import torch
from torch.testing import assert_close

from mmsnet_lite.frequency import (
    LaplacianPyramid,
    laplacian_high_pass,
    laplacian_step,
    laplacian_step_inverse,
    pyramid_filters,
)
from mmsnet_lite.frequency.periodic import analyse, extend, synthesise


def image(h, w, *, seed=0, dtype=torch.float64):
    return torch.randn(2, 3, h, w, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def matrix(taps, n):
    """Row k: the taps around sample 2k, wrapped. Of h it reduces; of g, transposed, it expands."""
    rows = torch.zeros(n // 2, n, dtype=torch.float64)
    for k in range(n // 2):
        for m, tap in enumerate(taps):
            rows[k, (2 * k + m - len(taps) // 2) % n] += tap
    return rows


@pytest.mark.parametrize("pyramid", ["9-7", "5-3"])
@pytest.mark.parametrize("shape", [(16, 24), (2, 8), (4, 4)])
def test_step_equals_dense_matrices(pyramid, shape):
    x, (h, g) = image(*shape), pyramid_filters(pyramid)
    low, detail = laplacian_step(x, pyramid)
    expected = matrix(h, shape[0]) @ x @ matrix(h, shape[1]).mT
    assert_close(low, expected, atol=1e-13, rtol=0)
    assert_close(detail, x - matrix(g, shape[0]).mT @ expected @ matrix(g, shape[1]), atol=1e-13, rtol=0)


@pytest.mark.parametrize("name", ["9-7", "5-3"])
def test_published_taps_are_symmetric_biorthogonal_and_sum_to_root_two(name):
    h, g = pyramid_filters(name)
    assert h == h[::-1]
    assert g == g[::-1]
    assert sum(h) == pytest.approx(2**0.5, abs=1e-12)
    assert sum(g) == pytest.approx(2**0.5, abs=1e-12)
    assert_close(matrix(h, 32) @ matrix(g, 32).mT, torch.eye(16, dtype=torch.float64), atol=1e-12, rtol=0)


@pytest.mark.parametrize("pyramid", ["9-7", "5-3"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_reconstructs(pyramid, dtype, tolerance):
    x = image(22, 36, dtype=dtype)
    assert_close(laplacian_step_inverse(*laplacian_step(x, pyramid), pyramid), x, atol=tolerance, rtol=0)


@pytest.mark.parametrize("before", [0, 3, 10, 25])
def test_extension_wraps_any_distance(before):
    x = torch.arange(8.0).reshape(1, 8)
    expected = torch.arange(-before, 8 + 19).remainder(8).float()[None]
    assert_close(extend(x, before, 19, -1), expected)
    assert_close(extend(x.mT, before, 19, -2), expected.mT)


@pytest.mark.parametrize("dim", [-1, -2])
@pytest.mark.parametrize(("size", "before"), [(7, 3), (9, 3), (9, 4), (2, 0), (3, 1)])
def test_synthesis_is_the_adjoint_of_analysis(size, before, dim):
    x, taps = image(10, 10), tuple(torch.arange(1.0, size + 1).tolist())
    y = analyse(image(10, 10, seed=1), taps, before, dim)
    assert_close((analyse(x, taps, before, dim) * y).sum(), (x * synthesise(y, taps, before, dim)).sum())


# --- conventions ---------------------------------------------------------------------------------------------------


def test_convention_even_samples_are_kept():
    """The low band of an impulse on an even sample is symmetric about that sample's half."""
    x = torch.zeros(1, 1, 32, 32, dtype=torch.float64)
    x[..., 10, 16] = 1
    low = laplacian_step(x)[0]
    assert low.flatten().argmax() == 5 * 16 + 8
    assert_close(low[..., 1:10, 4:13], low[..., 1:10, 4:13].flip(-1, -2), atol=0, rtol=0)


def test_convention_low_is_twice_the_local_mean():
    low, detail = laplacian_step(torch.full((1, 1, 12, 20), 3.0, dtype=torch.float64))
    assert_close(low, torch.full_like(low, 6.0), atol=1e-11, rtol=0)
    assert_close(detail, torch.zeros_like(detail), atol=1e-11, rtol=0)


def test_convention_inverse_is_the_frame_inverse():
    """Detail of the form G c is ignored; Burt's inverse would add it to the image."""
    x, c = image(16, 16), image(8, 8, seed=1)
    low, detail = laplacian_step(x)
    expanded = laplacian_step_inverse(c, torch.zeros_like(x))
    assert_close(laplacian_step_inverse(low, detail + expanded), x, atol=1e-12, rtol=0)
    assert expanded.abs().max() > 0.1


@pytest.mark.parametrize("pyramid", ["9-7", "5-3"])
def test_convention_high_pass_is_signed_and_unscaled(pyramid):
    x, (h, g) = image(16, 24), pyramid_filters(pyramid)
    smooth = []
    for n in (16, 24):
        reduce = matrix(h, n // 2) @ matrix(h, n)
        smooth.append(matrix(g, n).mT @ matrix(g, n // 2).mT @ reduce)
    high = laplacian_high_pass(x, 2, pyramid)
    assert_close(high, x - smooth[0] @ x @ smooth[1].mT, atol=1e-12, rtol=0)
    assert high.min() < 0 < high.max()
    assert_close(laplacian_high_pass(-5 * x, 2, pyramid), -5 * high)


# --- properties ----------------------------------------------------------------------------------------------------


def test_high_pass_is_zero_for_a_constant_image_and_idempotent():
    flat = torch.full((1, 1, 24, 40), 0.8, dtype=torch.float64)
    assert_close(laplacian_high_pass(flat, 3), torch.zeros_like(flat), atol=1e-12, rtol=0)
    once = laplacian_high_pass(image(24, 40), 3)
    assert_close(laplacian_high_pass(once, 3), once, atol=1e-12, rtol=0)


def test_high_pass_of_one_level_is_the_detail():
    x = image(16, 16)
    assert_close(laplacian_high_pass(x, 1), laplacian_step(x)[1], atol=0, rtol=0)


def test_shifts_by_two_samples_move_the_low_band_by_one():
    x = image(16, 16)
    low, detail = laplacian_step(x)
    moved, moved_detail = laplacian_step(x.roll((2, 4), (-2, -1)))
    assert_close(moved, low.roll((1, 2), (-2, -1)), atol=0, rtol=0)
    assert_close(moved_detail, detail.roll((2, 4), (-2, -1)), atol=0, rtol=0)


def test_pyramid_inverse_takes_its_own_filters():
    pyramid, x = LaplacianPyramid(2, "5-3"), image(32, 48)
    assert_close(pyramid.inverse(pyramid(x)), x, atol=1e-12, rtol=0)


def test_gradients():
    x = image(8, 4)[:1, :1].clone().requires_grad_()
    assert torch.autograd.gradcheck(laplacian_step, x)
    assert torch.autograd.gradcheck(lambda x: laplacian_high_pass(x, 2), x)


# --- errors --------------------------------------------------------------------------------------------------------


def test_names_the_sizes_that_fit():
    with pytest.raises(ValueError, match=r"30x64 is not divisible by 2\^levels = 8; .* height 24 or 32; see"):
        laplacian_high_pass(image(30, 64), 3)
    with pytest.raises(ValueError, match="6x7 is not .*width 6 or 8"):
        laplacian_step(image(6, 7))


def test_refuses_bad_arguments():
    with pytest.raises(ValueError, match="levels must be 1 or more, an integer, got 0"):
        laplacian_high_pass(image(8, 8), 0)
    with pytest.raises(ValueError, match="unknown pyramid 'haar'; accepted: '5-3', '9-7'"):
        laplacian_step(image(8, 8), "haar")
    with pytest.raises(ValueError, match="twice the height and width"):
        laplacian_step_inverse(image(4, 4), image(8, 10))
    with pytest.raises(ValueError, match="floating-point image batch, got torch.int64"):
        laplacian_step(torch.zeros(1, 1, 8, 8, dtype=torch.int64))
