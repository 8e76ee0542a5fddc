"""The mathematics: frequency transforms of image batches (b c h w); imports torch only, holds no parameter.

`ContourletTransform` and `WaveletTransform` split images into a low band and detail bands and rebuild them exactly;
`laplacian_high_pass` and `high_pass` (Fourier) keep the detail as one map of the image's size; `dct` holds the fixed
matrices of frequency channel attention. Read filters, periodic, pyramid, directional, contourlet; then the others.
"""

from .coefficients import BandShapes, ContourletCoefficients
from .contourlet import ContourletTransform
from .dct import dct_basis, frequency_indices, grid_size, pool_matrix
from .directional import DirectionalFilterBank, wedge_angles
from .filters import FilterPair, index_order, ladder_filter, pyramid_filters
from .fourier import high_pass
from .pyramid import LaplacianPyramid, laplacian_high_pass, laplacian_step, laplacian_step_inverse
from .responses import directional_responses
from .wavelet import WaveletTransform

__all__ = [
    "BandShapes",
    "ContourletCoefficients",
    "ContourletTransform",
    "DirectionalFilterBank",
    "FilterPair",
    "LaplacianPyramid",
    "WaveletTransform",
    "dct_basis",
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
    "directional_responses",
    "wedge_angles",
]
