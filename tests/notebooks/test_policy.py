"""What every stored notebook must be: whole, run in order, readable, ignored by nbval only where the ledger says so.

Each rule is a function of a notebook, so that each is also fed a violation. test_form.py has the rules on content.
"""

import copy
import json
import re
from datetime import date
from pathlib import Path

import nbformat
import pytest
from lessons import LESSONS, SOLUTIONS, alt_texts, code_cells, named, read

from mmsnet_lite.course.publish import run_time

LEDGER = json.loads((Path(__file__).parent / "ledger.json").read_text())
FIELDS = ("**Claim.**", "**You will be able to**", "**Before you start:**", "**Time:**", "**Opens:**", "<!-- colab -->")
IDS = re.compile(r"(md|code)-\d\d|(explorer|exercise)-\d")
IGNORE = "nbval-ignore-output"
LOCAL = re.compile(r"[/\\](root|home|work|tmp|Users|mnt)[/\\]|[A-Z]:\\\\")
LARGEST = 1_000_000  # bytes


def header_problems(notebook):
    first = notebook.cells[0].source
    found = [f"header lacks {field}" for field in FIELDS if field not in first]
    return found if run_time(first) else [*found, "header lacks '*about N s to run on 2 CPU cores*'"]


def bootstrap_problems(notebook):
    same = notebook.cells[1].source == read(LESSONS[0]).cells[1].source and code_cells(notebook)[0] is notebook.cells[1]
    return [] if same else [f"the second cell is not the bootstrap cell of {LESSONS[0].name}"]


def id_problems(notebook):
    return [
        f"cell id {cell.id!r} is none of md-NN, code-NN, explorer-N, exercise-N"
        for cell in notebook.cells
        if not IDS.fullmatch(cell.id) or cell.id.startswith("md-") != (cell.cell_type == "markdown")
    ]


def order_problems(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    return [] if counts == list(range(1, len(counts) + 1)) else [f"cells ran as {counts}, not from top to bottom"]


def output_problems(notebook):
    found = []
    if not any(cell.outputs for cell in code_cells(notebook)):
        found.append("no outputs are stored")
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error" or (output.output_type == "stream" and output.name == "stderr"):
                found.append(f"{output.output_type} output under {cell.source[:40]!r}")
    return found


def figure_problems(notebook):
    return [
        f"alt text of 30 characters and a number is missing under {cell.source[:40]!r}, it is {alt!r}"
        for cell in code_cells(notebook)
        for alt in alt_texts(cell)
        if len(alt) < 30 or not re.search(r"\d", alt)
    ]


def path_problems(notebook):
    found = []
    for cell in notebook.cells:
        outputs = copy.deepcopy(cell.get("outputs", []))
        for output in outputs:
            output.get("data", {}).pop("image/png", None)  # base64 may spell anything
        if LOCAL.search(cell.source) or LOCAL.search(json.dumps(outputs)):
            found.append(f"a path of one machine in or under {cell.source[:40]!r}")
    return found


def metadata_problems(notebook):
    return ["metadata.widgets is stored"] if "widgets" in notebook.metadata else []


def ledger_problems(notebook, name, ledger):
    tagged = [cell for cell in code_cells(notebook) if IGNORE in cell.metadata.get("tags", [])]
    ignored = {cell.source.splitlines()[-1] for cell in tagged}
    listed = {row["cell"] for row in ledger if row["notebook"] == name}
    other = {tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])} - {IGNORE}
    found = [f"{IGNORE} on {cell!r} is not in the ledger" for cell in ignored - listed]
    found += [f"the ledger lists {cell!r}, which the lesson has not" for cell in listed - ignored]
    found += [f"tag {tag!r} is not allowed" for tag in other]
    if len(tagged) > 0.1 * len(code_cells(notebook)):
        found.append(f"{len(tagged)} of {len(code_cells(notebook))} code cells are ignored, more than 10 %")
    return found


def size_problems(notebook):
    size = len(nbformat.writes(notebook).encode())
    return [] if size <= LARGEST else [f"{size} bytes are stored; {LARGEST} are allowed"]


RULES = (
    header_problems, bootstrap_problems, id_problems, order_problems, output_problems, figure_problems, path_problems,
    metadata_problems, size_problems,
)  # fmt: skip


