"""Measure the standard deviation of each band level over MixLite's training images: the constants of `model/fep.py`.

    python benchmarks/band_statistics.py

Writes benchmarks/results/band_statistics.json.
"""

import json
from datetime import date
from pathlib import Path

import torch

from mmsnet_lite import __version__
from mmsnet_lite.data import Mix, mixlite_parts, normalise
from mmsnet_lite.data.synthetic import VERSION
from mmsnet_lite.frequency import ContourletTransform, WaveletTransform
from mmsnet_lite.model.fep import LUMA

SIZE = 128
RESULT = Path(__file__).parent / "results" / "band_statistics.json"


def band_std(transform: torch.nn.Module, luma: torch.Tensor) -> list[float]:
    """Standard deviation over all coefficients of each level, coarse to fine."""
    bands = transform(luma).bands
    return [round(torch.cat([band.flatten() for band in level]).std().item(), 4) for level in bands]


def measure() -> dict:
    """Draw the training images and measure."""
    images = torch.stack([sample["image"] for sample in Mix(mixlite_parts("train", SIZE), SIZE)])
    luma = (normalise(images).double() * torch.tensor(LUMA).view(3, 1, 1)).sum(1, keepdim=True)
    return {
        "std": {
            "contourlet": band_std(ContourletTransform((2, 3, 4)), luma),
            "wavelet": band_std(WaveletTransform(3), luma),
        },
        "images": f"{len(images)} training images of {VERSION}, {SIZE} px, normalised, luma",
        "command": "python benchmarks/band_statistics.py",
        "version": __version__,
        "date": date.today().isoformat(),
    }


def main() -> None:
    """Measure and write."""
    result = measure()
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
