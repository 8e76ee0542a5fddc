"""What the lessons ask about the machine: static or live, CPU or GPU."""

import os
import platform

import torch


def live() -> bool:
    """Whether live parts (widgets, progress bars) are wanted: yes, unless MMSNET_STATIC=1."""
    return os.environ.get("MMSNET_STATIC") != "1"


def machine() -> str:
    """Describe this machine in four lines: Python, PyTorch, processor threads, GPU."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none; the lite profile needs none"
    return "\n".join(
        [
            f"Python   {platform.python_version()}",
            f"PyTorch  {torch.__version__}",
            f"threads  {torch.get_num_threads()}",
            f"GPU      {gpu}",
        ]
    )


def band(name: str, value: float, low: float, high: float) -> str:
    """Say whether a measured value lies in the band expected on any machine, in words that do not vary.

    0.83 in a band of 0.6 to 0.95 gives "DSC in 0.60-0.95: yes".
    """
    verdict = "yes" if low <= value <= high else f"NO, it is {value:.3f}"
    return f"{name} in {low:.2f}-{high:.2f}: {verdict}"
