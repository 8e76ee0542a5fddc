"""The top of every lesson and README's table, and the address of a published copy that is stamped into both.

`python -m mmsnet_lite.course.publish [OWNER/NAME]` sets the address in one place, `repository` in pyproject.toml, and
stamps badges, bootstrap cells and README's table, made of the lessons' headers; without a name, the setting stays.
"""

import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import nbformat

from mmsnet_lite.errors import InputError
from mmsnet_lite.training.checkpoint import write_text
from mmsnet_lite.training.results import filled

ROOT = Path(__file__).parents[2]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]*[A-Za-z0-9_-]")  # GitHub's owners and repositories
_SETTING = re.compile(r'^repository = "([^"\n]*)"', re.MULTILINE)
MARK = "<!-- colab -->"  # what follows on this line is stamped
BOOTSTRAP = """\
# Bootstrap, the same in every lesson: on Colab install the course once, elsewhere do nothing.
import os
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec

REPOSITORY = ""  # stamped when the course is published
if "google.colab" in sys.modules and REPOSITORY and not find_spec("mmsnet_lite"):
    if not os.path.isdir("mmsnet-lite"):
        subprocess.run(["git", "clone", "-q", "--depth", "1", REPOSITORY, "mmsnet-lite"], check=True)
    kept = [f"{name}=={version(name)}" for name in ("torch", "numpy")]  # Colab's own stay as they are
    package = "./mmsnet-lite[course,baselines]"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", package, *kept], check=True)"""

_TIME = re.compile(r"\*(?:about )?(\d+) s to run on 2 CPU cores\*")
_CLAIM = re.compile(r"\*\*Claim\.\*\* (.+?)\.(?:\s|$)")
_TITLE = re.compile(r"# (\d\d) · (.+?)(?:: .*)?\n")


def badge(repository: str, name: str) -> str:
    """The picture (HTML) that opens the notebook notebooks/NAME on Colab; "" without a repository (OWNER/NAME)."""
    page = f"https://colab.research.google.com/github/{repository}/blob/main/notebooks/{name}"
    picture = "https://colab.research.google.com/assets/colab-badge.svg"
    return f'<a href="{page}"><img src="{picture}" alt="Open in Colab"></a>' if repository else ""


def stamp(notebook: nbformat.NotebookNode, name: str, repository: str) -> None:
    """Write the Colab badge into a lesson's header and the address into its bootstrap cell; see `badge`."""
    for cell in notebook.cells[:2]:
        if cell.source.startswith(BOOTSTRAP.split("\n")[0]):
            address = f"https://github.com/{repository}" if repository else ""
            cell.source = BOOTSTRAP.replace('= ""', f'= "{address}"')
        else:
            cell.source = re.sub(rf"{MARK}.*", f"{MARK} {badge(repository, name)}".rstrip(), cell.source)


def run_time(header: str) -> int | None:
    """The seconds to run that a header states; None where it states none."""
    found = _TIME.search(header)
    return int(found[1]) if found else None


def with_time(header: str, seconds: float) -> str:
    """A header that states the measured seconds, rounded up to 5.

    Convention: a time that is right to a third stays, so that noise does not change a lesson each time it is run.
    """
    stated = run_time(header)
    if stated is None or abs(seconds - stated) <= stated / 3:
        return header
    return _TIME.sub(f"*about {5 * math.ceil(seconds / 5)} s to run on 2 CPU cores*", header)


def table(headers: Mapping[str, str], repository: str) -> str:
    """The table that README shows of the lessons: title, the first sentence of the claim, seconds to run.

    Args:
        headers: by name of the notebook, in order; files without a lesson's header are left out.
        repository: see `badge`.
    """
    rows = ["| lesson | what it proves | run time on 2 CPU cores |", "|---|---|---|"]
    for name, header in headers.items():
        title, claim = _TITLE.match(header), _CLAIM.search(header)
        if title and claim:
            link = f"[{title[1]} {title[2]}](notebooks/{name}) {badge(repository, name)}".rstrip()
            rows.append(f"| {link} | {claim[1]} | about {run_time(header)} s |")
    return "\n".join(rows)


def repository(root: Path) -> str:
    """The setting of a checkout: OWNER/NAME, or "" before the course is published.

    Raises:
        InputError: pyproject.toml has no such setting.
    """
    file = root / "pyproject.toml"
    found = _SETTING.search(file.read_text(encoding="utf-8"))
    if not found:
        raise InputError(f'{file} has no line `repository = ""`; write it under [tool.mmsnet-lite]')
    return found[1]


def write_notebook(path: Path, notebook: nbformat.NotebookNode) -> None:
    """Write a notebook whole or not at all."""
    write_text(path, nbformat.writes(notebook) + "\n")


def write_readme(root: Path) -> None:
    """Make README's table of lessons anew from their headers."""
    lessons = sorted((root / "notebooks").glob("*.ipynb"))
    headers = {path.name: nbformat.read(path, as_version=4).cells[0].source for path in lessons}
    readme = (root / "README.md").read_text(encoding="utf-8")
    write_text(root / "README.md", filled(readme, "lessons", lambda _: table(headers, repository(root))))


def publish(root: Path, name: str) -> int:
    """Set and stamp the address, OWNER/NAME on GitHub, of a checkout; returns the number of notebooks.

    Raises:
        InputError: another form of name; nothing is written.
    """
    if not _NAME.fullmatch(name) or name.endswith(".git"):
        raise InputError(f"REPO={name} is no repository on GitHub; write OWNER/NAME: make publish REPO=OWNER/NAME")
    setting = (root / "pyproject.toml").read_text(encoding="utf-8")
    write_text(root / "pyproject.toml", _SETTING.sub(f'repository = "{name}"', setting))
    return restamp(root)


def restamp(root: Path) -> int:
    """Stamp notebooks and README with the setting as it is; returns the number of notebooks."""
    folder = root / "notebooks"
    paths = [*folder.glob("*.ipynb"), *folder.glob("solutions/*.ipynb")]
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        stamp(notebook, path.relative_to(folder).as_posix(), repository(root))
        write_notebook(path, notebook)
    write_readme(root)
    return len(paths)


def main() -> int:
    """Publish under the name on the command line, or stamp anew without one."""
    try:
        count = publish(ROOT, sys.argv[1]) if sys.argv[1:] else restamp(ROOT)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{repository(ROOT) or 'no address yet'}: stamped in {count} notebooks and README.md; commit and push them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
