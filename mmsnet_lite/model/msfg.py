"""MSFG, multiscale frequency guidance: which channels, then which regions, at several scales.

Origin: the MFMSA block of MADGNet (Nam et al., CVPR 2024) with FcaNet's DCT indices (Qin et al., ICCV 2021), written
from their formulas. Three deviations, each for a reason: the DCT basis is scaled so that its DC term is global average
pooling; the DCT grid follows the stage's stride and never exceeds the map; the background gate starts at 0.5, because
at alpha = beta the gate has no gradient.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsnet_lite.frequency import dct_basis, frequency_indices, grid_size, pool_matrix


def extrema(x: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
    """Maximum and minimum over the grid of every product x * D_k.

    The positions are searched without gradient, one k at a time; the values are then read at those positions, so that
    backward keeps K positions a channel and not K product maps.

    Args:
        x: (b c n n).
        basis: (K n n).

    Returns:
        two tensors (b c K).
    """
    flat, templates = x.flatten(2), basis.flatten(1)  # b c p, K p
    with torch.no_grad():
        products = (flat * template for template in templates)
        positions = [(product.max(-1).indices, product.min(-1).indices) for product in products]  # faster than argmax
        highest, lowest = (torch.stack(p, -1) for p in zip(*positions, strict=True))  # b c K
    k = torch.arange(len(basis), device=x.device)
    return flat.gather(2, highest) * templates[k, highest], flat.gather(2, lowest) * templates[k, lowest]


class FrequencyChannelAttention(nn.Module):
    """Weigh channels by what K two-dimensional DCT components see in them (method of FcaNet, pooling of MADGNet).

        A = sigmoid(sum over z in {avg, max, min} of W2 ReLU(W1 z)),    z_avg = mean_k mean_pq X * D_k

    Args:
        channels: c of the map.
        frequencies: K; 1 is the DC term alone. A grid below 7x7 holds fewer distinct components, see `components`.
        grid: largest side n of the DCT grid.
        reduction: hidden width is channels / reduction.
    """

    def __init__(self, channels: int, frequencies: int, grid: int, reduction: int = 16) -> None:
        super().__init__()
        self.frequencies = frequencies
        self.grid = grid
        hidden = max(1, channels // reduction)
        self.weigh = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False), nn.ReLU(), nn.Conv2d(hidden, channels, 1, bias=False)
        )

    def components(self, height: int, width: int) -> tuple[int, list[tuple[int, int]]]:
        """Return the DCT grid's side n and the distinct indices (u, v) used for a map of this size."""
        n = grid_size(min(height, width), self.grid)
        return n, frequency_indices(self.frequencies, n)

    def forward(self, x: Tensor) -> Tensor:
        """Return attention (b c 1 1) in 0..1 for a map (b c h w)."""
        height, width = x.shape[2:]
        n, indices = self.components(height, width)
        if (height, width) != (n, n):  # adaptive average pooling as two matrices, whose backward is deterministic
            rows, columns = (pool_matrix(side, n, dtype=x.dtype, device=x.device) for side in (height, width))
            x = rows @ x @ columns.T
        basis = dct_basis(indices, n, dtype=x.dtype, device=x.device)  # K n n
        highest, lowest = extrema(x, basis)
        average = (x * basis.mean(0)).mean((2, 3), keepdim=True)
        pooled = (average, highest.mean(-1)[..., None, None], lowest.mean(-1)[..., None, None])
        return torch.stack([self.weigh(z) for z in pooled]).sum(0).sigmoid()


class ScaleBranch(nn.Module):
    """One scale of MSFG: decompose, weigh channels, weigh foreground against background, come back.

    X_s = pool(X, 2^s);  Y = X'_s * (alpha (1 - M) + beta M),  M = sigmoid(conv1x1(X'_s))
    """

    def __init__(self, channels: int, scale: int, frequencies: int, grid: int, min_channels: int) -> None:
        super().__init__()
        inner = max(channels // 2**scale, min_channels)
        self.factor = 2**scale
        self.decompose = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1 + scale, dilation=1 + scale, groups=channels // 2, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
        )
        self.attention = FrequencyChannelAttention(inner, frequencies, grid)
        self.foreground = nn.Conv2d(inner, 1, 1, bias=False)
        self.alpha = nn.Parameter(torch.tensor(0.5))  # background
        self.beta = nn.Parameter(torch.tensor(1.0))  # foreground
        self.expand = nn.Sequential(
            nn.Conv2d(inner, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (b c h w) to (b c h w)."""
        size = x.shape[2:]
        if min(size) // self.factor >= 8:
            x = F.avg_pool2d(x, self.factor)
        x = self.decompose(x)
        x = x * self.attention(x)
        mask = self.foreground(x).sigmoid()  # b 1 h w
        x = x * (self.alpha * (1 - mask) + self.beta * mask)
        return F.interpolate(self.expand(x), size=size, mode="bilinear")


class MSFG(nn.Module):
    """Multiscale frequency guidance of one stage: X + mean over scales of the branches.

    Args:
        channels: c, even.
        scales: S, number of branches (1 = single-scale spatial guidance).
        frequencies: K, number of DCT components (1 = single-frequency channel guidance).
        grid: largest side of the DCT grid; 56, 28, 14, 7 for strides 4, 8, 16, 32.
        min_channels: a branch's width is max(c / 2^s, min_channels).
    """

    def __init__(
        self, channels: int, *, scales: int = 3, frequencies: int = 32, grid: int = 56, min_channels: int = 64
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(ScaleBranch(channels, s, frequencies, grid, min_channels) for s in range(scales))

    def forward(self, x: Tensor) -> Tensor:
        """Map (b c h w) to (b c h w)."""
        return x + torch.stack([branch(x) for branch in self.branches]).mean(0)
