"""Archives are read, never extracted: members come out one by one, as bytes, once all names and sizes are checked.

What must not be is refused before the first member is read: names that leave the folder, links, devices, more bytes
than a limit. A read is bounded by the size the archive states: a false one cannot fill memory.
"""

import re
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from stat import S_IFMT, S_IFREG
from typing import IO, Any, NamedTuple

from mmsnet_lite.errors import InputError

_ZIP = (b"PK\3\4", b"PK\5\6")
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")
_BLOCK = 512  # what a tar is made of
_LEAVES = re.compile(r"/|[A-Za-z]:|.*[\\\0]|(.*/)?\.\.(/|$)", re.DOTALL)
_AGAIN = "delete it and get it again, from its own page"


class _Entry(NamedTuple):
    """A file that an archive lists: `size` in bytes, as it states it."""

    name: str
    size: int
    open: Callable[[], Any]
    regular: bool = True


class Members:
    """The regular files of an archive or folder, by their `names`; made by `open_members`."""

    def __init__(self, path: Path, files: dict[str, _Entry]) -> None:
        self.path = path
        self.names = sorted(files)
        self._files = files
        self._lock = threading.Lock()

    def read(self, name: str) -> bytes:
        """Read one member whole; threads may do so at the same time.

        Raises:
            InputError: it is damaged or not of the size that the archive states.
        """
        entry = self._files[name]
        try:
            with self._lock, entry.open() as file:
                data: bytes = file.read(entry.size + 1)
        except Exception as error:  # a dozen kinds, for all that can be broken
            raise InputError(
                f"{self.path}: {name!r} cannot be read ({error or type(error).__name__}); {_AGAIN}"
            ) from error
        if len(data) != entry.size:
            raise InputError(f"{self.path}: {name!r} is not of the {entry.size:,} bytes it should have; {_AGAIN}")
        return data


@contextmanager
def open_members(path: Path, limit: int) -> Iterator[Members]:
    """Open a zip, a tar (plain or compressed by gzip, bzip2, xz) or a folder, and check all names and sizes.

    Convention: names are posix paths without `./`, sorted, however it was packed.
    Convention: two names clash when they are equal; `a.png` and `A.png` are two members, since nothing is extracted.

    Args:
        path: the archive or folder.
        limit: the most bytes that its files may hold together.

    Raises:
        InputError: no archive, a damaged one, more bytes than `limit`, two members of one name, or a member that is a
            link, a device, or named by an absolute path, a drive, `..` or a backslash.
    """
    with ExitStack() as resources:
        try:
            members = Members(path, _checked(path, limit, resources))
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{path} cannot be read ({error or type(error).__name__}); {_AGAIN}") from error
        yield members


def archive_flaw(path: Path) -> str | None:
    """Say from its first and last bytes why a file cannot be an archive, as the end of a sentence; None if it can.

    Raises:
        OSError: the file cannot be read.
    """
    head = _head(path)
    if not head:
        return "is empty (0 bytes)"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return "is a web page, not an archive: the link has expired or needs a sign-in"
    if head.startswith(_ZIP):
        return None if zipfile.is_zipfile(path) else "is a zip archive that breaks off"
    known = head.startswith(_COMPRESSED) or head[257:262] == b"ustar"
    return None if known else "is neither a zip nor a tar archive"


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_BLOCK)


def _checked(path: Path, limit: int, resources: ExitStack) -> dict[str, _Entry]:
    """The files of an archive by name, once every entry has been looked at."""
    if path.is_dir():
        entries = _folder_entries(path)
    elif flaw := archive_flaw(path):
        raise InputError(f"{path} {flaw}; {_AGAIN}")
    else:  # told by the first bytes, since a tar may end in a zip
        entries = (_zip_entries if _head(path).startswith(_ZIP) else _tar_entries)(path, resources)
    files: dict[str, _Entry] = {}
    total = 0
    for entry in entries:
        if _LEAVES.match(entry.name) or not entry.regular:
            why = "is a link, a device or damaged" if not entry.regular else "leads out of its folder (/, .., \\, C:)"
            raise InputError(f"{path}: {entry.name!r} {why}; {_AGAIN}")
        total += entry.size
        if total > limit:
            raise InputError(f"{path} unpacks to more than the {limit:,} bytes expected; {_AGAIN}")
        name = str(PurePosixPath(entry.name))
        if name in files:
            raise InputError(f"{path} holds two files {name!r}; {_AGAIN}, or unpack it by hand and keep one")
        files[name] = entry
    return files


def _zip_entries(path: Path, resources: ExitStack) -> Iterator[_Entry]:
    archive = resources.enter_context(zipfile.ZipFile(path))
    for info in archive.infolist():
        name = info.orig_filename  # `filename` has lost zeros, and on Windows backslashes
        if not name.endswith("/"):
            regular = S_IFMT(info.external_attr >> 16) in (0, S_IFREG)
            yield _Entry(name, info.file_size, partial(archive.open, info), regular)


def _tar_entries(path: Path, resources: ExitStack) -> Iterator[_Entry]:
    archive = resources.enter_context(tarfile.open(path))  # noqa: SIM115 (`resources` closes it)
    end = 0
    for info in archive:
        end = info.offset_data
        if not info.isdir():
            end += -(-info.size // _BLOCK) * _BLOCK * info.isreg()
            regular = info.isreg() and not info.issparse() and info.size >= 0
            yield _Entry(info.name, info.size, partial(archive.extractfile, info), regular)
    # a header that is broken or cut off ends tarfile's list without a word; the true end is a block of zeros
    file: IO[bytes] = archive.fileobj  # type: ignore[assignment]
    file.seek(end)
    if file.read(_BLOCK) != bytes(_BLOCK):
        raise EOFError("it breaks off, or is damaged in the middle")


def _folder_entries(path: Path) -> Iterator[_Entry]:
    for item in path.rglob("*"):
        if item.is_file():
            yield _Entry(item.relative_to(path).as_posix(), item.stat().st_size, partial(item.open, "rb"))
