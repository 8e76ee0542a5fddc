"""prepare, data list, data report on the command line; `data check` is in tests/data/test_check.py."""

import json
from pathlib import Path

import pytest
from small import assert_one_line

from mmsnet_lite.__main__ import main
from mmsnet_lite.data.specs import MIXES, SPECS
from mmsnet_lite.data.specs.tables import markdown

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _no_root(monkeypatch):
    monkeypatch.delenv("MMSNET_DATA", raising=False)


def test_list_gives_programs_the_totals_of_the_paper(capsys):
    assert main(["data", "list", "--json"]) == 0
    entries = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert list(entries) == [*SPECS, *MIXES]
    assert (entries["mix1"]["train"], entries["mix2"]["train"]) == (5091, 6649)
    tests = [[entries[name]["test"] for name in MIXES[mix]] for mix in ("mix1", "mix2")]
    assert tests == [[150, 100, 100, 1000], [80, 60, 614, 600]]
    assert [sum(row) for row in tests] == [entries[mix]["test"] for mix in ("mix1", "mix2")]


def test_list_gives_people_a_row_for_each_dataset(capsys):
    assert main(["data", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0].rstrip(":") for line in lines[1:]] == [*SPECS, *MIXES]
    assert all(spec.page in line for spec, line in zip(SPECS.values(), lines[1:], strict=False))


def test_the_data_readme_is_made_from_the_specs(capsys):
    text = (ROOT / "data/README.md").read_text(encoding="utf-8")
    assert text.endswith("\n\n" + markdown())
    assert main(["data", "list", "--markdown"]) == 0
    assert capsys.readouterr().out == markdown()


def test_prepare_refuses_what_it_does_not_know(tmp_path, capsys):
    assert main(["prepare", "mix1"]) == 2
    assert_one_line(capsys, "no folder of datasets named; give --data ROOT or set MMSNET_DATA")
    assert main(["prepare", "busi", "mix3", "--data", str(tmp_path)]) == 2
    assert_one_line(capsys, "'mix3' is no dataset; choose from mix1, mix2, origa, kvasir")
    assert list(tmp_path.iterdir()) == []


def test_report_writes_table_json_and_figure(tmp_path, capsys):
    out = tmp_path / "report"
    assert main(["data", "report", "--mix", "mixlite", "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["report.json", "report.png"]
    rows = json.loads((out / "report.json").read_text())["fingerprints"]
    assert [row["modality"] for row in rows] == ["fundus", "colonoscopy", "ultrasound", "dermoscopy"]
    printed = capsys.readouterr().out
    assert all(f"{row['slope']:.2f}" in printed for row in rows)


def test_report_on_folders_takes_mmsnet_data(root, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MMSNET_DATA", str(root))
    assert main(["data", "report", "--out", str(tmp_path / "report")]) == 0
    assert "left" in capsys.readouterr().out
