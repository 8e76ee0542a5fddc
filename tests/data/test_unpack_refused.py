"""What is refused in archives: links, devices, encryption, and files that are no archives."""

import stat
import tarfile
import zipfile

import pytest
from archives import PAGE
from packed import MIB, forge, pack, refusal

from mmsnet_lite.data.unpack import open_members
from mmsnet_lite.errors import InputError


@pytest.mark.parametrize("kind", ["SYMTYPE", "LNKTYPE", "CHRTYPE", "BLKTYPE", "FIFOTYPE", "GNUTYPE_SPARSE"])
def test_a_link_or_device_in_a_tar_is_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "archive", "w") as archive:
        archive.addfile(tarfile.TarInfo("fine.png"))
        info = tarfile.TarInfo("bad.png")
        info.type, info.linkname = getattr(tarfile, kind), "/etc/passwd"
        archive.addfile(info)
    assert "'bad.png' is a link, a device or damaged" in refusal(tmp_path / "archive")


def test_a_negative_size_in_a_tar_is_refused(tmp_path):
    path = pack(tmp_path, "tar", {"a.png": b""})
    block = bytearray(path.read_bytes())
    block[124:136] = b"\xff" * 12  # base 256: -1, which would read all that follows
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    path.write_bytes(block)
    message = refusal(path)
    assert (
        "is a link, a device or damaged" in message or "cannot be read" in message
    )  # by tarfile itself, from late 2025 on


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO])
def test_a_link_or_device_in_a_zip_is_refused(tmp_path, mode):
    with zipfile.ZipFile(tmp_path / "archive", "w") as archive:
        info = zipfile.ZipInfo("bad.png")
        info.create_system, info.external_attr = 3, (mode | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert "'bad.png' is a link, a device or damaged" in refusal(tmp_path / "archive")


def test_a_compressed_tar_of_more_bytes_than_the_limit_is_refused(tmp_path):
    """100 MiB of zeros behind an honest header."""
    path = pack(tmp_path, "tar.gz", {"bomb.png": bytes(100 * MIB)})
    assert path.stat().st_size < MIB
    assert "unpacks to more than" in refusal(path)


def test_an_encrypted_member_is_named(tmp_path):
    path = pack(tmp_path, "zip", {"a.png": bytes(100)})
    forge(path, 8, 1, "<H")
    with open_members(path, MIB) as members, pytest.raises(InputError, match=r"'a\.png' cannot be read"):
        members.read("a.png")


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
    with pytest.raises(InputError, match=f"archive {reason}"), open_members(tmp_path / "archive", MIB):
        pass


def test_a_tar_that_ends_in_a_zip_is_a_tar(tmp_path):
    inner = pack(tmp_path, "zip", {"inner.png": b"1"}).read_bytes()
    with open_members(pack(tmp_path, "tar", {"nested.zip": inner}), MIB) as members:
        assert members.names == ["nested.zip"]
        assert members.read("nested.zip") == inner
