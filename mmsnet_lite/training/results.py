"""The tables that README and lessons quote, from the files in benchmarks/results/.

In a text, a table stands between `<!-- results: PATTERN -->` and `<!-- end of results -->`; PATTERN names files of the
folder, such as runs_*, and a file that is not there leaves nothing.

Convention: a row of several seeds shows their mean, ± their standard deviation; its interval is the bootstrap's over
    seeds and images, that of one seed over images alone, see `mmsnet_lite.training.intervals`.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

from mmsnet_lite.errors import InputError
from mmsnet_lite.training.intervals import bootstrap
from mmsnet_lite.training.scores import SIZES

_FILES = ("runs_*", "pretraining", "zero_shot")


def results_folder(given: Path | None = None) -> Path:
    """Return the folder of results: `given`, else benchmarks/results in the checkout that this package runs from.

    Raises:
        InputError: it does not exist, as outside a checkout.
    """
    folder = given or Path(__file__).resolve().parents[2] / "benchmarks" / "results"
    if not folder.is_dir():
        way = "check the path" if given else "run in a checkout of the repository, or name one's folder with --results"
        raise InputError(f"{folder} does not exist; {way}")
    return folder


def read(name: str, folder: Path | None = None) -> dict[str, Any]:
    """Read one results file, by its name without ending.

    Raises:
        InputError: it is missing or damaged.
    """
    file = results_folder(folder) / f"{name}.json"
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{file} is no results file ({error}); measure it anew, or restore it") from error


def markdown(pattern: str, folder: Path | None = None) -> str:
    """Return the tables of the files that a pattern names, "" where there are none.

    Raises:
        InputError: a file is damaged, or no results of its name's kind.
    """
    folder = results_folder(folder)
    known = dict.fromkeys(file.stem for kind in _FILES for file in sorted(folder.glob(f"{kind}.json")))
    tables = [_render(name, read(name, folder)) for name in known if fnmatchcase(name, pattern)]
    return "\n\n".join(tables)


def rendered(text: str, folder: Path | None = None) -> str:
    """Return a text with the tables between its markers made anew; see `filled`."""
    return filled(text, "results", lambda pattern: markdown(pattern, folder))


def filled(text: str, name: str, made: Callable[[str], str]) -> str:
    """Return a text with what stands between `<!-- NAME: WORD -->` and `<!-- end of NAME -->` made anew from WORD.

    Raises:
        InputError: the text has no such markers.
    """

    def place(match: re.Match[str]) -> str:
        table = made(match[2] or "")
        return f"{match[1]}{table}{chr(10) if table else ''}{match[3]}"

    pattern = rf"(<!-- {name}(?:: (\S+))? -->\n).*?(<!-- end of {name} -->)"
    text, count = re.subn(pattern, place, text, flags=re.DOTALL)
    if not count:
        raise InputError(f"the text has no place for {name}; write <!-- {name} --> and <!-- end of {name} -->")
    return text


def rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row a configuration of a runs file, its seeds together.

    Each row has name, seeds, command, DSC by test set (`datasets`) and by size of lesion (`sizes`), and the mean of
    modalities of `dsc`, `iou` and `mae`, all as lists over seeds; `interval` of the mean DSC.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for run in data["runs"]:
        settings = {key: value for key, value in run["settings"].items() if key != "seed"}
        same = [run[key] for key in ("model", "options", "datasets", "size", "validation", "at", "images")]
        found.setdefault(json.dumps([same, settings], sort_keys=True), []).append(run)
    names = _names([runs[0] for runs in found.values()])
    table = []
    for name, runs in zip(names, found.values(), strict=True):
        runs.sort(key=lambda run: run["settings"]["seed"])
        tests = [run["test"] for run in runs]
        table.append(
            {
                "name": name,
                "seeds": [run["settings"]["seed"] for run in runs],
                "command": runs[0]["command"],
                "datasets": {key: [t["datasets"][key]["dsc"] for t in tests] for key in tests[0]["datasets"]},
                "sizes": {key: [t["sizes"][key]["dsc"] for t in tests] for key in tests[0]["sizes"]},
                **{metric: [t["mean"][metric] for t in tests] for metric in ("dsc", "iou", "mae")},
                "interval": _interval([run["dsc of each image"] for run in runs]),
            }
        )
    return table


def _interval(runs: list[dict[str, list[float]]]) -> list[float]:
    """Interval of the mean of modalities' DSC over seeds and images, from the DSC of each image by modality."""
    strata = [np.array([run[modality] for run in runs])[..., None] for modality in runs[0]]
    ends: list[float] = bootstrap([[s] for s in strata], [1 / len(strata)] * len(strata))[:, 0].tolist()
    return ends


