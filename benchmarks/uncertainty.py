"""Is the uncertainty of finished runs any good? Error detection, risk, calibration, ranking, each beside its controls.

    python benchmarks/uncertainty.py RUN... [--data ROOT] [--passes 20] [--out FILE]

RUN is a folder that `train` has finished; `--data` says where its real images lie now. Each is judged on its test
images by `mmsnet_lite.analysis.assess`, the temperature fitted on its validation images. A row a run, written as soon
as it is there; a run that stands in the file already, with the same weights and passes, is not judged again. Without
RUN, as in `make bench`, nothing is measured.
"""

import argparse
import hashlib
import json
import math
import time
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import torch

from mmsnet_lite.analysis import assess
from mmsnet_lite.build import environment, trained
from mmsnet_lite.cli_evaluate import unseen
from mmsnet_lite.data import Mix, split_validation
from mmsnet_lite.training.checkpoint import write_text
from mmsnet_lite.training.collect import command

RESULT = Path(__file__).parent / "results/uncertainty.json"


def judge(folder: Path, root: str | None, passes: int) -> dict[str, Any]:
    """The row of a run but for its weights' digest."""
    run, model = trained(folder)
    if root and run.source.root:
        run = replace(run, source=replace(run.source, root=str(Path(root).expanduser().resolve())))
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    held = split_validation(run.source.parts("train", run.size), run.validation, run.settings["seed"])[1]
    test = Mix(unseen(run, run.source.parts("test", run.size)), run.size)
    validation = Mix(held, run.size)
    began = time.perf_counter()
    found = assess(model, validation, test, passes=passes)
    here = environment()
    return {
        "run": folder.resolve().name,
        "command": command(json.loads((folder / "config.json").read_text(encoding="utf-8"))),
        "size": run.size,
        "passes": passes,
        "validation images": len(validation),
        **plain(asdict(found)),
        "seconds": round(time.perf_counter() - began, 1),
        "environment": {key: here[key] for key in ("commit", "versions", "threads", "gpu")},
        "date": date.today().isoformat(),
    }


def plain(value: Any) -> Any:
    """Numbers of four digits, and None where there is none (nan), which JSON does not know."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    return value


def main(arguments: list[str] | None = None) -> None:
    """Judge the runs that are not in the file yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN")
    parser.add_argument("--data", metavar="ROOT")
    parser.add_argument("--passes", type=int, default=20)
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args(arguments)
    if not args.runs:
        print("no RUN given; nothing measured")
    for folder in args.runs:
        found = json.loads(args.out.read_text(encoding="utf-8")) if args.out.exists() else {"rows": []}
        weights = hashlib.sha256((folder / "best.safetensors").read_bytes()).hexdigest()[:12]
        rows = {(row["weights"], row["passes"]): row for row in found["rows"]}
        if (weights, args.passes) in rows:
            continue
        row = {"weights": weights, **judge(folder, args.data, args.passes)}
        found = {"command": "python benchmarks/uncertainty.py RUN... --data ROOT", "rows": [*rows.values(), row]}
        write_text(args.out, json.dumps(found, indent=1, allow_nan=False) + "\n")
        print(f"{row['run']}: temperature {row['temperature']}, {row['seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    main()
