"""What every direction of the filter bank does to every frequency: the ladder tree's responses in closed form.

Bamberger and Smith (1992) in the ladder form of Phoong et al. (1995), with tree, sampling phase and band order of Do
and Vetterli's contourlet toolbox. A band is ``y[n] = sum_m a[m] x[L n + m]`` with a sampling matrix L; on the infinite
lattice its response ``A(w) = sum_m a[m] exp(i w.m)`` is a product down the tree. A split with matrix M and offset t
takes the samples ``p0[n] = x[M n]`` and ``p1[n] = x[M n + t]`` and, with F the separable fan filter at two phases,

    y0 = (p0 - F_0 p1) / sqrt(2)        A_0 = (1 - e^{i w.t} F_0(M'w)) / sqrt(2)
    y1 = -sqrt(2) p1 - F_1 y0           A_1 = -sqrt(2) e^{i w.t} - F_1(M'w) A_0

which is undone, whatever F is, by the synthesis responses ``S_1 = -(F_0 + e^{-i w.t}) / sqrt(2)`` and
``S_0 = sqrt(2) + F_1 S_1``. Below the root, w is replaced by L'w. Responses read at the frequencies of an h x w DFT are
those of the lattice-correct periodic transform: nothing is sheared in memory, so nothing can fail to close.
"""

import math
from collections.abc import Iterator
from itertools import chain
from operator import index
from typing import NamedTuple

import torch
from torch import Tensor

from .filters import Taps, ladder_filter

Matrix = tuple[tuple[int, int], tuple[int, int]]


def check_directions(levels: int, name: str = "levels") -> int:
    """The number l of directional levels; ValueError unless it is an integer of 2 or more."""
    if not hasattr(levels, "__index__") or levels < 2:
        raise ValueError(
            f"{name} = {levels!r}: l must be an integer of 2 or more (2^l directions); 0 (no directions) and 1 "
            "(two quincunx bands on a diamond lattice) are not offered"
        )
    return index(levels)


class _Step(NamedTuple):
    """A split: the matrix M of both parts, and the offset t of the second, (row, column)."""

    matrix: Matrix
    offset: tuple[int, int]


# Read off the toolbox's resampling steps: Q1, Q2, and for each half of the tree the pair that follows a second output
# and a first output: P1 and P2, P3 and P4.
_QUINCUNX = _Step(((1, -1), (1, 1)), (0, 1)), _Step(((1, 1), (-1, 1)), (1, 0))
_PARALLELOGRAMS = (
    (_Step(((2, 0), (1, 1)), (1, 1)), _Step(((2, 0), (-1, 1)), (1, 0))),
    (_Step(((1, 1), (0, 2)), (1, 1)), _Step(((1, -1), (0, 2)), (0, 1))),
)


class _Node(NamedTuple):
    """A band of the tree: its response (h w) and its sampling matrix L."""

    response: Tensor
    matrix: Matrix


class _Grid:
    """The DFT's frequencies; functions of an integer combination of them are looked up in a table.

    ``n0 p / h + n1 q / w`` is a multiple of 1 / lcm(h, w), so one table of that length holds every phase.
    """

    def __init__(self, h: int, w: int, ladder: str) -> None:
        self.length = length = math.lcm(h, w)
        self.rows = torch.arange(h, device="cpu")[:, None] * (length // h)
        self.columns = torch.arange(w, device="cpu") * (length // w)
        self.waves = torch.exp(2j * math.pi * torch.arange(length, dtype=torch.float64, device="cpu") / length)
        taps = ladder_filter(ladder)
        self.fans = self._response(taps, len(taps) // 2), self._response(taps, len(taps) // 2 - 1)

    def _response(self, taps: Taps, before: int) -> Tensor:
        """``F(v) = sum_k taps[k] exp(i v (k - before))`` for every phase v of the table."""
        phases, total = torch.arange(self.length, device="cpu"), torch.zeros_like(self.waves)
        for k, tap in enumerate(taps):
            total += tap * self.waves[phases * (k - before) % self.length]
        return total

    def _phase(self, row: int, column: int) -> Tensor:
        return (row * self.rows + column * self.columns) % self.length

    def wave(self, row: int, column: int) -> Tensor:
        """``exp(i w.n)`` for the point n = (row, column)."""
        return self.waves[self._phase(row, column)]

    def fan(self, which: int, matrix: Matrix) -> Tensor:
        """The fan filter F_0 or F_1 at the frequencies matrix' w."""
        (a, b), (c, d) = matrix
        return self.fans[which][self._phase(a, c)] * self.fans[which][self._phase(b, d)]


def _split(node: _Node, step: _Step, grid: _Grid, synthesis: bool) -> tuple[_Node, _Node]:
    """The two children of a node."""
    (a, b), (c, d) = node.matrix
    ((e, f), (g, h)), (row, column) = step
    matrix = (a * e + b * g, a * f + b * h), (c * e + d * g, c * f + d * h)
    wave = grid.wave(a * row + b * column, c * row + d * column)
    fan0, fan1 = grid.fan(0, matrix), grid.fan(1, matrix)
    if synthesis:
        second = -(fan0 + wave.conj()) / math.sqrt(2)
        first = math.sqrt(2) + fan1 * second
    else:
        first = (1 - wave * fan0) / math.sqrt(2)
        second = -math.sqrt(2) * wave - fan1 * first
    return _Node(node.response * first, matrix), _Node(node.response * second, matrix)


def _leaves(node: _Node, step: _Step, half: int, depth: int, grid: _Grid, synthesis: bool) -> Iterator[Tensor]:
    """The responses below a node in the toolbox's order: second outputs first, in the second half last."""
    first, second = _split(node, step, grid, synthesis)
    after_second, after_first = _PARALLELOGRAMS[half]
    children = [(second, after_second), (first, after_first)]
    for child, following in children if half == 0 else reversed(children):
        if depth == 1:
            yield child.response
        else:
            yield from _leaves(child, following, half, depth - 1, grid, synthesis)


def directional_responses(
    h: int, w: int, levels: int, ladder: str = "pkva", *, synthesis: bool = False
) -> Iterator[Tensor]:
    """The frequency responses (h w), complex128, on the CPU, of the 2^l directional bands, l = `levels`, one by one.

    Analysis: ``Y_k = fold(A_k X) / (a b)``, X the image's DFT, fold the sum over the a x b aliases of the band's
    decimation; with `synthesis`, the S_k of ``X = sum_k tile(Y_k) S_k``.

    Convention: the DFT's frequency order, zero first; filters correlate, ``A(w) = sum_m a[m] exp(i w.m)``.
    Convention: decimation (2^(l-1), 2) for the first half of the bands, (2, 2^(l-1)) for the second; the toolbox's
    back-sampling only renumbers the samples of a band, so it leaves no trace here.

    Raises:
        ValueError: for l below 2, an empty side, or an unknown ladder (see `ladder_filter`).
    """
    check_directions(levels)
    if h < 1 or w < 1:
        raise ValueError(f"height and width must be 1 or more, got {h}x{w}")
    grid = _Grid(h, w, ladder)
    root = _Node(torch.ones(h, w, dtype=torch.complex128, device="cpu"), ((1, 0), (0, 1)))
    halves = enumerate(_split(root, _QUINCUNX[0], grid, synthesis))
    return chain.from_iterable(
        _leaves(child, _QUINCUNX[1], half, levels - 1, grid, synthesis) for half, child in halves
    )
