"""The Fourier high-pass that EVP uses as its hand-crafted prompt."""

import torch
from torch import Tensor

from .periodic import check_image


def high_pass(x: Tensor, ratio: float = 0.25) -> Tensor:
    """Remove a centred square of low frequencies: ``|Re F^-1( M . F x )|``.

    F is the 2-D DFT with the zero frequency shifted to the centre; M is 0 on a square of side
    ``s = 2 floor( sqrt(ratio h w) / 2 )`` and 1 elsewhere. At 352 x 352 and ratio 0.25, s = 176.

    Convention: the square covers the centred frequencies -s/2 .. s/2 - 1 on both axes, one more negative than positive,
    as in EVP's code; it is cut to the spectrum where an elongated image is narrower than s.
    Convention: the modulus is taken, so the result is >= 0 even for a signed `x`. ``ratio = 0`` gives ``|x|``.

    Args:
        x: images (b c h w), any size, float32 or float64, any value range.
        ratio: the share of the spectrum's area to remove, 0 to 1.

    Returns:
        (b c h w), non-negative, in the units of `x`; zero for a constant image unless s = 0.

    Raises:
        ValueError: for a ratio outside 0 to 1, or an `x` that is no float image batch.

    Source: Liu, Shen, Pun and Cun, "Explicit Visual Prompting for Low-Level Structure Segmentations" (CVPR 2023).
    """
    check_image(x)
    if not 0 <= ratio <= 1:
        raise ValueError(f"ratio must lie between 0 and 1, got {ratio}")
    h, w = x.shape[-2:]
    half = int((ratio * h * w) ** 0.5 / 2)
    keep = torch.ones(h, w, dtype=torch.bool, device=x.device)
    keep[max(h // 2 - half, 0) : h // 2 + half, max(w // 2 - half, 0) : w // 2 + half] = False
    spectrum = torch.fft.fftshift(torch.fft.fft2(x), dim=(-2, -1)) * keep
    return torch.fft.ifft2(torch.fft.ifftshift(spectrum, dim=(-2, -1))).real.abs()
