"""Does relabelling what a network is uncertain about help it (claim C17)? Bad masks, rankings, and training anew."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from mmsnet_lite.analysis.detection import image_uncertainty
from mmsnet_lite.analysis.uncertainty import examine
from mmsnet_lite.data import Mix, Part
from mmsnet_lite.errors import InputError
from mmsnet_lite.training import evaluate, probability_metrics, segmentation_loss

KINDS = ("shifted", "dilated", "eroded", "missed")
ARMS = ("none", "uncertainty", "random", "loss", "worst", "all")
Noise = Mapping[tuple[str, str], str]  # by (dataset, stem) of an image with a bad mask, the kind of its error


def corrupt(mask: np.ndarray, kind: str, generator: np.random.Generator) -> np.ndarray:
    """Return a mask as a careless annotator might have drawn it.

    Convention: with r the radius of the disc of the lesion's area, "shifted" moves it by 0.5 to 1 r in any direction,
        "dilated" adds all pixels within 0.3 to 0.7 r, "eroded" takes away what is nearer to the rim than 0.3 to 0.7 of
        the deepest pixel, and "missed" leaves nothing.

    Raises:
        InputError: an unknown kind.
    """
    lesion = mask.astype(bool)
    radius, size, angle = np.sqrt(lesion.sum() / np.pi), generator.random(), generator.uniform(0, 2 * np.pi)

    def depth(region: np.ndarray) -> np.ndarray:  # the distance of each of its pixels to the others
        return cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)

    if kind == "missed" or not lesion.any():
        return np.zeros_like(lesion)
    if kind == "shifted":
        x, y = (0.5 + 0.5 * size) * radius * np.array([np.cos(angle), np.sin(angle)])
        move = np.array([[1, 0, round(x)], [0, 1, round(y)]], np.float32)
        return cv2.warpAffine(lesion.astype(np.uint8), move, lesion.shape[::-1], flags=cv2.INTER_NEAREST).astype(bool)
    if kind == "dilated":
        return depth(~lesion) <= (0.3 + 0.4 * size) * radius
    if kind == "eroded":
        inside = depth(lesion)
        return inside > (0.3 + 0.4 * size) * inside.max()
    raise InputError(f"an error of kind {kind!r} is unknown; choose one of {', '.join(KINDS)}")


def draw_noise(parts: Sequence[Part], share: float, seed: int = 0) -> dict[tuple[str, str], str]:
    """Choose a share of each part's images at random, whose masks are to be bad, each kind of error equally often."""
    noise: dict[tuple[str, str], str] = {}
    for number, part in enumerate(parts):
        order = np.random.default_rng([seed, number]).permutation(part.stems).tolist()
        noise |= {(part.dataset, s): KINDS[i % len(KINDS)] for i, s in enumerate(order[: round(share * len(order))])}
    return noise


def with_noise(parts: Sequence[Part], noise: Noise, seed: int = 0) -> list[Part]:
    """Return parts whose masks in `noise` are corrupted, each in the same way whatever else is; kept in memory."""

    def spoilt(part: Part) -> Part:
        def load(stem: str) -> tuple[np.ndarray, np.ndarray]:
            image, mask = part.load(stem)
            if (part.dataset, stem) in noise:
                generator = np.random.default_rng([seed, zlib.crc32(f"{part.dataset}/{stem}".encode())])
                mask = corrupt(mask, noise[part.dataset, stem], generator)
            return image, mask

        return replace(part, load=load, cache=None)

    return [spoilt(part) for part in parts]


def mask_quality(given: Mix, true: Mix) -> Tensor:
    """The DSC of each mask of a mix with that of another mix of the same images, float64 (n)."""
    pairs = zip(given, true, strict=True)
    return torch.cat([probability_metrics(a["mask"][None].double(), b["mask"][None])[:, 0] for a, b in pairs])


