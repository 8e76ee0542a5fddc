"""Fingerprints: spectra and lesions of images whose figures are known, and the committed ones of real images."""

import json
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from small import write_dataset

from mmsnet_lite.data import Part, folder_parts
from mmsnet_lite.data import fingerprint as module
from mmsnet_lite.data.fingerprint import COUNT, CYCLES, OCTAVES, Fingerprint, fingerprint, reference, table
from mmsnet_lite.errors import InputError

RNG = np.random.default_rng(0)
MASK = np.pad(np.ones((64, 64), np.uint8), 96)


def part(*pairs, modality="dermoscopy"):
    """A part of a mix whose stems are the positions of the given images and masks."""
    return Part("made", modality, tuple(str(i) for i in range(len(pairs))), lambda stem: pairs[int(stem)])


def colours(grey):
    """A grey picture (h w) of 0..255 as uint8 RGB."""
    return np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def power_law(exponent, n=256):
    """A picture whose power falls as frequency to `exponent`, with random phases."""
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(n), np.fft.fftfreq(n)))
    f[0, 0] = np.inf
    x = np.fft.ifft2(np.fft.fft2(RNG.standard_normal((n, n))) * f ** (exponent / 2)).real
    return colours(128 + 35 * x / x.std())


def test_the_spectrum_is_the_recipe_s_written_out_in_numpy():
    pictures = [RNG.integers(0, 256, (256, 256, 3), np.uint8), power_law(-2)]
    window = np.sin(np.pi * np.arange(256) / 256) ** 2
    window = window[:, None] * window
    cycles = np.rint(np.hypot(*np.meshgrid(np.fft.fftfreq(256, 1 / 256), np.fft.fftfreq(256, 1 / 256))))
    rings = np.zeros(96)
    for picture in pictures:
        x = picture @ [0.299, 0.587, 0.114]
        x = window * (x - (window * x).sum() / window.sum())
        power = np.abs(np.fft.fft2(x)) ** 2
        rings += [power[cycles == k].mean() for k in range(4, 100)]
    found = fingerprint(part(*((picture, MASK) for picture in pictures)))
    np.testing.assert_allclose(found.spectrum, rings / rings[0], rtol=1e-4)
    design = np.stack([np.ones(96), np.log(np.arange(4, 100))], 1)
    assert found.slope == pytest.approx(np.linalg.lstsq(design, np.log(rings))[0][1], abs=1e-4)
    assert tuple(range(4, 100)) == CYCLES


@pytest.mark.parametrize("exponent", [0, -2, -3])
def test_the_slope_is_the_exponent_of_a_power_law(exponent):
    pictures = [power_law(exponent) for _ in range(4)]
    assert fingerprint(part(*((picture, MASK) for picture in pictures))).slope == pytest.approx(exponent, abs=0.1)


@pytest.mark.parametrize(("cycles", "octave"), [(3, 1), (12, 3), (24, 4), (90, 6)])
def test_a_grating_s_energy_is_in_its_octave(cycles, octave):
    grating = 128 + 100 * np.sin(2 * np.pi * cycles * np.arange(256) / 256)
    found = fingerprint(part((colours(np.tile(grating, (256, 1))), MASK)))
    assert OCTAVES[octave] <= cycles < OCTAVES[octave + 1]
    assert found.octaves[octave] > 0.8  # the window spreads it to the next cycle on each side
    assert sum(found.octaves) == pytest.approx(1)


def test_an_image_of_another_size_and_aspect_is_squashed():
    wide = np.tile(128 + 100 * np.sin(2 * np.pi * 12 * (np.arange(1024) + 0.5) / 1024), (512, 1))
    found = fingerprint(part((colours(wide), np.zeros((512, 1024), np.uint8))))
    assert CYCLES[int(np.argmax(found.spectrum))] == 12
    assert (found.width, found.height) == ((1024, 1024, 1024), (512, 512, 512))


def test_convention_areas_and_pieces_are_taken_of_the_mask_at_its_own_size():
    masks = [np.zeros((40, 50), np.uint8) for _ in range(3)]
    masks[0][:10, :10] = 1  # 5 % in one piece
    masks[1][2:4, 2:4] = masks[1][4:6, 4:6] = 1  # two squares that touch at a corner are one piece
    masks[1][30:34, 30:34] = 1  # 24 pixels, 1.2 %, in two
    noise = RNG.integers(0, 256, (40, 50, 3), np.uint8)
    found = fingerprint(part(*((noise, mask) for mask in masks)))
    assert found.area == pytest.approx((0.2 * 0.012, 0.012, 0.012 + 0.8 * 0.038))
    assert (found.lesions, found.several, found.empty) == pytest.approx((1, 1 / 3, 1 / 3))


