"""What of a dataset is written already, so that an interrupted preparation goes on where it stopped.

    NAME.partial/files.jsonl     {"made_from": ...} in the first line, then a line for each finished stem

The finished dataset keeps the file, sorted: which archive member each stem came from, and the SHA-256 of its files.
"""

import hashlib
import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

JOURNAL = "files.jsonl"
_TEMPORARY = "tmp"


class Journal:
    """Writes files into a folder, each stem's all or not at all, and remembers which stems are done.

    Convention: a stem is done when its line is there and all files that the line names are there in their size.
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
        sizes: dict[str, int] = {}
        for kind in (path for path in self.folder.iterdir() if path.is_dir()):
            with os.scandir(kind) as entries:
                sizes.update((f"{kind.name}/{entry.name}", entry.stat().st_size) for entry in entries)
        return [
            record
            for record in records
            if all(sizes.get(name) == file["bytes"] for name, file in record["files"].items())
        ]

    def _rewrite(self) -> None:
        temporary = self.folder / _TEMPORARY / JOURNAL
        lines = [_line(self.records[stem]) for stem in sorted(self.records)]
        temporary.write_text("".join([_line(self._header), *lines]), encoding="utf-8")
        os.replace(temporary, self.folder / JOURNAL)


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, sort_keys=True) + "\n"
