"""The house rules that source text can show: file size and names, no print, docstrings, and tests that assert.

Every rule is a function of source text, so that each is also fed a violation.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE_FILES = sorted((ROOT / "mmsnet_lite").rglob("*.py"))
TEST_FILES = sorted((ROOT / "tests").rglob("*.py"))
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LONGEST = 250
VAGUE = {"util", "utils", "helper", "helpers", "common", "misc"}


def shown(path: Path) -> str:
    """A path as the failure message and the test id show it."""
    return path.relative_to(ROOT).as_posix()


def too_long(source: str) -> bool:
    """A file that outgrows the limit has two ideas in it."""
    return len(source.splitlines()) > LONGEST


def vague_name(path: str) -> bool:
    """A file or folder name that says nothing about what is inside."""
    return any(part.removesuffix(".py").strip("_").lower() in VAGUE for part in path.split("/"))


def prints(source: str) -> list[int]:
    """Lines that call the builtin print."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [node.lineno for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"]


def may_print(path: str) -> bool:
    """Commands and the course talk to people; the library does not."""
    name = path.removeprefix("mmsnet_lite/")
    return name == "__main__.py" or name.startswith(("cli", "course/"))


def undocumented(source: str) -> list[str]:
    """Public classes, functions and methods without a docstring (and the module, when it holds anything)."""
    tree = ast.parse(source)
    missing = [] if ast.get_docstring(tree) or not tree.body else ["the module"]

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_"):
                decorators = {ast.unparse(item).split(".")[-1] for item in node.decorator_list}
                if not ast.get_docstring(node) and not decorators & {"overload", "setter"}:
                    missing.append(f"{prefix}{node.name}, line {node.lineno}")
                if isinstance(node, ast.ClassDef):
                    visit(node.body, f"{prefix}{node.name}.")

    visit(tree.body, "")
    return missing


def asserts(function: ast.AST, known: dict[str, ast.AST]) -> bool:
    """Whether a function can fail: assert, assert_*(), pytest.raises, pytest.warns, or a check_*() that can."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant):
            return True
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).split(".")[-1]
            if name.startswith("assert") or name in ("raises", "warns"):
                return True
            if name.startswith("check_") and known.get(name) is not function:
                return name not in known or asserts(known[name], known)
    return False


def without_assertion(source: str) -> list[str]:
    """Names of the test functions of a file that assert nothing."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, FUNCTIONS)]
    known = {node.name: node for node in functions}
    return [node.name for node in functions if node.name.startswith("test") and not asserts(node, known)]


@pytest.mark.parametrize("file", PACKAGE_FILES + TEST_FILES, ids=shown)
def test_files_are_short_and_named_for_their_idea(file):
    assert not too_long(file.read_text(encoding="utf-8")), f"more than {LONGEST} lines: two ideas, two files"
    assert not vague_name(shown(file))


@pytest.mark.parametrize("file", PACKAGE_FILES, ids=shown)
def test_the_library_is_documented_and_does_not_print(file):
    source = file.read_text(encoding="utf-8")
    assert undocumented(source) == []
    assert may_print(shown(file)) or prints(source) == []


@pytest.mark.parametrize("file", TEST_FILES, ids=shown)
def test_every_test_asserts_something(file):
    assert without_assertion(file.read_text(encoding="utf-8")) == []


def test_the_size_and_name_rules_catch_a_planted_violation():
    assert too_long("x = 1\n" * (LONGEST + 1))
    assert not too_long("x = 1\n" * LONGEST)
    for name in ("mmsnet_lite/data/utils.py", "mmsnet_lite/_util.py", "tests/helpers/dct.py", "tests/common.py"):
        assert vague_name(name)
    assert not vague_name("mmsnet_lite/frequency/common_mode.py")


def test_the_print_rule_catches_a_planted_violation():
    assert prints("def f():\n    print('done')\n") == [2]
    assert prints("'''print(1)'''\nself.print(2)\n") == []
    assert not may_print("mmsnet_lite/training/trainer.py")
    for name in ("__main__.py", "cli.py", "cli_train.py", "course/check.py"):
        assert may_print(f"mmsnet_lite/{name}")


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("import torch\n", ["the module"]),
        ("'''m'''\ndef f(): ...\n", ["f, line 2"]),
        ("'''m'''\nasync def f(): ...\n", ["f, line 2"]),
        ("'''m'''\nclass A:\n    x = 1\n", ["A, line 2"]),
        ("'''m'''\nclass A:\n    '''a'''\n    def f(self): ...\n", ["A.f, line 4"]),
        ("'''m'''\nclass A:\n    '''a'''\n    def __init__(self): ...\n    def _f(self): ...\n", []),
        ("'''m'''\ndef f():\n    '''f'''\n    def g(): ...\n", []),
        ("", []),
    ],
)
def test_the_docstring_rule_catches_a_planted_violation(source, missing):
    assert undocumented(source) == missing


@pytest.mark.parametrize(
    "body",
    ["f(1)", "assert True", "check_it(1)", "check.dct(1)", "x = 'assert 1'", "for i in range(3):\n        f(i)"],
)
def test_the_assertion_rule_catches_a_planted_violation(body):
    source = f"def check_it(x):\n    return x\n\n\ndef test_planted():\n    {body}\n"
    assert without_assertion(source) == ["test_planted"]


@pytest.mark.parametrize(
    "body",
    [
        "assert f(1) == 2",
        "torch.testing.assert_close(a, b)",
        "with pytest.raises(ValueError):\n        f(1)",
        "check_it(1)",
        "check_elsewhere(1)",
    ],
)
def test_the_assertion_rule_lets_a_test_pass(body):
    source = f"def check_it(x):\n    assert x\n\n\ndef test_planted():\n    {body}\n"
    assert without_assertion(source) == []
