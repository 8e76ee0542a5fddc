"""The validation part split off the training parts; what belongs together stays on one side."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmsnet_lite.data.dataset import Part
from mmsnet_lite.data.duplicates import groups
from mmsnet_lite.data.specs import identity, video
from mmsnet_lite.errors import InputError


def split_validation(parts: Sequence[Part], fraction: float, seed: int = 0) -> tuple[list[Part], list[Part]]:
    """Split a validation part off training parts, at random within each dataset.

    Convention: near-duplicates (`Part.groups`) and frames of one video are held out together or not at all.
    Convention: a picture held out of one dataset is not trained on in another that holds it as well, and there it is
        the first to be held out.

    Args:
        parts: training parts.
        fraction: share of each dataset that is held out at most, but at least one image with its group;
            0 < fraction < 1.
        seed: draws the part.

    Returns:
        (training parts, validation parts); the stems keep their order.

    Raises:
        InputError: a fraction outside 0..1, a negative seed, a dataset that is a single image or group, or one of which
            nothing is left to train on.
    """
    if seed < 0:
        raise InputError(f"seed = {seed} does not fit; choose 0 or more")
    if not 0 < fraction < 1:
        raise InputError(f"validation fraction {fraction} does not fit; choose one between 0 and 1, such as 0.05")
    chosen: list[set[str]] = []
    held_pictures: set[str] = set()
    for i, part in enumerate(parts):
        if len(part.stems) < 2:
            raise InputError(f"{part.dataset} has {len(part.stems)} training image; two are needed to hold one out")
        order = np.random.default_rng([seed, i]).permutation(part.stems).tolist()
        order.sort(key=lambda stem: identity(part.dataset, stem) not in held_pictures)
        together = _together(part)
        if len(together[order[0]]) == len(order):
            raise InputError(
                f"all {len(order)} training images of {part.dataset} belong together (near-duplicates or frames of one "
                "video); two groups are needed to hold one out"
            )
        held_out: set[str] = set()
        for stem in order:  # each with all that belong to it, as long as the share is not exceeded
            if stem not in held_out and len(held_out) + len(together[stem]) <= int(fraction * len(order)):
                held_out.update(together[stem])
        chosen.append(held_out or set(together[min(order, key=lambda stem: len(together[stem]))]))
        held_pictures |= {identity(part.dataset, stem) for stem in chosen[-1]}
    kept, held = [], []
    for part, stems in zip(parts, chosen, strict=True):
        rest = [s for s in part.stems if s not in stems and identity(part.dataset, s) not in held_pictures]
        if not rest:
            raise InputError(f"no training image of {part.dataset} is left beside those held out; add images")
        kept.append(replace(part, stems=tuple(rest)))
        held.append(replace(part, stems=tuple(stem for stem in part.stems if stem in stems)))
    return kept, held


def _together(part: Part) -> dict[str, list[str]]:
    """The stems that must stay with each stem, itself included: connected by a group or a video, at any remove."""
    members = {stem: [stem] for stem in part.stems}
    first: dict[object, int] = {}  # the first stem met of each group and video
    labels = [((1, part.groups.get(stem)), (2, video(stem))) for stem in part.stems]
    pairs = [(first.setdefault(label, i), i) for i, both in enumerate(labels) for label in both if label[1] is not None]
    for group in groups(len(part.stems), pairs):
        stems = [part.stems[i] for i in group]
        members.update(dict.fromkeys(stems, stems))
    return members
