"""Exercise checks of lesson 05."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mmsnet_lite.course.check.exercise import Mistake, compare, exercise
from mmsnet_lite.course.explore.training import images_of
from mmsnet_lite.training import TrainSettings
from mmsnet_lite.training.intervals import bootstrap

EPOCHS, BATCH, GPUS, PARTS = 50, 16, 4, 2  # of exercise 1


@exercise(1, expects="a pair of whole numbers: (steps of the optimiser, images in one part)")
def steps_and_part(answer: Sequence[int]) -> str:
    """Steps of a training on several GPUs, and images that one GPU sees at a time."""
    steps, part = (float(each) for each in answer)
    images = images_of("mix1")
    right = EPOCHS * (images // BATCH)
    mistakes = {
        "that is one epoch.": images // BATCH,
        "the images left over at the end of an epoch wait for another one; they do not make a step.": (
            EPOCHS * math.ceil(images / BATCH),
            EPOCHS * images // BATCH,
            EPOCHS * images / BATCH,
        ),
        "a batch is what one step sees over all GPUs; four of them do not make steps fewer.": tuple(
            EPOCHS * (images // (BATCH * GPUS * parts)) for parts in (1, PARTS)
        ),
        "parts are no steps: the optimiser moves once all parts of a batch are there.": (
            *(right * times for times in (PARTS, GPUS, GPUS * PARTS)),
            EPOCHS * (images // (BATCH // GPUS // PARTS)),
        ),
    }
    compare(steps, right, mistakes, "not yet.", of="steps: ", rtol=0)
    wrong = {
        "that is the batch.": BATCH,
        "that is a GPU's share of a step; it computes it in parts.": BATCH / GPUS,
        "that is a part on a single GPU.": BATCH / PARTS,
        "a batch does not grow with the GPUs.": BATCH * GPUS,
    }
    compare(part, BATCH / GPUS / PARTS, wrong, "not yet.", of="the steps are right; images in a part: ", rtol=0)
    return "Batch normalisation works with these few images, whatever the batch is called."


@exercise(2, expects="a function of (step, steps, lr, min_lr, warm) that returns a number")
def warm_up(answer: Callable[[int, int, float, float, int], Any]) -> str:
    """Cosine decay after a linear rise."""
    steps, lr, least, warm = 40, 2.0, 0.1, 8
    whole = TrainSettings(lr=lr, min_lr=least).lr_at
    found = np.array([float(answer(s, steps, lr, least, warm)) for s in range(steps)])
    late, up = range(warm, steps), np.arange(warm) / warm
    if np.allclose(found, [whole(s, steps) for s in range(steps)]):
        raise Mistake("that is the cosine from the first step on; where is the rise?")
    mistakes: dict[str, Any] = {
        "step 0 would learn nothing, and the last step of the rise should reach lr itself.": lr * up,
        "the rise starts at 0, not at min_lr; only the cosine knows min_lr.": least + (lr - least) * (up + 1 / warm),
    }
    compare(found[:warm], lr * (up + 1 / warm), mistakes, f"the rise is not right: step 0 gives {found[0]:.3f}.")

    def cosine(shift: int = warm, left: int = steps - warm, speed: int = 1) -> list[float]:
        return [whole(speed * (s - shift), left) for s in late]

    right = np.array(cosine())
    mistakes = {
        "the cosine goes on as if it had begun at step 0; it starts where the rise ends.": cosine(0, steps),
        "the cosine starts in time but does not arrive: how many steps are left for it?": cosine(warm, steps),
        "the cosine begins a step early: at step `warm` it still is lr, its own t is 0 there.": cosine(warm - 1),
        "the cosine arrives a step early: min_lr is reached after the last step, as in the formula of the lesson.": (
            cosine(warm, steps - warm - 1)
        ),
        "it ends at 0; min_lr is missing.": lr * (right - least) / (lr - least),
        "it rises again: half a period, not a whole one.": cosine(speed=2),
        "after the rise that is a straight line.": [lr - (lr - least) * (s - warm) / len(late) for s in late],
    }
    compare(found[warm:], right, mistakes, "the rise is right, the rest not yet.")
    return "A rise spares pretrained weights the first, wildest gradients of new layers."


@exercise(3, expects="a function of an array (n) that returns a pair (low, high)")
def interval(answer: Callable[[np.ndarray], Sequence[float]]) -> str:
    """Percentile bootstrap of a mean."""
    values = np.random.default_rng(5).beta(2, 1, 60)
    low, high = (float(end) for end in answer(values.copy()))
    right = bootstrap([[values[None, :, None]]], [1.0])[:, 0]
    if low > high:
        raise Mistake("the lower end comes first.")
    width, wanted = high - low, right[1] - right[0]
    single = np.ptp(np.quantile(values, (0.025, 0.975)))
    mistakes = {
        "no width at all: every draw holds the same images. Can an image be drawn twice?": 0.0,
        "that is where single images lie; the question is where their mean lies.": single,
        "that is an interval of 90 %.": wanted * 1.645 / 1.96,
        "that is an interval of about 68 %; take the quantiles 0.025 and 0.975.": wanted / 1.96,
        "too wide: are these means of draws as large as the sample, and their quantiles 0.025 and 0.975?": wanted * 1.4,
        "about twice the spread of single images; the question is where their mean lies.": 2 * 1.96 * values.std(),
    }
    compare(width, wanted, mistakes, f"not yet: {width / wanted:.1f} times as wide as it should be.", rtol=0.12)
    if abs((low + high - right.sum()) / 2) > 0.15 * wanted:
        raise Mistake("the width is right, but it does not lie about the mean.")
    return "It narrows with the square root of the number of images."


@exercise(4, expects="a function of two arrays (n) that returns a number")
def p_value(answer: Callable[[np.ndarray, np.ndarray], Any]) -> str:
    """Two-sided paired permutation test."""
    generator = np.random.default_rng(38)
    b = generator.random(10)  # images of very different difficulty; one difference sets tests of ranks and t apart
    a = b + np.append(generator.normal(0.02, 0.05, 9), 0.4)
    signs = np.array(list(itertools.product((1, -1), repeat=10)))
    means = (signs * (a - b)).mean(1)
    right, above = float((abs(means) >= abs(means[0]) - 1e-12).mean()), float((means >= means[0] - 1e-12).mean())
    found, both = float(answer(a.copy(), b.copy())), np.concatenate([a, b])
    pooled = np.array([abs(np.diff(generator.permutation(both).reshape(2, 10).mean(1))[0]) for _ in range(2000)])
    broken = (pooled >= abs(means[0])).mean()
    mistakes = {
        "1: turning the order of one side changes no mean. What may change places, if it does not matter?": 1.0,
        "the pairs are broken up: an easy image is easy for both, so only its two scores may change places.": broken,
        "that is one-sided; B might as well have been the better one.": above,
        "that is the share of draws that do NOT reach the measured difference.": 1 - right,
    }
    compare(found, right, mistakes, f"not yet: yours gives {found:.2f}.", atol=0.03)
    swapped = float(answer(b.copy(), a.copy()))
    compare(swapped, right, {}, "exchanging the sides changes p: a difference below 0 is one as well.", atol=0.03)
    if float(answer(np.ones(3), np.zeros(3))) < 0.1:  # 2 of 8 orders reach it, none exceeds it
        raise Mistake("right, but too small where differences are equal: a draw that just reaches the mean counts.")
    if float(answer(np.ones(60), np.zeros(60))) <= 0:
        raise Mistake("right, but a clear case gives 0; the measured order is one of the possible ones: count it.")
    return "The package's counts the same way, over modalities of equal weight."
