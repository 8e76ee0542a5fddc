"""Which file of an archive is whose mask, under which stem, in which split; checked before a pixel is read."""

import csv
import io
import posixpath
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mmsnet_lite.data.specs.spec import DatasetSpec, Files, Table
from mmsnet_lite.data.unpack import Members
from mmsnet_lite.errors import InputError

Member = tuple[str, str]
"""Name of the archive, and of the file in it."""


@dataclass(frozen=True)
class Pair:
    """An image and its masks, at least one; `stem` and `split` (train or test) are those of the prepared folder."""

    stem: str
    split: str
    image: Member
    masks: tuple[Member, ...]


def find_pairs(spec: DatasetSpec, members: Mapping[str, Members]) -> list[Pair]:
    """Pair the images and masks of a dataset, in the order of its layouts.

    Args:
        spec: the dataset.
        members: its opened archives, by name.

    Raises:
        InputError: an image without a mask, a mask without an image, one stem twice, a table that names missing files,
            other names than published, or other counts than the dataset has; the message names the first few.
    """
    pairs: list[Pair] = []
    for layout in spec.layouts:
        pairs += _by_name(spec, layout, members) if isinstance(layout, Files) else _by_table(spec, layout, members)
    if any(isinstance(layout, Table) for layout in spec.layouts) and _repeated(pairs):
        pairs = [replace(pair, stem=f"{pair.split}_{pair.stem}") for pair in pairs]
    if stem := _repeated(pairs):
        one, other = [pair.image[1] for pair in pairs if pair.stem == stem][:2]
        raise InputError(f"{spec.name}: {one!r} and {other!r} would both be {stem!r}; keep one of them")
    for split, count in spec.counts.items():
        stems = {pair.stem for pair in pairs if pair.split == split}
        published = set(spec.listed.get(split, ()))  # all of the split, or a part of it
        missing = sorted(published - stems)
        surplus = sorted(stems - published) if len(published) == count else []
        if missing or surplus:
            found = [f"{len(missing)} missing ({_few(missing)})"] * bool(missing)
            found += [f"{len(surplus)} that are not among them ({_few(surplus)})"] * bool(surplus)
            raise _refusal(spec, f"the images to {split} are not the published ones: {', '.join(found)}")
        if len(stems) != count:
            raise _refusal(spec, f"{len(stems)} images to {split} found, {count} expected")
    return pairs


def _by_name(spec: DatasetSpec, layout: Files, members: Mapping[str, Members]) -> list[Pair]:
    split_of = {stem: split for split, stems in spec.listed.items() for stem in stems}
    images, masks = _matches(layout.images, members), _matches(layout.masks, members)
    path = members[layout.images[0]].path
    if not images and not masks:
        raise InputError(f"{spec.name}: {path} holds none of the images; if it holds archives, put those in its place")
    for what, lonely, other in (("images without a mask", images, masks), ("masks without an image", masks, images)):
        if missing := [found[0] for stem, found in lonely.items() if stem not in other]:
            raise _refusal(spec, f"{len(missing)} {what}: {_few(missing)}")
    pairs = []
    for group, found in images.items():
        stem = layout.stem.format(group)
        split = layout.split or split_of.get(stem, "train")  # an unknown name is found among those to train
        beside = tuple((layout.masks[0], name) for name in masks[group])
        pairs += [Pair(stem, split, (layout.images[0], name), beside) for name in found]
    return pairs


def _by_table(spec: DatasetSpec, layout: Table, members: Mapping[str, Members]) -> list[Pair]:
    archive = members[layout.archive]
    tables = [name for name in archive.names if posixpath.basename(name).lower() == layout.name.lower()]
    if len(tables) != 1:
        raise _refusal(spec, f"{len(tables)} files {layout.name}, one is needed")
    folder = posixpath.dirname(tables[0])
    try:
        rows = list(csv.DictReader(io.StringIO(archive.read(tables[0]).decode("utf-8-sig"), newline="")))
        named = [[row[column].strip().replace("\\", "/") for column in ("image", "mask")] for row in rows]
    except (UnicodeDecodeError, csv.Error, KeyError, AttributeError) as error:
        raise _refusal(spec, f"{tables[0]!r} is not a table with the columns image and mask") from error
    listed = [[posixpath.normpath(posixpath.join(folder, path)) for path in both] for both in named]
    there = set(archive.names)
    if missing := [path for both in listed for path in both if path not in there]:
        raise _refusal(spec, f"{tables[0]!r} names {len(missing)} files that are not there: {_few(missing)}")
    return [
        Pair(
            posixpath.splitext(posixpath.basename(image))[0],
            layout.split,
            (layout.archive, image),
            ((layout.archive, mask),),
        )
        for image, mask in listed
    ]


def _matches(where: Member, members: Mapping[str, Members]) -> dict[str, list[str]]:
    """The files that a pattern finds, by its group `stem`."""
    pattern = re.compile(where[1], re.IGNORECASE)
    found: dict[str, list[str]] = {}
    for name in members[where[0]].names:
        if hit := pattern.fullmatch(name):
            found.setdefault(hit["stem"], []).append(name)
    return found


def _repeated(pairs: list[Pair]) -> str | None:
    return next((stem for stem, count in Counter(pair.stem for pair in pairs).items() if count > 1), None)


def _refusal(spec: DatasetSpec, what: str) -> InputError:
    archives = ", ".join(archive.name for archive in spec.archives)
    return InputError(f"{spec.name}: {what}; delete {archives} in downloads/ and get it again from {spec.page}")


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
