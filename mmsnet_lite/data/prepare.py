"""From archives to a prepared folder: fetch, pair, decode, apply the mask rule, write.

ROOT/downloads/    the archives, see `download`; and prepare.lock, held by the one run that may write in ROOT
ROOT/NAME.partial  what is being written, see `journal`
ROOT/NAME          images/ masks/ masks_original/ [masks_cup/ masks_cup_original/] splits/ card.json files.jsonl
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from tqdm.auto import tqdm

from mmsnet_lite.data.card import VERSION, check_card, write_card, write_groups, write_splits
from mmsnet_lite.data.download import fetch, read_records
from mmsnet_lite.data.folder import PreparedFolder
from mmsnet_lite.data.image import decode, resize_image, resize_mask, rgb
from mmsnet_lite.data.journal import Journal
from mmsnet_lite.data.masks import targets
from mmsnet_lite.data.pairing import Member, Pair, find_pairs
from mmsnet_lite.data.specs import DatasetSpec
from mmsnet_lite.data.unpack import Members, open_members
from mmsnet_lite.errors import InputError

SIZE = 352
"""Side of the prepared images in pixels, the paper's."""

_THREADS = min(8, os.cpu_count() or 1)  # a large photograph and its mask take some 300 MB each while they are read


def prepare(
    spec: DatasetSpec,
    root: Path,
    *,
    cup: bool = True,
    size: int = SIZE,
    progress: bool = False,
    report: Callable[[str], None] | None = None,
) -> PreparedFolder:
    """Make the prepared folder ROOT/NAME of a public dataset, or return it when it is there.

    Images become RGB PNG files, size x size, squashed by area. Masks are made 0 and 255 at their own size, as the
    dataset's mask rule says, and kept in masks_original/; masks/ holds them resized like the images.
    Interrupted anywhere, it continues at the next call; a finished folder is only compared with what is asked for.

    Convention: an image is turned by EXIF only if it then, and only then, has its mask's size.
    Convention: an empty mask and one that covers the whole image are kept, and reported.

    Args:
        spec: the dataset.
        root: the folder of all datasets; archives are in, or come to, its downloads/.
        cup: of a fundus dataset, also write masks_cup/ and masks_cup_original/.
        size: side of the images in pixels.
        progress: show bars.
        report: is called with a line for each address that is tried and for each odd image.

    Raises:
        InputError: archives are missing (all of them are named, a line each), or not what they should be; or ROOT/NAME
            was made otherwise, or cannot be written; or another run is at work in ROOT; or a size below 1. What was
            finished is kept in ROOT/NAME.partial.
    """
    if size < 1:
        raise InputError(f"size = {size} does not fit; choose 1 pixel or more")
    root = Path(root)
    final, partial = root / spec.name, root / f"{spec.name}.partial"
    options = {"size": size, "cup": cup and spec.has_cup}
    if final.exists():
        check_card(final, spec, options)
        return PreparedFolder(final)
    with ExitStack() as opened:
        opened.enter_context(_alone(root))
        paths = _fetch_all(spec, root / "downloads", progress, report)
        members = {
            archive.name: opened.enter_context(open_members(paths[archive.name], archive.unpacked))
            for archive in spec.archives
        }
        pairs = find_pairs(spec, members)
        archives = [_describe(name, path) for name, path in paths.items()]
        rules = hashlib.sha256(repr((pairs, spec.mask)).encode()).hexdigest()
        made_from = {"version": VERSION, "options": options, "archives": archives, "rules": rules}
        kinds = ["masks", "masks_cup"] if options["cup"] else ["masks"]
        try:
            journal = Journal(partial, made_from, ("images", *kinds, *(f"{kind}_original" for kind in kinds)))
            _write_all(spec, pairs, members, journal, size, kinds, progress)
            records = journal.records
            _refuse_empty(spec, records, paths)
            warnings = [f"{stem}: {odd}" for stem in sorted(records) for odd in records[stem]["warnings"]]
            write_splits(partial, pairs, list(spec.counts))
            write_groups(partial, spec.name, sorted(records))
            write_card(partial, spec, options, archives, journal.finish(), warnings)
            partial.rename(final)
        except OSError as error:
            raise InputError(
                f"{error.filename or partial} cannot be written ({error.strerror or error}); make room or change the "
                "permissions, and run again: what is finished is kept"
            ) from error
    if report is not None:
        for warning in warnings:
            report(f"{spec.name}: {warning}")
    return PreparedFolder(final)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Keep other runs of `prepare` out of ROOT."""
    from filelock import FileLock, Timeout  # late: only this command needs it

    lock = FileLock(root / "downloads" / "prepare.lock", timeout=0)
    try:
        (root / "downloads").mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise InputError(f"another prepare is at work in {root}; wait for its end, and run again") from error
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(
            f"{error.filename} cannot be a folder, for a file is in its way; move that, or choose another ROOT (--data)"
        ) from error
    except OSError as error:
        raise InputError(
            f"{root} cannot be written ({error.strerror}); change the permissions, or choose another ROOT (--data)"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _fetch_all(
    spec: DatasetSpec, downloads: Path, progress: bool, report: Callable[[str], None] | None
) -> dict[str, Path]:
    """Get every archive; complain once, of all that could not be had."""
    paths, missing = {}, []
    for archive in spec.archives:
        try:
            paths[archive.name] = fetch(archive, downloads, progress=progress, report=report)
        except InputError as error:
            missing.append(error)
    if missing:
        raise InputError("\n".join(str(error) for error in missing)) from missing[0]
    return paths


def _describe(name: str, path: Path) -> dict[str, Any]:
    """What the card says of an archive: its checksum, or the names, sizes and times of a placed folder's files."""
    if path.is_file():
        return {"name": name, "sha256": read_records(path.parent)[path.name]["sha256"]}
    facts = []
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        status = file.stat()
        facts.append(f"{file.relative_to(path).as_posix()} {status.st_size} {status.st_mtime_ns}")
    listing = hashlib.sha256("\n".join(facts).encode("utf-8", "surrogateescape")).hexdigest()
    return {"name": name, "sha256": None, "folder": path.name, "listing": listing}


