"""One file from a server that misbehaves: whole in the end, or a reason and a part that can go on."""

import json
import os
import re
import socket

import pytest
import requests
from archives import ArchiveServer
from tqdm.auto import tqdm

from mmsnet_lite.data.transfer import discard, origin_of, transfer

BODY = os.urandom(400_000)  # cannot be shifted or patched together unnoticed
PIECE = 1 << 16
NAME = "数据 BUSI.zip"


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """Seconds that would be waited."""
    seconds = []
    monkeypatch.setattr("mmsnet_lite.data.transfer.time.sleep", seconds.append)
    return seconds


@pytest.fixture
def server():
    with ArchiveServer() as running:
        yield running


@pytest.fixture
def part(tmp_path):
    return tmp_path / f"{NAME}.part"


def begin(part, data, url, **origin):
    """Leave a part as an earlier run does."""
    part.write_bytes(data)
    note = {"url": url, "size": len(BODY), "version": None, **origin}
    part.with_name(f"{part.name}.json").write_text(json.dumps(note))


def left(part):
    return sorted(file.name.removeprefix(NAME) for file in part.parent.iterdir())


def test_a_file_arrives_whole(server, part):
    assert transfer(server.serve(NAME, BODY), part) is None
    assert part.read_bytes() == BODY
    assert len(server.requests) == 1
    discard(part)
    assert left(part) == []


def test_a_download_that_breaks_off_at_half_asks_for_the_rest_only(server, part):
    assert transfer(server.serve(NAME, BODY, drop_at=200_000), part) is None
    assert part.read_bytes() == BODY
    first, second = server.requests
    start = int(re.fullmatch(r"bytes=(\d+)-", second.range).group(1))
    assert (first.status, first.sent, second.status, second.sent) == (200, 200_000, 206, len(BODY) - start)
    assert 200_000 - PIECE < start <= 200_000


def test_a_truncated_file_is_no_success_and_its_part_stays(server, part):
    url = server.serve(NAME, BODY, short=300_000)
    reason = transfer(url, part)
    size = part.stat().st_size
    assert reason == f"breaks off after {size:,} of 400,000 bytes"
    assert origin_of(part)["url"] == url
    assert BODY.startswith(part.read_bytes())
    server.serve(NAME, BODY)
    assert transfer(url, part) is None
    assert part.read_bytes() == BODY
    assert server.requests[-1].range == f"bytes={size}-"


def test_attempts_count_in_a_row_and_waits_double(server, part, waits):
    url = server.serve(NAME, BODY, statuses=[503, 500, 429], drop_at=100_000)
    assert transfer(url, part) is None
    assert part.read_bytes() == BODY
    assert waits == [1, 2, 4, 1]  # what the broken answer brought starts the count anew
    discard(part)
    waits.clear()
    server.serve(NAME, BODY, statuses=[503] * 4)
    assert transfer(url, part) == "answers 503 Service Unavailable"
    assert waits == [1, 2, 4]
    assert left(part) == []


def test_a_server_that_ignores_ranges_is_begun_anew(server, part):
    assert transfer(server.serve(NAME, BODY, drop_at=200_000, ranges=False), part) is None
    assert part.read_bytes() == BODY
    assert [(request.status, request.sent) for request in server.requests] == [(200, 200_000), (200, 400_000)]
    assert server.requests[1].range is not None


def test_a_server_that_ignores_ranges_and_always_breaks_off_is_given_up(server, part):
    url = server.serve(NAME, BODY, short=200_000, ranges=False)
    assert transfer(url, part).startswith("breaks off after ")
    assert len(server.requests) == 4


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_what_will_not_change_is_asked_once(server, part, status):
    begin(part, BODY[:1000], "http://elsewhere")
    assert transfer(server.serve(NAME, BODY, statuses=[status]), part).startswith(f"answers {status} ")
    assert len(server.requests) == 1
    assert part.read_bytes() == BODY[:1000]


def test_a_page_instead_of_the_file_touches_no_part(server, part):
    url = server.serve(NAME, BODY, page=True)
    begin(part, BODY[:1000], url)
    assert transfer(url, part) == "is a web page, not an archive: the link has expired or needs a sign-in"
    assert len(server.requests) == 1
    assert part.read_bytes() == BODY[:1000]


def test_a_part_from_another_address_is_not_continued(server, part):
    begin(part, BODY[:1000], "http://elsewhere")
    assert transfer(server.serve(NAME, BODY), part) is None
    assert part.read_bytes() == BODY
    assert server.requests[0].range is None


def test_a_part_of_another_version_is_begun_anew(server, part):
    other = os.urandom(len(BODY))
    url = server.serve(NAME, BODY, short=300_000)
    transfer(url, part)
    server.serve(NAME, other)
    assert transfer(url, part) is None
    assert part.read_bytes() == other


@pytest.mark.parametrize(("size", "start"), [(399_999, 1000), (None, 500_000)])
def test_a_part_that_does_not_fit_the_file_is_begun_anew(server, part, size, start):
    """The whole has another size (206), or what is asked for lies behind its end (416)."""
    url = server.serve(NAME, BODY)
    begin(part, bytes(start), url, size=size)
    assert transfer(url, part) is None
    assert part.read_bytes() == BODY
    assert [request.status for request in server.requests] == [206 if size else 416, 200]


@pytest.mark.parametrize("note", ["", '{"url": '])
def test_a_part_without_a_sound_note_counts_as_none(server, part, note):
    part.write_bytes(b"x" * 1000)
    part.with_name(f"{part.name}.json").write_text(note)
    assert origin_of(part) == {}
    assert transfer(server.serve(NAME, BODY), part) is None
    assert part.read_bytes() == BODY


def test_a_part_that_came_whole_is_not_asked_for_again(server, part):
    url = server.serve(NAME, BODY)
    begin(part, BODY, url)
    assert transfer(url, part) is None
    assert server.requests == []


def test_nobody_there_and_no_answer_are_reasons(part, monkeypatch):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert transfer(address, part) == "cannot be reached (ConnectionError)"
        silent.listen()
        monkeypatch.setattr("mmsnet_lite.data.transfer._TIMEOUT", 0.05)
        assert transfer(address, part) == "cannot be reached (ReadTimeout)"
    assert left(part) == []


def test_a_host_that_cannot_be_reached_is_not_waited_for(part, monkeypatch):
    tries = []
    for failure in (requests.ConnectionError, requests.ConnectTimeout, requests.ReadTimeout):

        def get(*_, failure=failure, **__):
            tries.append(failure.__name__)
            raise failure

        monkeypatch.setattr("mmsnet_lite.data.transfer.requests.get", get)
        assert transfer("http://nowhere/x", part)
    assert [tries.count(name) for name in ("ConnectionError", "ConnectTimeout", "ReadTimeout")] == [2, 2, 2]


def test_the_bar_shows_what_was_there_before(server, part, monkeypatch):
    bars = []

    class Bar(tqdm):
        def __init__(self, **options):
            bars.append(options)
            super().__init__(**options)

    monkeypatch.setattr("mmsnet_lite.data.transfer.tqdm", Bar)
    transfer(server.serve(NAME, BODY, short=300_000), part)
    transfer(server.serve(NAME, BODY), part, progress=True)
    assert (bars[0]["disable"], bars[-1]["disable"]) == (True, False)
    assert bars[-1]["desc"] == NAME
    assert bars[-1]["total"] == 400_000
    assert 300_000 - PIECE < bars[-1]["initial"] <= 300_000
