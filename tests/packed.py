"""Archives made on the spot, honest and forged, and what is said when one is refused."""

import io
import struct
import tarfile
import zipfile

import pytest

from mmsnet_lite.data.unpack import open_members
from mmsnet_lite.errors import InputError

MIB = 1 << 20
KINDS = ["zip", "stored zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "folder"]


def pack(folder, kind, files):
    """Write `files` (name: bytes) as an archive of one kind; returns its path."""
    path = folder / "archive"
    if kind == "folder":
        for name, data in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
    elif "zip" in kind:
        method = zipfile.ZIP_STORED if kind == "stored zip" else zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(path, f"w:{kind[4:]}") as archive:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return path


def refusal(path, limit=MIB):
    """The one line with which an archive is refused before a member is read."""
    before = sorted(path.parent.iterdir())
    with pytest.raises(InputError) as refused, open_members(path, limit):
        pass
    assert sorted(path.parent.iterdir()) == before
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)
    return str(refused.value)


def forge(path, offset, value, form="<I"):
    """Overwrite a number in the only entry of a zip's central directory."""
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\1\2") + offset
    data[at : at + struct.calcsize(form)] = struct.pack(form, value)
    path.write_bytes(data)
