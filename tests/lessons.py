"""Where the lessons are and how their stored cells are read, for the tests of notebooks."""

from pathlib import Path

import nbformat

FOLDER = Path(__file__).parents[1] / "notebooks"
LESSONS = sorted(FOLDER.glob("*.ipynb"))
SOLUTIONS = sorted((FOLDER / "solutions").glob("*.ipynb"))


def read(path):
    """A stored notebook."""
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    """The cells of code, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def named(notebook, kind):
    """The cells with an id KIND-1, KIND-2, ..., in order."""
    return [cell for cell in notebook.cells if cell.id.startswith(f"{kind}-")]


def printed(cell):
    """What a cell has printed, according to its stored outputs."""
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def alt_texts(cell):
    """The alternative text of each stored figure of a cell, "" where there is none."""
    pictures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
    return [output.metadata.get("image/png", {}).get("alt", "") for output in pictures]
