"""Explorers of lesson 08, with the network, its passes and the stored measurements that the lesson uses too."""

import copy
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from mmsnet_lite import MMSNet
from mmsnet_lite.analysis import MCResult, mc_predict, reliability, risk_coverage
from mmsnet_lite.build import build_model
from mmsnet_lite.course.colours import overlay
from mmsnet_lite.course.explore.explorer import Choice, controls
from mmsnet_lite.course.explore.mfa import RESULTS, stored
from mmsnet_lite.course.explore.training import mixlite, stacked
from mmsnet_lite.course.plot.uncertainty import doubt, reliability_diagrams
from mmsnet_lite.data import Mix
from mmsnet_lite.data.synthetic import MODALITIES
from mmsnet_lite.training import TrainSettings, train

SIZE, TRAINED, HELD, TESTED = 64, 40, 4, 16  # pixels; images a modality
OPTIONS = {"encoder": "mit-nano", "pretrained": "own", "width": 32, "frequencies": 8, "msfg_scales": 2}
SHOWN = {"fundus": 1, "colonoscopy": 0, "ultrasound": 2, "dermoscopy": 2}  # test image of each modality in figures
BLANKED = 255  # grey level of pixels that are handed to somebody else


def mixes() -> tuple[Mix, Mix, Mix]:
    """MixLite at 64 px: 160 images to train on, 16 to validate on, 64 to test on, as many of each modality."""
    return mixlite(TRAINED, HELD, TESTED, SIZE)


@lru_cache(maxsize=1)
def trained() -> MMSNet:
    """Lesson 00's network after 60 steps of 16 images; about ten seconds, once a session."""
    model, (train_mix, held_mix, _) = build_model("mmsnet", OPTIONS), mixes()
    train(model, train_mix, held_mix, TrainSettings(epochs=6, batch=16, lr=4e-3))
    assert isinstance(model, MMSNet)
    return model.eval()


class Samples(NamedTuple):
    """Images as the network reads them (n 3 h w), masks bool (n 1 h w), pictures uint8 (n h w 3) and modalities."""

    images: Tensor
    masks: Tensor
    pictures: np.ndarray
    modalities: np.ndarray


@lru_cache(maxsize=2)
def samples(split: str = "test") -> Samples:
    """All images of "validation" or "test" at once."""
    mix = mixes()[{"validation": 1, "test": 2}[split]]
    images, masks = stacked(mix)
    pictures = np.stack([sample["image"].permute(1, 2, 0).numpy() for sample in mix])
    return Samples(images, masks.bool(), pictures, np.array(mix.labels))


@lru_cache(maxsize=2)
def logits(split: str = "test") -> Tensor:
    """What one pass without dropout gives (n 1 h w)."""
    model = trained()
    with torch.no_grad():
        return model(samples(split).images).logits


@lru_cache(maxsize=16)
def passes(count: int = 20, rate: float = 0.1) -> MCResult:
    """Monte-Carlo dropout on the test images; the rate is that of these passes, the network was trained with 0.1."""
    model = copy.deepcopy(trained())
    model.decoder.dropout.p = rate
    return mc_predict(model, samples().images, count)


def wrong() -> Tensor:
    """The pixels of the test images at which one pass without dropout errs, bool (n 1 h w)."""
    return (logits() >= 0) != samples().masks


def shown(modality: str) -> int:
    """The number of the test image of a modality that figures show."""
    return int(np.flatnonzero(samples().modalities == modality)[SHOWN[modality]])


