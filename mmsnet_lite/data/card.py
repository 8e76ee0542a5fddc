"""What a prepared dataset says of itself: split files, groups, and card.json."""

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL

from mmsnet_lite.data.duplicates import describe, groups, near_duplicates
from mmsnet_lite.data.image import read_image
from mmsnet_lite.data.pairing import Pair
from mmsnet_lite.data.specs import DatasetSpec, video
from mmsnet_lite.errors import InputError

VERSION = 1
"""Of the preparation: changes whenever it makes other files from the same archives."""


def write_splits(folder: Path, pairs: Sequence[Pair], splits: Sequence[str]) -> None:
    """Write splits/SPLIT.txt, one stem a line, sorted."""
    (folder / "splits").mkdir(exist_ok=True)
    for split in splits:
        stems = sorted(pair.stem for pair in pairs if pair.split == split)
        (folder / "splits" / f"{split}.txt").write_text("".join(f"{stem}\n" for stem in stems), encoding="utf-8")


def write_groups(folder: Path, dataset: str, stems: Sequence[str]) -> None:
    """Write splits/groups.csv: the stems that are near-duplicates or of one video, at any remove.

    A group is named by the first of its stems.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        hashes = np.stack(list(pool.map(lambda stem: describe(read_image(folder / "images" / f"{stem}.png")), stems)))
    together = [(i, j) for i, j, _ in near_duplicates(hashes)]
    first: dict[str, int] = {}
    for i, stem in enumerate(stems):
        if (sequence := video(dataset, stem)) is not None:
            together.append((first.setdefault(sequence, i), i))
    rows = [f"{stems[i]},{stems[group[0]]}\n" for group in groups(len(stems), together) for i in group]
    (folder / "splits" / "groups.csv").write_text("".join(["stem,group\n", *rows]), encoding="utf-8")


def write_card(
    folder: Path,
    spec: DatasetSpec,
    options: dict[str, Any],
    archives: list[dict[str, Any]],
    sha256: str,
    warnings: Sequence[str],
) -> None:
    """Write card.json.

    Args:
        folder: the prepared folder.
        spec: what is known of the dataset.
        options: what it was prepared with.
        archives: what it was prepared from.
        sha256: of all files, see `Journal.finish`.
        warnings: what is odd about single images.
    """
    card = {
        "name": spec.name,
        "title": spec.title,
        "modality": spec.modality,
        "target": spec.target,
        "counts": dict(spec.counts),
        "version": VERSION,
        "options": options,
        "archives": archives,
        "sha256": sha256,
        "licence": spec.licence,
        "citation": spec.citation,
        "page": spec.page,
        "notes": list(spec.notes),
        "warnings": list(warnings),
        "made_with": {"pillow": PIL.__version__, "opencv": cv2.__version__},
    }
    (folder / "card.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def check_card(folder: Path, spec: DatasetSpec, options: dict[str, Any]) -> None:
    """Check that a folder is what `prepare` would make of the dataset, by its card and the number of its files.

    Convention: a folder that has cups beside the discs will do where only discs are asked for.
    Convention: contents are not read here; `check` compares them with files.jsonl.

    Raises:
        InputError: it was made otherwise; the message says what to do.
    """
    try:
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        made = {"name": card["name"], "version": card["version"], **card["options"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} exists and was not made by prepare (its card.json is missing or another's); move it away, or "
            "choose another folder (--data)"
        ) from error
    wanted = {"name": spec.name, "version": VERSION, **options}
    if made.get("cup"):
        wanted["cup"] = True
    for key, value in wanted.items():
        if made.get(key) != value:
            raise InputError(
                f"{folder} was prepared with {key} = {made.get(key)}, but {value} is wanted; delete it and run again "
                "(the archives stay in downloads/)"
            )
    count = sum(spec.counts.values())
    for kind in ("images", "masks", *(("masks_cup",) if made.get("cup") else ())):
        there = sum(1 for _ in (folder / kind).glob("*.png"))
        if there != count:
            raise InputError(
                f"{folder / kind} holds {there} files, {count} were written; delete {folder} and run again (the "
                "archives stay in downloads/)"
            )