def _refuse_empty(spec: DatasetSpec, records: Mapping[str, dict[str, Any]], paths: Mapping[str, Path]) -> None:
    """Refuse a dataset most of whose masks are empty: a copy that codes lesions otherwise than the mask rule knows."""
    empty = [stem for stem in sorted(records) if any("mask is empty" in odd for odd in records[stem]["warnings"])]
    if 2 * len(empty) > len(records):
        raise InputError(
            f"{len(empty)} of {len(records)} masks are empty ({', '.join(empty[:3])} ...); these are not the published "
            f"masks: delete {' and '.join(map(str, paths.values()))} and get them from {spec.page}"
        )


def _write_all(
    spec: DatasetSpec,
    pairs: list[Pair],
    members: Mapping[str, Members],
    journal: Journal,
    size: int,
    kinds: list[str],
    progress: bool,
) -> None:
    """Write the pairs that are not done yet; an error stops the others, after the images under way."""
    todo = [pair for pair in pairs if pair.stem not in journal.records]

    def work(pair: Pair) -> None:
        record, files = _convert(spec, pair, members, size, kinds)
        journal.add(record, files)

    pool = ThreadPoolExecutor(_THREADS)
    try:
        jobs = [pool.submit(work, pair) for pair in todo]
        done, total = len(pairs) - len(todo), len(pairs)
        with tqdm(desc=spec.name, initial=done, total=total, unit="image", disable=not progress) as bar:
            for job in as_completed(jobs):
                job.result()
                bar.update()
    finally:
        pool.shutdown(cancel_futures=True)


def _convert(
    spec: DatasetSpec, pair: Pair, members: Mapping[str, Members], size: int, kinds: list[str]
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What to remember of a pair, and its files."""
    (image_name, image), *masks = [_decode(member, members) for member in (pair.image, *pair.masks)]
    found = targets(spec.mask, masks)
    height, width = found["masks"].shape
    if image.size != (width, height):
        upright = ImageOps.exif_transpose(image)
        if upright.size != (width, height):
            raise InputError(
                f"{image_name} is {image.width}x{image.height} and its mask {pair.masks[0][1]!r} {width}x{height} "
                f"(width x height); get the archive again, or report it on {spec.page}"
            )
        image = upright
    pixels = rgb(image, image_name)
    files = {"images": _png(resize_image(pixels, size, size))}
    warnings = []
    for kind in kinds:
        mask = found[kind]
        small = resize_mask(mask, size)
        files |= {kind: _png(small > 0), f"{kind}_original": _png(mask > 0)}
        called = "the cup's mask" if kind == "masks_cup" else "the mask"
        if not small.any():
            warnings.append(f"{called} is empty" + (f" at {size} pixels" if mask.any() else ""))
        elif mask.all():
            warnings.append(f"{called} covers the whole image")
    record = {
        "stem": pair.stem,
        "split": pair.split,
        "source": list(pair.image),
        "original": [width, height],
        "warnings": warnings,
    }
    return record, files


def _decode(member: Member, members: Mapping[str, Members]) -> tuple[str, Image.Image]:
    """A member's name for messages, and the member as an image."""
    opened = members[member[0]]
    name = f"{opened.path}: {member[1]!r}"
    return name, decode(opened.read(member[1]), name, fix=f"delete {opened.path} and get it again")


def _png(pixels: np.ndarray) -> bytes:
    """A PNG file: lossless, packed fast rather than small."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()
