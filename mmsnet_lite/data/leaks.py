"""Leaks: pictures, or frames of one video, that stand on both sides of a test."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mmsnet_lite.data.duplicates import near_duplicates
from mmsnet_lite.data.specs import MIXES, identity, video

KINDS = ("an identical file", "an image of the same name", "a near-duplicate", "a frame of the same video")
"""How two images can agree, the strongest first."""

SEVERITIES = ("error", "leak", "note")


@dataclass(frozen=True)
class Picture:
    """One image of a prepared folder, as far as leaks need it: where it stands, its content's digest, its hash."""

    dataset: str
    split: str
    stem: str
    digest: bytes
    hash: np.ndarray

    def __str__(self) -> str:
        return f"{self.dataset}/{self.stem}"


@dataclass(frozen=True)
class Finding:
    """Something that the check has found.

    Attributes:
        severity: "error" (a broken folder; a test image that is trained on in its own dataset or mix), "leak" (the same
            between the two mixes, which matters to who uses both) or "note".
        text: one line.
        examples: files, or images with the first that each agrees with.
    """

    severity: str
    text: str
    examples: tuple[str, ...] = ()


def find_leaks(pictures: Sequence[Picture]) -> list[Finding]:
    """Compare all pictures with one another.

    Convention: a pair is reported once, under the first of `KINDS` that fits.
    Convention: frames of one video are reported across train and test only; all neighbours in a split are of one.

    Returns:
        Errors, then leaks, then notes; in each, one finding for every two splits and kind.
    """
    alike = near_duplicates(np.stack([picture.hash for picture in pictures]))
    agreeing = (
        _equal(picture.digest for picture in pictures),
        _equal(identity(picture.dataset, picture.stem) for picture in pictures),
        ((i, j, "" if how == "as it is" else f" ({how})") for i, j, how in alike),
        _equal(video(picture.stem) for picture in pictures),
    )
    found: dict[tuple[int, int], tuple[str, str]] = {}
    for kind, pairs in zip(KINDS, agreeing, strict=True):
        for i, j, how in pairs:
            found.setdefault((i, j), (kind, how))
    examples: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)  # of each image the first that it agrees with
    for (i, j), (kind, how) in sorted(found.items()):
        a, b = sorted((pictures[i], pictures[j]), key=lambda p: (p.split != "test", p.dataset))  # the test side first
        if kind != KINDS[3] or a.split != b.split:
            key = (_severity(a, b), kind, a.dataset, a.split, b.dataset, b.split)
            examples[key].setdefault(a.stem, f"{a} = {b}{how}")
    keys = sorted(examples, key=lambda key: (SEVERITIES.index(key[0]), key[2:], KINDS.index(key[1])))
    return [_finding(key, tuple(examples[key].values())) for key in keys]


def _equal(keys: Iterable[object]) -> Iterable[tuple[int, int, str]]:
    """Pairs of equal keys; None equals nothing."""
    members: dict[object, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        if key is not None:
            members[key].append(i)
    for same in members.values():
        yield from ((i, j, "") for place, j in enumerate(same) for i in same[:place])


def _severity(a: Picture, b: Picture) -> str:
    if a.split == b.split:
        return "note"
    mixes = [{mix for mix, names in MIXES.items() if picture.dataset in names} for picture in (a, b)]
    return "leak" if all(mixes) and not mixes[0] & mixes[1] else "error"


def _finding(key: tuple[str, ...], examples: tuple[str, ...]) -> Finding:
    severity, kind, dataset, split, other, other_split = key
    place = f"{other} {other_split}" if (dataset, split) != (other, other_split) else "the same split"
    have = "1 image has" if len(examples) == 1 else f"{len(examples)} images have"
    return Finding(severity, f"{dataset} {split}: {have} {kind} in {place}", examples)
