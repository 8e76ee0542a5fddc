"""Comparison of two configurations, or of two runs, over the same images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmsnet_lite.errors import InputError
from mmsnet_lite.training.intervals import bootstrap, permutation_test
from mmsnet_lite.training.metrics import METRICS
from mmsnet_lite.training.scores import SIZES, Evaluation, ImageScore, weights

_TITLES = {"dsc": "DSC", "iou": "IoU", "mae": "MAE", "mae_binary": "MAE of masks"}


@dataclass(frozen=True)
class Difference:
    """One metric of two sides: their means over the same images, a minus b, and what chance allows."""

    group: str
    metric: str
    images: int
    a: float
    b: float
    interval: tuple[float, float]
    p: float | None

    @property
    def difference(self) -> float:
        """a minus b."""
        return self.a - self.b


def compare(a: Mapping[str, Evaluation], b: Mapping[str, Evaluation]) -> list[Difference]:
    """Compare two sides, image by image: all metrics of the mean of modalities, then DSC by modality and by size.

    Convention: p stands at the means of modalities only: one question, one test; the other rows have intervals, for
        orientation.

    Args:
        a, b: of each side one run, or several that differ in their seed, by the names that messages call them.

    Returns:
        A row a group and metric; intervals and p as in `mmsnet_lite.training.intervals`.

    Raises:
        InputError: two runs were not scored on the same images, masks and sizes; the message names the runs.
    """
    if not (a and b):
        raise InputError("each side needs the scores of a run")
    named = [*a.items(), *b.items()]
    runs = [Evaluation(tuple(sorted(evaluation.images, key=_place))) for _, evaluation in named]
    images = runs[0].images
    for (name, _), run in zip(named[1:], runs[1:], strict=True):
        _check_same(named[0][0], images, name, run.images)
    sides = [np.array([run.array() for run in side]) for side in (runs[: len(a)], runs[len(a) :])]
    everything = np.arange(len(images))
    rows = _differences("mean of modalities", images, sides, everything, balanced=True)
    modalities = list(dict.fromkeys(score.modality for score in named[0][1].images))
    groups = {name: [s.modality == name for s in images] for name in modalities if len(modalities) > 1}
    groups |= {title: [s.size == size for s in images] for size, title in SIZES.items()}
    for name, chosen in groups.items():
        if any(chosen):
            dsc = [side[..., :1] for side in sides]
            rows += _differences(name, images, dsc, everything[chosen], balanced=False)
    return rows


def comparison_table(rows: Sequence[Difference]) -> str:
    """Lay rows out as text."""
    width = max(len(row.group) for row in rows)
    lines = [f"{'':{width}}  images  {'':12}      A      B   A - B  95 % interval         p"]
    for row in rows:
        p = "" if row.p is None else f"{row.p:.4f}"
        low, high = row.interval
        lines.append(
            f"{row.group:{width}}  {row.images:6}  {_TITLES[row.metric]:12}  {row.a:.3f}  {row.b:.3f}  "
            f"{row.difference:+.3f}  {low:+.3f} to {high:+.3f}  {p:>6}".rstrip()
        )
    return "\n".join(lines)


def _differences(
    group: str, images: Sequence[ImageScore], sides: Sequence[np.ndarray], chosen: np.ndarray, *, balanced: bool
) -> list[Difference]:
    """Rows of some of the images; `sides` are (seeds images metrics), of the first metrics or all."""
    modalities = np.array([images[i].modality for i in chosen])
    strata = [[side[:, chosen[modalities == name]] for side in sides] for name in np.unique(modalities)]
    shares = weights([s[0][0] for s in strata], balanced=balanced)
    a, b = (sum(w * s[k].mean((0, 1)) for s, w in zip(strata, shares, strict=True)).tolist() for k in (0, 1))
    low, high = bootstrap(strata, shares).tolist()
    p: list[float | None] = [None] * len(a)
    if balanced:
        p = permutation_test([s[0].mean(0) - s[1].mean(0) for s in strata], shares).tolist()
    return [
        Difference(group, metric, len(chosen), a[i], b[i], (low[i], high[i]), p[i])
        for i, metric in enumerate(METRICS[: len(a)])
    ]


def _place(score: ImageScore) -> tuple[str, str]:
    return score.dataset, score.stem


def _check_same(first: str, images: Sequence[ImageScore], second: str, others: Sequence[ImageScore]) -> None:
    what = [{(*_place(s), s.modality, s.width, s.height, round(s.area, 6)) for s in side} for side in (images, others)]
    if differ := sorted(what[0] ^ what[1]):
        raise InputError(
            f"{first} and {second} were not scored on the same images, masks and sizes: {len(differ)} are in one of "
            f"them only, such as {differ[0]}; evaluate both on the same folders, where sizes differ with --at original"
        )
