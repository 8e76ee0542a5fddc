"""The commands evaluate, compare and results on small runs."""

import json
import shutil

import pytest
from small import assert_one_line, write_dataset

from mmsnet_lite.__main__ import main
from mmsnet_lite.training import Evaluation
from mmsnet_lite.training.collect import command


@pytest.fixture(scope="session")
def evaluated(finished, tmp_path_factory):
    """A copy of the finished run with its test.csv; read only."""
    run = tmp_path_factory.mktemp("evaluated") / "run"
    shutil.copytree(finished / "run", run)
    assert main(["evaluate", "--run", str(run)]) == 0
    return run


def checkout(folder, readme="<!-- results: runs_* -->\n<!-- end of results -->\n"):
    (folder / "benchmarks/results").mkdir(parents=True)
    (folder / "README.md").write_text(readme)
    return folder / "benchmarks/results"


def test_evaluate_writes_what_train_measured(evaluated):
    test = json.loads((evaluated / "test.json").read_text())
    scores = Evaluation.read_csv(evaluated)
    assert [vars(score) for score in scores.images] == test["images"]
    assert scores.mean == test["mean"]
    assert not list(evaluated.glob("*.tmp"))


def test_evaluate_prints_intervals_and_sizes(finished, tmp_path, capsys):
    assert main(["evaluate", "--run", str(finished / "run"), "--out", str(tmp_path / "x.csv")]) == 0
    lines = capsys.readouterr().out.splitlines()
    test = json.loads((finished / "run/test.json").read_text())
    low, high = test["intervals"]["mean"]["dsc"]
    assert [line.split()[0] for line in lines[1:5]] == ["left", "right", "mean", "lesion"]
    assert f"{test['mean']['dsc']:.3f}  {low:.3f} to {high:.3f}" in lines[3]
    assert lines[-1] == f"-> {tmp_path / 'x.csv'}"


def test_scores_elsewhere_and_at_original_size_leave_those_of_the_test_split(evaluated, tmp_path):
    run, before = tmp_path / "run", (evaluated / "test.csv").read_bytes()
    shutil.copytree(evaluated, run)
    write_dataset(tmp_path, "elsewhere", size=96)
    elsewhere = ["--data", str(tmp_path), "--datasets", "elsewhere"]
    assert main(["evaluate", "--run", str(run), *elsewhere]) == 0
    assert main(["evaluate", "--run", str(run), *elsewhere, "--at", "original"]) == 0
    assert (run / "test.csv").read_bytes() == before
    near, far = (Evaluation.read_csv(run / f"test-elsewhere{end}.csv") for end in ("", "-original"))
    assert [s.height for s in near.images] == [64, 64]
    assert [s.height for s in far.images] == [96, 96]


