"""`make publish REPO=OWNER/NAME` on copies: one setting, stamped everywhere, and nothing else changes."""

import json
import re
import shutil
import subprocess

import pytest

from mmsnet_lite.course import publish as publishing
from mmsnet_lite.course.publish import ROOT, publish, repository, restamp
from mmsnet_lite.errors import InputError

LESSON = "01_frequency_analysis.ipynb"


@pytest.fixture
def copy(tmp_path):
    """What publishing reads and writes, with one lesson and its solution, and without an address."""
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("notebooks", "notebooks/solutions"):
        (tmp_path / name).mkdir()
        shutil.copy(ROOT / name / LESSON, tmp_path / name)
    setting = tmp_path / "pyproject.toml"
    setting.write_text(re.sub('^repository = ".*"', 'repository = ""', setting.read_text(), flags=re.MULTILINE))
    restamp(tmp_path)
    return tmp_path


def contents(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def words(before, after):
    """The lines of `after` that are not in `before`."""
    return [line for line in after.decode().splitlines() if line not in before.decode().splitlines()]


def test_a_name_is_stamped_everywhere_and_changes_nothing_else(copy):
    before = contents(copy)
    assert publish(copy, "ada/notes") == 2
    after = contents(copy)
    assert after.keys() == before.keys()
    assert repository(copy) == "ada/notes"
    for name in after:
        new = words(before[name], after[name])
        if name.endswith(".ipynb"):
            assert len(new) == 2, new
            assert f"https://colab.research.google.com/github/ada/notes/blob/main/{name}" in new[0]
            assert 'REPOSITORY = \\"https://github.com/ada/notes\\"' in new[1]
            old, made = json.loads(before[name]), json.loads(after[name])
            assert len(before[name].splitlines()) == len(after[name].splitlines())
            assert [cell.get("outputs") for cell in old["cells"]] == [cell.get("outputs") for cell in made["cells"]]
        else:
            assert all("ada/notes" in line for line in new)
            assert len(new) == 1


def test_again_changes_nothing_and_another_name_replaces_the_first(copy):
    publish(copy, "ada/notes")
    first = contents(copy)
    publish(copy, "ada/notes")
    assert contents(copy) == first
    publish(copy, "Grace-H/a_course.v2")
    second = contents(copy)
    assert not any(b"ada/notes" in text for text in second.values())
    assert all(b"Grace-H/a_course.v2" in text for text in second.values())
    publish(copy, "ada/notes")
    assert contents(copy) == first


def test_a_new_lesson_gets_the_address_of_the_others(copy):
    new = copy / "notebooks" / LESSON
    unstamped = new.read_bytes()
    publish(copy, "ada/notes")
    stamped = contents(copy)
    new.write_bytes(unstamped)
    restamp(copy)
    assert contents(copy) == stamped


@pytest.mark.parametrize(
    "name", ["", "notes", "ada/", "/notes", "a/b/c", "ada/no tes", "https://github.com/ada/notes", "a/..", "a/b.git"]
)
def test_another_form_of_name_is_refused_before_anything_is_read(tmp_path, name):
    with pytest.raises(InputError, match="make publish REPO=OWNER/NAME"):
        publish(tmp_path, name)


def test_a_checkout_without_the_setting_is_named(copy):
    (copy / "pyproject.toml").write_text("[project]\n")
    with pytest.raises(InputError, match="pyproject.toml has no line"):
        publish(copy, "ada/notes")


def test_make_passes_the_name_on_and_a_bad_one_is_one_line(copy, monkeypatch, capsys):
    shown = subprocess.run(["make", "-n", "publish", "REPO=ada/notes"], cwd=ROOT, capture_output=True, text=True)
    assert '-m mmsnet_lite.course.publish "ada/notes"' in shown.stdout
    monkeypatch.setattr(publishing, "ROOT", copy)
    monkeypatch.setattr("sys.argv", ["publish", ""])  # make publish without REPO
    assert publishing.main() == 2
    assert capsys.readouterr().err.startswith("error: REPO= is no repository")
    monkeypatch.setattr("sys.argv", ["publish", "ada/notes"])
    assert publishing.main() == 0
    assert (copy / "README.md").read_text().count("ada/notes") == 1
    monkeypatch.setattr("sys.argv", ["publish"])
    assert publishing.main() == 0
    assert capsys.readouterr().out.count("ada/notes: stamped in 2 notebooks") == 2
