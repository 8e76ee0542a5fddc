"""MSFG, multiscale frequency guidance: which channels, then which regions, at several scales.

Origin: the MFMSA block of MADGNet (Nam et al., CVPR 2024) with FcaNet's DCT indices (Qin et al., ICCV 2021), written
from their formulas. Three deviations, each for a reason: the DCT basis is scaled so that its DC term is global average
pooling; the DCT grid follows the stage's stride and never exceeds the map; the background gate starts at 0.5, because
at alpha = beta the gate has no gradient. The first and the last are options.

The paper's ablation {SFG, MFG} x {SSG, MSG} is (K = 1 or K) x (S = 1 or 3): `frequencies` and `scales`.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsnet_lite.errors import InputError
from mmsnet_lite.frequency import dct_basis, dct_extrema, frequency_indices, grid_size, pool_matrix

POOLS = ("mean", "rms")
DCT_SCALES = ("dc", "orthonormal")


class Guidance(NamedTuple):
    """What `MSFG.guide` returns; one entry a scale, finest first.

    output: (b c h w), what `MSFG.forward` returns.
    attention: weights of the channels in 0..1, each (b c' 1 1), c' the branch's width.
    foreground: M, the probability of foreground, each (b 1 h' w'), on the branch's own grid.
    """

    output: Tensor
    attention: tuple[Tensor, ...]
    foreground: tuple[Tensor, ...]


def check_guidance(frequencies: int, scales: int, pool: str, dct_scale: str, gate: Sequence[float]) -> None:
    """Raise InputError for options that `MSFG` does not take; it names the accepted ones."""
    if not 1 <= frequencies <= 32:
        raise InputError(f"frequencies = {frequencies} does not fit; choose K from 1 to 32")
    if not 1 <= scales <= 3:
        raise InputError(f"msfg_scales = {scales} does not fit; choose S from 1 to 3")
    if pool not in POOLS:
        raise InputError(f"pool = {pool!r} is unknown; choose one of {', '.join(POOLS)}")
    if dct_scale not in DCT_SCALES:
        raise InputError(f"dct_scale = {dct_scale!r} is unknown; choose one of {', '.join(DCT_SCALES)}")
    numbers = isinstance(gate, tuple | list) and all(isinstance(g, int | float) and math.isfinite(g) for g in gate)
    if not numbers or len(gate) != 2:
        raise InputError(
            f"gate = {gate!r} does not fit; give alpha (background) and beta (foreground), such as (0.5, 1.0)"
        )


class FrequencyChannelAttention(nn.Module):
    """Weigh channels by what K two-dimensional DCT components see in them (method of FcaNet, pooling of MADGNet).

        A = sigmoid(sum over z in {avg, max, min} of W2 ReLU(W1 z)),    z_avg = pool_k mean_pq X * D_k

    and z_max, z_min likewise, the extremum over p, q in place of the mean. The map is first averaged to the DCT's grid.

    Convention: `pool="mean"` averages over k, as MADGNet does, so that z_avg is one fixed template; `pool="rms"` is
    the root of the mean square over k, which keeps what each k sees and drops its sign.
    Convention: `dct_scale="dc"` has D_0 = 1, so that K = 1 is global average pooling at every grid; `"orthonormal"` is
    the parents' scale, 1 / n of it.
    Convention: K never changes the parameters.

    Args:
        channels: c of the map.
        frequencies: K, 1 to 32; 1 is the DC term alone. A grid below 7x7 holds fewer distinct ones, see `components`.
        grid: largest side n of the DCT grid.

    Raises:
        InputError: an option outside these sets.
    """

    def __init__(
        self, channels: int, frequencies: int, grid: int, *, pool: str = "mean", dct_scale: str = "dc"
    ) -> None:
        super().__init__()
        check_guidance(frequencies, 1, pool, dct_scale, (0.5, 1.0))
        self.frequencies = frequencies
        self.grid = grid
        self.pool = pool
        self.orthonormal = dct_scale == "orthonormal"
        hidden = max(1, channels // 16)
        self.weigh = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False), nn.ReLU(), nn.Conv2d(hidden, channels, 1, bias=False)
        )

    def components(self, height: int, width: int) -> tuple[int, list[tuple[int, int]]]:
        """The DCT grid's side n and the distinct indices (u, v) used for a map of this size."""
        n = grid_size(min(height, width), self.grid)
        return n, frequency_indices(self.frequencies, n)

    def pools(self, x: Tensor) -> Tensor:
        """z_avg, z_max, z_min as (3 b c) for a map (b c h w)."""
        height, width = x.shape[2:]
        n, indices = self.components(height, width)
        if (height, width) != (n, n):  # adaptive average pooling as two matrices, whose backward is deterministic
            rows, columns = (pool_matrix(side, n, dtype=x.dtype, device=x.device) for side in (height, width))
            x = rows @ x @ columns.T
        basis = dct_basis(indices, n, orthonormal=self.orthonormal, dtype=x.dtype, device=x.device)
        extrema = dct_extrema(x, indices, orthonormal=self.orthonormal)
        if self.pool == "mean":  # the mean of the averages is one average, by the mean image
            average = x.flatten(2) @ (basis.mean(0).flatten() / n**2)  # b c
            return torch.stack([average, *(z.mean(-1).to(average.dtype) for z in extrema)])
        averages = x.flatten(2) @ (basis.flatten(1).T / n**2)  # b c K
        components = torch.stack([averages, *(z.to(averages.dtype) for z in extrema)])
        return torch.linalg.vector_norm(components, dim=-1) / math.sqrt(len(indices))  # at zero, its gradient is zero

    def forward(self, x: Tensor) -> Tensor:
        """Attention (b c 1 1) in 0..1 for a map (b c h w)."""
        z = self.pools(x)
        return self.weigh(z.flatten(0, 1)[..., None, None]).unflatten(0, z.shape[:2]).sum(0).sigmoid()


class ScaleBranch(nn.Module):
    """One scale of MSFG: decompose, weigh channels, weigh foreground against background, come back.

    X_s = pool(X, 2^s);  Y = X'_s * (alpha (1 - M) + beta M),  M = sigmoid(conv1x1(X'_s))

    `inner` is the branch's width, `attention` weighs its channels, `gate` holds alpha and beta at the start.
    """

    def __init__(
        self, channels: int, scale: int, inner: int, attention: FrequencyChannelAttention, gate: Sequence[float]
    ) -> None:
        super().__init__()
        self.factor = 2**scale
        self.decompose = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1 + scale, dilation=1 + scale, groups=channels // 2, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
        )
        self.attention = attention
        self.foreground = nn.Conv2d(inner, 1, 1, bias=False)
        alpha, beta = gate
        self.alpha = nn.Parameter(torch.tensor(float(alpha)))  # background
        self.beta = nn.Parameter(torch.tensor(float(beta)))  # foreground
        self.expand = nn.Sequential(
            nn.Conv2d(inner, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (b c h w) to (b c h w), with the attention (b c' 1 1) and the foreground map (b 1 h' w')."""
        size = x.shape[2:]
        if min(size) // self.factor >= 8:
            x = F.avg_pool2d(x, self.factor)
        x = self.decompose(x)
        attention = self.attention(x)
        x = x * attention
        mask = self.foreground(x).sigmoid()  # b 1 h w
        x = self.expand(x * (self.alpha * (1 - mask) + self.beta * mask))
        return x if x.shape[2:] == size else F.interpolate(x, size=size, mode="bilinear"), attention, mask


class MSFG(nn.Module):
    """Multiscale frequency guidance of one stage: X + mean over scales of the branches.

    Convention: `gate=(1, 1)` is MADGNet's start; the gate's map then has no gradient until alpha and beta part.

    Args:
        channels: c, even.
        scales: S, number of branches, 1 to 3 (1 = single-scale spatial guidance).
        frequencies: K, number of DCT components, 1 to 32 (1 = single-frequency channel guidance).
        grid: largest side of the DCT grid; 56, 28, 14, 7 for strides 4, 8, 16, 32.
        min_channels: a branch's width is max(c / 2^s, min_channels).
        pool, dct_scale: see `FrequencyChannelAttention`.
        gate: alpha (background) and beta (foreground) at the start.

    Raises:
        InputError: an option outside these sets.
    """

    branches: Sequence[ScaleBranch]

    def __init__(
        self,
        channels: int,
        *,
        scales: int = 3,
        frequencies: int = 32,
        grid: int = 56,
        min_channels: int = 64,
        pool: str = "mean",
        dct_scale: str = "dc",
        gate: Sequence[float] = (0.5, 1.0),
    ) -> None:
        super().__init__()
        check_guidance(frequencies, scales, pool, dct_scale, gate)
        branches = []
        for s in range(scales):
            inner = max(channels // 2**s, min_channels)
            attention = FrequencyChannelAttention(inner, frequencies, grid, pool=pool, dct_scale=dct_scale)
            branches.append(ScaleBranch(channels, s, inner, attention, gate))
        self.branches = nn.ModuleList(branches)  # type: ignore[assignment]

    def guide(self, x: Tensor) -> Guidance:
        """Map (b c h w) to (b c h w), with what each scale saw."""
        outputs, attention, foreground = zip(*(branch(x) for branch in self.branches), strict=True)
        return Guidance(x + sum(outputs) / len(outputs), attention, foreground)

    def forward(self, x: Tensor) -> Tensor:
        """Map (b c h w) to (b c h w)."""
        return self.guide(x).output
