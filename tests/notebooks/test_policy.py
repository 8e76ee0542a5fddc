"""What every stored lesson must be: whole, executed in order, readable, ignored by nbval only where the ledger says so.

Each rule is a function of a notebook, so that each is also fed a violation.
"""

import copy
import json
import re
from datetime import date
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
LESSONS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
LEDGER = json.loads((Path(__file__).parent / "ledger.json").read_text())
FIELDS = ("**Claim.**", "**You will be able to**", "**Before you start:**", "**Time:**", "**Opens:**", "<!-- colab -->")
IGNORE = "nbval-ignore-output"


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def header_problems(notebook):
    first = notebook.cells[0]
    return [f"header lacks {field}" for field in FIELDS if field not in first.source]


def order_problems(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    return [] if counts == list(range(1, len(counts) + 1)) else [f"cells ran as {counts}, not from top to bottom"]


def output_problems(notebook):
    found = []
    if not any(cell.outputs for cell in code_cells(notebook)):
        found.append("no outputs are stored")
    for cell in code_cells(notebook):
        for output in cell.outputs:
            text = json.dumps(output)
            if output.output_type == "error" or (output.output_type == "stream" and output.name == "stderr"):
                found.append(f"{output.output_type} output under {cell.source[:40]!r}")
            if re.search(r"/(root|home|work|tmp|Users)/", text):
                found.append(f"a path of one machine under {cell.source[:40]!r}")
            if "image/png" in output.get("data", {}) and len(output.metadata.get("image/png", {}).get("alt", "")) < 30:
                found.append(f"figure without alt text under {cell.source[:40]!r}")
    return found


def metadata_problems(notebook):
    return ["metadata.widgets is stored"] if "widgets" in notebook.metadata else []


def ledger_problems(notebook, name, ledger):
    ignored = {cell.source.splitlines()[-1] for cell in code_cells(notebook) if IGNORE in cell.metadata.get("tags", [])}
    listed = {row["cell"] for row in ledger if row["notebook"] == name}
    other = {tag for cell in code_cells(notebook) for tag in cell.metadata.get("tags", [])} - {IGNORE}
    found = [f"{IGNORE} on {cell!r} is not in the ledger" for cell in ignored - listed]
    found += [f"the ledger lists {cell!r}, which the lesson has not" for cell in listed - ignored]
    found += [f"tag {tag!r} is not allowed" for tag in other]
    if len(ignored) > max(2, 0.1 * len(code_cells(notebook))):
        found.append(f"{len(ignored)} of {len(code_cells(notebook))} cells are ignored")
    return found


def all_problems(notebook, name, ledger=LEDGER):
    rules = (header_problems, order_problems, output_problems, metadata_problems)
    return [problem for rule in rules for problem in rule(notebook)] + ledger_problems(notebook, name, ledger)


@pytest.fixture
def lesson():
    return nbformat.read(ROOT / "notebooks/00_start_here.ipynb", as_version=4)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.name)
def test_stored_lesson_keeps_the_policy(path):
    assert all_problems(nbformat.read(path, as_version=4), path.name) == []
    assert path.stat().st_size <= 1_000_000


def test_bootstrap_cell_is_the_same_everywhere():
    assert len({code_cells(nbformat.read(path, as_version=4))[0].source for path in LESSONS}) == 1


def test_ledger_gives_reasons_and_a_review_that_is_not_overdue():
    for row in LEDGER:
        assert len(row["reason"]) > 20
        assert date.fromisoformat(row["review"]) >= date.today(), f"review {row['cell']} and set a new date"


def break_header(notebook):
    notebook.cells[0].source = notebook.cells[0].source.replace("**Claim.**", "")


def break_order(notebook):
    code_cells(notebook)[1].execution_count = 9


def strip_outputs(notebook):
    for cell in code_cells(notebook):
        cell.outputs = []


def add_error(notebook):
    error = nbformat.v4.new_output("error", ename="ValueError", evalue="x", traceback=[])
    code_cells(notebook)[2].outputs.append(error)


def add_path(notebook):
    code_cells(notebook)[2].outputs.append(nbformat.v4.new_output("stream", text="saved in /home/me/x"))


def drop_alt(notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            output.get("metadata", {}).pop("image/png", None)


def add_widgets(notebook):
    notebook.metadata["widgets"] = {}


def ignore_a_cell(notebook):
    code_cells(notebook)[4].metadata["tags"] = [IGNORE]


def skip_a_cell(notebook):
    code_cells(notebook)[4].metadata["tags"] = ["nbval-skip"]


@pytest.mark.parametrize(
    "violation",
    [
        break_header,
        break_order,
        strip_outputs,
        add_error,
        add_path,
        drop_alt,
        add_widgets,
        ignore_a_cell,
        skip_a_cell,
    ],
)
def test_each_rule_catches_its_violation(lesson, violation):
    broken = copy.deepcopy(lesson)
    violation(broken)
    assert all_problems(broken, "00_start_here.ipynb") != []