def stored_assessments(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """What benchmarks/uncertainty.py has measured, a row a run; empty where there is nothing."""
    rows: list[dict[str, Any]] = stored("uncertainty.json", folder).get("rows", [])
    return rows


def stored_reannotation(folder: Path = RESULTS) -> dict[str, Any]:
    """The summary of benchmarks/reannotation.py, and under "dsc" each seed's mean DSC by arm; empty without it."""
    found = stored("reannotation.json", folder)
    if not found:
        return {}
    dsc: dict[str, list[float]] = {}
    for row in found["rows"]:
        dsc.setdefault(row["arm"], []).append(float(np.mean([np.mean(values) for values in row["dsc"].values()])))
    return found["summary"] | {"dsc": dsc, "profile": found["profile"]}


def mean_of_modalities(row: dict[str, Any], *keys: str) -> float:
    """A figure of a stored assessment, averaged over modalities; nan where one has none."""
    values = []
    for value in row["modalities"].values():
        for key in keys:
            value = value[key]
        values.append(np.nan if value is None else value)
    return float(np.mean(values))


def assessment_table(row: dict[str, Any]) -> str:
    """A stored assessment in lines of text: each score beside its controls, then calibration.

    A rank is the mean over modalities of an image score's correlation with DSC, in brackets the lowest and the highest.
    """
    images = sum(each["images"] for each in row["modalities"].values())
    lines = [f"{row['run']}, {row['size']} px, {images} test images"]
    for name in ("entropy", "mutual information", "single-pass entropy", "boundary distance"):
        roc, prc = (mean_of_modalities(row, "detection", name, key) for key in ("auroc", "auprc"))
        rank = _rank(row, name, "; images, ")
        lines.append(f"    {name:20} AUROC {roc:.3f}, near the boundary AUPRC {prc:.3f}{rank}")
    lines.append(f"    size called          {_rank(row, 'lesion size', 'images, ')}")
    errors = {name: mean_of_modalities(row, "calibration", name) for name in ("single pass", "temperature", "mc mean")}
    lines.append(f"    calibration error    {', '.join(f'{name} {error:.4f}' for name, error in errors.items())}")
    return "\n".join(lines)


def _rank(row: dict[str, Any], name: str, before: str) -> str:
    """How a score ranks images, after the words `before`; nothing where it ranks none."""
    found = [each["ranking"][name]["spearman"] for each in row["modalities"].values() if name in each["ranking"]]
    return f"{before}rank {np.mean(found):+.2f} ({min(found):+.2f} to {max(found):+.2f})" if found else ""


def reannotation_table(study: dict[str, Any]) -> str:
    """What `stored_reannotation` holds in lines of text: bad masks found, then DSC by arm beside checking at random."""
    lines = [
        f"bad masks found by {name:20} AUROC {groups['all']['mean']:.2f}, within a modality "
        f"{groups['within a modality']['mean']:.2f}"
        for name, groups in study["bad masks found, AUROC"].items()
    ]
    for arm, row in study["arms"].items():
        line = f"{arm:12} DSC {row['mean']:.3f}, {sum(row['bad'])} of {sum(row['checked'])} masks checked were bad"
        if "minus random" in row:
            low, high = row["minus random"]["interval"]
            line += f"; minus random {row['minus random']['mean']:+.3f} ({low:+.3f} to {high:+.3f})"
        lines.append(line)
    return "\n".join(lines)


@controls(
    modality=Choice("image", MODALITIES, "colonoscopy"),
    count=Choice("passes", (2, 5, 20, 50), 20),
    rate=Choice("dropout rate", (0.05, 0.1, 0.3, 0.5), 0.1),
    threshold=Choice("entropy from (nats)", (0.1, 0.3, 0.5, 0.65), 0.5),
)
def uncertainty(modality: str, count: int, rate: float, threshold: float) -> tuple[Figure, str]:
    """An image, its entropy, what is kept of it below a threshold, and the risk of what is kept of all such images."""
    test, entropy, errors, i = samples(), passes(count, rate).entropy, wrong(), shown(modality)
    of_kind = torch.from_numpy(test.modalities == modality)
    kept, missed = entropy[of_kind] < threshold, errors[of_kind].float()
    curve = risk_coverage(entropy[of_kind], missed)
    coverage = float(kept.float().mean())
    risk = float(missed[kept].mean()) if kept.any() else 0.0
    picture = overlay(test.pictures[i], (logits()[i, 0] >= 0).numpy(), test.masks[i, 0].numpy())
    left = picture.copy()
    left[(entropy[i, 0] >= threshold).numpy()] = BLANKED
    alt = (
        f"A {modality} image with its errors, the entropy of {count} passes at rate {rate}, and the image without "
        f"pixels of {threshold} nats or more. Over all such images {1 - coverage:.1%} of the pixels go; "
        f"of those kept {risk:.1%} are wrong, of all {float(missed.mean()):.1%}."
    )
    return doubt(picture, entropy[i, 0].numpy(), left, curve, (coverage, risk)), alt


@controls(
    temperature=Choice("temperature", (0.5, 1.0, 1.2, 1.5, 2.0, 3.0), 2.0),
    modality=Choice("images", ("all", *MODALITIES), "all"),
)
def temperature(temperature: float, modality: str) -> tuple[Figure, str]:
    """Reliability of the logits as they are and divided by a temperature."""
    chosen = torch.from_numpy(np.isin(samples().modalities, MODALITIES if modality == "all" else [modality]))
    z, masks = logits()[chosen].double(), samples().masks[chosen].double()
    found = {f"T = {t:g}": (z / t, reliability((z / t).sigmoid(), masks)) for t in dict.fromkeys((1.0, temperature))}
    words = []
    for name, (scaled, each) in found.items():
        loss = torch.nn.functional.binary_cross_entropy_with_logits(scaled, masks)
        words.append(f"{name}: calibration error {each.error:.3f}, cross-entropy {loss:.3f}")
    title = f"{modality}: predicted probability against the share that is lesion"
    return reliability_diagrams({name: each for name, (_, each) in found.items()}), f"{title}. {'; '.join(words)}."