def test_convention_of_many_images_a_seeded_choice_is_measured():
    asked = []
    noise = RNG.integers(0, 256, (32, 32, 3), np.uint8)

    def load(stem):
        asked.append(stem)
        return noise, MASK

    stems = tuple(f"{i:03}" for i in range(COUNT + 30))
    found = fingerprint(Part("made", "fundus", stems, load))
    assert asked == np.random.default_rng(0).permutation(stems)[:200].tolist()
    assert (found.images, found.of) == (200, 230)


def test_prepared_folders_are_measured(root):
    (left,) = folder_parts(root, ["left"], "train")
    found = fingerprint(left)
    areas = [cv2.imread(str(root / f"left/masks/{stem}.png"), 0).mean() / 255 for stem in "abcd"]
    assert found.area == pytest.approx(tuple(np.quantile(areas, (0.1, 0.5, 0.9))))
    assert (found.dataset, found.images, found.of, found.lesions) == ("left", 4, 4, 1)


def test_images_without_a_spectrum_are_an_error():
    blank = np.full((60, 60, 3), 90, np.uint8)
    for given in (part((blank, MASK)), part()):
        with pytest.raises(InputError, match="made has no image with a spectrum"):
            fingerprint(given)
    noise = RNG.integers(0, 256, (256, 256, 3), np.uint8)
    with_blank = fingerprint(part((blank, MASK), (noise, MASK)))
    assert with_blank.slope == pytest.approx(fingerprint(part((noise, MASK))).slope)


PUBLISHED = {  # what the maintainers measured by the same recipe with other code: slope, then area quantiles
    "fundus": (-3.4, 0.024, 0.029, 0.039),
    "colonoscopy": (-2.5, 0.028, 0.098, 0.294),
    "ultrasound": (-2.9, 0.010, 0.052, 0.188),
    "dermoscopy": (-2.8, 0.017, 0.113, 0.513),
}


@pytest.mark.parametrize("modality", PUBLISHED)
def test_the_committed_figures_of_real_images_are_the_published_ones(modality):
    found = reference()[modality]
    slope, *areas = PUBLISHED[modality]
    assert found.slope == pytest.approx(slope, abs=0.05)
    assert found.area == pytest.approx(areas, abs=0.0006)
    assert found.images == min(200, found.of)
    assert found.slope == pytest.approx(np.polyfit(np.log(CYCLES), np.log(found.spectrum), 1)[0], abs=1e-3)
    assert sum(found.octaves) == pytest.approx(1, abs=1e-3)
    assert reference().keys() == PUBLISHED.keys()


def test_json_holds_all_fields_and_reads_back():
    found = fingerprint(part((power_law(-2), MASK)))
    row = json.loads(json.dumps(found.to_json()))
    again = Fingerprint(**{name: tuple(value) if isinstance(value, list) else value for name, value in row.items()})
    assert again.spectrum == pytest.approx(found.spectrum, rel=1e-3)
    assert again.slope == pytest.approx(found.slope, rel=1e-3)
    assert (again.dataset, again.width, again.area) == ("made", (256, 256, 256), (0.0625, 0.0625, 0.0625))


def test_the_table_puts_real_images_below_those_of_their_modality():
    measured = (fingerprint(part((power_law(-2), MASK), modality=name)) for name in ("fundus", "thermography"))
    head, ours, real, alone = table(list(measured)).splitlines()
    assert (ours.startswith("made"), "6.2 / 6.2 / 6.2" in ours) == (True, True)
    assert real.startswith("[drishti, real]")
    assert ("2.4 / 2.9 / 3.9" in real, "-3.38" in real) == (True, True)
    assert "thermography" in alone
    assert "1-2, 2-4, 4-8" in head


def test_the_benchmark_writes_what_reference_reads(tmp_path, monkeypatch):
    script = Path(__file__).parents[2] / "benchmarks/real_fingerprint.py"
    for name in ("drishti", "kvasir", "busi", "isic2017"):
        write_dataset(tmp_path, name)
    benchmark, file = runpy.run_path(str(script)), tmp_path / "real.json"
    monkeypatch.setattr(sys, "argv", ["real_fingerprint.py", str(tmp_path)])
    monkeypatch.setitem(benchmark["main"].__globals__, "REFERENCE", file)
    benchmark["main"]()
    monkeypatch.setattr(module, "REFERENCE", file)
    assert {one.modality: (one.dataset, one.images) for one in reference().values()} == {
        "fundus": ("drishti", 4),
        "colonoscopy": ("kvasir", 4),
        "ultrasound": ("busi", 4),
        "dermoscopy": ("isic2017", 4),
    }
    assert "permutation" in json.loads(file.read_text())["recipe"]
    assert not file.with_name("real.json.tmp").exists()
