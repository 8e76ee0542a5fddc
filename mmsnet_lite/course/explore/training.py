"""Explorers of lesson 05, with the images and the small networks that the lesson trains too."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from torch import Tensor, nn

from mmsnet_lite.build import build_model
from mmsnet_lite.course.colours import MARK
from mmsnet_lite.course.explore.explorer import Choice, controls
from mmsnet_lite.course.plot import blank, frame
from mmsnet_lite.data import Mix, mixlite_parts, normalise, split_validation
from mmsnet_lite.data.specs import MIXES, SPECS
from mmsnet_lite.training import PROFILES, SIZES, Evaluation, TrainSettings, evaluate, probability_metrics, train

SETTINGS = TrainSettings(epochs=3, batch=8, lr=4e-3)
SMALL = {"encoder": "mit-nano", "tune": "mfa", "fep": "none", "width": 16, "msfg_scales": 1, "frequencies": 4}
STARTS = {"own": {"pretrained": "own"}, "random": {}}
THRESHOLDS = tuple(round(0.05 * i, 2) for i in range(1, 20))


@lru_cache(maxsize=4)
def mixlite(trained: int, held: int, tested: int, size: int = 64) -> tuple[Mix, Mix, Mix]:
    """MixLite images to train on, held out and to test on, so many of each modality; side in pixels."""
    counts = {"train": trained + held, "test": tested}
    kept, out = split_validation(mixlite_parts("train", size, counts=counts), held / counts["train"])
    return Mix(kept, size), Mix(out, size), Mix(mixlite_parts("test", size, counts=counts), size)


def stacked(mix: Mix) -> tuple[Tensor, Tensor]:
    """All images of a mix, normalised (n 3 h w), and its masks (n 1 h w)."""
    pixels, masks = (torch.stack([sample[key] for sample in mix]) for key in ("image", "mask"))
    return normalise(pixels), masks


def mixes() -> tuple[Mix, Mix, Mix]:
    """MixLite at 64 px: 64 images to train on, 4 held out, 96 to test on, as many of each modality."""
    return mixlite(16, 1, 24)


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
    model, (images, masks) = trained("own", seed), stacked(mixes()[2])
    with torch.no_grad():
        return model(images).logits.sigmoid(), masks


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
    figure = blank(8.6, 2.6)
    for axes, scale in zip(figure.subplots(1, 2), ("linear", "log"), strict=True):
        axes.plot(rates, color="black", lw=1.5)
        axes.axvspan(0, steps // epochs, color="0.85", label="first epoch")
        axes.axhline(rates[0] / 10, color="0.5", lw=1, ls=":", label="a tenth")
        axes.set_yscale(scale)
        axes.locator_params(axis="x", nbins=5)
        axes.yaxis.set_major_formatter("{x:.0e}")  # the default writes formulas, in fonts that may be missing
        axes.yaxis.set_minor_formatter("")
        axes.set_title(f"learning rate, {scale} axis", fontsize=9)
        frame(axes, "step")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # a short range has a single power of ten
    axes.legend(frameon=False, fontsize=8, loc="lower left")
    figure.tight_layout()
    alt = (
        f"{epochs} epochs of {mix} in batches of {batch} are {steps:,} steps. The learning rate falls from "
        f"{rates[0]:.0e} to {rates[-1]:.1e} on half a cosine; {low:.0%} of all steps are taken below a tenth of it."
    )
    return figure, alt


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
    figure, words, at = blank(6.4, 3), [], THRESHOLDS.index(threshold)
    axes = figure.subplots()
    for (name, curve), style in zip(threshold_scores(seed, metric).items(), ("-", "--", ":"), strict=False):
        best = THRESHOLDS[curve.argmax()]
        axes.plot(THRESHOLDS, curve, style, color="black", label=name)
        axes.plot(best, curve.max(), "o", color="black", ms=6)
        words.append(f"{name}: {curve[at]:.2f} here, best {curve.max():.2f} at {best:.2f}")
    axes.axvline(threshold, color=MARK, lw=1.5)
    axes.set(ylim=(0, 1), ylabel=metric)
    axes.legend(frameon=False, fontsize=8, loc="upper right")
    frame(axes, "a pixel is lesion from this probability up")
    figure.tight_layout()
    return figure, f"Mean {metric} at {threshold}. {'; '.join(words)}."


NUMBERS = (3, 6, 12, 24)  # images a modality


@controls(
    count=Choice("images a modality", NUMBERS, 6),
    seed=Choice("seed", (0, 1), 0),
)
def interval(count: int, seed: int) -> tuple[Figure, str]:
    """Bootstrap intervals of the mean DSC by number of test images, one of them marked."""
    groups, widths = scores("own", seed).groups("modality").values(), []
    figure = blank(6.4, 2.6)
    axes = figure.subplots()
    for place, n in enumerate(NUMBERS):
        some = Evaluation(tuple(score for group in groups for score in group.images[:n]))
        mean, (low, high) = some.mean["dsc"], some.interval(balanced=True)["dsc"]
        colour = MARK if n == count else "black"
        axes.plot([low, high], [place, place], color=colour, lw=3)
        axes.plot(mean, place, "o", color=colour, ms=7)
        axes.text(high + 0.01, place, f"{high - low:.2f} wide", fontsize=8, va="center")
        widths.append(f"{high - low:.2f}")
        if n == count:
            alt = (
                f"Tested on {4 * n} images, seed {seed} has a mean DSC of {mean:.2f}, 95 % interval {low:.2f} to "
                f"{high:.2f}, {high - low:.2f} wide; widths at "
            )
    axes.set(xlim=(0, 1), ylim=(-0.6, len(NUMBERS) - 0.4))
    axes.set_yticks(range(len(NUMBERS)), [f"{4 * n} images" for n in NUMBERS])
    frame(axes, "mean DSC and its 95 % interval")
    figure.tight_layout()
    return figure, f"{alt}{', '.join(str(4 * n) for n in NUMBERS)} images: {', '.join(widths)}."
