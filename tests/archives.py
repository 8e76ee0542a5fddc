"""A web server on 127.0.0.1 that hands out archives, well or badly, and notes what it was asked.

    with ArchiveServer() as server:
        url = server.serve("BUSI.zip", body)                  # whole, in ranges when asked, with an ETag
        url = server.serve("BUSI.zip", body, drop_at=1000)    # the first answer breaks off after 1000 bytes
        url = server.serve("BUSI.zip", body, short=1000)      # promises all, never sends a byte after the first 1000
        url = server.serve("BUSI.zip", body, statuses=[503])  # answers 503 once, then well; [404] * 9 for always
        url = server.serve("BUSI.zip", body, page=True)       # 200, text/html and PAGE instead of the body
        url = server.serve("BUSI.zip", body, ranges=False)    # ignores Range
        server.requests                                       # [Request(name, range, status, sent)], oldest first

Faults combine; serving a name again replaces it. Unknown names get 404. A name may hold blanks and any letters.
"""

import hashlib
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote

import pytest

PAGE = b"\n<!DOCTYPE html><html><head><title>Sign in</title></head><body>Quota exceeded</body></html>\n"


@dataclass
class Request:
    """What was asked for, what was answered, and how many bytes of the body were sent."""

    name: str
    range: str | None
    status: int
    sent: int = 0


@dataclass
class Served:
    """A body, and what goes wrong on its way."""

    body: bytes
    drop_at: int | None = None
    short: int | None = None
    statuses: list[int] = field(default_factory=list)
    page: bool = False
    ranges: bool = True


class ArchiveServer:
    """Serves what `serve` was given, from `with` until its end."""

    def __init__(self):
        self.requests: list[Request] = []
        self.served: dict[str, Served] = {}

    def __enter__(self):
        self._patched = pytest.MonkeyPatch()
        self._patched.setenv("NO_PROXY", "127.0.0.1")
        self._http = _Quiet(("127.0.0.1", 0), type("Handler", (_Handler,), {"archives": self}))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        self._patched.undo()

    def serve(
        self,
        name: str,
        body: bytes = b"",
        *,
        drop_at: int | None = None,
        short: int | None = None,
        statuses: Iterable[int] = (),
        page: bool = False,
        ranges: bool = True,
    ) -> str:
        """Hand out `body` under `name` from now on; returns the address."""
        self.served[name] = Served(body, drop_at, short, list(statuses), page, ranges)
        return f"http://127.0.0.1:{self._http.server_port}/{quote(name)}"


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that hangs up is part of some tests."""


class _Handler(BaseHTTPRequestHandler):
    archives: ArchiveServer

    def do_GET(self):
        name = unquote(self.path.partition("?")[0]).lstrip("/")
        served = self.archives.served.get(name, Served(b"", statuses=[404]))
        asked = self.headers.get("Range")
        if served.statuses:
            self._answer(Request(name, asked, served.statuses.pop(0)), b"no", {})
        elif served.page:
            self._answer(Request(name, asked, 200), PAGE, {"Content-Type": "text/html; charset=utf-8"})
        else:
            self._answer_body(Request(name, asked, 200), served)

    def _answer_body(self, request, served):
        body, tag = served.body, f'"{hashlib.md5(served.body).hexdigest()}"'
        headers = {"Content-Type": "application/octet-stream", "ETag": tag}
        start = 0
        if request.range and served.ranges and self.headers.get("If-Range", tag) == tag:
            start = int(re.fullmatch(r"bytes=(\d+)-", request.range).group(1))
            request.status = 206 if start < len(body) else 416
            content = f"{start}-{len(body) - 1}" if start < len(body) else "*"
            headers["Content-Range"] = f"bytes {content}/{len(body)}"
        end = len(body) if served.short is None else served.short
        if served.drop_at is not None:
            end, served.drop_at = served.drop_at, None
        self._answer(request, body[start:], headers, max(0, end - start))

    def _answer(self, request, body, headers, send=None):
        """Promise all of `body` and send its first `send` bytes."""
        self.archives.requests.append(request)
        self.send_response(request.status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        request.sent = len(body[:send])  # noted first: the client may be done before this thread goes on
        self.wfile.write(body[:send])

    def log_message(self, *_):
        """Say nothing."""