def test_evaluate_refuses_a_place_it_cannot_write_before_it_scores(finished, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("mmsnet_lite.cli_evaluate.evaluate", None)
    for place in (tmp_path, tmp_path / "nowhere/x.csv"):
        assert main(["evaluate", "--run", str(finished / "run"), "--out", str(place)]) == 2
        assert_one_line(capsys, ".* cannot be written: name a CSV file in a folder that exists with --out")


def test_of_several_processes_the_first_one_writes(finished, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert main(["evaluate", "--run", str(finished / "run"), "--out", str(tmp_path / "x.csv")]) == 0
    assert capsys.readouterr().out == ""
    assert not list(tmp_path.iterdir())


def test_compare_runs_and_files(evaluated, tmp_path, capsys):
    other = tmp_path / "other.csv"
    shutil.copy(evaluated / "test.csv", other)
    assert main(["compare", str(evaluated), str(other)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"A: {evaluated}", f"B: {other}"]
    assert lines[3].split()[-1] == "1.0000"
    assert "+0.000" in lines[3]
    assert main(["compare", "--a", str(evaluated), str(other), "--b", str(other)]) == 0
    assert f"A: {evaluated}, {other}" in capsys.readouterr().out


def test_bad_comparisons_are_one_line(evaluated, finished, tmp_path, capsys):
    less = tmp_path / "less.csv"
    less.write_text("\n".join((evaluated / "test.csv").read_text().splitlines()[:-1]) + "\n")
    run = str(evaluated)
    for arguments, message in (
        ([run], "name two runs"),
        ([run, run, "--a", run], "name two runs"),
        (["--a", run], "a side has no run"),
        (["--a", run, run, "--b", run], ".* stands twice on one side"),
        ([run, str(less)], ".* 1 are in one of them only, such as .'right', 'f'"),
        ([run, str(finished)], r".*test\.csv does not exist; `python -m mmsnet_lite evaluate --run"),
    ):
        assert main(["compare", *arguments]) == 2
        assert_one_line(capsys, message)


def test_results_collects_runs_and_renews_readme(evaluated, tmp_path, capsys):
    folder = checkout(tmp_path)
    words = ["results", "--results", str(folder)]
    collect = [*words, "--collect", str(evaluated), "--into", "small"]
    assert main(collect) == 2
    assert_one_line(capsys, r".*runs_small\.json is new; give the sentence above its table with --title")
    assert main([*collect, "--title", "Small.", "--write"]) == 0
    assert main(collect) == 0  # takes its own place
    (entry,) = json.loads((folder / "runs_small.json").read_text())["runs"]
    test = json.loads((evaluated / "test.json").read_text())
    assert entry["test"] == {key: value for key, value in test.items() if key != "images"}
    assert entry["environment"].keys() == {"commit", "versions", "platform", "threads", "gpu"}
    capsys.readouterr()
    assert main(words) == 0
    table = capsys.readouterr().out.strip("\n")
    assert "Small." in table
    assert "{:.3f} to {:.3f}".format(*test["intervals"]["mean"]["dsc"]) in table
    assert table in (tmp_path / "README.md").read_text()


def test_the_collected_command_repeats_the_run(finished, tmp_path, monkeypatch):
    def cut_off(*_, **__):
        raise KeyboardInterrupt

    config = json.loads((finished / "run/config.json").read_text())
    words = command(config).replace("ROOT", str(finished / "data")).split()
    assert words[:3] == ["python", "-m", "mmsnet_lite"]
    monkeypatch.setattr("mmsnet_lite.cli_train.train", cut_off)  # the configuration is written before
    assert main([*words[3:], "--run", str(tmp_path / "again")]) == 130
    assert json.loads((tmp_path / "again/config.json").read_text()) == config


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"source": {"root": None, "mix": "mixlite@2"}}, "--mix mixlite "),
        ({"source": {"root": "/d", "mix": "mix1", "datasets": ["a"]}}, "--mix mix1 --data ROOT "),
        ({"options": {"mfa": False, "msfg": True, "msfg_scales": 2}}, "--no-mfa --msfg-scales 2"),
    ],
)
def test_the_command_of_other_runs(finished, change, said):
    config = json.loads((finished / "run/config.json").read_text()) | change
    assert said in command(config)
    config["settings"] |= {"sampler": "balanced"}
    assert "--sampler balanced" in command(config)


def test_what_is_no_finished_run_is_one_line(evaluated, tmp_path, capsys):
    folder, run = checkout(tmp_path), tmp_path / "run"
    shutil.copytree(evaluated, run)
    words = ["results", "--results", str(folder), "--into", "x", "--title", "X.", "--collect"]
    (run / "environment.json").unlink()
    assert main([*words, str(run)]) == 2
    assert_one_line(capsys, r".*run holds no whole run \(.*environment\.json")
    (run / "test.csv").unlink()
    assert main([*words, str(run)]) == 2
    assert_one_line(capsys, r".*evaluate --run .*run` writes it")
    assert main([*words, str(run / "config.json")]) == 2
    assert_one_line(capsys, r".*config\.json holds no scores of images")
    assert main(["results", "--results", str(tmp_path / "nowhere")]) == 2
    assert_one_line(capsys, ".*nowhere does not exist; check the path")
    assert main(["results", "--results", str(folder), "--collect", str(run)]) == 2
    assert_one_line(capsys, "--collect RUN.. says what to add, --into NAME")
    (tmp_path / "README.md").unlink()
    assert main(["results", "--results", str(folder), "--write"]) == 2
    assert_one_line(capsys, r".*README\.md")
    assert not list(folder.iterdir())
