"""From placed files and from a server: a verified archive, or one line and a folder left consistent."""

import errno
import hashlib
import os
from pathlib import Path

import pytest
from archives import PAGE, ArchiveServer
from packed import pack
from tqdm.auto import tqdm

from mmsnet_lite.data.download import Archive, fetch
from mmsnet_lite.errors import InputError

NAME = "数据 BUSI.zip"
WEB = "https://example.org/busi"
BY_HAND = f"get it from {WEB} and save it in "


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr("mmsnet_lite.data.transfer._WAIT", 0)


@pytest.fixture
def server():
    with ArchiveServer() as running:
        yield running


@pytest.fixture(scope="module")
def body(tmp_path_factory):
    return pack(tmp_path_factory.mktemp("body"), "stored zip", {"a.png": os.urandom(400_000)}).read_bytes()


@pytest.fixture
def downloads(tmp_path):
    return tmp_path / "root" / "downloads"


def digest(kind, data):
    return hashlib.new(kind, data).hexdigest()


def archive(*urls, **options):
    return Archive(**{"name": NAME, "urls": urls, "page": WEB, "unpacked": 1 << 20, **options})


def refusal(wanted, downloads):
    """The one line with which `fetch` gives up."""
    with pytest.raises(InputError) as refused:
        fetch(wanted, downloads)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def left(downloads):
    """What lies in the folder, without the archive's name, apart from the checksums."""
    return sorted(file.name.removeprefix(NAME) for file in downloads.iterdir() if file.name != "checksums.json")


def place(downloads, name, data):
    downloads.mkdir(parents=True, exist_ok=True)
    (downloads / name).write_bytes(data)
    return downloads / name


def test_an_archive_arrives_verified_and_is_not_asked_for_again(server, body, downloads):
    wanted = archive(server.serve(NAME, body), sha256=digest("sha256", body), md5=digest("md5", body))
    path = fetch(wanted, downloads)
    assert path == downloads / NAME
    assert path.read_bytes() == body
    assert fetch(wanted, downloads) == path
    assert len(server.requests) == 1
    assert left(downloads) == [""]


def test_a_drop_at_half_and_ctrl_c_go_on_where_they_stopped(server, body, downloads, monkeypatch):
    class Impatient(tqdm):
        def update(self, n=1):
            super().update(n)
            if self.n > 200_000:
                raise KeyboardInterrupt

    wanted = archive(server.serve(NAME, body, drop_at=150_000), sha256=digest("sha256", body))
    monkeypatch.setattr("mmsnet_lite.data.transfer.tqdm", Impatient)
    with pytest.raises(KeyboardInterrupt):
        fetch(wanted, downloads, progress=True)
    monkeypatch.undo()
    assert left(downloads) == [".part", ".part.json"]
    part = (downloads / f"{NAME}.part").read_bytes()
    assert len(part) > 200_000
    assert body.startswith(part)
    assert fetch(wanted, downloads).read_bytes() == body
    assert (server.requests[-1].status, server.requests[-1].sent) == (206, len(body) - len(part))
    assert left(downloads) == [""]


def test_a_mirror_follows_whatever_is_wrong_with_the_first_addresses(server, body, downloads):
    urls = [
        server.serve("gone", statuses=[404]),
        server.serve("dead", statuses=[403]),
        server.serve("busy", statuses=[503] * 9),
        server.serve("page", page=True),
        server.serve("sly page", PAGE),
        server.serve("other", body.replace(b"a.png", b"b.png")),
        server.serve("short", body, short=300_000),
    ]
    wanted = archive(*urls, sha256=digest("sha256", body))
    message = refusal(wanted, downloads)
    page = "is a web page, not an archive: the link has expired or needs a sign-in"
    found = digest("sha256", body.replace(b"a.png", b"b.png"))
    reasons = [
        "answers 404 Not Found",
        "answers 403 Forbidden",
        "answers 503 Service Unavailable",
        page,
        page,
        f"has sha256 {found}, but {wanted.sha256} is published (a copy",
        "breaks off after ",
    ]
    for url, reason in zip(urls, reasons, strict=True):
        assert f"{url} {reason}" in message
    assert message.startswith(f"{NAME} could not be downloaded; {BY_HAND}{downloads} as {NAME}, or unpacked as ")
    assert left(downloads) == [".part", ".part.json"]  # of the last
    mirrored = archive(*urls[:-1], server.serve("good", body), sha256=digest("sha256", body))
    assert fetch(mirrored, downloads).read_bytes() == body
    assert left(downloads) == [""]


