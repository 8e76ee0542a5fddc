"""From an address, or from a file that someone has placed, to a verified archive in ROOT/downloads.

downloads/NAME             whole and verified; nothing else ever has this name
downloads/NAME.part        what has come so far, see `transfer`
downloads/checksums.json   see `checksums`
"""

import errno
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmsnet_lite.data.checksums import RECORDS, checksums, is_recorded, read_records, record
from mmsnet_lite.data.entries import archive_flaw
from mmsnet_lite.errors import InputError

_ENDINGS = re.compile(r"\.(zip|tgz|tbz2?|txz|tar(\.(gz|bz2|xz))?)$", re.IGNORECASE)
_DIGITS = {"sha256": 64, "md5": 32}


@dataclass(frozen=True, kw_only=True)
class Archive:
    """One file of a public dataset, and where it comes from.

    Args:
        name: its name under ROOT/downloads.
        urls: addresses of the same file, the best first; none when a person has to get it.
        page: the web page where a person gets it.
        sign_in: the page wants an account, so that nothing is downloaded here.
        sha256, md5: published checksums in lower-case hexadecimal, where known.
        unpacked: the most bytes its members may hold together.
        aliases: other names that a placed copy may have, of a file or a folder.

    Raises:
        InputError: a name that is a path, a malformed checksum, or `unpacked` below 1.
    """

    name: str
    urls: tuple[str, ...]
    page: str
    sign_in: bool = False
    sha256: str | None = None
    md5: str | None = None
    unpacked: int
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in (self.name, *self.aliases):
            if name in ("", ".", "..") or set(name) & set("/\\"):
                raise InputError(f"{name!r} cannot name an archive; give a plain file name such as 'BUSI.zip'")
        for kind, value in self.known.items():
            if not re.fullmatch(f"[0-9a-f]{{{_DIGITS[kind]}}}", value):
                raise InputError(f"{self.name}: {value!r} is no {kind}; give {_DIGITS[kind]} digits of 0-9 and a-f")
        if self.unpacked < 1:
            raise InputError(f"{self.name}: unpacked = {self.unpacked} does not fit; give a limit in bytes")

    @property
    def known(self) -> dict[str, str]:
        """The published checksums, by kind."""
        return {kind: value for kind, value in (("sha256", self.sha256), ("md5", self.md5)) if value is not None}


def fetch(
    archive: Archive,
    downloads: Path,
    *,
    progress: bool = False,
    report: Callable[[str], None] | None = None,
    attempts: int = 4,
    wait: float = 1.0,
) -> Path:
    """Return the verified archive: as placed in `downloads`, or downloaded to there.

    A file is verified by its first bytes and its published checksums. Its SHA-256 is recorded, with size and time of
    change; where no checksum is published, it is compared with the record. An unchanged file is not read again.
    A download that breaks off goes on where it stopped, in this run or a later one; a mirror follows when an address
    fails.

    Convention: a placed file comes before a placed folder (the archive unpacked, named as it or an alias, with or
        without ending), and a folder before a download; a folder is taken as it is.
    Convention: an attempt that brings new bytes starts the count of `attempts` anew, as its first.

    Args:
        archive: what to get.
        downloads: the folder ROOT/downloads; made when missing.
        progress: show a bar.
        report: is called with a line for each address that is tried.
        attempts: for each address.
        wait: seconds before the second attempt, doubled before each further one.

    Returns:
        The archive, or the folder that was placed.

    Raises:
        InputError: a person has to get the file, all addresses fail, the file is not an archive or not the one
            published or recorded, or `downloads` cannot be written; the message says what to do.
    """
    downloads = Path(downloads)
    try:
        if downloads.exists() and not downloads.is_dir():
            raise InputError(f"{downloads} is a file, where a folder for downloads belongs; move it away")
        downloads.mkdir(parents=True, exist_ok=True)
        placed = _placed(archive, downloads)
        if placed is None:
            return _download(archive, downloads, progress, report, attempts, wait)
        if placed.is_file() and not is_recorded(downloads, placed.name, archive.known):
            sums, flaw = _examine(archive, downloads, placed, placed.name)
            if flaw:
                raise InputError(f"{placed} {flaw}; delete it and run again")
            record(downloads, placed.name, sums)
        return placed
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InputError(
                f"the disk of {downloads} is full; make room and run again, what was downloaded is kept"
            ) from error
        raise InputError(
            f"{error.filename or downloads} cannot be read or written ({error.strerror or error}); change the "
            f"permissions, or choose another folder than {downloads.parent} (--data)"
        ) from error


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


def _examine(archive: Archive, downloads: Path, file: Path, name: str) -> tuple[dict[str, str], str | None]:
    """Checksums of a file, and what is wrong with it as `name`, as the end of a sentence."""
    if flaw := archive_flaw(file):
        return {}, flaw
    sums = checksums(file, {"sha256", *archive.known})
    for kind, value in archive.known.items():
        if sums[kind] != value:
            folder = downloads / _ENDINGS.sub("", archive.name)
            return sums, (
                f"has {kind} {sums[kind]}, but {value} is expected (if the publisher has replaced the file, compare "
                f"with {archive.page} and report it; a copy that you trust can be unpacked into {folder})"
            )
    recorded = read_records(downloads).get(name, sums)["sha256"]
    if not archive.known and sums["sha256"] != recorded:
        return sums, (
            f"has sha256 {sums['sha256']}, but {recorded} was recorded when it was first seen (if the new one is "
            f"right, delete the entry {name!r} in {downloads / RECORDS})"
        )
    return sums, None


def _download(
    archive: Archive,
    downloads: Path,
    progress: bool,
    report: Callable[[str], None] | None,
    attempts: int,
    wait: float,
) -> Path:
    final, part = downloads / archive.name, downloads / f"{archive.name}.part"
    names = (archive.name, *archive.aliases)
    files = " or ".join(name for name in names if _ENDINGS.search(name))
    folders = " or ".join(dict.fromkeys(_ENDINGS.sub("", name) for name in names))
    by_hand = f"get it from {archive.page} and save it in {downloads.absolute()} as {files}, or unpacked as {folders}"
    if archive.sign_in or not archive.urls:
        why = "needs a sign-in" if archive.sign_in else "has no address"
        raise InputError(f"{archive.name} {why} and cannot be downloaded from here; {by_hand}")
    from mmsnet_lite.data.transfer import begun_from, discard, transfer  # late: it loads requests

    read_records(downloads)  # complain before the download, not after it
    begun = begun_from(part)
    reasons = []
    for url in sorted(archive.urls, key=lambda url: url != begun):
        if report is not None:
            report(f"{archive.name}: {url}")
        reason = transfer(url, part, progress=progress, attempts=attempts, wait=wait)
        if reason is None:
            sums, reason = _examine(archive, downloads, part, archive.name)
            if reason is None:
                os.replace(part, final)
                record(downloads, archive.name, sums)
                discard(part)
                return final
            discard(part)
        reasons.append(f"{url} {reason}")
    raise InputError(f"{archive.name} could not be downloaded; {by_hand} (tried: {'; '.join(reasons)})")