def _names(runs: list[dict[str, Any]]) -> list[str]:
    """Model and encoder of each run, and where those are the same what else differs."""
    short = [" ".join([run["model"], run["options"].get("encoder", "")]).strip() for run in runs]
    facts = [run["options"] | run["settings"] | {"size": run["size"], "at": run["at"]} for run in runs]
    names = []
    for name, own in zip(short, facts, strict=True):
        alike = [other for other, called in zip(facts, short, strict=True) if called == name]
        varied = [k for k in own if k != "seed" and len({json.dumps(other.get(k)) for other in alike}) > 1]
        names.append(", ".join([name, *(f"{k} {own[k]}" for k in varied)]))
    return names


def _render(name: str, data: dict[str, Any]) -> str:
    try:
        return {"pretraining": _pretraining, "zero_shot": _zero_shot}.get(name, _runs)(data)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{name}.json lacks what its table shows ({error!r}); restore it") from error


def _runs(data: dict[str, Any]) -> str:
    """A row a configuration; a column a test set, then means; columns that no row fills are left out."""
    found = rows(data)
    cells: dict[str, list[str]] = {"DSC": [row["name"] for row in found]}
    several = any(len(row["seeds"]) > 1 for row in found)
    cells["seeds"] = [str(len(row["seeds"])) if several else "" for row in found]
    for key in dict.fromkeys(key for row in found for key in row["datasets"]):
        cells[key] = [_cell(row["datasets"].get(key)) for row in found]
    cells["mean"] = [_cell(row["dsc"]) for row in found]
    cells["95 % interval"] = ["{:.3f} to {:.3f}".format(*row["interval"]) for row in found]
    cells |= {f"mean {title}": [_cell(row[title.lower()]) for row in found] for title in ("IoU", "MAE")}
    cells |= {title: [_cell(row["sizes"].get(key)) for row in found] for key, title in SIZES.items()}
    filled = {title: column for title, column in cells.items() if any(column)}
    table = _table(filled, zip(*filled.values(), strict=True))
    return "\n".join([data["title"], "", table, "", *dict.fromkeys(_command(row) for row in found)])


def _command(row: dict[str, Any]) -> str:
    """A row's command, two blanks at its end for Markdown's line break."""
    seeds = row["seeds"]
    if len(seeds) == 1:
        return f"`{row['command']}`  "
    line = row["command"].replace(f"--seed {seeds[0]}", "--seed S")
    return f"`{line}`, S = {', '.join(map(str, seeds))}  "


def _cell(values: list[float] | None) -> str:
    return _shown(mean(values), stdev(values) if values[1:] else None) if values else ""


def _shown(value: float, spread: float | None) -> str:
    return f"{value:.3f}" if spread is None else f"{value:.3f} ± {spread:.3f}"


def _table(header: Collection[str], lines: Iterable[Iterable[str]]) -> str:
    head, *body = (f"| {' | '.join(line)} |" for line in (header, *lines))
    return "\n".join([head, "|---" * len(header) + "|", *body])


def _pretraining(data: dict[str, Any]) -> str:
    """Our own start weights beside random ones; a row an encoder and way of tuning."""
    sets = data["test split"].split(",")
    lines = []
    for name, row in data["rows"].items():
        starts, gain = [row.get(start) for start in ("random", "own")], row.get("own minus random")
        line = [name, str(max(len(start["seeds"]) for start in starts if start))]
        line += [_shown(start["mean"], start["spread"]) if start else "" for start in starts]
        line += ["{:+.3f} ({:+.3f} to {:+.3f})".format(gain["mean"], *gain["interval"]) if gain else ""]
        line += [" → ".join(f"{start['datasets'][key]:.3f}" if start else "–" for start in starts) for key in sets]
        lines.append(line)
    header = ["DSC", "seeds", "random", "own", "own minus random", *(f"{name}, random → own" for name in sets)]
    title = (
        f"Our own start weights beside random ones (`{data['command']} ROOT`): means of modalities with their standard "
        "deviation over seeds, and the difference with its 95 % interval over seeds and images."
    )
    return f"{title}\n\n{_table(header, lines)}"


def _zero_shot(data: dict[str, Any]) -> str:
    """A network that has seen MixLite only, beside a guess: mean and half the range of two seeds."""
    modalities = list(data["guesses"])
    lines = [
        [title, *(_shown(row["mean"], row["spread"] / 2) for row in (data["dsc"][name][m] for m in modalities))]
        for title, name in (("MixLite, unseen", "mixlite"), ("real", "real"))
    ]
    guesses = [f"{data['guesses'][m]['mean MixLite mask']:.3f}" for m in modalities]
    return _table(["DSC", *modalities], [*lines, ["real, the guess", *guesses]])
