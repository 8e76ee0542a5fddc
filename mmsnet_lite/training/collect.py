"""From finished runs to a results file: what was trained, on what, and what it scored; no image, mask or weight."""

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

from mmsnet_lite.errors import InputError
from mmsnet_lite.training.checkpoint import write_text
from mmsnet_lite.training.results import read
from mmsnet_lite.training.scores import Evaluation
from mmsnet_lite.training.settings import TrainSettings


def collect(runs: Sequence[Path], file: Path, title: str | None = None) -> None:
    """Add evaluated runs to a results file, in the place of earlier ones of the same command.

    Args:
        runs: run folders with a test.csv.
        file: benchmarks/results/runs_NAME.json; made where there is none.
        title: the sentence above the table; None keeps the file's.

    Raises:
        InputError: a folder holds no whole run, or no test.csv.
    """
    earlier: dict[str, Any] = read(file.stem, file.parent) if file.exists() else {"title": "", "runs": []}
    if not (title or earlier["title"]):
        raise InputError(f"{file} is new; give the sentence above its table with --title")
    found = [described(run) for run in runs]
    commands = [run["command"] for run in found]
    kept = [run for run in earlier["runs"] if run["command"] not in commands]
    lines = ",\n".join(json.dumps(run, allow_nan=False) for run in kept + found)
    write_text(file, f'{{"title": {json.dumps(title or earlier["title"])}, "runs": [\n{lines}\n]}}\n')


def described(folder: Path) -> dict[str, Any]:
    """Return a run's configuration, scores with intervals, device, versions, commit, duration and command.

    "dsc of each image" holds DSC by modality, rounded to 4 digits, images sorted by dataset and stem, so that intervals
    over several seeds can be computed; "images" is a digest of those names.

    Raises:
        InputError: a file of the run is missing or damaged.
    """
    scores = Evaluation.read_csv(folder)
    try:
        config, environment = (
            json.loads((folder / name).read_text(encoding="utf-8")) for name in ("config.json", "environment.json")
        )
        lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        seconds = sum(json.loads(line).get("seconds", 0) for line in lines)
        wanted = {key: config[key] for key in ("model", "options", "size", "settings", "validation")}
        repeat = command(config)
        about = {key: environment[key] for key in ("commit", "versions", "platform", "threads", "gpu")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder} holds no whole run ({error}); name a folder that `train` has finished") from error
    test = scores.to_json()
    images = sorted(scores.images, key=lambda s: (s.dataset, s.stem))
    return {
        **wanted,
        "datasets": list(test["datasets"]),
        "at": "network" if {(s.height, s.width) for s in images} == {(config["size"],) * 2} else "original",
        "test": {key: value for key, value in test.items() if key != "images"},
        "dsc of each image": {
            name: [round(s.dsc, 4) for s in images if s.modality == name] for name in test["modalities"]
        },
        "images": hashlib.sha256("\n".join(f"{s.dataset}/{s.stem}" for s in images).encode()).hexdigest()[:16],
        "training_seconds": round(seconds),
        "environment": about,
        "command": repeat,
        "date": date.today().isoformat(),
    }


def command(config: dict[str, Any]) -> str:
    """Return the command line that repeats a run, from its config.json; ROOT stands for the folder of datasets."""
    source, settings = config["source"], config["settings"]
    words = ["train"]
    if not source["root"]:
        words += ["--mix", "mixlite"]
    elif source["mix"]:
        words += ["--mix", source["mix"], "--data", "ROOT"]
    else:
        words += ["--data", "ROOT"]
        words += [] if source["test_datasets"] else ["--datasets", ",".join(source["datasets"])]
    given = {"size": config["size"], **{name: settings[name] for name in ("epochs", "batch", "lr", "seed")}}
    given |= {"validation": config["validation"]}
    usual = {field.name: field.default for field in fields(TrainSettings)}
    given |= {name: value for name, value in settings.items() if name not in given and value != usual.get(name)}
    random = {} if config["model"] == "unet" else {"pretrained": "none"}
    for name, value in (given | {"model": config["model"]} | random | config["options"]).items():
        option = name.replace("_", "-")
        words += [f"--{option}", str(value)] if not isinstance(value, bool) else [] if value else [f"--no-{option}"]
    return shlex.join(["python", "-m", "mmsnet_lite", *words])
