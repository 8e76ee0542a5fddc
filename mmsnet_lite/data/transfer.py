"""One file from one address, in as many requests as it takes.

NAME.part        what has come so far
NAME.part.json   from where, the whole's size and the server's mark of its version, so that a later run can go on
"""

import json
import re
import time
from pathlib import Path
from typing import Any

import requests
from tqdm.auto import tqdm

_ATTEMPTS, _WAIT = 4, 1.0  # in a row without a new byte; seconds before the second, doubled before each further one
_TIMEOUT = (15, 60)  # seconds: to connect, and between two pieces
_PIECE = 1 << 16  # bytes; at most this much is lost when a connection breaks
_BUSY = (408, 425, 429)  # besides 500 and above: worth another attempt


class _Interrupted(requests.RequestException):
    """This attempt has failed, another may not; the message is the end of a sentence."""


def transfer(url: str, part: Path, *, progress: bool = False) -> str | None:
    """Download to the file `part`, going on where it ends if it is from the same address and version.

    Convention: an attempt that brings new bytes starts the count of attempts anew, as its first; a host that has given
        no byte and cannot be reached is tried twice.
    Convention: a part from elsewhere is kept until this address answers with a file.

    Returns:
        None when the file has come whole, else the reason why not, as the end of a sentence.

    Raises:
        OSError: the file cannot be written.
    """
    begun = furthest = _size(part)
    failures = 0
    while True:
        try:
            return _request(url, part, progress)
        except requests.RequestException as error:
            answers = isinstance(error, _Interrupted)
            reason = str(error) if answers else f"cannot be reached ({type(error).__name__})"
        failures += 1
        if _size(part) > furthest:
            furthest, failures = _size(part), 1
        if failures >= (_ATTEMPTS if answers or furthest > begun else 2):
            return reason
        time.sleep(_WAIT * 2 ** (failures - 1))


def origin_of(part: Path) -> dict[str, Any]:
    """Return the url, size and version of the file that a part is the beginning of; nothing where that is not noted."""
    try:
        return json.loads(_note(part).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # a note that was cut off counts as none
        return {}


def discard(part: Path) -> None:
    """Remove a part and what is noted of it."""
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _request(url: str, part: Path, progress: bool) -> str | None:
    """Ask once for what is missing; None when all has come, else why the address refuses."""
    origin, start, headers = origin_of(part), 0, {"Accept-Encoding": "identity"}
    if origin.get("url") == url and (start := _size(part)):
        if start == origin["size"]:
            return None  # it came whole before, and the run ended there
        headers["Range"] = f"bytes={start}-"
        if origin["version"]:
            headers["If-Range"] = origin["version"]
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
        status, said = answer.status_code, f"answers {answer.status_code} {answer.reason}"
        if status >= 500 or status in _BUSY:
            raise _Interrupted(said)
        if status == 416 or (status == 206 and not _continues(origin, start, answer)):
            discard(part)
            raise _Interrupted("has another file than before")
        if status not in (200, 206):
            return said
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            return "is a web page, not an archive: the link has expired or needs a sign-in"
        if status == 200:
            start, origin = 0, _begin(url, part, answer)
        bar = tqdm(total=origin["size"], initial=start, desc=part.stem, unit="B", unit_scale=True, disable=not progress)
        broken = False
        try:
            with part.open("ab") as file, bar:
                for piece in answer.iter_content(_PIECE):
                    file.write(piece)
                    bar.update(len(piece))
        except requests.RequestException:
            broken = True
    if broken or origin["size"] not in (None, _size(part)):
        raise _Interrupted(f"breaks off after {_size(part):,} of {origin['size'] or 0:,} bytes")
    return None


def _continues(origin: dict[str, Any], start: int, answer: requests.Response) -> bool:
    """Whether a partial answer is the rest of what we have."""
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
    return bool(start and span and int(span[1]) == start and span[2] in ("*", str(origin["size"])))


def _begin(url: str, part: Path, answer: requests.Response) -> dict[str, Any]:
    """Start a part anew. Without its note, a part counts as none: killed in between, nothing is mixed up."""
    discard(part)
    size, tag = answer.headers.get("Content-Length"), answer.headers.get("ETag", "W/")
    version = answer.headers.get("Last-Modified") if tag.startswith("W/") else tag
    origin = {"url": url, "size": int(size) if size else None, "version": version}
    _note(part).write_text(json.dumps(origin), encoding="utf-8")
    return origin


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
