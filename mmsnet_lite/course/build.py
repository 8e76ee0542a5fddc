"""Execute the lessons and store their outputs: python -m mmsnet_lite.course.build [NOTEBOOK ...]."""

import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def build(path: Path) -> float:
    """Run a notebook from top to bottom as the tests do (MMSNET_STATIC=1) and store it; returns the seconds.

    The file is replaced only when every cell has run.
    """
    notebook = nbformat.read(path, as_version=4)
    start = time.perf_counter()
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(path.parent)}}).execute()
    seconds = time.perf_counter() - start
    notebook.metadata.pop("widgets", None)  # GitHub refuses to show notebooks that carry widget state
    notebook.metadata.language_info.pop("version", None)  # any Python from 3.10 up gives the same lesson
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of this run
    temporary = path.with_suffix(".tmp")
    nbformat.write(notebook, temporary)
    os.replace(temporary, path)
    return seconds


def main() -> None:
    """Build the notebooks named on the command line, else all of them."""
    os.environ["MMSNET_STATIC"] = "1"
    for path in [Path(name) for name in sys.argv[1:]] or sorted(NOTEBOOKS.rglob("*.ipynb")):
        print(f"{path.name}: {build(path):.0f} s")


if __name__ == "__main__":
    main()
