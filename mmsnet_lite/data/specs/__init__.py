"""The eight public datasets, the paper's two mixes of them, and which pictures are the same."""

import re
from bisect import bisect_right

from mmsnet_lite.data.specs.colonoscopy import CVC300, KVASIR
from mmsnet_lite.data.specs.dermoscopy import ISIC2017, ISIC2018
from mmsnet_lite.data.specs.fundus import ORIGA, REFUGE
from mmsnet_lite.data.specs.spec import DatasetSpec, Files, Table
from mmsnet_lite.data.specs.ultrasound import BUSI, TN3K

SPECS = {spec.name: spec for spec in (ORIGA, KVASIR, BUSI, ISIC2018, REFUGE, CVC300, TN3K, ISIC2017)}
"""The datasets by name, those of Mix1 first."""

MIXES = {"mix1": ("origa", "kvasir", "busi", "isic2018"), "mix2": ("refuge", "cvc300", "tn3k", "isic2017")}
"""The paper's mixes: names of the datasets that are trained on together."""

CLINICDB_SEQUENCES = (
    *(1, 26, 51, 68, 79, 104, 127, 152, 178, 200, 206, 228, 253, 278, 298, 318, 343, 364, 384, 409, 429, 448, 467),
    *(479, 504, 529, 547, 572, 592),
)
"""The first frame of each of the 29 video sequences of CVC-ClinicDB; the last frame is 612. Source: its readme."""

__all__ = ["MIXES", "SPECS", "DatasetSpec", "Files", "Table", "identity", "video"]


def identity(dataset: str, stem: str) -> str:
    """Return what a picture is called in whatever dataset holds it.

    Convention: ISIC and Kvasir-SEG numbers and the frames of CVC-ClinicDB and CVC-300 are the same picture everywhere;
        any other stem is its dataset's own and is returned as `DATASET/STEM`.
    """
    shared = re.fullmatch(r"ISIC_\d{7}|clinicdb_\d{3}|cvc300_\d{3}|c[jk][0-9a-z]{23}", stem)
    return stem if shared else f"{dataset}/{stem}"


def video(stem: str) -> str | None:
    """Return the video sequence that a frame is of, such as `clinicdb_sequence_05`; None where it is not known.

    Convention: sequences are known of CVC-ClinicDB only. CVC-300's 60 frames are of three sequences, but where one
        ends was not found published.
    """
    match = re.fullmatch(r"clinicdb_(\d{3})", stem)
    if match is None or not 1 <= int(match[1]) <= 612:
        return None
    return f"clinicdb_sequence_{bisect_right(CLINICDB_SEQUENCES, int(match[1])):02}"
