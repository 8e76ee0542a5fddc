"""The largest and smallest value of x * D_k over a grid, for K DCT images D_k, without K product maps.

Where a period q divides n and every frequency is a multiple of m = n / q, cutting the grid into m x m blocks of q x q
makes D_k repeat up to its sign:

    D_(m u, m v)[q j + r, q i + s] = (-1)^(u j + v i) d_(u, v)[r, s],      d the DCT images of the q x q grid

FcaNet's frequencies are multiples of n / 7, so q = 7 on every grid of 7 or more (q = 1 for the mean alone). The map is
read once: its extrema over the blocks of each parity of (j, i), 4 x 2 x q^2 numbers a channel, hold what all K searches
need, and each search then looks at 2 q^2 numbers instead of n^2.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .dct import dct_basis


class _Read(torch.autograd.Function):
    """Values of x (b c p) at positions (b c k); the backward has no atomic addition, so it is deterministic anywhere.

    Where two k read one place, each writes the sum of both: whichever write comes last, the result is the same.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, positions: Tensor) -> Tensor:
        ctx.save_for_backward(positions)
        ctx.length = x.shape[-1]
        return x.gather(-1, positions)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (positions,) = ctx.saved_tensors
        same = positions.unsqueeze(-1) == positions.unsqueeze(-2)  # b c k k
        summed = (same * gradient.unsqueeze(-2)).sum(-1)
        empty = summed.new_zeros(*positions.shape[:-1], ctx.length)
        return empty.scatter(-1, positions, summed), None


def _best(values: Tensor, places: Tensor, dim: int, largest: bool) -> tuple[Tensor, Tensor]:
    """The extremum along `dim` and where it lies, in vectorised passes: on a CPU torch.max is slow along such axes."""
    best = values.amax(dim, keepdim=True) if largest else values.amin(dim, keepdim=True)
    numbers = torch.arange(values.shape[dim], dtype=torch.int16, device=values.device)
    index = ((values == best) * numbers.view(-1, *[1] * (values.ndim - 1 - dim))).amax(dim, keepdim=True).long()
    return best.squeeze(dim), places.expand_as(values).gather(dim, index).squeeze(dim)


def _fold(x: Tensor, period: int, largest: bool) -> list[tuple[Tensor, Tensor]]:
    """Extrema (b c q^2) over the blocks of each parity (even even, even odd, odd even, odd odd), and where they lie.

    Of the place, column and parity are known; its row is one of those 2q apart, of which the first is given.
    """
    n = x.shape[-1]
    count = n // period
    rows = x.unflatten(2, (count, period))  # b c m q n
    first = torch.arange(2 * period * n, device=x.device).view(2, period, count, period)
    found = []
    for row in (0, 1):
        strip = rows[:, :, row::2].amax(2) if largest else rows[:, :, row::2].amin(2)  # the one pass over the map
        strip = strip.unflatten(3, (count, period))  # b c q m q
        for column in (0, 1):
            best = _best(strip[..., column::2, :], first[row, :, column::2], 3, largest)
            found.append((best[0].flatten(2), best[1].flatten(2)))
    return found


def _signed(highest: list, lowest: list, signs: list[int]) -> tuple[Tensor, Tensor]:
    """Extrema (b c 2q^2) of x times the sign of each parity's blocks, the largest first, and where they lie."""
    merged = []
    for same, other, largest in ((highest, lowest, True), (lowest, highest, False)):
        parts = [(same if sign > 0 else other)[i] for i, sign in enumerate(signs)]
        values = torch.stack([sign * part[0] for sign, part in zip(signs, parts, strict=True)])
        merged.append(_best(values, torch.stack([part[1] for part in parts]), 0, largest))
    return torch.cat([part[0] for part in merged], -1), torch.cat([part[1] for part in merged], -1)


def _search(x: Tensor, pairs: Sequence[tuple[int, int]], templates: Tensor) -> list[Tensor]:
    """Positions (b c K) in the flattened grid of the largest and the smallest x * D_k; templates (K n^2)."""
    n = x.shape[-1]
    flat, count = x.flatten(2), math.gcd(n, *(frequency for pair in pairs for frequency in pair))
    if count == 1:
        products = flat.unsqueeze(2) * templates
        return [products.max(-1).indices, products.min(-1).indices]  # along the last axis faster than argmax
    period = n // count
    images = templates.unflatten(1, (n, n))[:, :period, :period].flatten(1).repeat(1, 2)  # K 2q^2
    highest, lowest = _fold(x, period, True), _fold(x, period, False)
    parities = [(u // count % 2, v // count % 2) for u, v in pairs]
    order: list[int] = []
    firsts: list[list[Tensor]] = [[], []]
    for u, v in dict.fromkeys(parities):
        members = [k for k, parity in enumerate(parities) if parity == (u, v)]
        order += members
        values, places = _signed(highest, lowest, [1, 1 - 2 * v, 1 - 2 * u, 1 - 2 * (u ^ v)])
        products = values.unsqueeze(2) * images[members]  # b c k 2q^2
        firsts[0].append(places.gather(-1, products.max(-1).indices))
        firsts[1].append(places.gather(-1, products.min(-1).indices))
    back = sorted(range(len(order)), key=order.__getitem__)
    steps = 2 * period * n * torch.arange((count + 1) // 2, device=x.device)
    k = torch.arange(len(pairs), device=x.device)[:, None]
    positions = []
    for side, largest in zip(firsts, (True, False), strict=True):
        first = torch.cat(side, -1)[..., back].unsqueeze(-1)  # b c K 1
        places = torch.where(first + steps < n * n, first + steps, first)
        products = flat.gather(2, places.flatten(2)).view_as(places) * templates[k, places]
        positions.append(_best(products, places, 3, largest)[1])
    return positions


def dct_extrema(x: Tensor, indices: Sequence[tuple[int, int]], *, orthonormal: bool = False) -> tuple[Tensor, Tensor]:
    """Largest and smallest value of every product of a map and a DCT image.

        highest_k = max_pq x[p, q] D_k[p, q],    lowest_k = min_pq x[p, q] D_k[p, q]

    The gradient goes to one position a template: where values tie, to one of them.

    Convention: the scale of D_k is that of `dct_basis`, with its `orthonormal`.
    Convention: products of half-precision maps are computed and returned in float32.
    Convention: no gradient of the gradient.

    Args:
        x: (b c n n), floating point.
        indices: K pairs (u, v), each 0 to n - 1. The search takes 2 K q^2 numbers a channel, n = m q, with m the
            greatest common divisor of n and every frequency.
        orthonormal: see `dct_basis`.

    Returns:
        two tensors (b c K).

    Raises:
        ValueError: maps that are not square, no index, or one outside 0 .. n - 1.

    Source: this project; the maximum and minimum pools are those of MADGNet's frequency attention.
    """
    if x.ndim != 4 or x.shape[2] != x.shape[3]:
        raise ValueError(f"x must be square maps (b c n n), got {tuple(x.shape)}")
    number_format = torch.promote_types(x.dtype, torch.float32)
    basis = dct_basis(indices, x.shape[2], orthonormal=orthonormal, dtype=number_format, device=x.device)
    templates = basis.flatten(1)  # K n^2
    with torch.no_grad():
        highest, lowest = _search(x.detach(), indices, templates)
    flat, k = x.flatten(2), torch.arange(len(indices), device=x.device)
    return _Read.apply(flat, highest) * templates[k, highest], _Read.apply(flat, lowest) * templates[k, lowest]
