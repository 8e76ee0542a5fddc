"""Measure the fingerprints of real images that MixLite and `data report` are held against.

    python benchmarks/real_fingerprint.py ROOT

ROOT holds the prepared folders drishti, kvasir, busi and isic2017, as ../shared/real does. Writes
mmsnet_lite/data/statistics/real_fingerprint.json: figures only, no pixel. Without ROOT, as in `make bench`, it measures
nothing.
"""

import argparse
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

from mmsnet_lite.build import environment
from mmsnet_lite.data import folder_parts
from mmsnet_lite.data.fingerprint import COUNT, REFERENCE, fingerprint
from mmsnet_lite.training.checkpoint import write_text

MODALITIES = {"drishti": "fundus", "kvasir": "colonoscopy", "busi": "ultrasound", "isic2017": "dermoscopy"}
RECIPE = (
    "luma, resized by area to 256 x 256, mean removed, 2-D Hann window, power averaged over rings of one cycle per "
    "image; slope of log mean power on log frequency, 4 to 99 cycles per image, least squares; of the training split "
    f"the {COUNT} stems (or all, if fewer) that numpy.random.default_rng(0).permutation puts first"
)


def root_given(description: str | None) -> Path | None:
    """The folder of real images that the command line names; None, with a line that says so, where it names none."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=Path)
    root: Path | None = parser.parse_args().root
    if root is None:
        print("no ROOT given; nothing measured")
    return root


def main() -> None:
    """Measure and write."""
    if (root := root_given(__doc__)) is None:
        return
    parts = folder_parts(root, list(MODALITIES), "train")
    found = [fingerprint(replace(part, modality=MODALITIES[part.dataset])) for part in parts]
    result = {
        "command": "python benchmarks/real_fingerprint.py ROOT",
        "date": date.today().isoformat(),
        "recipe": RECIPE,
        "versions": environment()["versions"],
        "fingerprints": [one.to_json() for one in found],
    }
    write_text(REFERENCE, json.dumps(result, indent=1) + "\n")
    for one in found:
        print(f"{one.dataset}: slope {one.slope:.2f}, area {', '.join(f'{value:.3f}' for value in one.area)}")


if __name__ == "__main__":
    main()