def test_the_address_that_a_part_came_from_goes_first(server, body, downloads):
    first, second = server.serve("first", statuses=[404] * 9), server.serve("second", body, short=300_000)
    refusal(archive(first, second), downloads)
    server.requests.clear()
    server.serve("second", body)
    assert fetch(archive(first, second), downloads).read_bytes() == body
    assert [(request.name, request.status) for request in server.requests] == [("second", 206)]


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_wrong_checksum_names_both_and_leaves_nothing(server, body, downloads, kind):
    expected = digest(kind, b"the right one")
    url = server.serve(NAME, body)
    message = refusal(archive(url, **{kind: expected}), downloads)
    assert f"{url} has {kind} {digest(kind, body)}, but {expected} is published" in message
    assert left(downloads) == []
    place(downloads, NAME, body)  # by hand, it is held to the same
    message = refusal(archive(url, **{kind: expected}), downloads)
    assert f"{downloads / NAME} has {kind} {digest(kind, body)}, but {expected} is published" in message
    assert "delete it and run again" in message
    (downloads / NAME).unlink()
    place(downloads / "数据 BUSI", "a.png", b"1")  # the way out that the message names
    assert f"unpacked into {downloads / '数据 BUSI'})" in message
    assert fetch(archive(url, **{kind: expected}), downloads) == downloads / "数据 BUSI"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (PAGE, "is a web page, not an archive: the link has expired or needs a sign-in"),
        (b"GIF89a", "is neither a zip nor a tar archive"),
        ("cut", "is a zip archive that breaks off"),
    ],
)
def test_a_placed_file_that_is_no_archive_is_named(body, downloads, content, reason):
    path = place(downloads, NAME, body[:1000] if content == "cut" else content)
    with pytest.raises(InputError, match=f"{path} {reason}; delete it and run again"):
        fetch(archive(), downloads)
    assert left(downloads) == [""]


@pytest.mark.parametrize("name", [NAME, "kaggle.zip", "数据 BUSI/", "kaggle/", "Thyroid Dataset/"])
def test_a_placed_copy_is_taken_under_any_of_its_names(body, downloads, name):
    wanted = archive("http://127.0.0.1:1/never", aliases=("kaggle.zip", "Thyroid Dataset"))
    (downloads / "数据 BUSI").mkdir(parents=True)  # empty: counts as absent
    if name.endswith("/"):
        place(downloads / name, "a.png", b"1")
    else:
        place(downloads, name, body)
    assert fetch(wanted, downloads) == downloads / name
    if name.endswith("/"):
        place(downloads, NAME, body)
        assert fetch(wanted, downloads) == downloads / NAME  # a file comes before a folder


def test_what_a_person_has_to_get_says_where_from_and_where_to(downloads, monkeypatch):
    monkeypatch.chdir(downloads.parents[1])
    message = refusal(archive(aliases=("kaggle.zip",)), Path("root/downloads"))
    names = f"{NAME} or kaggle.zip, or unpacked as {Path(NAME).stem} or kaggle"
    assert message == f"{NAME} needs a sign-in and cannot be downloaded from here; {BY_HAND}{downloads} as {names}"
    assert left(downloads) == []


def test_a_folder_that_is_a_file_or_lies_in_one_is_named(body, tmp_path):
    place(tmp_path, "file", b"")
    assert f"{tmp_path / 'file'} cannot be read or written (File exists)" in refusal(
        archive("http://x"), tmp_path / "file"
    )
    message = refusal(archive("http://x"), tmp_path / "file" / "downloads")
    assert f"{tmp_path / 'file' / 'downloads'} cannot be read or written (Not a directory)" in message
    assert (tmp_path / "file").read_bytes() == b""


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_named(server, body, downloads):
    downloads.mkdir(parents=True)
    downloads.chmod(0o500)
    message = refusal(archive(server.serve(NAME, body)), downloads)
    downloads.chmod(0o700)
    assert "cannot be read or written (Permission denied); make room, change the permissions or choose" in message
    assert left(downloads) == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOSPC])
def test_a_disk_that_takes_no_more_is_named_and_the_part_kept(server, body, downloads, monkeypatch, number):
    class Full(tqdm):
        def update(self, n=1):
            super().update(n)
            if self.n > 200_000:
                raise OSError(number, os.strerror(number), str(downloads / f"{NAME}.part"))

    wanted = archive(server.serve(NAME, body))
    monkeypatch.setattr("mmsnet_lite.data.transfer.tqdm", Full)
    with pytest.raises(InputError, match=rf"BUSI\.zip\.part cannot be .* \({os.strerror(number)}\); make room"):
        fetch(wanted, downloads, progress=True)
    monkeypatch.undo()
    assert left(downloads) == [".part", ".part.json"]
    assert len(server.requests) == 1
    assert fetch(wanted, downloads).read_bytes() == body