def suspicion(model: nn.Module, mix: Mix, *, passes: int = 20, seed: int = 0, batch: int = 8) -> dict[str, Tensor]:
    """Score every image of a mix by how much its mask is to be doubted, float64 (n), the most doubtful highest.

    The `image_uncertainty` of each map of `examine`, none of which looks at the mask, and the control, "loss", which
    does: the training loss of the image.
    """
    logits, masks, _, maps = examine(model, mix, passes, seed, batch)
    losses = [segmentation_loss(*pair) for pair in zip(logits.split(1), masks.float().split(1), strict=True)]
    scores = {name: image_uncertainty(each, logits >= 0) for name, each in maps.items()}
    return scores | {"loss": torch.stack(losses).double()}


@dataclass(frozen=True)
class Arm:
    """What one training with some of the bad masks corrected came to.

    dsc: of each test image, in the order of the test mix, 0..1.
    checked: numbers of the training images whose masks were looked at, and replaced by the true ones.
    bad: how many of those were bad.
    scores: of each training image, see `suspicion`; in arm "none" only, from which the others choose.
    """

    dsc: tuple[float, ...]
    checked: tuple[int, ...]
    bad: int
    scores: dict[str, tuple[float, ...]]


def reannotate(
    fit: Callable[[Mix], nn.Module],
    parts: Sequence[Part],
    test: Mix,
    *,
    share: float = 0.4,
    budget: float = 0.2,
    seed: int = 0,
    passes: int = 20,
    known: Mapping[str, Arm] | None = None,
) -> Iterator[tuple[str, Arm]]:
    """Train on masks of which a share is bad, check the most doubtful ones, train anew from the same start, and score.

    The arms, yielded by name as they are measured, differ in the images that are checked: "none"; the first by
    "uncertainty" (entropy of Monte-Carlo dropout), at "random", by training "loss", or the "worst" masks (an oracle),
    as many each; "all".

    Convention: the budget is a share of the training images, good and bad; checking a good mask changes nothing.

    Args:
        fit: trains a new network, from the same start each time, on the images that it is given.
        parts: of the training images, with their true masks.
        test: images to score, masks true.
        share: of training images whose masks are bad, see `draw_noise`.
        budget: share of the training images to check.
        seed: of the noise, the dropout and the random arm.
        passes: see `mc_predict`.
        known: arms measured before, which are not measured again; "none" is one of them.

    Raises:
        InputError: a share or budget outside 0 to 1, and what `mc_predict` refuses.
    """
    if not (0 <= share <= 1 and 0 <= budget <= 1):
        raise InputError(
            f"share = {share} and budget = {budget} do not fit; choose 0 to 1 for each, such as 0.4 and 0.2"
        )
    noise, arms = draw_noise(parts, share, seed), dict(known or {})
    keys = [(part.dataset, stem) for part in parts for stem in part.stems]
    n, count = len(keys), round(budget * len(keys))

    def mix(checked: Sequence[int]) -> Mix:
        left = {key: noise[key] for key in noise.keys() - {keys[i] for i in checked}}
        return Mix(with_noise(parts, left, seed), test.size)

    def first(arm: str) -> list[int]:
        """The images that an arm checks."""
        if arm in ("none", "all"):
            return list(range(n if arm == "all" else 0))
        if arm == "random":
            return sorted(np.random.default_rng([seed, n]).choice(n, count, replace=False).tolist())
        if arm == "worst":
            doubt = -mask_quality(noisy, mix(range(n)))
        else:
            doubt = torch.tensor(arms["none"].scores["entropy" if arm == "uncertainty" else arm])
        return sorted(doubt.argsort(descending=True, stable=True)[:count].tolist())

    noisy = mix([])
    for arm in ARMS:
        if arm in arms:
            continue
        chosen = first(arm)
        model = fit(mix(chosen) if chosen else noisy)
        scores = suspicion(model, noisy, passes=passes, seed=seed) if arm == "none" else {}
        arms[arm] = Arm(
            tuple(score.dsc for score in evaluate(model, test).images),
            tuple(chosen),
            sum(keys[i] in noise for i in chosen),
            {name: tuple(values.tolist()) for name, values in scores.items()},
        )
        yield arm, arms[arm]
