"""FEP, the frequency enhancement prompt: what the adaptor is told about the image's frequencies.

A linear merge of directional bands followed by a linear inverse cancels the filter bank, and a signed band averages
away when it is resized. So each band meets a modulus first and learned weights second:

    F_hc^0 = (x - G^J H^J x)  +  sum_k w_k * resize(|band_k| / sigma_level)  +  w_0 * resize(low / 2^J)  +  bias

with H, G the 9-7 low-pass pair down and up again, so that the first term is what the low band misses, and bands of the
luma. The paper does not state the fusion; this reading is ours.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsnet_lite.errors import InputError
from mmsnet_lite.frequency import ContourletTransform, WaveletTransform, laplacian_high_pass
from mmsnet_lite.frequency.fourier import high_pass

KINDS = ("contourlet", "wavelet", "fft", "none")
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, on whatever range the image has

# Standard deviation of the luma's bands, coarse to fine, over the training images of MixLite at 128 px, normalised.
# Measured by `python benchmarks/band_statistics.py`; a test compares them.
BAND_STD = {
    "contourlet": (0.7527, 0.3291, 0.1286),
    "wavelet": (0.7534, 0.3234, 0.1247),
}


def check_prompted(x: Tensor) -> Tensor:
    """Normalised images (b 3 h w) as they are; InputError for another shape or integer pixels."""
    if x.ndim != 4 or x.shape[1] != 3 or not x.is_floating_point():
        raise InputError(
            f"a prompt needs normalised floating-point images (b 3 h w), got {x.dtype} of shape {tuple(x.shape)}; "
            "see mmsnet_lite.data.normalise"
        )
    return x


class BandPrompt(nn.Module):
    """Contourlet or wavelet prompt: moduli of the luma's bands, merged by a learned 1x1 convolution."""

    luma: Tensor
    band_std: Tensor

    def __init__(self, kind: str, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.transform = band_transform(kind, levels)
        bands = 3 * len(levels) if kind == "wavelet" else sum(2**level for level in levels)
        self.mix = nn.Conv2d(1 + bands, 3, 1)
        self.register_buffer("luma", torch.tensor(LUMA).view(1, 3, 1, 1))
        self.register_buffer("band_std", torch.tensor(BAND_STD[kind]))

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised images (b 3 h w) to a frequency map (b 3 h w)."""
        number_format = check_prompted(x).dtype
        x = x if x.dtype == torch.float64 else x.float()
        low, bands = self.transform((x * self.luma.to(x)).sum(1, keepdim=True))
        groups = [low / 2 ** len(bands)]
        for level, std in zip(bands, self.band_std.to(x), strict=True):
            sizes = dict.fromkeys(tuple(band.shape[2:]) for band in level)  # a level holds wide and tall bands
            groups += [torch.cat([b.abs() / std for b in level if b.shape[2:] == size], 1) for size in sizes]
        # Pyramid and wavelet share the 9-7 pair, so the high-pass is x minus the rebuilt low band for both. A 1x1
        # convolution commutes with bilinear resizing: mixing first resizes 3 maps a group, not every band.
        merged = laplacian_high_pass(x, len(bands))
        weights = self.mix.weight.split([group.shape[1] for group in groups], dim=1)
        for i, (group, weight) in enumerate(zip(groups, weights, strict=True)):
            mixed = F.conv2d(group.to(weight.dtype), weight, self.mix.bias if i == 0 else None)
            merged = merged + F.interpolate(mixed, size=x.shape[2:], mode="bilinear")
        return merged.to(number_format)


class FourierPrompt(nn.Module):
    """EVP's prompt: the image without the central quarter of its spectrum's area, modulus of the real inverse."""

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised images (b 3 h w) to a frequency map (b 3 h w)."""
        return high_pass(check_prompted(x), ratio=0.25).to(x.dtype)


def band_transform(kind: str, levels: tuple[int, ...]) -> ContourletTransform | WaveletTransform:
    """The transform of kind "contourlet" or "wavelet"; InputError for levels that do not fit."""
    if len(levels) != len(BAND_STD[kind]):
        raise InputError(f"levels = {levels} does not fit; band statistics exist for three levels, such as (2, 3, 4)")
    try:
        return ContourletTransform(levels) if kind == "contourlet" else WaveletTransform(len(levels))
    except ValueError as error:
        raise InputError(f"levels = {levels} does not fit: {error}") from error


def build_fep(kind: str, levels: tuple[int, ...] = (2, 3, 4)) -> nn.Module | None:
    """The prompt named `kind`, one of `KINDS`; None for "none".

    `levels` are the contourlet's three directional levels, coarse to fine; the wavelet takes as many.

    Raises:
        InputError: unknown kind, or levels that do not fit.
    """
    if kind not in KINDS:
        raise InputError(f"fep = {kind!r} is unknown; choose one of {', '.join(KINDS)}")
    if kind == "none":
        return None
    return FourierPrompt() if kind == "fft" else BandPrompt(kind, levels)
