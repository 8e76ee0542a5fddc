"""Decoded images on disk: each split of a prepared folder, at one size, as two memory maps.

    CACHE/DATASET-PATH/SPLIT-SIZE-KEY/images.npy (n size size 3)   masks.npy (n size size), both uint8

CACHE is MMSNET_CACHE, else ~/.cache/mmsnet_lite; PATH and KEY are hashes, of the folder's place and of what is cached.
A cache is built under a temporary name and renamed once it is whole, and it is never changed afterwards.
"""

import errno
import hashlib
import io
import math
import os
import secrets
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from mmsnet_lite.data.folder import PreparedFolder
from mmsnet_lite.data.image import resize_pair
from mmsnet_lite.errors import InputError

VERSION = 1
"""Changes whenever reading or resizing does: older caches are then built again."""

_SUFFIX = ".partial"
_ABANDONED = 24 * 3600  # seconds after which a temporary folder is nobody's any more


def cache_root() -> Path:
    """Return the folder of all caches: MMSNET_CACHE, else mmsnet_lite in XDG_CACHE_HOME, else in ~/.cache.

    Raises:
        InputError: no variable is set and there is no home folder.
    """
    if chosen := os.environ.get("MMSNET_CACHE"):
        return Path(chosen).expanduser().absolute()
    base = Path(os.environ.get("XDG_CACHE_HOME") or "")
    try:
        return (base if base.is_absolute() else Path.home() / ".cache") / "mmsnet_lite"
    except RuntimeError as error:
        raise InputError("no home folder to keep decoded images in; set MMSNET_CACHE to a folder") from error


@dataclass(frozen=True)
class SplitCache:
    """What is cached together: the images and masks of one split of a prepared folder.

    Args:
        folder: the prepared folder; only read.
        split: the split's name.
        stems: the split's stems.
    """

    folder: PreparedFolder
    split: str
    stems: tuple[str, ...]

    def open(self, size: int, *, progress: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return the split decoded at `size` pixels, building its cache where there is none that is whole and current.

        Convention: current means that path, names, sizes and times of change of all listed files are those of the
            build; an older cache of the same split and size is removed.

        Args:
            size: side of the images in pixels.
            progress: show a bar while building.

        Returns:
            (images, masks): read-only memory maps, uint8 (n size size 3) of 0..255 and uint8 (n size size) of 0 and 1.

        Raises:
            InputError: a file is missing or damaged, or the cache cannot be written; the message names the file, or
                MMSNET_CACHE.
        """
        home = cache_root() / f"{self.folder.name}-{_digest(str(self.folder.path.resolve()))[:8]}"
        final = home / f"{self.split}-{size}-{self._key(size)}"
        if (maps := self._read(final, size)) is None:
            try:
                self._build(home, final, size, progress)
            except OSError as error:
                fix = "set MMSNET_CACHE to a folder that can be written"
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    fix = "make room, or set MMSNET_CACHE to a folder on another disk"
                raise InputError(
                    f"decoded images cannot be kept in {home} ({error.strerror or error}); {fix}"
                ) from error
            maps = self._read(final, size)
        if maps is None:
            raise InputError(
                f"{final} does not read back as it was written; set MMSNET_CACHE to a folder on another disk"
            )
        return maps

    def _key(self, size: int) -> str:
        """Fingerprint of everything that the pixels depend on."""
        facts = [f"{VERSION} {size}"]
        for stem in self.stems:
            for path in (self.folder.image_path(stem), self.folder.mask_path(stem)):
                stat = path.stat()
                facts.append(f"{path.name}\0{stat.st_size}\0{stat.st_mtime_ns}")
        return _digest("\n".join(facts))[:16]

    def _files(self, size: int) -> dict[str, tuple[int, ...]]:
        """Name and shape of each file."""
        n = len(self.stems)
        return {"images.npy": (n, size, size, 3), "masks.npy": (n, size, size)}

    def _read(self, final: Path, size: int) -> tuple[np.ndarray, np.ndarray] | None:
        """The two maps; None where one is missing, cut off, or does not begin as it must."""
        maps = []
        for name, shape in self._files(size).items():
            header = _header(shape)
            try:
                with (final / name).open("rb") as file:
                    begins = file.read(len(header)) == header
                    if not begins or os.fstat(file.fileno()).st_size != len(header) + math.prod(shape):
                        return None
                    maps.append(np.memmap(file, np.uint8, "r", len(header), shape))
            except OSError:
                return None
        return maps[0], maps[1]

    def _build(self, home: Path, final: Path, size: int, progress: bool) -> None:
        home.mkdir(parents=True, exist_ok=True)
        need, free = 4 * len(self.stems) * size**2, shutil.disk_usage(home).free
        if need > free:
            raise InputError(
                f"{len(self.stems)} images of {size} px need {need / 2**30:.1f} GiB in {home}, which has "
                f"{free / 2**30:.1f}; make room, set MMSNET_CACHE to a folder on another disk, or choose a smaller size"
            )
        temporary = home / f"{final.name}.{secrets.token_hex(4)}{_SUFFIX}"
        temporary.mkdir()
        try:
            self._decode(temporary, size, progress)
            if final.exists() and self._read(final, size) is None:
                shutil.rmtree(final)  # damaged
            try:
                temporary.rename(final)
            except OSError:
                if self._read(final, size) is None:  # else another process was faster, and built the same
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        self._tidy(home, final, size)

    def _decode(self, folder: Path, size: int, progress: bool) -> None:
        """Write the files. Not through a memory map: on a full disk that ends the process with a signal."""

        def load(stem: str) -> tuple[np.ndarray, np.ndarray]:
            return resize_pair(*self.folder.read(stem), size)

        label = f"{self.folder.name} {self.split}, {size} px"
        pool = ThreadPoolExecutor()
        try:
            with (folder / "images.npy").open("wb") as images, (folder / "masks.npy").open("wb") as masks:
                files = images, masks
                for file, shape in zip(files, self._files(size).values(), strict=True):
                    file.write(_header(shape))
                pairs = pool.map(load, self.stems)
                for pair in tqdm(pairs, desc=label, total=len(self.stems), unit="image", disable=not progress):
                    for file, pixels in zip(files, pair, strict=True):
                        file.write(np.ascontiguousarray(pixels).data)
                for file in files:
                    file.flush()
                    os.fsync(file.fileno())
        finally:
            pool.shutdown(cancel_futures=True)

    def _tidy(self, home: Path, final: Path, size: int) -> None:
        """Remove what `final` supersedes, and what builds that were killed have left."""
        for path in home.iterdir():
            if path.name.endswith(_SUFFIX):
                old = time.time() - _changed(path) > _ABANDONED
            else:
                old = path != final and path.name.startswith(f"{self.split}-{size}-")
            if old:
                shutil.rmtree(path, ignore_errors=True)


def _header(shape: tuple[int, ...]) -> bytes:
    """What an .npy file of this shape begins with."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


def _changed(path: Path) -> float:
    """When a folder last changed; now, if it has just gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
