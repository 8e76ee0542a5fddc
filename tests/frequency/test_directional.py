"""The directional filter bank against the ladder; its reconstruction, its lattice, its directions and its errors."""

import math

import pytest
import torch
from ladder import ladder_filter_bank
from torch.testing import assert_close

from mmsnet_lite.frequency import DirectionalFilterBank, directional_responses, wedge_angles


def image(h, w, *, batch=1, channels=1, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, channels, h, w, generator=generator, dtype=dtype)


def shares(bands):
    """Each band's share of the directional energy."""
    energy = torch.stack([band.square().sum() for band in bands])
    return energy / energy.sum()


# --- against the ladder --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ladder", ["pkva", "pkva8", "pkva6"])
def test_equals_the_ladder_everywhere_for_two_levels(ladder):
    x, bank = image(48, 48, channels=2), DirectionalFilterBank(2, ladder)
    assert_close(list(bank(x)), list(ladder_filter_bank(x, 2, ladder)), atol=1e-12, rtol=0)


@pytest.mark.parametrize(("levels", "canvas"), [(3, 512), (4, 1024)])
def test_equals_the_ladder_far_from_the_border(levels, canvas):
    """Sampling phase, order and sign of every band: on the infinite lattice there is no seam to differ in."""
    x = torch.zeros(1, 1, canvas, canvas, dtype=torch.float64)
    middle = slice(canvas // 2 - 20, canvas // 2 + 21)
    x[..., middle, middle] = image(41, 41)
    expected = ladder_filter_bank(x, levels)
    assert min(band.abs().max() for band in expected) > 0.5
    assert_close(list(DirectionalFilterBank(levels)(x)), list(expected), atol=1e-9, rtol=0)


# --- reconstruction ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ladder", ["pkva", "pkva12", "pkva8", "pkva6"])
@pytest.mark.parametrize(("h", "w", "levels"), [(4, 6, 2), (12, 20, 3), (88, 56, 4), (128, 96, 5)])
def test_reconstructs(h, w, levels, ladder):
    x, bank = image(h, w, channels=2), DirectionalFilterBank(levels, ladder)
    assert_close(bank.inverse(bank(x)), x, atol=1e-12, rtol=0)


def test_inverse_is_exact_for_any_coefficients():
    bank = DirectionalFilterBank(4)
    changed = [band * (k % 3) + k for k, band in enumerate(bank(image(32, 48)))]
    assert_close(list(bank(bank.inverse(changed))), changed, atol=1e-10, rtol=0)


# --- conventions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [2, 3, 4, 5])
@pytest.mark.parametrize("axis", [-2, -1])
def test_convention_a_shift_by_the_decimation_is_a_shift_by_one(levels, axis):
    x, bank = image(64, 96), DirectionalFilterBank(levels)
    bands, half = bank(x), 2 ** (levels - 1)
    for first, decimation in ((0, (half, 2)), (half, (2, half))):
        moved = bank(x.roll(decimation[axis], axis))
        for k in range(first, first + half):
            assert_close(moved[k], bands[k].roll(1, axis), atol=1e-12, rtol=0)


@pytest.mark.parametrize("levels", [2, 3, 4])
@pytest.mark.parametrize("cycles", [13, 20, 27, 32, 41, 50, 61])
def test_convention_wide_bands_hold_near_vertical_edges(levels, cycles):
    """Vertical gratings of 0.10 to 0.48 cycles per pixel, and the same ones turned, for the tall bands."""
    n = 128
    grating = torch.cos(2 * math.pi * cycles / n * torch.arange(n, dtype=torch.float64) + 0.3).expand(1, 1, n, n)
    for x, half in ((grating, 0), (grating.mT, 1)):
        bands = DirectionalFilterBank(levels)(x)
        assert shares(bands).chunk(2)[half].sum() >= 0.99
        shapes = [tuple(band.shape[-2:]) for band in bands]
    wide = (n // 2 ** (levels - 1), n // 2)
    assert shapes == [wide] * (len(bands) // 2) + [wide[::-1]] * (len(bands) // 2)


@pytest.mark.parametrize("levels", [2, 3, 4])
def test_convention_a_sinusoid_at_a_wedge_centre_lands_in_its_own_band(levels):
    """Max-norm radius 0.40 cycles per pixel in the direction that `directions` states, one to one."""
    n, bank = 320, DirectionalFilterBank(levels)
    i = torch.arange(n, dtype=torch.float64)
    for k, degrees in enumerate(bank.directions()):
        right, up = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        scale = 0.4 * n / max(abs(right), abs(up))
        phase = round(scale * right) * i[None, :] - round(scale * up) * i[:, None]
        share = shares(bank(torch.cos(2 * math.pi * phase / n + 0.2)[None, None]))
        assert share[k] >= 0.75


@pytest.mark.parametrize(("levels", "expected"), [(2, [25, 156, 114, 66]), (3, [37, 14, 167, 144, 125, 103, 76, 54])])
def test_convention_angles_agree_with_images_rebuilt_from_one_band(levels, expected):
    """Mean orientation of the frequency vector, counter-clockwise, of noise rebuilt band by band; as measured."""
    n, bank = 128, DirectionalFilterBank(levels)
    frequency = torch.fft.fftfreq(n, dtype=torch.float64)
    doubled = torch.exp(2j * torch.atan2(-frequency[:, None], frequency[None, :]))
    bands = bank(image(n, n, batch=8))
    for k, (degrees, stated) in enumerate(zip(expected, bank.directions(), strict=True)):
        only = [band if i == k else torch.zeros_like(band) for i, band in enumerate(bands)]
        power = torch.fft.fft2(bank.inverse(only)).abs().square()
        angle = torch.angle((power * doubled).sum()).item() * 90 / math.pi
        assert abs((angle - degrees + 90) % 180 - 90) < 2
        assert abs((angle - stated + 90) % 180 - 90) < 4


def test_wedge_angles_are_ordered_and_mirrored():
    for levels in (2, 3, 4, 5):
        angles = torch.tensor(wedge_angles(levels), dtype=torch.float64)
        first, second = angles.chunk(2)
        assert sorted(angles.tolist()) == pytest.approx(sorted((180 - angles).tolist()))
        assert_close(second, (90 + first).remainder(180))  # turned by a quarter, in the same order


# --- properties ----------------------------------------------------------------------------------------------------


def test_keeps_the_number_of_samples_and_the_stated_shapes():
    for levels in (2, 3, 4):
        bank = DirectionalFilterBank(levels)
        bands = bank(image(48, 32, batch=2, channels=3))
        assert tuple(tuple(band.shape[-2:]) for band in bands) == bank.band_shapes(48, 32)
        assert sum(band.numel() for band in bands) == 6 * 48 * 32


def test_gradients():
    bank, x = DirectionalFilterBank(3), image(8, 4).requires_grad_()
    assert torch.autograd.gradcheck(bank, x)
    bands = tuple(b.detach().requires_grad_() for b in bank(x))
    assert torch.autograd.gradcheck(lambda *bands: bank.inverse(bands), bands)


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [0, 1, 2.5])
def test_refuses_fewer_than_four_directions(levels):
    with pytest.raises(ValueError, match="levels = .* 2 or more .*0 .no directions. and 1 .two quincunx"):
        DirectionalFilterBank(levels)


def test_names_sizes_that_fit():
    with pytest.raises(ValueError, match=r"2\^\(levels-1\) = 8, got 30x32; nearest that fit: height 24 or 32; see"):
        DirectionalFilterBank(4)(image(30, 32))
    with pytest.raises(ValueError, match="nearest that fit: height 2 and width 4 or 6"):
        DirectionalFilterBank(2).band_shapes(1, 5)


def test_responses_refuse_at_the_call():
    with pytest.raises(ValueError, match="levels = 1: l must be an integer of 2 or more"):
        directional_responses(8, 8, 1)
    with pytest.raises(ValueError, match="height and width must be 1 or more, got 0x8"):
        directional_responses(0, 8, 2)
    padded, window = DirectionalFilterBank(3).pad_to_fit(image(9, 8))
    assert padded.shape[-2:] == (12, 8)
    assert_close(padded[window], image(9, 8), atol=0, rtol=0)


def test_refuses_unknown_ladder_and_wrong_bands():
    with pytest.raises(ValueError, match="unknown ladder 'pkva7'; accepted: 'pkva', 'pkva12', 'pkva6', 'pkva8'"):
        DirectionalFilterBank(2, "pkva7")
    bank = DirectionalFilterBank(3)
    bands = bank(image(16, 16))
    with pytest.raises(ValueError, match="expected 8 bands, got 7"):
        bank.inverse(bands[:7])
    with pytest.raises(ValueError, match="band 5 has shape"):
        bank.inverse([*bands[:5], bands[5].mT, *bands[6:]])
    with pytest.raises(ValueError, match="band 4 has shape"):
        bank.inverse([band[..., :3, :] for band in bands])
