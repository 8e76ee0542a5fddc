"""All measurements that need a GPU: one command, in pieces, cut off and continued as a lent machine demands.

    python benchmarks/gpu.py pack ROOT FILE.zip [--size 128] [--quality 90]
    python benchmarks/gpu.py run FILE_OR_ROOT --out FOLDER [--seconds 540] [--profile tiny]

pack  makes one archive of at most 60 MB of the four real datasets, for a machine that has none: training images as JPEG
      (4:4:4) resized to `size` unless they are smaller, test images as they are
run   does in `seconds` what it can; give the same command again to go on, on another machine too, with FOLDER brought
      along (an archive is unpacked into the system's temporary folder). Its pieces, in this order:
      tests        the tests that need CUDA
      frequency    benchmarks/frequency.py
      b4-...       benchmarks/model.py --only b4: plain, compiled, and at batch 8 and 32
      mmsnet-...   trainings on the real mix at 352 px, six epochs as in the table of 128 px; segformer-..., unet too
      ablations-.. benchmarks/ablations.py, the runs that benchmarks/results/ lacks

What is measured lies in FOLDER/full/results, beside all that benchmarks/results/ held; copy it back when all is done.
What still runs after `seconds` is stopped in time; trainings and ablations go on where they were. `--profile tiny` does
the same in small on a CPU, as a test; what it measures means nothing.
"""

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import torch

ROOT, HERE = Path(__file__).resolve().parents[1], Path(__file__).resolve().parent
sys.path += [str(ROOT), str(HERE)]

from mmsnet_lite.data import PreparedFolder, folder_parts, resize_pair  # noqa: E402
from mmsnet_lite.errors import InputError  # noqa: E402
from mmsnet_lite.training.checkpoint import write_text  # noqa: E402
from mmsnet_lite.training.collect import collect  # noqa: E402

SETS = ("drishti", "kvasir", "busi", "isic2017")
LIMIT = 60e6  # bytes of an archive
GRACE = 20  # seconds that what is stopped has to save its state
TRAININGS = {
    "mmsnet-mit-nano": "--encoder mit-nano --pretrained own --tune mfa",
    "mmsnet-mit-b0": "--encoder mit-b0 --pretrained none --tune full",
    "segformer-mit-nano": "--model segformer --encoder mit-nano --pretrained own",
    "unet": "--model unet",
}


def pack(root: Path, file: Path, size: int, quality: int) -> None:
    """Write the archive under another name, and rename it."""
    jpeg = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    with tempfile.TemporaryDirectory(dir=file.parent) as temporary:
        place = Path(temporary) / "data"
        for name in SETS:
            folder, target = PreparedFolder(root / name), place / name
            shutil.copytree(folder.path / "splits", target / "splits")
            for sub in ("images", "masks"):
                (target / sub).mkdir()
            for card in folder.path.glob("card.json"):
                shutil.copy(card, target)
            for split in ("test", "train"):
                for stem in folder.stems(split):
                    image, mask = folder.read(stem)
                    if split == "test" or max(mask.shape) <= size:
                        shutil.copy(folder.image_path(stem), target / "images")
                        shutil.copy(folder.mask_path(stem), target / "masks")
                        continue
                    image, mask = resize_pair(image, mask, size)
                    cv2.imwrite(str(target / f"images/{stem}.jpg"), image[..., ::-1], jpeg)
                    cv2.imwrite(str(target / f"masks/{stem}.png"), mask * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])
        write_text(place / "pack.json", json.dumps({"size": size, "quality": quality}))
        made = Path(shutil.make_archive(temporary + "/made", "zip", place))
        if made.stat().st_size > LIMIT:
            raise InputError(f"{file} would have {made.stat().st_size / 1e6:.0f} MB; lower --size or --quality")
        made.replace(file)
    print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")


def unpacked(data: Path) -> Path:
    """Return the folder of datasets: `data`, or where its archive is unpacked to, once a machine."""
    if data.is_dir():
        return data.resolve()
    if not data.is_file():
        raise InputError(f"{data} does not exist; name a folder of prepared datasets, or a file that `pack` wrote")
    place = Path(tempfile.gettempdir()) / f"mmsnet-gpu-{hashlib.sha256(data.read_bytes()).hexdigest()[:16]}"
    if not place.is_dir():
        shutil.unpack_archive(data, f"{place}.tmp", "zip")
        Path(f"{place}.tmp").rename(place)
    return place


