"""Collect finished runs into one results file and render the table that README shows.

    python benchmarks/collect_runs.py RUN [RUN ...] --out benchmarks/results/NAME.json     collect, then render README
    python benchmarks/collect_runs.py                                                      render README only

Each run is a folder that `python -m mmsnet_lite train` wrote. Means only: no image, mask or weight is copied.
"""

import argparse
import json
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
README = ROOT / "README.md"
START, END = "<!-- results: python benchmarks/collect_runs.py -->", "<!-- end of results -->"


def collect(folder: Path) -> dict:
    """Return a run's configuration, environment and mean scores."""
    read = {name: json.loads((folder / f"{name}.json").read_text()) for name in ("config", "environment", "test")}
    config = read["config"]
    epochs = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {
        "model": config["model"],
        "options": config["options"],
        "datasets": list(read["test"]["datasets"]),
        "size": config["size"],
        "settings": config["settings"],
        "validation": config["validation"],
        "test": {"mean": read["test"]["mean"], "datasets": read["test"]["datasets"]},
        "training_seconds": round(sum(epoch["seconds"] for epoch in epochs)),
        "environment": {key: read["environment"][key] for key in ("commit", "versions", "threads", "gpu")},
        "command": command(config),
        "date": date.today().isoformat(),
    }


def command(config: dict) -> str:
    """The command line that repeats a run."""
    source, settings = config["source"], config["settings"]
    words = ["python -m mmsnet_lite train"]
    words += [f"--data ROOT --datasets {','.join(source['datasets'])}"] if source["root"] else ["--mix mixlite"]
    words += [f"--size {config['size']} --epochs {settings['epochs']} --batch {settings['batch']}"]
    words += [f"--lr {settings['lr']} --seed {settings['seed']} --validation {config['validation']}"]
    words += [f"--model {config['model']}"]
    for name, value in config["options"].items():
        option = name.replace("_", "-")
        words += [f"--{option} {value}" if not isinstance(value, bool) else "" if value else f"--no-{option}"]
    return " ".join(word for word in words if word)


def table(results: list[dict]) -> str:
    """Lay results out in Markdown: a row a run, a column a test set, the mean last."""
    sets = list(results[0]["test"]["datasets"])
    lines = [f"| DSC | {' | '.join(sets)} | mean | mean IoU | mean MAE |", "|---" * (len(sets) + 4) + "|"]
    for run in results:
        mean = run["test"]["mean"]
        scores = [f"{run['test']['datasets'][name]['dsc']:.3f}" for name in sets]
        name = " ".join([run["model"], run["options"].get("encoder", "")]).strip()
        lines.append(f"| {name} | {' | '.join(scores)} | {mean['dsc']:.3f} | {mean['iou']:.3f} | {mean['mae']:.3f} |")
    return "\n".join([*lines, "", *dict.fromkeys(f"`{run['command']}`  " for run in results)])


def rendered(readme: str) -> str:
    """Return README's text with its tables made from the results files."""
    before, rest = readme.split(START)
    _, after = rest.split(END)
    files = sorted(RESULTS.glob("runs_*.json"))
    tables = [f"{data['title']}\n\n{table(data['runs'])}\n" for data in (json.loads(f.read_text()) for f in files)]
    return f"{before}{START}\n" + "\n".join(tables) + f"{END}{after}"


def main() -> None:
    """Collect the runs named on the command line, then render README."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("runs", nargs="*", type=Path)
    options.add_argument("--out", type=Path, help="benchmarks/results/runs_NAME.json")
    options.add_argument("--title", help="the sentence above the table; the file's own by default")
    args = options.parse_args()
    if args.runs and not args.out:
        options.error("--out says where the collected runs go")
    if args.runs:
        earlier = json.loads(args.out.read_text(encoding="utf-8")) if args.out.exists() else {}
        title = args.title or earlier.get("title", "Test scores.")
        data = {"title": title, "runs": [collect(run) for run in args.runs]}
        args.out.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    README.write_text(rendered(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
