"""Does pretraining on procedural images pay? Runs on real images, from our own weights and from random ones.

    python benchmarks/pretraining.py ROOT [--only PATTERN]     trains what is missing, one run after another
    python benchmarks/pretraining.py                           compares what there is

ROOT holds the prepared folders drishti, kvasir, busi and isic2017. Runs resume where they were cut off, and several of
these commands may work side by side on different patterns. "Own" weights are those we ship; those of mit-b0, which we
do not ship, come first, into runs/pretraining/mit-b0, by the command in `MADE`. Each finished run leaves a JSON in
benchmarks/results/pretraining/ (scores an image, no image and no mask), all of them the table in pretraining.json:
mean DSC over modalities, own minus random, with a bootstrap over seeds and images.
"""

import argparse
import fnmatch
import json
import statistics
from datetime import date
from pathlib import Path

import numpy as np

from mmsnet_lite import __main__ as command_line
from mmsnet_lite.training.checkpoint import write_text
from mmsnet_lite.training.intervals import bootstrap

RESULTS = Path(__file__).parent / "results" / "pretraining"
RUNS = Path("runs/pretraining")
SETS = "drishti,kvasir,busi,isic2017"
STARTS = {"own": "own", "random": "none"}
MADE = {"mit-b0": "pretrain --encoder mit-b0 --steps 2500 --batch 64 --lr 1e-3 --out runs/pretraining/mit-b0"}
GRID = [("mit-nano", tune, seed) for tune in ("mfa", "full") for seed in (0, 1, 2)] + [("mit-b0", "full", 0)]


def train(root: str, encoder: str, tune: str, seed: int, start: str) -> None:
    """Train one run, or finish it, and store its scores."""
    name = f"{encoder}-{tune}-{start}-seed{seed}"
    result, run = RESULTS / f"{name}.json", RUNS / name
    if result.exists():
        return
    words = ["train", "--data", root, "--datasets", SETS, "--size", "128", "--epochs", "6", "--batch", "16"]
    weights = STARTS[start]
    if start == "own" and encoder in MADE:
        weights = str(RUNS / encoder)
        if not Path(weights).exists() and command_line.main(MADE[encoder].split()):
            raise SystemExit(f"pretraining {encoder} failed")
    words += ["--encoder", encoder, "--tune", tune, "--seed", str(seed), "--run", str(run), "--pretrained", weights]
    if not (run / "test.json").exists() and command_line.main(words + ["--resume"] * (run / "config.json").exists()):
        raise SystemExit(f"{name} failed")
    read = {part: json.loads((run / f"{part}.json").read_text(encoding="utf-8")) for part in ("environment", "test")}
    epochs = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    images: dict[str, list[float]] = {}
    for score in read["test"]["images"]:
        images.setdefault(score["dataset"], []).append(round(score["dsc"], 4))
    environment = read["environment"] | {"command": f"python benchmarks/pretraining.py ROOT --only {name}"}
    found = {
        "test": {key: read["test"][key] for key in ("mean", "datasets")},
        "dsc of each image": images,
        "validation DSC of each epoch": [round(epoch["validation_dsc"], 4) for epoch in epochs],
        "training_seconds": round(sum(epoch["seconds"] for epoch in epochs)),
        "environment": environment,
        "date": date.today().isoformat(),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    write_text(result, json.dumps(found) + "\n")


def stored(encoder: str, tune: str, start: str) -> dict[int, dict]:
    """The stored runs of one row, by seed."""
    files = {
        seed: RESULTS / f"{encoder}-{tune}-{start}-seed{seed}.json" for e, t, seed in GRID if (e, t) == (encoder, tune)
    }
    return {seed: json.loads(file.read_text(encoding="utf-8")) for seed, file in files.items() if file.exists()}


def gain(own: list[dict], random: list[dict]) -> dict:
    """Own minus random, the mean of modalities' DSC, with its 95 % interval over seeds and, paired, over images."""
    strata = [
        [np.array([run["dsc of each image"][name] for run in side])[..., None] for side in (own, random)]
        for name in own[0]["dsc of each image"]
    ]
    by_seed = np.mean([(a.mean(1) - b.mean(1))[:, 0] for a, b in strata], axis=0)
    return {
        "mean": round(float(by_seed.mean()), 4),
        "interval": [round(float(end), 4) for end in bootstrap(strata, [1 / len(strata)] * len(strata))[:, 0]],
        "by seed": [round(float(d), 4) for d in by_seed],
    }


def compare() -> dict:
    """One row an encoder and way of tuning: both starts, their difference."""
    table = {}
    for encoder, tune in dict.fromkeys((encoder, tune) for encoder, tune, _ in GRID):
        runs = {start: stored(encoder, tune, start) for start in STARTS}
        row: dict = {}
        for start, found in runs.items():
            if not found:
                continue
            means = [run["test"]["mean"]["dsc"] for run in found.values()]
            row[start] = {
                "seeds": sorted(found),
                "mean": round(statistics.mean(means), 4),
                "spread": round(statistics.stdev(means), 4) if len(means) > 1 else None,
                "datasets": {
                    name: round(statistics.mean(run["test"]["datasets"][name]["dsc"] for run in found.values()), 4)
                    for name in SETS.split(",")
                },
            }
        both = sorted(runs["own"].keys() & runs["random"].keys())
        if both:
            row["own minus random"] = gain(*([runs[start][seed] for seed in both] for start in ("own", "random")))
        if row:
            table[f"{encoder}, {tune}"] = row
    return {"command": "python benchmarks/pretraining.py", "test split": SETS, "rows": table}


def main() -> None:
    """Train what is missing, then compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?")
    parser.add_argument("--only", default="*", help="runs to train, such as 'mit-nano-mfa-random-*'")
    args = parser.parse_args()
    if args.root:
        for encoder, tune, seed in GRID:
            for start in STARTS:
                if fnmatch.fnmatch(f"{encoder}-{tune}-{start}-seed{seed}", args.only):
                    train(args.root, encoder, tune, seed, start)
    if not RESULTS.exists():
        print("no ROOT given and nothing stored; nothing measured")
        return
    table = compare()
    write_text(RESULTS.with_suffix(".json"), json.dumps(table, indent=1) + "\n")
    print(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
