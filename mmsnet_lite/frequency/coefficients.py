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


def misfit(h: int, w: int, unit: int) -> str:
    """Words for an error: the nearest positive multiples of `unit` for each side that is none; empty when both are."""
    sizes = [
        f"{name} {side // unit * unit} or {-(-side // unit) * unit}" if side > unit else f"{name} {unit}"
        for name, side in (("height", h), ("width", w))
        if side < unit or side % unit
    ]
    return f"nearest that fit: {' and '.join(sizes)}; see pad_to_fit" if sizes else ""


def pad_to_multiple(x: Tensor, unit: int) -> tuple[Tensor, tuple]:
    """Enlarge images (b c h w) to the next multiples of `unit`; returns them and a window, ``padded[window]`` is `x`.

    Convention: mirrored at the bottom and on the right, behind the last sample (``a b c | c b a``), however far; rows
    and columns keep their numbers, so bands keep their sampling phase.
    """
    x = check_image(x)
    window = (..., *(slice(0, side) for side in x.shape[-2:]))
    for dim in (-2, -1):
        n = x.shape[dim]
        index = torch.arange(-(-n // unit) * unit, device=x.device) % (2 * n)
        x = x.index_select(dim, torch.minimum(index, 2 * n - 1 - index))
    return x, window


def check_halves(h: int, w: int, levels: int) -> None:
    """Raises ValueError unless both sides halve `levels` times."""
    if problem := misfit(h, w, 2**levels):
        raise ValueError(f"{h}x{w} is not divisible by 2^levels = {2**levels}; {problem}")


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
    """An invertible transform of images (b c h w) of any range into a low band and levels of bands, without any state.

    `forward` raises ValueError for what is no floating-point image batch and for a size that does not fit, with the
    nearest that do; `inverse` for a missing band or one that does not belong, and names it.

    Convention: float16 and bfloat16 images are transformed in float32, inside autocast too; an inverse is computed in
    the precision of the low band, at least float32.
    """

    @abstractmethod
    def forward(self, x: Tensor) -> ContourletCoefficients:
        """Images to coefficients, shapes as `band_shapes`."""

    @abstractmethod
    def inverse(self, coefficients: ContourletCoefficients) -> Tensor:
        """Coefficients to images; linear, and exact for those that `forward` returned."""

    @abstractmethod
    def size_unit(self) -> int:
        """Both sides of an image must be multiples of this."""

    @abstractmethod
    def band_shapes(self, h: int, w: int) -> BandShapes:
        """Sizes of all bands of an h x w image; ValueError as in `forward`."""

    def _checked(self, coefficients: ContourletCoefficients) -> ContourletCoefficients:
        """The coefficients, all in the low band's precision (at least float32)."""
        if not isinstance(coefficients, tuple) or len(coefficients) != 2:
            raise ValueError(f"expected the pair (low, bands) that forward returns, got {type(coefficients).__name__}")
        low, bands = check_image(coefficients[0]), coefficients[1]
        shapes = self.band_shapes(*(side << len(bands) for side in low.shape[-2:]))
        given, expected = [len(level) for level in bands], [len(level) for level in shapes.bands]
        if given != expected:
            raise ValueError(f"expected {expected} bands per level (coarse to fine), got {given}")
        checked = []
        for j, level in enumerate(bands):
            named = ((band, f"bands[{j}][{k}]", shapes.bands[j][k]) for k, band in enumerate(level))
            checked.append(tuple(check_band(band, name, low, shape) for band, name, shape in named))
        return ContourletCoefficients(low, tuple(checked))

    def to_maps(self, coefficients: ContourletCoefficients, size: Sequence[int], *, modulus: bool = True) -> Tensor:
        """All N bands as maps (b c 1+N h w) of `size` (h, w): the low band first, then the others, coarse to fine.

        Convention: the low band is divided by 2^J, J levels, so that it is a local mean; bands keep their scale.
        Convention: bands enter by modulus; a signed band oscillates, and resizing averages it away.
        Convention: bilinear, sample centres aligned as areas (``align_corners=False``), no antialiasing.
        """
        low, bands = self._checked(coefficients)
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"size must be a pair (h, w) of 1 or more, got {tuple(size)}")
        maps = [low / 2 ** len(bands), *(band.abs() if modulus else band for level in bands for band in level)]
        return torch.stack([F.interpolate(each, size=tuple(size), mode="bilinear") for each in maps], 2)

    def pad_to_fit(self, x: Tensor) -> tuple[Tensor, tuple]:
        """Enlarge images to the next size that fits; see `pad_to_multiple`."""
        return pad_to_multiple(x, self.size_unit())
