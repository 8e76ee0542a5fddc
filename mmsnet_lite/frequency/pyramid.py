"""The Laplacian pyramid: an image as a half-size low band plus the full-size detail that the low band misses.

Do and Vetterli, "Framing pyramids" (IEEE Trans. Signal Processing, 2003); Burt and Adelson (1983).
"""

from torch import Tensor

from .coefficients import BandShapes, ContourletCoefficients, SubbandTransform, check_count, check_halves
from .filters import pyramid_filters
from .periodic import analyse, check_image, synthesise


def _reduce(x: Tensor, pyramid: str) -> Tensor:
    """H: low-pass along both axes, keep the even rows and columns. (..., h, w) -> (..., h/2, w/2)."""
    taps = pyramid_filters(pyramid).analysis
    return analyse(analyse(x, taps, len(taps) // 2, -1), taps, len(taps) // 2, -2)


def _expand(c: Tensor, pyramid: str) -> Tensor:
    """G: insert zeros between rows and columns, low-pass along both axes. (..., h, w) -> (..., 2h, 2w)."""
    taps = pyramid_filters(pyramid).synthesis
    return synthesise(synthesise(c, taps, len(taps) // 2, -1), taps, len(taps) // 2, -2)


def laplacian_step(x: Tensor, pyramid: str = "9-7") -> tuple[Tensor, Tensor]:
    """One pyramid level of images (b c h w): ``low = H x`` (b c h/2 w/2) and ``detail = x - G low`` (b c h w).

    H filters with h along rows and columns and keeps every second sample, G inserts zeros and filters with g; the
    extension is periodic. The detail of a constant image is zero. `pyramid` is ``"9-7"`` or ``"5-3"``.

    Convention: samples with even 0-based index are kept. `low` is 2 x the local mean, as in the contourlet toolbox.

    Raises:
        ValueError: for an odd side or an unknown filter.

    Source: Do and Vetterli, "The contourlet transform" (2005), section II.
    """
    x = check_image(x)
    check_halves(x.shape[-2], x.shape[-1], 1)
    low = _reduce(x, pyramid)
    return low, x - _expand(low, pyramid)


def laplacian_step_inverse(low: Tensor, detail: Tensor, pyramid: str = "9-7") -> Tensor:
    """Undo `laplacian_step` by the frame inverse ``x = G (low - H detail) + detail``.

    Convention: Do and Vetterli's left inverse ("Framing pyramids"), not Burt's ``G low + detail``. They agree on
    untouched coefficients; this one ignores any part ``G c`` added to the detail, which no image could have put there.

    Raises:
        ValueError: when the shapes do not belong together, or for an unknown filter.
    """
    low, detail = check_image(low), check_image(detail)
    if detail.shape != (*low.shape[:-2], 2 * low.shape[-2], 2 * low.shape[-1]):
        raise ValueError(f"detail {tuple(detail.shape)} must have twice the height and width of low {tuple(low.shape)}")
    return _expand(low - _reduce(detail, pyramid), pyramid) + detail


def laplacian_high_pass(x: Tensor, levels: int = 3, pyramid: str = "9-7") -> Tensor:
    """Images (b c h w) minus what the pyramid rebuilds from their low band alone: ``x - G^J H^J x``, J = `levels`.

    It equals a contourlet transform with `low` set to zero, inverted: the directions cancel. More levels keep lower
    frequencies. Zero for a constant image.

    Convention: signed, in the units of `x`; no scaling.

    Raises:
        ValueError: for a size that does not halve J times, J < 1, or an unknown filter.
    """
    x = check_image(x)
    check_count(levels)
    check_halves(x.shape[-2], x.shape[-1], levels)
    low = x
    for _ in range(levels):
        low = _reduce(low, pyramid)
    for _ in range(levels):
        low = _expand(low, pyramid)
    return x - low


class LaplacianPyramid(SubbandTransform):
    """The Laplacian pyramid of J levels, 1 or more, with the filters ``"9-7"`` or ``"5-3"``; redundancy up to 4/3.

    With ``x_0 = x``, for j = 1 (finest) .. J: ``x_j = H x_{j-1}``, ``d_j = x_{j-1} - G x_j``; ``low = x_J``.

    Convention: ``bands[0] = (d_J,)`` is the coarsest, ``bands[-1] = (d_1,)`` the finest, of the image's size.
    Convention: ``low`` is 2^J x the local mean, as in `ContourletTransform`.
    """

    def __init__(self, levels: int = 3, pyramid: str = "9-7") -> None:
        super().__init__()
        check_count(levels)
        pyramid_filters(pyramid)
        self.levels, self.pyramid = levels, pyramid

    def size_unit(self) -> int:
        """Both sides must be multiples of 2^J."""
        return 2**self.levels

    def band_shapes(self, h: int, w: int) -> BandShapes:
        """At level j (1 = finest) one band of (h / 2^(j-1), w / 2^(j-1))."""
        check_halves(h, w, self.levels)
        bands = tuple(((h >> j, w >> j),) for j in reversed(range(self.levels)))
        return BandShapes((h >> self.levels, w >> self.levels), bands)

    def forward(self, x: Tensor) -> ContourletCoefficients:
        """Images to coefficients."""
        low = check_image(x)
        self.band_shapes(*x.shape[-2:])
        bands = []
        for _ in range(self.levels):
            low, detail = laplacian_step(low, self.pyramid)
            bands.append((detail,))
        return ContourletCoefficients(low, tuple(reversed(bands)))

    def inverse(self, coefficients: ContourletCoefficients) -> Tensor:
        """Coefficients to images, by the frame inverse."""
        low, bands = self._checked(coefficients)
        for (detail,) in bands:
            low = laplacian_step_inverse(low, detail, self.pyramid)
        return low
