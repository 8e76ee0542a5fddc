"""The contourlet transform: reconstruction, the stated shapes and scales, and its errors."""

import pytest
import torch
from torch.testing import assert_close

from mmsnet_lite.frequency import (
    ContourletCoefficients,
    ContourletTransform,
    DirectionalFilterBank,
    LaplacianPyramid,
    laplacian_high_pass,
    laplacian_step,
    laplacian_step_inverse,
)


def image(h, w=None, *, seed=0, batch=1, channels=1, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, channels, h, w or h, generator=generator, dtype=dtype)


def flat(coefficients):
    return [coefficients.low, *(band for level in coefficients.bands for band in level)]


def wide_and_tall(count, h, w):
    return ((h, w),) * count + ((w, h),) * count


SIZES = [(352, 352), (256, 256), (224, 224), (352, 288)]
CASES = [
    (h, w, levels)
    for levels in [(2,), (3,), (4,), (2, 3), (3, 3, 3), (2, 3, 4), (2, 3, 4, 5)]
    for h, w in SIZES
    if h % ContourletTransform(levels).size_unit() == w % ContourletTransform(levels).size_unit() == 0
] + [(16, 24, (2, 2, 3)), (8, 8, (2, 3)), (30, 4, (2,)), (96, 32, (5,))]


@pytest.mark.parametrize(("h", "w", "levels"), CASES)
def test_reconstructs_and_has_the_stated_shapes(h, w, levels):
    x, transform = image(h, w), ContourletTransform(levels)
    coefficients, shapes = transform(x), transform.band_shapes(h, w)
    assert tuple(coefficients.low.shape[-2:]) == shapes.low
    assert tuple(tuple(tuple(band.shape[-2:]) for band in level) for level in coefficients.bands) == shapes.bands
    assert_close(transform.inverse(coefficients), x, atol=1e-10, rtol=0)
    x = x.float()
    coefficients = transform(x)
    assert {band.dtype for band in flat(coefficients)} == {torch.float32}
    assert_close(transform.inverse(coefficients), x, atol=2e-5 * x.abs().max().item(), rtol=0)


@pytest.mark.parametrize("pyramid", ["9-7", "5-3"])
@pytest.mark.parametrize("ladder", ["pkva", "pkva8", "pkva6"])
def test_reconstructs_with_every_filter(pyramid, ladder):
    x, transform = image(64), ContourletTransform((2, 3, 4), pyramid, ladder)
    assert_close(transform.inverse(transform(x)), x, atol=1e-10, rtol=0)


def test_is_the_pyramid_followed_by_the_filter_bank():
    x = image(32, 40)
    coefficients = ContourletTransform((2, 3))(x)
    low, detail = laplacian_step(x)
    assert_close(coefficients.bands[1], DirectionalFilterBank(3)(detail), atol=1e-12, rtol=0)
    low, detail = laplacian_step(low)
    assert_close(coefficients.bands[0], DirectionalFilterBank(2)(detail), atol=1e-12, rtol=0)
    assert_close(coefficients.low, low, atol=1e-12, rtol=0)


# --- shapes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("levels", "low", "bands"),
    [
        ((2, 3, 4), 44, (((44, 44),) * 4, wide_and_tall(4, 44, 88), wide_and_tall(8, 44, 176))),
        ((3, 3, 3), 44, (wide_and_tall(4, 22, 44), wide_and_tall(4, 44, 88), wide_and_tall(4, 88, 176))),
        ((2, 2, 3), 44, (((44, 44),) * 4, ((88, 88),) * 4, wide_and_tall(4, 88, 176))),
        ((3, 4), 88, (wide_and_tall(4, 44, 88), wide_and_tall(8, 44, 176))),
        (
            (2, 3, 4, 5),
            22,
            (((22, 22),) * 4, wide_and_tall(4, 22, 44), wide_and_tall(8, 22, 88), wide_and_tall(16, 22, 176)),
        ),
    ],
)
def test_published_shapes_at_352(levels, low, bands):
    shapes = ContourletTransform(levels).band_shapes(352, 352)
    assert shapes.low == (low, low)
    assert shapes.bands == bands


