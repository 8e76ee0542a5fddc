"""The scores of every image of a mix: their means, intervals, tables, and the CSV that keeps them.

Convention: "mean" is the mean over modalities, so that a large dataset does not outweigh a small one; every other mean
    is over images.
Convention: by size of the lesion: small below 2 % of the image, large above 10 %, by the mask that was scored; images
    without a lesion are counted apart.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from mmsnet_lite.errors import InputError
from mmsnet_lite.training.intervals import bootstrap
from mmsnet_lite.training.metrics import METRICS

SIZES = {"none": "no lesion", "small": "lesion < 2 %", "middle": "lesion 2 to 10 %", "large": "lesion > 10 %"}


@dataclass(frozen=True)
class ImageScore:
    """The metrics of one image, the lesion's share of its area, and the size in pixels it was scored at."""

    stem: str
    dataset: str
    modality: str
    dsc: float
    iou: float
    mae: float
    mae_binary: float
    area: float
    height: int
    width: int

    @property
    def size(self) -> str:
        """The class of the lesion's size, one of `SIZES`."""
        if self.area == 0:
            return "none"
        return "small" if self.area < 0.02 else "middle" if self.area <= 0.1 else "large"


@dataclass(frozen=True)
class Evaluation:
    """The metrics of every image of a mix, and their means."""

    images: tuple[ImageScore, ...]

    def groups(self, key: str) -> dict[str, "Evaluation"]:
        """The images of each "dataset", "modality" or "size": in order of appearance, sizes from none to large."""
        names = list(dict.fromkeys(getattr(score, key) for score in self.images))
        if key == "size":
            names.sort(key=list(SIZES).index)
        return {name: Evaluation(tuple(s for s in self.images if getattr(s, key) == name)) for name in names}

    def by(self, key: str) -> dict[str, dict[str, float]]:
        """Mean metrics of each "dataset", "modality" or "size", with the number of images "n"."""
        return {
            name: {"n": len(group.images), **dict(zip(METRICS, group.array().mean(0).tolist(), strict=True))}
            for name, group in self.groups(key).items()
        }

    @property
    def mean(self) -> dict[str, float]:
        """Mean over modalities of each metric."""
        rows = list(self.by("modality").values())
        return {metric: sum(row[metric] for row in rows) / len(rows) for metric in METRICS}

    def array(self) -> np.ndarray:
        """The metrics as (images metrics)."""
        return np.array([[getattr(score, metric) for metric in METRICS] for score in self.images])

    def interval(self, *, balanced: bool) -> dict[str, list[float]]:
        """Interval of each metric's mean, see `intervals`: over modalities (balanced) or over images."""
        strata = [group.array() for group in self.groups("modality").values()]
        ends = bootstrap([[s[None]] for s in strata], weights(strata, balanced=balanced))
        return dict(zip(METRICS, ends.T.tolist(), strict=True))

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        tables = {"modalities": "modality", "datasets": "dataset", "sizes": "size"}
        within = {
            table: {name: group.interval(balanced=False) for name, group in self.groups(key).items()}
            for table, key in tables.items()
        }
        return {
            "mean": self.mean,
            **{table: self.by(key) for table, key in tables.items()},
            "intervals": {"mean": self.interval(balanced=True), **within},
            "images": [vars(score) for score in self.images],
        }

    def table(self, *, full: bool = False) -> str:
        """Lay the means out as text: a row a dataset, then modalities where they differ, then the mean.

        Args:
            full: with the interval of DSC, both MAE, and a row for each size of lesion.
        """
        datasets, modalities, sizes = (self.groups(key) for key in ("dataset", "modality", "size"))
        groups = dict(datasets)
        if len(modalities) < len(datasets):
            groups |= {f"all {name}": group for name, group in modalities.items()}
        groups["mean of modalities"] = self
        if full:
            groups |= {SIZES[name]: group for name, group in sizes.items()}
        width = max(map(len, groups))
        lines = [f"{'':{width}}  images    DSC{'  95 % interval ' * full}    IoU    MAE{'  MAE of masks' * full}"]
        for name, group in groups.items():
            means = self.mean if group is self else dict(zip(METRICS, group.array().mean(0), strict=True))
            line = f"{name:{width}}  {len(group.images):6}  {means['dsc']:.3f}"
            if full:
                line += "  {:.3f} to {:.3f}".format(*group.interval(balanced=group is self)["dsc"])
            line += f"  {means['iou']:.3f}  {means['mae']:.3f}"
            lines.append(f"{line}  {means['mae_binary']:12.3f}" if full else line)
        return "\n".join(lines)

    def to_csv(self) -> str:
        """Return the scores as CSV, a line an image; `read_csv` gets back the very same numbers."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(vars(score).values() for score in self.images)
        return text.getvalue()

    @classmethod
    def read_csv(cls, path: Path) -> "Evaluation":
        """Read what `to_csv` wrote: a CSV, or the test.csv of a run folder.

        Raises:
            InputError: the file is missing, or holds something else.
        """
        file = path / "test.csv" if path.is_dir() else path
        if not file.is_file():
            way = f"`python -m mmsnet_lite evaluate --run {path}` writes it" if path.is_dir() else "check the path"
            raise InputError(f"{file} does not exist; {way}")
        try:
            header, *lines = csv.reader(io.StringIO(file.read_text(encoding="utf-8"), newline=""))
            if header != _COLUMNS or not lines:
                raise ValueError(f"the columns are {', '.join(header)}, over {len(lines)} lines")
            kinds = [field.type for field in fields(ImageScore)]
            images = [ImageScore(*(k(v) for k, v in zip(kinds, line, strict=True))) for line in lines]  # type: ignore
            if len({(score.dataset, score.stem) for score in images}) < len(images):
                raise ValueError("an image is listed twice")
        except (ValueError, csv.Error) as error:
            raise InputError(f"{file} holds no scores of images ({error}); let `evaluate` write it again") from error
        return cls(tuple(images))


_COLUMNS = [field.name for field in fields(ImageScore)]


def weights(strata: Sequence[np.ndarray], *, balanced: bool) -> list[float]:
    """The weight of each modality's images (images metrics) in a mean over modalities, or over images."""
    total = sum(len(stratum) for stratum in strata)
    return [1 / len(strata) if balanced else len(stratum) / total for stratum in strata]
