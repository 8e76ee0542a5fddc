"""What archives list: links, devices, encryption, and files that are no archives."""

import io
import stat
import tarfile
import zipfile

import pytest
from archives import PAGE
from packed import MIB, forge, pack, refusal

from mmsnet_lite.data import entries
from mmsnet_lite.data.unpack import open_members
from mmsnet_lite.errors import InputError


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (tarfile.SYMTYPE, "is a link"),
        (tarfile.LNKTYPE, "is a link"),
        (tarfile.CHRTYPE, "is not a regular file"),
        (tarfile.BLKTYPE, "is not a regular file"),
        (tarfile.FIFOTYPE, "is not a regular file"),
        (tarfile.GNUTYPE_SPARSE, "is not a regular file"),
    ],
)
def test_a_link_or_device_in_a_tar_is_refused(tmp_path, kind, reason):
    with tarfile.open(tmp_path / "archive", "w") as archive:
        archive.addfile(tarfile.TarInfo("fine.png"))
        info = tarfile.TarInfo("bad.png")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    assert f"'bad.png' {reason}" in refusal(tmp_path / "archive")


def test_a_negative_size_in_a_tar_is_refused(tmp_path):
    path = pack(tmp_path, "tar", {"a.png": b""})
    block = bytearray(path.read_bytes())
    block[124:136] = b"\xff" * 12  # base 256: -1, which would read all that follows
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    path.write_bytes(block)
    message = refusal(path)
    assert "negative size" in message or "cannot be read" in message  # by tarfile itself, from late 2025 on


@pytest.mark.parametrize(("mode", "reason"), [(stat.S_IFLNK, "is a link"), (stat.S_IFIFO, "is not a regular file")])
def test_a_link_or_device_in_a_zip_is_refused(tmp_path, mode, reason):
    with zipfile.ZipFile(tmp_path / "archive", "w") as archive:
        info = zipfile.ZipInfo("bad.png")
        info.create_system, info.external_attr = 3, (mode | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert f"'bad.png' {reason}" in refusal(tmp_path / "archive")


def test_links_that_leave_a_folder_are_refused_and_others_read(tmp_path):
    folder = pack(tmp_path, "folder", {"a/1.png": b"1", "b/2.png": b"2"})
    (folder / "b/3.png").symlink_to(folder / "a/1.png")
    (folder / "c").symlink_to(folder / "a")
    with open_members(folder, MIB) as members:
        assert members.names == ["a/1.png", "b/2.png", "b/3.png"]
        assert members.read("b/3.png") == b"1"
    (tmp_path / "linked").symlink_to(folder)  # the folder itself may live on another disk
    with open_members(tmp_path / "linked", MIB) as members:
        assert len(members.names) == 3
    (folder / "d").symlink_to(tmp_path)
    assert "'d' is a link that leaves the folder" in refusal(folder)
    (folder / "d").unlink()
    (folder / "e.png").symlink_to(folder / "missing.png")
    assert "'e.png' is not a regular file" in refusal(folder)


def test_a_compressed_tar_stops_filling_the_disk_at_the_limit(tmp_path, monkeypatch):
    """100 MiB of zeros behind an honest header: at most 2 limits and 16 MiB, and one step, may reach the disk."""
    path = pack(tmp_path, "tar.gz", {"bomb.png": bytes(100 * MIB)})
    assert path.stat().st_size < MIB
    written = []

    class Counted(io.BytesIO):
        def write(self, data):
            written.append(len(data))
            return super().write(data)

    monkeypatch.setattr(entries.tempfile, "TemporaryFile", lambda dir: Counted())
    assert "unpacks to more than" in refusal(path, limit=MIB)
    assert 0 < sum(written) <= 19 * MIB


@pytest.mark.parametrize(("offset", "value", "reason"), [(8, 1, "is encrypted"), (10, 9, "compressed by method 9")])
def test_what_cannot_be_read_is_refused_before_a_read(tmp_path, offset, value, reason):
    path = pack(tmp_path, "zip", {"a.png": bytes(100)})
    forge(path, offset, value, "<H")
    assert f"'a.png' is {reason.removeprefix('is ')}" in refusal(path)


def test_a_broken_header_in_the_middle_of_a_tar_does_not_hide_the_rest(tmp_path):
    path = pack(tmp_path, "tar", {"a.png": b"1", "b.png": b"2"})
    data = bytearray(path.read_bytes())
    data[1024] ^= 1
    path.write_bytes(data)
    assert "damaged in the middle" in refusal(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"is empty \(0 bytes\); delete it"),
        (PAGE, "is a web page, not an archive: the link has expired or needs a sign-in"),
        (b"\xef\xbb\xbf" + PAGE, "is a web page"),
        (b"PK\3\4" + bytes(100), "is a zip archive that breaks off"),
        (b"hello", "is neither a zip nor a tar archive"),
        (b"\x1f\x8b" + bytes(40), r"cannot be read \("),
    ],
)
def test_what_is_no_archive_is_named(tmp_path, content, reason):
    (tmp_path / "archive").write_bytes(content)
    with pytest.raises(InputError, match=f"archive {reason}"):
        open_members(tmp_path / "archive", MIB)


def test_a_tar_that_ends_in_a_zip_is_a_tar(tmp_path):
    inner = pack(tmp_path, "zip", {"inner.png": b"1"}).read_bytes()
    with open_members(pack(tmp_path, "tar", {"nested.zip": inner}), MIB) as members:
        assert members.names == ["nested.zip"]
        assert members.read("nested.zip") == inner
