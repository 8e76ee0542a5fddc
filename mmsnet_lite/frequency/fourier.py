"""Fourier analysis of image batches: rings of frequencies, power spectra, and EVP's high-pass prompt.

Frequencies are in cycles per pixel: 0 is the mean, 0.5 a pattern that alternates from pixel to pixel, ``sqrt(0.5)`` the
corner of the spectrum. k cycles across n pixels are k / n cycles per pixel. Half-precision images are taken as float32.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .periodic import check_image


def radial_frequency(h: int, w: int) -> Tensor:
    """The distance (h w) of each 2-D DFT bin from the zero frequency, in float64: ``r = sqrt(f_y^2 + f_x^2)``.

    Convention: unshifted, as `torch.fft.fft2` orders its bins: the zero frequency is entry [0, 0].
    Convention: cycles per pixel on both axes, so that a ring is a circle also where the image is no square.

    Raises:
        ValueError: for an empty side.
    """
    if h < 1 or w < 1:
        raise ValueError(f"height and width must be 1 or more, got {h}x{w}")
    rows, columns = torch.fft.fftfreq(h, dtype=torch.float64), torch.fft.fftfreq(w, dtype=torch.float64)
    return torch.hypot(rows[:, None], columns[None, :])


def band_mask(h: int, w: int, low: float, high: float, *, soft: float = 0.0) -> Tensor:
    """The ring of frequencies ``low <= r < high`` as a mask (h w), unshifted: ``M(r) = S(r - low) - S(r - high)``.

    S is the unit step (S(0) = 1) or, with ``soft`` > 0, a raised cosine that climbs from 0 at ``-soft / 2`` to 1 at
    ``soft / 2``. Masks of adjacent rings with the same ``soft`` sum to the mask of their union, 1 from 0 to infinity.

    Convention: half open, so that adjacent rings share no bin; ``low = 0`` has no lower edge and holds the mean, too.
    ``high = math.inf`` reaches the corners.

    Raises:
        ValueError: for edges out of order, a soft edge wider than the ring, or an empty side.
    """
    if not 0 <= low < high:
        raise ValueError(f"a ring needs edges 0 <= low < high, got low = {low} and high = {high}")
    if not 0 <= soft <= high - low:
        raise ValueError(f"soft edges must be 0 to high - low = {high - low:g} wide, got {soft}")
    r = radial_frequency(h, w)

    def step(edge: float) -> Tensor:
        if edge == 0:
            return torch.ones_like(r)
        if soft == 0 or math.isinf(edge):
            return (r >= edge).to(r)
        return 0.5 - 0.5 * torch.cos(math.pi * ((r - edge) / soft + 0.5).clamp(0, 1))

    return step(low) - step(high)


def band_pass(x: Tensor, mask: Tensor) -> Tensor:
    """Keep the frequencies of a mask (h w) in images (b c h w): ``Re F^-1( M . F x )``, F the 2-D DFT. Linear in both.

    Raises:
        ValueError: for a mask of another size, or an `x` that is no float image batch.
    """
    x = check_image(x)
    if mask.shape != x.shape[-2:]:
        raise ValueError(f"the mask is {tuple(mask.shape)} and the images {tuple(x.shape[-2:])}; make it at their size")
    return torch.fft.ifft2(torch.fft.fft2(x) * mask.to(x)).real


def power_spectrum(x: Tensor, *, hann: bool = False) -> Tensor:
    """The variance that each frequency holds: ``P_k = |F( v (x - m) )_k|^2 / ( h w sum v^2 )``, F the 2-D DFT.

    For images (b c h w), unshifted, in their squared units. v is 1, or with `hann` the window
    ``sin^2(pi i / h) sin^2(pi j / w)``, and m the mean of x weighted by v.

    Convention: the mean is taken out first, so that ``P_0 = 0``; all bins sum to the variance (Parseval), with `hann`
    to the mean of ``(x - m)^2`` weighted by v^2. White noise of variance s^2 gives ``s^2 / (h w)`` a bin on average,
    with and without a window.
    Convention: no window unless asked for. The DFT takes the image to repeat; opposite borders seldom match, and the
    jumps write a cross along the axes. The window fades border and cross out; each frequency spreads one bin further.

    Raises:
        ValueError: for an `x` that is no float image batch, or a side below 2 with `hann`.
    """
    x = check_image(x)
    h, w = x.shape[-2:]
    window = torch.ones(h, w, dtype=x.dtype, device=x.device)
    if hann:
        if min(h, w) < 2:
            raise ValueError(f"a Hann window needs sides of 2 or more, got {h}x{w}")
        rows, columns = (torch.hann_window(n, periodic=True, dtype=x.dtype, device=x.device) for n in (h, w))
        window = rows[:, None] * columns
    mean = (window * x).sum((-2, -1), keepdim=True) / window.sum()
    spectrum = torch.fft.fft2(window * (x - mean))
    return (spectrum.real.square() + spectrum.imag.square()) / (h * w * window.square().sum())


def _ring_sums(values: Tensor, edges: Tensor) -> Tensor:
    """Sum (b c h w) over the rings [edges[i], edges[i + 1]): (b c rings)."""
    h, w = values.shape[-2:]
    ring = torch.bucketize(radial_frequency(h, w).flatten(), edges, right=True).to(values.device)
    sums = values.new_zeros(*values.shape[:-2], len(edges) + 1).index_add(-1, ring, values.flatten(-2))
    return sums[..., 1:-1]


def band_energies(x: Tensor, edges: Sequence[float], *, hann: bool = False) -> Tensor:
    """The variance that each ring holds: ``E_i``, the sum of `power_spectrum` over ``edges[i] <= r < edges[i + 1]``.

    Images (b c h w) give (b c rings); a ring without a bin holds 0. Rings from 0 to ``math.inf`` sum to the image's
    variance (Parseval); divide by the sum for shares.
    Convention: the mean belongs to no ring; `power_spectrum` has taken it out.

    Raises:
        ValueError: for edges that are too few, negative or do not rise, or an `x` that is no float image batch.
    """
    limits = [float(edge) for edge in edges]
    if len(limits) < 2 or limits[0] < 0 or not all(a < b for a, b in zip(limits, limits[1:], strict=False)):
        raise ValueError(f"edges must be two or more rising numbers from 0 up, got {limits}")
    return _ring_sums(power_spectrum(x, hann=hann), torch.tensor(limits, dtype=torch.float64))


def radial_power_spectrum(x: Tensor, *, hann: bool = False) -> tuple[Tensor, Tensor]:
    """Average the power spectrum over rings of equal width: ``S_i = mean of h w P_k over ring i``.

    With n = max(h, w), n // 2 rings divide ``1 / 2n .. 1/2 + 1 / 2n`` equally: for even n, ring i surrounds i + 1
    cycles per n pixels, half a cycle to each side.

    Convention: white noise of variance s^2 gives s^2 in every ring, whatever the image's size.
    Convention: the mean and the corners (beyond the last ring) are left out.

    Returns:
        frequencies (rings), the mean radius of each ring's bins in cycles per pixel, and power (b c rings).

    Raises:
        ValueError: for an `x` that is no float image batch.
    """
    power = power_spectrum(x, hann=hann)
    h, w = x.shape[-2:]
    n = max(h, w)
    edges = torch.linspace(0.5 / n, 0.5 + 0.5 / n, n // 2 + 1, dtype=torch.float64)
    r = radial_frequency(h, w).to(x)
    count, radius = _ring_sums(torch.stack([torch.ones_like(r), r])[None], edges)[0]
    return radius / count, _ring_sums(power * (h * w), edges) / count


def spectral_slope(frequencies: Tensor, power: Tensor, low: float = 0.0, high: float = 0.5) -> Tensor:
    """The exponent a of a power law: fit ``log S = c + a log f`` by least squares over ``low <= f < high``.

    Of positive `frequencies` (n) and `power` (... n), see `radial_power_spectrum`; not finite where a power is 0.

    Convention: the exponent of power, twice that of amplitude: 0 for white noise, -2 where amplitude falls as 1 / f.
    Convention: each ring weighs 1 / f, so that every octave counts the same, not the many rings of the highest one.

    Raises:
        ValueError: when fewer than two frequencies lie in the range.
    """
    inside = (frequencies >= low) & (frequencies < high)
    if inside.sum() < 2:
        raise ValueError(f"{int(inside.sum())} frequencies lie in {low} to {high}; a slope needs two: widen the range")
    f, y = frequencies[inside].log(), power[..., inside].log()
    weight = 1 / frequencies[inside]
    weight = weight / weight.sum()
    f = f - (weight * f).sum()
    return (weight * f * y).sum(-1) / (weight * f.square()).sum()


def high_pass(x: Tensor, ratio: float = 0.25) -> Tensor:
    """Remove a centred square of low frequencies from images (b c h w) of any range: ``|Re F^-1( M . F x )|``.

    F is the 2-D DFT with the zero frequency shifted to the centre; M is 0 on a square of side
    ``s = 2 floor( sqrt(ratio h w) / 2 )``, the share `ratio` of the spectrum's area, and 1 elsewhere.

    Convention: the square covers the centred frequencies -s/2 .. s/2 - 1 on both axes, one more negative than positive,
    as in EVP's code; it is cut to the spectrum where an elongated image is narrower than s.
    Convention: the modulus is taken, so the result is >= 0 even for a signed `x`. ``ratio = 0`` gives ``|x|``.

    Raises:
        ValueError: for a ratio outside 0 to 1, or an `x` that is no float image batch.

    Source: Liu, Shen, Pun and Cun, "Explicit Visual Prompting for Low-Level Structure Segmentations" (CVPR 2023).
    """
    x = check_image(x)
    if not 0 <= ratio <= 1:
        raise ValueError(f"ratio must lie between 0 and 1, got {ratio}")
    h, w = x.shape[-2:]
    half = int((ratio * h * w) ** 0.5 / 2)
    keep = torch.ones(h, w, dtype=torch.bool, device=x.device)
    keep[max(h // 2 - half, 0) : h // 2 + half, max(w // 2 - half, 0) : w // 2 + half] = False
    spectrum = torch.fft.fftshift(torch.fft.fft2(x), dim=(-2, -1)) * keep
    return torch.fft.ifft2(torch.fft.ifftshift(spectrum, dim=(-2, -1))).real.abs()
