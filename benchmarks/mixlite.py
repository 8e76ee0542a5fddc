"""Measure how close MixLite comes to real images: spectra, lesion sizes, a classifier's verdict, speed.

    python benchmarks/mixlite.py ROOT

ROOT holds prepared folders of real images (drishti, kvasir, busi, isic2017). Writes benchmarks/results/mixlite.json.
"""

import argparse
import hashlib
import json
import platform
import time
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from mmsnet_lite.data import PreparedFolder, folder_parts, mixlite_parts
from mmsnet_lite.data.fingerprint import fingerprint
from mmsnet_lite.data.synthetic import MODALITIES, VERSION, draw
from mmsnet_lite.training.checkpoint import write_text

RESULT = Path(__file__).parent / "results" / "mixlite.json"
FOLDERS = dict(zip(MODALITIES, ("drishti", "kvasir", "busi", "isic2017"), strict=True))
SLOPES = dict(zip(MODALITIES, (-3.4, -2.5, -2.9, -2.8), strict=True))
_QUANTILES = ((0.024, 0.029, 0.039), (0.028, 0.098, 0.294), (0.010, 0.052, 0.188), (0.017, 0.113, 0.513))
AREAS = dict(zip(MODALITIES, _QUANTILES, strict=True))
SMALL = 64  # side the classifier sees
SEED = 5  # of the draws that are measured; the classifier's are 0, 1, 2


def spectra(root: Path, modality: str, images: int = 200) -> dict:
    """Slope of the mean spectrum (4 to 99 cycles per image at 256 px) and energy in octaves, MixLite's and real."""
    parts = mixlite_parts("train", 256, SEED, {"train": images})
    ours = fingerprint(parts[MODALITIES.index(modality)], images)
    real = fingerprint(folder_parts(root, [FOLDERS[modality]], "train")[0], images)
    gap = 10 * np.log10(np.array(ours.octaves) / np.array(real.octaves))
    return {
        "mixlite": round(ours.slope, 3),
        "real": round(real.slope, 3),
        "reference": SLOPES[modality],
        "octaves, dB above real": gap.round(2).tolist(),
    }


def areas(modality: str, images: int = 600) -> dict:
    """Quantiles 10, 50 and 90 % of the share of the image that the lesion covers."""
    share = [draw(modality, SEED, k, 64)[1].mean() for k in range(images)]
    return {"mixlite": np.quantile(share, [0.1, 0.5, 0.9]).round(4).tolist(), "reference": AREAS[modality]}


def speed(modality: str, images: int = 40) -> float:
    """Images per second at 256 px, one process, one thread."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    draw(modality, SEED, 0, 256)
    start = time.process_time()
    for index in range(images):
        draw(modality, SEED, index, 256)
    cv2.setNumThreads(threads)
    return round(images / (time.process_time() - start), 1)


def stamp() -> dict:
    """What the first draws are: a digest of their bytes, and thumbnails that survive another CPU's rounding."""
    digest, thumbnails = hashlib.sha256(), {}
    for modality in MODALITIES:
        first = [draw(modality, 0, index, 128) for index in range(3)]
        for image, mask in first:
            digest.update(image.tobytes() + mask.tobytes())
        thumbnails[modality] = [thumbnail(image, mask) for image, mask in first]
    return {"version": VERSION, "sha256": digest.hexdigest(), "thumbnails": thumbnails}


def thumbnail(image: np.ndarray, mask: np.ndarray) -> list[float]:
    """Nine means, the deviation, the step between neighbours (0 to 255) and the mask's share in percent."""
    cells = cv2.resize(image.mean(-1, dtype=np.float32), (3, 3), interpolation=cv2.INTER_AREA).ravel().tolist()
    step = np.abs(np.diff(image.astype(np.float32), axis=0)).mean()
    return [round(float(value), 2) for value in (*cells, image.std(), step, 100 * mask.mean())]


def real_images(root: Path, split: str) -> dict[str, np.ndarray]:
    """Uint8 (n SMALL SMALL 3) for each modality."""
    folders = {modality: PreparedFolder(root / name) for modality, name in FOLDERS.items()}
    return {m: np.stack([small(folder.read(stem)[0]) for stem in folder.stems(split)]) for m, folder in folders.items()}


