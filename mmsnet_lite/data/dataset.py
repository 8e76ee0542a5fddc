"""Datasets in memory, the mix of several, and the validation part split off the training split."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from mmsnet_lite.data import synthetic
from mmsnet_lite.data.folder import PreparedFolder
from mmsnet_lite.data.image import resize_pair
from mmsnet_lite.errors import InputError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet, what the pretrained encoders saw
MIXLITE_COUNTS = {"train": 100, "test": 40}  # images a modality


class Sample(TypedDict):
    """One image with its mask: image uint8 (3 h w) of 0..255, mask uint8 (1 h w) of 0 and 1."""

    image: Tensor
    mask: Tensor
    stem: str
    dataset: str
    modality: str
    index: int


@dataclass(frozen=True)
class Part:
    """What a mix holds of one dataset: stems and how to draw or read one at the mix's size."""

    dataset: str
    modality: str
    stems: tuple[str, ...]
    load: Callable[[str], tuple[np.ndarray, np.ndarray]]


class Mix(Dataset[Sample]):
    """Several datasets as one, each sample with its dataset and modality.

    All images are decoded and resized once, on construction: a damaged file is found before anything is trained or
    written. Memory: 4 size^2 bytes an image (265 MB for 4,047 images at 128 px).

    Args:
        parts: see `folder_parts` and `mixlite_parts`.
        size: side of the images in pixels.

    Raises:
        InputError: a file is missing or damaged, a mask differs in size from its image, or memory does not suffice.
    """

    def __init__(self, parts: Sequence[Part], size: int) -> None:
        self.parts = tuple(parts)
        self.size = size
        self._where = [(part, stem) for part in self.parts for stem in part.stems]

        def load(item: tuple[Part, str]) -> tuple[np.ndarray, np.ndarray]:
            part, stem = item
            return resize_pair(*part.load(stem), size)

        count = len(self._where)
        try:
            self._images = torch.empty(count, 3, size, size, dtype=torch.uint8)
            self._masks = torch.empty(count, 1, size, size, dtype=torch.uint8)
        except RuntimeError as error:
            need = 4 * count * size**2 / 2**30
            raise InputError(
                f"{count} images of {size} px need {need:.0f} GiB of memory; choose a smaller size"
            ) from error
        with ThreadPoolExecutor() as pool:
            for i, (image, mask) in enumerate(pool.map(load, self._where)):
                self._images[i] = torch.from_numpy(image).permute(2, 0, 1)
                self._masks[i, 0] = torch.from_numpy(mask)

    @property
    def modalities(self) -> list[str]:
        """The modalities, each once, in the mix's order."""
        return list(dict.fromkeys(part.modality for part in self.parts))

    def __len__(self) -> int:
        return len(self._where)

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int) -> Sample:
        part, stem = self._where[index]
        return {
            "image": self._images[index],
            "mask": self._masks[index],
            "stem": stem,
            "dataset": part.dataset,
            "modality": part.modality,
            "index": index,
        }


def normalise(images: Tensor) -> Tensor:
    """Map images 0..255 (b 3 h w) to float32 with ImageNet's mean and standard deviation."""
    mean, std = (torch.tensor(v, device=images.device).view(3, 1, 1) for v in (MEAN, STD))
    return (images.float() / 255 - mean) / std


def folder_parts(root: Path, datasets: Sequence[str], split: str) -> list[Part]:
    """Return the parts of prepared folders ROOT/DATASET for a split ("train" or "test").

    Raises:
        InputError: a folder or its split file is missing, a dataset is named twice, or a listed file does not exist.
    """
    for name in datasets:
        if name in (".", "..") or Path(name).name != name:
            raise InputError(f"dataset {name!r} is a path; give the name of a folder, and its parent as the root")
    if len(set(datasets)) < len(datasets) or not datasets:
        raise InputError(f"datasets {', '.join(datasets) or '(none)'}: name each dataset once, at least one")
    parts = []
    for name in datasets:
        folder = PreparedFolder(Path(root) / name)
        stems = folder.stems(split)
        for stem in stems:  # cheap, and before the first image is decoded
            folder.image_path(stem), folder.mask_path(stem)
        parts.append(Part(name, folder.modality, tuple(stems), folder.read))
    return parts


def check_disjoint(train: Sequence[Part], test: Sequence[Part]) -> None:
    """Refuse a test image that is also trained on.

    Raises:
        InputError: a dataset lists a stem in both; the message names it.
    """
    trained = {(part.dataset, stem) for part in train for stem in part.stems}
    for part in test:
        for stem in part.stems:
            if (part.dataset, stem) in trained:
                raise InputError(f"{part.dataset} lists {stem!r} for training and for test; keep it in one split file")


def mixlite_parts(split: str, size: int, seed: int = 0, counts: dict[str, int] | None = None) -> list[Part]:
    """Return MixLite, our synthetic mix: four procedural modalities, drawn from a seed, no download.

    Args:
        split: "train" or "test"; the two never share an index.
        size: side of the images in pixels.
        seed: another seed draws another MixLite.
        counts: images a modality in each split.

    Raises:
        InputError: an unknown split, or a size that cannot be drawn.
    """
    counts = counts or MIXLITE_COUNTS
    if split not in counts:
        raise InputError(f"MixLite has no split {split!r}; choose one of {', '.join(counts)}")
    offset = 0 if split == "train" else 1_000_000

    def part(modality: str) -> Part:
        def load(stem: str) -> tuple[np.ndarray, np.ndarray]:
            try:
                return synthetic.draw(modality, seed, int(stem), size)
            except ValueError as error:
                raise InputError(f"MixLite cannot be drawn: {error}") from error

        return Part(modality, modality, tuple(f"{offset + i:07d}" for i in range(counts[split])), load)

    return [part(modality) for modality in synthetic.MODALITIES]


def split_validation(parts: Sequence[Part], fraction: float, seed: int = 0) -> tuple[list[Part], list[Part]]:
    """Split a validation part off training parts, at random within each dataset.

    Args:
        parts: training parts.
        fraction: share of each dataset that is held out, rounded down but at least one image; 0 < fraction < 1.
        seed: draws the part.

    Returns:
        (training parts, validation parts); the stems keep their order.

    Raises:
        InputError: a fraction outside 0..1, a negative seed, or a dataset of a single image.
    """
    if seed < 0:
        raise InputError(f"seed = {seed} does not fit; choose 0 or more")
    if not 0 < fraction < 1:
        raise InputError(f"validation fraction {fraction} does not fit; choose one between 0 and 1, such as 0.05")
    kept: list[Part] = []
    held: list[Part] = []
    for i, part in enumerate(parts):
        if len(part.stems) < 2:
            raise InputError(f"{part.dataset} has {len(part.stems)} training image; two are needed to hold one out")
        count = max(1, int(fraction * len(part.stems)))
        chosen = set(np.random.default_rng([seed, i]).permutation(part.stems)[:count].tolist())
        for target, inside in ((kept, False), (held, True)):
            stems = tuple(stem for stem in part.stems if (stem in chosen) == inside)
            target.append(Part(part.dataset, part.modality, stems, part.load))
    return kept, held
