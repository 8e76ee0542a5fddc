"""How fast is the contourlet transform? A ratio to an FFT round trip of the same batch, and to our own plain ladder.

    python benchmarks/frequency.py [--on cpu,cuda] [--out FOLDER] [--size 352]

Batch 8 x 3 x 352 x 352, float32, levels (2, 3, 4). All times of one device come from one run, interleaved; medians and
quartiles of `REPEATS` after `WARM_UP`. Writes frequency_cpu.json in benchmarks/results, and with a CUDA device also
frequency_cuda.json with the bytes moved per second against a copy, and the largest difference to the CPU.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch
from torch import Tensor

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))  # the ladder is the tests' oracle

from ladder import ladder_filter_bank  # noqa: E402

from mmsnet_lite.build import environment  # noqa: E402
from mmsnet_lite.frequency import (  # noqa: E402
    ContourletTransform,
    DirectionalFilterBank,
    WaveletTransform,
    laplacian_step,
)
from mmsnet_lite.frequency.bank import bank_weights  # noqa: E402

SHAPE, LEVELS = (8, 3, 352, 352), (2, 3, 4)
WARM_UP, REPEATS = 3, 15


def ladder_forward(x: Tensor) -> None:
    """The same transform by laplacian steps and the plain ladder."""
    for depth in reversed(LEVELS):
        x, detail = laplacian_step(x)
        ladder_filter_bank(detail, depth)


def seconds(run: Callable[[], object], cuda: bool) -> float:
    """Wall time of one call, device work included."""
    if cuda:
        torch.cuda.synchronize()
    start = time.perf_counter()
    run()
    if cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def times(device: str, shape: tuple[int, ...] = SHAPE, repeats: int = REPEATS) -> dict[str, list[float]]:
    """Milliseconds of every contestant, interleaved, after the first call's own time."""
    cuda = device == "cuda"
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device)
    transform, wavelet = ContourletTransform(LEVELS), WaveletTransform(len(LEVELS))
    first = seconds(lambda: transform(x), cuda)
    coefficients = transform(x)
    tracked = x.clone().requires_grad_()

    def step() -> None:
        low, bands = transform(tracked)
        (low.square().sum() + sum(band.square().sum() for level in bands for band in level)).backward()

    contestants = {
        "fft round trip": lambda: torch.fft.irfft2(torch.fft.rfft2(x)),
        "forward": lambda: transform(x),
        "inverse": lambda: transform.inverse(coefficients),
        "forward and backward": step,
        "ladder forward": lambda: ladder_forward(x),
        "wavelet forward": lambda: wavelet(x),
        "copy": x.clone,
    }
    taken: dict[str, list[float]] = {"first call": [1e3 * first], **{name: [] for name in contestants}}
    for i in range(WARM_UP + repeats):
        for name, run in contestants.items():
            elapsed = 1e3 * seconds(run, cuda)
            if i >= WARM_UP:
                taken[name].append(elapsed)
    return taken


def cached_megabytes(h: int, w: int) -> dict[str, float]:
    """Size of the cached responses for images of h x w in float32."""
    size = {}
    for synthesis, name in ((False, "forward"), (True, "inverse")):
        weights = [
            bank_weights(h >> j, w >> j, depth, "pkva", "9-7", synthesis, torch.float32, torch.device("cpu"))
            for j, depth in enumerate(reversed(LEVELS))
        ]
        size[name] = round(sum(part.nbytes for level in weights for part in level) / 2**20, 1)
    return size


def largest_difference_to_cpu(shape: tuple[int, ...]) -> float:
    """Over all coefficients and the inverse, in float32."""
    x, transform = torch.randn(shape, generator=torch.Generator().manual_seed(0)), ContourletTransform(LEVELS)
    here, there = transform(x), transform(x.cuda())
    pairs = [(here.low, there.low), (transform.inverse(here), transform.inverse(there))]
    pairs += [
        (a, b) for level, other in zip(here.bands, there.bands, strict=True) for a, b in zip(level, other, strict=True)
    ]
    return max((a - b.cpu()).abs().max().item() for a, b in pairs)


def share_without_seam(levels: int, n: int = 128) -> list[float]:
    """Smallest and largest share over the bands of the plain ladder's coefficients that are the lattice's, to 1e-9."""
    x = torch.randn(1, 1, n, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    pairs = zip(ladder_filter_bank(x, levels), DirectionalFilterBank(levels)(x), strict=True)
    shares = [((a - b).abs() < 1e-9).double().mean().item() for a, b in pairs]
    return [round(min(shares), 3), round(max(shares), 3)]


def report(device: str, shape: tuple[int, ...] = SHAPE) -> dict:
    """Measure on one device."""
    taken = times(device, shape)
    median = {name: statistics.median(values) for name, values in taken.items()}
    quartiles = {
        name: [round(q, 2) for q in statistics.quantiles(v, n=4)[::2]] for name, v in taken.items() if len(v) > 1
    }
    result = {
        "shape": list(shape),
        "levels": list(LEVELS),
        "milliseconds, median": {name: round(value, 2) for name, value in median.items()},
        "milliseconds, quartiles": quartiles,
        "ratio to the fft round trip": {
            name: round(value / median["fft round trip"], 2) for name, value in median.items() if name != "first call"
        },
        "speed-up over the ladder": round(median["ladder forward"] / median["forward"], 2),
        "ladder coefficients without seam, 128 px, l = 2, 3, 4": [share_without_seam(depth) for depth in LEVELS],
        "cached responses, MiB": cached_megabytes(*shape[-2:]),
        "device": torch.cuda.get_device_name() if device == "cuda" else f"CPU, {torch.get_num_threads()} threads",
        "environment": environment() | {"command": "python benchmarks/frequency.py"},
        "date": date.today().isoformat(),
    }
    if device == "cuda":
        moved = 4 * torch.Size(shape).numel() * (1 + 4 / 3)  # the image read, its coefficients written
        copied = 2 * 4 * torch.Size(shape).numel()
        result["gigabytes per second"] = {
            "forward": round(moved / median["forward"] / 1e6, 1),
            "copy": round(copied / median["copy"] / 1e6, 1),
        }
        result["largest difference to the CPU"] = largest_difference_to_cpu(shape)
    return result


def main() -> None:
    """Measure on every device that is there, or is asked for, and write."""
    here = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    parser = argparse.ArgumentParser(description="Cost of the contourlet transform, as ratios to peers.")
    parser.add_argument("--on", default=",".join(here), help="devices, separated by commas (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results")
    parser.add_argument("--size", type=int, default=SHAPE[-1], help="side of the images")
    args = parser.parse_args()
    for device in args.on.split(","):
        result = report(device, (*SHAPE[:2], args.size, args.size))
        (args.out / f"frequency_{device}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
