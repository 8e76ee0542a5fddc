"""The mathematics: frequency transforms of image batches (b c h w); imports torch only, no parameters.

`ContourletTransform`, `LaplacianPyramid` and `WaveletTransform` split images into a low band and detail bands and
rebuild them exactly, `DirectionalFilterBank` splits by direction alone, `laplacian_high_pass` keeps the detail as one
map of the image's size; `fourier` (a module of its own) measures spectra; `dct` holds the fixed matrices of frequency
channel attention, `extrema` its maxima and minima. Read filters, periodic, pyramid, responses, bank, directional,
contourlet; then the others. README.md beside this file is the theory.
"""

from .coefficients import BandShapes, ContourletCoefficients
from .contourlet import ContourletTransform
from .dct import dct_basis, frequency_indices, grid_size, pool_matrix
from .directional import DirectionalFilterBank, wedge_angles
from .extrema import dct_extrema
from .filters import FilterPair, index_order, ladder_filter, pyramid_filters
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
    "dct_extrema",
    "directional_responses",
    "frequency_indices",
    "grid_size",
    "index_order",
    "ladder_filter",
    "laplacian_high_pass",
    "laplacian_step",
    "laplacian_step_inverse",
    "pool_matrix",
    "pyramid_filters",
    "wedge_angles",
]
