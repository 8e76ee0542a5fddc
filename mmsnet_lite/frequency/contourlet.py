"""The contourlet transform: a Laplacian pyramid whose details are split into directions.

Do and Vetterli, "The contourlet transform: an efficient directional multiresolution image representation" (IEEE Trans.
Image Processing, 2005), with the conventions of their MATLAB toolbox, written from the formulas. Computed on spectra:
one FFT in, per level one matrix product for each band shape, one small inverse FFT a band.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .bank import bank_weights, decimations, join_spectrum, low_pass, split_spectrum
from .coefficients import BandShapes, ContourletCoefficients, SubbandTransform, misfit
from .directional import wedge_angles
from .filters import ladder_filter, pyramid_filters
from .periodic import check_image
from .responses import check_directions


class ContourletTransform(SubbandTransform):
    """The contourlet transform of images (b c h w).

    With ``x_0 = x`` and J = ``len(levels)``, for j = 1 (finest) .. J: ``x_j = H x_{j-1}``, ``d_j = x_{j-1} - G x_j``,
    and d_j is split into ``2^l`` directions; ``low = x_J``. See `LaplacianPyramid` and `DirectionalFilterBank`.

    Convention: ``levels[0]`` and ``bands[0]`` are the coarsest level, ``levels[-1]`` and ``bands[-1]`` the finest.
    Convention: ``low`` is 2^J x the local mean, as in the toolbox (8 for a constant image of ones at J = 3): divide it
    by 2^J before feeding a network. All bands of a constant image are zero.
    Convention: within a level the toolbox's order, wide bands (near-vertical edges) first, then tall ones.
    Convention: periodic extension without a seam: moving the image by a band's decimation, 2^(j-1) (2^(l-1), 2) pixels
    for wide bands of pyramid level j, moves the band by one sample, exactly, for every l.

    Args:
        levels: l per pyramid level, coarse to fine, each 2 or more: ``2^l`` directions.
        pyramid: ``"9-7"`` or ``"5-3"``.
        ladder: ``"pkva"`` (= ``"pkva12"``), ``"pkva8"`` or ``"pkva6"``.

    Raises:
        ValueError: for an empty `levels`, an l below 2, or an unknown filter.
    """

    def __init__(self, levels: tuple[int, ...] = (2, 3, 4), pyramid: str = "9-7", ladder: str = "pkva") -> None:
        super().__init__()
        if not isinstance(levels, Sequence):
            raise ValueError(f"levels = {levels!r} is no sequence; write ({levels},) for a single level")
        if not levels:
            raise ValueError("levels is empty; give one entry per pyramid level, for example (2, 3, 4)")
        pyramid_filters(pyramid), ladder_filter(ladder)
        self.levels = tuple(check_directions(depth, f"levels[{j}]") for j, depth in enumerate(levels))
        self.pyramid, self.ladder = pyramid, ladder

    def directions(self) -> tuple[tuple[float, ...], ...]:
        """The angle of each band in degrees, nested as ``bands[j][k]``, see `wedge_angles`."""
        return tuple(wedge_angles(depth) for depth in self.levels)

    def size_unit(self) -> int:
        """Both sides must be multiples of this: the largest of ``2^(j-1) 2^(l_j-1)``, j = 1 the finest level."""
        return max(2 ** (j + depth - 1) for j, depth in enumerate(reversed(self.levels)))

    def band_shapes(self, h: int, w: int) -> BandShapes:
        """At level j (1 = finest) 2^(l-1) wide bands (h / 2^(l+j-2), w / 2^j), then tall ones, divisors swapped."""
        bands = []
        for j, depth in enumerate(reversed(self.levels)):
            half = 2 ** (depth - 1)
            if misfit(h, w, half << j):
                unit = self.size_unit()
                raise ValueError(
                    f"levels[{len(self.levels) - 1 - j}] = {depth} (pyramid level {j + 1}, 1 = finest) of a {h}x{w} "
                    f"image works on {h / 2**j:g}x{w / 2**j:g}, which 2^({depth}-1) = {half} does not divide; "
                    f"levels={self.levels} needs multiples of {unit}, {misfit(h, w, unit)}"
                )
            bands.append(tuple(((h >> j) // a, (w >> j) // b) for a, b in decimations(depth) for _ in range(half)))
        return BandShapes((h >> len(self.levels), w >> len(self.levels)), tuple(reversed(bands)))

    def forward(self, x: Tensor) -> ContourletCoefficients:
        """Images to coefficients."""
        x = check_image(x)
        self.band_shapes(*x.shape[-2:])
        lead = x.shape[:2]
        spectrum, levels = torch.fft.fft2(x.flatten(0, 1)), []
        for depth in reversed(self.levels):
            h, w = spectrum.shape[-2:]
            weights = bank_weights(h, w, depth, self.ladder, self.pyramid, False, x.dtype, x.device)
            levels.append(tuple(band.view(*lead, *band.shape[1:]) for band in split_spectrum(spectrum, depth, weights)))
            spectrum = self._reduce(spectrum, x.dtype)
        h, w = spectrum.shape[-2:]
        low = torch.fft.irfft2(spectrum[..., : w // 2 + 1], s=(h, w)).view(*lead, h, w)
        return ContourletCoefficients(low, tuple(reversed(levels)))

    def inverse(self, coefficients: ContourletCoefficients) -> Tensor:
        """Coefficients to images.

        Convention: the Do-Vetterli frame inverse at every pyramid level, ``x = G (low - H d) + d``.
        """
        low, bands = self._checked(coefficients)
        spectrum = torch.fft.fft2(low.flatten(0, 1))
        for depth, level in zip(self.levels, bands, strict=True):
            rows, columns = 2 * spectrum.shape[-2], 2 * spectrum.shape[-1]
            weights = bank_weights(rows, columns, depth, self.ladder, self.pyramid, True, low.dtype, low.device)
            detail = join_spectrum([band.flatten(0, 1) for band in level], depth, weights)
            spectrum = self._expand(spectrum, low.dtype) + detail
        h, w = spectrum.shape[-2:]
        return torch.fft.irfft2(spectrum[..., : w // 2 + 1], s=(h, w)).view(*low.shape[:2], h, w)

    def _reduce(self, spectrum: Tensor, dtype: torch.dtype) -> Tensor:
        """H: low-pass and keep every second row and column, (n h w) -> (n h/2 w/2)."""
        n, h, w = spectrum.shape
        rows, columns = (low_pass(side, self.pyramid, False, dtype, spectrum.device) / 2 for side in (h, w))
        spectrum = (spectrum.view(n, 2, h // 2, w) * rows.view(2, h // 2, 1)).sum(1)
        return (spectrum.view(n, h // 2, 2, w // 2) * columns.view(2, w // 2)).sum(2)

    def _expand(self, spectrum: Tensor, dtype: torch.dtype) -> Tensor:
        """G: insert zeros between rows and columns and low-pass, (n h w) -> (n 2h 2w)."""
        _, h, w = spectrum.shape
        rows, columns = (low_pass(2 * side, self.pyramid, True, dtype, spectrum.device) for side in (h, w))
        return spectrum.tile(1, 2, 2) * rows[:, None] * columns
