"""Stamp the address of a published copy: python -m mmsnet_lite.course.publish [OWNER/NAME].

It is set in one place, `repository` in pyproject.toml, and stands in the lessons' badges and bootstrap cells and in
README's table. Without a name these are renewed from the setting as it is.
"""

import re
import sys
from pathlib import Path

import nbformat

from mmsnet_lite.course.header import stamp, table
from mmsnet_lite.errors import InputError
from mmsnet_lite.training.checkpoint import write_text
from mmsnet_lite.training.results import filled

ROOT = Path(__file__).parents[2]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]*[A-Za-z0-9_-]")  # GitHub's owners and repositories
_SETTING = re.compile(r'^repository = "([^"\n]*)"', re.MULTILINE)


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
