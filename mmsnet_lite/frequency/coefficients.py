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


def fits(h: int, w: int, unit: int) -> bool:
    """Whether both sides are positive multiples of `unit`."""
    return h >= unit and w >= unit and h % unit == 0 and w % unit == 0


def nearest_sizes(h: int, w: int, unit: int) -> str:
    """Words for an error: the nearest positive multiples of `unit` for each side that is none."""
    sizes = (
        f"{name} {side // unit * unit} or {-(-side // unit) * unit}" if side > unit else f"{name} {unit}"
        for name, side in (("height", h), ("width", w))
        if not fits(side, side, unit)
    )
    return f"nearest that fit: {' and '.join(sizes)}; see pad_to_fit"


def pad_to_multiple(x: Tensor, unit: int) -> tuple[Tensor, tuple]:
    """Enlarge images to multiples of `unit`, by mirroring them at the bottom and on the right.

    ``padded[window]`` is `x` again. Rows and columns keep their numbers, so bands keep their sampling phase.

    Convention: the mirror lies behind the last sample (``a b c | c b a``), however far.

    Args:
        x: images (b c h w), float32 or float64.
        unit: 1 or more.

    Returns:
        padded (b c H W), H and W the smallest that fit, and the window, an index.

    Raises:
        ValueError: for what is no image batch.
    """
    x = check_image(x)
    window = (..., *(slice(0, side) for side in x.shape[-2:]))
    for dim in (-2, -1):
        n = x.shape[dim]
        index = torch.arange(-(-n // unit) * unit, device=x.device) % (2 * n)
        x = x.index_select(dim, torch.minimum(index, 2 * n - 1 - index))
    return x, window


def check_count(levels: int) -> None:
    """Raises ValueError unless a number of levels is an integer of 1 or more."""
    if not hasattr(levels, "__index__") or isinstance(levels, bool) or levels < 1:
        raise ValueError(f"levels must be 1 or more, an integer, got {levels!r}")


def check_band(band: Tensor, name: str, like: Tensor, shape: tuple[int, int]) -> Tensor:
    """A band (b c h w) in the precision of `like` and with its batch and channels; ValueError names the band."""
    try:
        band = check_image(band)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if tuple(band.shape) != (*like.shape[:2], *shape):
        raise ValueError(f"{name} has shape {tuple(band.shape)}, expected {(*like.shape[:2], *shape)}")
    return band.to(like.dtype)


class SubbandTransform(nn.Module, ABC):
    """An invertible transform into a low band and levels of bands; no parameters, no buffers.

    Convention: float16 and bfloat16 images are transformed in float32, inside autocast too; an inverse is computed in
    the precision of the low band, at least float32.
    """

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

    def _checked(self, coefficients: ContourletCoefficients) -> ContourletCoefficients:
        """The coefficients, all in the low band's precision (at least float32).

        Raises:
            ValueError: for a missing band, one that is no image batch or whose shape does not belong; it is named.
        """
        if not isinstance(coefficients, tuple) or len(coefficients) != 2:
            raise ValueError(f"expected the pair (low, bands) that forward returns, got {type(coefficients).__name__}")
        low, bands = check_image(coefficients[0]), coefficients[1]
        shapes = self.band_shapes(*(side << len(bands) for side in low.shape[-2:]))
        given, expected = [len(level) for level in bands], [len(level) for level in shapes.bands]
        if given != expected:
            raise ValueError(f"expected {expected} bands per level (coarse to fine), got {given}")
        checked = tuple(
            tuple(
                check_band(band, f"bands[{j}][{k}]", low, shape)
                for k, (band, shape) in enumerate(zip(level, level_shapes, strict=True))
            )
            for j, (level, level_shapes) in enumerate(zip(bands, shapes.bands, strict=True))
        )
        return ContourletCoefficients(low, checked)

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
            ValueError: for a missing band or a shape that does not belong, or a size below 1.
        """
        low, bands = self._checked(coefficients)
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"size must be a pair (h, w) of 1 or more, got {tuple(size)}")
        maps = [low / 2 ** len(bands), *(band.abs() if modulus else band for level in bands for band in level)]
        return torch.stack([F.interpolate(each, size=tuple(size), mode="bilinear") for each in maps], 2)

    def pad_to_fit(self, x: Tensor) -> tuple[Tensor, tuple]:
        """Enlarge images to the next size that fits, reversibly; see `pad_to_multiple`."""
        return pad_to_multiple(x, self.size_unit())
