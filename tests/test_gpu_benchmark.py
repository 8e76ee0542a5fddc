"""benchmarks/gpu.py: what it packs, how it is cut off and continued, and all of it in small on a CPU."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest
import torch
from small import benchmark, write_dataset

from mmsnet_lite.__main__ import parser
from mmsnet_lite.data import Mix, folder_parts

SCRIPT = Path(__file__).parents[1] / "benchmarks/gpu.py"
RESULTS = SCRIPT.parent / "results"
SETS = ("drishti", "kvasir", "busi", "isic2017")
TRAIN, TEST = ("benign (1)", "b", "c d", "d"), ("malignant (2)", "f")


@pytest.fixture
def gpu(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [*sys.path])
    module = benchmark("gpu")
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(module.signal, "signal", lambda *_: None)
    return module


@pytest.fixture
def datasets(tmp_path):
    """The four sets; noise does not survive JPEG, so that the images are smoothed."""
    for name in SETS:
        write_dataset(tmp_path / "data", name, TRAIN, TEST, size=96, ending="jpg" if name == "kvasir" else "png")
    for file in (tmp_path / "data").glob("*/images/*"):
        cv2.imwrite(str(file), cv2.GaussianBlur(cv2.imread(str(file)), (0, 0), 3))
    (tmp_path / "data/busi/card.json").write_text('{"modality": "echo"}')
    return tmp_path / "data"


def test_what_is_packed_reads_as_the_original_does(gpu, datasets, tmp_path):
    assert gpu.main(["pack", str(datasets), str(tmp_path / "p.zip"), "--size", "64"]) == 0
    there = gpu.unpacked(tmp_path / "p.zip")
    assert gpu.unpacked(tmp_path / "p.zip") == there
    assert json.loads((there / "pack.json").read_text()) == {"size": 64, "quality": 90}
    for split in ("train", "test"):
        ours, theirs = (Mix(folder_parts(place, list(SETS), split), 64) for place in (there, datasets))
        assert "echo" in ours.modalities
        for a, b in zip(ours, theirs, strict=True):
            assert all(a[key] == b[key] for key in ("dataset", "modality", "stem"))
            assert torch.equal(a["mask"], b["mask"])
            difference = (a["image"].float() - b["image"].float()).abs()
            assert difference.mean() < (2 if split == "train" else 1e-9)
    assert cv2.imread(str(there / "busi/images/benign (1).jpg")).shape == (64, 64, 3)
    masks = {bytes(file.read_bytes()[24:26]) for file in there.glob("*/masks/d.png")}
    assert masks == {b"\x01\x00"}  # one bit, grey


def test_an_image_that_is_small_enough_is_packed_as_it_is(gpu, datasets, tmp_path):
    assert gpu.main(["pack", str(datasets), str(tmp_path / "p.zip"), "--size", "96"]) == 0
    there = gpu.unpacked(tmp_path / "p.zip")
    for file in datasets.glob("*/*/*.*"):
        assert (there / file.relative_to(datasets)).read_bytes() == file.read_bytes()


def test_what_would_be_too_large_is_not_written(gpu, datasets, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(gpu, "LIMIT", 1000)
    assert gpu.main(["pack", str(datasets), str(tmp_path / "p.zip"), "--size", "64"]) == 2
    assert "lower --size or --quality" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


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


def test_what_is_cut_off_goes_on_and_what_is_done_is_not_repeated(gpu, datasets, tmp_path, capsys, monkeypatch):
    """Small programs: one ends well, one fails, one is slow and notes that it was asked to stop, one needs long."""

    def piece(name, code, needs=0):
        return needs, ["-c", f"open(r'{tmp_path}/{name}', 'a').write('x'); {code}"]

    asked = f"signal.signal(15, lambda *_: (open(r'{tmp_path}/asked', 'a').write('x'), sys.exit(143)))"
    slow = f"import signal, sys, time; {asked}; time.sleep(0 if open(r'{tmp_path}/slow').read() == 'xx' else 60)"
    found = {"quick": piece("quick", "pass"), "wrong": piece("wrong", "1 / 0"), "long": piece("long", "pass", 1000)}
    monkeypatch.setattr(gpu, "pieces", lambda *_: found | {"slow": piece("slow", slow)})
    monkeypatch.setattr(gpu, "GRACE", 5)
    out = tmp_path / "out/tiny"
    command = ["run", str(datasets), "--out", str(tmp_path / "out"), "--profile", "tiny", "--seconds"]
    began = time.time()
    assert gpu.main([*command, "16"]) == 1
    assert time.time() - began < 16
    states = json.loads((out / "status.json").read_text())
    assert states == {"quick": "done", "wrong": "failed", "slow": "partly"}
    assert "ZeroDivisionError" in (out / "logs/wrong.log").read_text()
    assert "long (begins with 1000 s left)" in capsys.readouterr().out
    assert (tmp_path / "asked").exists()

    assert gpu.main([*command, "1100"]) == 1
    counts = {name: len((tmp_path / name).read_text()) for name in ("quick", "wrong", "long", "slow")}
    assert counts == {"quick": 1, "wrong": 2, "long": 1, "slow": 2}
    states = json.loads((out / "status.json").read_text())
    assert states == {"quick": "done", "wrong": "failed", "long": "done", "slow": "done"}


def test_a_gpus_commands_are_ones_that_the_package_knows(gpu, tmp_path):
    pieces = gpu.pieces(tmp_path, tmp_path / "out", tiny=False)
    for name in gpu.TRAININGS:
        args = parser().parse_args([str(word) for word in pieces[name][1][2:]])
        assert (args.size, args.epochs, args.resume) == (352, 6, False)
    assert {Path(word).name for word in pieces["tests"][1]} >= {"test_extrema.py", "test_contourlet.py"}


def digest(folder):
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.slow
def test_all_of_it_in_small_cut_off_once(datasets, tmp_path, monkeypatch):
    before, out = digest(RESULTS), tmp_path / "out/tiny"
    subprocess.run([sys.executable, SCRIPT, "pack", datasets, tmp_path / "p.zip", "--size", "64"], check=True)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    command = [sys.executable, SCRIPT, "run", tmp_path / "p.zip", "--out", tmp_path / "out", "--profile", "tiny"]
    cut = subprocess.Popen([*command, "--seconds", "900"])
    while cut.poll() is None and not list(out.glob("runs/*/metrics.jsonl")):
        time.sleep(0.05)
    cut.send_signal(signal.SIGTERM)
    assert cut.wait(60) in (0, 128 + signal.SIGTERM)
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and str(out / "runs") in words(pid)]
    subprocess.run([*command, "--seconds", "900"], check=True)

    assert set(json.loads((out / "status.json").read_text()).values()) == {"done"}
    runs = json.loads((out / "results/runs_real_64.json").read_text())["runs"]
    assert sorted(run["model"] for run in runs) == ["mmsnet", "mmsnet", "segformer", "unet"]
    assert json.loads((out / "results/frequency_cpu.json").read_text())["shape"] == [8, 3, 32, 32]
    for kind in ("mixlite", "real"):
        stored = json.loads((out / "results/ablations" / kind / "plain-seed0.json").read_text())
        assert stored["settings"]["epochs"] == 1
    assert digest(RESULTS) == before


def words(pid):
    """The command line of a process, "" if it has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
