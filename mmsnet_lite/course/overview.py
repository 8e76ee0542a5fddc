"""README's picture: python -m mmsnet_lite.course.overview RUN OUT.png, for a run on MixLite."""

import sys
from pathlib import Path

import numpy as np
import torch

from mmsnet_lite.cli import trained
from mmsnet_lite.course.colours import MAGNITUDE, PROBABILITY, overlay
from mmsnet_lite.course.plot import picture_grid, save
from mmsnet_lite.data import Mix, normalise
from mmsnet_lite.frequency import laplacian_high_pass


def main(run_folder: Path, out: Path, per_modality: int = 2) -> None:
    """Draw the first test images of each modality with what the network makes of them, two modalities side by side."""
    run, model = trained(run_folder)
    rows: dict[str, list[list[np.ndarray]]] = {}
    for sample in Mix(run.source.parts("test", run.size), run.size):
        shown = rows.setdefault(sample["modality"], [])
        if len(shown) == per_modality:
            continue
        x = normalise(sample["image"][None])
        with torch.no_grad():
            detail = laplacian_high_pass(x)[0].abs().mean(0).sqrt()
            probability = model(x).logits[0, 0].sigmoid().numpy()
        image = sample["image"].permute(1, 2, 0).numpy()
        found = overlay(image, probability >= 0.5, sample["mask"][0].numpy())
        shown.append([image, detail.numpy(), probability, found])
    columns = ("image", "its fine detail", "probability", "found")
    figure = picture_grid(
        [[picture for group in shown for picture in group] for shown in rows.values()],
        list(rows),
        columns * per_modality,
        colour_maps=(None, MAGNITUDE, PROBABILITY, None) * per_modality,
        side=1.3,
        legend=True,
    )
    save(figure, str(out))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
