"""What is known of a public dataset, as data: where it comes from, how it is laid out, what its masks mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmsnet_lite.data.download import Archive

GB = 10**9
IMAGE = r"\.(?:png|jpe?g|bmp|tiff?)"
"""The ending of an image file, as a pattern."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """Images and masks that are paired by their file names.

    Convention: a pattern must match the whole path, in either case, and begins with `(?:.*/)?`: top folders may be
        there, be doubled, or be missing. Its group `stem` pairs an image with its masks, of which it may have several.

    Args:
        split: the split that all of them belong to; None where `DatasetSpec.listed` says it.
        images: name of the archive, and pattern of the paths of the images in it.
        masks: the same of the masks.
        stem: what the prepared stem is made of, a format of the group; keeps stems unique within the dataset.
    """

    split: str | None = None
    images: tuple[str, str]
    masks: tuple[str, str]
    stem: str = "{}"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Images and masks that a CSV file in the archive pairs, in its columns `image` and `mask`.

    Convention: paths in the table begin at the table's own folder.
    Convention: the prepared stem is the image's file name without ending; when two images of the dataset share one,
        every stem of the dataset gets its split before it (`train_001`).

    Args:
        split: the split that it lists.
        archive: name of the archive.
        name: the table's file name, wherever it lies.
    """

    split: str
    archive: str
    name: str


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """A public dataset.

    Args:
        name: the prepared folder's name.
        title: what people call it.
        modality: fundus, colonoscopy, ultrasound or dermoscopy.
        target: what the masks outline.
        page: the dataset's home page.
        archives: the files that it comes in.
        layouts: where images and masks are in them.
        levels: of each value that a mask may have, the folders (`masks`, `masks_cup`) of the targets it belongs to;
            None for one target, of 128 and above.
        counts: number of images in each split, train and test.
        listed: published stems of a split. A list as long as the split is the split; a shorter one is part of it.
        licence: what its terms say, as far as they could be found.
        citation: what to cite.
        notes: traps that its users should know of, a sentence each.
    """

    name: str
    title: str
    modality: str
    target: str
    page: str
    archives: tuple[Archive, ...]
    layouts: tuple[Files | Table, ...]
    levels: Mapping[int, tuple[str, ...]] | None = None
    counts: Mapping[str, int]
    listed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    licence: str
    citation: str
    notes: tuple[str, ...] = ()


def google_drive(name: str, identifier: str, gigabytes: int, **known: Any) -> Archive:
    """Return the archive of that identifier on Google Drive; `gigabytes` it may unpack to at most."""
    return Archive(
        name=name,
        urls=(
            f"https://drive.usercontent.google.com/download?id={identifier}&export=download&confirm=t",
            f"https://drive.google.com/uc?export=download&confirm=t&id={identifier}",
        ),
        page=f"https://drive.google.com/file/d/{identifier}/view",
        unpacked=gigabytes * GB,
        **known,
    )
