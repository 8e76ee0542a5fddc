"""One file from one address, in as many requests as it takes.

NAME.part        what has come so far
NAME.part.json   from where, the whole's size and the server's mark of its version, so that a later run can go on
"""

import json
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import requests
from tqdm.auto import tqdm

_TIMEOUT = (15, 60)  # seconds: to connect, and between two pieces
_PIECE = 1 << 16  # bytes; at most this much is lost when a connection breaks
_BUSY = (408, 425, 429)  # besides 500 and above: worth another attempt


@dataclass(frozen=True)
class _Origin:
    """What a part is the beginning of."""

    url: str
    size: int | None
    version: str | None


class _Refused(Exception):
    """The address will not give the file; the message is the end of a sentence."""


class _Interrupted(Exception):
    """This attempt has failed, another may not."""


def transfer(url: str, part: Path, *, progress: bool = False, attempts: int = 4, wait: float = 1.0) -> str | None:
    """Download to the file `part`, going on where it ends if it is from the same address and version.

    Convention: an attempt that brings new bytes starts the count of `attempts` anew, as its first.
    Convention: a part from elsewhere is kept until this address answers with a file.
    Convention: a host that has given no byte and cannot be reached is tried twice at most, one that lets the connection
        time out once.

    Args:
        url: the address.
        part: the file to write; it stays when the download breaks off.
        progress: show a bar.
        attempts: 1 or more.
        wait: seconds before the second attempt, doubled before each further one.

    Returns:
        None when the file has come whole, else the reason why not, as the end of a sentence.

    Raises:
        OSError: the file cannot be written.
    """
    furthest, failures = _size(part), 0
    begun = furthest
    while True:
        allowed = attempts
        try:
            _request(url, part, progress)
            return None
        except _Refused as error:
            return str(error)
        except _Interrupted as error:
            reason = str(error)
        except requests.ConnectTimeout:
            reason, allowed = "does not answer in time", 1 if furthest == begun else attempts
        except requests.Timeout:
            reason = "does not answer in time"
        except requests.exceptions.SSLError:
            reason = "offers no safe connection (TLS)"
        except requests.RequestException as error:
            reason = f"cannot be reached ({type(error).__name__})"
            if furthest == begun:
                allowed = min(attempts, 2)
        if _size(part) > furthest:
            furthest, failures = _size(part), 0
        failures += 1
        if failures >= allowed:
            return reason
        time.sleep(wait * 2 ** (failures - 1))


def begun_from(part: Path) -> str | None:
    """Return the address that a part came from; None where there is none."""
    origin = _origin(part)
    return origin.url if origin else None


def discard(part: Path) -> None:
    """Remove a part and what is noted of it."""
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _request(url: str, part: Path, progress: bool) -> None:
    """Ask once for what is missing."""
    origin, start, headers = _origin(part), 0, {"Accept-Encoding": "identity"}
    if origin and origin.url == url and (start := _size(part)):
        if start == origin.size:
            return  # it came whole before, and the run ended there
        headers["Range"] = f"bytes={start}-"
        if origin.version:
            headers["If-Range"] = origin.version
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
        status = answer.status_code
        if status >= 500 or status in _BUSY:
            raise _Interrupted(f"answers {status} {answer.reason}")
        if status == 416 or (status == 206 and not _continues(origin, start, answer)):
            discard(part)
            raise _Interrupted("has another file than before")
        if status not in (200, 206):
            raise _Refused(f"answers {status} {answer.reason}")
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            raise _Refused("is a web page, not an archive: the link has expired or needs a sign-in")
        if status == 200 or origin is None:
            start, origin = 0, _begin(url, part, answer)
        bar = tqdm(total=origin.size, initial=start, desc=part.stem, unit="B", unit_scale=True, disable=not progress)
        try:
            with part.open("ab") as file, bar:
                for piece in answer.iter_content(_PIECE):
                    file.write(piece)
                    bar.update(len(piece))
            broken = False
        except requests.RequestException:
            broken = True
    if broken or origin.size not in (None, _size(part)):
        whole = f" of {origin.size:,}" if origin.size else ""
        raise _Interrupted(f"breaks off after {_size(part):,}{whole} bytes")


def _continues(origin: _Origin | None, start: int, answer: requests.Response) -> bool:
    """Whether a partial answer is the rest of what we have."""
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
    return bool(origin and span and int(span[1]) == start and span[2] in ("*", str(origin.size)))


def _begin(url: str, part: Path, answer: requests.Response) -> _Origin:
    """Start a part anew. Without its note, a part counts as none: killed in between, nothing is mixed up."""
    discard(part)
    size, tag = answer.headers.get("Content-Length"), answer.headers.get("ETag", "W/")
    version = answer.headers.get("Last-Modified") if tag.startswith("W/") else tag
    origin = _Origin(url, int(size) if size else None, version)
    _note(part).write_text(json.dumps(asdict(origin)), encoding="utf-8")
    return origin


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _origin(part: Path) -> _Origin | None:
    """What is noted of a part; a note that was cut off counts as none."""
    try:
        return _Origin(**json.loads(_note(part).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
