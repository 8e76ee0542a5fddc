"""The cache of decoded images: it holds what the files hold, notices every change, and is whole or not there."""

import errno
import os
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from small import write_dataset

from mmsnet_lite.data import Mix, PreparedFolder, SplitCache, cache_root, mixlite_parts, resize_pair
from mmsnet_lite.data import cache as cache_module
from mmsnet_lite.errors import InputError


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty cache folder."""
    monkeypatch.setenv("MMSNET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def split(tmp_path):
    return SplitCache(PreparedFolder(write_dataset(tmp_path / "data", "set")), "train", ("a", "b", "c", "d"))


@pytest.fixture
def decoded(monkeypatch):
    """The stems that are decoded, in a list."""
    stems, read = [], PreparedFolder.read
    monkeypatch.setattr(PreparedFolder, "read", lambda self, stem: (stems.append(stem), read(self, stem))[1])
    return stems


def built(store):
    return sorted(path.relative_to(store).as_posix() for path in store.rglob("*.npy"))


def same_as_files(split, size):
    maps = split.open(size)
    for i, stem in enumerate(split.stems):
        for pixels, expected in zip(maps, resize_pair(*split.folder.read(stem), size), strict=True):
            if not np.array_equal(pixels[i], expected):
                return False
    return True


def test_it_holds_what_the_files_hold_and_decodes_them_once(store, split, decoded):
    images, masks = split.open(48)
    assert (images.shape, masks.shape, images.dtype, masks.dtype) == ((4, 48, 48, 3), (4, 48, 48), np.uint8, np.uint8)
    assert not images.flags.writeable
    assert sorted(decoded) == ["a", "b", "c", "d"]
    split.open(48)
    assert len(decoded) == 4
    assert same_as_files(split, 48)
    assert np.array_equal(np.load(next(store.rglob("images.npy"))), images)  # an .npy file like any other


def test_sizes_splits_and_folders_each_have_their_own(store, split, tmp_path):
    other = PreparedFolder(write_dataset(tmp_path / "elsewhere", "set"))
    splits = [split, SplitCache(split.folder, "test", ("e", "f")), SplitCache(other, "train", ("a", "b"))]
    for size in (32, 48):
        for each in splits:
            each.open(size)
    assert len(built(store)) == 2 * 2 * 3
    assert all(same_as_files(each, size) for each in splits for size in (32, 48))


def change(folder, what):
    image, mask = folder / "images/b.png", folder / "masks/b.png"
    if what == "image":
        cv2.imwrite(str(image), 255 - cv2.imread(str(image)))
    elif what == "mask":
        cv2.imwrite(str(mask), 255 - cv2.imread(str(mask), 0))
    elif what == "ending":
        cv2.imwrite(str(folder / "images/b.bmp"), 255 - cv2.imread(str(image)))
        image.unlink()
    elif what == "time":
        os.utime(image, ns=(image.stat().st_atime_ns, image.stat().st_mtime_ns + 1))


@pytest.mark.parametrize("what", ["image", "mask", "ending", "time"])
def test_a_changed_file_makes_a_new_cache_and_removes_the_old_one(store, split, what, decoded):
    split.open(32), split.open(48)
    before = built(store)
    change(split.folder.path, what)
    split = SplitCache(PreparedFolder(split.folder.path), split.split, split.stems)
    decoded.clear()
    split.open(48)
    assert len(decoded) == 4
    after = built(store)
    assert len(after) == len(before)
    assert len(set(before) & set(after)) == 2  # the other size is none of its business
    assert same_as_files(split, 48)


def test_another_version_or_list_is_built_again(store, split, monkeypatch, decoded):
    split.open(48)
    SplitCache(split.folder, "train", ("b", "a")).open(48)
    assert len(decoded) == 6
    assert same_as_files(SplitCache(split.folder, "train", ("b", "a")), 48)
    decoded.clear()
    monkeypatch.setattr(cache_module, "VERSION", cache_module.VERSION + 1)
    SplitCache(split.folder, "train", ("b", "a")).open(48)
    assert len(decoded) == 2
    assert len(built(store)) == 2


@pytest.mark.parametrize("name", ["images.npy", "masks.npy"])
@pytest.mark.parametrize("damage", ["cut", "empty", "longer", "header", "other shape", "gone"])
def test_a_damaged_cache_is_built_again(store, split, name, damage):
    split.open(48)
    file = next(store.rglob(name))
    whole = file.read_bytes()
    if damage == "gone":
        file.unlink()
    elif damage == "other shape":
        np.save(file, np.zeros((4, 48, 24, 6 if name == "images.npy" else 2), np.uint8))
    else:
        file.write_bytes(
            {"cut": whole[:-1], "empty": b"", "longer": whole + b"\0", "header": b"\0" + whole[1:]}[damage]
        )
    assert same_as_files(split, 48)
    assert file.read_bytes() == whole


@pytest.mark.parametrize("error", [KeyboardInterrupt, InputError("damaged"), OSError(errno.ENOSPC, "disk full")])
def test_an_interrupted_build_leaves_nothing(store, split, monkeypatch, error):
    read = PreparedFolder.read

    def fail(self, stem):
        if stem == "c":
            raise error
        return read(self, stem)

    with monkeypatch.context() as patched:
        patched.setattr(PreparedFolder, "read", fail)
        expected = InputError if isinstance(error, OSError) else type(error) if isinstance(error, Exception) else error
        with pytest.raises(expected):
            split.open(48)
    assert [path for path in store.rglob("*") if path.is_file()] == []
    assert same_as_files(split, 48)


def test_a_killed_build_is_cleared_away_a_day_later(store, split):
    """What another process may still be writing stays."""
    split.open(32)
    home = next(store.iterdir())
    for name, age in (("train-48-x.1.partial", 100_000), ("train-48-x.2.partial", 10)):
        (home / name).mkdir()
        os.utime(home / name, (time.time() - age,) * 2)
    split.open(48)
    assert [path.name for path in home.iterdir() if path.suffix == ".partial"] == ["train-48-x.2.partial"]


def test_two_builds_at_once_both_succeed(store, split, monkeypatch):
    rename = Path.rename

    def late(self, target):
        monkeypatch.setattr(Path, "rename", rename)
        split.open(48)  # another process has finished the same meanwhile
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", late)
    assert same_as_files(split, 48)
    assert len(built(store)) == 2
    assert not list(store.rglob("*.partial"))


def test_a_cache_that_cannot_be_written_is_one_error_that_names_the_variable(tmp_path, split, monkeypatch):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("MMSNET_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InputError, match=r"cannot be kept in .*file/cache.*set MMSNET_CACHE to a folder that can be"):
        split.open(48)


def test_a_full_disk_is_one_error_before_and_during_the_build(store, split, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(cache_module.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
        with pytest.raises(InputError, match=r"4 images of 48 px need .*make room, set MMSNET_CACHE"):
            split.open(48)

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cache_module.os, "fsync", full)
    with pytest.raises(InputError, match=r"\(No space left on device\); make room, or set MMSNET_CACHE"):
        split.open(48)
    assert built(store) == []


def test_the_place_is_the_variable_else_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MMSNET_CACHE", "~/pixels")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_root() == tmp_path / "pixels"
    monkeypatch.setenv("MMSNET_CACHE", "")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_root() == tmp_path / ".cache" / "mmsnet_lite"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the XDG specification
    assert cache_root() == tmp_path / ".cache" / "mmsnet_lite"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "xdg" / "mmsnet_lite"


def test_nothing_is_written_into_the_data_root(store, split):
    data = split.folder.path.parent
    before = sorted(data.rglob("*"))
    for path in (data, *before):
        path.chmod(0o555 if path.is_dir() else 0o444)
    split.open(48)
    for path in (data, *before):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert sorted(data.rglob("*")) == before


def test_mixlite_is_not_cached(store):
    Mix(mixlite_parts("train", 32, counts={"train": 1, "test": 1}), 32)
    assert not store.exists()
