"""Which stems are one picture, and which frames are of one video."""

import re
from bisect import bisect_right

_SHARED = re.compile(r"ISIC_\d{7}|clinicdb_\d{3}|cvc300_\d{3}|c[jk][0-9a-z]{23}")
_CLINICDB = re.compile(r"clinicdb_(\d{3})")

CLINICDB_SEQUENCES = (
    *(1, 26, 51, 68, 79, 104, 127, 152, 178, 200, 206, 228, 253, 278, 298, 318, 343, 364, 384, 409, 429, 448, 467),
    *(479, 504, 529, 547, 572, 592),
)
"""The first frame of each of the 29 video sequences of CVC-ClinicDB; the last frame is 612. Source: its readme."""


def identity(dataset: str, stem: str) -> str:
    """Return what a picture is called in whatever dataset holds it.

    Convention: ISIC and Kvasir-SEG numbers and the frames of CVC-ClinicDB and CVC-300 are the same picture everywhere;
        any other stem is its dataset's own and is returned as `DATASET/STEM`.
    """
    return stem if _SHARED.fullmatch(stem) else f"{dataset}/{stem}"


def video(dataset: str, stem: str) -> str | None:
    """Return the video sequence that a frame is of, such as `clinicdb_sequence_05`; None where it is not known.

    Convention: sequences are known of CVC-ClinicDB only. CVC-300's 60 frames are of three sequences, but where one
        ends was not found published.
    """
    match = _CLINICDB.fullmatch(stem)
    if match is None or not 1 <= int(match[1]) <= 612:
        return None
    return f"clinicdb_sequence_{bisect_right(CLINICDB_SEQUENCES, int(match[1])):02}"
