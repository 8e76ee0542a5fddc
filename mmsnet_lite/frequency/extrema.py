"""The largest and smallest value of x * D_k over a grid, for K DCT images D_k, without K product maps.

Let every frequency be a multiple of m, a divisor of n, and cut the grid into m x m blocks of q x q, q = n / m. Then D_k
repeats from block to block up to its sign, and mirrors itself inside a block with the same sign. For u = m u':

    b_u(q j + r) = (-1)^(u' j) b_u'(r),      b_u'(q - 1 - r) = (-1)^u' b_u'(r)

So along each axis the places of one r in 0 .. ceil(q / 2) - 1 form two groups, one with the sign +, one with (-1)^u':
even blocks forwards with odd blocks backwards, and the reverse. The extrema of these groups, found in one pass over the
map, hold what all K searches need, and each then looks at 2 ceil(q / 2)^2 numbers instead of n^2. FcaNet's frequencies
are multiples of n / 7: 32 numbers on every grid of 14 or more.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .dct import dct_basis


def _shared(values: Tensor, positions: Tensor) -> Tensor:
    """Give every value (b c k) the sum of all values of its position."""
    same = positions.unsqueeze(-1) == positions.unsqueeze(-2)  # b c k k
    return (same * values.unsqueeze(-2)).sum(-1)


def _added(values: Tensor, positions: Tensor, length: int) -> Tensor:
    """Zeros (b c length) with `values` (b c k) added at `positions`, deterministic on every device.

    Atomic additions come in any order on a GPU. There, all k of one position write one sum: the last write wins, and
    says what the others said.
    """
    zeros = values.new_zeros(*values.shape[:-1], length)
    if values.device.type == "cpu":
        return zeros.scatter_add(-1, positions, values)
    return zeros.scatter(-1, positions, _shared(values, positions))


class _Read(torch.autograd.Function):
    """Values of x (b c p) at positions (b c k)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, positions: Tensor) -> Tensor:
        ctx.save_for_backward(positions)
        ctx.length = x.shape[-1]
        return x.gather(-1, positions)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (positions,) = ctx.saved_tensors
        return _added(gradient, positions, ctx.length), None


