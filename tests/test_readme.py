"""README keeps its word: its tables come from the results files, its Python runs, its files and commands exist."""

import json
import re
import shlex
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
from lessons import LESSONS, read
from torch.testing import assert_close

from mmsnet_lite.__main__ import parser
from mmsnet_lite.course.publish import repository, table
from mmsnet_lite.training.intervals import bootstrap
from mmsnet_lite.training.results import filled, markdown, rendered, rows
from mmsnet_lite.training.results import read as results

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
THEORY = (ROOT / "mmsnet_lite/frequency/README.md").read_text(encoding="utf-8")


def blocks(language, text=README):
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_tables_are_the_results_files():
    assert rendered(README) == README
    assert markdown("runs_*") in README
    assert markdown("zero_shot") in README
    typed_by_hand = re.sub(r"0\.\d{3} \|", "0.999 |", README, count=1)
    assert typed_by_hand != README == rendered(typed_by_hand)


def test_the_python_in_twelve_lines_runs(tmp_path, monkeypatch, capsys):
    code, *others = blocks("python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    monkeypatch.chdir(tmp_path)
    exec(compile("\n".join([code, *others]), "README.md", "exec"), {})
    assert capsys.readouterr().out.strip()


def test_the_theory_text_runs_and_quotes_the_benchmark():
    (code,) = blocks("python", THEORY)
    names = {}
    exec(compile(code, "frequency/README.md", "exec"), names)
    assert tuple(names["low"].shape) == (8, 3, 44, 36)
    assert_close(names["same"], names["x"], atol=2e-5, rtol=0)
    measured = json.loads((ROOT / "benchmarks/results/frequency_cpu.json").read_text())
    ratio = measured["ratio to the fft round trip"]
    flat = " ".join(THEORY.split())
    assert f"about {ratio['forward']:.0f} FFT round trips forward and {ratio['inverse']:.0f} back" in flat
    assert f"the plain ladder takes {ratio['ladder forward']:.0f} for" in flat
    assert f"cached ({sum(measured['cached responses, MiB'].values()):.0f} MiB for 352 x 352" in flat
    low, high = measured["ladder coefficients without seam, 128 px, l = 2, 3, 4"][1]
    assert f"between {low:.0%} and {high:.0%}".replace("% and", " and").replace("%", " %") in flat
    for link in re.findall(r"\]\(([^)#:]+)\)", THEORY):
        assert (ROOT / "mmsnet_lite/frequency" / link).exists(), link


def test_which_of_two_networks_is_ahead_depends_on_what_is_held_equal():
    size, time = ({row["name"]: row for row in rows(results(f"runs_real_{name}"))} for name in ("128", "equal_time"))
    assert all(mean(row["dsc"]) < mean(size["unet"]["dsc"]) for name, row in size.items() if name != "unet")
    ours, unet = time["mmsnet mit-nano"], time["unet"]
    assert len(ours["seeds"]) == len(unet["seeds"]) == 3
    ahead = {name: mean(ours["datasets"][name]) - mean(unet["datasets"][name]) for name in ours["datasets"]}
    assert max(ahead, key=ahead.get) == "kvasir"
    assert ahead["busi"] < 0
    images = [
        [run["dsc of each image"] for run in results("runs_real_equal_time")["runs"] if run["model"] == name]
        for name in ("mmsnet", "unet")
    ]
    strata = [[np.array([seed[kind] for seed in side])[..., None] for side in images] for kind in sorted(images[0][0])]
    low, high = bootstrap(strata, [1 / len(strata)] * len(strata))[:, 0]
    flat = " ".join(README.split())
    assert f"by {mean(ours['dsc']) - mean(unet['dsc']):+.3f} ({low:+.3f} to {high:+.3f}) over seeds and images" in flat
    ratio = json.loads((ROOT / "benchmarks/results/model.json").read_text())["small"]["ratio"]
    assert f"takes {ratio['time']:.2f} times as long as U-Net's at 128 px, and {ratio['peak memory']:.2f} times" in flat


def test_every_command_parses():
    commands = [line for block in blocks("bash") for line in block.splitlines() if "-m mmsnet_lite " in line]
    assert len(commands) >= 4
    for line in commands:
        arguments = shlex.split(line.split("-m mmsnet_lite ")[1], comments=True)
        assert parser().parse_args(arguments).command == arguments[0]


def test_the_reading_order_fits_an_afternoon_and_counts_its_lines():
    rows = re.findall(r"\]\((mmsnet_lite/\S+\.py)\) \| (\d+) \|", README)
    lines = {file: len((ROOT / file).read_text(encoding="utf-8").splitlines()) for file, _ in rows}
    assert len(lines) == len(rows) == 7
    for file, stated in rows:
        assert int(stated) == pytest.approx(lines[file], rel=0.15), file
    (total,) = re.findall(r"about ([\d,]+) lines", README)
    assert int(total.replace(",", "")) == pytest.approx(sum(lines.values()), rel=0.1)
    assert sum(lines.values()) <= 1300


def test_every_make_target_and_link_exists():
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"^make ([a-z-]+)", README, flags=re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_the_table_of_lessons_is_made_of_their_headers():
    headers = {path.name: read(path).cells[0].source for path in LESSONS}
    made = filled(README, "lessons", lambda _: table(headers, repository(ROOT)))
    assert made == README, "run `python -m mmsnet_lite.course.publish`, which makes it anew"
    assert all(f"](notebooks/{name})" in made for name in headers)
    changed = headers | {LESSONS[0].name: headers[LESSONS[0].name].replace("**Claim.** ", "**Claim.** Perhaps ")}
    assert table(changed, repository(ROOT)) not in README
