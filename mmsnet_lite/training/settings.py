"""What is trained: the settings that decide a run's numbers, and two recipes of them, `lite` and `full`."""

import math
from dataclasses import dataclass
from typing import Any

from mmsnet_lite.data import AUGMENTATIONS, SAMPLERS
from mmsnet_lite.errors import InputError


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How to train; the defaults are the paper's (AdamW, 5e-4, cosine decay).

    Args:
        epochs: passes over the training images.
        batch: images a step of the optimiser, over all processes and accumulated parts together.
        lr, min_lr: learning rate at the first step and after the last; cosine in between.
        weight_decay: of AdamW, on every trained tensor.
        seed: of the order of the images, the augmentation and the dropout; 0 to 2^40.
        sampler: "proportional" (each image once an epoch) or "balanced" (each modality equally often).
        augment: "flips" (left-right and up-down), "full" (see `mmsnet_lite.data.Augmentation`) or "none".

    Raises:
        InputError: a number outside its range, or an unknown name.
    """

    epochs: int = 50
    batch: int = 8
    lr: float = 5e-4
    min_lr: float = 1e-6
    weight_decay: float = 0.01
    seed: int = 0
    sampler: str = "proportional"
    augment: str = "flips"

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1:
            raise InputError(f"epochs = {self.epochs}, batch = {self.batch}: both must be at least 1")
        if not 0 <= self.min_lr <= self.lr < math.inf or self.lr == 0:
            raise InputError(f"lr = {self.lr}, min_lr = {self.min_lr}: choose 0 <= min_lr <= lr, lr above 0 and finite")
        if not 0 <= self.seed <= 2**40:
            raise InputError(f"seed = {self.seed} does not fit; choose 0 to 2^40")
        for name, known in (("sampler", SAMPLERS), ("augment", tuple(AUGMENTATIONS))):
            if getattr(self, name) not in known:
                raise InputError(f"{name} {getattr(self, name)!r} is unknown; choose one of {', '.join(known)}")

    def lr_at(self, step: int, steps: int) -> float:
        """Learning rate of step 0..steps-1 on the cosine from `lr` to `min_lr`."""
        return self.min_lr + (self.lr - self.min_lr) * (1 + math.cos(math.pi * step / steps)) / 2


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A recipe.

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
