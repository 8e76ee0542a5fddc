"""Tables from results files: rows, seeds, intervals, README's markers."""

import json
import re

import numpy as np
import pytest

from mmsnet_lite.errors import InputError
from mmsnet_lite.training import results

SETS = {"kvasir": "colonoscopy", "busi": "ultrasound"}


def run(seed, encoder="mit-nano", **options):
    rng = np.random.default_rng(seed)
    dsc = {name: np.clip(rng.normal(0.7, 0.1, 50), 0, 1).round(4).tolist() for name in SETS}
    rows = {name: {"n": 50, "dsc": float(np.mean(dsc[name]))} for name in SETS}
    mean = float(np.mean([row["dsc"] for row in rows.values()]))
    rows_of_sizes = {"small": {"n": 9, "dsc": 0.4 + 0.1 * seed}, "large": {"n": 91, "dsc": 0.9}}
    return {
        "model": "mmsnet",
        "options": {"encoder": encoder, **options},
        "size": 128,
        "settings": {"epochs": 6, "lr": 0.002, "seed": seed},
        "validation": 0.05,
        "datasets": list(SETS),
        "at": "network",
        "images": "digest",
        "test": {
            "mean": {"dsc": mean, "iou": mean - 0.1, "mae": 0.05},
            "datasets": rows,
            "sizes": rows_of_sizes,
        },
        "dsc of each image": {SETS[name]: dsc[name] for name in SETS},
        "command": f"python -m mmsnet_lite train --seed {seed} --encoder {encoder}",
    }


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "benchmarks" / "results"
    found.mkdir(parents=True)
    return found


def write(folder, name, data):
    (folder / f"{name}.json").write_text(json.dumps(data))


def cells(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]


def test_seeds_of_one_configuration_are_one_row_with_mean_spread_and_interval():
    runs = [run(1), run(0), run(0, encoder="mit-b0"), run(2)]
    rows = results.rows({"title": "", "runs": runs})
    assert [(row["name"], row["seeds"]) for row in rows] == [("mmsnet mit-nano", [0, 1, 2]), ("mmsnet mit-b0", [0])]
    means = [run(seed)["test"]["mean"]["dsc"] for seed in range(3)]
    assert rows[0]["dsc"] == means
    three, one = (row["interval"] for row in rows)
    assert three[0] < np.mean(means) < three[1]
    sd = np.sqrt(np.mean([np.var(d) / 50 for d in run(0)["dsc of each image"].values()]) / 2)
    assert one[1] - one[0] == pytest.approx(2 * 1.96 * sd, rel=0.05)


def test_the_table_of_three_seeds(folder):
    write(folder, "runs_x", {"title": "Three seeds.", "runs": [run(seed) for seed in range(3)]})
    text = results.markdown("runs_x", folder)
    header, _, row = cells(text)
    assert text.startswith("Three seeds.\n\n| DSC |")
    shown = dict(zip(header, row, strict=True))
    means = [run(seed)["test"]["mean"]["dsc"] for seed in range(3)]
    assert shown["DSC"] == "mmsnet mit-nano"
    assert shown["seeds"] == "3"
    assert shown["mean"] == f"{np.mean(means):.3f} ± {np.std(means, ddof=1):.3f}"
    assert re.fullmatch(r"0\.\d{3} to 0\.\d{3}", shown["95 % interval"])
    assert shown["lesion < 2 %"] == "0.500 ± 0.100"
    assert "no lesion" not in shown
    assert text.endswith("`python -m mmsnet_lite train --seed S --encoder mit-nano`, S = 0, 1, 2  ")


def test_rows_of_the_same_name_say_what_differs():
    rows = results.rows({"title": "", "runs": [run(0), run(0, tune="full"), run(0, encoder="mit-b0")]})
    assert [row["name"] for row in rows] == ["mmsnet mit-nano", "mmsnet mit-nano, tune full", "mmsnet mit-b0"]


PRETRAINING = {
    "command": "python benchmarks/pretraining.py",
    "test split": "drishti,kvasir",
    "rows": {
        "mit-nano, mfa": {
            "own": {"seeds": [0, 1], "mean": 0.71, "spread": 0.02, "datasets": {"drishti": 0.8, "kvasir": 0.62}},
            "random": {"seeds": [0, 1], "mean": 0.6, "spread": 0.01, "datasets": {"drishti": 0.75, "kvasir": 0.45}},
            "own minus random": {"mean": 0.11, "interval": [0.08, 0.14], "by seed": [0.1, 0.12]},
        },
        "mit-b0, full": {
            "random": {"seeds": [0], "mean": 0.7, "spread": None, "datasets": {"drishti": 0.8, "kvasir": 0.6}}
        },
    },
}


def test_the_table_of_pretraining(folder):
    write(folder, "pretraining", PRETRAINING)
    header, _, first, second = cells(results.markdown("pretraining", folder))
    assert header[:5] == ["DSC", "seeds", "random", "own", "own minus random"]
    difference = "+0.110 (+0.080 to +0.140)"
    sets = ["0.750 → 0.800", "0.450 → 0.620"]
    assert first == ["mit-nano, mfa", "2", "0.600 ± 0.010", "0.710 ± 0.020", difference, *sets]
    assert second == ["mit-b0, full", "1", "0.700", "", "", "0.800 → –", "0.600 → –"]


TEXT = """Before.
<!-- results: pretraining -->
old 0.9
<!-- end of results -->
Between 0.8.
<!-- results: runs_* -->
<!-- end of results -->
"""


def test_a_text_gets_its_tables_and_keeps_the_rest(folder):
    absent = results.rendered(TEXT, folder)
    assert absent == TEXT.replace("old 0.9\n", "")
    write(folder, "pretraining", PRETRAINING)
    write(folder, "runs_b", {"title": "Second.", "runs": [run(0)]})
    write(folder, "runs_a", {"title": "First.", "runs": [run(0)]})
    write(folder, "data", {"other": 1})
    full = results.rendered(TEXT, folder)
    assert full == results.rendered(full, folder)
    assert re.findall(r"First|Second|Between 0.8|\+0\.110", full) == ["+0.110", "Between 0.8", "First", "Second"]
    assert results.markdown("*", folder).count("| DSC") == 3
    with pytest.raises(InputError, match="no place for results; write <!-- results"):
        results.rendered("plain", folder)


def test_a_folder_or_file_that_is_not_there_is_named(folder, monkeypatch):
    with pytest.raises(InputError, match="nowhere does not exist; check the path"):
        results.results_folder(folder / "nowhere")
    monkeypatch.setattr(results, "__file__", str(folder / "site-packages/mmsnet_lite/training/results.py"))
    with pytest.raises(InputError, match="run in a checkout of the repository, or name one's folder with --results"):
        results.results_folder()
    (folder / "runs_x.json").write_text("{")
    with pytest.raises(InputError, match=r"runs_x\.json is no results file"):
        results.read("runs_x", folder)
    write(folder, "runs_x", {"title": "No runs."})
    with pytest.raises(InputError, match=r"runs_x\.json lacks what its table shows \(KeyError\('runs'\)\)"):
        results.markdown("*", folder)


def test_the_checkouts_own_files_are_found():
    assert results.read("runs_mixlite")["runs"]
    assert "| mmsnet mit-nano |" in results.markdown("runs_mixlite")
