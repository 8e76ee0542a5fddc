"""The fingerprint of a dataset: counts, sizes, lesions, and how its energy falls with frequency; figures only.

`reference` holds the fingerprints of real images, one a modality, which MixLite is held against.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from mmsnet_lite.data.dataset import Part
from mmsnet_lite.data.image import luma
from mmsnet_lite.errors import InputError
from mmsnet_lite.frequency.fourier import band_energies, radial_power_spectrum

REFERENCE = Path(__file__).parent / "statistics" / "real_fingerprint.json"
SIZE = 256
"""Side in pixels at which spectra are taken."""

COUNT = 200
"""Images measured of each dataset."""

CYCLES = tuple(range(4, 100))
"""The rings of a spectrum, in cycles per image."""

OCTAVES = (1, 2, 4, 8, 16, 32, 64, 128)
"""Edges of the octave bands in cycles per image; the corners lie beyond the last."""

QUANTILES = (0.1, 0.5, 0.9)
_FAINTEST = 1e-9  # of white^2, above what rounding leaves of a single grey level


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What the images of one dataset measure.

    Attributes:
        images: how many were measured, of how many.
        width, height: least, median and largest side in pixels.
        area: the lesion's share of the image, 10, 50 and 90 % quantiles, 0 to 1.
        lesions: mean number of pieces of a mask (8-connected).
        several, empty: share of the images with more than one piece, with none, 0 to 1.
        slope: of `spectrum`, on logarithmic axes.
        spectrum: mean power at `CYCLES`, relative to the first.
        octaves: share of each octave band in the energy between the first and the last of `OCTAVES`, 0 to 1.
    """

    dataset: str
    modality: str
    images: int
    of: int
    width: tuple[float, float, float]
    height: tuple[float, float, float]
    area: tuple[float, float, float]
    lesions: float
    several: float
    empty: float
    slope: float
    spectrum: tuple[float, ...]
    octaves: tuple[float, ...]

    def to_json(self) -> dict[str, object]:
        """Return the fields with four significant digits."""
        return json.loads(json.dumps(asdict(self)), parse_float=lambda text: float(f"{float(text):.4g}"))


def fingerprint(part: Part) -> Fingerprint:
    """Measure a dataset.

    The image's luma is resized by area to 256 x 256 (squashed), its mean removed, a 2-D Hann window laid over it, and
    its power averaged over rings of one cycle per image. `slope` is the exponent a of ``log S = c + a log f``, fitted
    by least squares, all rings alike, to the mean spectrum S at 4 to 99 cycles per image.

    Convention: of more than `COUNT` images those are measured that ``numpy.random.default_rng(0).permutation`` puts
        first.
    Convention: areas and pieces are taken of the mask at its own size.

    Raises:
        InputError: no image, or none but images of a single grey level.
    """
    chosen = np.random.default_rng(0).permutation(np.array(part.stems))[:COUNT].tolist()
    sides, areas, pieces = [], [], []
    power = torch.zeros(len(CYCLES), dtype=torch.float64)
    octaves = torch.zeros(len(OCTAVES) - 1, dtype=torch.float64)
    for stem in chosen:
        image, mask = part.load(stem)
        sides.append(image.shape[:2])
        areas.append(float(np.mean(mask)))
        pieces.append(cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1)
        x = torch.from_numpy(luma(image, SIZE)).double()[None, None]
        power += radial_power_spectrum(x, hann=True)[1][0, 0, CYCLES[0] - 1 : CYCLES[-1]]
        octaves += band_energies(x, [edge / SIZE for edge in OCTAVES], hann=True)[0, 0]
    if float(power.sum()) < _FAINTEST:
        raise InputError(f"{part.dataset} has no image with a spectrum to measure; give at least one")
    slope = np.polyfit(np.log(CYCLES), np.log(power.numpy()), 1)[0]
    heights, widths = (tuple(np.quantile(side, (0, 0.5, 1)).tolist()) for side in zip(*sides, strict=True))
    return Fingerprint(
        dataset=part.dataset,
        modality=part.modality,
        images=len(chosen),
        of=len(part.stems),
        width=widths,
        height=heights,
        area=tuple(np.quantile(areas, QUANTILES).tolist()),
        lesions=float(np.mean(pieces)),
        several=float(np.mean(np.array(pieces) > 1)),
        empty=float(np.mean(np.array(pieces) == 0)),
        slope=float(slope),
        spectrum=tuple((power / power[0]).tolist()),
        octaves=tuple((octaves / octaves.sum()).tolist()),
    )


def reference() -> dict[str, Fingerprint]:
    """Return the committed fingerprints of real images, by modality."""
    rows: list[dict[str, Any]] = json.loads(REFERENCE.read_text(encoding="utf-8"))["fingerprints"]
    tuples: list[dict[str, Any]] = [
        {name: tuple(v) if isinstance(v, list) else v for name, v in row.items()} for row in rows
    ]
    return {row["modality"]: Fingerprint(**row) for row in tuples}


def table(found: Sequence[Fingerprint]) -> str:
    """Return the fingerprints as text, one line each, the real reference of the same modality below in brackets."""
    real = reference()
    octaves = ", ".join(f"{low}-{high}" for low, high in zip(OCTAVES, OCTAVES[1:], strict=False))
    lines = [
        f"{'dataset':16} {'modality':12} {'images':>6} {'size':>9}  {'lesion area 10/50/90 %':>22} {'pieces':>6} "
        f"{'slope':>6}  energy in octaves {octaves} cycles, dB"
    ]
    for one in found:
        lines.append(_line(one.dataset, one))
        if one.modality in real:
            lines.append(_line(f"[{real[one.modality].dataset}, real]", real[one.modality]))
    return "\n".join(lines)


def _line(name: str, one: Fingerprint) -> str:
    area = " / ".join(f"{100 * value:.1f}" for value in one.area)
    octaves = " ".join(f"{10 * math.log10(max(share, 1e-9)):5.1f}" for share in one.octaves)
    size = f"{one.width[1]:.0f}x{one.height[1]:.0f}"
    return (
        f"{name:16} {one.modality:12} {one.of:6} {size:>9}  {area:>22} {one.lesions:6.2f} {one.slope:6.2f}  {octaves}"
    )
