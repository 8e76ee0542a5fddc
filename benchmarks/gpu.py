"""All measurements that need a GPU: one command, in pieces, cut off and continued as a lent machine demands.

    python benchmarks/gpu.py pack ROOT FILE [--size 128] [--quality Q] [--limit-mb 60]
    python benchmarks/gpu.py run FILE_OR_ROOT --out FOLDER [--seconds 540] [--only PIECE ...] [--profile tiny]
    python benchmarks/gpu.py home FOLDER

pack  makes one small archive of the four real datasets, for a machine that has none: training images as JPEG (4:4:4,
      the best of `QUALITIES` that fits) resized to `size` unless they are smaller, test images as they are; minutes
run   does in `seconds` what it can, and writes all of it to `out`: give the same command again to go on, on another
      machine too (an archive is unpacked into the system's temporary folder). Its pieces, in this order:
      tests      the tests that need CUDA
      steps      a training step of MMSNet (mit-b4, 352 px, r = 1, K = 32) in bf16 at batch 8 and 32, with and without
                 gradient checkpointing, beside transformers' SegFormer tuned in full: images a second, peak memory
      frequency  benchmarks/frequency.py
      b4         benchmarks/model.py --only b4, plain and compiled
      trainings  the real mix at 352 px, six epochs as in the table of 128 px, side by side: MMSNet, SegFormer, U-Net
      ablations  benchmarks/ablations.py, the runs that benchmarks/results/ lacks
home  copies what was measured to benchmarks/results/

Nothing begins that would end after `seconds`; trainings are stopped in time and resume exactly. `--profile tiny` does
the same in small on a CPU, as a test; what it measures means nothing.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import torch

ROOT, HERE = Path(__file__).resolve().parents[1], Path(__file__).resolve().parent
sys.path += [str(ROOT), str(HERE)]

import ablations  # noqa: E402

from mmsnet_lite.build import environment  # noqa: E402
from mmsnet_lite.data import Mix, folder_parts  # noqa: E402
from mmsnet_lite.data.folder import PreparedFolder  # noqa: E402
from mmsnet_lite.data.image import resize_pair  # noqa: E402
from mmsnet_lite.errors import InputError  # noqa: E402
from mmsnet_lite.model import MMSNet, MMSNetConfig  # noqa: E402
from mmsnet_lite.training.checkpoint import write_bytes, write_text  # noqa: E402
from mmsnet_lite.training.collect import collect  # noqa: E402

QUALITIES = range(95, 55, -5)
GRACE = 20  # seconds that what is stopped has to save its state
STEPS = ("MMSNet", "MMSNet, checkpointing", "SegFormer, fully tuned")
TRAININGS = {
    "mmsnet-mit-nano": "--encoder mit-nano --pretrained own --tune mfa",
    "mmsnet-mit-b0": "--encoder mit-b0 --pretrained none --tune full",
    "segformer-mit-nano": "--model segformer --encoder mit-nano --pretrained own",
    "unet": "--model unet",
}
PROFILES: dict[str, dict[str, Any]] = {
    "full": {
        "step": {"encoder": "mit-b4", "size": 352, "calls": 30},
        "batches": (8, 32),
        "training": {"size": 352, "epochs": 6, "batch": 16},
        "frequency": ["--on", "cuda"],
        "b4": [["--only", "b4", "--turns", n, "--on", on] for n, on in (("3", "cuda"), ("1", "compiled"))],
        "ablations": None,  # how many of the grid's runs; None is all
        "seconds": {"tests": 60, "steps": 60, "frequency": 60, "b4": 300, "trainings": 90, "ablations": 180},  # a unit
    },
    "tiny": {
        "step": {"encoder": "mit-nano", "size": 64, "calls": 3},
        "batches": (2,),
        "training": {"size": 64, "epochs": 2, "batch": 2},
        "frequency": ["--on", "cpu", "--size", "32"],
        "b4": [["--only", "pooling", "--turns", "1"]],
        "ablations": 2,
        "seconds": dict.fromkeys(("tests", "steps", "frequency", "b4", "trainings", "ablations"), 1),
    },
}


@dataclass(frozen=True)
class Unit:
    """A command that is run until it has ended well once, and `whole` says so; LEFT in it becomes the seconds left."""

    name: str
    command: Sequence[str]
    whole: Callable[[], bool] = lambda: True


def pack(root: Path, file: Path, size: int, qualities: Sequence[int], limit: float) -> str:
    """Write the archive at the best quality at which it fits; returns what to say."""
    for quality in qualities:
        if (images := archive(root, file, size, quality, limit)) is not None:
            return f"{file}: {file.stat().st_size / 1e6:.1f} MB, {images} images, to train at {size} px, {quality=}"
    raise InputError(
        f"at {size} px and quality {qualities[-1]}, {file} would be over {limit / 1e6:g} MB; choose a smaller --size, "
        f"a --quality below {qualities[-1]}, or a larger --limit-mb"
    )


def archive(root: Path, file: Path, size: int, quality: int, limit: float) -> int | None:
    """Write the archive under another name, and rename it; returns its number of images, or None if it is too large."""
    how = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    one_bit, temporary, images = [cv2.IMWRITE_PNG_BILEVEL, 1], file.with_name(f"{file.name}.tmp"), 0
    try:
        with tarfile.open(temporary, "w:gz") as tar:

            def add(path: Path, data: bytes | None = None) -> None:
                data = path.read_bytes() if data is None else data
                member = tarfile.TarInfo(path.relative_to(root).as_posix())
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))

            add(root / "pack.json", json.dumps({"size": size, "quality": quality}).encode())
            for folder in (PreparedFolder(root / name) for name in ablations.SETS):
                for path in (*(folder.path / "splits").iterdir(), *folder.path.glob("card.json")):
                    add(path)
                for split, stem in [(part, stem) for part in ("test", "train") for stem in folder.stems(part)]:
                    paths, images = (folder.image_path(stem), folder.mask_path(stem)), images + 1
                    image, mask = folder.read(stem)
                    if split == "test" or max(mask.shape) <= size:
                        add(paths[0]), add(paths[1])
                        continue
                    image, mask = resize_pair(image, mask, size)
                    jpeg, png = cv2.imencode(".jpg", image[..., ::-1], how), cv2.imencode(".png", mask * 255, one_bit)
                    add(paths[0].parent / f"{stem}.jpg", jpeg[1].tobytes()), add(paths[1], png[1].tobytes())
                    if temporary.stat().st_size > limit:
                        return None
        if temporary.stat().st_size > limit:
            return None
        temporary.rename(file)
        return images
    finally:
        temporary.unlink(missing_ok=True)


def unpacked(data: Path) -> Path:
    """Return the folder of datasets: `data`, or where its archive is unpacked to, once a machine."""
    if data.is_dir():
        return data.resolve()
    if not data.is_file():
        raise InputError(f"{data} does not exist; name a folder of prepared datasets, or a file that `pack` wrote")
    place = Path(tempfile.gettempdir()) / f"mmsnet-gpu-{hashlib.sha256(data.read_bytes()).hexdigest()[:16]}"
    if not place.is_dir():
        temporary = Path(tempfile.mkdtemp(dir=place.parent))
        with tarfile.open(data) as tar:
            tar.extractall(temporary, filter="data")
        temporary.rename(place)
    return place


def step(name: str, batch: int, profile: str, out: Path) -> None:
    """Time a training step in this process, and add a row to `out`; memory that does not suffice is a result."""
    import frequency
    import model

    device, shape = "cuda" if torch.cuda.is_available() else "cpu", PROFILES[profile]["step"]
    torch.manual_seed(0)
    peer, row = name == STEPS[2], {}
    net = (
        model.HubSegformer(shape["encoder"])
        if peer
        else MMSNet(MMSNetConfig(encoder=shape["encoder"], r=1, frequencies=32))
    )
    if name == STEPS[1]:
        for stage in net.encoder.stages:
            stage.checkpointing = True
    try:
        run = model.trainer(net, shape["size"], batch, device)
        taken = [frequency.seconds(run, device == "cuda") for _ in range(3 + shape["calls"])][3:]
        row["milliseconds, median"] = round(1e3 * statistics.median(taken), 2)
        row["milliseconds, quartiles"] = [round(1e3 * q, 2) for q in statistics.quantiles(taken, n=4)[::2]]
        row["images a second"] = round(batch / statistics.median(taken), 2)
    except torch.cuda.OutOfMemoryError:
        row["out of memory"] = True
    peak = torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else model.memory("VmHWM")
    found = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {"rows": {}}
    about = environment() | {"command": "python benchmarks/gpu.py run FILE --out FOLDER --only steps"}
    found |= shape | {"r": 1, "K": 32, "precision": "bfloat16 autocast" if device == "cuda" else "float32"}
    found |= {"environment": about, "date": date.today().isoformat()}
    found["rows"][f"{name}, batch {batch}"] = row | {"peak memory, MiB": round(peak)}
    write_text(out, json.dumps(found, indent=2) + "\n")
    print(row)


def pieces(root: Path, out: Path, profile: str) -> dict[str, list[Unit]]:
    """Return the pieces, each with its units."""
    plan, results = PROFILES[profile], out / "results"
    needing = [
        str(file)
        for file in sorted((ROOT / "tests").rglob("test_*.py"))
        if 'reason="needs a CUDA device"' in file.read_text(encoding="utf-8")
    ]

    def unit(name: str, *words: Any, whole: Callable[[], bool] = lambda: True) -> Unit:
        return Unit(name, [sys.executable, *map(str, words)], whole)

    def training(name: str) -> Unit:
        run = out / "runs" / name
        words = [word for key, value in plan["training"].items() for word in (f"--{key}", value)]
        words += ["--data", root, "--datasets", ",".join(ablations.SETS), "--run", run, *TRAININGS[name].split()]
        words += ["--resume"] if (run / "config.json").exists() else []
        return unit(name, "-m", "mmsnet_lite", "train", *words)

    def grid(place: Path | None) -> list[Unit]:
        here = ablations.Design(root=place, profile=profile, out=results / "ablations")
        designs = here, replace(here, out=ablations.RESULTS)
        rows = ablations.rows_of(ablations.GROUPS_OF[here.kind])
        every = [(row, seed) for seed in range(3) for row in rows][: plan["ablations"]]

        def lacking() -> list[str]:
            return [f"{row.name}-seed{seed}" for row, seed in every if not any(d.stored(row, seed) for d in designs)]

        words = [*([place] if place else []), "--profile", profile, "--jobs", 12 if profile == "full" else 1]
        words += ["--out", here.out, "--limit-seconds", "LEFT", "--only", *lacking()]
        name = f"ablations-{here.kind}"
        return [unit(name, HERE / "ablations.py", *words, whole=lambda: not lacking())] if lacking() else []

    steps = [(batch, i) for batch in plan["batches"] for i in range(len(STEPS))]
    return {
        "tests": [unit("tests", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "cuda", *needing)],
        "steps": [
            unit(f"step-{batch}-{i}", HERE / "gpu.py", "step", STEPS[i], batch, profile, results / "gpu.json")
            for batch, i in steps
        ],
        "frequency": [unit("frequency", HERE / "frequency.py", *plan["frequency"], "--out", results)],
        "b4": [
            unit(f"b4-{i}", HERE / "model.py", *words, "--out", results / "model.json")
            for i, words in enumerate(plan["b4"])
        ],
        "trainings": [training(name) for name in TRAININGS],
        "ablations": grid(root) + grid(None),
    }


def work(units: Sequence[Unit], width: int, needs: float, ends: float, logs: Path, tell: Callable[..., None]) -> None:
    """Run units, `width` side by side, none with less than `needs` seconds left, and `tell(name, state)`.

    What still runs at `ends` is asked to stop, and after `GRACE` made to.
    """
    queue, running = list(units), {}
    variables = {"MMSNET_STATIC": "1", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    variables["PYTHONPATH"] = os.pathsep.join([str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    try:
        while queue or running:
            left = ends - time.time()
            while queue and len(running) < width and left >= needs:
                unit = queue.pop(0)
                words = [word.replace("LEFT", f"{left - needs / 2:.0f}") for word in unit.command]
                with (logs / f"{unit.name}.log").open("a") as log:
                    how = {"stdout": log, "stderr": log, "env": os.environ | variables, "start_new_session": True}
                    running[unit.name] = unit, subprocess.Popen(words, cwd=ROOT, **how)
                tell(unit.name, "partly")
            for unit, process in [pair for pair in running.values() if pair[1].poll() is not None]:
                del running[unit.name]
                tell(unit.name, "failed" if process.returncode else "done" if unit.whole() else "partly")
            if left <= 0 or (not running and left < needs):
                break
            time.sleep(0.2)
    finally:
        for number, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, 5)):
            for _, process in running.values():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
            patient = time.time() + patience
            while time.time() < patient and any(process.poll() is None for _, process in running.values()):
                time.sleep(0.1)


@contextlib.contextmanager
def shared_device() -> Iterator[None]:
    """Let processes compute side by side through CUDA MPS, where it starts and works."""
    control = "nvidia-cuda-mps-control"
    if not torch.cuda.is_available() or not shutil.which(control) or not ends_well(control, "-d"):
        yield
        return
    works = ends_well(sys.executable, "-c", "import torch; torch.ones(9, device='cuda').sum().item()")
    try:
        if not works:
            ends_well(control, said=b"quit")
            print("CUDA MPS does not work here; processes compute by turns")
        yield
    finally:
        if works:
            ends_well(control, said=b"quit")


def ends_well(*words: str, said: bytes | None = None) -> bool:
    """Whether a command ends without an error within a minute."""
    try:
        return subprocess.run(words, input=said, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def run(args: argparse.Namespace) -> bool:
    """Do what can be done in the time; returns whether nothing failed."""
    start = time.time()
    ends = start + args.seconds - GRACE - 5
    if args.profile == "full" and not torch.cuda.is_available():
        raise InputError("there is no CUDA device here; run it where there is one, or as a test with --profile tiny")
    out, plan, file = args.out.resolve(), PROFILES[args.profile], args.out.resolve() / "status.json"
    status: dict[str, Any] = {"profile": args.profile, "next": "", "pieces": {}}
    status = json.loads(file.read_text(encoding="utf-8")) if file.exists() else status
    if status["profile"] != args.profile:
        raise InputError(f"{out} was begun with --profile {status['profile']}; choose another --out")
    root = unpacked(args.data)
    images = [folder_parts(root, list(ablations.SETS), split) for split in ("train", "test")]
    for name in ("results", "runs", "logs"):
        (out / name).mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what runs is stopped as well

    for name, units in pieces(root, out, args.profile).items():
        piece = status["pieces"].setdefault(name, {"seconds": 0.0, "units": {}})
        for unit in units:
            piece["units"].setdefault(unit.name, "left")
        todo = [unit for unit in units if piece["units"][unit.name] != "done"]
        needs, began = plan["seconds"][name], time.time()

        def tell(unit: str, state: str, piece: dict = piece) -> None:
            piece["units"][unit] = state
            write_text(file, json.dumps(status, indent=2) + "\n")
            print(f"{time.time() - start:4.0f} s  {unit}: {state}", flush=True)

        if todo and (not args.only or name in args.only) and ends - began >= needs:
            with shared_device() if name in ("trainings", "ablations") else contextlib.nullcontext():
                if name == "trainings":  # images are decoded once, before processes share the cache
                    for parts in images:
                        Mix(parts, plan["training"]["size"])
                work(todo, 4 if name == "trainings" else 1, needs, ends, out / "logs", tell)
            piece["seconds"] = round(piece["seconds"] + time.time() - began, 1)
        states = set(piece["units"].values()) or {"done"}
        piece["state"] = "failed" if "failed" in states else states.pop() if len(states) == 1 else "partly"

    trained = [out / "runs" / name for name, state in status["pieces"]["trainings"]["units"].items() if state == "done"]
    if trained:
        size, packed = plan["training"]["size"], root / "pack.json"
        title = f"Real images of four modalities at {size} px, {plan['training']['epochs']} epochs"
        if packed.exists():
            how = json.loads(packed.read_text(encoding="utf-8"))
            title += f", training images from JPEG copies of {how['size']} px at most, quality {how['quality']}"
        collect(trained, out / "results" / f"runs_real_{size}.json", f"{title}:")
    every = {piece["state"] for piece in status["pieces"].values()}
    words = ["run", args.data, "--out", args.out, "--seconds", f"{args.seconds:g}", "--profile", args.profile]
    words = ["home", args.out] if every == {"done"} else words
    status["next"] = shlex.join(["python", "benchmarks/gpu.py", *map(str, words)])
    write_text(file, json.dumps(status, indent=2) + "\n")
    for name, piece in status["pieces"].items():
        rest = ", ".join(f"{unit} {state}" for unit, state in piece["units"].items() if state != "done")
        hint = f"{rest} (a part needs {plan['seconds'][name]} s)" if rest else ""
        print(f"{name:10} {piece['state']:7} {piece['seconds']:6.0f} s  {hint}")
    print(f"logs: {out / 'logs'}\nnext: {status['next']}")
    return "failed" not in every


def home(folder: Path, into: Path) -> None:
    """Copy what was measured to the folder of results, and sum it up there."""
    file, results = folder / "status.json", folder / "results"
    if not file.is_file() or json.loads(file.read_text(encoding="utf-8"))["profile"] != "full":
        raise InputError(f"{folder} holds nothing that `run` measured on a GPU; name the folder of its --out")
    for source in sorted(path for path in results.rglob("*") if path.suffix in (".json", ".npz")):
        target, data = into / source.relative_to(results), source.read_bytes()
        if source.name == "model.json" and target.exists():  # rows of the CPU stay
            rows = json.loads(target.read_text(encoding="utf-8")) | json.loads(data)
            data = (json.dumps(rows, indent=2) + "\n").encode()
        target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(target, data)
        print(target)
    if (results / "ablations").is_dir():
        ablations.main(["--summary", "--out", str(into / "ablations")])


def main(arguments: list[str] | None = None) -> int:
    """Read the command line; bad input ends with one line and exit code 2."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", metavar="pack|run|home")
    packing, running, homing, timing = (commands.add_parser(name) for name in ("pack", "run", "home", "step"))
    packing.add_argument("root", type=Path, metavar="ROOT")
    packing.add_argument("file", type=Path, metavar="FILE")
    packing.add_argument("--size", type=int, default=128, help="side of the training images (default 128)")
    packing.add_argument("--quality", type=int, help=f"of JPEG (default: the best of {list(QUALITIES)} that fits)")
    packing.add_argument("--limit-mb", type=float, default=60, help="default 60")
    running.add_argument("data", type=Path, metavar="FILE_OR_ROOT")
    running.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="all that is written lies there")
    running.add_argument("--seconds", type=float, default=540, help="of this call (default 540)")
    running.add_argument("--only", nargs="+", choices=list(PROFILES["full"]["seconds"]))
    running.add_argument("--profile", choices=list(PROFILES), default="full")
    homing.add_argument("folder", type=Path, metavar="FOLDER")
    homing.add_argument("--into", type=Path, default=HERE / "results", help="default benchmarks/results")
    for name, kind in (("name", str), ("batch", int), ("profile", str), ("out", Path)):
        timing.add_argument(name, type=kind)
    args = parser.parse_args(arguments)
    try:
        if args.command == "pack":
            qualities = [args.quality] if args.quality else QUALITIES
            print(pack(args.root, args.file, args.size, qualities, args.limit_mb * 1e6))
        elif args.command == "run":
            return 0 if run(args) else 1
        elif args.command == "home":
            home(args.folder, args.into)
        elif args.command == "step":
            step(args.name, args.batch, args.profile, args.out)
        else:
            print("nothing to do without pack, run or home: this script is for a machine with a GPU, see --help")
    except (InputError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
