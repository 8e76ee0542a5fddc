"""Explorers of lesson 07, with the stored measurements and the small networks that the lesson uses too."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import nn

from mmsnet_lite.analysis.ablations import BY_NAME, Contrast
from mmsnet_lite.build import build_model
from mmsnet_lite.course.colours import overlay
from mmsnet_lite.course.explore.explorer import Choice, Explorer
from mmsnet_lite.course.explore.mfa import RESULTS, stored
from mmsnet_lite.course.explore.training import SETTINGS, mixes
from mmsnet_lite.course.plot.ablations import forest, looks
from mmsnet_lite.data.synthetic import MODALITIES, draw
from mmsnet_lite.errors import InputError
from mmsnet_lite.training import Evaluation, evaluate, train

PLACES = (RESULTS, Path("mmsnet-lite/benchmarks/results"))  # beside the package; in a clone that Colab has made
SMALL = {"encoder": "mit-nano", "pretrained": "own", "r": 4, "width": 16, "msfg_scales": 1, "frequencies": 4}


@lru_cache(maxsize=6)
def trained(msfg: bool, seed: int) -> nn.Module:
    """A small MMSNet with or without MSFG after lesson 05's 24 steps of 8 images; seconds, once a session."""
    model, (train_mix, held_mix, _) = build_model("mmsnet", SMALL | {"msfg": msfg}, seed), mixes()
    train(model, train_mix, held_mix, replace(SETTINGS, seed=seed))
    return model.eval()


@lru_cache(maxsize=6)
def live_scores(msfg: bool, seed: int) -> Evaluation:
    """Its scores on the 96 test images."""
    return evaluate(trained(msfg, seed), mixes()[2])


def home(places: Sequence[Path] = PLACES) -> Path:
    """The folder of results.

    Raises:
        InputError: there is none, as where the package was installed without its repository.
    """
    for place in places:
        if (place / "ablations.json").is_file():
            return place
    raise InputError(
        "benchmarks/results/ablations.json is not here; clone the repository and install it with `pip install -e .`, "
        "or measure it yourself with `python benchmarks/ablations.py`"
    )


@cache
def results() -> dict[str, Any]:
    """What benchmarks/ablations.py has summarised, by kind of images: "mixlite", "real"."""
    return {kind: found for kind, found in stored("ablations.json", home()).items() if kind != "command"}


@cache
def runs(row: str, kind: str = "mixlite") -> tuple[dict[str, Any], ...]:
    """The runs of a row, one a seed."""
    files = [home() / "ablations" / kind / f"{row}-seed{seed}.json" for seed in results()[kind]["rows"][row]["seeds"]]
    return tuple(json.loads(file.read_text(encoding="utf-8")) for file in files)


def scores(row: str, kind: str = "mixlite", seeds: Sequence[int] | None = None) -> dict[str, np.ndarray]:
    """DSC of a row by modality (seeds images), of all its seeds or of those named."""
    chosen = [run["dsc of each image"] for run in runs(row, kind) if seeds is None or run["seed"] in seeds]
    return {modality: np.array([run[modality] for run in chosen]) for modality in chosen[0]}


def differences(contrast: Contrast, kind: str = "mixlite") -> dict[str, np.ndarray]:
    """A contrast's paired differences in DSC by modality (seeds images), of the seeds that its rows share."""
    rows = (*contrast.plus, *contrast.minus)
    seeds = set.intersection(*({run["seed"] for run in runs(row, kind)} for row in rows))
    plus, minus = ([scores(row, kind, sorted(seeds)) for row in side] for side in (contrast.plus, contrast.minus))
    return {m: np.sum([s[m] for s in plus], 0) - np.sum([s[m] for s in minus], 0) for m in plus[0]}


def localised(row: str, figure: str, kind: str = "mixlite") -> dict[str, list[float]]:
    """A figure of `analysis.localisation`, such as "features 2" or "edge width", by modality: one a seed."""
    tables = [run["localisation"] for run in runs(row, kind)]
    return {m: [table[m][figure] for table in tables if figure in table[m]] for m in tables[0]}


