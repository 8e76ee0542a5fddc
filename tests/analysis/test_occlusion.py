"""Occlusion: exact in the spectrum, complete over all bands, and it finds the band that was planted."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from mmsnet_lite import SegmentationOutput
from mmsnet_lite.analysis.occlusion import band_occlusions, occlude, ring_occlusions, without_band, without_ring
from mmsnet_lite.data import Mix, Part
from mmsnet_lite.data.synthetic.phantom import grating, ring_noise
from mmsnet_lite.errors import InputError
from mmsnet_lite.frequency import ContourletTransform, wedge_angles

SIZE = 64


@pytest.fixture
def images():
    return torch.rand(2, 3, 48, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 255


@pytest.mark.parametrize(("low", "high"), [(0, 0.1), (0.1, 0.25), (0.25, math.inf)])
def test_a_ring_is_taken_out_and_nothing_else(low, high, images):
    """Convention: the mean stays. The spectrum by numpy."""
    before, after = (np.fft.fft2(x.numpy()) for x in (images, without_ring(images, low, high)))
    radius = np.hypot(np.fft.fftfreq(48)[:, None], np.fft.fftfreq(64))
    inside = (radius >= low) & (radius < high) & (radius > 0)
    assert np.abs(after[..., inside]).max() < 1e-8
    assert np.abs(after - before)[..., ~inside].max() < 1e-8


def test_all_rings_together_are_the_image_but_its_mean(images):
    gone = sum(images - take_out(images) for take_out in ring_occlusions().values())
    assert_close(gone, images - images.mean((2, 3), keepdim=True))


@pytest.mark.parametrize("directions", [True, False])
def test_all_bands_together_are_the_image_but_its_low_band(directions, images):
    occlusions = band_occlusions(directions=directions)
    assert len(occlusions) == (4 + 8 + 16 if directions else 3)
    gone = sum(images - take_out(images) for take_out in occlusions.values())
    low, bands = ContourletTransform()(images)
    rest = ContourletTransform().inverse((low, tuple(tuple(torch.zeros_like(b) for b in each) for each in bands)))
    assert_close(gone, images - rest)


def test_a_size_that_does_not_fit_is_padded_and_cut_again(images):
    odd = images[..., :45, :61]
    out = without_band(odd, 2, 3)
    assert out.shape == odd.shape
    assert_close(out, without_band(ContourletTransform().pad_to_fit(odd)[0], 2, 3)[..., :45, :61])


def test_bad_input_is_named(images):
    with pytest.raises(InputError, match="no band 4 of level 0; the levels have 4, 8, 16 bands"):
        without_band(images, 0, 4)
    with pytest.raises(InputError, match="no band None of level 3"):
        without_band(images, 3)


def lesion(i):
    y, x = np.indices((SIZE, SIZE)) - SIZE // 2
    return np.hypot(x - 6 * (i % 3) + 6, y + 4) < 14


def mix_of(textures):
    """Grey images, four a modality: a texture inside the lesion, another outside."""

    def part(modality, inside, outside):
        def load(stem):
            mask = lesion(int(stem))
            image = 128 + 30 * np.where(mask, inside(int(stem)), outside(int(stem)))
            return np.repeat(image.round().clip(0, 255).astype(np.uint8)[..., None], 3, 2), mask

        return Part(modality, modality, ("0", "1", "2", "3"), load)

    return Mix([part(modality, *pair) for modality, pair in textures.items()], SIZE)


class Energy(nn.Module):
    """Calls lesion what holds energy under fixed quadrature filters (n 2 k k); the loudest filter decides."""

    def __init__(self, kernels):
        super().__init__()
        self.kernels = nn.Parameter(kernels.float().flatten(0, 1)[:, None])

    def forward(self, x):
        responses = F.conv2d(F.pad(x[:, :1], [10] * 4, mode="circular"), self.kernels).square()
        energy = F.avg_pool2d(responses.unflatten(1, (-1, 2)).sum(2), 7, 1, 3)
        return SegmentationOutput(energy.amax(1, keepdim=True) - 0.05, ())


def gabor(right, up):
    """A 21 x 21 quadrature pair at (right, up) cycles in 64 pixels, of unit gain there."""
    y, x = torch.meshgrid(*[torch.arange(21.0) - 10] * 2, indexing="ij")
    window = torch.exp(-(x**2 + y**2) / 32)
    phase = 2 * math.pi * (right * x - up * y) / SIZE
    return torch.stack([window * phase.cos(), window * phase.sin()]) / window.sum() * 2


def test_the_planted_ring_is_found_in_each_modality():
    """Each modality's lesions are told by one frequency; a louder one, everywhere, is of no use to the network."""
    fine, coarse = grating(SIZE, 24), grating(SIZE, 5)
    noise = [ring_noise(SIZE, 11, 14, seed) for seed in range(4)]
    mix = mix_of(
        {
            "fine": (lambda i: fine + noise[i], lambda i: noise[i]),
            "coarse": (lambda i: coarse + noise[i], lambda i: noise[i]),
        }
    )
    seen = occlude(Energy(torch.stack([gabor(24, 0), gabor(5, 0)])).train(), mix, ring_occlusions(), batch=3)
    matrix, removed = seen.matrix(), seen.removed_matrix()
    assert matrix["fine"]["1/4 to inf"] > 0.9
    assert matrix["coarse"]["1/16 to 1/8"] > 0.9
    others = [matrix["fine"][n] for n in removed["fine"] if n != "1/4 to inf"]
    others += [matrix["coarse"][n] for n in removed["coarse"] if n != "1/16 to 1/8"]
    assert max(abs(loss) for loss in others) < 0.05
    assert removed["fine"]["1/8 to 1/4"] == max(removed["fine"].values())  # loud is not the same as needed


@pytest.mark.parametrize(("right", "up"), [(21, 3), (8, 22), (-16, 18)])
def test_the_planted_contourlet_band_is_found(right, up):
    """Of 28 bands the one whose wedge holds the stripes of the lesions; those around them run across"""
    mix = mix_of({"stripes": (lambda i: grating(SIZE, right, up), lambda i: grating(SIZE, -up, right))})
    network = Energy(gabor(right, up)[None])
    losses = occlude(network, mix, band_occlusions()).matrix()["stripes"]
    angles = wedge_angles(4)
    stripes = math.degrees(math.atan2(up, right)) % 180
    band = min(range(16), key=lambda k: abs((angles[k] - stripes + 90) % 180 - 90))
    assert max(losses, key=losses.get) == f"level 2 band {band}"
    assert losses[f"level 2 band {band}"] > 0.4


def test_images_are_occluded_in_grey_levels_and_not_clipped():
    """Convention: 0..255 in, and what leaves that range stays outside."""
    seen = []

    def take_out(images):
        seen.append((float(images.min()), float(images.max())))
        return images - 500

    class Looks(nn.Linear):
        def forward(self, x):
            seen.append(float(x.min()))
            return SegmentationOutput(x[:, :1], ())

    mix = mix_of({"flat": (lambda i: np.full((SIZE, SIZE), 2.0), lambda i: np.full((SIZE, SIZE), -2.0))})
    result = occlude(Looks(1, 1), mix, {"all": take_out})
    assert seen[1] == (68.0, 188.0)
    assert seen[2] == pytest.approx((68 - 500) / 255 / 0.225 - 0.485 / 0.229, abs=0.5)
    assert result.removed["all"] == [500.0] * 4
    assert result.modalities == ["flat"] * 4
