"""DSC, IoU and MAE of every image, and their means by dataset, by modality and over modalities.

Convention: a prediction is probability >= 0.5; DSC and IoU are computed per image, then averaged.
Convention: where mask and prediction are both empty, DSC = IoU = 1; where only one is, 0.
Convention: MAE is the mean absolute difference between probability and mask, not between two masks.
Convention: "mean" is the mean over modalities, so that a large dataset does not outweigh a small one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

METRICS = ("dsc", "iou", "mae")


def image_metrics(logits: Tensor, masks: Tensor) -> Tensor:
    """Compute DSC = 2|P M| / (|P| + |M|), IoU = |P M| / |P u M| and MAE of each image.

    Args:
        logits: (b 1 h w).
        masks: (b 1 h w) of 0 and 1.

    Returns:
        float64 (b 3), float32 on Apple's GPU: dsc, iou, mae, each in 0..1.
    """
    dtype = torch.float32 if logits.device.type == "mps" else torch.float64  # Apple's GPU has no float64
    probability, truth = logits.to(dtype).sigmoid().flatten(1), masks.to(dtype).flatten(1)
    predicted = (logits >= 0).to(dtype).flatten(1)
    intersection = (predicted * truth).sum(1)
    total = predicted.sum(1) + truth.sum(1)
    empty = total == 0
    dsc = torch.where(empty, 1.0, 2 * intersection / total.clamp(min=1))
    iou = torch.where(empty, 1.0, intersection / (total - intersection).clamp(min=1))
    return torch.stack([dsc, iou, (probability - truth).abs().mean(1)], 1)


@dataclass(frozen=True)
class ImageScore:
    """The metrics of one image."""

    stem: str
    dataset: str
    modality: str
    dsc: float
    iou: float
    mae: float


@dataclass(frozen=True)
class Evaluation:
    """The metrics of every image of a mix, and their means."""

    images: tuple[ImageScore, ...]

    def by(self, key: str) -> dict[str, dict[str, float]]:
        """Mean metrics of each "dataset" or "modality", in order of appearance, with the number of images "n"."""
        groups: dict[str, list[ImageScore]] = {}
        for score in self.images:
            groups.setdefault(getattr(score, key), []).append(score)
        return {name: {"n": len(scores), **_means(scores)} for name, scores in groups.items()}

    @property
    def mean(self) -> dict[str, float]:
        """Mean over modalities of each metric."""
        rows = list(self.by("modality").values())
        return {metric: sum(row[metric] for row in rows) / len(rows) for metric in METRICS}

    def to_json(self) -> dict[str, object]:
        """Return all of it as plain values."""
        return {
            "mean": self.mean,
            "modalities": self.by("modality"),
            "datasets": self.by("dataset"),
            "images": [vars(score) for score in self.images],
        }

    def table(self) -> str:
        """Lay the means out as text: a row a dataset, then modalities where they differ, then the mean."""
        datasets, modalities = self.by("dataset"), self.by("modality")
        rows = list(datasets.items())
        if len(modalities) < len(datasets):
            rows += [(f"all {name}", row) for name, row in modalities.items()]
        rows += [("mean of modalities", {"n": len(self.images), **self.mean})]
        width = max(len(name) for name, _ in rows)
        lines = [f"{'':{width}}  images    DSC    IoU    MAE"]
        lines += [
            f"{name:{width}}  {row['n']:6.0f}  {row['dsc']:.3f}  {row['iou']:.3f}  {row['mae']:.3f}"
            for name, row in rows
        ]
        return "\n".join(lines)


def _means(scores: Sequence[ImageScore]) -> dict[str, float]:
    return {metric: sum(getattr(score, metric) for score in scores) / len(scores) for metric in METRICS}
