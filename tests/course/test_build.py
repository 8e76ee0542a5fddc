"""Executing and storing notebooks."""

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from mmsnet_lite.course.build import build


def write(path, *sources):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["widgets"] = {"state": {}}
    nbformat.write(notebook, path)
    return path


def test_build_stores_outputs_and_drops_widget_state(tmp_path):
    path = write(tmp_path / "n.ipynb", "x = 6", "print(7 * x)")
    build(path)
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells[1].outputs[0].text == "42\n"
    assert [cell.execution_count for cell in notebook.cells] == [1, 2]
    assert "widgets" not in notebook.metadata
    assert "execution" not in notebook.cells[0].metadata


def test_a_notebook_that_fails_is_left_as_it_was(tmp_path):
    path = write(tmp_path / "n.ipynb", "print(1)", "1 / 0")
    before = path.read_bytes()
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        build(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["n.ipynb"]
