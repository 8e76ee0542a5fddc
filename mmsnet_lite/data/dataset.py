"""Datasets, the mix of several, and what must not be in both training and test."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from mmsnet_lite.data import synthetic
from mmsnet_lite.data.cache import SplitCache
from mmsnet_lite.data.folder import PreparedFolder
from mmsnet_lite.data.image import planes
from mmsnet_lite.data.specs import identity
from mmsnet_lite.errors import InputError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet, what the pretrained encoders saw
MIXLITE_COUNTS = {"train": 160, "test": 40}  # images a modality


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
    """What a mix holds of one dataset: stems and how to draw or read one.

    Args:
        dataset, modality: names.
        stems: which images.
        load: returns image uint8 (h w 3) and mask (h w) of a stem.
        groups: the group of each stem that has one; see `PreparedFolder.groups`.
        cache: what the stems are read through; None keeps them in memory.
    """

    dataset: str
    modality: str
    stems: tuple[str, ...]
    load: Callable[[str], tuple[np.ndarray, np.ndarray]]
    groups: Mapping[str, str] = field(default_factory=dict, hash=False)
    cache: SplitCache | None = None


class Mix(Dataset[Sample]):
    """Several datasets as one, each sample with its dataset and modality.

    All images are decoded and resized on construction, so that a damaged file is found before anything is trained.
    Prepared folders are then read from their cache on disk (`SplitCache`), and cost no memory; MixLite stays in memory,
    4 size^2 bytes an image, because a cache would outlive a change of the code that draws it.

    Args:
        parts: see `folder_parts` and `mixlite_parts`.
        size: side of the images in pixels.
        progress: show a bar while a cache is built.

    Raises:
        InputError: a file is missing or damaged, a mask differs in size from its image, or there is no room.
    """

    def __init__(self, parts: Sequence[Part], size: int, *, progress: bool = False) -> None:
        self.parts = tuple(parts)
        self.size = size
        self._where: list[tuple[int, int, str]] = []  # number of the part, row in its arrays, stem
        self._pixels: list[np.ndarray] = []  # of each part (n 4 h w): RGB and mask
        for number, part in enumerate(self.parts):
            self._pixels.append(part.cache.open(size, progress=progress) if part.cache else _in_memory(part, size))
            rows = {stem: row for row, stem in enumerate(part.cache.stems if part.cache else part.stems)}
            self._where += [(number, rows[stem], stem) for stem in part.stems]

    @property
    def modalities(self) -> list[str]:
        """The modalities, each once, in the mix's order."""
        return list(dict.fromkeys(part.modality for part in self.parts))

    @property
    def labels(self) -> list[str]:
        """The modality of each image."""
        return [self.parts[number].modality for number, _, _ in self._where]

    def __len__(self) -> int:
        return len(self._where)

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int) -> Sample:
        number, row, stem = self._where[index]
        pixels = torch.from_numpy(np.array(self._pixels[number][row]))
        return {
            "image": pixels[:3],
            "mask": pixels[3:],
            "stem": stem,
            "dataset": self.parts[number].dataset,
            "modality": self.parts[number].modality,
            "index": index,
        }

    def original_mask(self, index: int) -> np.ndarray:
        """The mask of an image at its published size, uint8 (h w) of 0 and 1; MixLite's is that of the mix."""
        number, _, stem = self._where[index]
        part = self.parts[number]
        return part.cache.folder.original_mask(stem) if part.cache else part.load(stem)[1].astype(np.uint8)


def _in_memory(part: Part, size: int) -> np.ndarray:
    count = len(part.stems)
    try:
        pixels = np.empty((count, 4, size, size), np.uint8)
    except (MemoryError, ValueError) as error:
        need = 4 * count * size**2 / 2**30
        raise InputError(f"{count} images of {size} px need {need:.0f} GiB of memory; choose a smaller size") from error
    with ThreadPoolExecutor() as pool:
        for i, row in enumerate(pool.map(lambda stem: planes(*part.load(stem), size), part.stems)):
            pixels[i] = row
    return pixels


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
        stems = tuple(folder.stems(split))
        for stem in stems:  # cheap, and before the first image is decoded
            folder.image_path(stem), folder.mask_path(stem)
        cache = SplitCache(folder, split, stems)
        parts.append(Part(name, folder.modality, stems, folder.read, folder.groups(), cache))
    return parts


def check_disjoint(train: Sequence[Part], test: Sequence[Part]) -> None:
    """Refuse test images that are also trained on, in whatever dataset.

    Raises:
        InputError: pictures are in both; the message gives their number and names the first.
    """
    trained = _pictures(train)
    both = [(part.dataset, s, trained.get(identity(part.dataset, s))) for part in test for s in part.stems]
    leaks = [f"{name}/{s}" + f" (in {other})" * (other != name) for name, s, other in both if other]
    if leaks:
        shown = ", ".join(leaks[:3]) + ", ..." * (len(leaks) > 3)
        raise InputError(f"{len(leaks)} of {len(both)} test images also trained on: {shown}; keep each in one split")


def drop_trained(train: Sequence[Part], test: Sequence[Part]) -> list[Part]:
    """Return the test parts without the pictures that are also trained on; a part that loses all goes."""
    trained = _pictures(train)
    left = [
        replace(part, stems=tuple(s for s in part.stems if identity(part.dataset, s) not in trained)) for part in test
    ]
    return [part for part in left if part.stems]


def _pictures(parts: Sequence[Part]) -> dict[str, str]:
    """A dataset that holds each picture."""
    return {identity(part.dataset, stem): part.dataset for part in parts for stem in part.stems}


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
    first = 0 if split == "train" else 1_000_000
    stems = tuple(f"{first + i:07d}" for i in range(counts[split]))

    def load(modality: str, stem: str) -> tuple[np.ndarray, np.ndarray]:
        return synthetic.draw(modality, seed, int(stem), size)

    return [Part(modality, modality, stems, partial(load, modality)) for modality in synthetic.MODALITIES]
