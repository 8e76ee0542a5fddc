"""Leaks: pictures, or frames of one video, that stand on both sides of a test."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mmsnet_lite.data.duplicates import near_duplicates
from mmsnet_lite.data.specs import MIXES, identity, video

KINDS = ("identical file", "image of the same name", "near-duplicate", "frame of the same video")
"""How two images can agree, the strongest first."""


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
        count: how many there are of them.
    """

    severity: str
    text: str
    examples: tuple[str, ...] = ()
    count: int = 0


def find_leaks(pictures: Sequence[Picture]) -> list[Finding]:
    """Compare all pictures with one another.

    Convention: a pair is reported once, under the first of `KINDS` that fits.
    Convention: frames of one video are reported across train and test only; all neighbours in a split are of one.

    Returns:
        Errors, then leaks, then notes; in each, one finding for every two splits and kind.
    """
    found: dict[tuple[int, int], tuple[str, str]] = {}
    for kind, pairs in zip(KINDS, (_same_file, _same_name, _alike, _one_video), strict=True):
        for i, j, how in pairs(pictures):
            found.setdefault((min(i, j), max(i, j)), (kind, how))
    sorted_out: dict[tuple[str, ...], list[tuple[Picture, Picture, str]]] = defaultdict(list)
    for (i, j), (kind, how) in sorted(found.items()):
        a, b = sorted((pictures[i], pictures[j]), key=lambda p: (p.split != "test", p.dataset))  # the test side first
        if kind == KINDS[3] and a.split == b.split:
            continue
        sorted_out[_severity(a, b), kind, a.dataset, a.split, b.dataset, b.split].append((a, b, how))
    order = ("error", "leak", "note")
    keys = sorted(sorted_out, key=lambda key: (order.index(key[0]), key[2:], KINDS.index(key[1])))
    return [_finding(key, sorted_out[key]) for key in keys]


def _severity(a: Picture, b: Picture) -> str:
    if a.split == b.split:
        return "note"
    mixes = [{mix for mix, names in MIXES.items() if picture.dataset in names} for picture in (a, b)]
    apart = all(mixes) and not mixes[0] & mixes[1]
    return "leak" if apart else "error"


def _finding(key: tuple[str, ...], pairs: list[tuple[Picture, Picture, str]]) -> Finding:
    severity, kind, dataset, split, other, other_split = key
    examples: dict[str, str] = {}  # of each image, with the first that it agrees with
    for a, b, how in pairs:
        examples.setdefault(a.stem, f"{a} = {b}{how and f' ({how})'}")
    place = f"{other} {other_split}" if (dataset, split) != (other, other_split) else "the same split"
    have = "1 image has" if len(examples) == 1 else f"{len(examples)} images have"
    text = f"{dataset} {split}: {have} {'an' if kind[0] == 'i' else 'a'} {kind} in {place}"
    return Finding(severity, text, tuple(examples.values()), len(examples))


def _pairs(keys: Iterable[object]) -> Iterable[tuple[int, int, str]]:
    """Pairs of equal keys; None equals nothing."""
    members: dict[object, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        if key is not None:
            members[key].append(i)
    for same in members.values():
        yield from ((i, j, "") for place, j in enumerate(same) for i in same[:place])


def _same_file(pictures: Sequence[Picture]) -> Iterable[tuple[int, int, str]]:
    return _pairs(picture.digest for picture in pictures)


def _same_name(pictures: Sequence[Picture]) -> Iterable[tuple[int, int, str]]:
    return _pairs(identity(picture.dataset, picture.stem) for picture in pictures)


def _alike(pictures: Sequence[Picture]) -> Iterable[tuple[int, int, str]]:
    hashes = np.stack([picture.hash for picture in pictures])
    return ((i, j, "" if how == "as it is" else how) for i, j, how in near_duplicates(hashes))


def _one_video(pictures: Sequence[Picture]) -> Iterable[tuple[int, int, str]]:
    return _pairs(video(picture.dataset, picture.stem) for picture in pictures)
