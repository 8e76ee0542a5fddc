"""The directional filter bank: images split into 2^l bands, one per wedge of directions, no sample added.

Bamberger and Smith, "A filter bank for the directional decomposition of images" (1992); tree and band order of Do and
Vetterli's contourlet toolbox. It works on spectra (`responses`, `bank`), so its periodic extension has no seam.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .bank import bank_weights, decimations, join_spectrum, split_spectrum
from .coefficients import check_band, misfit, pad_to_multiple
from .filters import ladder_filter
from .periodic import check_image
from .responses import check_directions


def wedge_angles(levels: int) -> tuple[float, ...]:
    """The direction of each of the 2^l bands: the angle of its wedge's centre line, in degrees.

    Wedges are bounded by straight lines through equal steps on the border of the frequency square: with n = 2^(l-1)
    and k = 0 .. n - 1, the first half lies around (right, up) = (1, (n - 1 - 2k) / n), the second around
    ((2k + 1 - n) / n, 1).

    Convention: the angle of the frequency vector, 0 <= angle < 180, counter-clockwise from horizontal frequency
    (towards the image's top). The edges that a band responds to run across it, at angle + 90.

    Raises:
        ValueError: for l < 2.
    """
    check_directions(levels)
    n = 2 ** (levels - 1)
    first = [math.degrees(math.atan((n - 1 - 2 * k) / n)) % 180 for k in range(n)]
    second = [math.degrees(math.atan2(1, (2 * k + 1 - n) / n)) for k in range(n)]
    return (*first, *second)


class DirectionalFilterBank(nn.Module):
    """A directional filter bank of 2^l bands, critically sampled; it has no state.

    Band k is ``y_k[n] = sum_m a_k[m] x[L n + m]``, periodic, with the ladder tree's equivalent filter a_k and the
    diagonal decimation L; see `responses` for a_k and `bank` for how all bands are computed at once.

    Convention: first half of the bands wide (h/2^(l-1) x w/2), near-vertical edges; second half tall, near-horizontal.
    Convention: the contourlet toolbox's order and sampling phase; `directions` gives each band's angle.
    Convention: moving the image by a band's decimation moves the band by one sample, exactly, for every l.

    Args:
        levels: l, 2 or more.
        ladder: ``"pkva"`` (= ``"pkva12"``), ``"pkva8"`` or ``"pkva6"``.

    Raises:
        ValueError: for l < 2 or an unknown ladder.
    """

    def __init__(self, levels: int = 3, ladder: str = "pkva") -> None:
        super().__init__()
        ladder_filter(ladder)
        self.levels, self.ladder = check_directions(levels), ladder

    def directions(self) -> tuple[float, ...]:
        """The angle of each band in degrees, see `wedge_angles`."""
        return wedge_angles(self.levels)

    def band_shapes(self, h: int, w: int) -> tuple[tuple[int, int], ...]:
        """The 2^l sizes (h_k, w_k) for an h x w image; ValueError for a side that 2^(l-1) does not divide."""
        unit = 2 ** (self.levels - 1)
        if problem := misfit(h, w, unit):
            raise ValueError(
                f"a filter bank of {self.levels} levels needs sides divisible by 2^(levels-1) = {unit}, got {h}x{w}; "
                f"{problem}"
            )
        return tuple((h // a, w // b) for a, b in decimations(self.levels) for _ in range(unit))

    def pad_to_fit(self, x: Tensor) -> tuple[Tensor, tuple]:
        """Enlarge images to the next size that fits; see `pad_to_multiple`."""
        return pad_to_multiple(x, 2 ** (self.levels - 1))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Images (b c h w) to 2^l bands (b c h_k w_k); ValueError for a size that does not fit."""
        x = check_image(x)
        h, w = x.shape[-2:]
        self.band_shapes(h, w)
        weights = bank_weights(h, w, self.levels, self.ladder, None, False, x.dtype, x.device)
        bands = split_spectrum(torch.fft.fft2(x.flatten(0, 1)), self.levels, weights)
        return tuple(band.view(*x.shape[:2], *band.shape[1:]) for band in bands)

    def inverse(self, bands: Sequence[Tensor]) -> Tensor:
        """2^l bands to images (b c h w), one to one; ValueError names a band that does not belong."""
        if len(bands) != 2**self.levels:
            raise ValueError(f"expected {2**self.levels} bands, got {len(bands)}")
        first = check_image(bands[0])
        (a, b), _ = decimations(self.levels)
        h, w = first.shape[-2] * a, first.shape[-1] * b
        shapes = self.band_shapes(h, w)
        bands = [check_band(band, f"band {k}", first, shapes[k]) for k, band in enumerate(bands)]
        weights = bank_weights(h, w, self.levels, self.ladder, None, True, first.dtype, first.device)
        spectrum = join_spectrum([band.flatten(0, 1) for band in bands], self.levels, weights)
        image = torch.fft.irfft2(spectrum[..., : w // 2 + 1], s=(h, w))
        return image.view(*first.shape[:2], h, w)
