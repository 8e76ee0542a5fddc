"""The bootstrap cell on a stand-in for Colab, which has torch, numpy and the rest: it installs the course alone.

Colab is an environment of its own whose packages are this one's, a module `google.colab`, and a bare repository to
clone. Without a package index, pip can replace nothing that is there; a second environment offers it another numpy.
"""

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from lessons import LESSONS, SOLUTIONS, read

from mmsnet_lite.course.publish import BOOTSTRAP

ROOT = Path(__file__).parents[2]
LOOK = "\nimport mmsnet_lite, peft, pywt, torch, numpy\nprint(mmsnet_lite.__file__, torch.__file__, numpy.__file__)"
FIRST_STEPS = "code-04", "code-06", "code-08", "code-10"  # of lesson 00: the machine, images, a figure, the network


@pytest.fixture
def origin(tmp_path_factory):
    """A bare repository of the committed state."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout: nothing to clone")
    target = tmp_path_factory.mktemp("origin") / "course.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(ROOT), str(target)], check=True)
    return target


class Colab:
    """An environment that has the packages of this one, but for the course; installing replaces none of them."""

    def __init__(self, folder):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
        (self.site,) = (folder / "env").glob("lib/python*/site-packages")
        self.had, self.content = folder / "had", folder / "content"
        self.had.mkdir()
        self.content.mkdir()
        for path in Path(sysconfig.get_path("purelib")).iterdir():
            if "mmsnet" not in path.name:
                (self.had / path.name).symlink_to(path)
        (self.had / "google" / "colab").mkdir(parents=True)
        (self.had / "google" / "colab" / "__init__.py").touch()
        (self.site / "colab.pth").write_text(f"{self.had}\n")
        self.python = folder / "env" / "bin" / "python"
        self.index = folder / "index"
        self.index.mkdir()

    def run(self, source):
        """Run a program as Colab does, in a folder of its own, offline; returns the finished process."""
        pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.index), "PIP_NO_BUILD_ISOLATION": "0"}  # 0: no isolation
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "MMSNET_STATIC": "1", "OMP_NUM_THREADS": "1", **pip}
        command = [str(self.python), "-c", "import google.colab\n" + source]
        return subprocess.run(command, cwd=self.content, env=environment, capture_output=True, text=True, timeout=300)

    @property
    def installed(self):
        return sorted(path.name for path in self.site.iterdir())


def addressed(origin):
    """The bootstrap cell, published at `origin`."""
    return BOOTSTRAP.replace('REPOSITORY = ""', f'REPOSITORY = "{origin.as_uri()}"')


def age_numpy(colab):
    """Make the environment's numpy older than the course accepts, and offer pip a newer one."""
    (old,) = colab.had.glob("numpy-*.dist-info")
    old.unlink()
    for name, folder in (("1.20.0", colab.had), ("2.99.0", colab.index / "unpacked")):
        info = folder / f"numpy-{name}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: numpy\nVersion: {name}\n")
        (info / "WHEEL").write_text("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        (info / "RECORD").write_text("")
    with zipfile.ZipFile(colab.index / "numpy-2.99.0-py3-none-any.whl", "w") as wheel:
        for file in sorted(info.iterdir()):
            wheel.write(file, f"{info.name}/{file.name}")


@pytest.mark.parametrize("path", LESSONS + SOLUTIONS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_lesson_begins_with_the_cell_that_is_tested_here(path):
    address = read(path).cells[1].source.split('REPOSITORY = "')[1].split('"')[0]
    assert read(path).cells[1].source == BOOTSTRAP.replace('= ""', f'= "{address}"')


def test_elsewhere_the_cell_does_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("the cell runs a program"))
    exec(addressed(tmp_path), {})
    monkeypatch.setitem(sys.modules, "google.colab", sys)  # Colab, before the course is published
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    exec(BOOTSTRAP, {})
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_on_colab_the_course_is_installed_once_and_nothing_else(origin, tmp_path):
    colab = Colab(tmp_path)
    cells = {cell.id: cell.source for cell in read(LESSONS[0]).cells}
    lesson = "\n".join([addressed(origin), LOOK, *(cells[name] for name in FIRST_STEPS)])
    done = colab.run(lesson)
    assert done.returncode == 0, done.stderr
    where = done.stdout.splitlines()[0].split()
    assert where == [
        str(colab.site / "mmsnet_lite/__init__.py"),
        *(str(colab.had / f"{n}/__init__.py") for n in ("torch", "numpy")),
    ]
    assert colab.installed == ["colab.pth", "mmsnet_lite", "mmsnet_lite-0.1.0.dist-info"]
    assert "[" in colab.run("from mmsnet_lite.training.results import read\nprint(read('runs_mixlite')['runs'])").stdout
    shutil.rmtree(origin)
    shutil.rmtree(colab.content / "mmsnet-lite")
    assert colab.run(addressed(origin) + LOOK).returncode == 0  # the cell runs again: nothing is cloned or installed


@pytest.mark.slow
def test_colabs_numpy_is_never_replaced_not_even_where_it_is_too_old(origin, tmp_path):
    colab = Colab(tmp_path)
    age_numpy(colab)
    refused = colab.run(addressed(origin))
    assert refused.returncode != 0
    assert "numpy==1.20.0" in refused.stderr
    assert colab.installed == ["colab.pth"]
    planted = addressed(origin).replace(", *kept]", "]")  # without the line that keeps them, pip does replace it
    assert colab.run(planted).returncode == 0
    assert "numpy-2.99.0.dist-info" in colab.installed
