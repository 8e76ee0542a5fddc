"""Measure the band energies and lesion sizes of real images: the table that lesson 01 and claim C1 stand on.

    python benchmarks/real_spectra.py ROOT

ROOT holds prepared folders, as ../shared/real does. Writes mmsnet_lite/data/statistics/real_spectra.csv (figures only,
no pixel) and real_spectra.json beside it (source, date, versions, checksum). `--out FOLDER` writes elsewhere. Without
ROOT, as in `make bench`, it measures nothing.
"""

import argparse
import csv
import hashlib
import json
from collections import Counter
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import torch

from mmsnet_lite import __version__
from mmsnet_lite.data import PreparedFolder
from mmsnet_lite.data.reference import NUMBERS, REAL_TABLE, RING_EDGES, SIZE, WORDS, Row, measure_folder

# what ../shared/real holds: its folders carry no card.json
MODALITIES = {
    "drishti": "fundus",
    "kvasir": "colonoscopy",
    "clinicdb": "colonoscopy",
    "busi": "ultrasound",
    "isic2017": "dermoscopy",
}
SOURCES = {
    "drishti": "Drishti-GS1, optic disc, official split",
    "kvasir": "Kvasir-SEG, and CVC-ClinicDB under the stems clinicdb_NNN; PraNet's split",
    "clinicdb": "CVC-ClinicDB, PraNet's test images; frames of the same videos are in kvasir's training part",
    "busi": "BUSI, benign and malignant; split drawn by this project, near-duplicates kept on the training side",
    "isic2017": "ISIC 2017 part 1: official training set, its official validation set as test",
}


DIGITS = {"slope": ".3f", "components": ".0f", "brightness": ".4g", "contrast": ".4g", "area": ".4g"}


def write_table(rows: list[Row], path: Path) -> None:
    """Write rows as CSV: four significant digits, decibels to a hundredth, slopes to a thousandth."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*WORDS, *NUMBERS])
        for row in rows:
            numbers = (format(float(row[name]), DIGITS.get(name, ".2f")) for name in NUMBERS)
            writer.writerow([*(row[name] for name in WORDS), *numbers])


def measure_root(root: Path, out: Path) -> dict:
    """Measure every prepared folder in `root`, known ones first; write the table and return what the JSON says."""
    names = [name for name in MODALITIES if (root / name).is_dir()]
    names += sorted(path.name for path in root.iterdir() if (path / "images").is_dir() and path.name not in MODALITIES)
    rows = [row for name in names for row in measure_folder(PreparedFolder(root / name), MODALITIES.get(name))]
    write_table(rows, out / REAL_TABLE.name)
    return {
        "images": len(rows),
        "by_modality_and_split": dict(Counter(f"{row['modality']} {row['split']}" for row in rows)),
        "sources": {name: SOURCES.get(name, "unknown") for name in names},
        "size": SIZE,
        "ring_edges_in_cycles_per_image": [round(edge * SIZE, 3) for edge in RING_EDGES[:-1]],
        "command": "python benchmarks/real_spectra.py ROOT",
        "sha256": hashlib.sha256((out / REAL_TABLE.name).read_bytes()).hexdigest(),
        "versions": {
            "mmsnet_lite": __version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "opencv": cv2.__version__,
        },
        "date": date.today().isoformat(),
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Measure the band energies and lesion sizes of real images.")
    parser.add_argument("root", type=Path, nargs="?", metavar="ROOT", help="folder of prepared datasets")
    parser.add_argument("--out", type=Path, default=REAL_TABLE.parent, metavar="FOLDER", help="default: the package")
    args = parser.parse_args()
    if args.root is None:
        print(f"no ROOT given, so nothing is measured; {REAL_TABLE.name} stays as it is")
        return
    args.out.mkdir(parents=True, exist_ok=True)
    result = json.dumps(measure_root(args.root, args.out), indent=2)
    (args.out / REAL_TABLE.with_suffix(".json").name).write_text(result + "\n", encoding="utf-8")
    print(result)


if __name__ == "__main__":
    main()
