"""The two-dimensional discrete wavelet transform, periodised, behind the contourlet transform's interface.

Mallat, "A theory for multiresolution signal decomposition" (1989). Equal to PyWavelets' ``wavedec2`` with
``mode="periodization"`` for each of its discrete wavelets; "9-7" and "haar" need no PyWavelets.
"""

from typing import Any, NamedTuple

from torch import Tensor

from .coefficients import BandShapes, ContourletCoefficients, SubbandTransform, check_count, check_halves
from .filters import Taps, pyramid_filters
from .periodic import analyse, check_image, synthesise

_SQRT2 = 2**0.5


class FilterBank(NamedTuple):
    """Four filters of one even length, in PyWavelets' order: analysis and synthesis, low-pass and high-pass."""

    dec_lo: Taps
    dec_hi: Taps
    rec_lo: Taps
    rec_hi: Taps


def _from_low_pass(dec_lo: Taps, rec_lo: Taps) -> FilterBank:
    """The high-pass filters are the other side's low-pass with alternating signs."""
    dec_hi = tuple(-tap if m % 2 == 0 else tap for m, tap in enumerate(rec_lo))
    return FilterBank(dec_lo, dec_hi, rec_lo, tuple(-tap if m % 2 else tap for m, tap in enumerate(dec_lo)))


def _filter_bank(wavelet: Any) -> FilterBank:
    if wavelet == "9-7":
        h, g = pyramid_filters("9-7")
        return _from_low_pass((0.0, *h), (0.0, *g, 0.0, 0.0))
    if wavelet == "haar":
        return _from_low_pass((1 / _SQRT2,) * 2, (1 / _SQRT2,) * 2)
    if isinstance(wavelet, str):
        try:
            import pywt
        except ImportError as error:
            raise ValueError(
                f"wavelet {wavelet!r} is PyWavelets', which is not installed: pip install pywavelets, or take "
                "'9-7' or 'haar'"
            ) from error
        if wavelet not in pywt.wavelist(kind="discrete"):
            raise ValueError(
                f"unknown wavelet {wavelet!r}; accepted: '9-7', 'haar' and the names of pywt.wavelist(kind='discrete')"
            )
        wavelet = pywt.Wavelet(wavelet)
    return FilterBank(*(tuple(float(tap) for tap in taps) for taps in wavelet.filter_bank))


class WaveletTransform(SubbandTransform):
    """The periodised 2-D DWT, critically sampled.

    Along each axis ``low[k] = sum_m h[m] x[2k + L/2 - m]``, ``high[k] = sum_m g[m] x[2k + L/2 - m]`` with the analysis
    filters h and g of length L; rows and columns give LL, LH, HL, HH; LL is split again.

    Convention: ``bands[j] = (LH, HL, HH)`` in PyWavelets' (cH, cV, cD) order: LH is low-pass along the rows and
    high-pass down the columns (horizontal edges), HL the reverse (vertical edges), HH both; ``bands[0]`` the coarsest.
    Convention: signs, phases and scale are those of PyWavelets' ``mode="periodization"``.
    Convention: ``low`` is 2^levels x the local mean, as in `ContourletTransform`.

    Args:
        levels: number of splits, 1 or more.
        wavelet: ``"9-7"`` (Cohen, Daubechies and Feauveau; PyWavelets' bior4.4), ``"haar"``, or any discrete wavelet of
            PyWavelets, by name or as ``pywt.Wavelet``.

    Raises:
        ValueError: for `levels` below 1, an unknown wavelet, or one that needs PyWavelets where it is not installed.
    """

    def __init__(self, levels: int = 3, wavelet: Any = "9-7") -> None:
        super().__init__()
        check_count(levels)
        bank = _filter_bank(wavelet)
        self.levels = levels
        self._before = len(bank.dec_lo) // 2 - 1
        self._analysis = bank.dec_lo[::-1], bank.dec_hi[::-1]
        self._synthesis = bank.rec_lo, bank.rec_hi

    def size_unit(self) -> int:
        """Both sides must be multiples of 2^levels."""
        return 2**self.levels

    def band_shapes(self, h: int, w: int) -> BandShapes:
        """At level j (1 = finest) three bands of (h / 2^j, w / 2^j)."""
        check_halves(h, w, self.levels)
        bands = tuple(((h >> j, w >> j),) * 3 for j in range(self.levels, 0, -1))
        return BandShapes((h >> self.levels, w >> self.levels), bands)

    def forward(self, x: Tensor) -> ContourletCoefficients:
        """Images to coefficients."""
        x = check_image(x)
        self.band_shapes(*x.shape[-2:])
        (low_taps, high_taps), p = self._analysis, self._before
        low, bands = x, []
        for _ in range(self.levels):
            smooth, rough = analyse(low, low_taps, p, -1), analyse(low, high_taps, p, -1)
            low = analyse(smooth, low_taps, p, -2)
            lh, hl = analyse(smooth, high_taps, p, -2), analyse(rough, low_taps, p, -2)
            bands.append((lh, hl, analyse(rough, high_taps, p, -2)))
        return ContourletCoefficients(low, tuple(reversed(bands)))

    def inverse(self, coefficients: ContourletCoefficients) -> Tensor:
        """Coefficients to images."""
        low, bands = self._checked(coefficients)
        (low_taps, high_taps), p = self._synthesis, self._before
        for lh, hl, hh in bands:
            smooth = synthesise(low, low_taps, p, -2) + synthesise(lh, high_taps, p, -2)
            rough = synthesise(hl, low_taps, p, -2) + synthesise(hh, high_taps, p, -2)
            low = synthesise(smooth, low_taps, p, -1) + synthesise(rough, high_taps, p, -1)
        return low
