"""Two recipes by name: `lite` for a laptop, `full` for a GPU. `train --profile NAME`; explicit options win."""

from dataclasses import dataclass
from typing import Any

from mmsnet_lite.training.settings import TrainSettings


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A recipe: which images at which size, which network, and how to train it.

    Args:
        mix: "mixlite", "mix1" or "mix2".
        size: side of the images in pixels.
        options: fields of each network's configuration, by the network's name.
        settings: of the training.
        validation: share of the training images held out to choose the best epoch.
    """

    mix: str
    size: int
    options: dict[str, dict[str, Any]]
    settings: TrainSettings
    validation: float = 0.05


def lite() -> Profile:
    """MixLite on a CPU: our own half-width encoder, frozen and tuned by MFA; what `train` does unless told otherwise.

    Command: python -m mmsnet_lite train --profile lite
    Expected: a mean DSC of at least 0.80 on MixLite's test split; README shows the measured table.
    Time: under five minutes on 2 CPU cores.
    """
    nano = {"encoder": "mit-nano", "pretrained": "own"}
    return Profile(
        mix="mixlite",
        size=96,
        options={"mmsnet": nano | {"width": 32, "tune": "mfa"}, "segformer": nano, "unet": {}},
        settings=TrainSettings(epochs=14, batch=8, lr=2e-3),
    )


def full() -> Profile:
    """The paper's recipe: MiT-B4, pretrained and frozen, tuned by MFA at r = 1, K = 32; 352 px, 50 epochs, AdamW 5e-4.

    Command: python -m mmsnet_lite train --profile full --mix mix1 --data ROOT
    On several GPUs: accelerate launch --num_processes 4 -m mmsnet_lite train --profile full --mix mix1 --data ROOT
    Expected: not measured yet.
    Time: not measured yet; `--precision bf16` saves time and memory, `--checkpointing` more memory for some time.
    """
    pretrained = {"encoder": "mit-b4", "pretrained": "nvidia/mit-b4"}
    return Profile(
        mix="mix1",
        size=352,
        options={
            "mmsnet": pretrained | {"tune": "mfa", "r": 1, "frequencies": 32},
            "segformer": pretrained,
            "unet": {},
        },
        settings=TrainSettings(epochs=50, batch=8, lr=5e-4, min_lr=1e-6),
    )


PROFILES = {"lite": lite, "full": full}
