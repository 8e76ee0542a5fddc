"""Extrema of x * D_k against every product, materialised; images by SciPy."""

import pytest
import torch
from guidance import dct_images, naive_components
from torch.testing import assert_close

from mmsnet_lite.frequency import dct_basis, dct_extrema, frequency_indices
from mmsnet_lite.frequency.extrema import _shared


def maps(n, dtype=torch.float64, channels=3):
    return torch.randn(2, channels, n, n, dtype=dtype, requires_grad=True)


def ours(x, count, **scale):
    return dct_extrema(x, frequency_indices(count, x.shape[-1]), **scale)


@pytest.mark.parametrize("count", [1, 2, 3, 32])
@pytest.mark.parametrize("n", [1, 2, 4, 6, 7, 14, 21, 35, 56])
def test_values_and_gradient_equal_the_naive_ones(n, count):
    """m = n / q is 1, 2, odd and even, and n where only the mean is asked for."""
    x = maps(n)
    naive = torch.stack(naive_components(x, dct_images(count, n, torch.float64))[1:])
    found = torch.stack(ours(x, count))
    assert_close(found, naive, atol=1e-12, rtol=0)
    weight = torch.randn_like(found)
    (expected,) = torch.autograd.grad((naive * weight).sum(), x)
    (gradient,) = torch.autograd.grad((found * weight).sum(), x)
    assert_close(gradient, expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    ("n", "indices"), [(12, [(3, 0), (9, 6)]), (8, [(2, 6), (4, 0), (0, 0)]), (9, [(1, 8), (5, 0)])]
)
def test_any_indices_and_grid(n, indices):
    x = maps(n)
    _, *naive = naive_components(x, dct_basis(indices, n, dtype=torch.float64))
    assert_close(list(dct_extrema(x, indices)), naive, atol=1e-12, rtol=0)


def test_convention_scale_is_that_of_the_basis():
    x = maps(14)
    _, *naive = naive_components(x, dct_images(32, 14, torch.float64, orthonormal=True))
    assert_close(list(ours(x, 32, orthonormal=True)), naive, atol=1e-12, rtol=0)


@pytest.mark.parametrize("n", [5, 14])
def test_gradcheck(n):
    assert torch.autograd.gradcheck(lambda x: ours(x, 32), maps(n, channels=1))


def test_ties_give_one_position_the_gradient():
    """A constant map: the mean's extremum lies everywhere, and its gradient must still sum to one."""
    x = torch.ones(1, 1, 14, 14, requires_grad=True)
    highest, _ = ours(x, 1)
    highest.sum().backward()
    assert sorted(x.grad.flatten().tolist()) == [0.0] * 195 + [1.0]


def test_one_position_read_by_every_k_gets_the_whole_gradient():
    """One pixel outshines the rest: every template's extremum of larger modulus lies there."""
    x = torch.zeros(1, 1, 21, 21, dtype=torch.float64)
    x[0, 0, 7, 0] = 5.0
    x.requires_grad_()
    highest, lowest = ours(x, 32)
    (highest - lowest).sum().backward()
    assert_close(x.grad[0, 0, 7, 0], dct_images(32, 21, torch.float64)[:, 7, 0].abs().sum())


def test_convention_half_precision_gives_float32():
    x = maps(28, torch.bfloat16)
    found = ours(x, 32)
    _, *naive = naive_components(x.detach().float(), dct_images(32, 28))
    assert [side.dtype for side in found] == [torch.float32] * 2
    assert_close(list(found), naive, atol=1e-6, rtol=0)
    sum(side.sum() for side in found).backward()
    assert x.grad.dtype == torch.bfloat16
    assert x.grad.isfinite().all()


def test_runs_under_deterministic_algorithms_and_repeats():
    torch.use_deterministic_algorithms(True)
    try:
        x = maps(28, torch.float32, 8)
        first, second = (torch.autograd.grad(sum(side.sum() for side in ours(x, 32)), x)[0] for _ in range(2))
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(first, second)


def test_the_way_without_atomic_addition_equals_addition():
    """What a GPU does in backward: write the sum of a position from every k that reads it."""
    positions, values = torch.randint(0, 9, (2, 3, 32)), torch.randn(2, 3, 32)
    sums = _shared(values, positions)
    zeros = torch.zeros(2, 3, 9)
    assert_close(zeros.scatter(-1, positions, sums), zeros.scatter_add(-1, positions, values))
    assert torch.equal(zeros.scatter(-1, positions, sums).gather(-1, positions), sums)  # all writers agree, bit by bit


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_repeats_and_equals_the_cpu():
    x = maps(28, torch.float32, 8)
    runs = []
    for device in ("cpu", "cuda", "cuda"):
        y = x.detach().to(device).requires_grad_()
        sum(side.square().sum() for side in ours(y, 32)).backward()
        runs.append(y.grad.cpu())
    assert torch.equal(runs[1], runs[2])
    assert_close(runs[0], runs[1])


def test_convention_no_gradient_of_the_gradient():
    x = maps(7)
    (gradient,) = torch.autograd.grad(sum(side.square().sum() for side in ours(x, 4)), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_refuses_what_does_not_fit():
    for shape in ((1, 1, 7, 8), (7, 7)):
        with pytest.raises(ValueError, match="square maps"):
            dct_extrema(torch.zeros(shape), [(0, 0)])
    with pytest.raises(ValueError, match="does not exist on a 7x7 grid"):
        dct_extrema(torch.zeros(1, 1, 7, 7), [(0, 7)])
    with pytest.raises(ValueError, match="indices is empty"):
        dct_extrema(torch.zeros(1, 1, 7, 7), [])
