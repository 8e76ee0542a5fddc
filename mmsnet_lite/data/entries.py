"""What an archive or folder lists, before anything of it is trusted: `unpack` decides on it."""

import bz2
import gzip
import lzma
import os
import stat
import struct
import tarfile
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from mmsnet_lite.errors import InputError

DAMAGE = (
    *(OSError, EOFError, ValueError, RuntimeError, struct.error, zlib.error),
    *(lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile),
)
"""All that a broken archive makes Python's readers raise."""

_ZIP = (b"PK\3\4", b"PK\5\6")
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those that zipfile reads in bounded steps
_COMPRESSED: dict[bytes, Any] = {b"\x1f\x8b": gzip.GzipFile, b"BZh": bz2.BZ2File, b"\xfd7zXZ\0": lzma.LZMAFile}
_BLOCK = 512  # what a tar is made of
_SLACK = 1 << 24  # bytes, for headers and padding in a tar of many small members
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """One file or folder of an archive.

    Args:
        name: as the archive has it.
        size: in bytes, as the archive states it; 0 for a folder.
        is_file: a regular file.
        read: returns the first n bytes.
        flaw: why it is to be refused.
    """

    name: str
    size: int
    is_file: bool
    read: Callable[[int], bytes]
    flaw: str | None = None


def archive_flaw(path: Path) -> str | None:
    """Say from its first and last bytes why a file cannot be an archive, as the end of a sentence; None if it can.

    Archives are zip, tar, and tar compressed by gzip, bzip2 or xz.

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
    known = head.startswith(tuple(_COMPRESSED)) or head[257:262] == b"ustar"
    return None if known else "is neither a zip nor a tar archive"


def is_zip(path: Path) -> bool:
    """Tell a zip from a tar by its first bytes, since a tar may end in a zip."""
    return _head(path).startswith(_ZIP)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_BLOCK)


def zip_entries(path: Path, resources: ExitStack) -> Iterator[Entry]:
    """List a zip; `read` may be called until `resources` are closed."""
    # given an open file, ZipFile leaves closing it to us and can be read by several threads
    archive = zipfile.ZipFile(resources.enter_context(path.open("rb")))

    def reader(info: zipfile.ZipInfo) -> Callable[[int], bytes]:
        def read(n: int) -> bytes:
            with archive.open(info) as file:
                return file.read(n)

        return read

    for info in archive.infolist():
        kind, flaw = stat.S_IFMT(info.external_attr >> 16), None
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            flaw = "is a link" if kind == stat.S_IFLNK else "is not a regular file"
        elif info.flag_bits & 1:
            flaw = "is encrypted"
        elif info.compress_type not in _ZIP_METHODS:
            flaw = f"is compressed by method {info.compress_type}"
        name = info.orig_filename  # `filename` has lost zeros, and on Windows backslashes
        yield Entry(name, info.file_size, not name.endswith("/"), reader(info), flaw)


def tar_entries(path: Path, limit: int, resources: ExitStack) -> Iterator[Entry]:
    """List a tar, decompressed first where it is compressed; `read` may be called until `resources` are closed."""
    head = _head(path)
    file: IO[bytes] = resources.enter_context(path.open("rb"))
    for magic, decompressor in _COMPRESSED.items():
        if head.startswith(magic):
            file = _decompressed(path, resources.enter_context(decompressor(path)), limit, resources)
    lock = threading.Lock()

    def reader(offset: int, size: int) -> Callable[[int], bytes]:
        def read(n: int) -> bytes:
            with lock:
                file.seek(offset)
                return file.read(min(n, size))

        return read

    end = 0
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for info in archive:
            flaw = None
            if info.issym() or info.islnk():
                flaw = "is a link"
            elif not (info.isdir() or info.isreg()) or info.issparse():
                flaw = "is not a regular file"
            elif info.size < 0:
                flaw = "has a negative size"
            size = info.size if info.isreg() else 0
            end = info.offset_data + -(-size // _BLOCK) * _BLOCK
            yield Entry(info.name, size, info.isreg(), reader(info.offset_data, size), flaw)
    # a header that is broken or cut off ends tarfile's list without a word; the true end is a block of zeros
    file.seek(end)
    if file.read(_BLOCK) != bytes(_BLOCK):
        raise EOFError("it breaks off, or is damaged in the middle")


def _decompressed(path: Path, source: IO[bytes], limit: int, resources: ExitStack) -> IO[bytes]:
    """A compressed tar as an unnamed file beside it; more bytes than any tar within `limit` can have are refused."""
    target: IO[bytes] = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 (`resources` closes it)
    resources.enter_context(target)
    while chunk := source.read(_CHUNK):
        if target.tell() > 2 * limit + _SLACK:
            raise InputError(f"{path} unpacks to more than the {limit:,} bytes expected; delete it and get it again")
        target.write(chunk)
    target.seek(0)
    return target


def folder_entries(path: Path) -> Iterator[Entry]:
    """List a folder and all below it."""

    def fail(error: OSError) -> None:
        raise error

    root = os.path.realpath(path)
    for folder, folders, files in os.walk(path, onerror=fail):
        for name in (*folders, *files):
            item, flaw = Path(folder, name), None
            if item.is_symlink() and not Path(os.path.realpath(item)).is_relative_to(root):
                flaw = "is a link that leaves the folder"
            elif not (item.is_dir() or item.is_file()):
                flaw = "is not a regular file"
            size = item.stat().st_size if item.is_file() else 0
            yield Entry(item.relative_to(path).as_posix(), size, item.is_file(), _file_reader(item), flaw)


def _file_reader(path: Path) -> Callable[[int], bytes]:
    def read(n: int) -> bytes:
        with path.open("rb") as file:
            return file.read(n)

    return read
