"""The fixed matrices of frequency channel attention: DCT-II images, which of them to use, and pooling to their grid.

Ahmed, Natarajan and Rao (1974) for the DCT; Qin et al., "FcaNet" (ICCV 2021) for its use as a generalised global
average pooling. `dct_basis` and `pool_matrix` are cached and return shared tensors: never write into them, and
``.clone()`` them before registering them as buffers (loading a state dict writes in place).
"""

import math
from collections.abc import Iterable
from operator import index

import torch
from torch import Tensor

from .constants import constant
from .filters import index_order

_PLANE = 7  # the side of the frequency plane that the published orders live in


def grid_size(map_size: int, cap: int) -> int:
    """The side n of the DCT grid for a feature map: the largest multiple of 7 not above ``min(map_size, cap)``.

    Convention: a map below 7 keeps its own size, so a grid is never above its map.

    Raises:
        ValueError: for a map below 1 or a cap below 7.
    """
    if map_size < 1 or cap < _PLANE:
        raise ValueError(f"map_size must be 1 or more and cap {_PLANE} or more, got {map_size} and {cap}")
    return map_size if map_size < _PLANE else min(map_size, cap) // _PLANE * _PLANE


def frequency_indices(count: int, n: int, order: str = "top") -> list[tuple[int, int]]:
    """The first `count` frequencies (u, v) of FcaNet's order, carried from the 7 x 7 plane to an n x n grid.

    ``u -> u n / 7`` for n a multiple of 7; ``u -> round(u (n - 1) / 6)`` for n below 7, where several may meet.

    Convention: u counts half periods down the rows, v along the columns; (0, 0) is the mean, first in "top" and "low"
    and absent from "bot".
    Convention: below 7, duplicates are dropped and the order kept, so fewer than `count` may come back: the length of
    the list is the effective K.
    Convention: below 7, halves round up; Python's ``round`` would send u = 1 to the mean at n = 4.

    Args:
        count: K, 1 to 32.
        n: 1 to 6, or a multiple of 7 (see `grid_size`).
        order: see `index_order`.

    Raises:
        ValueError: for another count, n or order.

    Source: FcaNet, section 4.1 and its public code; the rule below 7 is this project's.
    """
    plane = index_order(order)
    if not 1 <= count <= len(plane):
        raise ValueError(f"count must lie between 1 and {len(plane)}, got {count}")
    if n < 1 or (n > _PLANE and n % _PLANE):
        raise ValueError(f"n must be a multiple of {_PLANE} or 1 to {_PLANE - 1}, got {n}; see grid_size")
    if n % _PLANE == 0:
        return [(u * n // _PLANE, v * n // _PLANE) for u, v in plane[:count]]
    nearest = [(2 * u * (n - 1) + _PLANE - 1) // (2 * (_PLANE - 1)) for u in range(_PLANE)]
    return list(dict.fromkeys((nearest[u], nearest[v]) for u, v in plane[:count]))


def dct_basis(
    indices: Iterable[tuple[int, int]],
    n: int,
    *,
    orthonormal: bool = False,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Tensor:
    """DCT-II images ``D_k[p, q] = b_u(p) b_v(q)`` for the frequencies (u, v) of `indices`.

    ``b_0 = 1`` and ``b_u(p) = sqrt(2) cos(pi u (p + 1/2) / n)``.

    Convention: DC = 1, so the spatial *mean* of x times D_0 is global average pooling at every n. It is n x the
    orthonormal basis; the mean of x D_k is the orthonormal DCT coefficient / n.
    Convention: ``orthonormal=True`` gives the parents' scale, ``b_0 = 1/sqrt(n)``, ``b_u = sqrt(2/n) cos``: unit norm.

    Returns:
        (K n n) for K pairs.

    Raises:
        ValueError: for no index, or one outside 0 .. n - 1.
    """
    pairs = tuple((index(u), index(v)) for u, v in indices)
    if not pairs:
        raise ValueError("indices is empty; give at least one pair (u, v)")
    for pair in pairs:
        if not 0 <= min(pair) <= max(pair) < n:
            raise ValueError(f"frequency {pair} does not exist on a {n}x{n} grid; u and v lie between 0 and {n - 1}")
    return _dct_basis(pairs, n, orthonormal, dtype, torch.device(device))


@constant(maxsize=64)
def _dct_basis(pairs: tuple, n: int, orthonormal: bool, dtype: torch.dtype, device: torch.device) -> Tensor:
    frequency = torch.arange(n, dtype=torch.float64, device="cpu")
    waves = math.sqrt(2) * torch.cos(math.pi * frequency[:, None] * (frequency + 0.5) / n)
    waves[0] = 1
    u, v = torch.tensor(pairs, device="cpu").unbind(1)
    basis = waves[u][:, :, None] * waves[v][:, None, :]
    return (basis / n if orthonormal else basis).to(dtype).to(device)


@constant(maxsize=64)
def _pool_matrix(size: int, n: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    matrix = torch.zeros(n, size, dtype=torch.float64, device="cpu")
    for i in range(n):
        start, end = i * size // n, -(-(i + 1) * size // n)
        matrix[i, start:end] = 1 / (end - start)
    return matrix.to(dtype).to(device)


def pool_matrix(size: int, n: int, *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> Tensor:
    """Adaptive average pooling of one axis as a matrix P (n, size): ``P_h X P_w^T = adaptive_avg_pool2d(X)``.

    Row i averages the samples ``floor(i size / n) .. ceil((i + 1) size / n) - 1``. A matrix product is deterministic on
    every device, which `adaptive_avg_pool2d`'s CUDA backward is not.

    Convention: windows overlap by a sample where n does not divide `size`; every row sums to 1.

    Raises:
        ValueError: for a size or n below 1.
    """
    if size < 1 or n < 1:
        raise ValueError(f"size and n must be 1 or more, got {size} and {n}")
    return _pool_matrix(size, n, dtype, torch.device(device))
