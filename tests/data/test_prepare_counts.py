"""The paper's two mixes to the image, from archives of the real counts and names; and a process that is killed."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from archives import ArchiveServer
from layouts import build

from mmsnet_lite.data.prepare import prepare
from mmsnet_lite.data.specs import MIXES

SIZE = 8
SLOWLY = """
import sys, time
sys.path.insert(0, {tests!r})
from importlib import import_module
from pathlib import Path
from layouts import build
module = import_module("mmsnet_lite.data.prepare")
convert = module._convert
module._convert = lambda *arguments: (time.sleep(0.02), convert(*arguments))[1]
module.prepare(build("tn3k", 300, 60).spec(), Path({root!r}), size=16)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mix", "train", "tests"), [("mix1", 5091, [150, 100, 100, 1000]), ("mix2", 6649, [80, 60, 614, 600])]
)
def test_a_mix_is_prepared_to_the_image(mix, train, tests, tmp_path):
    hashes = {"train": set(), "test": set()}
    stems = {"train": [], "test": []}
    for name in MIXES[mix]:
        with ArchiveServer() as server:
            folder = prepare(build(name).serve(server), tmp_path, size=SIZE)
        for split in stems:
            stems[split].append(folder.stems(split))
            contents = [(folder.path / "images" / f"{stem}.png").read_bytes() for stem in stems[split][-1]]
            hashes[split] |= {hashlib.sha256(content).digest() for content in contents}
        every = stems["train"][-1] + stems["test"][-1]
        assert len(set(every)) == len(every)
        for kind in ("images", "masks", "masks_original"):
            assert {path.stem for path in (folder.path / kind).iterdir()} == set(every)
            assert len(list((folder.path / kind).iterdir())) == len(every)
    assert sum(map(len, stems["train"])) == train
    assert [len(part) for part in stems["test"]] == tests
    assert not hashes["train"] & hashes["test"]
    assert len(hashes["train"]) == train
    assert len(hashes["test"]) == sum(tests)


def test_the_layouts_hold_the_collisions_of_the_real_archives():
    stems = {name: build(name).stems for name in ("cvc300", "tn3k")}
    frames = {stem[-3:] for stem in stems["cvc300"]["train"] if stem.startswith("clinicdb_")}
    assert len(frames & {stem[-3:] for stem in stems["cvc300"]["test"]}) == 51
    numbers = {split: {stem.split("_")[1] for stem in names} for split, names in stems["tn3k"].items()}
    assert len(numbers["test"] & numbers["train"]) == 614


@pytest.mark.slow
def test_a_killed_process_is_continued(tmp_path, monkeypatch):
    layout = build("tn3k", 300, 60)
    spec = layout.place(tmp_path)
    script = SLOWLY.format(tests=str(Path(__file__).parents[1]), root=str(tmp_path))
    last = tmp_path / "tn3k.partial" / "masks_original"  # the last file of an image
    with subprocess.Popen([sys.executable, "-c", script]) as process:
        deadline = time.monotonic() + 120
        while not last.exists() or len(list(last.iterdir())) < 60:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    begun = {path.stem for path in last.iterdir()}
    assert 60 <= len(begun) < 360
    module, again = sys.modules["mmsnet_lite.data.prepare"], []
    convert = module._convert
    monkeypatch.setattr(
        module, "_convert", lambda spec, pair, *rest: (again.append(pair.stem), convert(spec, pair, *rest))[1]
    )
    folder = prepare(spec, tmp_path, size=16)
    every = {stem for stems in layout.stems.values() for stem in stems}
    assert every - begun <= set(again)
    assert len(set(again) & begun) <= 8  # those that the kill cut off while they were written, one a thread
    for stem in every:
        folder.read(stem)
    assert not (tmp_path / "tn3k.partial").exists()