def _best(values: Tensor, codes: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """The maximum along `dim` and the code of where it lies, by vectorised passes; torch.max is slow on short axes."""
    best = values.amax(dim, keepdim=True)
    numbers = torch.arange(values.shape[dim], dtype=torch.int16, device=values.device)
    index = ((values == best) * numbers.view(-1, *[1] * (values.ndim - 1 - dim))).amax(dim, keepdim=True).long()
    return best.squeeze(dim), codes.expand_as(values).gather(dim, index).squeeze(dim)


def _mirrored(even: Tensor, odd: Tensor, dim: int, group: int) -> Tensor:
    """Half a period along `dim`: even blocks forwards and odd ones backwards (group 0), or the reverse (1), stacked."""
    parts = (even, odd.flip(dim)) if group == 0 else (even.flip(dim), odd)
    return torch.stack([part.narrow(dim, 0, (even.shape[dim] + 1) // 2) for part in parts])


def _folded_rows(n: int, period: int, device: torch.device) -> Tensor:
    """The m rows that meet in row r of a group, (2 h m), h = ceil(q / 2): the first step of `_fold`, in numbers."""
    rows, block = torch.arange(n, device=device).view(-1, period), torch.arange(n // period, device=device)
    rows = torch.stack([rows, rows.flip(1)])  # forwards, backwards
    groups = [rows[(block + group) % 2, block].T for group in (0, 1)]  # q m
    return torch.cat([group[: (period + 1) // 2] for group in groups])


def _fold(x: Tensor, period: int, sign: int) -> list[tuple[Tensor, Tensor]]:
    """Maxima (b c h h) of x or -x in the groups (0, 0), (0, 1), (1, 0), (1, 1) of rows and columns, and where they lie.

    A place is coded as (row of `_folded_rows`) * n + column.
    """
    n = x.shape[-1]
    count, half = n // period, (period + 1) // 2
    rows = x.unflatten(2, (count, period))  # b c m q n
    strips = [rows[:, :, i::2].amax(2) if sign > 0 else -rows[:, :, i::2].amin(2) for i in (0, 1)]  # the pass over x
    codes = torch.arange(2 * half * n, device=x.device).view(2, half, count, period)
    found = []
    for above in (0, 1):
        strip = _mirrored(strips[0], strips[1], 2, above).amax(0).unflatten(3, (count, period))  # b c h m q
        even, odd = (_best(strip[..., i::2, :], codes[above, :, i::2], 3) for i in (0, 1))
        for left in (0, 1):
            values, places = (_mirrored(*parts, 3, left) for parts in zip(even, odd, strict=True))
            found.append(_best(values, places, 0))
    return found


def _signed(same: list, opposite: list, signs: list[int]) -> tuple[Tensor, Tensor]:
    """Maxima (b c h^2) over the groups: of `same`, or `opposite` where a group's sign is -, and where they lie."""
    parts = [(same if sign > 0 else opposite)[i] for i, sign in enumerate(signs)]
    values, places = (torch.stack(each) for each in zip(*parts, strict=True))
    value, place = _best(values, places, 0)
    return value.flatten(2), place.flatten(2)


def _search(x: Tensor, pairs: Sequence[tuple[int, int]], templates: Tensor) -> list[Tensor]:
    """Positions (b c K) in the flattened grid of the largest and the smallest x * D_k; templates (K n^2)."""
    n = x.shape[-1]
    flat, count = x.flatten(2), math.gcd(n, *(frequency for pair in pairs for frequency in pair))
    if count == 1 or len(pairs) == 1:  # nothing to share
        products = flat.unsqueeze(2) * templates
        return [products.max(-1).indices, products.min(-1).indices]  # along the last axis faster than argmax
    period, half = n // count, (n // count + 1) // 2
    images = templates.unflatten(1, (n, n))[:, :half, :half].flatten(1).repeat(1, 2)  # K 2h^2
    plus, minus = _fold(x, period, 1), _fold(x, period, -1)
    parities = [(u // count % 2, v // count % 2) for u, v in pairs]
    order: list[int] = []
    codes: list[list[Tensor]] = [[], []]
    for u, v in dict.fromkeys(parities):
        members = [k for k, parity in enumerate(parities) if parity == (u, v)]
        order += members
        signs = [1, 1 - 2 * v, 1 - 2 * u, 1 - 2 * (u ^ v)]
        (high, above), (low, below) = _signed(plus, minus, signs), _signed(minus, plus, signs)
        values, places = torch.cat([high, -low], -1), torch.cat([above, below], -1)
        products = values.unsqueeze(2) * images[members]  # b c k 2h^2
        codes[0].append(places.gather(-1, products.max(-1).indices))
        codes[1].append(places.gather(-1, products.min(-1).indices))
    back = sorted(range(len(order)), key=order.__getitem__)
    rows, k = _folded_rows(n, period, x.device), torch.arange(len(pairs), device=x.device)[:, None]
    positions = []
    for side, sign in zip(codes, (1, -1), strict=True):
        code = torch.cat(side, -1)[..., back]
        candidates = rows[code // n] * n + (code % n).unsqueeze(-1)  # b c K m
        products = flat.gather(2, candidates.flatten(2)).view_as(candidates) * templates[k, candidates]
        positions.append(_best(sign * products, candidates, 3)[1])
    return positions


def dct_extrema(x: Tensor, indices: Sequence[tuple[int, int]], *, orthonormal: bool = False) -> tuple[Tensor, Tensor]:
    """Largest and smallest value (b c K) of every product of maps (b c n n) and K DCT images, see `dct_basis`.

        highest_k = max_pq x[p, q] D_k[p, q],    lowest_k = min_pq x[p, q] D_k[p, q]

    Where the `indices` share no divisor with n (FcaNet's on grids of 7 or less), the search holds all products.

    Convention: the gradient goes to one position a template, where values tie to one of them; it has none itself.
    Convention: products of half-precision maps are computed and returned in float32.

    Raises:
        ValueError: maps that are not square, no index, or one outside 0 .. n - 1.

    Source: this project; the maximum and minimum pools are those of MADGNet's frequency attention.
    """
    if x.ndim != 4 or x.shape[2] != x.shape[3]:
        raise ValueError(f"x must be square maps (b c n n), got {tuple(x.shape)}")
    number_format = torch.promote_types(x.dtype, torch.float32)
    basis = dct_basis(indices, x.shape[2], orthonormal=orthonormal, dtype=number_format, device=x.device)
    templates = basis.flatten(1)  # K n^2
    highest, lowest = _search(x.detach(), indices, templates)
    flat, k = x.flatten(2), torch.arange(len(indices), device=x.device)
    return _Read.apply(flat, highest) * templates[k, highest], _Read.apply(flat, lowest) * templates[k, lowest]
