"""Archives are read, never extracted: members come out one by one, as bytes, once all names and sizes are checked.

What must not be is refused before the first member is read: names that leave the folder, links, devices, more bytes
than a limit, encryption, damage. A read is bounded by the size the archive states: a false one cannot fill memory.
"""

import errno
import re
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

from mmsnet_lite.data.entries import DAMAGE, Entry, archive_flaw, folder_entries, is_zip, tar_entries, zip_entries
from mmsnet_lite.errors import InputError

_JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db", ".ipynb_checkpoints"}
_AGAIN = "delete it and get it again"


class Members:
    """The regular files of an archive or folder, until `close` or the end of a `with`; made by `open_members`.

    `names` are those that `read` takes.

    Args:
        path: of the archive, for messages.
        files: what each name stands for.
        resources: what `close` closes.
    """

    def __init__(self, path: Path, files: dict[str, Entry], resources: ExitStack) -> None:
        self.path = path
        self.names = sorted(files, key=_natural)
        self._files = files
        self._resources = resources

    def read(self, name: str) -> bytes:
        """Read one member whole; threads may do so at the same time.

        Raises:
            InputError: no such member, or it is damaged or not of the size that the archive states.
        """
        if name not in self._files:
            raise InputError(f"{self.path} has no member {name!r}; choose one of its {len(self.names)} names")
        file = self._files[name]
        try:
            data = file.read(file.size + 1)
        except DAMAGE as error:
            raise InputError(f"{self.path}: {name!r} cannot be read {_why(error)}") from error
        if len(data) != file.size:
            raise InputError(f"{self.path}: {name!r} is not of the {file.size:,} bytes it should have; {_AGAIN}")
        return data

    def close(self) -> None:
        """Close the archive, and delete what was decompressed of it."""
        self._resources.close()

    def __enter__(self) -> "Members":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_members(path: Path, limit: int) -> Members:
    """Open a zip, a tar (plain or compressed by gzip, bzip2, xz) or a folder, and check all names and sizes.

    Convention: names are posix paths without `./`, in natural order (`2.png` before `10.png`), however it was packed.
    Convention: two names clash when they are equal; `a.png` and `A.png` are two members, since nothing is extracted.
    Convention: what systems leave behind (`__MACOSX`, `._*`, `.DS_Store`, `Thumbs.db`, `.ipynb_checkpoints`) is
        checked and counts towards `limit`, but is no member.
    Convention: a link in a folder may point to a file of that folder; a link to a folder of it is not followed.

    A compressed tar is decompressed once, to an unnamed file in its folder that `close` removes.

    Args:
        path: the archive or folder.
        limit: the most bytes that its files may hold together.

    Raises:
        InputError: no such file, no archive, a damaged or encrypted one, more bytes than `limit`, two members of one
            name, or a member that is a link, a device, or named by an absolute path, a drive, `..` or a backslash.
    """
    path = Path(path)
    resources = ExitStack()
    try:
        if path.is_dir():
            entries = folder_entries(path)
        elif flaw := archive_flaw(path):
            raise InputError(f"{path} {flaw}; {_AGAIN}")
        elif is_zip(path):
            entries = zip_entries(path, resources)
        else:
            entries = tar_entries(path, limit, resources)
        return Members(path, _checked(path, entries, limit), resources)
    except BaseException as error:
        resources.close()
        if isinstance(error, InputError) or not isinstance(error, DAMAGE):
            raise
        raise InputError(f"{path} cannot be read {_why(error)}") from error


def _checked(path: Path, entries: Iterable[Entry], limit: int) -> dict[str, Entry]:
    """The files of an archive by name, once every entry has been looked at."""
    files: dict[str, Entry] = {}
    total = 0
    for entry in entries:
        if flaw := _name_flaw(entry.name) or entry.flaw:
            raise InputError(f"{path}: {entry.name!r} {flaw}, which is refused; {_AGAIN}, from its own page")
        total += entry.size
        if total > limit:
            raise InputError(f"{path} unpacks to more than the {limit:,} bytes expected; {_AGAIN}, from its own page")
        name = PurePosixPath(entry.name)
        if not entry.is_file or any(part in _JUNK or part.startswith("._") for part in name.parts):
            continue
        if str(name) in files:
            raise InputError(f"{path} holds two files {str(name)!r}; {_AGAIN}, or unpack it by hand and keep one")
        files[str(name)] = entry
    return files


def _name_flaw(name: str) -> str | None:
    if name.startswith("/"):
        return "is an absolute path"
    if re.match("[A-Za-z]:", name):
        return "begins with a drive letter"
    if "\\" in name or "\0" in name:
        return "has a backslash or a zero in its name"
    return "leads out of its folder" if ".." in name.split("/") else None


def _natural(name: str) -> tuple[list[str | int], str]:
    """Sorts runs of digits by their number."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if k % 2 else part for k, part in enumerate(parts)], name


def _why(error: BaseException) -> str:
    """The reason in brackets and the fix: an error with a number is the system's, as a full disk, not the archive's."""
    ours = getattr(error, "errno", None) in (None, errno.EINVAL)
    return f"({' '.join(str(error).split()) or type(error).__name__}); {_AGAIN if ours else 'mend that and run again'}"