def mixlite_images(series: int, images: int) -> dict[str, np.ndarray]:
    """Uint8 (n SMALL SMALL 3) for each modality, drawn at 128 px and reduced."""
    return {m: np.stack([small(draw(m, series, k, 128)[0]) for k in range(images)]) for m in MODALITIES}


def small(image: np.ndarray) -> np.ndarray:
    """The image at SMALL px, by area."""
    return cv2.resize(image, (SMALL, SMALL), interpolation=cv2.INTER_AREA)


def network() -> nn.Module:
    """Four convolutions and a mean: 61 thousand parameters."""
    layers: list[nn.Module] = []
    for before, after in ((3, 16), (16, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, len(MODALITIES)))


def tensor(images: np.ndarray, grey: bool) -> torch.Tensor:
    """Float (n 3 h w), 0 to 1 about the middle; luma three times if grey."""
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - 0.5
    return (
        (x * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True).repeat(1, 3, 1, 1) if grey else x
    )


def train(images: dict[str, np.ndarray], seed: int, grey: bool, steps: int = 300) -> nn.Module:
    """Train on balanced batches of 16 a modality, flipped at random."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = network()
        optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
        pools = [tensor(images[modality], grey) for modality in MODALITIES]
        labels = torch.arange(len(MODALITIES)).repeat_interleave(16)
        for _ in range(steps):
            batch = torch.cat([pool[torch.randint(len(pool), (16,))] for pool in pools])
            for axis in (2, 3):
                flip = torch.rand(len(batch)) < 0.5
                batch[flip] = batch[flip].flip(axis)
            loss = nn.functional.cross_entropy(net(batch), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return net.eval()


@torch.no_grad()
def confusion(net: nn.Module, images: dict[str, np.ndarray], grey: bool) -> dict[str, list[float]]:
    """Share of each modality's images that are given each of the four names, in the order of MODALITIES."""
    table = {}
    for modality, pictures in images.items():
        named = torch.cat([net(part).argmax(1) for part in tensor(pictures, grey).split(128)])
        shares = torch.bincount(named, minlength=len(MODALITIES)) / len(named)
        table[modality] = [round(share, 4) for share in shares.tolist()]
    return table


def verdict(source: dict, own: dict, other: dict, grey: bool, seeds: int = 3) -> dict:
    """Train on `source`; the shares named rightly in `own` (same kind, held out) and `other` (the other kind)."""
    tables = []
    for seed in range(seeds):
        net = train(source, seed, grey)
        tables.append((confusion(net, own, grey), confusion(net, other, grey)))
    result: dict = {}
    for name, side in (("held out", 0), ("other", 1)):
        right = {m: [table[side][m][MODALITIES.index(m)] for table in tables] for m in tables[0][side]}
        result[name] = {m: {"mean": round(float(np.mean(v)), 4), "seeds": v} for m, v in right.items()}
    result["confusion"] = {m: np.mean([t[1][m] for t in tables], 0).round(4).tolist() for m in tables[0][1]}
    return result


def classifier(root: Path, images: int = 300) -> dict:
    """Real names MixLite in colour and in grey, and the reverse."""
    real, held_out = (real_images(root, split) for split in ("train", "test"))
    ours = mixlite_images(SEED, images)
    return {
        "real names mixlite": verdict(real, held_out, ours, grey=False),
        "real names mixlite, grey": verdict(real, held_out, ours, grey=True),
        "mixlite names real": verdict(mixlite_images(SEED + 1, images), ours, held_out, grey=False),
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=Path)
    root = parser.parse_args().root
    if root is None:
        print("no ROOT given; nothing measured")
        return
    torch.set_num_threads(1)
    rates = {m: speed(m) for m in MODALITIES}
    overall = round(len(rates) / sum(1 / rate for rate in rates.values()), 1)
    result = {
        "stamp": stamp(),
        "spectra": {m: spectra(root, m) for m in MODALITIES},
        "areas": {m: areas(m) for m in MODALITIES},
        "images per second at 256 px": {**rates, "overall": overall},
        "classifier": classifier(root),
        "command": "python benchmarks/mixlite.py ROOT",
        "machine": f"{platform.processor() or platform.machine()}, one thread",
        "date": date.today().isoformat(),
    }
    write_text(RESULT, json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
