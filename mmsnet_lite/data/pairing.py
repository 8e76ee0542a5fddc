"""Which file of an archive is whose mask, under which stem, in which split; checked before a pixel is read."""

import csv
import io
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mmsnet_lite.data.specs.spec import DatasetSpec, Files, Table
from mmsnet_lite.data.unpack import Members
from mmsnet_lite.errors import InputError

Member = tuple[str, str]
"""Name of the archive, and of the file in it."""


@dataclass(frozen=True)
class Pair:
    """An image and its masks.

    Args:
        stem: the prepared stem.
        split: train or test.
        image: where the image is.
        masks: where its masks are, at least one.
    """

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
        if isinstance(layout, Files):
            pairs += _by_name(spec, layout, members)
        else:
            pairs += _by_table(spec, layout, members)
    if any(isinstance(layout, Table) for layout in spec.layouts) and _repeated(pair.stem for pair in pairs):
        pairs = [replace(pair, stem=f"{pair.split}_{pair.stem}") for pair in pairs]
    if repeated := _repeated(pair.stem for pair in pairs):
        one, other = [pair.image for pair in pairs if pair.stem == repeated[0]][:2]
        raise InputError(f"{spec.name}: {one[1]!r} and {other[1]!r} would both be {repeated[0]!r}; keep one of them")
    for split, count in spec.counts.items():
        stems = [pair.stem for pair in pairs if pair.split == split]
        _compare_names(spec, members, split, stems)
        if len(stems) != count:
            raise InputError(
                f"{spec.name}: {len(stems)} images to {split} found, {count} expected; "
                f"{_again(spec, members, _archives(spec, split))}"
            )
    return pairs


def _by_name(spec: DatasetSpec, layout: Files, members: Mapping[str, Members]) -> list[Pair]:
    split_of = {stem: split for split, stems in spec.listed.items() for stem in stems}
    again = _again(spec, members, (layout.images[0], layout.masks[0]))
    images = _matches(layout.images, members)
    masks = _matches(layout.masks, members)
    if not images and not masks:
        inner = [name for name in members[layout.images[0]].names if name.lower().endswith((".zip", ".tar", ".gz"))]
        hint = f" but holds {_few(inner)}: unpack it, and put that in its place" if inner else f"; {again}"
        raise InputError(f"{spec.name}: {members[layout.images[0]].path} holds none of the images and masks{hint}")
    for stem, found in images.items():
        if len(found) > 1:
            raise InputError(
                f"{spec.name}: {found[0]!r} and {found[1]!r} of {members[layout.images[0]].path} would both be image "
                f"{stem!r}; keep one of them"
            )
    for kind, lonely, other in (("image", images, masks), ("mask", masks, images)):
        if missing := [found[0] for stem, found in lonely.items() if stem not in other]:
            archive = layout.images[0] if kind == "image" else layout.masks[0]
            raise InputError(
                f"{spec.name}: {_count(missing, kind)} of {members[archive].path} "
                f"without {'a mask' if kind == 'image' else 'an image'}: {_few(missing)}; {again}"
            )
    stems = {stem: layout.stem.format(stem) for stem in images}
    if layout.split is None and (unknown := [stem for stem in stems.values() if stem not in split_of]):
        raise InputError(
            f"{spec.name}: {_count(unknown, 'image')} of {members[layout.images[0]].path} in no published list: "
            f"{_few(unknown)}; {again}"
        )
    return [
        Pair(
            stems[stem],
            layout.split or split_of[stems[stem]],
            (layout.images[0], found[0]),
            tuple((layout.masks[0], name) for name in masks[stem]),
        )
        for stem, found in images.items()
    ]


def _by_table(spec: DatasetSpec, layout: Table, members: Mapping[str, Members]) -> list[Pair]:
    archive, again = members[layout.archive], _again(spec, members, (layout.archive,))
    tables = [name for name in archive.names if posixpath.basename(name).lower() == layout.name.lower()]
    if len(tables) != 1:
        raise InputError(f"{spec.name}: {archive.path} holds {len(tables)} files {layout.name}, one is needed; {again}")
    table = tables[0]
    try:
        rows = list(csv.DictReader(io.StringIO(archive.read(table).decode("utf-8-sig"), newline="")))
        listed = [(row["image"], row["mask"]) for row in rows]
        paths = [tuple(_beside(table, value) for value in both) for both in listed]
    except (UnicodeDecodeError, csv.Error, KeyError, AttributeError) as error:
        raise InputError(
            f"{spec.name}: {table!r} of {archive.path} is not a table with the columns image and mask "
            f"({type(error).__name__}); {again}"
        ) from error
    there = set(archive.names)
    if missing := [path for both in paths for path in both if path not in there]:
        raise InputError(
            f"{spec.name}: {table!r} of {archive.path} names {_count(missing, 'file')} that the archive does not hold: "
            f"{_few(missing)}; {again}"
        )
    return [
        Pair(
            posixpath.splitext(posixpath.basename(image))[0],
            layout.split,
            (layout.archive, image),
            ((layout.archive, mask),),
        )
        for image, mask in paths
    ]


def _beside(table: str, value: str) -> str:
    """A path in a table, as a member's name."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(table), value.strip().replace("\\", "/")))


def _matches(where: Member, members: Mapping[str, Members]) -> dict[str, list[str]]:
    """The files that a pattern finds, by stem."""
    archive, pattern = where[0], re.compile(where[1], re.IGNORECASE)
    found: dict[str, list[str]] = {}
    for name in members[archive].names:
        if hit := pattern.fullmatch(name):
            found.setdefault(hit["stem"], []).append(name)
    return found


def _compare_names(spec: DatasetSpec, members: Mapping[str, Members], split: str, stems: list[str]) -> None:
    """Compare with the published list, which may be a part of the split."""
    if split not in spec.listed:
        return
    published = set(spec.listed[split])
    missing = sorted(published - set(stems))
    surplus = sorted(set(stems) - published) if len(published) == spec.counts[split] else []
    if missing or surplus:
        differences = [f"{len(missing)} missing ({_few(missing)})"] if missing else []
        differences += [f"{len(surplus)} that are not among them ({_few(surplus)})"] if surplus else []
        raise InputError(
            f"{spec.name}: the images to {split} are not the published ones: {', '.join(differences)}; "
            f"{_again(spec, members, _archives(spec, split))}"
        )


def _archives(spec: DatasetSpec, split: str) -> list[str]:
    """Names of the archives that a split's images are in."""
    found = [
        layout.images[0] if isinstance(layout, Files) else layout.archive
        for layout in spec.layouts
        if layout.split in (None, split)
    ]
    return found


def _repeated(stems: Iterable[str]) -> list[str]:
    return [stem for stem, count in Counter(stems).items() if count > 1]


def _again(spec: DatasetSpec, members: Mapping[str, Members], archives: Iterable[str]) -> str:
    paths = " and ".join(str(members[archive].path) for archive in dict.fromkeys(archives))
    return f"delete {paths} and run again (it comes from {spec.page})"


def _count(names: list[str], kind: str) -> str:
    return f"{len(names)} {kind}{'s' if len(names) > 1 else ''}"


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
