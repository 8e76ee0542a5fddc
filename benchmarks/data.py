"""How much faster is an epoch from the cache than one that decodes the prepared files, and does memory grow?

    python benchmarks/data.py [ROOT]

A prepared folder of 352 px PNG files, as `prepare` writes it, is made of MixLite, and a second one of the prepared
folders in ROOT, where it is given. An epoch is a DataLoader over all images in batches of 8, in one process and thread;
both ways take turns in one run, with all files in the page cache; median and quartiles of `REPEATS` after `WARM_UP`.
Writes benchmarks/results/data.json.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from mmsnet_lite.build import environment
from mmsnet_lite.data import Mix, Part, folder_parts, mixlite_parts, prepared_folders, resize_pair

SIZE, IMAGES, BATCH = 352, 320, 8
WARM_UP, REPEATS, EPOCHS = 1, 9, 20
RESULT = Path(__file__).parent / "results/data.json"


class Files(Dataset[dict[str, torch.Tensor]]):
    """The same samples, each decoded when it is asked for."""

    def __init__(self, part: Part) -> None:
        self.part = part

    def __len__(self) -> int:
        return len(self.part.stems)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        image, mask = resize_pair(*self.part.load(self.part.stems[index]), SIZE)
        return {"image": torch.from_numpy(image).permute(2, 0, 1), "mask": torch.from_numpy(mask)[None]}


def write_folder(folder: Path, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> int:
    """Write a prepared folder of PNG files at `SIZE`; returns their bytes."""
    for sub in ("images", "masks", "splits"):
        (folder / sub).mkdir(parents=True)
    stems = []
    for i, pair in enumerate(pairs):
        image, mask = resize_pair(*pair, SIZE)
        cv2.imwrite(str(folder / f"images/{i:04d}.png"), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        cv2.imwrite(str(folder / f"masks/{i:04d}.png"), 255 * mask)
        stems.append(f"{i:04d}\n")
    (folder / "splits/train.txt").write_text("".join(stems), encoding="utf-8")
    return sum(path.stat().st_size for path in folder.rglob("*.png"))


def seconds(dataset: Dataset) -> float:
    """Wall time of an epoch."""
    start = time.perf_counter()
    for _ in DataLoader(dataset, batch_size=BATCH):
        pass
    return time.perf_counter() - start


def anonymous_megabytes() -> float:
    """Memory of this process that no file stands behind (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) / 1024


def measure(root: Path, name: str, size_of_files: int) -> dict:
    """Build the cache of ROOT/NAME, then time epochs and watch memory."""
    (part,) = folder_parts(root, [name], "train")
    start = time.perf_counter()
    mix = Mix([part], SIZE)
    built = time.perf_counter() - start
    taken: dict[str, list[float]] = {"files": [], "cache": []}
    for i in range(WARM_UP + REPEATS):
        for way, dataset in (("files", Files(part)), ("cache", mix)):
            elapsed = seconds(dataset)
            if i >= WARM_UP:
                taken[way].append(elapsed)
    memory = []
    for _ in range(EPOCHS):
        seconds(mix)
        memory.append(anonymous_megabytes())
    n = len(mix)
    ratios = [a / b for a, b in zip(taken["files"], taken["cache"], strict=True)]
    return {
        "images": n,
        "files, kB an image": round(size_of_files / n / 1024, 1),
        "building the cache, s": round(built, 2),
        "milliseconds an image, median": {way: round(1e3 * statistics.median(t) / n, 3) for way, t in taken.items()},
        "milliseconds an image, quartiles": {
            way: [round(1e3 * q / n, 3) for q in statistics.quantiles(t, n=4)[::2]] for way, t in taken.items()
        },
        "speed-up, median": round(statistics.median(ratios), 1),
        "speed-up, range over the turns": [round(min(ratios), 1), round(max(ratios), 1)],
        f"anonymous memory, MiB, epoch 1 and largest of epochs 2 to {EPOCHS}": [
            round(memory[0], 1),
            round(max(memory[1:]), 1),
        ],
    }


def mixlite() -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """MixLite's training images, the modalities in equal numbers."""
    for part in mixlite_parts("train", SIZE, counts={"train": IMAGES // 4}):
        yield from (part.load(stem) for stem in part.stems)


def real(root: Path) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Images spread over the training splits in `root`."""
    folders = [folder for folder in prepared_folders(root) if folder.has("train")]
    for folder in folders:
        stems = folder.stems("train")
        count = min(len(stems), IMAGES // len(folders))
        yield from (folder.read(stems[i * len(stems) // count]) for i in range(count))


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Time epochs from the cache and from the prepared files.")
    parser.add_argument("root", type=Path, nargs="?", metavar="ROOT", help="folder of prepared datasets")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MMSNET_CACHE"] = str(Path(folder) / "cache")
        sources = {"mixlite": mixlite()} | ({"real": real(args.root)} if args.root else {})
        result: dict = {"size": SIZE, "batch": BATCH}
        for name, pairs in sources.items():
            result[name] = measure(Path(folder), name, write_folder(Path(folder) / name, pairs))
    result |= {
        "environment": environment() | {"command": "python benchmarks/data.py" + " ROOT" * bool(args.root)},
        "date": date.today().isoformat(),
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
