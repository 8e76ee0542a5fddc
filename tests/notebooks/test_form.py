"""What every lesson must contain: explorers, exercises with their solutions, controls, and an end.

Each rule is a function of a notebook, so that each is also fed a violation.
"""

import copy
import re

import nbformat
import pytest
from lessons import FOLDER, LESSONS, SOLUTIONS, alt_texts, named, printed, read

from mmsnet_lite.course.publish import MARK, stamp

ENDINGS = ("Take-away", "Quiz", "Further reading", "Limits")
EVIDENCE = ("baseline", "control")


def text_of(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def heading(name, text):
    """Where a section starts, as a heading or in bold; None where it does not."""
    return re.search(rf"^(#+ ([\d.]+ )?|\*\*){name}\b", text, re.MULTILINE | re.IGNORECASE)


def section_problems(notebook):
    text = text_of(notebook)
    found = [f"there is no section {name!r}" for name in ENDINGS if heading(name, text) is None]
    found += [f"the text names no {word}" for word in EVIDENCE if not re.search(word, text, re.IGNORECASE)]
    quiz = heading("Quiz", text)
    folded = text[quiz.start() :].count("<details>") if quiz else 0
    return found if folded == 3 else [*found, f"the quiz has {folded} folded answers, not 3"]


def explorer_problems(notebook):
    explorers = named(notebook, "explorer")
    found = [] if explorers else ["there is no explorer"]
    if [cell.id for cell in explorers] != [f"explorer-{i + 1}" for i in range(len(explorers))]:
        found.append("explorers are not numbered from 1")
    return found + [f"{cell.id} shows no figure" for cell in explorers if len(alt_texts(cell)) != 1]


def exercise_problems(notebook):
    """Problems with the exercises of a lesson or of a solution."""
    exercises = named(notebook, "exercise")
    found = [] if 3 <= len(exercises) <= 5 else [f"{len(exercises)} exercises; 3 to 5 are wanted"]
    for number, cell in enumerate(exercises, 1):
        before = notebook.cells[notebook.cells.index(cell) - 1]
        title = rf"^\*\*Exercise {number} \((easy|medium|hard), \d+ min\)\.\*\*"
        if cell.id != f"exercise-{number}" or not re.search(title, before.source, re.MULTILINE):
            found.append(f"no 'Exercise {number} (easy|medium|hard, N min).' stands right above {cell.id}")
        if not re.fullmatch(rf"check\.\w+\(answer_{number}\)", cell.source.splitlines()[-1]):
            found.append(f"{cell.id} does not end in check.NAME(answer_{number})")
    return found


def stub_problems(lesson):
    found = []
    for number, cell in enumerate(named(lesson, "exercise"), 1):
        if not re.search(rf"^answer_{number} = None  # \w+", cell.source, re.MULTILINE):
            found.append(f"{cell.id} has no line 'answer_{number} = None  # what form it has'")
        if printed(cell) != f"Exercise {number}: not attempted yet.\n":
            found.append(f"{cell.id} prints {printed(cell)!r}")
    return found


def unstamped(source):
    """A source without the badge of its own notebook."""
    return re.sub(rf"{MARK}.*", MARK, source)


def solution_problems(lesson, solution):
    found = []
    if [cell.id for cell in lesson.cells] != [cell.id for cell in solution.cells]:
        return ["the solution has other cells than the lesson: build it again"]
    for cell, solved in zip(lesson.cells, solution.cells, strict=True):
        exercise = cell.id.startswith("exercise-")
        same = unstamped(cell.source) == unstamped(solved.source)
        if same == exercise:
            found.append(f"{cell.id} {'is not solved' if exercise else 'differs from the lesson'}")
        if cell.cell_type != solved.cell_type or cell.metadata != solved.metadata:
            found.append(f"{cell.id} has another type or other metadata than in the lesson")
        if exercise and not printed(solved).startswith(f"Exercise {cell.id[-1]}: correct."):
            found.append(f"the solution of {cell.id} prints {printed(solved)!r}")
    return found


def path_problems(notebook):
    """Files of the repository that the text names, whole or by their last parts, and that are not there."""
    files = [f"/{file}" for room in ("mmsnet_lite", "benchmarks") for file in FOLDER.parent.glob(f"{room}/**/*.py")]
    names = sorted(set(re.findall(r"`([\w/]+\.py)`", text_of(notebook))))
    return [f"{name} is no file here" for name in names if not any(file.endswith(f"/{name}") for file in files)]


LESSON_RULES = (path_problems, section_problems, explorer_problems, exercise_problems, stub_problems)


def lesson_problems(notebook):
    return [problem for rule in LESSON_RULES for problem in rule(notebook)]


def solved(path):
    return path.parent / "solutions" / path.name


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.name)
def test_lesson_has_the_form(path):
    assert lesson_problems(read(path)) == []


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.name)
def test_solution_differs_in_the_exercises_only_and_solves_them(path):
    assert solution_problems(read(path), read(solved(path))) == []
    assert exercise_problems(read(solved(path))) == []


