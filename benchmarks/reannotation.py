"""Does correcting the masks of uncertain images pay (claim C17)? Against random ones, and against both ends.

    python benchmarks/reannotation.py [--seeds 3] [--profile tiny] [--out FILE]

Trains lite's network on MixLite with a share of bad masks, checks a fifth of all masks, those of the most uncertain
images first, and trains anew from the same start; see `mmsnet_lite.analysis.reannotation` for the arms. A row an arm
and seed, written as soon as it is measured: started again, it goes on with what is missing. Everything is scored on
test images with true masks, by the last epoch.

Beside the rows stands their summary: how well each score finds the bad masks (AUROC, the training loss being the
control), and each arm's DSC with its gain over "none" and over "random".
"""

import argparse
import json
import time
from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch

from mmsnet_lite.analysis import auroc
from mmsnet_lite.analysis.ablations import effects
from mmsnet_lite.analysis.reannotation import ARMS, KINDS, Arm, draw_noise, reannotate
from mmsnet_lite.build import build_model, environment
from mmsnet_lite.data import Mix, Part, mixlite_parts, split_validation
from mmsnet_lite.data.synthetic import VERSION
from mmsnet_lite.training import PROFILES, TrainSettings, train
from mmsnet_lite.training.checkpoint import write_text

OPTIONS = PROFILES["lite"]().options["mmsnet"]
SETTINGS: dict[str, dict[str, Any]] = {
    "full": {"size": 96, "train": 80, "test": 40, "epochs": 10, "batch": 8, "lr": 2e-3, "share": 0.4, "budget": 0.2},
    "tiny": {"size": 64, "train": 8, "test": 2, "epochs": 1, "batch": 8, "lr": 2e-3, "share": 0.5, "budget": 0.25},
}
RESULT = Path(__file__).parent / "results/reannotation.json"
COMMAND = "python benchmarks/reannotation.py"


def images(profile: dict[str, Any]) -> tuple[list[Part], list[Part], list[Part]]:
    """Parts to train on, held out (one image a modality, which nothing is chosen by), and to test on."""
    counts = {split: profile[split] + (split == "train") for split in ("train", "test")}
    kept, held = split_validation(mixlite_parts("train", profile["size"], counts=counts), 1 / counts["train"])
    return kept, held, mixlite_parts("test", profile["size"], counts=counts)


def measure(seed: int, profile: dict[str, Any], out: Path) -> None:
    """Measure the arms of a seed that are missing, and store each."""
    torch.set_num_threads(1)
    size = profile["size"]
    kept, held, test = images(profile)
    settings = TrainSettings(seed=seed, **{key: profile[key] for key in ("epochs", "batch", "lr")})
    began = time.perf_counter()

    def fit(mix: Mix) -> torch.nn.Module:
        nonlocal began
        began = time.perf_counter()
        model = build_model("mmsnet", OPTIONS, seed).to("cuda" if torch.cuda.is_available() else "cpu")
        train(model, mix, Mix(held, size), settings)
        return model

    known = {
        row["arm"]: Arm(tuple(sum(row["dsc"].values(), [])), tuple(row["checked"]), row["bad"], row.get("scores", {}))
        for row in read(profile, out)["rows"]
        if row["seed"] == seed
    }
    known = known if "none" in known else {}
    shares = {key: profile[key] for key in ("share", "budget")}
    for name, arm in reannotate(fit, kept, Mix(test, size), seed=seed, known=known, **shares):
        dsc = np.round(arm.dsc, 4).reshape(len(test), -1).tolist()
        row: dict[str, Any] = {"seed": seed, "arm": name, "seconds": round(time.perf_counter() - began, 1)}
        row |= {"checked": arm.checked, "bad": arm.bad, "dsc": dict(zip((p.dataset for p in test), dsc, strict=True))}
        if arm.scores:
            row["scores"] = {key: np.round(values, 5).tolist() for key, values in arm.scores.items()}
        add(row, profile, out)
        print(f"seed {seed} {name:12} DSC {np.mean(dsc):.4f}, {row['seconds']:.0f} s", flush=True)


