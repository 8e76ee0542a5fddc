"""From archives to a prepared folder: fetch, pair, decode, apply the mask rule, write.

ROOT/downloads/    the archives, see `download`; and prepare.lock, held by the one run that may write in ROOT
ROOT/NAME.partial  what is being written: an image is done when all its files are there and whole
ROOT/NAME          images/ masks/ masks_original/ [masks_cup/ masks_cup_original/] splits/ card.json files.sha256
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from tqdm.auto import tqdm

from mmsnet_lite.data.card import card_of, check_card, finish, read_card, write_card
from mmsnet_lite.data.download import fetch, read_records
from mmsnet_lite.data.folder import PreparedFolder
from mmsnet_lite.data.image import decode, resize_image, resize_mask, rgb
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
            was made otherwise, or cannot be written; or another run is at work in ROOT. What was finished is kept in
            ROOT/NAME.partial.
    """
    final, partial = root / spec.name, root / f"{spec.name}.partial"
    options = {"size": size, "cup": cup and any("masks_cup" in folders for folders in (spec.levels or {}).values())}
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
        card = card_of(spec, options, [_describe(name, path) for name, path in paths.items()])
        masks = ["masks", "masks_cup"] if options["cup"] else ["masks"]
        kinds = ["images", *masks, *(f"{kind}_original" for kind in masks)]
        _begin(partial, kinds, card)
        _write_all(spec, pairs, members, partial, size, kinds, progress)
        finish(partial, spec, pairs, kinds, card)
        partial.rename(final)
    if report is not None:
        for warning in read_card(final)["warnings"]:
            report(f"{spec.name}: {warning}")
    return PreparedFolder(final)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Keep other runs of `prepare` out of ROOT, and say what of it cannot be written."""
    from filelock import FileLock, Timeout  # late: only this command needs it

    try:
        (root / "downloads").mkdir(parents=True, exist_ok=True)
        with FileLock(root / "downloads" / "prepare.lock", timeout=0):
            yield
    except Timeout as error:
        raise InputError(f"another prepare is at work in {root}; wait for its end, and run again") from error
    except OSError as error:
        raise InputError(
            f"{error.filename or root} cannot be written ({error.strerror or error}); make room, change the "
            "permissions or choose another ROOT (--data), and run again: what is finished is kept"
        ) from error


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


def _begin(partial: Path, kinds: Sequence[str], card: dict[str, Any]) -> None:
    """Make the folders; what was begun from something else is deleted."""
    if partial.exists() and not card.items() <= read_card(partial).items():
        shutil.rmtree(partial)
    for kind in kinds:
        (partial / kind).mkdir(parents=True, exist_ok=True)
    write_card(partial, card)


def _write_all(
    spec: DatasetSpec,
    pairs: Sequence[Pair],
    members: Mapping[str, Members],
    partial: Path,
    size: int,
    kinds: Sequence[str],
    progress: bool,
) -> None:
    """Write the pairs that are not done yet; an error stops the others, after the images under way."""

    def work(pair: Pair) -> None:
        if not all(_is_whole(partial / kind / f"{pair.stem}.png") for kind in kinds):
            for kind, pixels in _convert(spec, pair, members, size).items():
                if kind in kinds:
                    Image.fromarray(pixels).save(partial / kind / f"{pair.stem}.png", compress_level=1)

    pool = ThreadPoolExecutor(_THREADS)
    try:
        jobs = [pool.submit(work, pair) for pair in pairs]
        for job in tqdm(as_completed(jobs), spec.name, len(jobs), unit="image", disable=not progress):
            job.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _is_whole(path: Path) -> bool:
    """Whether a PNG is there from its first byte to its last, by its checksums."""
    try:
        with Image.open(path) as image:
            image.verify()
        return True
    except Exception:  # Pillow's are many
        return False


def _convert(spec: DatasetSpec, pair: Pair, members: Mapping[str, Members], size: int) -> dict[str, np.ndarray]:
    """The pixels of a pair's files, by their folder."""
    (image_name, image), *masks = [_decode(member, members) for member in (pair.image, *pair.masks)]
    found = targets(spec.levels, masks)
    height, width = found["masks"].shape
    if image.size != (width, height):
        upright = ImageOps.exif_transpose(image)
        if upright.size != (width, height):
            raise InputError(
                f"{image_name} is {image.width}x{image.height} and its mask {pair.masks[0][1]!r} {width}x{height} "
                f"(width x height); get the archive again, or report it on {spec.page}"
            )
        image = upright
    small = {kind: resize_mask(mask, size) > 0 for kind, mask in found.items()}
    original = {f"{kind}_original": mask > 0 for kind, mask in found.items()}
    return {"images": resize_image(rgb(image, image_name), size, size), **small, **original}


def _decode(member: Member, members: Mapping[str, Members]) -> tuple[str, Image.Image]:
    """A member's name for messages, and the member as an image."""
    opened = members[member[0]]
    name = f"{opened.path}: {member[1]!r}"
    return name, decode(opened.read(member[1]), name, fix=f"delete {opened.path} and get it again")
