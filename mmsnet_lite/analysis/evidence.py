"""What stored results say of a claim: findings, each with its figures and whether it is what was claimed.

Every figure is read from benchmarks/results/ (or from the table of real spectra that the package carries).
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import NormalDist, mean, stdev
from typing import Any

import torch

from mmsnet_lite.analysis.detection import auroc
from mmsnet_lite.data.reference import real_table
from mmsnet_lite.data.synthetic import MODALITIES
from mmsnet_lite.errors import InputError
from mmsnet_lite.training import results

SETS = dict(zip(MODALITIES, ("drishti", "kvasir", "busi", "isic2017"), strict=True))
KINDS = {"mixlite": "MixLite", "real": "real images"}


@dataclass(frozen=True)
class Finding:
    """One figure that a claim predicts: what was measured, and whether it is as claimed."""

    text: str
    holds: bool


class Evidence:
    """The results stored in a folder, each file read once; None is the checkout's, see `results.results_folder`."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    @cached_property
    def ablations(self) -> dict[str, Any]:
        """ablations.json by the title of the images, of those that were measured."""
        found = results.read("ablations", self.folder)
        return {title: found[kind] for kind, title in KINDS.items() if kind in found}

    @cached_property
    def real_runs(self) -> dict[str, dict[str, Any]]:
        """The rows of runs_real_128.json, by name."""
        return {row["name"]: row for row in results.rows(results.read("runs_real_128", self.folder))}

    def contrasts(self, name: str, sign: int, where: tuple[str, ...] = ("mean",)) -> list[Finding]:
        """A contrast of the ablations, on every kind of images that has it.

        Args:
            name: such as "no-fep - mmsnet".
            sign: 1 or -1 where the claim says better or worse, 0 where it says no difference. A difference is one
                whose 95 % interval leaves 0 out.
            where: "mean" and modalities.

        Raises:
            InputError: no kind of images has it, so that a claim would be judged by its other figures alone.
        """
        found = []
        for title, measured in self.ablations.items():
            of_name: dict[str, Any] = next((group[name] for group in measured["groups"].values() if name in group), {})
            for place in where if of_name else ():
                effect = of_name[place]
                spread = f", spread {effect['spread']:.3f}" if effect["spread"] is not None else ""
                text = f"{title}, {name}, {place}: {effect['difference']:+.3f} {_interval(effect)}, "
                low, high = effect["interval"]
                found.append(Finding(f"{text}{_seeds(of_name['seeds'])}{spread}", int(low > 0) - int(high < 0) == sign))
        if not found:
            raise InputError(f"no stored ablation holds {name}; measure it: python benchmarks/ablations.py")
        return found

    def looks(self, row: str, maps: str, modalities: tuple[str, ...] = MODALITIES) -> Iterator[Finding]:
        """Whether activation maps of a row miss the lesion: a mean AUROC of at most 0.6 on its pixels."""
        for title, measured in self.ablations.items():
            of_row = measured["rows"].get(row)
            for modality in modalities if of_row else ():
                figures = of_row["localisation"][modality]
                value = mean(figure for name, figure in figures.items() if name.startswith(maps))
                text = f"{title}, {row}, {modality}: activation maps of the {maps} tell lesion from rest with AUROC "
                yield Finding(f"{text}{value:.2f}, DSC {of_row['modalities'][modality]:.2f}", value <= 0.6)

    def edges(self, name: str) -> Iterator[Finding]:
        """Whether the first row's edges are wider and its boundary IoU lower than the second's, with every seed."""
        for title, measured in self.ablations.items():
            contrast = measured["groups"].get("modules", {}).get(name)
            for key, sign in (("edge width", 1), ("boundary IoU", -1)) if contrast else ():
                differences = [seed[key] for seed in contrast["localisation"]]
                shown = ", ".join(f"{d:+.3f}" for d in differences)
                text = f"{title}, {name}, {key}: {shown} (one a seed)"
                yield Finding(text, all(sign * d > 0 for d in differences))

    def modalities_differ(self) -> Iterator[Finding]:
        """How well one figure of an image tells two modalities apart: the lesion's area, or the energy of one ring.

        Differs what an AUROC of 0.5 excludes, two-sided at 5 %, divided by the number of rings tried.
        """
        table = real_table()
        labels = table.column("modality")
        figures = {"area": table.column("area")[:, None], "the best of ten rings": table.rings}
        for a, b in itertools.combinations(MODALITIES, 2):
            either = (labels == a) | (labels == b)
            first = torch.from_numpy(labels[either] == a)
            n, m = int(first.sum()), int((~first).sum())
            null = math.sqrt((n + m + 1) / (12 * n * m))  # standard deviation where nothing differs
            shown, differ = [], []
            for name, columns in figures.items():
                areas = [auroc(torch.from_numpy(column[either]), first) for column in columns.T]
                best = max(max(area, 1 - area) for area in areas)
                shown.append(f"{name} {best:.2f}")
                differ.append(best - 0.5 > NormalDist().inv_cdf(1 - 0.025 / len(areas)) * null)
            yield Finding(f"real images, {a} from {b}: AUROC of {', '.join(shown)}", all(differ))

    def against_unet(self) -> Iterator[Finding]:
        """MMSNet, frozen and tuned by MFA, above U-Net on each set."""
        ours, theirs = (
            next(row["datasets"] for name, row in self.real_runs.items() if name.startswith(start))
            for start in ("mmsnet mit-nano, tune mfa", "unet")
        )
        for modality, name in SETS.items():
            a, b = ours[name], theirs[name]
            text = f"real images, {modality}: MMSNet {_spread(a)}, U-Net {_spread(b)}, {_seeds(a)}"
            yield Finding(text, mean(a) - mean(b) > _deviation(a) + _deviation(b))

    def unet_weakness(self) -> Iterator[Finding]:
        """U-Net behind on colonoscopy and ultrasound, and MMSNet, which has the frequency analysis, less so."""
        gaps = {}
        for name, row in self.real_runs.items():
            dsc = {modality: mean(row["datasets"][key]) for modality, key in SETS.items()}
            gaps[name] = min(dsc["fundus"], dsc["dermoscopy"]) - max(dsc["colonoscopy"], dsc["ultrasound"])
        unet = gaps.pop("unet")
        text = "real images: the worse of fundus and dermoscopy is above the better of colonoscopy and ultrasound by "
        yield Finding(f"{text}{unet:+.3f} for unet", unet > 0)
        for name, gap in gaps.items():
            yield Finding(f"{text}{gap:+.3f} for {name}", gap < unet)

    def small_lesions(self) -> Iterator[Finding]:
        """DSC on lesions of less than 2 % of the image below that on larger ones, by more than both spreads."""
        for name, row in self.real_runs.items():
            if name.startswith("mmsnet"):
                small, *others = (row["sizes"][size] for size in ("small", "middle", "large"))
                gap = min(mean(each) - mean(small) - _deviation(each) - _deviation(small) for each in others)
                shown = ", ".join(_spread(values) for values in (small, *others))
                yield Finding(f"real images, {name}: DSC small, middle, large {shown}", gap > 0)

    def reannotation(self) -> Iterator[Finding]:
        """Correcting masks of uncertain images against correcting none, and against as many at random."""
        arm = results.read("reannotation", self.folder)["summary"]["arms"]["uncertainty"]
        for other in ("none", "random"):
            effect = arm[f"minus {other}"]
            text = f"MixLite, masks of uncertain images corrected, minus {other}: {effect['mean']:+.3f} "
            yield Finding(f"{text}{_interval(effect)}, {_seeds(arm['seeds'])}", effect["interval"][0] > 0)

    def disputes(self) -> Iterator[Finding]:
        """Disputed pixels are wrong more than twice as often as all, and some disputed regions are rightly left out."""
        for row in results.read("uncertainty", self.folder)["rows"]:
            alone = regions = 0
            for modality, quality in row["modalities"].items():
                disputed, overall = quality["disputed"], quality["risk"]["none"]
                wrong = (disputed["missed"] or 0) + (disputed["invented"] or 0)
                text = f"{row['run']}, {modality}: {wrong:.0%} of disputed pixels are wrong, {overall:.1%} of all"
                yield Finding(text, wrong > 2 * overall)
                regions += disputed["regions"]
                alone += round((disputed["rejected_regions"] or 0) * disputed["regions"])
            text = f"{row['run']}: {alone} of {regions} disputed regions, whole ones, are rightly left out"
            yield Finding(text, alone > 0)


def _seeds(of: Sequence[Any]) -> str:
    """Their number in words, "1 seed" or "3 seeds"."""
    return f"{len(of)} seed{'s' * (len(of) > 1)}"


def _interval(effect: dict[str, Any]) -> str:
    return "({:+.3f} to {:+.3f})".format(*effect["interval"])


def _deviation(values: list[float]) -> float:
    """Standard deviation, 0 of a single value."""
    return stdev(values) if len(values) > 1 else 0.0


def _spread(values: list[float]) -> str:
    """Mean, ± the standard deviation of several."""
    return f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")
