"""pyproject.toml, constraints.txt, environment.yml and CITATION.cff agree with each other."""

import re
import sys
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import mmsnet_lite

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
DIRECT = [Requirement(line) for line in chain(PROJECT["dependencies"], *EXTRAS.values())]
CONDA_NAMES = {
    "torch": "pytorch",
    "opencv-python-headless": "opencv",
    "build": "python-build",
    "playwright": "playwright-python",
}


def read_constraints(text: str) -> list[Requirement]:
    """The requirements of a constraints file; comments are dropped."""
    return [Requirement(line) for line in text.splitlines() if line and not line.startswith("#")]


PINS = read_constraints((ROOT / "constraints.txt").read_text(encoding="utf-8"))


def pinned(name: str, python: str, pins: list[Requirement], platform: str = "linux") -> list[str]:
    """The versions that the constraints give `name` on one Python and platform."""
    environment = {**default_environment(), "python_version": python, "python_full_version": f"{python}.9"}
    environment |= {"sys_platform": platform, "implementation_name": "cpython"}
    same = [pin for pin in pins if canonicalize_name(pin.name) == canonicalize_name(name)]
    active = [pin for pin in same if pin.marker is None or pin.marker.evaluate(environment)]
    return [str(pin.specifier).removeprefix("==") for pin in active]


def pin_violations(requirement: Requirement, pins: list[Requirement]) -> list[str]:
    """On each Python we support: exactly one exact pin, inside the range of `requirement`."""
    wrong = []
    for python in ("3.10", "3.11", "3.12", "3.13"):
        if requirement.marker and not requirement.marker.evaluate({"python_version": python}):
            continue
        versions = pinned(requirement.name, python, pins)
        if len(versions) != 1 or not requirement.specifier.contains(versions[0]):
            wrong.append(f"{requirement} on Python {python}: constraints.txt has {versions}")
    return wrong


def inexact(pins: list[Requirement]) -> list[str]:
    """Lines of a constraints file that do not name one version, or name a local build or a place to fetch it from."""
    return [str(pin) for pin in pins if pin.url or not re.fullmatch(r"==[\w.!]+", str(pin.specifier))]


def without_range(requirements: list[Requirement]) -> list[str]:
    """Requirements that pin, or that have no lower bound."""
    operators = {str(item): {one.operator for one in item.specifier} for item in requirements}
    return [name for name, used in operators.items() if ">=" not in used or used & {"==", "===", "~="}]


def conda_range(requirements: list[Requirement]) -> dict[str, SpecifierSet]:
    """Conda name -> range, of requirements written for pip."""
    return {CONDA_NAMES.get(item.name, item.name): item.specifier for item in requirements}


def conda_packages(text: str) -> dict[str, SpecifierSet]:
    """Name -> range, of an environment file."""
    lines = [Requirement(line) for line in yaml.safe_load(text)["dependencies"]]
    return {line.name: line.specifier for line in lines}


@pytest.mark.parametrize("requirement", DIRECT, ids=str)
def test_constraints_pin_each_direct_dependency_on_each_python(requirement):
    assert pin_violations(requirement, PINS) == []


def test_the_pin_rule_catches_a_planted_violation():
    wanted = Requirement("numpy>=1.26")
    split = ["numpy==2.2.6 ; python_full_version < '3.11'", "numpy==2.4.6 ; python_full_version >= '3.11'"]
    assert pin_violations(wanted, read_constraints("\n".join(["# pins", "", *split]))) == []
    for pins in ([], split[:1], ["numpy==1.25"], ["numpy==2.2.6", "numpy==2.4.6"]):
        assert pin_violations(wanted, read_constraints("\n".join(pins)))


def test_constraints_are_exact_and_come_from_no_particular_place():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert inexact(PINS) == []
    assert not re.search(r"://|--hash|--index|--find-links|file:", text)


@pytest.mark.parametrize(
    "line", ["torch>=2.13", "torch==2.13.*", "torch==2.13.0+cpu", "torch", "torch @ file:///torch"]
)
def test_the_exactness_rule_catches_a_planted_violation(line):
    assert inexact([Requirement(line)]) != []


def test_pyproject_holds_ranges_and_no_pin():
    assert without_range(DIRECT) == []


@pytest.mark.parametrize("line", ["torch", "torch==2.13.0", "torch~=2.4", "torch<3", "torch>=2,==2.13.*"])
def test_the_range_rule_catches_a_planted_violation(line):
    assert without_range([Requirement(line)]) == [str(Requirement(line))]


def test_the_conda_environment_is_the_same_set_with_the_same_ranges():
    environment = conda_packages((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment.pop("python") == SpecifierSet(PROJECT["requires-python"])
    assert environment.pop("pip") == SpecifierSet()
    assert environment == conda_range(DIRECT)


def test_the_conda_comparison_sees_another_bound_and_another_name():
    ours = conda_range([Requirement("torch>=2.4"), Requirement("tqdm>=4.65")])
    assert ours == conda_packages("dependencies: [pytorch>=2.4, tqdm>=4.65]")
    for other in ("[pytorch>=2.5, tqdm>=4.65]", "[torch>=2.4, tqdm>=4.65]", "[pytorch>=2.4]"):
        assert ours != conda_packages(f"dependencies: {other}")


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert PROJECT["version"] == mmsnet_lite.__version__ == str(citation["version"])
