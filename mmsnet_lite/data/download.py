"""From an address, or from a file that someone has placed, to a verified archive in ROOT/downloads.

downloads/NAME             whole and verified; nothing else ever has this name
downloads/NAME.part        what has come so far, see `transfer`
downloads/checksums.json   {NAME: {"sha256": ..., "size": bytes, "mtime_ns": ..., "md5": ... where one is published}}
"""

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmsnet_lite.data.unpack import archive_flaw
from mmsnet_lite.errors import InputError

_ENDINGS = re.compile(r"\.(zip|tgz|tbz2?|txz|tar(\.(gz|bz2|xz))?)$", re.IGNORECASE)
_RECORDS = "checksums.json"


@dataclass(frozen=True, kw_only=True)
class Archive:
    """One file of a public dataset, and where it comes from.

    Args:
        name: its name under ROOT/downloads.
        urls: addresses of the same file, the best first; none when a person has to sign in and get it.
        page: the web page where a person gets it.
        sha256, md5: published checksums in lower-case hexadecimal, where known.
        unpacked: the most bytes its members may hold together.
        aliases: other names that a placed copy may have, of a file or a folder.
    """

    name: str
    urls: tuple[str, ...]
    page: str
    sha256: str | None = None
    md5: str | None = None
    unpacked: int
    aliases: tuple[str, ...] = ()


def fetch(
    archive: Archive, downloads: Path, *, progress: bool = False, report: Callable[[str], None] | None = None
) -> Path:
    """Return the verified archive: as placed in `downloads`, or downloaded to there.

    A file is verified by its first bytes and its published checksums. Its SHA-256 is recorded, with size and time of
    change; where no checksum is published, it is compared with the record. An unchanged file is not read again.
    A download that breaks off goes on where it stopped, in this run or a later one; a mirror follows when an address
    fails.

    Convention: a placed file comes before a placed folder (the archive unpacked, named as it or an alias, with or
        without ending), and a folder before a download; a folder is taken as it is.

    Args:
        archive: what to get.
        downloads: the folder ROOT/downloads; made when missing.
        progress: show a bar.
        report: is called with a line for each address that is tried.

    Returns:
        The archive, or the folder that was placed.

    Raises:
        InputError: a person has to get the file, all addresses fail, the file is not an archive or not the one
            published or recorded, or `downloads` cannot be written; the message says what to do.
    """
    try:
        downloads.mkdir(parents=True, exist_ok=True)
        placed = _placed(archive, downloads)
        if placed is None:
            return _download(archive, downloads, progress, report)
        if placed.is_file() and (flaw := _verify(archive, placed, placed)):
            raise InputError(f"{placed} {flaw}; delete it and run again")
        return placed
    except OSError as error:
        raise InputError(
            f"{error.filename or downloads} cannot be read or written ({error.strerror or error}); make room, change "
            "the permissions or choose another ROOT (--data), and run again: what has come is kept"
        ) from error


def read_records(downloads: Path) -> dict[str, dict[str, Any]]:
    """Return what is recorded of the archives in a folder.

    Raises:
        InputError: checksums.json is damaged.
    """
    file = downloads / _RECORDS
    try:
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except ValueError as error:
        raise InputError(f"{file} is damaged ({error}); delete it, and the archives are checked anew") from error


def _placed(archive: Archive, downloads: Path) -> Path | None:
    """The file, else the filled folder, that is there already."""
    names = (archive.name, *archive.aliases)
    for name in names:
        if (downloads / name).is_file():
            return downloads / name
    for name in (*names, *(_ENDINGS.sub("", name) for name in names)):
        if (downloads / name).is_dir() and any((downloads / name).iterdir()):
            return downloads / name
    return None


def _verify(archive: Archive, file: Path, final: Path) -> str | None:
    """What is wrong with a file that is, or is to be, `final`, as the end of a sentence; if nothing, it is recorded."""
    records, status = read_records(final.parent), file.stat()
    entry: dict[str, Any] = records.get(final.name, {})
    published = {kind: value for kind in ("sha256", "md5") if (value := getattr(archive, kind))}
    stamp = {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
    if {**stamp, **published}.items() <= entry.items():
        return None  # unchanged since it was verified
    if flaw := archive_flaw(file):
        return flaw
    sums = _checksums(file, {"sha256", *published})
    for kind, value in published.items():
        if sums[kind] != value:
            folder = final.with_name(_ENDINGS.sub("", archive.name))
            return f"has {kind} {sums[kind]}, but {value} is published (a copy you trust can be unpacked into {folder})"
    recorded = entry.get("sha256", sums["sha256"])
    if not published and sums["sha256"] != recorded:
        return (
            f"has sha256 {sums['sha256']}, but {recorded} was recorded when it was first seen (if the new one is "
            f"right, delete the entry {final.name!r} in {final.with_name(_RECORDS)})"
        )
    temporary = final.with_name(f"{_RECORDS}.tmp")
    temporary.write_text(json.dumps({**records, final.name: sums | stamp}, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, final.with_name(_RECORDS))
    return None


def _checksums(path: Path, kinds: set[str]) -> dict[str, str]:
    """Hexadecimal checksums of a file, by kind."""
    digests = {kind: hashlib.new(kind, usedforsecurity=False) for kind in kinds}
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            for digest in digests.values():
                digest.update(chunk)
    return {kind: digest.hexdigest() for kind, digest in digests.items()}


def _download(archive: Archive, downloads: Path, progress: bool, report: Callable[[str], None] | None) -> Path:
    final, part = downloads / archive.name, downloads / f"{archive.name}.part"
    names = (archive.name, *archive.aliases)
    files = " or ".join(name for name in names if _ENDINGS.search(name))
    folders = " or ".join(dict.fromkeys(_ENDINGS.sub("", name) for name in names))
    by_hand = f"get it from {archive.page} and save it in {downloads.absolute()} as {files}, or unpacked as {folders}"
    if not archive.urls:
        raise InputError(f"{archive.name} needs a sign-in and cannot be downloaded from here; {by_hand}")
    from mmsnet_lite.data.transfer import discard, origin_of, transfer  # late: it loads requests

    read_records(downloads)  # complain before the download, not after it
    begun = origin_of(part).get("url")
    reasons = []
    for url in sorted(archive.urls, key=lambda url: url != begun):
        if report is not None:
            report(f"{archive.name}: {url}")
        reason = transfer(url, part, progress=progress)
        if reason is None:
            reason = _verify(archive, part, final)
            if reason is None:
                os.replace(part, final)
            discard(part)
            if reason is None:
                return final
        reasons.append(f"{url} {reason}")
    raise InputError(f"{archive.name} could not be downloaded; {by_hand} (tried: {'; '.join(reasons)})")
