"""The mathematics: frequency transforms of image batches (b c h w); imports torch only, holds no parameter.

`ContourletTransform` and `WaveletTransform` split images into a low band and detail bands and rebuild them exactly;
`laplacian_high_pass` and `high_pass` (Fourier) keep the detail as one map of the image's size; `dct` holds the fixed
matrices of frequency channel attention. Read filters, periodic, pyramid, directional, contourlet; then the others.
"""

from .contourlet import BandShapes, ContourletCoefficients, ContourletTransform
from .dct import dct_basis, frequency_indices, grid_size, pool_matrix
from .directional import directional_filter_bank, directional_filter_bank_inverse
from .filters import FilterPair, index_order, ladder_filter, pyramid_filters, wavelet_filters
from .fourier import high_pass
from .pyramid import laplacian_high_pass, laplacian_step, laplacian_step_inverse
from .wavelet import WaveletTransform

__all__ = [
    "BandShapes",
    "ContourletCoefficients",
    "ContourletTransform",
    "FilterPair",
    "WaveletTransform",
    "dct_basis",
    "directional_filter_bank",
    "directional_filter_bank_inverse",
    "frequency_indices",
    "grid_size",
    "high_pass",
    "index_order",
    "ladder_filter",
    "laplacian_high_pass",
    "laplacian_step",
    "laplacian_step_inverse",
    "pool_matrix",
    "pyramid_filters",
    "wavelet_filters",
]
