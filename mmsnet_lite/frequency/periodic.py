"""Periodic filtering of images along one axis: the one operation that pyramid, filter bank and wavelet share.

Written as weighted sums of slices: exact in the input's own dtype on every device (no TF32, no autocast), and the
taps stay Python numbers, so there is nothing to move between devices.
"""

import torch
from torch import Tensor

from .filters import Taps


def check_image(x: Tensor) -> Tensor:
    """An image batch (b c h w), float16 and bfloat16 as float32; ValueError for what is none."""
    if not isinstance(x, Tensor):
        raise ValueError(f"expected a tensor (b c h w), got {type(x).__name__}; torch.from_numpy makes one of an array")
    if x.ndim != 4 or 0 in x.shape:
        raise ValueError(
            f"expected an image batch (b c h w), got shape {tuple(x.shape)}; add the missing axes, leave none empty"
        )
    if not x.is_floating_point():
        way = "take .real or .abs()" if x.is_complex() else "call .float() first"
        raise ValueError(f"expected a floating-point image batch, got {x.dtype}; {way}")
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def extend(x: Tensor, before: int, after: int, dim: int) -> Tensor:
    """Extend axis ``dim`` periodically, by any length: sample i of the result is ``x[(i - before) mod n]``."""
    n = x.shape[dim]
    head, tail = before % n, after % n
    whole = [x] * (before // n + 1 + after // n)
    return torch.cat([x.narrow(dim, n - head, head), *whole, x.narrow(dim, 0, tail)], dim)


def slide(x: Tensor, taps: Taps, dim: int, stride: int = 1) -> Tensor:
    """Weighted sum over a sliding window, only where the window fits: ``y[n] = sum_k taps[k] x[stride n + k]``."""
    count = (x.shape[dim] - len(taps)) // stride + 1
    windows = [slice(k, k + stride * (count - 1) + 1, stride) for k in range(len(taps))]
    parts = [x[..., window] if dim == -1 else x[..., window, :] for window in windows]
    result = parts[0] * taps[0]
    for part, tap in zip(parts[1:], taps[1:], strict=True):
        result = result.add_(part, alpha=tap)
    return result


def analyse(x: Tensor, taps: Taps, before: int, dim: int) -> Tensor:
    """Filter and keep every second sample: ``y[k] = sum_m taps[m] x[(2k + m - before) mod n]``; n even, halved."""
    return slide(extend(x, before, len(taps) - 2 - before, dim), taps, dim, stride=2)


def synthesise(y: Tensor, taps: Taps, before: int, dim: int) -> Tensor:
    """The adjoint of `analyse`, insert zeros and filter: ``x[n] = sum_k taps[n - 2k + before] y[k]``; doubles the axis.

    Even and odd samples meet only every second tap, so both are filtered apart and interleaved; no zero is touched.
    """
    phases = []
    for phase in (0, 1):
        offset, first = divmod(phase + before, 2)
        part = taps[first::2][::-1]
        lead = len(part) - 1 - offset
        phases.append(slide(extend(y, lead, len(part) - 1 - lead, dim), part, dim))
    return torch.stack(phases, dim).flatten(dim - 1, dim)
