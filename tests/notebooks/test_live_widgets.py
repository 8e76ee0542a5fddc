"""Every explorer with live controls, in a real kernel under nbval: all positions draw, and a failing one is caught.

Of each lesson only the bootstrap cell and the explorer cells run, which proves as well that an explorer needs nothing
else. All lessons go through one pytest, because most of the time is its start and that of the kernels.
"""

import inspect
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import nbformat
import pytest
from lessons import LESSONS, named, read
from sweeps import sweep

SWEEP = f"""{inspect.getsource(sweep)}

explorer = Out[max(Out)]
assert sweep(explorer) > 0
assert explorer.picture.value.startswith("<img alt=")"""
PLANT = """def fails(**values):
    raise ArithmeticError("planted in {name}")


explorer.draw = fails
sweep(explorer)"""


def live_notebook(lesson):
    """The bootstrap cell, and for each explorer: the explorer, a sweep, and a sweep with a draw that raises."""
    cells = [nbformat.v4.new_code_cell(lesson.cells[1].source)]
    for cell in named(lesson, "explorer"):
        sources = (cell.source, SWEEP, PLANT.format(name=cell.id))
        cells += [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(cells=cells, metadata=lesson.metadata)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """By lesson, for each cell in order: the message of its failure, or None."""
    folder = tmp_path_factory.mktemp("live")
    for path in LESSONS:
        nbformat.write(live_notebook(read(path)), folder / path.name)
    environment = {name: value for name, value in os.environ.items() if name not in ("MMSNET_STATIC", "MMSNET_DATA")}
    environment["OMP_NUM_THREADS"] = "1"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval-lax",
        "-q",
        "-p",
        "no:cacheprovider",
        "--junitxml=live.xml",
        ".",
    ]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert (folder / "live.xml").exists(), done.stdout + done.stderr
    found = {path.name: [] for path in LESSONS}
    for case in ElementTree.parse(folder / "live.xml").getroot().iter("testcase"):
        name = next(name for name in found if name.removesuffix(".ipynb") in case.get("classname"))
        problems = [*case.findall("failure"), *case.findall("error")]
        text = "".join(problem.get("message", "") + (problem.text or "") for problem in problems)
        found[name].append(re.sub(r"(\x1b|#x1B)\[[\d;]*m", "", text) or None)  # without colours
    return found


@pytest.mark.parametrize("name", [path.name for path in LESSONS])
def test_every_position_of_every_explorer_draws(outcomes, name):
    explorers = named(read(LESSONS[0].parent / name), "explorer")
    assert len(outcomes[name]) == 1 + 3 * len(explorers)
    sound = [outcome for i, outcome in enumerate(outcomes[name]) if i == 0 or i % 3]
    assert sound == [None] * (1 + 2 * len(explorers))


@pytest.mark.parametrize("name", [path.name for path in LESSONS])
def test_an_exception_in_a_callback_is_caught(outcomes, name):
    for i, cell in enumerate(named(read(LESSONS[0].parent / name), "explorer"), 1):
        message = outcomes[name][3 * i]
        assert message is not None
        assert f"ArithmeticError: planted in {cell.id}" in message
