"""What the lessons ask about the machine: static or live, CPU or GPU, which profile, what to expect of it."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch

from mmsnet_lite.data.specs import MIXES


def live() -> bool:
    """Whether live parts (widgets, progress bars) are wanted: yes, unless MMSNET_STATIC=1."""
    return os.environ.get("MMSNET_STATIC") != "1"


def machine() -> str:
    """Describe this machine in four lines: Python, PyTorch, processor threads, GPU."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none; the lite profile needs none"
    python, threads = platform.python_version(), torch.get_num_threads()
    return f"Python   {python}\nPyTorch  {torch.__version__}\nthreads  {threads}\nGPU      {gpu}"


def band(name: str, value: float, low: float, high: float) -> str:
    """Say whether a value lies in the band expected on any machine, as in "DSC in 0.60-0.95: yes"."""
    verdict = "yes" if low <= value <= high else f"NO, it is {value:.3f}"
    return f"{name} in {low:.2f}-{high:.2f}: {verdict}"


def lacking(mix: str) -> list[str]:
    """What this machine lacks for the full recipe on a mix, each with what to do; an empty list lacks nothing."""
    gpu = torch.cuda.device_count()
    found = [] if gpu else ["a GPU: none is seen here; take a machine or a Colab runtime with one"]
    root = os.environ.get("MMSNET_DATA")
    if not root:
        return [*found, f"data: set MMSNET_DATA to a folder, and run `python -m mmsnet_lite prepare {mix}`"]
    missing = [name for name in MIXES[mix] if not (Path(root).expanduser() / name / "splits" / "train.txt").is_file()]
    words = f"{', '.join(missing)} under MMSNET_DATA: `python -m mmsnet_lite prepare {' '.join(missing)}`"
    return [*found, words] if missing else found


class Card(NamedTuple):
    """A reader's number, None where there is no run yet, beside what is expected of it.

    `bands` holds the lowest and highest value expected on "cpu" or "cuda", where that was measured.
    """

    name: str
    value: float | None
    bands: Mapping[str, tuple[float, float]]

    @property
    def expected(self) -> tuple[float, float] | None:
        """The band of the reader's device, if there is one."""
        return self.bands.get("cuda" if torch.cuda.is_available() else "cpu")

    @property
    def verdict(self) -> str:
        """Both in words."""
        yours = "no run of yours yet" if self.value is None else f"yours {self.value:.2f}"
        if self.expected is None:
            return f"{yours}; expected: not measured yet"
        low, high = self.expected
        inside = "" if self.value is None else ", inside" if low <= self.value <= high else ", OUTSIDE"
        return f"{yours}; expected {low:.2f} to {high:.2f}{inside}"
