"""The READMEs' pictures, for a run on MixLite: python -m mmsnet_lite.course.overview RUN FOLDER."""

import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from mmsnet_lite.build import trained
from mmsnet_lite.course.colours import MAGNITUDE, PROBABILITY, overlay
from mmsnet_lite.course.plot import picture_grid, save
from mmsnet_lite.course.plot.contourlet import wedges
from mmsnet_lite.data import Mix, normalise
from mmsnet_lite.frequency import directional_responses, laplacian_high_pass, wedge_angles

COLUMNS = {"image": None, "its fine detail": MAGNITUDE, "probability": PROBABILITY, "found": None}  # colour maps


def overview(run_folder: Path) -> Figure:
    """The first two test images of each modality with what the network makes of them, side by side."""
    run, model = trained(run_folder)
    rows: dict[str, list[np.ndarray]] = {}
    for sample in Mix(run.source.parts("test", run.size), run.size):
        shown = rows.setdefault(sample["modality"], [])
        if len(shown) < 2 * len(COLUMNS):
            x = normalise(sample["image"][None])
            with torch.no_grad():
                detail = laplacian_high_pass(x)[0].abs().mean(0).sqrt().numpy()
                probability = model(x).logits[0, 0].sigmoid().numpy()
            image = sample["image"].permute(1, 2, 0).numpy()
            shown += [image, detail, probability, overlay(image, probability >= 0.5, sample["mask"][0].numpy())]
    names, maps = list(COLUMNS) * 2, list(COLUMNS.values()) * 2
    return picture_grid(list(rows.values()), list(rows), names, colour_maps=maps, side=1.3, legend=True)


def main(run_folder: Path, out: Path) -> None:
    """Write overview.png, for README, and wedges.png, for the frequency room's, to the folder `out`."""
    save(overview(run_folder), str(out / "overview.png"))
    save(wedges(list(directional_responses(128, 128, 3)), wedge_angles(3)), str(out / "wedges.png"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
