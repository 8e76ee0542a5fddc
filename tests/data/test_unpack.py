"""Reading archives: what honest ones give, and that names, sizes and damage are caught."""

import os
import threading
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from packed import KINDS, MIB, forge, pack, refusal

from mmsnet_lite.data.unpack import open_members
from mmsnet_lite.errors import InputError

FILES = {
    "Thyroid Dataset/tn3k/10.jpg": os.urandom(3000),
    "Thyroid Dataset/tn3k/2.jpg": b"two",
    "Thyroid Dataset/tn3k/B.JPG": b"",
    "Thyroid Dataset/tn3k/a.jpg": b"a",
    "数据/图 像 (1).png": b"zero\0one" * 400,
}


@pytest.mark.parametrize("kind", KINDS)
def test_members_come_out_as_they_went_in_and_sorted(tmp_path, kind):
    path = pack(tmp_path, kind, dict(reversed(FILES.items())))
    with open_members(path, MIB) as members:
        assert members.names == list(FILES)
        assert {name: members.read(name) for name in members.names} == FILES
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", KINDS)
def test_threads_may_read_at_the_same_time(tmp_path, kind):
    files = {f"{k}.png": bytes([k]) * (50_000 + k) for k in range(16)}
    with open_members(pack(tmp_path, kind, files), MIB) as members:
        start = threading.Barrier(8)

        def read_all(first):
            start.wait()
            return all(members.read(f"{(first + k) % 16}.png") == files[f"{(first + k) % 16}.png"] for k in range(16))

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(read_all, range(8)))


def test_names_lose_a_leading_dot_and_doubled_slashes(tmp_path):
    with open_members(pack(tmp_path, "tar", {"./a//b.png": b"1"}), MIB) as members:
        assert members.names == ["a/b.png"]
        assert members.read("a/b.png") == b"1"


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/x", "a/../../x.png", "/etc/passwd", "C:/x.png", "..\\x.png", "\\\\host\\x.png"]
)
def test_a_name_that_leaves_the_folder_is_refused(tmp_path, kind, name):
    assert f"{name!r} leads out of its folder" in refusal(pack(tmp_path, kind, {"fine.png": b"1", name: b"2"}))


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_two_members_of_one_name_are_refused(tmp_path, kind):
    path = pack(tmp_path, kind, {"a.png": b"1", "./a.png": b"2"})
    assert "holds two files 'a.png'" in refusal(path)


def test_names_that_differ_in_case_are_two_members(tmp_path):
    path = pack(tmp_path, "zip", {"a.png": b"1", "A.png": b"2", "b.png": b"3"})
    with open_members(path, MIB) as members:
        assert members.names == ["A.png", "a.png", "b.png"]
        assert members.read("A.png") == b"2"
    path.write_bytes(path.read_bytes().replace(b"b.png", b"a.png"))
    assert "holds two files 'a.png'" in refusal(path)


def test_a_zero_in_a_name_hides_nothing(tmp_path):
    path = pack(tmp_path, "zip", {"a.png?b": b"1"})
    path.write_bytes(path.read_bytes().replace(b"a.png?b", b"a.png\0b"))
    assert "'a.png\\x00b' leads out of its folder" in refusal(path)


@pytest.mark.parametrize("kind", KINDS)
def test_more_bytes_than_the_limit_are_refused(tmp_path, kind):
    path = pack(tmp_path, kind, {"1.png": bytes(600), "2.png": bytes(401)})
    assert "unpacks to more than the 1,000 bytes expected" in refusal(path, limit=1000)
    with open_members(path, 1001) as members:
        assert len(members.names) == 2


def test_a_zip_bomb_with_a_false_size_is_neither_read_nor_trusted(tmp_path):
    path = pack(tmp_path, "zip", {"bomb.png": bytes(64 * MIB)})
    forge(path, 24, 10)  # "10 bytes", with the checksum of all
    with open_members(path, MIB) as members:
        tracemalloc.start()
        with pytest.raises(InputError, match=r"archive: 'bomb\.png' cannot be read \(Bad CRC-32"):
            members.read("bomb.png")
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
        tracemalloc.stop()
    forge(path, 16, zlib.crc32(bytes(10)))  # and with the checksum of those ten: they are all that comes out
    with open_members(path, MIB) as members:
        assert members.read("bomb.png") == bytes(10)


def test_a_size_stated_too_large_is_damage(tmp_path):
    path = pack(tmp_path, "zip", {"a.png": bytes(100)})
    forge(path, 24, 101)
    with open_members(path, MIB) as members, pytest.raises(InputError, match=r"'a\.png' is not of the 101 bytes"):
        members.read("a.png")


def test_a_flipped_bit_is_found_by_the_checksum(tmp_path):
    path = pack(tmp_path, "stored zip", {"a.png": os.urandom(1000), "b.png": b"fine"})
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(data)
    with open_members(path, MIB) as members:
        assert members.read("b.png") == b"fine"
        with pytest.raises(InputError, match=r"'a\.png' cannot be read \(Bad CRC-32 .*\); delete it and get it again"):
            members.read("a.png")


@pytest.mark.parametrize("kind", KINDS[:-1])
def test_an_archive_cut_off_anywhere_is_refused_or_its_members_are_whole(tmp_path, kind):
    """At 60 places; only a cut behind the last member may go unnoticed."""
    files = {f"{k}.png": os.urandom(700) for k in range(6)}
    path = pack(tmp_path, kind, files)
    whole = path.read_bytes()
    refused = 0
    for length in np.linspace(0, len(whole) - 1, 60).astype(int):
        path.write_bytes(whole[:length])
        try:
            with open_members(path, MIB) as members:
                read = {name: members.read(name) for name in members.names}
        except InputError:
            refused += 1
        else:
            assert read == files
    assert refused >= (30 if kind == "tar" else 55 if "tar" in kind else 60)
