"""Filter, decimate, and back again, for all directional bands of a spectrum at once.

A band's spectrum is ``fold(C_k X) / (a b)``: at every one of its frequencies, a weighted sum of the a x b frequencies
of X that alias there. Half of the bands share a decimation, so for each frequency a small matrix takes a x b numbers to
2^(l-1), and one batched matrix product does the filtering and the decimation of all bands, with nothing in between.

The Laplacian pyramid goes into the same matrix. Its detail is the image minus what low-pass, decimation by 2, expansion
and low-pass keep; the bands' lattices are parts of the pyramid's, so with H and G its responses a band of the detail is
a band of the image with ``C_k = A_k - H tile(fold(G A_k)) / 4``; for the frame inverse, the same with H and G swapped.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .constants import constant, outside_graphs
from .filters import pyramid_filters
from .responses import directional_responses

Weights = tuple[Tensor, Tensor]  # for the wide and for the tall bands


def decimations(levels: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows and columns per sample, (a, b), of the wide and of the tall bands: (2^(l-1), 2) and (2, 2^(l-1))."""
    return (2 ** (levels - 1), 2), (2, 2 ** (levels - 1))


@outside_graphs
@constant(maxsize=256)
def low_pass(n: int, pyramid: str, synthesis: bool, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The real response of a pyramid's filter h, or g for synthesis, at the n frequencies of a DFT."""
    taps = pyramid_filters(pyramid)[synthesis]
    offsets = torch.arange(len(taps), dtype=torch.float64, device="cpu") - len(taps) // 2
    angles = 2 * math.pi / n * torch.arange(n, dtype=torch.float64, device="cpu")[:, None] * offsets
    return (torch.cos(angles) @ torch.tensor(taps, dtype=torch.float64, device="cpu")).to(device, dtype)


def _fold2(spectrum: Tensor) -> Tensor:
    """Sum over the four aliases of a decimation by 2 along both axes, tiled back: (h w) -> (h w)."""
    (h, w) = spectrum.shape
    return spectrum.view(2, h // 2, 2, w // 2).sum((0, 2)).tile(2, 2)


@outside_graphs
@constant(maxsize=48)  # three levels, both ways: 8 sizes, about 200 MiB when they are near 352 x 352
def bank_weights(
    h: int,
    w: int,
    levels: int,
    ladder: str,
    pyramid: str | None,
    synthesis: bool,
    dtype: torch.dtype,
    device: torch.device,
) -> Weights:
    """The matrices of all frequencies of an h x w image, for `split_spectrum`, or with `synthesis` for `join_spectrum`.

    Args:
        pyramid: fold one level of this Laplacian pyramid into the filters; None for the filter bank alone.
        dtype, device: of the images.

    Returns:
        Analysis: (frequencies, bands, aliases) for the half of each band's spectrum that determines a real band,
        divided by a b. Synthesis: (frequencies, aliases, bands) for the whole of it.
    """
    outer = inner = torch.zeros((), device="cpu")
    if pyramid is not None:
        cpu = torch.device("cpu")
        reduce, expand = (
            low_pass(h, pyramid, which, torch.float64, cpu)[:, None] * low_pass(w, pyramid, which, torch.float64, cpu)
            for which in (False, True)
        )
        outer, inner = (expand, reduce) if synthesis else (reduce, expand)
    responses = directional_responses(h, w, levels, ladder, synthesis=synthesis)
    halves = []
    for a, b in decimations(levels):
        rows, columns = h // a, w // b
        kept = columns if synthesis else columns // 2 + 1
        weights = torch.empty(rows, kept, 2 ** (levels - 1), a, b, dtype=dtype.to_complex(), device="cpu")
        for k in range(2 ** (levels - 1)):
            response = next(responses)
            if pyramid is not None:
                response = response - outer * _fold2(inner * response) / 4
            aliases = response.view(a, rows, b, columns)[..., :kept].permute(1, 3, 0, 2)
            weights[:, :, k] = aliases if synthesis else aliases / (a * b)
        weights = weights.view(rows * kept, -1, a * b)
        halves.append((weights.mT.contiguous() if synthesis else weights).to(device))
    return halves[0], halves[1]


def split_spectrum(spectrum: Tensor, levels: int, weights: Weights) -> list[Tensor]:
    """Spectra (n h w) of real images to 2^l real bands (n h_k w_k)."""
    n, h, w = spectrum.shape
    bands: list[Tensor] = []
    for (a, b), weight in zip(decimations(levels), weights, strict=True):
        rows, columns = h // a, w // b
        kept = columns // 2 + 1
        aliases = spectrum.view(n, a, rows, b, columns)[..., :kept].permute(2, 4, 1, 3, 0)
        folded = weight @ aliases.reshape(rows * kept, a * b, n)
        folded = folded.view(rows, kept, -1, n).permute(2, 3, 0, 1)
        bands += torch.fft.irfft2(folded, s=(rows, columns)).unbind()
    return bands


def join_spectrum(bands: Sequence[Tensor], levels: int, weights: Weights) -> Tensor:
    """2^l real bands (n h_k w_k), filtered with synthesis weights, to the spectra (n h w) of their sum."""
    half, sums = len(bands) // 2, []
    for (a, b), weight, part in zip(decimations(levels), weights, (bands[:half], bands[half:]), strict=True):
        spectra = torch.fft.fft2(torch.stack(tuple(part))).permute(2, 3, 0, 1).contiguous()
        rows, columns, _, n = spectra.shape
        tiled = (weight @ spectra.flatten(0, 1)).view(rows, columns, a, b, n)
        sums.append(tiled.permute(4, 2, 0, 3, 1).reshape(n, a * rows, b * columns))
    return sums[0] + sums[1]
