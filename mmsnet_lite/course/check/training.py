"""Exercise checks of lesson 05."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mmsnet_lite.course.check.exercise import Mistake, exercise
from mmsnet_lite.course.explore.training import images_of
from mmsnet_lite.training import TrainSettings
from mmsnet_lite.training.intervals import bootstrap

EPOCHS, BATCH, GPUS, PARTS = 50, 16, 4, 2  # of exercise 1


def _number(value: Any, what: str) -> float:
    """A finite number, also as NumPy or torch give it."""
    if value is None:
        raise Mistake(f"the function returns None for {what}; does it end with return?")
    if not math.isfinite(float(value)):
        raise Mistake(f"the function returns {float(value)} for {what}.")
    return float(value)


@exercise(1, expects="a pair of whole numbers: (steps of the optimiser, images in one part)")
def steps_and_part(answer: Sequence[int]) -> str:
    """Steps of a training on several GPUs, and images that one GPU sees at a time."""
    steps, part = (float(each) for each in answer)
    images = images_of("mix1")
    right = EPOCHS * (images // BATCH)
    known = {
        "that is one epoch.": (images // BATCH,),
        "the images left over at the end of an epoch wait for another one; they do not make a step.": (
            EPOCHS * math.ceil(images / BATCH),
            EPOCHS * images // BATCH,
            EPOCHS * images / BATCH,
        ),
        "a batch is what one step sees over all GPUs; four of them do not make steps fewer.": (
            EPOCHS * (images // (BATCH * GPUS)),
            EPOCHS * (images // (BATCH * GPUS * PARTS)),
        ),
        "parts are no steps: the optimiser moves once all parts of a batch are there.": (
            right * PARTS,
            right * GPUS * PARTS,
            right * GPUS,
            EPOCHS * (images // (BATCH // GPUS // PARTS)),
        ),
    }
    if steps != right:
        raise Mistake(next((f"steps: {w}" for w, values in known.items() if steps in values), "steps: not yet."))
    if part != BATCH / GPUS / PARTS:
        wrong = {BATCH: "that is the batch", BATCH / GPUS: "that is a GPU's share of a step; it computes it in parts"}
        wrong |= {BATCH / PARTS: "that is a part on a single GPU", BATCH * GPUS: "a batch does not grow with the GPUs"}
        raise Mistake(f"the steps are right; images in a part: {wrong.get(part, 'not yet')}.")
    return "Batch normalisation works with these few images, whatever the batch is called."


@exercise(2, expects="a function of (step, steps, lr, min_lr, warm) that returns a number")
def warm_up(answer: Callable[[int, int, float, float, int], Any]) -> str:
    """Cosine decay after a linear rise."""
    steps, lr, least, warm = 40, 2.0, 0.1, 8
    whole = TrainSettings(lr=lr, min_lr=least).lr_at
    found = np.array([_number(answer(s, steps, lr, least, warm), f"step {s}") for s in range(steps)])
    late = range(warm, steps)
    rise, right = lr * (np.arange(warm) + 1) / warm, np.array([whole(s - warm, steps - warm) for s in late])
    if np.allclose(found, [whole(s, steps) for s in range(steps)]):
        raise Mistake("that is the cosine from the first step on; where is the rise?")
    if np.allclose(found[:warm], lr * np.arange(warm) / warm):
        raise Mistake("step 0 would learn nothing, and the last step of the rise should reach lr itself.")
    if np.allclose(found[:warm], least + (lr - least) * (np.arange(warm) + 1) / warm):
        raise Mistake("the rise starts at 0, not at min_lr; only the cosine knows min_lr.")
    if not np.allclose(found[:warm], rise):
        raise Mistake(f"the rise is not right: step 0 gives {found[0]:.3f}.")
    wrong: dict[str, Any] = {
        "the cosine goes on as if it had begun at step 0; it starts where the rise ends.": [
            whole(s, steps) for s in late
        ],
        "the cosine starts in time but does not arrive: how many steps are left for it?": [
            whole(s - warm, steps) for s in late
        ],
        "the cosine begins a step early: at step `warm` it still is lr, its own t is 0 there.": [
            whole(s - warm + 1, steps - warm) for s in late
        ],
        "the cosine arrives a step early: min_lr is reached after the last step, as in the formula of the lesson.": [
            whole(s - warm, steps - warm - 1) for s in late
        ],
        "it ends at 0; min_lr is missing.": lr * (right - least) / (lr - least),
        "it rises again: half a period, not a whole one.": [whole(2 * (s - warm), steps - warm) for s in late],
        "after the rise that is a straight line.": [lr - (lr - least) * (s - warm) / len(late) for s in late],
    }
    if not np.allclose(found[warm:], right):
        words = (w for w, values in wrong.items() if np.allclose(found[warm:], values))
        raise Mistake(next(words, "the rise is right, the rest not yet."))
    return "A rise spares pretrained weights the first, wildest gradients of new layers."


@exercise(3, expects="a function of an array (n) that returns a pair (low, high)")
def interval(answer: Callable[[np.ndarray], Sequence[float]]) -> str:
    """Percentile bootstrap of a mean."""
    values = np.random.default_rng(5).beta(2, 1, 60)
    low, high = (_number(end, "an end") for end in answer(values.copy()))
    right = bootstrap([[values[None, :, None]]], [1.0])[:, 0]
    if low > high:
        raise Mistake("the lower end comes first.")
    width, wanted = high - low, right[1] - right[0]
    known = {
        "no width at all: every draw holds the same images. Can an image be drawn twice?": 0.0,
        "that is where single images lie; the question is where their mean lies.": np.ptp(
            np.quantile(values, (0.025, 0.975))
        ),
        "that is an interval of 90 %.": wanted * 1.645 / 1.96,
        "that is an interval of about 68 %; take the quantiles 0.025 and 0.975.": wanted / 1.96,
        "each draw should be as large as the sample; yours are half as large.": wanted * math.sqrt(2),
        "about twice the spread of single images; the question is where their mean lies.": 2 * 1.96 * values.std(),
    }
    if abs(width - wanted) > 0.12 * wanted:
        near = (w for w, size in known.items() if abs(width - size) <= 0.1 * size + 1e-6)
        raise Mistake(next(near, f"not yet: {width / wanted:.1f} times as wide as it should be."))
    if abs((low + high - right.sum()) / 2) > 0.15 * wanted:
        raise Mistake("the width is right, but it does not lie about the mean.")
    return "It narrows with the square root of the number of images."


@exercise(4, expects="a function of two arrays (n) that returns a number")
def p_value(answer: Callable[[np.ndarray, np.ndarray], Any]) -> str:
    """Two-sided paired permutation test."""
    generator = np.random.default_rng(3)
    b = generator.random(10)
    a = b + generator.normal(0.02, 0.05, 10)  # small differences between images of very different difficulty
    signs = np.array(list(itertools.product((1, -1), repeat=10)))
    means = (signs * (a - b)).mean(1)
    right, above = float((abs(means) >= abs(means[0]) - 1e-12).mean()), float((means >= means[0] - 1e-12).mean())
    found = _number(answer(a.copy(), b.copy()), "ten pairs")
    both = np.concatenate([a, b])
    pooled = [abs(np.diff(generator.permutation(both).reshape(2, 10).mean(1))[0]) for _ in range(2000)]
    known = {
        "1: turning the order of one side changes no mean. What may change places, if it does not matter?": 1.0,
        "the pairs are broken up: an easy image is easy for both, so only its two scores may change places.": np.mean(
            np.array(pooled) >= abs(means[0])
        ),
        "that is one-sided; B might as well have been the better one.": above,
        "that is the share of draws that do NOT reach the measured difference.": 1 - right,
    }
    if abs(found - right) > 0.03:
        raise Mistake(
            next((w for w, p in known.items() if abs(found - p) <= 0.03), f"not yet: yours gives {found:.2f}.")
        )
    swapped = _number(answer(b.copy(), a.copy()), "the two sides exchanged")
    if abs(swapped - right) > 0.03:
        raise Mistake("exchanging the sides changes p: a difference below 0 is one as well.")
    if _number(answer(np.ones(60), np.zeros(60)), "a clear case") <= 0:
        raise Mistake(
            "right, but a clear case gives 0; the measured order is itself one of the possible ones: count it."
        )
    return "The package's counts the same way, over modalities of equal weight."
