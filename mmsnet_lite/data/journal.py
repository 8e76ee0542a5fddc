"""What of a dataset is written already, so that an interrupted preparation goes on where it stopped.

    NAME.partial/files.jsonl     {"made_from": ...} in the first line, then a line for each finished stem

The finished dataset keeps the file, sorted: which archive member each stem came from, and the SHA-256 of its files.
"""

import hashlib
import json
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mmsnet_lite.errors import InputError

JOURNAL = "files.jsonl"
_TEMPORARY = "tmp"


class Journal:
    """Writes files into a folder, each stem's all or not at all, and remembers which stems are done.

    Convention: a stem is done when its line is there and all files that the line names are there as they were written.
    Convention: a folder that was begun from something else is deleted and begun anew.

    Args:
        folder: NAME.partial; made when missing.
        made_from: all that the files depend on, as JSON types.
        kinds: names of the folders that the files go to.
    """

    def __init__(self, folder: Path, made_from: dict[str, Any], kinds: tuple[str, ...]) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._header = json.loads(json.dumps({"made_from": made_from}))
        self.records = {record["stem"]: record for record in self._read()}
        if not self.records:
            shutil.rmtree(folder, ignore_errors=True)
        for kind in (*kinds, _TEMPORARY):
            (folder / kind).mkdir(parents=True, exist_ok=True)
        self._rewrite()

    def add(self, record: dict[str, Any], files: dict[str, bytes]) -> None:
        """Write the files of a stem, then its line; threads may do so at the same time.

        Args:
            record: what to remember of the stem, as JSON types, with its name as `stem`.
            files: contents, by folder; each becomes `FOLDER/STEM.png`.
        """
        names = {}
        for kind, data in files.items():
            name = f"{kind}/{record['stem']}.png"
            temporary = self.folder / _TEMPORARY / f"{kind}-{record['stem']}"
            temporary.write_bytes(data)
            os.replace(temporary, self.folder / name)
            names[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        record = {**record, "files": names}
        with self._lock:
            self.records[record["stem"]] = record
            with (self.folder / JOURNAL).open("a", encoding="utf-8") as file:
                file.write(_line(record))

    def finish(self) -> str:
        """Sort the lines, remove what is temporary, and return a SHA-256 of all files' names and contents."""
        self._rewrite()
        shutil.rmtree(self.folder / _TEMPORARY)
        files = {name: file["sha256"] for record in self.records.values() for name, file in record["files"].items()}
        return hashlib.sha256("".join(f"{files[name]}  {name}\n" for name in sorted(files)).encode()).hexdigest()

    def _read(self) -> list[dict[str, Any]]:
        """The lines of stems that are done; none where the folder was begun from something else."""
        try:
            lines = (self.folder / JOURNAL).read_text(encoding="utf-8").split("\n")[:-1]  # the last may be cut off
            if json.loads(lines[0]) != self._header:
                return []
            records = [json.loads(line) for line in lines[1:]]
        except (OSError, ValueError, IndexError):  # nothing there, or not ours
            return []
        return [record for record in records if not _changed(self.folder, record)]

    def _rewrite(self) -> None:
        temporary = self.folder / _TEMPORARY / JOURNAL
        lines = [_line(self.records[stem]) for stem in sorted(self.records)]
        temporary.write_text("".join([_line(self._header), *lines]), encoding="utf-8")
        os.replace(temporary, self.folder / JOURNAL)


def changed_files(folder: Path) -> list[str]:
    """Return the files of a finished folder that are missing or not as they were written; none without a journal.

    Raises:
        InputError: files.jsonl cannot be read.
    """
    journal = folder / JOURNAL
    if not journal.is_file():
        return []
    try:
        records = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()[1:]]
        with ThreadPoolExecutor() as pool:
            return [name for names in pool.map(lambda record: _changed(folder, record), records) for name in names]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{journal} cannot be read ({type(error).__name__}); prepare the dataset again") from error


def _changed(folder: Path, record: dict[str, Any]) -> list[str]:
    """The files of a stem that are missing, or of other content than noted."""

    def digest(name: str) -> str | None:
        try:
            return hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except FileNotFoundError:
            return None

    return [name for name, file in record["files"].items() if digest(name) != file["sha256"]]


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, sort_keys=True) + "\n"
