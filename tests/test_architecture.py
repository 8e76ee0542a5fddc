"""Who may import whom, read from the source; and what `import mmsnet_lite` costs, measured.

Every rule is a function of source text, so that each is also fed a violation: a rule that cannot fail is a defect.
"""

import ast
import json
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "mmsnet_lite"
FILES = sorted(PACKAGE.rglob("*.py"))

ROOMS = {"frequency", "model", "pretraining", "baselines", "data", "training", "analysis", "course"}
MAY_IMPORT = {
    "frequency": set(),
    "model": {"frequency", "errors"},
    "pretraining": {"model", "errors"},
    "baselines": {"model", "errors"},
    "data": {"frequency", "errors"},
    "training": {"data", "errors"},
    "analysis": {"frequency", "data", "model", "baselines", "training", "errors"},
    "course": ROOMS | {"errors", "build", "__main__", "__init__"},
    "__main__": ROOMS | {"errors", "build", "__init__"},
    "build": {"model", "baselines", "data", "training", "errors"},  # wires networks, mixes and runs by name
    "errors": set(),
    "__init__": {"model"},  # the public names, on first use
}
ONLY_IN = {"ipywidgets": "course", "matplotlib": "course", "seaborn": "course", "accelerate": "training"}
LATE = ("transformers", "monai", "peft", "accelerate", "matplotlib", "cv2", "pywt", "requests", "filelock")
PYWT_IN = Path("frequency/wavelet.py")  # any PyWavelets filter, by its name
DOTTED = re.compile(r"mmsnet_lite(\.\w+)+")
PUBLIC_FROM_MODEL = {"MMSNet", "MMSNetConfig", "SegmentationOutput"}


def room_of(path: Path) -> str:
    """The room a file of the package (path relative to the package) belongs to; cli*.py counts as __main__."""
    name = path.parts[0].removesuffix(".py")
    return "__main__" if name.startswith("cli") else name


