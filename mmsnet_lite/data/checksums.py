"""Checksums of archives: published ones are compared, others recorded when first seen and compared from then on.

downloads/checksums.json: {FILE: {"sha256": ..., "size": bytes, "mtime_ns": ..., "md5": ... where one is known}}
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from mmsnet_lite.errors import InputError

RECORDS = "checksums.json"


def read_records(downloads: Path) -> dict[str, dict[str, Any]]:
    """Return what is recorded of the archives in a folder.

    Raises:
        InputError: checksums.json cannot be read or is not what `record` writes.
    """
    file = downloads / RECORDS
    try:
        records = json.loads(file.read_text(encoding="utf-8"))
        for entry in records.values():
            entry["sha256"], entry["size"], entry["mtime_ns"]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise InputError(
            f"{file} does not hold the checksums it should ({type(error).__name__}); delete it, and the archives are "
            "checked and recorded anew"
        ) from error
    return records


def record(downloads: Path, name: str, sums: dict[str, str]) -> None:
    """Note checksums of a file, with its size and time of change."""
    status = (downloads / name).stat()
    records = read_records(downloads)
    records[name] = {**sums, "size": status.st_size, "mtime_ns": status.st_mtime_ns}
    temporary = downloads / f"{RECORDS}.tmp"
    temporary.write_text(json.dumps(records, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(temporary, downloads / RECORDS)


def is_recorded(downloads: Path, name: str, known: dict[str, str]) -> bool:
    """Whether a file is unchanged since it was recorded, with all `known` checksums; read from its size and time."""
    entry = read_records(downloads).get(name)
    if entry is None or any(entry.get(kind) != value for kind, value in known.items()):
        return False
    status = (downloads / name).stat()
    return (entry["size"], entry["mtime_ns"]) == (status.st_size, status.st_mtime_ns)


def checksums(path: Path, kinds: set[str]) -> dict[str, str]:
    """Return the hexadecimal checksums of a file, by kind (sha256, md5)."""
    digests = {kind: hashlib.new(kind, usedforsecurity=False) for kind in sorted(kinds)}
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            for digest in digests.values():
                digest.update(chunk)
    return {kind: digest.hexdigest() for kind, digest in digests.items()}