def read(profile: dict[str, Any], out: Path) -> dict[str, Any]:
    """What is stored of this profile."""
    about = {"mixlite": VERSION, "options": OPTIONS, "profile": profile}
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    same = {key: found.get(key) for key in about} == json.loads(json.dumps(about))
    return found if same else {"command": COMMAND, **about, "rows": []}


def add(row: dict[str, Any], profile: dict[str, Any], out: Path) -> None:
    """Add a row and renew the summary."""
    here = environment()
    row["environment"] = {key: here[key] for key in ("commit", "versions", "threads", "gpu")}
    found = read(profile, out)
    found["rows"] = [r for r in found["rows"] if (r["seed"], r["arm"]) != (row["seed"], row["arm"])] + [row]
    found["rows"].sort(key=lambda r: (r["seed"], ARMS.index(r["arm"])))
    found |= {"date": date.today().isoformat(), "summary": summary(found["rows"], profile)}
    write_text(out, json.dumps(found) + "\n")


def summary(rows: Sequence[dict[str, Any]], profile: dict[str, Any]) -> dict[str, Any]:
    """What the rows say: bad masks found, and DSC by arm over the seeds that have it."""
    arms: dict[str, dict[int, dict[str, list[float]]]] = {}
    for row in rows:
        arms.setdefault(row["arm"], {})[row["seed"]] = row["dsc"]
    table = {}
    for arm, by_seed in arms.items():
        means = [mean(mean(values) for values in dsc.values()) for dsc in by_seed.values()]
        table[arm] = {"seeds": sorted(by_seed), "mean": round(mean(means), 4)}
        table[arm] |= {"spread": round(stdev(means), 4) if len(means) > 1 else None}
        table[arm] |= {"bad": [row["bad"] for row in rows if row["arm"] == arm]}
        table[arm] |= {"checked": [len(row["checked"]) for row in rows if row["arm"] == arm]}
        for other in ("none", "random"):
            if arm != other and by_seed.keys() <= arms.get(other, {}).keys():
                table[arm][f"minus {other}"] = gain(by_seed, arms[other])
    return {"bad masks found, AUROC": found_bad(rows, profile), "arms": table}


def gain(ours: dict[int, dict[str, list[float]]], theirs: dict[int, dict[str, list[float]]]) -> dict[str, Any]:
    """The mean of modalities' differences, with a 95 % interval over seeds and images, both paired."""
    seeds, modalities = sorted(ours), next(iter(ours.values()))
    sides = ([{name: np.array([side[seed][name] for seed in seeds]) for name in modalities}] for side in (ours, theirs))
    effect = effects(*sides)["mean"]
    return {"mean": round(effect.mean, 4), "interval": [round(end, 4) for end in effect.interval]}


def area_among(scores: np.ndarray, bad: np.ndarray, chosen: np.ndarray) -> float:
    """How well scores find the bad masks among chosen images."""
    return auroc(torch.tensor(scores[chosen]), torch.tensor(bad[chosen]))


def found_bad(rows: Sequence[dict[str, Any]], profile: dict[str, Any]) -> dict[str, Any]:
    """By score: over all images, within a modality, and for each kind of error beside good masks; means of seeds."""
    parts = images(profile)[0]
    keys = [(part.dataset, stem) for part in parts for stem in part.stems]
    values: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        if row["arm"] != "none":
            continue
        noise = draw_noise(parts, profile["share"], row["seed"])
        kinds, modality = np.array([noise.get(key, "") for key in keys]), np.array([name for name, _ in keys])
        for name, scores in row["scores"].items():
            area = partial(area_among, np.array(scores), kinds != "")
            groups = {"all": area(modality != "")}
            groups["within a modality"] = mean(area(modality == each) for each in dict.fromkeys(modality))
            groups |= {kind: area((kinds == "") | (kinds == kind)) for kind in KINDS}
            for group, value in groups.items():
                values.setdefault(name, {}).setdefault(group, []).append(value)
    return {
        name: {group: {"mean": round(mean(v), 3), "seeds": np.round(v, 3).tolist()} for group, v in groups.items()}
        for name, groups in values.items()
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--profile", choices=list(SETTINGS), default="full")
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args(arguments)
    for seed in range(args.seeds):
        measure(seed, SETTINGS[args.profile], args.out)


if __name__ == "__main__":
    main()