def imported(source: str, path: Path) -> list[tuple[int, str]]:
    """(line, dotted name) of everything a file imports, at any depth; modules named in strings count as well."""
    here = ("mmsnet_lite", *path.parts[:-1])
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(here[: len(here) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            found += [(node.lineno, f"{module}.{alias.name}") for alias in node.names]
        elif isinstance(node, ast.Constant) and DOTTED.fullmatch(str(node.value)):
            found.append((node.lineno, str(node.value)))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
            found += [(node.lineno, arg.value) for arg in node.args[:1] if isinstance(arg, ast.Constant)]
    return found


def room_imported(dotted: str) -> str:
    """The room that an import of `mmsnet_lite...` reaches; the lazy public names reach `model`."""
    head = [*dotted.split("."), "__init__"][1]
    if head in PUBLIC_FROM_MODEL:
        return "model"
    return "__main__" if head.startswith("cli") else head if head in MAY_IMPORT else "__init__"


def import_violations(source: str, path: Path) -> list[str]:
    """Imports of a file that its room may not have."""
    room = room_of(path)
    if room not in MAY_IMPORT:
        return [f"{path}: {room} is no room of the plan; see CONTRIBUTING.md"]
    wrong = []
    for line, dotted in sorted(set(imported(source, path))):
        top = dotted.split(".")[0]
        if dotted == "mmsnet_lite.__version__" and room != "frequency":
            continue
        if top == "mmsnet_lite":
            target = room_imported(dotted)
            if target != room and target not in MAY_IMPORT[room]:
                wrong.append(f"{path}:{line}: {room} may not import {target}")
        elif ONLY_IN.get(top, room) != room:
            wrong.append(f"{path}:{line}: only {ONLY_IN[top]} imports {top}")
        elif top == "pywt" and path == PYWT_IN:
            continue
        elif room == "frequency" and top != "torch" and top not in sys.stdlib_module_names:
            wrong.append(f"{path}:{line}: frequency imports torch only, not {top}")
    return wrong


def run_python(statement: str) -> str:
    """What `statement` prints in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", statement], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout


def loaded_early(statement: str) -> set[str]:
    """Those of `LATE` that `statement` leaves in sys.modules."""
    modules = json.loads(run_python(f"{statement}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"))
    return {name.split(".")[0] for name in modules} & set(LATE)


def seconds(statement: str) -> float:
    """Wall time of `statement` in a fresh interpreter."""
    start = time.perf_counter()
    run_python(statement)
    return time.perf_counter() - start


def cost_ratio(ours: str, reference: str, repeats: int = 5) -> float:
    """Median time of `ours` over median time of `reference`, measured in turns."""
    pairs = [(seconds(ours), seconds(reference)) for _ in range(repeats)]
    first, second = zip(*pairs, strict=True)
    return statistics.median(first) / statistics.median(second)


def added_to_torch(statement: str) -> float:
    """What `statement` costs after `import torch`, as a fraction of that import; both in one fresh interpreter."""
    clock = "from time import perf_counter as now\na = now()\nimport torch\nb = now()"
    return float(run_python(f"{clock}\n{statement}\nprint((now() - b) / (b - a))"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_stay_within_the_plan(file):
    assert import_violations(file.read_text(encoding="utf-8"), file.relative_to(PACKAGE)) == []


def test_the_package_has_files_to_read():
    assert PACKAGE / "__init__.py" in FILES


PLANTED = [
    ("frequency/dct.py", "from mmsnet_lite.model import mfa", "frequency may not import model"),
    ("frequency/dct.py", "from mmsnet_lite.errors import InputError", "frequency may not import errors"),
    ("frequency/dct.py", "import numpy as np", "frequency imports torch only"),
    ("model/mfa.py", "from mmsnet_lite.data.dataset import Folder", "model may not import data"),
    ("model/mfa.py", "def f():\n    from ..training import losses", "model may not import training"),
    ("model/mfa.py", "from mmsnet_lite import training", "model may not import training"),
    ("model/mfa.py", "import importlib\nimportlib.import_module('mmsnet_lite.data')", "model may not import data"),
    ("model/mfa.py", "PARTS = {'unet': ('mmsnet_lite.baselines.unet', 'UNet')}", "model may not import baselines"),
    ("model/mfa.py", "__import__('matplotlib')", "only course imports matplotlib"),
    ("training/trainer.py", "from mmsnet_lite.build import Run", "training may not import build"),
    ("build.py", "from mmsnet_lite.analysis import claims", "build may not import analysis"),
    ("model/mfa.py", "import mmsnet_lite", "model may not import __init__"),
    ("data/specs.py", "from mmsnet_lite import MMSNet", "data may not import model"),
    ("pretraining/scenes.py", "from mmsnet_lite.data.synthetic import draw", "pretraining may not import data"),
    ("data/synthetic/fundus.py", "from ...baselines import unet", "data may not import baselines"),
    ("baselines/unet.py", "import mmsnet_lite.frequency.dct", "baselines may not import frequency"),
    (
        "training/trainer.py",
        "if TYPE_CHECKING:\n    from mmsnet_lite.model import MMSNet",
        "training may not import model",
    ),
    ("analysis/claims.py", "from mmsnet_lite.course import plot", "analysis may not import course"),
    ("analysis/claims.py", "def f():\n    import matplotlib.pyplot as plt", "only course imports matplotlib"),
    ("analysis/claims.py", "from seaborn import heatmap", "only course imports seaborn"),
    ("__main__.py", "import ipywidgets", "only course imports ipywidgets"),
    ("model/mmsnet.py", "from accelerate import Accelerator", "only training imports accelerate"),
    ("errors.py", "from mmsnet_lite.data import specs", "errors may not import data"),
    ("__init__.py", "from mmsnet_lite.training import trainer", "__init__ may not import training"),
    ("shed/tool.py", "import torch", "shed is no room"),
]


@pytest.mark.parametrize(("path", "source", "message"), PLANTED)
def test_the_import_rules_catch_a_planted_violation(path, source, message):
    (found,) = import_violations(source, Path(path))
    assert message in found


ALLOWED = [
    ("frequency/dct.py", "import math\nimport torch\nfrom mmsnet_lite.frequency.filters import TAPS"),
    ("model/fep.py", "from ..frequency.dct import dct_pool\nfrom mmsnet_lite.errors import InputError"),
    ("data/specs.py", "import cv2\nfrom mmsnet_lite.frequency.fourier import power_spectrum"),
    ("training/trainer.py", "from accelerate import Accelerator\nfrom mmsnet_lite.data.dataset import Folder"),
    ("course/plot.py", "import matplotlib.pyplot as plt\nfrom mmsnet_lite import MMSNet, __version__"),
    ("cli_train.py", "from mmsnet_lite.training import trainer\nfrom mmsnet_lite.course import plot"),
    ("__init__.py", "from mmsnet_lite.model.mmsnet import MMSNet"),
    ("build.py", "from mmsnet_lite import __version__\nMODELS = {'unet': 'mmsnet_lite.baselines.unet'}"),
]


@pytest.mark.parametrize(("path", "source"), ALLOWED)
def test_the_import_rules_let_the_plan_pass(path, source):
    assert import_violations(source, Path(path)) == []


@pytest.mark.parametrize("statement", ["import mmsnet_lite", "from mmsnet_lite import MMSNet, MMSNetConfig"])
def test_importing_the_package_loads_no_heavy_library(statement):
    assert loaded_early(statement) == set()


def test_the_heavy_library_rule_catches_a_planted_violation():
    assert loaded_early("import mmsnet_lite, cv2") == {"cv2"}


def test_importing_the_package_costs_little_more_than_torch():
    run_python("import torch, mmsnet_lite")  # fills the disk cache and writes the .pyc files
    assert cost_ratio("import mmsnet_lite", "import torch") <= 1.3


def test_the_network_adds_little_to_the_import_of_torch():
    assert statistics.median(added_to_torch("from mmsnet_lite import MMSNet") for _ in range(3)) <= 0.3


def test_the_cost_rule_catches_a_planted_violation():
    assert cost_ratio("import time; time.sleep(0.5)", "pass", repeats=3) > 1.3
    assert added_to_torch("import time; time.sleep((b - a) / 2)") > 0.3
