"""What the transforms of this room share: the container of their coefficients, sizes that fit, bands as maps."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .periodic import check_image


class ContourletCoefficients(NamedTuple):
    """What a transform of this room returns: `low` (b c h w) and ``bands[j][k]`` (b c h_jk w_jk), coarse to fine."""

    low: Tensor
    bands: tuple[tuple[Tensor, ...], ...]


class BandShapes(NamedTuple):
    """Heights and widths nested as the coefficients: ``low`` and ``bands[j][k]``, each (h, w)."""

    low: tuple[int, int]
    bands: tuple[tuple[tuple[int, int], ...], ...]


def nearest_sizes(h: int, w: int, unit: int) -> str:
    """Words for an error: the nearest multiples of `unit` for each side that is none."""
    fits = (
        f"{name} {max(side // unit * unit, unit)} or {-(-side // unit) * unit}" if side > unit else f"{name} {unit}"
        for name, side in (("height", h), ("width", w))
        if side % unit
    )
    return " and ".join(fits)


class SubbandTransform(nn.Module, ABC):
    """An invertible transform into a low band and levels of bands; no parameters, no buffers."""

    @abstractmethod
    def forward(self, x: Tensor) -> ContourletCoefficients:
        """Images (b c h w) to coefficients."""

    @abstractmethod
    def inverse(self, coefficients: ContourletCoefficients) -> Tensor:
        """Coefficients to images (b c h w)."""

    @abstractmethod
    def size_unit(self) -> int:
        """Both sides of an image must be multiples of this."""

    @abstractmethod
    def band_shapes(self, h: int, w: int) -> BandShapes:
        """Sizes of all bands of an h x w image, without transforming anything."""

    def _check_coefficients(self, coefficients: ContourletCoefficients) -> tuple[int, int]:
        """The size of the image that the coefficients belong to; ValueError for a missing band or a wrong shape."""
        low, bands = coefficients
        check_image(low)
        h, w = (side << len(bands) for side in low.shape[-2:])
        shapes = self.band_shapes(h, w)
        given, expected = [len(level) for level in bands], [len(level) for level in shapes.bands]
        if given != expected:
            raise ValueError(f"expected {expected} bands per level (coarse to fine), got {given}")
        for j, level in enumerate(bands):
            for k, band in enumerate(level):
                shape = (*low.shape[:2], *shapes.bands[j][k])
                if tuple(band.shape) != shape:
                    raise ValueError(f"bands[{j}][{k}] has shape {tuple(band.shape)}, expected {shape}")
        return h, w

    def to_maps(self, coefficients: ContourletCoefficients, size: Sequence[int], *, modulus: bool = True) -> Tensor:
        """All bands resized to one grid: the low band first, then the others, coarse to fine.

        Convention: the low band is divided by 2^J, so that it is a local mean; bands keep their scale.
        Convention: bands enter by modulus; a signed band oscillates, and resizing averages it away. ``modulus=False``
        keeps the sign.
        Convention: bilinear, sample centres aligned as areas (``align_corners=False``), no antialiasing.

        Args:
            coefficients: as from `forward`, J levels, N bands in all.
            size: (h, w) of the maps.
            modulus: see above.

        Returns:
            maps (b c 1+N h w), in the units of the image.

        Raises:
            ValueError: for a missing band or a shape that does not belong; the message names the band.
        """
        self._check_coefficients(coefficients)
        low, bands = coefficients
        maps = [low / 2 ** len(bands), *(band.abs() if modulus else band for level in bands for band in level)]
        return torch.stack([F.interpolate(each, size=tuple(size), mode="bilinear") for each in maps], 2)

    def pad_to_fit(self, x: Tensor) -> tuple[Tensor, tuple]:
        """Enlarge images to the next size that fits, by mirroring them at the bottom and on the right.

        ``padded[window]`` is `x` again. Rows and columns keep their numbers, so bands keep their sampling phase.

        Convention: the mirror lies behind the last sample (``a b c | c b a``), however far.

        Args:
            x: images (b c h w), float32 or float64.

        Returns:
            padded (b c H W), the smallest multiples of `size_unit`, and the window, an index.

        Raises:
            ValueError: for what is no image batch.
        """
        check_image(x)
        unit, window = self.size_unit(), (..., *(slice(0, side) for side in x.shape[-2:]))
        for dim in (-2, -1):
            n = x.shape[dim]
            index = torch.arange(-(-n // unit) * unit, device=x.device) % (2 * n)
            x = x.index_select(dim, torch.minimum(index, 2 * n - 1 - index))
        return x, window
