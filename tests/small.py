"""Small folders and networks that several rooms' tests share."""

import importlib.util
import re
from pathlib import Path

import cv2
import numpy as np
from torch import nn

from mmsnet_lite import SegmentationOutput


def write_dataset(root, name, stems=("a", "b", "c", "d"), test=("e", "f"), size=64, ending="png"):
    """Write a prepared folder: a bright square on noise, its mask, and split files."""
    folder = root / name
    for sub in ("images", "masks", "splits"):
        (folder / sub).mkdir(parents=True)
    rng = np.random.default_rng(len(name))
    for stem in (*stems, *test):
        image = rng.integers(0, 90, (size, size, 3), dtype=np.uint8)
        mask = np.zeros((size, size), np.uint8)
        top, left = rng.integers(4, size // 2, 2)
        mask[top : top + size // 3, left : left + size // 3] = 255
        image[mask > 0] += 150
        cv2.imwrite(str(folder / "images" / f"{stem}.{ending}"), image)
        cv2.imwrite(str(folder / "masks" / f"{stem}.png"), mask)
    (folder / "splits" / "train.txt").write_text("\n".join(stems) + "\n")
    (folder / "splits" / "test.txt").write_text("\n".join(test) + "\n")
    return folder


class TinyNet(nn.Module):
    """The smallest network with the output contract, with everything a checkpoint must carry."""

    def __init__(self, width=4):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.Dropout(0.2), nn.Conv2d(width, 1, 1)
        )

    def forward(self, x):
        return SegmentationOutput(self.net(x), ())


QUICK = ["--size", "64", "--epochs", "1", "--batch", "4", "--validation", "0.25"]


def train_arguments(root, run, *extra):
    """The shortest training command on the datasets `left` and `right` under `root`."""
    return ["train", "--data", str(root), "--datasets", "left,right", *QUICK, "--run", str(run), *extra]


def assert_one_line(capsys, message):
    """What went to stderr is one line that says `message` (a pattern)."""
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert re.match(f"error: .*{message}", lines[0]), lines[0]


def benchmark(name):
    """benchmarks/NAME.py as a module."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[1] / f"benchmarks/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
