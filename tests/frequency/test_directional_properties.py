"""The directional filter bank's conventions (lattice, directions, order), properties and errors."""

import math

import pytest
import torch
from torch.testing import assert_close

from mmsnet_lite.frequency import directional_filter_bank, directional_filter_bank_inverse


def image(n, *, batch=1, channels=1):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, channels, n, n, generator=generator, dtype=torch.float64)


# --- conventions ---------------------------------------------------------------------------------------------------


def test_convention_two_levels_are_shift_covariant():
    x = image(64)
    bands, moved = directional_filter_bank(x, 2), directional_filter_bank(x.roll((2, 2), (-2, -1)), 2)
    for band, other in zip(bands, moved, strict=True):
        assert_close(other, band.roll((1, 1), (-2, -1)), atol=0, rtol=0)


def test_convention_three_levels_have_a_seam():
    x = image(128)
    bands, moved = directional_filter_bank(x, 3), directional_filter_bank(x.roll((4, 4), (-2, -1)), 3)
    step = [((1, 2), (2, 1))[k >= 4] for k in range(8)]
    differences = [(m - b.roll(s, (-2, -1))).abs().max() for b, m, s in zip(bands, moved, step, strict=True)]
    assert min(differences) > 1e-3


@pytest.mark.parametrize("levels", [2, 3, 4])
@pytest.mark.parametrize("cycles", [13, 20, 27, 32, 41, 50, 61])
def test_convention_wide_bands_hold_near_vertical_edges(levels, cycles):
    """Vertical gratings of 0.10 to 0.48 cycles per pixel, and the same ones turned, for the tall bands."""
    n = 128
    grating = torch.cos(2 * math.pi * cycles / n * torch.arange(n, dtype=torch.float64) + 0.3).expand(1, 1, n, n)
    for x, wide in ((grating, True), (grating.mT, False)):
        bands = directional_filter_bank(x, levels)
        energy = torch.stack([band.square().sum() for band in bands])
        half = energy.chunk(2)[0 if wide else 1]
        assert half.sum() / energy.sum() > 0.99
    shapes = [tuple(band.shape[-2:]) for band in bands]
    wide_shape = (n // 2 ** (levels - 1), n // 2)
    assert shapes == [wide_shape] * (len(bands) // 2) + [wide_shape[::-1]] * (len(bands) // 2)


@pytest.mark.parametrize(("levels", "expected"), [(2, [25, 156, 114, 66]), (3, [37, 14, 167, 144, 125, 103, 76, 54])])
def test_convention_order_of_the_directions(levels, expected):
    n = 128
    frequency = torch.fft.fftfreq(n, dtype=torch.float64)
    doubled = torch.exp(2j * torch.atan2(-frequency[:, None], frequency[None, :]))
    bands = directional_filter_bank(image(n, batch=8), levels)
    for k, degrees in enumerate(expected):
        only = [band if i == k else torch.zeros_like(band) for i, band in enumerate(bands)]
        power = torch.fft.fft2(directional_filter_bank_inverse(only)).abs().square()
        angle = torch.angle((power * doubled).sum()).item() * 90 / math.pi
        assert abs((angle - degrees + 90) % 180 - 90) < 2


def test_a_sinusoid_lands_in_the_band_of_its_wedge():
    """Radius 0.40 cycles per pixel, at the centre of each of the 16 wedges, counter-clockwise first, then the rest."""
    n = 352
    i = torch.arange(n, dtype=torch.float64)
    for k in range(16):
        slope = (7 - 2 * (k % 8)) / 8
        right, up = (0.4, 0.4 * slope) if k < 8 else (-0.4 * slope, 0.4)
        phase = round(right * n) * i[None, :] - round(up * n) * i[:, None]
        bands = directional_filter_bank(torch.cos(2 * math.pi * phase / n + 0.2)[None, None], 4)
        energy = torch.stack([band.square().sum() for band in bands])
        assert energy[k] / energy.sum() > 0.8


# --- properties ----------------------------------------------------------------------------------------------------


def test_keeps_the_number_of_samples():
    for levels in (2, 3, 4):
        assert (
            sum(band.numel() for band in directional_filter_bank(image(48, batch=2, channels=3), levels)) == 6 * 48**2
        )


def test_batch_entries_and_channels_do_not_meet():
    x = image(16, batch=2, channels=3)
    together = directional_filter_bank(x, 3)
    for b in range(2):
        for c in range(3):
            alone = directional_filter_bank(x[b : b + 1, c : c + 1], 3)
            for whole, part in zip(together, alone, strict=True):
                assert_close(whole[b, c], part[0, 0])


def test_gradients():
    x = image(8).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: directional_filter_bank(x, 3), x)
    bands = tuple(b.detach().requires_grad_() for b in directional_filter_bank(x, 3))
    assert torch.autograd.gradcheck(lambda *bands: directional_filter_bank_inverse(bands), bands)


def test_first_use_in_inference_mode_does_not_spoil_training():
    with torch.inference_mode():
        directional_filter_bank(image(28), 3)
    x = image(28).requires_grad_()
    sum(band.square().sum() for band in directional_filter_bank(x, 3)).backward()
    assert x.grad.abs().max() > 0


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [0, 1])
def test_refuses_fewer_than_four_directions(levels):
    with pytest.raises(ValueError, match="levels must be 2 or more"):
        directional_filter_bank(image(8), levels)


def test_names_sizes_that_fit():
    with pytest.raises(ValueError, match=r"2\^\(levels-1\) = 8, got 30x30; nearest that fit: 24x24 or 32x32"):
        directional_filter_bank(image(30), 4)
    with pytest.raises(ValueError, match="square.*got 32x48"):
        directional_filter_bank(torch.zeros(1, 1, 32, 48), 2)


def test_refuses_unknown_ladder_and_wrong_bands():
    with pytest.raises(ValueError, match="unknown ladder 'pkva7'; accepted: 'pkva', 'pkva12', 'pkva6', 'pkva8'"):
        directional_filter_bank(image(8), 2, "pkva7")
    bands = directional_filter_bank(image(16), 3)
    with pytest.raises(ValueError, match="got 7"):
        directional_filter_bank_inverse(bands[:7])
    with pytest.raises(ValueError, match="band 5 has shape"):
        directional_filter_bank_inverse([*bands[:5], bands[5].mT, *bands[6:]])
    with pytest.raises(ValueError, match="2 times as wide as high"):
        directional_filter_bank_inverse([band[..., :3, :] for band in bands])
