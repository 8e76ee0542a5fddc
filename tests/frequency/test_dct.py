"""DCT images, frequency orders and pooling matrices against SciPy and torch's own pooling."""

import math

import pytest
import scipy.fft
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mmsnet_lite.frequency import dct_basis, frequency_indices, grid_size, index_order, pool_matrix


def image(h, w):
    return torch.randn(2, 3, h, w, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def every(n):
    return [(u, v) for u in range(n) for v in range(n)]


# --- the basis -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 4, 7, 14])
def test_convention_mean_is_the_orthonormal_coefficient_over_n(n):
    x = image(n, n)
    coefficients = torch.from_numpy(scipy.fft.dctn(x.numpy(), norm="ortho", axes=(-2, -1)))
    basis = dct_basis(every(n), n, dtype=torch.float64)
    pooled = (x[:, :, None] * basis).mean((-2, -1)).unflatten(-1, (n, n))
    assert_close(pooled, coefficients / n, atol=1e-13, rtol=0)


@pytest.mark.parametrize("n", [1, 5, 7, 14])
def test_convention_orthonormal(n):
    x = image(n, n)
    basis = dct_basis(every(n), n, orthonormal=True, dtype=torch.float64)
    assert_close(torch.einsum("kpq,lpq->kl", basis, basis), torch.eye(n * n, dtype=torch.float64), atol=1e-12, rtol=0)
    coefficients = torch.from_numpy(scipy.fft.dctn(x.numpy(), norm="ortho", axes=(-2, -1)))
    assert_close(torch.einsum("bcpq,kpq->bck", x, basis).unflatten(-1, (n, n)), coefficients, atol=1e-12, rtol=0)


@pytest.mark.parametrize("n", [3, 7, 56])
def test_convention_dc_is_one_so_the_first_component_is_global_average_pooling(n):
    x = image(n, n)
    (first,) = dct_basis(frequency_indices(1, n), n, dtype=torch.float64)
    assert_close(first, torch.ones(n, n, dtype=torch.float64), atol=0, rtol=0)
    assert_close((x * first).mean((-2, -1), keepdim=True), F.adaptive_avg_pool2d(x, 1))


def test_convention_u_runs_down_the_rows():
    (vertical,) = dct_basis([(1, 0)], 7)
    assert_close(vertical, vertical[:, :1].expand(7, 7))
    assert (vertical[:-1] > vertical[1:]).all()
    assert index_order("top")[2] == (6, 0)
    assert index_order("low")[:4] == ((0, 0), (0, 1), (1, 0), (1, 1))


def test_convention_results_are_shared():
    assert dct_basis([(0, 1), (2, 3)], 7) is dct_basis([[0, 1], [2, 3]], 7)
    assert pool_matrix(11, 7) is pool_matrix(11, 7)


def test_first_use_in_inference_mode_does_not_spoil_training():
    with torch.inference_mode():
        basis, pool = dct_basis([(0, 5)], 21), pool_matrix(23, 21)
    x = torch.ones(23, 23, requires_grad=True)
    (pool @ x @ pool.mT * basis[0]).square().sum().backward()
    assert x.grad.abs().max() > 0


def test_basis_dtype_and_errors():
    assert dct_basis([(0, 1)], 7).dtype == torch.float32
    with pytest.raises(ValueError, match=r"frequency \(0, 7\) does not exist on a 7x7 grid"):
        dct_basis([(0, 0), (0, 7)], 7)
    with pytest.raises(ValueError, match="does not exist"):
        dct_basis([(-1, 0)], 7)
    with pytest.raises(ValueError, match="indices is empty"):
        dct_basis([], 7)


# --- the orders ----------------------------------------------------------------------------------------------------


PUBLISHED = {  # as printed: the 32 u, then the 32 v
    "top": "00600114513000324635526553342261" + "01052020060463526333511242113053",
    "low": "00110221203401301234501234561234" + "01012012230043154321065432106543",
    "bot": "61332412445146256162243355625536" + "64466314456522514350311242115333",
}


@pytest.mark.parametrize("order", ["top", "low", "bot"])
def test_orders_are_the_published_ones(order):
    printed = [int(digit) for digit in PUBLISHED[order]]
    assert list(index_order(order)) == list(zip(printed[:32], printed[32:], strict=True))


@pytest.mark.parametrize("order", ["top", "low", "bot"])
def test_orders_are_32_distinct_pairs_of_the_plane_dc_first_or_never(order):
    pairs = index_order(order)
    assert len(set(pairs)) == len(pairs) == 32
    assert pairs[0] == (0, 0) or (order == "bot" and (0, 0) not in pairs)
    assert {side for pair in pairs for side in pair} == set(range(7))


@pytest.mark.parametrize("n", [7, 14, 28, 56])
@pytest.mark.parametrize("order", ["top", "low", "bot"])
def test_indices_scale_with_the_grid(n, order):
    expected = [(u * (n // 7), v * (n // 7)) for u, v in index_order(order)]
    for count in (1, 2, 4, 8, 16, 32):
        assert frequency_indices(count, n, order) == expected[:count]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_convention_below_seven_duplicates_go_and_order_stays(n):
    indices = frequency_indices(32, n)
    assert len(set(indices)) == len(indices) <= min(32, n * n)
    mapped = [(math.floor(u * (n - 1) / 6 + 0.5), math.floor(v * (n - 1) / 6 + 0.5)) for u, v in index_order("top")]
    assert sorted(indices, key=mapped.index) == indices
    assert set(indices) == set(mapped)
    assert indices[0] == (0, 0)


def test_convention_below_seven_halves_round_up():
    assert frequency_indices(8, 4) == [(0, 0), (0, 1), (3, 0), (0, 3), (1, 0), (1, 1), (2, 0)]
    assert len(frequency_indices(32, 4)) == 16  # every frequency of a 4 x 4 grid


def test_indices_refuse():
    with pytest.raises(ValueError, match="between 1 and 32, got 33"):
        frequency_indices(33, 7)
    with pytest.raises(ValueError, match="multiple of 7 or 1 to 6, got 11"):
        frequency_indices(1, 11)
    with pytest.raises(ValueError, match="unknown order 'best'; accepted: 'bot', 'low', 'top'"):
        frequency_indices(1, 7, "best")


# --- pooling to the grid -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "cap", "n"),
    [(88, 56, 56), (44, 28, 28), (22, 14, 14), (11, 7, 7), (32, 56, 28), (8, 14, 7), (7, 7, 7), (100, 60, 56)],
)
def test_grid_is_the_largest_multiple_of_seven(size, cap, n):
    assert grid_size(size, cap) == n


@pytest.mark.parametrize("cap", [7, 13, 28, 56])
def test_grid_is_found_by_trying_every_multiple(cap):
    for size in range(7, 120):
        assert grid_size(size, cap) == max(n for n in range(7, size + 1, 7) if n <= cap)


@pytest.mark.parametrize("size", [1, 2, 4, 6])
def test_convention_a_small_map_is_its_own_grid(size):
    assert grid_size(size, 7) == grid_size(size, 56) == size


def test_grid_refuses():
    with pytest.raises(ValueError, match="cap 7 or more"):
        grid_size(11, 6)
    with pytest.raises(ValueError, match="map_size must be 1 or more"):
        grid_size(0, 7)


@pytest.mark.parametrize(("h", "w", "n"), [(88, 88, 56), (22, 22, 14), (11, 11, 7), (16, 9, 7), (5, 3, 7), (14, 14, 2)])
def test_pooling_equals_adaptive_average_pooling(h, w, n):
    x = image(h, w)
    p_h, p_w = pool_matrix(h, n, dtype=torch.float64), pool_matrix(w, n, dtype=torch.float64)
    assert_close(p_h @ x @ p_w.mT, F.adaptive_avg_pool2d(x, n))


def test_convention_windows_overlap_and_rows_sum_to_one():
    matrix = pool_matrix(11, 7, dtype=torch.float64)
    assert_close(matrix.sum(1), torch.ones(7, dtype=torch.float64))
    windows = (matrix > 0).sum(0)  # how many windows each sample is in
    assert windows.max() == 2
    assert (windows == 2).sum() == 6
    with pytest.raises(ValueError, match="size and n must be 1 or more"):
        pool_matrix(7, 0)
