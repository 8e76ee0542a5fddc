"""Decoded images on disk: each split of a prepared folder, at one size, as one memory map.

    CACHE/DATASET-PATH/SPLIT-SIZE-KEY.npy   uint8 (n 4 size size): red, green, blue, mask

CACHE is MMSNET_CACHE, else ~/.cache/mmsnet_lite; PATH and KEY are hashes, of the folder's place and of what is cached.
"""

import errno
import hashlib
import math
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock
from tqdm.auto import tqdm

from mmsnet_lite.data.folder import PreparedFolder
from mmsnet_lite.data.image import planes
from mmsnet_lite.errors import InputError

VERSION = 2
"""Changes whenever reading or resizing does: older caches are then built again."""


def cache_root() -> Path:
    """Return the folder of all caches: MMSNET_CACHE, else mmsnet_lite in XDG_CACHE_HOME, else in ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    default = Path(base if os.path.isabs(base) else "~/.cache") / "mmsnet_lite"
    return Path(os.environ.get("MMSNET_CACHE") or default).expanduser().absolute()


@dataclass(frozen=True)
class SplitCache:
    """What is cached together: the images and masks of one split of a prepared folder, which is only read."""

    folder: PreparedFolder
    split: str
    stems: tuple[str, ...]

    def open(self, size: int, *, progress: bool = False) -> np.ndarray:
        """Return the split decoded at `size` pixels, building its cache where there is none that is whole and current.

        Convention: current means that path, names, sizes and times of change of all listed files are those of the
            build; an older cache of the same split and size is removed.

        Args:
            size: side of the images in pixels.
            progress: show a bar while building.

        Returns:
            A read-only memory map, uint8 (n 4 size size): RGB of 0..255, and the mask of 0 and 1.

        Raises:
            InputError: a file is missing or damaged, or the cache cannot be written; the message names the file, or
                MMSNET_CACHE.
        """
        home = cache_root() / f"{self.folder.name}-{_digest(str(self.folder.path.resolve()))[:8]}"
        final = home / f"{self.split}-{size}-{self._key()}.npy"
        shape = (len(self.stems), 4, size, size)
        try:
            if (pixels := _read(final, shape)) is None:
                home.mkdir(parents=True, exist_ok=True)
                with FileLock(home / f"{self.split}-{size}.lock"):
                    if _read(final, shape) is None:  # else another process has built it meanwhile
                        self._build(final, shape, progress)
                        for old in home.glob(f"{self.split}-{size}-*.npy"):
                            if old != final:
                                old.unlink()
                pixels = np.load(final, mmap_mode="r")
        except OSError as error:
            raise InputError(
                f"decoded images cannot be kept in {home} ({error.strerror or error}); make room, or set MMSNET_CACHE "
                "to a folder that can be written"
            ) from error
        return pixels

    def _key(self) -> str:
        """Fingerprint of everything that the pixels depend on."""
        facts = [str(VERSION)]
        for stem in self.stems:
            for path in (self.folder.image_path(stem), self.folder.mask_path(stem)):
                stat = path.stat()
                facts.append(f"{path.name}\0{stat.st_size}\0{stat.st_mtime_ns}")
        return _digest("\n".join(facts))[:16]

    def _build(self, final: Path, shape: tuple[int, ...], progress: bool) -> None:
        """Write the file. Not through a memory map: on a full disk that ends the process with a signal."""
        if (need := math.prod(shape)) > shutil.disk_usage(final.parent).free:
            raise OSError(errno.ENOSPC, f"{shape[0]} images of {shape[3]} px need {need / 2**30:.1f} GiB in all")
        temporary = final.with_name(f"{self.split}-{shape[3]}.partial")
        label = f"{self.folder.name} {self.split}, {shape[3]} px"
        pool = ThreadPoolExecutor()
        try:
            with temporary.open("wb") as file:
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                rows = pool.map(lambda stem: planes(*self.folder.read(stem), shape[3]), self.stems)
                for row in tqdm(rows, desc=label, total=len(self.stems), unit="image", disable=not progress):
                    file.write(row.tobytes())
                file.flush()
                os.fsync(file.fileno())  # or a power cut could leave blank pixels under the final name
            temporary.replace(final)
        finally:
            pool.shutdown(cancel_futures=True)
            temporary.unlink(missing_ok=True)


def _read(file: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The map; None where it is missing or cut off, or has another shape."""
    try:
        pixels = np.load(file, mmap_mode="r")
    except (FileNotFoundError, ValueError, EOFError):
        return None
    return pixels if pixels.shape == shape and pixels.dtype == np.uint8 else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
