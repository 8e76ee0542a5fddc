"""What the contourlet transform refuses, and whether its messages say what to do."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from mmsnet_lite.frequency import (
    ContourletCoefficients,
    ContourletTransform,
    DirectionalFilterBank,
    LaplacianPyramid,
    WaveletTransform,
)


def image(n):
    return torch.randn(1, 1, n, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("levels", [(0, 3), (2, 1), (2, 2.5)])
def test_refuses_levels_without_directions(levels):
    with pytest.raises(ValueError, match=r"levels\[\d\] = .*2 or more.*0 \(no directions\) and 1 \(two quincunx"):
        ContourletTransform(levels)


def test_refuses_levels_that_are_no_sequence():
    with pytest.raises(ValueError, match=r"levels = 3 is no sequence; write \(3,\) for a single level"):
        ContourletTransform(3)
    for levels in (2.5, True, 0, "3"):
        with pytest.raises(ValueError, match="levels must be 1 or more, an integer, got"):
            LaplacianPyramid(levels)


def test_takes_levels_as_a_list_and_as_numpy_integers():
    assert ContourletTransform([np.int64(2), 3]).levels == (2, 3)
    assert type(ContourletTransform([np.int64(2)]).levels[0]) is int


def test_refuses_sizes_below_one():
    for transform in (ContourletTransform(), LaplacianPyramid(2), WaveletTransform(2), DirectionalFilterBank(3)):
        for size in ((0, 0), (-32, 32), (32, 0)):
            with pytest.raises(ValueError, match="nearest that fit: .*; see pad_to_fit"):
                transform.band_shapes(*size)


def test_inverse_names_what_is_no_pair_of_coefficients():
    transform = ContourletTransform((2, 3))
    low, bands = transform(image(32))
    with pytest.raises(ValueError, match=r"expected the pair \(low, bands\) that forward returns, got Tensor"):
        transform.inverse(image(32))
    with pytest.raises(ValueError, match=r"bands\[1\]\[0\]: expected a tensor .*, got NoneType"):
        transform.inverse((low, (bands[0], (None, *bands[1][1:]))))
    two, bands = transform(image(32).repeat(2, 1, 1, 1))
    with pytest.raises(ValueError, match=r"bands\[0\]\[0\] has shape \(2, 1"):
        transform.inverse((two[:1], bands))
    with pytest.raises(ValueError, match=r"size must be a pair \(h, w\) of 1 or more, got \(0, 4\)"):
        transform.to_maps(transform(image(32)), (0, 4))


def test_refuses_empty_levels_and_unknown_filters():
    with pytest.raises(ValueError, match="levels is empty"):
        ContourletTransform(())
    with pytest.raises(ValueError, match="unknown pyramid '7-9'; accepted: '5-3', '9-7'"):
        ContourletTransform(pyramid="7-9")
    with pytest.raises(ValueError, match="unknown ladder 'dmaxflat'; accepted"):
        ContourletTransform(ladder="dmaxflat")


def test_size_errors_name_level_size_and_sizes_that_fit():
    with pytest.raises(
        ValueError,
        match=r"levels\[2\] = 4 \(pyramid level 1, 1 = finest\) of a 96x100 image works on 96x100, which "
        r"2\^\(4-1\) = 8 does not divide; levels=\(2, 3, 4\) needs multiples of 8, "
        "nearest that fit: width 96 or 104; see pad_to_fit",
    ):
        ContourletTransform((2, 3, 4))(torch.zeros(1, 1, 96, 100))
    with pytest.raises(
        ValueError, match=r"levels\[0\] = 4 .pyramid level 3.* 22x22, .* height 64 or 96 and width 64 or"
    ):
        ContourletTransform((4, 2, 2)).band_shapes(88, 88)
    with pytest.raises(ValueError, match="nearest that fit: height 8 and width 8; see"):
        ContourletTransform((2, 3, 4))(image(6))


@pytest.mark.parametrize("levels", [(2, 3, 4), (4, 2, 2), (2,), (3, 5)])
def test_named_sizes_fit_and_no_smaller_unit_does(levels):
    transform = ContourletTransform(levels)
    for n in range(2, 130):
        fits = n % transform.size_unit() == 0
        needed = all(
            (n / 2**j) % 2 == 0 and (n / 2**j) % 2 ** (depth - 1) == 0 for j, depth in enumerate(reversed(levels))
        )
        assert fits == needed
    n = transform.size_unit()
    assert_close(transform.inverse(transform(image(n))), image(n), atol=1e-10, rtol=0)


def test_refuses_what_is_no_image_and_bands_that_do_not_belong():
    transform = ContourletTransform((2, 3))
    with pytest.raises(ValueError, match=r"\(b c h w\), got shape \(8, 8\)"):
        transform(torch.zeros(8, 8))
    with pytest.raises(ValueError, match="floating-point image batch, got torch.uint8"):
        transform(torch.zeros(1, 1, 8, 8, dtype=torch.uint8))
    with pytest.raises(ValueError, match="got ndarray; torch.from_numpy makes one"):
        transform(np.zeros((1, 1, 8, 8)))
    with pytest.raises(ValueError, match="got torch.complex64; take .real or .abs"):
        transform(torch.zeros(1, 1, 8, 8, dtype=torch.complex64))
    low, bands = transform(image(32))
    with pytest.raises(ValueError, match=r"expected \[4, 8\] bands per level"):
        transform.inverse(ContourletCoefficients(low, bands[:1]))
    with pytest.raises(ValueError, match=r"bands\[1\]\[0\] has shape"):
        transform.inverse(ContourletCoefficients(low, (bands[0], bands[1][::-1])))
