"""Explorers of lesson 05, with the images and the small networks that the lesson trains too."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from mmsnet_lite.build import build_model
from mmsnet_lite.course.explore.explorer import Choice, controls
from mmsnet_lite.course.plot.training import intervals, schedule, threshold_curves
from mmsnet_lite.data import Mix, mixlite_parts, normalise, split_validation
from mmsnet_lite.data.specs import MIXES, SPECS
from mmsnet_lite.training import PROFILES, SIZES, Evaluation, TrainSettings, evaluate, probability_metrics, train

SIZE, TRAINED, TESTED = 64, 17, 24  # pixels; images a modality, of which one of the first is held out
SETTINGS = TrainSettings(epochs=3, batch=8, lr=4e-3)
SMALL = {"encoder": "mit-nano", "tune": "mfa", "fep": "none", "width": 16, "msfg_scales": 1, "frequencies": 4}
STARTS = {"own": {"pretrained": "own"}, "random": {}}
THRESHOLDS = tuple(round(0.05 * i, 2) for i in range(1, 20))


# --- small networks ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def mixes() -> tuple[Mix, Mix, Mix]:
    """MixLite at 64 px: 64 images to train on, 4 held out, 96 to test on, as many of each modality."""
    kept, held = split_validation(mixlite_parts("train", SIZE, counts={"train": TRAINED}), fraction=1 / TRAINED)
    return Mix(kept, SIZE), Mix(held, SIZE), Mix(mixlite_parts("test", SIZE, counts={"test": TESTED}), SIZE)


def network(start: str = "own", seed: int = 0) -> nn.Module:
    """A small MMSNet, its frozen encoder with our "own" weights or "random" ones; the seed draws the rest."""
    return build_model("mmsnet", SMALL | STARTS[start], seed)


@lru_cache(maxsize=8)
def trained(start: str = "own", seed: int = 0) -> nn.Module:
    """That network after 24 steps of 8 images; about two seconds, once a session."""
    model, (train_mix, held_mix, _) = network(start, seed), mixes()
    train(model, train_mix, held_mix, replace(SETTINGS, seed=seed))
    return model.eval()


@lru_cache(maxsize=8)
def scores(start: str = "own", seed: int = 0) -> Evaluation:
    """Its scores on the 96 test images."""
    return evaluate(trained(start, seed), mixes()[2])


@lru_cache(maxsize=2)
def probabilities(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Probabilities and masks (96 1 64 64) of the test images, from own weights."""
    model, samples = trained("own", seed), list(mixes()[2])
    with torch.no_grad():
        logits = model(normalise(torch.stack([s["image"] for s in samples]))).logits
    return logits.sigmoid(), torch.stack([s["mask"] for s in samples])


# --- explorers -----------------------------------------------------------------------------------------------------


def images_of(mix: str) -> int:
    """Images of a mix that are trained on once `full` has held out its share of each dataset."""
    share, counts = PROFILES["full"]().validation, [SPECS[name].counts["train"] for name in MIXES[mix]]
    return sum(count - int(share * count) for count in counts)


@controls(
    mix=Choice("mix", tuple(MIXES), "mix1"),
    epochs=Choice("epochs", (6, 14, 50), 50),
    batch=Choice("batch", (8, 16, 32), 8),
    min_lr=Choice("min_lr", (1e-6, 5e-5), 1e-6),
)
def learning_rate(mix: str, epochs: int, batch: int, min_lr: float) -> tuple[Figure, str]:
    """The learning rate of every step of the full recipe, some of its settings changed."""
    settings = replace(PROFILES["full"]().settings, epochs=epochs, batch=batch, min_lr=min_lr)
    steps = epochs * (images_of(mix) // batch)
    rates = np.array([settings.lr_at(step, steps) for step in range(steps)])
    low = float((rates < settings.lr / 10).mean())
    alt = (
        f"{epochs} epochs of {mix} in batches of {batch} are {steps:,} steps. The learning rate falls from "
        f"{rates[0]:.0e} to {rates[-1]:.1e} on half a cosine; {low:.0%} of all steps are taken below a tenth of it."
    )
    return schedule(rates, steps // epochs), alt


def threshold_scores(seed: int, metric: str) -> dict[str, np.ndarray]:
    """Mean DSC or IoU at each of `THRESHOLDS`, by size of the lesion."""
    probability, masks = probabilities(seed)
    column, sizes = {"DSC": 0, "IoU": 1}[metric], np.array([score.size for score in scores("own", seed).images])
    values = np.stack([probability_metrics((probability >= t).double(), masks)[:, column].numpy() for t in THRESHOLDS])
    return {SIZES[size]: values[:, sizes == size].mean(1) for size in SIZES if (sizes == size).any()}


@controls(
    threshold=Choice("lesion from", (0.1, 0.3, 0.5, 0.7, 0.9), 0.5),
    metric=Choice("score", ("DSC", "IoU"), "DSC"),
    seed=Choice("seed", (0, 1), 0),
)
def threshold(threshold: float, metric: str, seed: int) -> tuple[Figure, str]:
    """Score against the probability from which a pixel is called lesion, a line a size of lesion."""
    curves = threshold_scores(seed, metric)
    at = THRESHOLDS.index(threshold)
    words = [
        f"{name}: {curve[at]:.2f} here, best {curve.max():.2f} at {THRESHOLDS[curve.argmax()]:.2f}"
        for name, curve in curves.items()
    ]
    return threshold_curves(THRESHOLDS, curves, threshold, metric), f"Mean {metric} at {threshold}. {'; '.join(words)}."


NUMBERS = (3, 6, 12, 24)  # images a modality


def first_images(evaluation: Evaluation, count: int) -> Evaluation:
    """The first `count` images of each modality."""
    groups = evaluation.groups("modality").values()
    return Evaluation(tuple(score for group in groups for score in group.images[:count]))


@controls(
    count=Choice("images a modality", NUMBERS, 6),
    seed=Choice("seed", (0, 1), 0),
)
def interval(count: int, seed: int) -> tuple[Figure, str]:
    """Bootstrap intervals of the mean DSC by number of test images, one of them marked."""
    some = {n: first_images(scores("own", seed), n) for n in NUMBERS}
    ends = {n: each.interval(balanced=True)["dsc"] for n, each in some.items()}
    rows = {4 * n: (each.mean["dsc"], ends[n][0], ends[n][1]) for n, each in some.items()}
    mean, low, high = rows[4 * count]
    alt = (
        f"Tested on {4 * count} images, seed {seed} has a mean DSC of {mean:.2f}, 95 % interval {low:.2f} to "
        f"{high:.2f}, {high - low:.2f} wide; widths at {', '.join(map(str, rows))} images: "
        + ", ".join(f"{top - bottom:.2f}" for _, bottom, top in rows.values())
        + "."
    )
    return intervals(rows, 4 * count), alt
