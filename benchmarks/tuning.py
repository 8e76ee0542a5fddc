"""What is a way of tuning worth? Frozen, MFA, LoRA and full tuning, on a pretrained and on a random encoder.

    python benchmarks/tuning.py [--own FOLDER] [--seeds 3] [--only mfa-4 ...] [--profile tiny] [--out FILE]

Trains mit-nano with the plain decoder of lesson 04 on MixLite and scores the last epoch on its test images. A row a
way, start and seed, written as soon as it is measured: started again, it goes on with the rows that are missing. Rows
of other pretrained weights are thrown away. `--own` names the pretrained encoder (default: the weights we ship).
"""

import argparse
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import torch

from mmsnet_lite.build import environment
from mmsnet_lite.course.explore.mfa import OPTIONS, network, trained_count
from mmsnet_lite.data import Mix, mixlite_parts, split_validation
from mmsnet_lite.data.synthetic import VERSION
from mmsnet_lite.model import MiTEncoder
from mmsnet_lite.training import TrainSettings, evaluate, train
from mmsnet_lite.training.checkpoint import write_text

WAYS = {  # name: (how, r)
    "frozen": ("frozen", 1),
    **{f"mfa-{r}": ("mfa", r) for r in (1, 2, 4, 8, 16)},
    "lora-4": ("lora", 4),
    "full": ("full", 1),
}
PROFILES: dict[str, dict[str, Any]] = {
    "full": {"size": 96, "train": 160, "test": 40, "epochs": 4, "batch": 16, "lr": 4e-3},
    "tiny": {"size": 64, "train": 4, "test": 1, "epochs": 1, "batch": 4, "lr": 4e-3},
}
RESULT = Path(__file__).parent / "results/tuning.json"


def digest(start: str) -> str:
    """Name the weights of a pretrained encoder: the beginning of their SHA-256."""
    found = hashlib.sha256()
    for tensor in MiTEncoder(OPTIONS["encoder"], start).state_dict().values():
        found.update(tensor.numpy().tobytes())
    return found.hexdigest()[:12]


def measure(way: str, start: str | None, seed: int, profile: dict[str, Any]) -> dict[str, Any]:
    """Train and score one network."""
    how, r = WAYS[way]
    counts = {split: profile[split] for split in ("train", "test")}
    kept, held = split_validation(mixlite_parts("train", profile["size"], counts=counts), 1 / profile["train"])
    test = Mix(mixlite_parts("test", profile["size"], counts=counts), profile["size"])
    model = network(how, start, r, seed)
    settings = TrainSettings(seed=seed, **{key: profile[key] for key in ("epochs", "batch", "lr")})
    began = time.perf_counter()
    history = train(model, Mix(kept, profile["size"]), Mix(held, profile["size"]), settings)
    scores = evaluate(model, test)
    return {
        "way": way,
        "start": "random" if start is None else "own",
        "seed": seed,
        "trained": trained_count(model),
        "decoder": trained_count(network("frozen", None)),
        "dsc": round(scores.mean["dsc"], 4),
        "modalities": {name: round(row["dsc"], 4) for name, row in scores.by("modality").items()},
        "loss": [round(record["loss"], 4) for record in history],
        "seconds": round(time.perf_counter() - began, 1),
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure the rows that are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--own", default="own", metavar="FOLDER")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--profile", choices=list(PROFILES), default="full")
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    about = {"mixlite": VERSION, "profile": PROFILES[args.profile], "options": OPTIONS, "weights": digest(args.own)}
    result = json.loads(args.out.read_text(encoding="utf-8")) if args.out.exists() else {}
    if {key: result.get(key) for key in about} != about:
        result = {"command": "python benchmarks/tuning.py", **about, "rows": []}
    for seed in range(args.seeds):
        for way in args.only:
            for start in ("own", "random"):
                if any((row["way"], row["start"], row["seed"]) == (way, start, seed) for row in result["rows"]):
                    continue
                row = measure(way, args.own if start == "own" else None, seed, about["profile"])
                result["rows"].append(row)
                result["environment"] = {key: environment()[key] for key in ("commit", "versions", "threads")}
                write_text(args.out, json.dumps(result, indent=1) + "\n")
                print(f"{way:8} {start:7} seed {seed}: DSC {row['dsc']:.3f}, {row['seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    main()
