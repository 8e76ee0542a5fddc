"""What the network makes of the same few validation images after every epoch, in small pictures.

RUN/samples/images.png and masks.png, written once, and epoch-NNN.png: one tile an image, side by side.
"""

from pathlib import Path

import cv2
import numpy as np
from torch import nn

from mmsnet_lite.data import Mix
from mmsnet_lite.training.checkpoint import write_bytes
from mmsnet_lite.training.evaluate import predict_image

COUNT, SIDE = 4, 128  # tiles, and their largest side in pixels


def write_samples(folder: Path, model: nn.Module, mix: Mix, epoch: int) -> None:
    """Write an epoch's tiles, the first image of each modality and then others; leaves `model` in eval mode."""
    folder.mkdir(exist_ok=True)
    model.eval()
    first = [mix.labels.index(modality) for modality in mix.modalities]
    shown = [mix[i] for i in dict.fromkeys([*first, *range(min(COUNT, len(mix)))])][:COUNT]
    images = [sample["image"].permute(1, 2, 0).numpy() for sample in shown]
    rows = {f"epoch-{epoch:03d}": [255 * predict_image(model, image, mix.size) for image in images]}
    if not (folder / "masks.png").exists():
        rows |= {"images": images, "masks": [255 * sample["mask"][0].numpy() for sample in shown]}
    side = min(SIDE, mix.size)
    for name, tiles in rows.items():
        small = [cv2.resize(tile, (side, side), interpolation=cv2.INTER_AREA) for tile in tiles]
        write_png(folder / f"{name}.png", np.concatenate(small, axis=1).round())


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write grey levels (h w) or RGB (h w 3), 0 to 255, whole or not at all."""
    pixels = picture.astype(np.uint8)
    write_bytes(path, cv2.imencode(".png", pixels if pixels.ndim == 2 else pixels[..., ::-1])[1].tobytes())


def read_samples(folder: Path) -> dict[str, list[np.ndarray]]:
    """Return what `write_samples` wrote, lists of RGB tiles by name: images, masks, then epoch-NNN in order."""
    epochs = sorted(folder.glob("epoch-*.png"), key=lambda path: int(path.stem[6:]))
    rows = {}
    for path in [folder / "images.png", folder / "masks.png", *epochs]:
        row = cv2.imread(str(path))
        if row is not None:
            rows[path.stem] = np.split(row[..., ::-1], row.shape[1] // row.shape[0], axis=1)
    return rows
