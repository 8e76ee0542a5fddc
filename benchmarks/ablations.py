"""The ablations: what each part of MMSNet is worth, and what a mix of modalities costs.

    python benchmarks/ablations.py [ROOT] [--groups modules ...] [--only 'r*' ...] [--seeds 3] [--jobs 2]

Trains the rows of `mmsnet_lite.analysis.ablations`, seed 0 of all of them first: on MixLite, or on the prepared folders
drishti, kvasir, busi and isic2017 under ROOT. One image of each modality, with its near-duplicates, is held out to
watch the training; nothing is chosen on it: the last epoch is scored on the test split.

Every run leaves a JSON in benchmarks/results/ablations/{mixlite,real}/ (scores an image, no image and no mask). Started
again, the script goes on with those that are missing, or were measured with other settings. All of them make
ablations.json: means, spread over seeds, differences with intervals, and the smallest difference that would be found.
What the networks of seed 0 make of one MixLite image of each modality, and their activation maps, is kept in maps/.
"""

import argparse
import fnmatch
import functools
import hashlib
import io
import json
import multiprocessing
import statistics
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmsnet_lite.analysis import grad_cam, localisation
from mmsnet_lite.analysis.ablations import GROUPS, ROWS, Row, effects
from mmsnet_lite.build import build_model, environment
from mmsnet_lite.data import Mix, Part, folder_parts, mixlite_parts, normalise, split_validation
from mmsnet_lite.data.synthetic import VERSION
from mmsnet_lite.model.checkpoints import OWN
from mmsnet_lite.training import Evaluation, TrainSettings, evaluate, train
from mmsnet_lite.training.checkpoint import write_bytes, write_text

GRID = 1  # changes whenever networks or training change what a row would score
SETS = {"drishti": "fundus", "kvasir": "colonoscopy", "busi": "ultrasound", "isic2017": "dermoscopy"}
# lr: on MixLite twice what the train command takes at half the batch, on real images what it takes; U-Net has its own
PROFILES: dict[str, dict[str, dict[str, Any]]] = {
    "full": {
        "mixlite": {"size": 96, "train": 160, "test": 100, "epochs": 8, "batch": 16, "lr": 4e-3, "unet lr": 1e-3},
        "real": {"size": 128, "epochs": 6, "batch": 16, "lr": 2e-3, "unet lr": 5e-4},
    },
    "tiny": {
        "mixlite": {"size": 64, "train": 5, "test": 2, "epochs": 1, "batch": 4, "lr": 4e-3, "unet lr": 1e-3},
        "real": {"size": 64, "epochs": 1, "batch": 2, "lr": 2e-3, "unet lr": 5e-4},
    },
}
GROUPS_OF = {"mixlite": tuple(GROUPS), "real": ("interference", "modules")}
RESULTS = Path(__file__).parent / "results" / "ablations"


@dataclass(frozen=True, kw_only=True)
class Design:
    """What all runs of one kind share; `root` is None for MixLite."""

    root: Path | None
    profile: str
    out: Path

    @property
    def kind(self) -> str:
        """Name of the images."""
        return "real" if self.root else "mixlite"

    @property
    def given(self) -> dict[str, Any]:
        """Size, images and training."""
        return PROFILES[self.profile][self.kind]

    def about(self, row: Row, seed: int) -> dict[str, Any]:
        """What decides a run's numbers; a stored run of anything else is measured again."""
        settings = {key: self.given[key] for key in ("epochs", "batch")}
        settings["lr"] = self.given["unet lr" if row.model == "unet" else "lr"]
        images: dict[str, Any] = {"images": ",".join(SETS) if self.root else VERSION, "size": self.given["size"]}
        images |= {key: self.given[key] for key in ("train", "test") if key in self.given}
        network = {"row": row.name, "model": row.model, "options": dict(row.options), "training": row.training}
        weights = encoder_digest() if "pretrained" in row.options else None
        return {"grid": GRID, **network, "weights": weights, "seed": seed, "data": images, "settings": settings}

    def file(self, row: Row, seed: int) -> Path:
        """Where a run is stored."""
        return self.out / self.kind / f"{row.name}-seed{seed}.json"

    def stored(self, row: Row, seed: int) -> dict[str, Any] | None:
        """The stored run, if it is one of these settings."""
        file = self.file(row, seed)
        found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        about = self.about(row, seed)
        return found if {key: found.get(key) for key in about} == about else None


