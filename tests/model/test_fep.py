"""The frequency prompt: its merge, its statistics and what it must not lose."""

import copy
import importlib.util
import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mmsnet_lite.data.synthetic import VERSION
from mmsnet_lite.errors import InputError
from mmsnet_lite.frequency import laplacian_high_pass
from mmsnet_lite.frequency.fourier import high_pass
from mmsnet_lite.model.fep import BAND_STD, KINDS, LUMA, build_fep

BENCHMARK = Path(__file__).parents[2] / "benchmarks/band_statistics.py"


@pytest.mark.parametrize("kind", ["contourlet", "wavelet"])
def test_merge_equals_resizing_every_band_first(kind):
    fep, x = build_fep(kind).double(), torch.randn(2, 3, 64, 64, dtype=torch.float64)
    low, bands = fep.transform((x * torch.tensor(LUMA).double().view(1, 3, 1, 1)).sum(1, keepdim=True))
    maps = [F.interpolate(low / 8, size=(64, 64), mode="bilinear")]
    for level, std in zip(bands, fep.band_std, strict=True):
        # the mix reads wide bands before tall ones, which is the order within a level as well
        maps += [F.interpolate(band.abs() / std, size=(64, 64), mode="bilinear") for band in level]
    expected = fep.mix(torch.cat(maps, 1)) + laplacian_high_pass(x, 3)
    assert_close(fep(x), expected, atol=1e-6, rtol=0)


def test_direction_survives_the_merge():
    """A signed, linear merge would answer two crossed gratings alike; the modulus tells them apart."""
    fep = build_fep("contourlet")
    wave = torch.cos(2 * torch.pi * 0.2 * torch.arange(64)).expand(1, 3, 64, 64)
    vertical, horizontal = fep(wave), fep(wave.mT.contiguous())
    detail = laplacian_high_pass(wave, 3)
    assert (vertical - detail).mean((2, 3)).sub((horizontal - detail.mT).mean((2, 3))).abs().max() > 0.05


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "none"])
def test_every_kind_gives_three_finite_maps(kind):
    out = build_fep(kind)(torch.randn(2, 3, 96, 96))
    assert out.shape == (2, 3, 96, 96)
    assert out.isfinite().all()


def test_fourier_prompt_is_evps_quarter_and_luma_is_bt601():
    x = torch.randn(1, 3, 64, 64)
    assert_close(build_fep("fft")(x), high_pass(x, 0.25), atol=0, rtol=0)
    assert LUMA == (0.299, 0.587, 0.114)


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "none"])
@pytest.mark.parametrize("x", [torch.zeros(1, 3, 64, 64, dtype=torch.uint8), torch.zeros(1, 1, 64, 64)])
def test_prompt_refuses_integers_and_other_channels(kind, x):
    with pytest.raises(InputError, match=r"normalised floating-point images \(b 3 h w\), got torch"):
        build_fep(kind)(x)


def test_none_is_none_and_unknown_is_refused():
    assert build_fep("none") is None
    with pytest.raises(InputError, match="fep = 'sobel' is unknown; choose one of contourlet"):
        build_fep("sobel")
    with pytest.raises(InputError, match="levels = "):
        build_fep("contourlet", (2, 3))


def test_band_statistics_are_the_measured_ones():
    """The constants in the code are those that benchmarks/band_statistics.py wrote."""
    measured = json.loads(BENCHMARK.with_name("results").joinpath("band_statistics.json").read_text())
    assert VERSION in measured["images"]
    for kind, std in BAND_STD.items():
        assert std == pytest.approx(measured["std"][kind], abs=1e-9)


@pytest.mark.slow
def test_band_statistics_measured_again_are_the_stored_ones():
    spec = importlib.util.spec_from_file_location("band_statistics", BENCHMARK)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    for kind, std in benchmark.measure()["std"].items():
        assert std == pytest.approx(BAND_STD[kind], rel=0.01)


@pytest.mark.parametrize("kind", ["contourlet", "wavelet", "fft"])
def test_prompt_takes_half_precision(kind):
    x = torch.randn(1, 3, 64, 64)
    fep = build_fep(kind)
    half = copy.deepcopy(fep).bfloat16()(x.bfloat16())
    assert half.dtype == torch.bfloat16
    assert_close(half.float(), fep(x), atol=0.15, rtol=0.05)
