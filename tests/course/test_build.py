"""Executing and storing notebooks, and solutions that follow their lessons."""

import math
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from mmsnet_lite.course import build as building
from mmsnet_lite.course.build import all_notebooks, build, refreshed


def write(path, *sources, **named):
    """A notebook of code cells; those given by name get it as their id, with - for _."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells += [nbformat.v4.new_code_cell(source, id=name.replace("_", "-")) for name, source in named.items()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["widgets"] = {"state": {}}
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)
    return path


def sources(notebook):
    return {cell.id: cell.source for cell in notebook.cells}


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


def test_a_solution_takes_every_cell_from_its_lesson_but_the_solved_exercises(tmp_path):
    write(tmp_path / "n.ipynb", code_02="x = 6", exercise_1="answer = None", code_03="y = 7", exercise_2="b = None")
    old = write(
        tmp_path / "solutions/n.ipynb", code_02="x = 5", exercise_1="answer = 42", code_09="gone", exercise_9="1"
    )
    assert sources(refreshed(old)) == {
        "code-02": "x = 6",
        "exercise-1": "answer = 42",
        "code-03": "y = 7",
        "exercise-2": "b = None",  # a new stub arrives as it is
    }
    assert sources(nbformat.read(old, as_version=4))["code-02"] == "x = 5"  # nothing is written before it has run


def test_building_a_solution_runs_the_refreshed_cells_and_leaves_the_lesson_alone(tmp_path):
    lesson = write(tmp_path / "n.ipynb", code_02="x = 6", exercise_1="a = None\nprint(a)")
    solution = write(tmp_path / "solutions/n.ipynb", code_02="x = 5", exercise_1="a = 7 * x\nprint(a)")
    before = lesson.read_bytes()
    build(solution)
    stored = nbformat.read(solution, as_version=4)
    assert stored.cells[1].outputs[0].text == "42\n"
    assert sources(stored)["code-02"] == "x = 6"
    assert lesson.read_bytes() == before


def test_a_missing_solution_starts_as_the_lesson_and_a_missing_lesson_is_named(tmp_path):
    lesson = write(tmp_path / "n.ipynb", exercise_1="a = None")
    assert sources(refreshed(tmp_path / "solutions/n.ipynb")) == sources(nbformat.read(lesson, as_version=4))
    with pytest.raises(FileNotFoundError, match="other.ipynb"):
        refreshed(tmp_path / "solutions/other.ipynb")


def test_lessons_are_built_before_their_solutions(tmp_path):
    for name in ("02_b.ipynb", "01_a.ipynb"):
        write(tmp_path / name, "1")
    names = [path.relative_to(tmp_path).as_posix() for path in all_notebooks(tmp_path)]
    assert names == ["01_a.ipynb", "02_b.ipynb", "solutions/01_a.ipynb", "solutions/02_b.ipynb"]


def test_main_builds_everything_in_the_environment_of_the_tests(tmp_path, monkeypatch, capsys):
    seen = "import os\nprint(*map(os.environ.get, ('MMSNET_STATIC', 'OMP_NUM_THREADS', 'MMSNET_DATA')))"
    lesson = write(tmp_path / "notebooks/n.ipynb", seen)
    (tmp_path / "README.md").write_text("<!-- lessons -->\nold\n<!-- end of lessons -->\n")
    (tmp_path / "pyproject.toml").write_text('repository = ""\n')
    monkeypatch.setattr(building, "ROOT", tmp_path)
    monkeypatch.setattr(building, "NOTEBOOKS", lesson.parent)
    monkeypatch.setattr(sys, "argv", ["build"])
    monkeypatch.setenv("MMSNET_STATIC", "0")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("MMSNET_DATA", "somewhere")
    building.main()
    for path in (lesson, lesson.parent / "solutions/n.ipynb"):
        assert nbformat.read(path, as_version=4).cells[0].outputs[0].text == "1 1 None\n"
    assert capsys.readouterr().out.splitlines()[1].startswith("solutions/n.ipynb: ")
    assert "| lesson | what it proves |" in (tmp_path / "README.md").read_text()


def test_a_lesson_is_stamped_and_gets_its_time_and_its_solution_takes_the_same(tmp_path, monkeypatch):
    header = "# 01 · One\n\n*{} s to run on 2 CPU cores*\n\n<!-- colab -->"
    lesson = write(tmp_path / "n.ipynb", "x = 1", exercise_1="a = None")
    notebook = nbformat.read(lesson, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(header.format(95)))
    nbformat.write(notebook, lesson)
    monkeypatch.setattr(building, "repository", lambda _: "ada/notes")
    seconds = build(lesson)
    (tmp_path / "solutions").mkdir()
    build(tmp_path / "solutions/n.ipynb")
    expected = header.format(f"about {5 * math.ceil(seconds / 5)}")
    for name in ("n.ipynb", "solutions/n.ipynb"):
        head, badge = nbformat.read(tmp_path / name, as_version=4).cells[0].source.split("<!-- colab -->")
        assert head + "<!-- colab -->" == expected
        assert f"/ada/notes/blob/main/notebooks/{name}" in badge


def test_the_time_of_a_lesson_is_not_stretched_by_what_else_the_machine_does(tmp_path):
    waits = build(write(tmp_path / "n.ipynb", "import time; time.sleep(6)"))
    works = build(write(tmp_path / "m.ipynb", "import time\nwhile time.process_time() < 3:\n    pass"))
    assert waits < 5
    assert works > 2.9


def test_make_test_compares_notebooks_strictly_in_that_environment():
    makefile = (Path(building.__file__).parents[2] / "Makefile").read_text()
    (line,) = [line for line in makefile.replace("\\\n", " ").splitlines() if "--nbval" in line]
    assert line.split()[:4] == ["unset", "MMSNET_DATA;", "MMSNET_STATIC=1", "OMP_NUM_THREADS=1"]
    assert "--nbval notebooks " in line  # lessons and solutions; --nbval-lax would compare nothing
