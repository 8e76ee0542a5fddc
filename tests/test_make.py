"""`make lab` in a fresh clone, for real: it installs, serves lesson 00, and does not install twice."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lab import ask, clean_environment, served

ROOT = Path(__file__).resolve().parents[1]
LESSON = "notebooks/00_start_here.ipynb"


def make(clone: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run make in `clone` to its end."""
    return subprocess.run(["make", *arguments], cwd=clone, env=clean_environment(), capture_output=True, text=True)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A fresh clone of the committed state."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout: nothing to clone")
    target = tmp_path_factory.mktemp("make") / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(target)], check=True)
    return target


def test_an_old_python_is_refused_in_one_line(tmp_path):
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.18\nexit 1\n')
    old.chmod(0o755)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    done = make(tmp_path, "lab", f"PYTHON={old}")
    message = [line for line in done.stderr.splitlines() if not line.startswith("make:")]
    assert done.returncode != 0
    assert len(message) == 1
    assert "Python 3.10 or newer is needed" in message[0]
    assert "Python 3.9.18" in message[0]
    assert not (tmp_path / ".venv").exists()


def test_help_is_the_default_and_names_every_target(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    done = make(tmp_path)
    for target in ("lab", "test", "test-slow", "check", "notebooks", "publish", "bench"):
        assert f"make {target} " in done.stdout
    assert not (tmp_path / ".venv").exists()


def test_a_full_installation_serves_lab_too(tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    assert "pip install" in make(tmp_path, "-n", "lab").stdout
    for stamp in (".installed-lab", ".installed-full"):  # as `make test` leaves them
        (tmp_path / ".venv" / stamp).touch()
    assert "pip install" not in make(tmp_path, "-n", "lab", "check", "test").stdout
    later = time.time() + 10
    os.utime(tmp_path / "constraints.txt", (later, later))
    assert "pip install" in make(tmp_path, "-n", "lab").stdout


@pytest.mark.slow
def test_make_lab_serves_the_first_lesson_from_a_fresh_clone(clone, tmp_path):
    with served(clone, tmp_path / "make-lab.log", f"PYTHON={sys.executable}") as url:
        lesson = ask(f"{url}/api/contents/{LESSON}")
    assert lesson["path"] == LESSON
    assert lesson["content"]["cells"]
    again = make(clone, "-n", "lab")
    assert again.returncode == 0
    assert "pip install" not in again.stdout
    assert "jupyter lab" in again.stdout
