"""benchmarks/gpu.py: what it packs, how it is cut off and continued, and all of it in small on a CPU."""

import hashlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from small import write_dataset

from mmsnet_lite.__main__ import parser
from mmsnet_lite.data import Mix, folder_parts

SCRIPT = Path(__file__).parents[1] / "benchmarks/gpu.py"
RESULTS = SCRIPT.parent / "results"
SETS = ("drishti", "kvasir", "busi", "isic2017")
TRAIN, TEST = ("benign (1)", "b", "c d", "d"), ("malignant (2)", "f")


@pytest.fixture
def gpu(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("gpu", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "gpu", module)
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec.loader.exec_module(module)
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(module.signal, "signal", lambda *_: None)
    return module


@pytest.fixture
def datasets(tmp_path):
    for name in SETS:
        write_dataset(tmp_path / "data", name, TRAIN, TEST, size=96, ending="jpg" if name == "kvasir" else "png")
    (tmp_path / "data/busi/card.json").write_text('{"modality": "echo"}')
    return tmp_path / "data"


def smooth(datasets):
    """Noise does not survive JPEG; what is smooth does."""
    for file in datasets.glob("*/images/*"):
        cv2.imwrite(str(file), cv2.GaussianBlur(cv2.imread(str(file)), (0, 0), 3))


def test_what_is_packed_reads_as_the_original_does(gpu, datasets, tmp_path, capsys):
    smooth(datasets)
    assert gpu.main(["pack", str(datasets), str(tmp_path / "p.tgz"), "--size", "64"]) == 0
    assert "24 images" in capsys.readouterr().out
    there = gpu.unpacked(tmp_path / "p.tgz")
    assert gpu.unpacked(tmp_path / "p.tgz") == there
    assert json.loads((there / "pack.json").read_text()) == {"size": 64, "quality": 95}
    for split in ("train", "test"):
        ours, theirs = (Mix(folder_parts(place, list(SETS), split), 64) for place in (there, datasets))
        assert "echo" in ours.modalities
        for a, b in zip(ours, theirs, strict=True):
            assert all(a[key] == b[key] for key in ("dataset", "modality", "stem"))
            assert torch.equal(a["mask"], b["mask"])
            difference = (a["image"].float() - b["image"].float()).abs()
            assert difference.mean() < (2 if split == "train" else 1e-9)
    for name in SETS:
        for stem in TEST:
            for file in datasets.glob(f"{name}/*/*"):
                if file.stem == stem:
                    assert (there / file.relative_to(datasets)).read_bytes() == file.read_bytes()
    assert cv2.imread(str(there / "busi/images/benign (1).jpg")).shape == (64, 64, 3)
    masks = {bytes(file.read_bytes()[24:26]) for file in there.glob("*/masks/d.png")}
    assert masks == {b"\x01\x00"}  # one bit, grey


def test_an_image_that_is_small_enough_is_packed_as_it_is(gpu, datasets, tmp_path):
    assert gpu.main(["pack", str(datasets), str(tmp_path / "p.tgz"), "--size", "96"]) == 0
    with tarfile.open(tmp_path / "p.tgz") as tar:
        for file in datasets.glob("*/*/*.*"):
            assert tar.extractfile(file.relative_to(datasets).as_posix()).read() == file.read_bytes()


def test_the_best_quality_that_fits_is_taken_or_nothing_written(gpu, datasets, tmp_path, capsys):
    def packed(*extra):
        code = gpu.main(["pack", str(datasets), str(tmp_path / "p.tgz"), "--size", "64", *extra])
        return code, capsys.readouterr()

    sizes = {}
    for quality in (85, 80, 60):
        assert packed("--quality", str(quality))[0] == 0
        sizes[quality] = (tmp_path / "p.tgz").stat().st_size
    assert sizes[85] > sizes[80] > sizes[60]
    assert "quality=80" in packed("--limit-mb", str((sizes[80] + sizes[85]) / 2e6))[1].out
    (tmp_path / "p.tgz").unlink()
    code, said = packed("--limit-mb", str(sizes[60] / 2e6))
    assert code == 2
    assert all(word in said.err for word in ("64 px", "60", "--size", "--quality"))
    assert not list(tmp_path.glob("p.tgz*"))


def test_without_a_gpu_only_tiny_runs_and_without_a_command_nothing(gpu, datasets, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main([]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert gpu.main(["run", str(datasets), "--out", str(tmp_path / "out")]) == 2
    assert "--profile tiny" in capsys.readouterr().err
    for place, named in ((tmp_path / "no", tmp_path / "no"), (tmp_path, tmp_path / "drishti")):
        assert gpu.main(["run", str(place), "--out", str(tmp_path / "out"), "--profile", "tiny"]) == 2
        assert f"{named} does not exist" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def pythons(gpu, folder):
    """Pieces of small programs: one ends well, one is slow and notes that it was asked to stop, one fails."""

    def unit(name, code, **more):
        code = f"open(r'{folder}/{name}', 'a').write('x'); {code}"
        return gpu.Unit(name, [sys.executable, "-c", code], **more)

    asked = f"signal.signal(15, lambda *_: (open(r'{folder}/asked', 'a').write('x'), sys.exit(143)))"
    slow = unit(
        "slow", f"import signal, sys, time; {asked}; time.sleep(0 if open(r'{folder}/slow').read() == 'xx' else 60)"
    )
    half = unit("half", "pass", whole=lambda: (folder / "half").read_text() == "xx")
    return {
        "tests": [unit("quick", "pass"), unit("wrong", "1 / 0"), unit("after", "pass")],
        "steps": [half],
        "frequency": [],
        "b4": [unit("long", "pass")],
        "trainings": [],
        "ablations": [slow],
    }


def test_what_is_cut_off_goes_on_and_what_is_done_is_not_repeated(gpu, datasets, tmp_path, capsys, monkeypatch):
    out, notes = tmp_path / "out", tmp_path / "notes"
    notes.mkdir()
    monkeypatch.setattr(gpu, "pieces", lambda *_: pythons(gpu, notes))
    monkeypatch.setattr(gpu, "GRACE", 5)
    monkeypatch.setitem(gpu.PROFILES["tiny"]["seconds"], "b4", 1000)
    command = ["run", str(datasets), "--out", str(out), "--profile", "tiny", "--seconds"]

    def states():
        pieces = json.loads((out / "status.json").read_text())["pieces"]
        return {name: piece["state"] for name, piece in pieces.items()}

    began = time.time()
    assert gpu.main([*command, "16"]) == 1
    assert time.time() - began < 16
    assert states() == {
        "tests": "failed",
        "steps": "partly",
        "frequency": "done",
        "b4": "left",
        "trainings": "done",
        "ablations": "partly",
    }
    assert "ZeroDivisionError" in (out / "logs/wrong.log").read_text()
    said = capsys.readouterr().out
    assert "long left (a part needs 1000 s)" in said
    assert (notes / "asked").exists()
    assert not (notes / "long").exists()

    assert gpu.main([*command, "1100"]) == 1
    counts = {name: len((notes / name).read_text()) for name in ("quick", "wrong", "after", "half", "long", "slow")}
    assert counts == {"quick": 1, "wrong": 2, "after": 1, "half": 2, "long": 1, "slow": 2}
    assert {name for name, state in states().items() if state != "done"} == {"tests"}
    assert gpu.main([*command[:3], str(out), "--profile", "full"]) == 2


def test_a_gpus_commands_are_ones_that_the_package_knows(gpu, tmp_path):
    pieces = gpu.pieces(tmp_path, tmp_path / "out", "full")
    names = [unit.name for units in pieces.values() for unit in units]
    assert len(set(names)) == len(names)
    for unit in pieces["trainings"]:
        args = parser().parse_args(list(unit.command)[3:])
        assert (args.size, args.epochs, args.resume) == (352, 6, False)
    tests = [word for word in pieces["tests"][0].command if word.endswith(".py")]
    assert {Path(file).name for file in tests} >= {"test_extrema.py", "test_contourlet.py"}
    assert len(pieces["steps"]) == 6
    for unit in pieces["ablations"]:
        lacking = unit.command[unit.command.index("--only") + 1 :]
        kind = unit.name.removeprefix("ablations-")
        assert lacking
        assert not [name for name in lacking if (RESULTS / "ablations" / kind / f"{name}.json").exists()]


def test_results_come_home_beside_what_is_there(gpu, tmp_path, capsys):
    out, into = tmp_path / "out", tmp_path / "results"
    for folder in (out / "results", into):
        folder.mkdir(parents=True)
    (into / "model.json").write_text('{"b4": 1, "b4, CUDA": 1}')
    (out / "results/model.json").write_text('{"b4, CUDA": 2}')
    (out / "results/gpu.json").write_text('{"rows": {}}')
    for profile, code in (("tiny", 2), ("full", 0)):
        (out / "status.json").write_text(json.dumps({"profile": profile}))
        assert gpu.main(["home", str(out), "--into", str(into)]) == code
        assert (into / "gpu.json").exists() == (code == 0)
    assert json.loads((into / "model.json").read_text()) == {"b4": 1, "b4, CUDA": 2}


def digest(folder):
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.slow
def test_all_of_it_in_small_cut_off_twice(datasets, tmp_path, monkeypatch):
    before, out = digest(RESULTS), tmp_path / "out"
    subprocess.run([sys.executable, SCRIPT, "pack", datasets, tmp_path / "p.tgz", "--size", "64"], check=True)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    command = [sys.executable, SCRIPT, "run", tmp_path / "p.tgz", "--out", out, "--profile", "tiny", "--seconds"]
    subprocess.run([*command, "60", "--only", "tests", "steps"], check=True)
    cut = subprocess.Popen([*command, "900", "--only", "trainings"])
    while cut.poll() is None and not list(out.glob("runs/*/metrics.jsonl")):
        time.sleep(0.05)
    cut.send_signal(signal.SIGTERM)
    assert cut.wait(60) in (0, 128 + signal.SIGTERM)
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and str(out / "runs") in words(pid)]
    subprocess.run([*command, "900"], check=True)

    status = json.loads((out / "status.json").read_text())
    assert {piece["state"] for piece in status["pieces"].values()} == {"done"}
    assert status["next"].endswith(f"gpu.py home {out}")
    runs = json.loads((out / "results/runs_real_64.json").read_text())["runs"]
    assert sorted(run["model"] for run in runs) == ["mmsnet", "mmsnet", "segformer", "unet"]
    assert all(0 <= np.mean(run["dsc of each image"][name]) <= 1 for run in runs for name in run["dsc of each image"])
    steps = json.loads((out / "results/gpu.json").read_text())["rows"]
    assert len(steps) == 3
    assert all(row["images a second"] > 0 and row["peak memory, MiB"] > 0 for row in steps.values())
    assert json.loads((out / "results/frequency_cpu.json").read_text())["shape"] == [8, 3, 32, 32]
    for kind in ("mixlite", "real"):
        assert len(list((out / "results/ablations" / kind).glob("*.json"))) == 2
    assert digest(RESULTS) == before
    began = time.time()
    subprocess.run([*command, "60"], check=True)
    assert time.time() - began < 60
    assert json.loads((out / "status.json").read_text()) == status


def words(pid):
    """The command line of a process, "" if it has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