def test_redundancy_of_the_default_at_352():
    shapes = ContourletTransform().band_shapes(352, 352)
    samples = sum(h * w for h, w in [shapes.low, *(shape for level in shapes.bands for shape in level)])
    assert samples / 352**2 == pytest.approx(1.328, abs=5e-4)


# --- conventions ---------------------------------------------------------------------------------------------------


def test_convention_coarsest_level_first():
    transform = ContourletTransform((2, 3, 4))
    assert [len(level) for level in transform(image(64)).bands] == [4, 8, 16]
    assert [level[0] for level in transform.band_shapes(64, 64).bands] == [(8, 8), (8, 16), (8, 32)]


@pytest.mark.parametrize("levels", [(2,), (3, 4), (2, 3, 4), (2, 3, 4, 5)])
def test_convention_scale_of_the_low_band(levels):
    coefficients = ContourletTransform(levels)(torch.full((1, 1, 96, 96), 0.7, dtype=torch.float64))
    assert_close(coefficients.low, torch.full_like(coefficients.low, 0.7 * 2 ** len(levels)), atol=1e-11, rtol=0)
    for band in flat(coefficients)[1:]:
        assert_close(band, torch.zeros_like(band), atol=1e-11, rtol=0)


def test_convention_wide_bands_first():
    x = torch.zeros(1, 1, 128, 128, dtype=torch.float64)
    x[..., 40:90] = 1  # two vertical edges
    for level in ContourletTransform((2, 3, 4))(x).bands:
        energy = torch.stack([band.square().sum() for band in level])
        assert energy.chunk(2)[0].sum() > 0.99 * energy.sum()
        wide, tall = level[0].shape[-2:], level[-1].shape[-2:]
        assert wide[0] <= wide[1]
        assert tall == wide[::-1]


@pytest.mark.parametrize("axis", [-2, -1])
@pytest.mark.parametrize("levels", [(2, 3, 4), (4, 3, 2), (3, 3, 3)])
def test_convention_a_shift_by_a_bands_decimation_is_a_shift_by_one(levels, axis):
    """All bands, both axes, across the periodic border too."""
    transform, x = ContourletTransform(levels), image(128, 96)
    plain, shapes = transform(x), transform.band_shapes(128, 96)
    for j, level in enumerate(plain.bands):
        for k, band in enumerate(level):
            decimation = x.shape[axis] // shapes.bands[j][k][axis]
            moved = transform(x.roll(decimation, axis)).bands[j][k]
            assert_close(moved, band.roll(1, axis), atol=1e-10, rtol=0)
    assert_close(transform(x.roll(8, axis)).low, plain.low.roll(1, axis), atol=1e-10, rtol=0)


def test_convention_half_precision_is_transformed_in_float32():
    transform, x = ContourletTransform((2, 3)), image(32, dtype=torch.float32)
    for dtype in (torch.float16, torch.bfloat16):
        half = transform(x.to(dtype))
        assert_close(flat(half), flat(transform(x.to(dtype).float())), atol=0, rtol=0)
        assert transform.inverse(ContourletCoefficients(half.low.to(dtype), half.bands)).dtype == torch.float32


def test_convention_inverse_is_the_frame_inverse():
    """Detail that no image could have made (the pyramid's own expansion of something) is ignored."""
    transform, x = ContourletTransform((3,)), image(32)
    low, bands = transform(x)
    smooth = torch.rand(1, 1, 16, 16, dtype=torch.float64)
    expanded = laplacian_step_inverse(smooth, torch.zeros_like(x))
    spoiled = tuple(b + e for b, e in zip(bands[0], DirectionalFilterBank(3)(expanded), strict=True))
    assert (spoiled[0] - bands[0][0]).abs().max() > 1e-3
    assert_close(transform.inverse(ContourletCoefficients(low, (spoiled,))), x, atol=1e-10, rtol=0)


# --- properties ----------------------------------------------------------------------------------------------------