def by_place(contrast: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The effects of a contrast of the summary, in the "mean" of modalities and in each."""
    return {place: effect for place, effect in contrast.items() if isinstance(effect, dict)}


def effect_table(contrasts: Mapping[str, Mapping[str, Any]]) -> str:
    """Contrasts of the summary as lines: seeds, and each difference, starred where its interval leaves 0 out.

    The last column is the smallest difference in the mean that the design would find, four times in five.
    """
    places = list(by_place(next(iter(contrasts.values()))))
    title = "difference in DSC"
    width = max(map(len, (title, *contrasts)))
    lines = [f"{title:{width}} seeds" + "".join(f"{place:>12}" for place in places) + " found from"]
    for name, found in contrasts.items():
        cells = [f"{found[p]['difference']:+.3f}{'*' if excludes_zero(found[p]) else ' '}" for p in places]
        seeds, smallest = len(found["seeds"]), found["mean"]["detectable"]
        lines.append(f"{name:{width}} {seeds:5}" + "".join(f"{cell:>12}" for cell in cells) + f"{smallest:11.3f}")
    return "\n".join(lines)


def score_table(rows: Sequence[str]) -> str:
    """Rows of the summary as lines: trained parameters, and mean DSC, with its spread over seeds, by kind of images."""
    found = results()
    lines = [f"{'row':16} trained parameters" + "".join(f"{f'DSC, {kind}':>18}" for kind in found)]
    for row in rows:
        cells = []
        for each in (kind["rows"].get(row) for kind in found.values()):
            spread = f" ± {each['spread']:.3f}" if each and each["spread"] is not None else ""
            cells.append(f"{each['dsc']:.3f}{spread}" if each else "")
        count = found["mixlite"]["rows"][row]["trained"]
        lines.append(f"{row:16} {count:18,}" + "".join(f"{cell:>18}" for cell in cells))
    return "\n".join(line.rstrip() for line in lines)


def localisation_table(figure: str, rows: Sequence[str], kind: str = "mixlite") -> str:
    """A figure of `localised` as lines, a row each: its smallest and largest value over seeds in every modality."""
    lines = [f"    {'':9}" + "".join(f"{modality:>14}" for modality in results()[kind]["images"])]
    for row in rows:
        if any(found := localised(row, figure, kind).values()):
            cells = ["-".join(dict.fromkeys(f"{end(of_seeds):.2f}" for end in (min, max))) for of_seeds in found]
            lines.append(f"    {row:9}" + "".join(f"{cell:>14}" for cell in cells))
    return "\n".join(lines)


def excludes_zero(effect: Mapping[str, Any]) -> bool:
    """Whether the interval of an effect lies on one side of 0."""
    low, high = effect["interval"]
    return bool(low > 0 or high < 0)


@cache
def look(row: str, modality: str) -> dict[str, np.ndarray]:
    """What a row's network of seed 0 made of the first MixLite test image of a modality.

    "found" is the cut probability beside the truth, uint8 (h w 3); "probability" and maps like "features 1" are 0..1.
    """
    with np.load(home() / "ablations" / "maps" / f"{row}.npz") as packed:
        maps = {name: packed[name] / 255 for name in packed.files}
    chosen = {name.split("/")[1]: values for name, values in maps.items() if name.startswith(f"{modality}/")}
    image, mask = draw(modality, 0, 1_000_000, len(chosen["probability"]))
    return chosen | {"found": overlay(image, chosen["probability"] >= 0.5, mask)}


def draw_row(row: str, modality: str) -> tuple[Figure, str]:
    """A row of the table: its scores on a modality, what it found in one image, and where it looked."""
    found = results()["mixlite"]["rows"][row]
    spread = "one seed" if found["spread"] is None else f"spread over {len(found['seeds'])} seeds {found['spread']:.3f}"
    figures = found["localisation"][modality]
    cams = [f"stage {s}: {figures[f'features {s}']:.2f}" for s in range(1, 5) if f"features {s}" in figures]
    alt = (
        f"Row {row}, {BY_NAME[row].training} training, {found['trained']:,} trained parameters: mean DSC "
        f"{found['dsc']:.3f} ({spread}), on {modality} {found['modalities'][modality]:.3f}; boundary IoU "
        f"{figures['boundary IoU']:.2f}. AUROC of its activation maps on {modality} lesions: "
        f"{', '.join(cams) or 'none, this network shows no maps'}."
    )
    figure = looks({row: look(row, modality)}, ("features", "guidance"))
    title = f"{row}: DSC {found['dsc']:.3f} ({spread}); {modality} {found['modalities'][modality]:.3f}"
    figure.set_size_inches(figure.get_figwidth(), figure.get_figheight() + 0.3)
    figure.suptitle(title, fontsize=9)
    return figure, alt


def row() -> Explorer:
    """Rows of the grid, their scores, pictures and activation maps."""
    return Explorer(
        draw_row,
        row=Choice("row", tuple(results()["mixlite"]["rows"]), "mmsnet"),
        modality=Choice("images", MODALITIES, "fundus"),
    )


def draw_group(question: str) -> tuple[Figure, str]:
    """The differences that belong to one question, with their intervals."""
    kind, group = question.split(": ")
    found = results()[kind]["groups"][group]
    words = [
        f"{name} {each['mean']['difference']:+.3f}, {each['mean']['interval'][0]:+.3f} to "
        f"{each['mean']['interval'][1]:+.3f}, found reliably from {each['mean']['detectable']:.3f}"
        for name, each in found.items()
    ]
    alt = f"Group {group} on {kind} images. Mean difference in DSC and 95 % interval: {'; '.join(words)}."
    return forest({name: by_place(each) for name, each in found.items()}), alt


def group() -> Explorer:
    """Questions of the grid, their differences with intervals."""
    questions = tuple(f"{kind}: {name}" for kind, found in results().items() for name in found["groups"])
    return Explorer(draw_group, question=Choice("question", questions, "mixlite: modules"))