def all_problems(notebook, name, ledger=LEDGER):
    return [problem for rule in RULES for problem in rule(notebook)] + ledger_problems(notebook, name, ledger)


@pytest.mark.parametrize("path", LESSONS + SOLUTIONS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_stored_notebook_keeps_the_policy(path):
    assert all_problems(read(path), path.name) == []


def test_ledger_gives_reasons_and_a_review_that_is_not_overdue():
    for row in LEDGER:
        assert len(row["reason"]) > 20
        assert row["notebook"] in {path.name for path in LESSONS}
        assert date.fromisoformat(row["review"]) >= date.today(), f"review {row['cell']} and set a new date"


def break_header(notebook):
    notebook.cells[0].source = notebook.cells[0].source.replace("**Claim.**", "")


def break_time(notebook):
    notebook.cells[0].source = notebook.cells[0].source.replace(" s to run", " seconds to run")


def edit_bootstrap(notebook):
    notebook.cells[1].source += "\n%matplotlib inline"


def rename_a_cell(notebook):
    notebook.cells[3].id = "a1b2c3"


def break_order(notebook):
    code_cells(notebook)[1].execution_count = 9


def strip_outputs(notebook):
    for cell in code_cells(notebook):
        cell.outputs = []


def add_error(notebook):
    error = nbformat.v4.new_output("error", ename="ValueError", evalue="x", traceback=[])
    code_cells(notebook)[2].outputs.append(error)


def add_stderr(notebook):
    code_cells(notebook)[2].outputs.append(nbformat.v4.new_output("stream", name="stderr", text="100%|####|"))


def add_path(notebook):
    code_cells(notebook)[2].outputs.append(nbformat.v4.new_output("stream", text="saved in /home/me/x"))


def add_path_to_source(notebook):
    notebook.cells[4].source += "\nroot = '/Users/me/data'"


def set_alt(text):
    def change(notebook):
        named(notebook, "explorer")[0].outputs[0].metadata["image/png"] = {"alt": text}

    return change


def add_widgets(notebook):
    notebook.metadata["widgets"] = {}


def ignore_a_cell(notebook):
    code_cells(notebook)[4].metadata["tags"] = [IGNORE]


def skip_a_cell(notebook):
    code_cells(notebook)[4].metadata["tags"] = ["nbval-skip"]


def grow(notebook):
    code_cells(notebook)[2].outputs.append(nbformat.v4.new_output("stream", text="x" * LARGEST))


@pytest.mark.parametrize(
    ("violation", "said"),
    [
        (break_header, r"header lacks \*\*Claim"),
        (break_time, r"header lacks '\*about N s"),
        (edit_bootstrap, "not the bootstrap cell"),
        (rename_a_cell, "cell id 'a1b2c3'"),
        (break_order, "not from top to bottom"),
        (strip_outputs, "no outputs"),
        (add_error, "error output"),
        (add_stderr, "stream output"),
        (add_path, "a path of one machine"),
        (add_path_to_source, "a path of one machine"),
        (set_alt("Four lines, the lowest at 0.70."[:29]), "alt text"),
        (set_alt("Four lines; the disc's is lower than the other three."), "alt text"),
        (add_widgets, "metadata.widgets"),
        (ignore_a_cell, "not in the ledger"),
        (skip_a_cell, "tag 'nbval-skip' is not allowed"),
        (grow, "bytes are stored"),
    ],
)
def test_each_rule_catches_its_violation(violation, said):
    broken = copy.deepcopy(read(LESSONS[0]))
    violation(broken)
    assert [problem for problem in all_problems(broken, LESSONS[0].name) if re.search(said, problem)]


def test_the_ledger_cannot_excuse_more_than_a_tenth():
    broken, name = read(LESSONS[0]), LESSONS[0].name
    ledger = list(LEDGER)
    for cell in code_cells(broken)[4:7]:
        cell.metadata["tags"] = [IGNORE]
        ledger.append({"notebook": name, "cell": cell.source.splitlines()[-1]})
    assert [p for p in ledger_problems(broken, name, ledger) if "more than 10 %" in p]
    assert ledger_problems(read(LESSONS[0]), name, [*LEDGER, {"notebook": name, "cell": "x = 1"}]) != []