def test_directions_cancel_when_only_low_is_removed():
    x, transform = image(128), ContourletTransform((2, 3, 4))
    low, bands = transform(x)
    rebuilt = transform.inverse(ContourletCoefficients(torch.zeros_like(low), bands))
    assert_close(rebuilt, laplacian_high_pass(x, 3), atol=1e-12, rtol=0)


def test_is_linear():
    transform, x, y = ContourletTransform((2, 3)), image(32, seed=1), image(32, seed=2)
    assert_close(
        flat(transform(2 * x - 3 * y)),
        [2 * a - 3 * b for a, b in zip(flat(transform(x)), flat(transform(y)), strict=True)],
        atol=1e-12,
        rtol=0,
    )


def test_batch_entries_and_channels_do_not_meet():
    transform, x = ContourletTransform((2, 3)), image(32, batch=2, channels=3)
    together, alone = flat(transform(x)), flat(transform(x[1:, 2:]))
    assert_close([band[1:, 2:] for band in together], alone)


def test_memory_layout_does_not_matter():
    transform, x = ContourletTransform((2, 3)), image(32, 40, batch=2, channels=3)
    for same in (x.mT.contiguous().mT, x.to(memory_format=torch.channels_last), x.repeat(1, 1, 1, 2)[..., :40]):
        coefficients = transform(same)
        assert_close(flat(coefficients), flat(transform(x)), atol=1e-12, rtol=0)
        assert_close(transform.inverse(coefficients), x, atol=1e-12, rtol=0)


def test_gradients():
    transform, x = ContourletTransform((2, 3)), image(8).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: tuple(flat(transform(x))), x, fast_mode=True)
    x = image(16).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: transform.inverse(transform(x)), x, fast_mode=True)


def test_has_no_state_and_ignores_autocast():
    transform, x = ContourletTransform((2, 3)), image(32, dtype=torch.float32)
    assert not transform.state_dict()
    with torch.autocast("cpu", torch.bfloat16):
        inside = transform(x)
        again = transform.inverse(inside)
    assert_close(flat(inside), flat(transform(x)), atol=0, rtol=0)
    assert_close(again, x, atol=2e-5, rtol=0)


def test_compiles_whole_and_for_several_sizes(request):
    transform = ContourletTransform((2, 3))
    compiled = torch.compile(transform, fullgraph=True, backend="eager")
    inverse = torch.compile(transform.inverse, fullgraph=True, backend="eager")
    torch.set_default_device("cpu")  # adds a mode to every call, which once broke the graph
    request.addfinalizer(lambda: torch.set_default_device(None))
    for shape in ((1, 1, 32, 32), (2, 3, 32, 40), (2, 1, 48, 40)):
        x = torch.randn(shape)
        coefficients = transform(x)
        assert_close(flat(compiled(x)), flat(coefficients), atol=0, rtol=0)
        assert_close(inverse(coefficients), transform.inverse(coefficients), atol=0, rtol=0)


def test_pyramid_shares_low_band_and_container():
    x = image(48, 80)
    pyramid, transform = LaplacianPyramid(2), ContourletTransform((2, 3))
    coefficients = pyramid(x)
    assert_close(coefficients.low, transform(x).low, atol=1e-12, rtol=0)
    shapes = pyramid.band_shapes(48, 80)
    assert tuple(tuple(tuple(band.shape[-2:]) for band in level) for level in coefficients.bands) == shapes.bands
    assert_close(pyramid.inverse(coefficients), x, atol=1e-12, rtol=0)


def test_white_noise_keeps_roughly_its_size():
    bands = flat(ContourletTransform((2, 3, 4))(image(352, seed=3)))[1:]
    deviations = torch.stack([band.std() for band in bands])
    assert deviations.min() == pytest.approx(0.66, abs=0.05)
    assert deviations.max() == pytest.approx(1.37, abs=0.05)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_equals_cpu():
    transform, x = ContourletTransform((2, 3, 4)), image(128, channels=3)
    on_gpu = transform(x.cuda())
    assert_close([band.cpu() for band in flat(on_gpu)], flat(transform(x)), atol=1e-12, rtol=0)
    x = x.float().cuda()
    assert_close(transform.inverse(transform(x)), x, atol=2e-5 * x.abs().max().item(), rtol=0)
