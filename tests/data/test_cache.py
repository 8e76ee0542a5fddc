"""The cache of decoded images: it holds what the files hold, notices every change, and is whole or not there."""

import errno
import os
from threading import Thread
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from small import write_dataset

from mmsnet_lite.data import Mix, PreparedFolder, mixlite_parts, resize_pair
from mmsnet_lite.data import cache as cache_module
from mmsnet_lite.data.cache import SplitCache, cache_root
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
    pixels = split.open(size)
    expected = [np.dstack(resize_pair(*split.folder.read(stem), size)).transpose(2, 0, 1) for stem in split.stems]
    return np.array_equal(pixels, expected)


def test_it_holds_what_the_files_hold_and_decodes_them_once(store, split, decoded):
    pixels = split.open(48)
    assert (pixels.shape, pixels.dtype) == ((4, 4, 48, 48), np.uint8)
    assert not pixels.flags.writeable
    assert sorted(decoded) == ["a", "b", "c", "d"]
    split.open(48)
    assert len(decoded) == 4
    assert same_as_files(split, 48)


def test_sizes_splits_and_folders_each_have_their_own(store, split, tmp_path):
    other = PreparedFolder(write_dataset(tmp_path / "elsewhere", "set"))
    splits = [split, SplitCache(split.folder, "test", ("e", "f")), SplitCache(other, "train", ("a", "b"))]
    for size in (32, 48):
        for each in splits:
            each.open(size)
    assert len(built(store)) == 2 * 3
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
    assert len(set(before) & set(after)) == 1  # the other size is none of its business
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
    assert len(built(store)) == 1


@pytest.mark.parametrize("damage", ["cut", "empty", "header", "other shape", "gone"])
def test_a_damaged_cache_is_built_again(store, split, damage):
    split.open(48)
    file = next(store.rglob("*.npy"))
    whole = file.read_bytes()
    if damage == "gone":
        file.unlink()
    elif damage == "other shape":
        np.save(file, np.zeros((4, 48, 4, 48), np.uint8))
    else:
        file.write_bytes({"cut": whole[:-1], "empty": b"", "header": b"\0" + whole[1:]}[damage])
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
    assert [path for path in store.rglob("*") if path.is_file() and path.suffix != ".lock"] == []
    assert same_as_files(split, 48)


def test_what_a_killed_build_left_is_cleared_away(store, split):
    split.open(32)
    home = next(store.iterdir())
    (home / "train-48.partial").write_bytes(b"half")
    split.open(48)
    assert not list(home.glob("*.partial"))


def test_builds_at_once_decode_once(store, split, decoded):
    threads = [Thread(target=split.open, args=(48,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(decoded) == ["a", "b", "c", "d"]
    assert same_as_files(split, 48)


def test_a_cache_that_cannot_be_written_is_one_error_that_names_the_variable(tmp_path, split, monkeypatch):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("MMSNET_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InputError, match=r"cannot be kept in .*file/cache.*set MMSNET_CACHE to a folder that can be"):
        split.open(48)


def test_a_full_disk_is_one_error_before_and_during_the_build(store, split, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(cache_module.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
        with pytest.raises(InputError, match=r"4 images of 48 px need 0\.0 GiB in all\); make room"):
            split.open(48)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cache_module, "planes", full)
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
