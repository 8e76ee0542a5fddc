"""The top of every lesson, its header and its bootstrap cell; and README's table, which is made of the headers."""

import math
import re
from collections.abc import Mapping

from nbformat import NotebookNode

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


def stamp(notebook: NotebookNode, name: str, repository: str) -> None:
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
