"""Records of checksums: kept, trusted while a file is unchanged, and refused when damaged."""

import hashlib
import json
import os

import pytest
from archives import ArchiveServer
from packed import pack

from mmsnet_lite.data import download
from mmsnet_lite.data.download import Archive, fetch
from mmsnet_lite.errors import InputError

NAME = "图.zip"


def archive(*urls, **options):
    return Archive(name=NAME, urls=urls, page="https://example.org", unpacked=1 << 20, **options)


@pytest.fixture
def placed(tmp_path):
    """An archive in its folder."""
    return pack(tmp_path, "zip", {"a.png": b"1"}).rename(tmp_path / NAME)


@pytest.fixture
def hashed(monkeypatch):
    """The files that are read to be hashed."""
    seen, checksums = [], download._checksums

    def noted(path, kinds):
        seen.append(path.name)
        return checksums(path, kinds)

    monkeypatch.setattr(download, "_checksums", noted)
    return seen


def sums(path):
    return {kind: hashlib.new(kind, path.read_bytes()).hexdigest() for kind in ("md5", "sha256")}


def test_checksums_are_those_of_hashlib(tmp_path):
    (tmp_path / "x").write_bytes(os.urandom(3 << 20))
    assert download._checksums(tmp_path / "x", {"md5", "sha256"}) == sums(tmp_path / "x")
    (tmp_path / "x").write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert download._checksums(tmp_path / "x", {"sha256"}) == {"sha256": expected}


def test_an_unchanged_file_is_read_once(placed, hashed):
    for _ in range(3):
        assert fetch(archive(), placed.parent) == placed
    assert hashed == [NAME]
    status = placed.stat()
    entry = {"sha256": sums(placed)["sha256"], "size": status.st_size, "mtime_ns": status.st_mtime_ns}
    assert json.loads((placed.parent / "checksums.json").read_text(encoding="utf-8")) == {NAME: entry}
    os.utime(placed, ns=(0, 0))
    fetch(archive(), placed.parent)
    assert hashed == [NAME] * 2
    assert fetch(archive(), placed.parent) == placed
    assert hashed == [NAME] * 2


def test_a_changed_file_is_refused_until_its_entry_is_deleted(placed):
    fetch(archive(), placed.parent)
    before = sums(placed)["sha256"]
    pack(placed.parent, "zip", {"other.png": b"2"}).replace(placed)
    with pytest.raises(InputError, match=f"{NAME} has sha256 {sums(placed)['sha256']}, but {before} was recorded"):
        fetch(archive(), placed.parent)
    assert placed.is_file()
    (placed.parent / "checksums.json").unlink()
    assert fetch(archive(), placed.parent) == placed


def test_a_record_is_held_against_the_next_download(placed):
    body, other = placed.read_bytes(), pack(placed.parent, "zip", {"other.png": b"2"}).read_bytes()
    placed.unlink()
    folder = placed.parent / "downloads"
    with ArchiveServer() as server:
        wanted = archive(server.serve("x", body))
        fetch(wanted, folder).unlink()
        server.serve("x", other)
        with pytest.raises(InputError) as refused:
            fetch(wanted, folder)
        assert f"but {hashlib.sha256(body).hexdigest()} was recorded when it was first seen" in str(refused.value)
        assert f"delete the entry '{NAME}' in {folder / 'checksums.json'}" in str(refused.value)
        assert [file.name for file in folder.iterdir()] == ["checksums.json"]
        (folder / "checksums.json").unlink()
        assert fetch(wanted, folder).read_bytes() == other


def test_a_published_checksum_outranks_the_record(placed, hashed):
    fetch(archive(), placed.parent)
    pack(placed.parent, "zip", {"other.png": b"2"}).replace(placed)
    assert fetch(archive(**sums(placed)), placed.parent) == placed
    assert fetch(archive(**sums(placed)), placed.parent) == placed
    assert hashed == [NAME] * 2
    with pytest.raises(InputError, match=f"but {'0' * 32} is published"):  # published later on
        fetch(archive(md5="0" * 32), placed.parent)


def test_records_of_other_files_stay(placed):
    fetch(archive(), placed.parent)
    other = Archive(name="b.zip", urls=(), page="https://example.org", unpacked=1 << 20)
    (placed.parent / "b.zip").write_bytes(placed.read_bytes())
    fetch(other, placed.parent)
    assert set(json.loads((placed.parent / "checksums.json").read_text(encoding="utf-8"))) == {NAME, "b.zip"}
    assert sorted(file.name for file in placed.parent.iterdir()) == ["b.zip", "checksums.json", NAME]


@pytest.mark.parametrize("text", ["", "{", b"\xff\xfe"])
def test_damaged_records_are_named_and_left_as_they_are(placed, text):
    file = placed.parent / "checksums.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = file.read_bytes()
    with pytest.raises(InputError, match=r"checksums\.json is damaged .*; delete it"):
        fetch(archive(), placed.parent)
    placed.unlink()
    with pytest.raises(InputError, match="is damaged"):  # before a download, not after it
        fetch(archive("http://127.0.0.1:1/x"), placed.parent)
    assert file.read_bytes() == before


def test_a_write_that_fails_leaves_the_old_records(placed, monkeypatch):
    fetch(archive(), placed.parent)
    before = (placed.parent / "checksums.json").read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mmsnet_lite.data.download.os.replace", fail)
    os.utime(placed, ns=(0, 0))
    with pytest.raises(InputError, match="make room"):
        fetch(archive(), placed.parent)
    assert (placed.parent / "checksums.json").read_bytes() == before