def pieces(root: Path, out: Path, tiny: bool) -> dict[str, tuple[int, list[Any]]]:
    """Return the seconds without which each piece is not begun, and its command."""
    results, tests = out / "results", sorted((ROOT / "tests").rglob("test_*.py"))
    cuda = [test for test in tests if 'reason="needs a CUDA device"' in test.read_text(encoding="utf-8")]
    found: dict[str, tuple[int, list[Any]]] = {
        "tests": (60, ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "cuda", *cuda])
    }
    frequency = [HERE / "frequency.py", "--out", results, "--on"]
    model = [HERE / "model.py", "--out", results / "model.json", "--turns", 1, "--only"]
    if tiny:
        found |= {"frequency": (1, [*frequency, "cpu", "--size", 32]), "pooling": (1, [*model, "pooling"])}
    else:
        found["frequency"] = 60, [*frequency, "cuda"]
        for on, needs in {"cuda": 150, "compiled": 300, "cuda-8": 150, "cuda-32": 200}.items():
            found[f"b4-{on}"] = needs, [*model, "b4", "--on", on]
    how = ["--size", 64, "--epochs", 2, "--batch", 2] if tiny else ["--size", 352, "--epochs", 6, "--batch", 16]
    for name, network in TRAININGS.items():
        run = out / "runs" / name
        words = ["-m", "mmsnet_lite", "train", "--data", root, "--datasets", ",".join(SETS), *how, *network.split()]
        found[name] = 90, [*words, "--run", run, *(["--resume"] if (run / "config.json").exists() else [])]
    few = ["--profile", "tiny", "--seeds", 1, "--only", "plain"] if tiny else ["--jobs", 12]
    for kind, place in (("real", [root]), ("mixlite", [])):
        found[f"ablations-{kind}"] = 90, [HERE / "ablations.py", *place, "--out", results / "ablations", *few]
    return {name: (1 if tiny else needs, words) for name, (needs, words) in found.items()}


def work(words: list[Any], ends: float, log: Path) -> str:
    """Run a command; what still runs at `ends` is asked to stop, and after `GRACE` made to. Returns its state."""
    variables = {"MMSNET_STATIC": "1", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    variables["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with log.open("a") as file:
        how: dict[str, Any] = {"stdout": file, "stderr": file, "env": os.environ | variables, "cwd": ROOT}
        process = subprocess.Popen([sys.executable, *map(str, words)], start_new_session=True, **how)
    try:
        return "failed" if process.wait(max(ends - time.time(), 0)) else "done"
    except subprocess.TimeoutExpired:
        return "partly"
    finally:
        for number, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, 5)):
            if process.poll() is None:
                os.killpg(process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(patience)


def run(data: Path, out: Path, seconds: float, tiny: bool) -> bool:
    """Do what can be done in the time; returns whether nothing failed."""
    ends = time.time() + seconds - GRACE - 5
    if not (tiny or torch.cuda.is_available()):
        raise InputError("there is no CUDA device here; run it where there is one, or as a test with --profile tiny")
    root, results, file = unpacked(data), out / "results", out / "status.json"
    folder_parts(root, list(SETS), "test")  # so that a missing folder is said at once
    if not results.exists():
        shutil.copytree(HERE / "results", results)
    for name in ("runs", "logs"):
        (out / name).mkdir(exist_ok=True)
    status = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what runs is stopped as well
    todo = pieces(root, out, tiny)
    for name, (needs, words) in todo.items():
        if status.get(name) != "done" and ends - time.time() >= needs:
            status[name] = work(words, ends, out / "logs" / f"{name}.log")
            write_text(file, json.dumps(status, indent=1) + "\n")
            print(f"{name}: {status[name]}", flush=True)
    if trained := [out / "runs" / name for name in TRAININGS if status.get(name) == "done"]:
        size, packed = 64 if tiny else 352, root / "pack.json"
        title = f"Real images of four modalities at {size} px, six epochs of batch 16"
        if packed.exists():
            title += ", training images from JPEG copies of {size} px, quality {quality}".format(
                **json.loads(packed.read_text(encoding="utf-8"))
            )
        collect(trained, results / f"runs_real_{size}.json", f"{title}:")
    left = [f"{name} (begins with {todo[name][0]} s left)" for name in todo if status.get(name) != "done"]
    done = f"all is measured; copy {results} to benchmarks/results and run benchmarks/ablations.py --summary"
    print(f"left, give the command again: {', '.join(left)}; logs in {out / 'logs'}" if left else done)
    return "failed" not in status.values()


def main(arguments: list[str] | None = None) -> int:
    """Read the command line; bad input ends with one line and exit code 2."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command")
    packing, running = commands.add_parser("pack"), commands.add_parser("run")
    packing.add_argument("root", type=Path, metavar="ROOT")
    packing.add_argument("file", type=Path, metavar="FILE.zip")
    packing.add_argument("--size", type=int, default=128, help="side of the training images (default 128)")
    packing.add_argument("--quality", type=int, default=90, help="of JPEG (default 90)")
    running.add_argument("data", type=Path, metavar="FILE_OR_ROOT")
    running.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="all that is written lies there")
    running.add_argument("--seconds", type=float, default=540, help="of this call (default 540)")
    running.add_argument("--profile", choices=["full", "tiny"], default="full")
    args = parser.parse_args(arguments)
    try:
        if args.command == "pack":
            pack(args.root, args.file, args.size, args.quality)
        elif args.command == "run":
            return 0 if run(args.data, (args.out / args.profile).resolve(), args.seconds, args.profile == "tiny") else 1
        else:
            print("nothing to do without pack or run: this script is for a machine with a GPU, see --help")
    except (InputError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
