"""The ablations: which networks are trained, which are compared, and what their differences are worth.

A row is a network and the images it is trained on, a contrast says which rows are compared, a group belongs to one
question. Rows that several groups need are trained once; `benchmarks/ablations.py` trains them.

Convention: the two sides of a contrast are paired by seed (order of the images, augmentation) and by image.
Convention: "single" trains a network on the images of each modality alone, for as many epochs as the mix, so that an
    image is seen equally often, and joins their test scores.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmsnet_lite.errors import InputError
from mmsnet_lite.training.intervals import bootstrap_means

Scores = Mapping[str, np.ndarray]
"""DSC of one row: by modality (seeds images)."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One network of the grid: its name, one of `build.MODELS`, its options, and "mix" or "single" training."""

    name: str
    model: str = "mmsnet"
    options: Mapping[str, Any] = field(default_factory=dict)
    training: str = "mix"


ENCODER: dict[str, Any] = {"encoder": "mit-nano", "pretrained": "own"}


def _mmsnet(name: str, training: str = "mix", **options: Any) -> Row:
    return Row(name=name, options=ENCODER | {"width": 32, "tune": "mfa"} | options, training=training)


ROWS = (
    _mmsnet("mmsnet"),  # MFA at r = 1, contourlet FEP, MFG-MSG at K = 32: what most rows are compared with
    _mmsnet("no-fep", fep="none"),
    _mmsnet("no-msfg", msfg=False),
    _mmsnet("mfa", fep="none", msfg=False),
    _mmsnet("msfg", tune="frozen"),  # FEP speaks through MFA, so that it goes with it
    _mmsnet("plain", tune="frozen", msfg=False),
    _mmsnet("sfg-ssg", frequencies=1, msfg_scales=1),
    _mmsnet("mfg-ssg", msfg_scales=1),
    _mmsnet("sfg-msg", frequencies=1),
    _mmsnet("fft", fep="fft"),
    _mmsnet("wavelet", fep="wavelet"),
    _mmsnet("tuned", tune="full", mfa=False),
    Row(name="lora", model="lora", options=ENCODER | {"width": 32}),
    _mmsnet("r8", r=8),
    _mmsnet("r4", r=4),
    _mmsnet("r2", r=2),
    _mmsnet("k16", frequencies=16),
    _mmsnet("mmsnet-single", "single"),
    _mmsnet("k1-single", "single", frequencies=1),
    _mmsnet("k16-single", "single", frequencies=16),
    Row(name="unet", model="unet"),
    Row(name="unet-single", model="unet", training="single"),
    Row(name="segformer", model="segformer", options=ENCODER),
    Row(name="segformer-single", model="segformer", options=ENCODER, training="single"),
)
BY_NAME = {row.name: row for row in ROWS}


@dataclass(frozen=True)
class Contrast:
    """Which rows are compared: the sum of the scores of some, minus that of as many others."""

    plus: tuple[str, ...]
    minus: tuple[str, ...]

    @property
    def name(self) -> str:
        """What is computed, such as "no-fep - mmsnet"."""
        return " - ".join(side[0] if len(side) == 1 else f"({' + '.join(side)})" for side in (self.plus, self.minus))


def _against(reference: str, *rows: str) -> tuple[Contrast, ...]:
    return tuple(Contrast((row,), (reference,)) for row in rows)


GROUPS: dict[str, tuple[Contrast, ...]] = {
    "interference": (  # C2: alone minus in the mix; C3: is another network's interference larger than MMSNet's?
        *_against("unet", "unet-single"),
        *_against("segformer", "segformer-single"),
        *_against("mmsnet", "mmsnet-single"),
        Contrast(("unet-single", "mmsnet"), ("unet", "mmsnet-single")),
        Contrast(("segformer-single", "mmsnet"), ("segformer", "mmsnet-single")),
    ),
    "modules": (  # C9, C10, C11
        *_against("mmsnet", "no-fep", "no-msfg", "mfa", "msfg", "plain"),
        *_against("plain", "mfa", "msfg"),
    ),
    "msfg": _against("mmsnet", "sfg-ssg", "mfg-ssg", "sfg-msg"),  # C9
    "fep": (*_against("no-fep", "mmsnet"), *_against("mmsnet", "fft", "wavelet")),  # C10
    "encoder": _against("mmsnet", "msfg", "tuned", "lora"),  # C12
    "r": _against("mmsnet", "r8", "r4", "r2"),  # C7
    "K": (*_against("mmsnet", "sfg-msg", "k16"), *_against("mmsnet-single", "k1-single", "k16-single")),  # C8
}


@dataclass(frozen=True)
class Effect:
    """A difference in mean DSC, and what chance allows.

    mean: over images and seeds.
    interval: 95 %, percentiles of a hierarchical bootstrap over seeds and images, see `training.intervals`.
    error: the standard deviation of the bootstrap's draws.
    by_seed: the difference of each seed.
    """

    mean: float
    interval: tuple[float, float]
    error: float
    by_seed: tuple[float, ...]

    @property
    def spread(self) -> float | None:
        """Standard deviation over seeds; None of a single one."""
        return statistics.stdev(self.by_seed) if len(self.by_seed) > 1 else None

    @property
    def detectable(self) -> float:
        """The smallest true difference that a design with this `error` finds, two-sided at 5 %, with a power of 80 %.

            delta = (z_0.975 + z_0.8) SE = 2.80 SE

        A difference is found where it is z_0.975 SE from 0; one that is normal about delta is so in 80 % of
        repetitions. With few seeds the bootstrap understates SE, see `training.intervals`: then delta is a lower bound.
        """
        normal = statistics.NormalDist()
        return (normal.inv_cdf(0.975) + normal.inv_cdf(0.8)) * self.error


def effects(plus: Sequence[Scores], minus: Sequence[Scores]) -> dict[str, Effect]:
    """Return the effect in each modality, and in "mean", their mean: the sum of the first rows minus the others.

    Raises:
        InputError: rows of other modalities, seeds or images than the first one's.
    """
    shapes = {modality: scores.shape for modality, scores in plus[0].items()}
    for scores in (*plus, *minus):
        if (other := {modality: part.shape for modality, part in scores.items()}) != shapes:
            raise InputError(f"scores on {other} and {shapes} (seeds, images) cannot be paired; measure both alike")
    strata = {m: np.sum([r[m] for r in plus], 0) - np.sum([r[m] for r in minus], 0) for m in shapes}
    return {"mean": _effect(list(strata.values())), **{m: _effect([part]) for m, part in strata.items()}}


def _effect(strata: Sequence[np.ndarray]) -> Effect:
    """The effect in the mean of strata (seeds images) of differences."""
    by_seed = np.mean([part.mean(1) for part in strata], axis=0)
    draws = bootstrap_means([[part[..., None]] for part in strata], [1 / len(strata)] * len(strata))[:, 0]
    low, high = np.quantile(draws, (0.025, 0.975)).tolist()
    return Effect(float(by_seed.mean()), (low, high), float(draws.std()), tuple(by_seed.tolist()))
