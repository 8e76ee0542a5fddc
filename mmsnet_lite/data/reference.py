"""What real images measure: band energies, brightness and lesion sizes, one row an image, figures only.

`real_table` reads the committed table of 4,510 real images, which lesson 01 stands on; `statistics/real_spectra.json`
says where they come from and which command measured them. `measure` computes the same figures of any other image.
"""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import torch

from mmsnet_lite.data.folder import PreparedFolder
from mmsnet_lite.data.image import luma
from mmsnet_lite.errors import InputError
from mmsnet_lite.frequency.fourier import band_energies, radial_power_spectrum, spectral_slope

REAL_TABLE = Path(__file__).parent / "statistics" / "real_spectra.csv"

SIZE = 128
"""Side in pixels at which spectra are taken: below that of every source, so that no image is enlarged."""

RING_EDGES = (*(2 ** (2 * k / 3) / SIZE for k in range(10)), math.inf)
"""Edges of the ten rings in cycles per pixel: nine of 2/3 octave from 1 to 64 cycles per image, then the corners."""

CENTRE_EDGES = (*RING_EDGES[3::2], math.inf)
"""Edges of the centre's four rings: 4, 10.1, 25.4 and 64 cycles per whole image, in cycles per pixel, and infinity."""

RINGS = tuple(f"ring_{k}" for k in range(1, len(RING_EDGES)))
CENTRE = tuple(f"centre_{k}" for k in range(1, len(CENTRE_EDGES)))
WORDS = ("dataset", "modality", "split", "stem")
NUMBERS = ("brightness", "contrast", "slope", "area", "components", *RINGS, *CENTRE)
_SLOPE_RANGE = (4 / SIZE, 32 / SIZE)
_FAINTEST = 1e-10  # a ring's share, so that its logarithm is finite

Row = dict[str, str | float]


def measure(image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Measure the spectrum of an image and the size of its lesion.

    The image's luma is resized by area to SIZE x SIZE, as a network sees it: the aspect is not kept. With E_i the
    `band_energies` (Hann window) over RING_EDGES, ``ring_i = -10 log10( E_i / sum E )``: decibels below the total.

    Convention: `centre_i` is the same for the 64 x 64 pixels in the middle, over CENTRE_EDGES: few frames, captions or
    vignettes reach that far.
    Convention: `brightness` (mean) and `contrast` (standard deviation) of that luma in percent of white.
    Convention: `slope` is the `spectral_slope` from 4 to 32 cycles per image (Hann window).
    Convention: `area` is the mask's share of the image in percent and `components` its number of pieces (8-connected),
    both at the mask's own size.

    Args:
        image: uint8 (h w 3) RGB.
        mask: (h w) of 0 and 1, of any size.

    Returns:
        A number for each of NUMBERS.

    Raises:
        InputError: for an image of a single grey level, which has no spectrum.
    """
    x = torch.from_numpy(luma(image, SIZE)).double()[None, None]
    contrast = x.std(correction=0).item()
    if contrast < 1e-5:
        raise InputError("the image is of a single grey level and has no spectrum; leave it out")
    quarter = SIZE // 4
    frequencies, power = radial_power_spectrum(x, hann=True)
    return {
        "brightness": 100 * x.mean().item(),
        "contrast": 100 * contrast,
        "slope": spectral_slope(frequencies, power, *_SLOPE_RANGE).item(),
        "area": 100 * float(np.mean(mask)),
        "components": cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1,
        **dict(zip(RINGS, _decibels(x, RING_EDGES), strict=True)),
        **dict(zip(CENTRE, _decibels(x[..., quarter:-quarter, quarter:-quarter], CENTRE_EDGES), strict=True)),
    }


def _decibels(x: torch.Tensor, edges: Sequence[float]) -> list[float]:
    """Each ring's energy in decibels below their sum."""
    energy = band_energies(x, edges, hann=True)[0, 0]
    share = energy / energy.sum().clamp(min=1e-30)
    return (-10 * share.clamp(min=_FAINTEST).log10()).tolist()


def measure_folder(folder: PreparedFolder, modality: str | None = None) -> list[Row]:
    """Measure all images that the splits of a prepared folder list, train first.

    Args:
        folder: with splits/train.txt, splits/test.txt or both.
        modality: None takes the folder's.

    Raises:
        InputError: as `PreparedFolder` does, and for an image without a spectrum, which it names.
    """
    rows: list[Row] = []
    for split in [name for name in ("train", "test") if folder.has(name)] or ["train"]:
        for stem in folder.stems(split):
            try:
                numbers = measure(*folder.read(stem))
            except InputError as error:
                raise InputError(f"{folder.name}, {stem}: {error}") from error
            words = {"dataset": folder.name, "modality": modality or folder.modality, "split": split, "stem": stem}
            rows.append({**words, **numbers})
    return rows


@dataclass(frozen=True)
class SpectrumTable:
    """Measured images as columns, from rows as `measure_folder` gives them."""

    rows: Sequence[Row]

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> np.ndarray:
        """One column (n): text for WORDS, float64 for NUMBERS, in the units of `measure`."""
        return np.array([row[name] for row in self.rows])

    @cached_property
    def rings(self) -> np.ndarray:
        """``log10( E_i / sum E )`` of the whole image (n 10), 0 or less."""
        return -np.stack([self.column(name) for name in RINGS], 1) / 10

    @cached_property
    def centre(self) -> np.ndarray:
        """``log10( E_i / sum E )`` of the centre (n 4), 0 or less."""
        return -np.stack([self.column(name) for name in CENTRE], 1) / 10


def real_table(path: Path = REAL_TABLE) -> SpectrumTable:
    """The committed table: 4,510 real images of four modalities, from five datasets; or another of the same columns."""
    with path.open(encoding="utf-8", newline="") as file:
        return SpectrumTable(
            [
                {name: value if name in WORDS else float(value) for name, value in row.items()}
                for row in csv.DictReader(file)
            ]
        )