def rows_of(groups: Sequence[str]) -> list[Row]:
    """Return the rows that groups need, each once, in the grid's order."""
    needed = {name for group in groups for contrast in GROUPS[group] for name in contrast.plus + contrast.minus}
    return [row for row in ROWS if row.name in needed]


@functools.cache
def encoder_digest() -> str:
    """Name the weights that we ship: the beginning of their SHA-256."""
    return hashlib.sha256((OWN / "mit-nano" / "model.safetensors").read_bytes()).hexdigest()[:12]


@functools.cache
def parts_of(design: Design) -> tuple[list[Part], list[Part], list[Part]]:
    """Training, held-out and test images; MixLite is drawn once a process, a real image decoded once at all."""
    if design.root:
        every, test = (
            [replace(part, modality=SETS[part.dataset]) for part in folder_parts(design.root, list(SETS), split)]
            for split in ("train", "test")
        )
    else:
        counts = {split: design.given[split] for split in ("train", "test")}
        every, test = (
            [
                replace(part, load=functools.cache(part.load))
                for part in mixlite_parts(split, design.given["size"], 0, counts)
            ]
            for split in ("train", "test")
        )
    kept, held = split_validation(every, 1 / max(len(part.stems) for part in every))
    return kept, held, test


def measure(design: Design, row: Row, seed: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Train one network, or one for each modality, and score the test images; returns the scores and the maps."""
    began = time.perf_counter()
    about, parts = design.about(row, seed), parts_of(design)
    settings = TrainSettings(seed=seed, **about["settings"])
    chosen = [slice(None)] if row.training == "mix" else [slice(i, i + 1) for i in range(len(parts[0]))]
    losses, scores, seconds, loading = [], [], 0.0, 0.0
    looks: dict[str, dict[str, float]] = {}
    maps: dict[str, np.ndarray] = {}
    for part in chosen:
        loads = time.perf_counter()
        kept, held, test = (Mix(split[part], design.given["size"]) for split in parts)
        loading += time.perf_counter() - loads
        model = build_model(row.model, dict(row.options), seed).to("cuda" if torch.cuda.is_available() else "cpu")
        history = train(model, kept, held, settings)
        losses.append([round(epoch["loss"], 4) for epoch in history])
        seconds += sum(epoch["seconds"] for epoch in history)
        scores += evaluate(model, test, batch=32).images
        looks |= localisation(model, test, batch=32)
        maps |= shown(model, test)
    tested = Evaluation(tuple(scores))
    groups = {name: group.images for name, group in tested.groups("modality").items()}
    found = {
        **about,
        "trained": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "mean": rounded(tested.mean),
        "modalities": {name: rounded(scored) for name, scored in tested.by("modality").items()},
        "sizes": {name: rounded(scored) for name, scored in tested.by("size").items()},
        "localisation": {name: rounded(figures) for name, figures in looks.items()},
        "dsc of each image": {name: [round(each.dsc, 4) for each in images] for name, images in groups.items()},
        "lesion share of each image": {
            name: [round(each.area, 4) for each in images] for name, images in groups.items()
        },
        "loss of each epoch": losses,
        "seconds": {
            "training": round(seconds, 1),
            "images": round(loading, 1),
            "all": round(time.perf_counter() - began, 1),
        },
        "environment": environment() | {"command": command(design, row, seed)},
        "date": date.today().isoformat(),
    }
    return found, maps


def shown(model: torch.nn.Module, test: Mix) -> dict[str, np.ndarray]:
    """What a network makes of the first image of each modality, uint8, under "MODALITY/NAME".

    "probability" (h w); "features 1" to "4" and "guidance 1" to "4" (h' w'), Grad-CAM in parts of its maximum.
    """
    device = next(model.parameters()).device
    found = {}
    for modality in test.modalities:
        image = normalise(test[test.labels.index(modality)]["image"][None].to(device))
        with torch.no_grad():
            output = model(image)
        cams = grad_cam(model, image) if output.features else {}
        maps = {name: cam / cam.max().clamp(min=1e-12) for name, cam in cams.items() if name != "frequency"}
        for name, each in ({"probability": output.logits.sigmoid()} | maps).items():
            found[f"{modality}/{name}"] = (255 * each[0, 0]).round().byte().cpu().numpy()
    return found


def rounded(scored: dict[str, float]) -> dict[str, float]:
    """Mean metrics to 4 digits."""
    return {key: round(value, 4) for key, value in scored.items()}


def command(design: Design, row: Row, seed: int) -> str:
    """What repeats a run."""
    profile = "" if design.profile == "full" else f" --profile {design.profile}"
    return f"python benchmarks/ablations.py{' ROOT' if design.root else ''}{profile} --only {row.name}-seed{seed}"


def run(design: Design, row: Row, seed: int) -> str:
    """Measure and store one run; returns what to print."""
    try:
        found, maps = measure(design, row, seed)
    except Exception as error:  # the other runs go on; the script ends with an error
        return f"{row.name}-seed{seed} failed: {type(error).__name__}: {error}"
    file = design.file(row, seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    if not (design.root or seed):
        (design.out / "maps").mkdir(exist_ok=True)
        packed = io.BytesIO()
        np.savez_compressed(packed, **maps)  # type: ignore[arg-type]
        write_bytes(design.out / "maps" / f"{row.name}.npz", packed.getvalue())
    write_text(file, json.dumps(found, allow_nan=False) + "\n")
    return f"{row.name:16} seed {seed}: DSC {found['mean']['dsc']:.3f}, {found['seconds']['all']:.0f} s"


def run_all(design: Design, wanted: Sequence[tuple[Row, int]], jobs: int) -> bool:
    """Run what is missing, `jobs` side by side; returns whether none failed."""
    missing = [(row, seed) for row, seed in wanted if design.stored(row, seed) is None]
    print(f"{design.kind}: {len(wanted)} runs, {len(wanted) - len(missing)} of them stored", flush=True)
    if not missing:
        return True
    if design.root:  # decoded once, before processes share the cache
        for parts in parts_of(design):
            Mix(parts, design.given["size"])
    if jobs == 1:
        one_thread()
        return report(run(design, row, seed) for row, seed in missing)
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), one_thread) as pool:
        runs = [pool.submit(run, design, row, seed) for row, seed in missing]
        return report(done.result() for done in as_completed(runs))


def report(lines: Iterable[str]) -> bool:
    """Print what runs have to say as they end; returns whether none failed."""
    whole = True
    for line in lines:
        print(line, flush=True)
        whole = whole and "failed" not in line
    return whole


def one_thread() -> None:
    """Compute on one thread: on a small network more would wait for each other."""
    torch.set_num_threads(1)


def summarise(design: Design, seeds: Sequence[int]) -> dict[str, Any] | None:
    """All stored runs of these settings: rows, and the contrasts of each group; None without any."""
    runs = {row.name: {seed: found for seed in seeds if (found := design.stored(row, seed))} for row in ROWS}
    every = [found for of_row in runs.values() for found in of_row.values()]
    if not every:
        return None
    rows = {}
    for name, of_row in runs.items():
        if not of_row:
            continue
        found, means = list(of_row.values()), [each["mean"]["dsc"] for each in of_row.values()]
        dsc = {
            table: rounded(averaged([{key: s["dsc"] for key, s in each[table].items()} for each in found]))
            for table in ("modalities", "sizes")
        }
        rows[name] = {
            **{key: found[0][key] for key in ("model", "options", "training", "trained", "settings")},
            "seeds": list(of_row),
            "dsc": round(statistics.mean(means), 4),
            "spread": round(statistics.stdev(means), 4) if len(means) > 1 else None,
            **dsc,
            "localisation": {
                modality: rounded(averaged([each["localisation"][modality] for each in found]))
                for modality in found[0]["localisation"]
            },
            "seconds": round(statistics.mean(each["seconds"]["training"] for each in found), 1),
        }
    groups: dict[str, dict[str, Any]] = {}
    for group, contrasts in GROUPS.items():
        for contrast in contrasts:
            named = [*contrast.plus, *contrast.minus]
            shared = [seed for seed in seeds if all(seed in runs[name] for name in named)]
            if shared:
                plus, minus = (
                    [scores([runs[name][seed] for seed in shared]) for name in side]
                    for side in (contrast.plus, contrast.minus)
                )
                groups.setdefault(group, {})[contrast.name] = {
                    "seeds": shared,
                    "localisation": [looks_apart(*(runs[n][s] for n in named)) for s in shared if len(named) == 2],
                    **{
                        where: {
                            "difference": round(effect.mean, 4),
                            "interval": [round(end, 4) for end in effect.interval],
                            "spread": effect.spread and round(effect.spread, 4),
                            "detectable": round(effect.detectable, 4),
                        }
                        for where, effect in effects(plus, minus).items()
                    },
                }
    about = [each["environment"] for each in every]
    return {
        "data": every[0]["data"],
        "images": {name: len(dsc) for name, dsc in every[0]["dsc of each image"].items()},
        "measured on": sorted({each["gpu"] or f"CPU, {each['threads']} thread" for each in about}),
        "commits": sorted({each["commit"] for each in about}),
        "rows": rows,
        "groups": groups,
    }


def averaged(figures: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of each figure that all have."""
    shared = [key for key in figures[0] if all(key in each for each in figures)]
    return {key: statistics.mean(each[key] for each in figures) for key in shared}


def looks_apart(plus: dict[str, Any], minus: dict[str, Any]) -> dict[str, float]:
    """How far two runs' localisation differs, in the mean of modalities."""
    a, b = (averaged(list(each["localisation"].values())) for each in (plus, minus))
    return rounded({key: a[key] - b[key] for key in a if key in b})


def scores(found: Sequence[dict[str, Any]]) -> dict[str, np.ndarray]:
    """DSC of the runs of one row, by modality (seeds images)."""
    return {m: np.array([each["dsc of each image"][m] for each in found]) for m in found[0]["dsc of each image"]}


def main(arguments: list[str] | None = None) -> None:
    """Measure the runs that are missing, then compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=Path)
    parser.add_argument("--groups", nargs="+", choices=list(GROUPS))
    parser.add_argument("--only", nargs="+", metavar="PATTERN", help="rows or runs, such as 'r*' or mmsnet-seed0")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side, one thread each")
    parser.add_argument("--profile", choices=list(PROFILES), default="full")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--summary", action="store_true", help="train nothing")
    args = parser.parse_args(arguments)
    root = args.root and args.root.expanduser().resolve()
    design = Design(root=root, profile=args.profile, out=args.out)
    whole = True
    if not args.summary:
        wanted = [
            (row, seed)
            for seed in range(args.seeds)
            for row in rows_of(args.groups or GROUPS_OF[design.kind])
            if any(fnmatch.fnmatch(name, p) for name in (row.name, f"{row.name}-seed{seed}") for p in args.only or "*")
        ]
        whole = run_all(design, wanted, args.jobs)
    kinds = [replace(design, root=place) for place in (None, Path("ROOT"))]
    found = {each.kind: summarise(each, range(args.seeds)) for each in kinds}
    found = {"command": "python benchmarks/ablations.py --summary", **{k: v for k, v in found.items() if v}}
    args.out.mkdir(parents=True, exist_ok=True)
    write_text(args.out.with_suffix(".json"), json.dumps(found, indent=1) + "\n")
    if not whole:
        raise SystemExit("some runs failed, see above")


if __name__ == "__main__":
    main()
