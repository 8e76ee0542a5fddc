"""Execute the lessons and store their outputs: python -m mmsnet_lite.course.build [NOTEBOOK ...]."""

import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from mmsnet_lite.course.publish import ROOT, repository, stamp, with_time, write_notebook, write_readme

NOTEBOOKS = ROOT / "notebooks"
SOLUTIONS = "solutions"  # the folder beside the lessons


def refreshed(solution: Path) -> nbformat.NotebookNode:
    """A solution as its lesson now stands: every cell is the lesson's, but for the exercises already solved.

    A cell whose id starts with "exercise-" keeps the solution's source; one that the solution has not yet is the
    lesson's stub. A solution that does not exist is the lesson itself.

    Raises:
        FileNotFoundError: the lesson of that name is missing.
    """
    notebook = nbformat.read(solution.parent.parent / solution.name, as_version=4)
    if solution.exists():
        kept = {cell.id: cell.source for cell in nbformat.read(solution, as_version=4).cells}
        for cell in notebook.cells:
            if cell.id.startswith("exercise-"):
                cell.source = kept.get(cell.id, cell.source)
    return notebook


def build(path: Path) -> float:
    """Run a notebook from top to bottom as the tests do (MMSNET_STATIC=1) and store it; returns the seconds.

    A notebook in a folder "solutions" is refreshed from its lesson first; a lesson's header gets the time that it took,
    the processor's where that is less. The file is replaced only when every cell has run.
    """
    path = path.resolve()
    solves = path.parent.name == SOLUTIONS
    notebook = refreshed(path) if solves else nbformat.read(path, as_version=4)
    stamp(notebook, f"{SOLUTIONS}/{path.name}" if solves else path.name, repository(ROOT))
    start, before = time.perf_counter(), sum(os.times()[2:4])
    NotebookClient(
        notebook, timeout=600, coalesce_streams=True, resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    wall, processor = time.perf_counter() - start, sum(os.times()[2:4]) - before
    seconds = min(wall, processor or wall)  # other programs stretch the first; Windows does not know the second
    notebook.metadata.pop("widgets", None)  # GitHub refuses to show notebooks that carry widget state
    notebook.metadata.language_info.pop("version", None)  # any Python from 3.10 up gives the same lesson
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of this run
    if not solves:
        notebook.cells[0].source = with_time(notebook.cells[0].source, seconds)
    write_notebook(path, notebook)
    return seconds


def all_notebooks(folder: Path) -> list[Path]:
    """Every lesson of a folder, then the solution of each, whether it exists yet or not."""
    lessons = sorted(folder.glob("*.ipynb"))
    return lessons + [folder / SOLUTIONS / lesson.name for lesson in lessons]


def main() -> None:
    """Build the notebooks named on the command line, else all lessons and then all solutions; then README's table."""
    os.environ |= {"MMSNET_STATIC": "1", "OMP_NUM_THREADS": "1"}  # as `make test` sets them
    os.environ.pop("MMSNET_DATA", None)  # stored outputs are those of a reader without data of their own
    for path in [Path(name) for name in sys.argv[1:]] or all_notebooks(NOTEBOOKS):
        path.parent.mkdir(exist_ok=True)
        print(f"{path.parent.name}/{path.name}: {build(path):.0f} s", flush=True)
    write_readme(NOTEBOOKS.parent)


if __name__ == "__main__":
    main()
