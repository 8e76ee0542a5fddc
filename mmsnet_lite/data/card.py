"""What a prepared dataset says of itself: card.json, split files, groups, and the SHA-256 of each file."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL

from mmsnet_lite.data.duplicates import describe, groups, near_duplicates
from mmsnet_lite.data.image import read_image, read_mask
from mmsnet_lite.data.pairing import Pair
from mmsnet_lite.data.specs import DatasetSpec, video
from mmsnet_lite.errors import InputError

VERSION = 2
"""Of the preparation: changes whenever it makes other files from the same archives."""

_DIGESTS = "files.sha256"


def card_of(spec: DatasetSpec, options: Mapping[str, Any], archives: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return all that a prepared folder depends on, and what is known of its dataset, as JSON types."""
    told = ("name", "title", "modality", "target", "licence", "citation", "page", "counts", "notes")
    card = {field: getattr(spec, field) for field in told}
    made_with = {"pillow": PIL.__version__, "opencv": cv2.__version__}
    card |= {"version": VERSION, "options": options, "archives": archives, "made_with": made_with}
    return json.loads(json.dumps(card))


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write card.json."""
    (folder / "card.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_card(folder: Path) -> dict[str, Any]:
    """Return what card.json says; nothing where it is missing or damaged."""
    try:
        return dict(json.loads((folder / "card.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def check_card(folder: Path, spec: DatasetSpec, options: Mapping[str, Any]) -> None:
    """Check that a folder is what `prepare` would make of the dataset, by its card and the number of its files.

    Convention: a folder that has cups beside the discs will do where only discs are asked for.
    Convention: contents are not read here; `check` compares them with files.sha256.

    Raises:
        InputError: it was made otherwise; the message says what to do.
    """
    card = read_card(folder)
    if "version" not in card or "options" not in card:
        raise InputError(f"{folder} exists and was not made by prepare; move it away, or choose another ROOT (--data)")
    made = {"name": card.get("name"), "version": card["version"], **card["options"]}
    wanted = {"name": spec.name, "version": VERSION, **options}
    wanted["cup"] = made.get("cup") or wanted["cup"]
    count = sum(spec.counts.values())
    for kind in ("images", "masks", *["masks_cup"] * wanted["cup"]):
        made[kind], wanted[kind] = sum(1 for _ in (folder / kind).glob("*.png")), count
    for key, value in wanted.items():
        if made.get(key) != value:
            raise InputError(
                f"{folder} was prepared with {key} = {made.get(key)}, but {value} is wanted; delete it and run again "
                "(the archives stay in downloads/)"
            )


def finish(folder: Path, spec: DatasetSpec, pairs: Sequence[Pair], kinds: Sequence[str], card: dict[str, Any]) -> None:
    """Write what is known of a folder once all its images and masks are there: splits, groups, digests and the card.

    splits/groups.csv lists the stems that are near-duplicates or of one video, at any remove; a group is named by the
    first of its stems. The card gets `warnings`, of empty masks and of such that cover all of their image, and
    `sha256`, that of files.sha256.

    Raises:
        InputError: most masks are empty: a copy that codes lesions otherwise than the mask rule knows.
    """
    (folder / "splits").mkdir(exist_ok=True)
    for split in spec.counts:
        names = sorted(f"{pair.stem}\n" for pair in pairs if pair.split == split)
        (folder / "splits" / f"{split}.txt").write_text("".join(names), encoding="utf-8")
    stems = sorted(pair.stem for pair in pairs)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        hashes = np.stack(list(pool.map(lambda stem: describe(read_image(folder / f"images/{stem}.png")), stems)))
        odd = list(pool.map(lambda stem: _odd(folder, stem, kinds), stems))
        files = sorted(f"{kind}/{stem}.png" for kind in kinds for stem in stems)
        digests = list(pool.map(lambda name: _digest(folder / name), files))
    empty = [line for lines in odd for line in lines if line.endswith("the mask is empty")]
    if 2 * len(empty) > len(stems):
        raise InputError(
            f"{len(empty)} of {len(stems)} masks of {spec.name} are empty; these are not the published masks: delete "
            f"its archives in downloads/ and get them from {spec.page}"
        )
    together = [(i, j) for i, j, _ in near_duplicates(hashes)]
    first: dict[str, int] = {}
    for i, stem in enumerate(stems):
        if (sequence := video(stem)) is not None:
            together.append((first.setdefault(sequence, i), i))
    rows = [f"{stems[i]},{stems[group[0]]}\n" for group in groups(len(stems), together) for i in group]
    (folder / "splits" / "groups.csv").write_text("".join(["stem,group\n", *rows]), encoding="utf-8")
    listing = "".join(f"{digest}  {name}\n" for digest, name in zip(digests, files, strict=True))
    (folder / _DIGESTS).write_text(listing, encoding="utf-8")
    warnings = [line for lines in odd for line in lines]
    write_card(folder, {**card, "sha256": hashlib.sha256(listing.encode()).hexdigest(), "warnings": warnings})


def changed_files(folder: Path) -> list[str]:
    """Return the files of a finished folder that are missing or not as `prepare` wrote them; none without digests.

    Raises:
        InputError: files.sha256 is not what `sha256sum` writes.
    """
    if not (folder / _DIGESTS).is_file():
        return []
    try:
        lines = (folder / _DIGESTS).read_text(encoding="utf-8").splitlines()
        noted = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    except ValueError as error:
        raise InputError(f"{folder / _DIGESTS} is damaged ({error}); prepare the dataset again") from error
    with ThreadPoolExecutor() as pool:
        found = pool.map(lambda name: _digest(folder / name), noted)
        return [name for (name, digest), now in zip(noted.items(), found, strict=True) if now != digest]


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _odd(folder: Path, stem: str, kinds: Sequence[str]) -> list[str]:
    lines = []
    for kind, called in (("masks", "the mask"), ("masks_cup", "the cup's mask")):
        if kind in kinds:
            mask = read_mask(folder / kind / f"{stem}.png")
            if mask.all() or not mask.any():
                lines.append(f"{stem}: {called} {'covers the whole image' if mask.any() else 'is empty'}")
    return lines
