"""The two-dimensional discrete wavelet transform, periodised, behind the contourlet transform's interface.

Mallat (1989); filters of Haar and of Cohen, Daubechies and Feauveau (1992). Equal to PyWavelets'
``wavedec2(..., mode="periodization")`` with ``"haar"`` and ``"bior4.4"``.
"""

from torch import Tensor, nn

from .contourlet import BandShapes, ContourletCoefficients, check_coefficients
from .filters import Taps, wavelet_filters
from .periodic import analyse, check_image, synthesise


def _modulated(taps: Taps, centre: int) -> Taps:
    """The high-pass made from a low-pass: neighbours change sign; the tap at `centre` becomes negative."""
    return tuple(-tap if (n - centre) % 2 == 0 else tap for n, tap in enumerate(taps))


class WaveletTransform(nn.Module):
    """The periodised 2-D DWT; critically sampled, no parameters, no buffers.

    Along each axis ``low[k] = sum_m h[m] x[2k + m - p]``, ``high[k] = sum_m g'[m] x[2k + m - q]`` with the low-pass h
    and g', the synthesis low-pass g with alternating signs; rows and columns give LL, LH, HL, HH; LL is split again.

    Convention: ``bands[j] = (LH, HL, HH)`` in PyWavelets' (cH, cV, cD) order: LH is low-pass along the rows and
    high-pass down the columns (horizontal edges), HL the reverse (vertical edges), HH both; ``bands[0]`` the coarsest.
    Convention: signs, phases and scale are those of PyWavelets' ``mode="periodization"``.
    Convention: ``low`` is 2^levels x the local mean, as in `ContourletTransform`.

    Args:
        levels: number of splits, 1 or more.
        wavelet: ``"9-7"`` (PyWavelets' bior4.4) or ``"haar"``.

    Raises:
        ValueError: for `levels` below 1 or an unknown wavelet.

    Source: Mallat, "A theory for multiresolution signal decomposition" (1989).
    """

    def __init__(self, levels: int = 3, wavelet: str = "9-7") -> None:
        super().__init__()
        if levels < 1:
            raise ValueError(f"levels must be 1 or more, got {levels}")
        self.levels, self.wavelet = levels, wavelet
        h, g = wavelet_filters(wavelet)
        odd = len(h) % 2
        # Whole-sample filters: low-pass centred on sample 2k, high-pass on 2k + 1. Haar: both on the pair (2k, 2k + 1).
        p, q = (len(h) // 2, len(g) // 2 - 1) if odd else (0, 0)
        self._analysis = (h, p), (_modulated(g, len(g) // 2), q)
        self._synthesis = (g, len(g) // 2 if odd else 0), (_modulated(h, len(h) // 2), len(h) // 2 - 1 if odd else 0)

    def extra_repr(self) -> str:
        return f"levels={self.levels}, wavelet={self.wavelet!r}"

    def band_shapes(self, h: int, w: int) -> BandShapes:
        """Sizes of all bands of an h x w image: at level j (1 = finest) three of (h / 2^j, w / 2^j).

        Raises:
            ValueError: unless h and w are divisible by 2^levels; the nearest sizes that are, are named.
        """
        unit = 2**self.levels
        for name, side in (("height", h), ("width", w)):
            if side % unit:
                raise ValueError(
                    f"{name} {side} is not divisible by 2^levels = {unit}; "
                    f"nearest that fit: {max(side // unit * unit, unit)} or {-(-side // unit) * unit}"
                )
        bands = tuple(((h >> j, w >> j),) * 3 for j in range(self.levels, 0, -1))
        return BandShapes((h >> self.levels, w >> self.levels), bands)

    def forward(self, x: Tensor) -> ContourletCoefficients:
        """Transform images (b c h w), float32 or float64, sides divisible by 2^levels; shapes as `band_shapes`.

        Raises:
            ValueError: for a size that does not fit.
        """
        check_image(x)
        self.band_shapes(*x.shape[-2:])
        (low_taps, p), (high_taps, q) = self._analysis
        low, bands = x, []
        for _ in range(self.levels):
            smooth, rough = analyse(low, low_taps, p, -1), analyse(low, high_taps, q, -1)
            low = analyse(smooth, low_taps, p, -2)
            lh, hl = analyse(smooth, high_taps, q, -2), analyse(rough, low_taps, p, -2)
            bands.append((lh, hl, analyse(rough, high_taps, q, -2)))
        return ContourletCoefficients(low, tuple(reversed(bands)))

    def inverse(self, coefficients: ContourletCoefficients) -> Tensor:
        """Rebuild images (b c h w) from their coefficients, exactly.

        Raises:
            ValueError: for a missing band or a shape that does not belong; the message names the band.
        """
        low, bands = coefficients
        check_image(low)
        check_coefficients(coefficients, self.band_shapes(*(side << self.levels for side in low.shape[-2:])))
        (low_taps, p), (high_taps, q) = self._synthesis
        for lh, hl, hh in bands:
            smooth = synthesise(low, low_taps, p, -2) + synthesise(lh, high_taps, q, -2)
            rough = synthesise(hl, low_taps, p, -2) + synthesise(hh, high_taps, q, -2)
            low = synthesise(smooth, low_taps, p, -1) + synthesise(rough, high_taps, q, -1)
        return low
