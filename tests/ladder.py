"""The plain ladder form of the directional filter bank: the tests' oracle, and the benchmark's peer.

Checked against a literal NumPy transcription (test_ladder.py). Tree, steps and band order of Do and Vetterli's
contourlet toolbox, on sheared arrays with plain periodic extension; equal to the package's filter bank for l = 2, for
l >= 3 only where the image is far from the border, because the shear does not close and a seam is filtered into the
bands. Square images only.
"""

from functools import lru_cache

import torch
from torch import Tensor

from mmsnet_lite.frequency.filters import ladder_filter
from mmsnet_lite.frequency.periodic import extend, slide

_SQRT2 = 2**0.5

# --- where the samples go: resampling, on a 2-D array --------------------------------------------------------------


def _shear_rows(x: Tensor, shift: int) -> Tensor:
    """``y[i, j] = x[(i + shift j) mod h, j]``: the toolbox's R1 (shift 1) and R2 (shift -1)."""
    h, w = x.shape
    rows = torch.arange(h, device=x.device)[:, None] + shift * torch.arange(w, device=x.device)
    return x.gather(0, rows % h)


def _shear_columns(x: Tensor, shift: int) -> Tensor:
    """``y[i, j] = x[i, (j + shift i) mod w]``: the toolbox's R3 (shift 1) and R4 (shift -1)."""
    h, w = x.shape
    columns = torch.arange(w, device=x.device) + shift * torch.arange(h, device=x.device)[:, None]
    return x.gather(1, columns % w)


def _parallelogram1(x: Tensor) -> Tensor:
    """P1, even rows sheared one way; odd rows too, after one step left. (h, w) -> (2, h/2, w)."""
    return torch.stack([_shear_columns(x[0::2], 1), _shear_columns(x[1::2].roll(-1, 1), 1)])


def _parallelogram2(x: Tensor) -> Tensor:
    """P2, even rows and odd rows sheared the other way. (h, w) -> (2, h/2, w)."""
    return torch.stack([_shear_columns(x[0::2], -1), _shear_columns(x[1::2], -1)])


def _quincunx(x: Tensor) -> Tensor:
    """Q1: the two quincunx cosets, each made rectangular. (h, w) -> (2, h/2, w)."""
    return _parallelogram1(_shear_rows(x, -1))


def _backsampling(x: Tensor, count: int) -> Tensor:
    """Undo the shear that the tree left in each of `count` wide bands. (h, w) -> (count, h, w)."""
    pairs = count // 2
    return torch.stack([_shear_columns(x, 2 * (k // 2 + 1) - (pairs + 1)) for k in range(count)])


_STEPS = {
    "quincunx": lambda x: _quincunx(x)[None],
    "parallelograms": lambda x: torch.stack([_parallelogram1(x), _parallelogram2(x)]),
}


@lru_cache(maxsize=128)
def _permutation(step: str | int, h: int, w: int, device: torch.device) -> Tensor:
    """The step above as an index per output sample, (arrays, h w); an integer step is back-sampling of that many bands.

    Obtained by sending an image of sample numbers through the step. Shared between calls: never written to.
    """
    with torch.inference_mode(False):  # a first call in inference mode must not spoil a later training step
        numbers = torch.arange(h * w, device=device).reshape(h, w)
        moved = _backsampling(numbers, step) if isinstance(step, int) else _STEPS[step](numbers)
        return moved.reshape(-1, h * w).contiguous()


def _permute(x: Tensor, step: str | int) -> Tensor:
    """Apply a step to x (k ... h w) with h w samples per array; array i takes permutation i mod their number."""
    *lead, h, w = x.shape
    index = _permutation(step, h, w, x.device)
    flat = x.reshape(-1, len(index), *lead[1:], h * w)
    index = index.reshape(1, len(index), *[1] * (len(lead) - 1), h * w).expand(flat.shape)
    return flat.gather(-1, index).reshape(x.shape)


# --- what happens to their values: the ladder ----------------------------------------------------------------------


def _fan(x: Tensor, ladder: str, shift: int, quincunx: bool) -> Tensor:
    """Filter rows and columns with the ladder's taps, periodic, same size.

    After a quincunx split, leaving the array at the top or bottom re-enters it half a width further: x stacked on its
    own half-width rotation is plainly periodic.
    """
    taps = ladder_filter(ladder)
    before, after = (len(taps) - 1) // 2 + shift, len(taps) // 2 - shift
    h, w = x.shape[-2:]
    x = slide(extend(x, before, after, -1), taps, -1)
    if quincunx:
        x = torch.cat([x, x.roll(w // 2, -1)], -2)
    return slide(extend(x, before, after, -2).narrow(-2, 0, h + before + after), taps, -2)


def _split(x: Tensor, step: str, ladder: str, quincunx: bool = False) -> tuple[Tensor, Tensor]:
    """Two bands of half the rows: polyphase parts, then the two ladder rungs. (k ... h w) -> 2 x (k ... h/2 w)."""
    h = x.shape[-2]
    p0, p1 = _permute(x, step).split(h // 2, -2)
    y0 = (p0 - _fan(p1, ladder, 1, quincunx)) / _SQRT2
    y1 = -_SQRT2 * p1 - _fan(y0, ladder, 0, quincunx)
    return y0, y1


def _interleave(y0: Tensor, y1: Tensor) -> Tensor:
    """Children in tree order, the second output first: (k ... ) -> (2k ...)."""
    return torch.stack([y1, y0], 1).flatten(0, 1)


def _fold_halves(y: Tensor) -> Tensor:
    """Transpose the first half of the arrays, (k ... h w) with h = w."""
    first, second = y.chunk(2)
    return torch.cat([first.mT, second])


# --- the tree ------------------------------------------------------------------------------------------------------


def ladder_filter_bank(x: Tensor, levels: int, ladder: str = "pkva") -> tuple[Tensor, ...]:
    """Square images (b c n n), n divisible by 2^(l-1), to 2^l directional bands; l = `levels`, 2 or more."""
    # The second split and the whole second half of the tree are the first ones transposed, so arrays (k b c h w) are
    # kept in the frame in which rows are halved, and turned at the end.
    y = torch.stack(_split(x[None], "quincunx", ladder, quincunx=True), 1).flatten(0, 1).mT
    y = _fold_halves(_interleave(*_split(y, "quincunx", ladder)))
    for _ in range(levels - 2):
        y = _interleave(*_split(y, "parallelograms", ladder))
    if levels > 2:
        y = _permute(y, 2 ** (levels - 1))
    wide, tall = y.chunk(2)
    return (*wide.unbind(), *tall.flip(0).mT.contiguous().unbind())
