"""The contourlet transform: a Laplacian pyramid whose details are split into directions.

Do and Vetterli, "The contourlet transform: an efficient directional multiresolution image representation" (IEEE Trans.
Image Processing, 2005), with the conventions of their MATLAB toolbox, written from the formulas.
"""

from typing import NamedTuple

from torch import Tensor, nn

from .directional import directional_filter_bank, directional_filter_bank_inverse
from .filters import ladder_filter, pyramid_filters
from .periodic import check_image
from .pyramid import laplacian_step, laplacian_step_inverse


class ContourletCoefficients(NamedTuple):
    """What a transform of this room returns: `low` (b c h w) and ``bands[j][k]`` (b c h_jk w_jk), coarse to fine."""

    low: Tensor
    bands: tuple[tuple[Tensor, ...], ...]


class BandShapes(NamedTuple):
    """Heights and widths nested as the coefficients: ``low`` and ``bands[j][k]``, each (h, w)."""

    low: tuple[int, int]
    bands: tuple[tuple[tuple[int, int], ...], ...]


def check_coefficients(coefficients: ContourletCoefficients, shapes: BandShapes) -> None:
    """Raises ValueError naming the first band whose presence or size does not match `shapes`."""
    low, bands = coefficients
    check_image(low)
    given, expected = [len(level) for level in bands], [len(level) for level in shapes.bands]
    if given != expected:
        raise ValueError(f"expected {expected} bands per level (coarse to fine), got {given}")
    for j, level in enumerate(bands):
        for k, band in enumerate(level):
            if tuple(band.shape) != (*low.shape[:2], *shapes.bands[j][k]):
                raise ValueError(
                    f"bands[{j}][{k}] has shape {tuple(band.shape)}, expected {(*low.shape[:2], *shapes.bands[j][k])}"
                )


class ContourletTransform(nn.Module):
    """The contourlet transform of square images; no parameters, no buffers.

    With ``x_0 = x`` and J = ``len(levels)``, for j = 1 (finest) .. J: ``x_j = H x_{j-1}``, ``d_j = x_{j-1} - G x_j``,
    and d_j is split into ``2^l`` directions; ``low = x_J``. See `laplacian_step` and `directional_filter_bank`.

    Convention: ``levels[0]`` and ``bands[0]`` are the coarsest level, ``levels[-1]`` and ``bands[-1]`` the finest.
    Convention: ``low`` is 2^J x the local mean, as in the toolbox (8 for a constant image of ones at J = 3): divide it
    by 2^J before feeding a network. All bands of a constant image are zero.
    Convention: within a level the toolbox's order, wide bands (near-vertical edges) first, then tall ones.
    Convention: periodic extension; the image continues at its opposite edge.

    Args:
        levels: l per pyramid level, each 2 or more: ``2^l`` directions.
        pyramid: ``"9-7"`` or ``"5-3"``.
        ladder: ``"pkva"`` (= ``"pkva12"``), ``"pkva8"`` or ``"pkva6"``.

    Raises:
        ValueError: for an empty `levels`, an l below 2, or an unknown filter.

    Source: Do and Vetterli (2005), sections II to IV.
    """

    def __init__(self, levels: tuple[int, ...] = (2, 3, 4), pyramid: str = "9-7", ladder: str = "pkva") -> None:
        super().__init__()
        self.levels = tuple(levels)
        self.pyramid, self.ladder = pyramid, ladder
        pyramid_filters(pyramid), ladder_filter(ladder)
        if not self.levels:
            raise ValueError("levels is empty; give one entry per pyramid level, for example (2, 3, 4)")
        for j, depth in enumerate(self.levels):
            if not isinstance(depth, int) or depth < 2:
                raise ValueError(
                    f"levels[{j}] = {depth!r}: each entry l must be an integer of 2 or more (2^l directions); "
                    "0 (no directions) and 1 (two quincunx bands on a diamond lattice) are not offered"
                )

    def extra_repr(self) -> str:
        return f"levels={self.levels}, pyramid={self.pyramid!r}, ladder={self.ladder!r}"

    def size_unit(self) -> int:
        """The side of an image must be a multiple of this: the largest of ``2^(j-1) 2^(l_j-1)``, j = 1 the finest."""
        return max(2 ** (j + depth - 1) for j, depth in enumerate(reversed(self.levels)))

    def _check_size(self, h: int, w: int) -> None:
        unit = self.size_unit()
        low, high = max(min(h, w) // unit * unit, unit), -(-max(h, w) // unit) * unit
        fits = f"{low}x{low}" if low == high else f"{low}x{low} or {high}x{high}"
        if h != w:
            raise ValueError(f"the contourlet transform needs a square image, got {h}x{w}; nearest that fit: {fits}")
        for j, depth in enumerate(reversed(self.levels)):
            if h % 2 ** (j + depth - 1):
                raise ValueError(
                    f"levels[{len(self.levels) - 1 - j}] = {depth} (pyramid level {j + 1}, 1 = finest) of a {h}x{w} "
                    f"image works on a side of {h / 2**j:g}, not divisible by 2^({depth}-1) = {2 ** (depth - 1)}; "
                    f"levels={self.levels} needs a multiple of {unit}, nearest that fit: {fits}"
                )

    def band_shapes(self, h: int, w: int) -> BandShapes:
        """Sizes of all bands of an h x w image, nested as the coefficients, without transforming anything.

        With n = h / 2^(j-1) at pyramid level j: 2^(l-1) bands (n / 2^(l-1), n / 2), then as many transposed.

        Raises:
            ValueError: for a size that does not fit, as `forward`.
        """
        self._check_size(h, w)
        bands = []
        for j, depth in zip(reversed(range(len(self.levels))), self.levels, strict=True):
            n, half = h >> j, 2 ** (depth - 1)
            bands.append(((n // half, n // 2),) * half + ((n // 2, n // half),) * half)
        return BandShapes((h >> len(self.levels), w >> len(self.levels)), tuple(bands))

    def forward(self, x: Tensor) -> ContourletCoefficients:
        """Transform images.

        Args:
            x: (b c n n), float32 or float64, any value range; n a multiple of `size_unit`.

        Returns:
            `low` (b c n/2^J n/2^J) and ``bands[j][k]``, shapes as `band_shapes`.

        Raises:
            ValueError: for a size that does not fit; the message names the level and the nearest sizes that do.
        """
        check_image(x)
        self._check_size(*x.shape[-2:])
        low, bands = x, []
        for depth in reversed(self.levels):
            low, detail = laplacian_step(low, self.pyramid)
            bands.append(directional_filter_bank(detail, depth, self.ladder))
        return ContourletCoefficients(low, tuple(reversed(bands)))

    def inverse(self, coefficients: ContourletCoefficients) -> Tensor:
        """Rebuild images (b c n n) from their coefficients; exact, and linear in coefficients that were changed.

        Convention: the Do-Vetterli frame inverse at every pyramid level (`laplacian_step_inverse`).

        Raises:
            ValueError: for a missing band or a shape that does not belong; the message names the band.
        """
        low, bands = coefficients
        check_image(low)
        check_coefficients(coefficients, self.band_shapes(*(side << len(self.levels) for side in low.shape[-2:])))
        for level in bands:
            low = laplacian_step_inverse(low, directional_filter_bank_inverse(level, self.ladder), self.pyramid)
        return low