def test_a_published_lesson_and_its_solution_differ_in_their_badges_too():
    lesson, solution = read(LESSONS[0]), read(solved(LESSONS[0]))
    stamp(lesson, LESSONS[0].name, "ada/notes")
    stamp(solution, f"solutions/{LESSONS[0].name}", "ada/notes")
    assert lesson.cells[0].source != solution.cells[0].source
    assert solution_problems(lesson, solution) == []


def test_no_solution_is_without_its_lesson():
    assert {path.name for path in SOLUTIONS} == {path.name for path in LESSONS}


def drop(pattern):
    """Remove words from the prose."""

    def change(notebook):
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = re.sub(pattern, "", cell.source, flags=re.IGNORECASE)

    return change


def edit(name, field, value):
    """Set a field of the cell with an id."""

    def change(notebook):
        cell = next(cell for cell in notebook.cells if cell.id == name)
        cell[field] = value(cell[field]) if callable(value) else value

    return change


def remove(*names):
    def change(notebook):
        notebook.cells = [cell for cell in notebook.cells if cell.id not in names]

    return change


def say(text):
    return [nbformat.v4.new_output("stream", text=text)]


@pytest.mark.parametrize(
    ("violation", "said"),
    [
        *[(drop(name), f"no section '{name}'") for name in ENDINGS],
        *[(drop(word), f"names no {word}") for word in EVIDENCE],
        (drop("<details>"), "0 folded answers"),
        (remove("explorer-1"), "no explorer|numbered"),
        (edit("explorer-1", "outputs", []), "explorer-1 shows no figure"),
        (edit("explorer-1", "id", "explorer-7"), "numbered from 1"),
        (remove("exercise-2", "exercise-3", "exercise-4", "exercise-5"), "1 exercises"),
        (drop(r"\*\*Exercise 2 "), "right above exercise-2"),
        (edit("exercise-1", "id", "exercise-6"), "right above exercise-6"),
        (edit("exercise-2", "source", lambda text: text + "\nprint(answer_2)"), "does not end in check"),
        (edit("exercise-1", "source", lambda text: text.replace("= None", "= 7")), "answer_1 = None"),
        (edit("md-01", "source", lambda text: text.replace("/loop.py", "/loops.py")), "loops.py is no file"),
        (edit("exercise-1", "outputs", []), "exercise-1 prints ''"),
        (edit("exercise-1", "outputs", say("Exercise 1: correct.\n")), "exercise-1 prints"),
    ],
)
def test_each_rule_on_lessons_catches_its_violation(violation, said):
    broken = copy.deepcopy(read(LESSONS[0]))
    violation(broken)
    assert [problem for problem in lesson_problems(broken) if re.search(said, problem)]


@pytest.mark.parametrize(
    ("violation", "said"),
    [
        (remove("code-02"), "other cells"),
        (edit("md-01", "source", "# Another title"), "md-01 differs"),
        (edit("code-02", "metadata", {"tags": ["x"]}), "other metadata"),
        (edit("exercise-1", "source", named(read(LESSONS[0]), "exercise")[0].source), "not solved"),
        (edit("exercise-1", "outputs", say("Exercise 1: not attempted yet.\n")), "the solution of exercise-1 prints"),
    ],
)
def test_the_rule_on_solutions_catches_its_violation(violation, said):
    broken = copy.deepcopy(read(solved(LESSONS[0])))
    violation(broken)
    assert [problem for problem in solution_problems(read(LESSONS[0]), broken) if re.search(said, problem)]
