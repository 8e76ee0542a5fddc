"""The prepared folder: one layout for every dataset, real, synthetic or your own.

    ROOT/DATASET/images/STEM.jpg|png   masks/STEM.png   splits/train.txt, test.txt (one stem a line)   card.json

`card.json` is optional; its "modality" names the imaging modality. Optional too is `splits/groups.csv` (stem,group),
which names the images that belong together. Everything is checked before an image is used: each message names the file
and the fix.
"""

import csv
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mmsnet_lite.data.image import IMAGE_ENDINGS, images_in, read_image, read_mask
from mmsnet_lite.data.specs import SPECS
from mmsnet_lite.errors import InputError


@dataclass(frozen=True)
class PreparedFolder:
    """One dataset in the prepared layout, at `path`, which is ROOT/DATASET.

    Raises:
        InputError: the folder, its images or its masks are missing. So does every method, for a file that is missing,
            damaged, or not what the layout says.
    """

    path: Path

    def __post_init__(self) -> None:
        for needed in (self.path, self.path / "images", self.path / "masks"):
            if not needed.is_dir():
                raise InputError(
                    f"{needed} does not exist; a prepared dataset holds images/, masks/ and splits/ in one folder"
                )

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.path.name

    @property
    def modality(self) -> str:
        """The modality that card.json names, else that of the public dataset of this name, else the name."""
        card = self.path / "card.json"
        otherwise = SPECS[self.name].modality if self.name in SPECS else self.name
        try:
            return str(json.loads(card.read_text(encoding="utf-8")).get("modality", otherwise))
        except FileNotFoundError:
            return otherwise
        except (ValueError, AttributeError) as error:
            raise InputError(f"{card} is not a JSON object ({error}); mend or delete it") from error

    @cached_property
    def images(self) -> dict[str, list[Path]]:
        """The image files of each stem, of which a usable one has one."""
        found: dict[str, list[Path]] = {}
        for path in images_in(self.path / "images"):
            found.setdefault(path.stem, []).append(path)
        return found

    @cached_property
    def masks(self) -> dict[str, Path]:
        """The mask file of each stem."""
        return {path.stem: path for path in images_in(self.path / "masks") if path.suffix.lower() == ".png"}

    def unread(self) -> list[str]:
        """Return the files of images/ that are no image by their ending; hidden ones are left out."""
        images = self.path / "images"
        return sorted({p.name for p in images.iterdir() if p.name[0] != "."} - {p.name for p in images_in(images)})

    def stems(self, split: str) -> list[str]:
        """Return the stems of a split, in the file's order."""
        file = self.path / "splits" / f"{split}.txt"
        if not file.is_file():
            way = "" if file.parent.exists() else f", or let `python -m mmsnet_lite split {self.path}` draw it"
            raise InputError(f"{file} does not exist; write one stem (file name without ending) a line{way}")
        try:
            lines = file.read_text(encoding="utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            raise InputError(f"{file} is not UTF-8 text ({error}); save it as UTF-8") from error
        stems = [line.strip() for line in lines if line.strip()]
        if not stems:
            raise InputError(f"{file} is empty; write one stem (file name without ending) a line")
        if len(set(stems)) < len(stems):
            repeated = next(stem for stem in stems if stems.count(stem) > 1)
            raise InputError(f"{file} lists {repeated!r} more than once; keep one line")
        return stems

    def has(self, split: str) -> bool:
        """Whether the folder lists a split."""
        return (self.path / "splits" / f"{split}.txt").is_file()

    def groups(self) -> dict[str, str]:
        """Return the group of each stem that splits/groups.csv lists: near-duplicates, frames of one video."""
        file = self.path / "splits" / "groups.csv"
        if not file.is_file():
            return {}
        try:
            with file.open(encoding="utf-8-sig", newline="") as text:
                header, *rows = [row for row in csv.reader(text) if row]
            if header == ["stem", "group"]:
                return dict(rows)  # of another length than 2 it is a ValueError
        except (ValueError, csv.Error):
            pass
        raise InputError(f"{file} must be UTF-8 text of two columns, headed stem,group; mend or delete it")

    def write_splits(self, test: float, seed: int = 0) -> dict[str, int]:
        """Draw splits/train.txt and test.txt from the images there are; returns the number of stems in each.

        Args:
            test: share of the images to test on, rounded, at least one; 0 < test < 1.
            seed: draws the split, 0 or more.

        Raises:
            InputError: splits exist already, fewer than two images, or a name with a space at its end, which a line of
                a split file does not keep.
        """
        folder = self.path / "splits"
        if folder.exists():
            raise InputError(f"{folder} exists; delete it first if you want a new split")
        if not 0 < test < 1:
            raise InputError(f"test share {test} does not fit; choose one between 0 and 1, such as 0.2")
        if seed < 0:
            raise InputError(f"seed = {seed} does not fit; choose 0 or more")
        stems = sorted(self.images)
        if len(stems) < 2:
            raise InputError(f"{self.path / 'images'} holds {len(stems)} images; two are needed to split")
        for stem in stems:
            self.image_path(stem), self.mask_path(stem)
            if stem != stem.strip():
                raise InputError(f"the name {stem!r} begins or ends with a space; rename the image and its mask")
        count = min(len(stems) - 1, max(1, round(test * len(stems))))
        chosen = set(np.random.default_rng(seed).permutation(stems)[:count].tolist())
        splits = {"train": [s for s in stems if s not in chosen], "test": [s for s in stems if s in chosen]}
        temporary = folder.with_name("splits.tmp")
        temporary.mkdir(exist_ok=True)
        for name, members in splits.items():
            (temporary / f"{name}.txt").write_text("".join(f"{stem}\n" for stem in members), encoding="utf-8")
        temporary.rename(folder)
        return {name: len(members) for name, members in splits.items()}

    def image_path(self, stem: str) -> Path:
        """Return the one image file of a stem."""
        found = self.images.get(stem, [])
        if not found:
            ending = stem.lower().endswith(IMAGE_ENDINGS)
            fix = "leave the ending away" if ending else "add the image or remove the line"
            missing = f"{self.path / 'images' / stem}.*"
            raise InputError(f"{missing} does not exist, but a split lists {stem!r}; {fix}")
        if len(found) > 1:
            raise InputError(f"{found[0]} and {found[1]} share one stem; keep one")
        return found[0]

    def mask_path(self, stem: str) -> Path:
        """Return the mask file of a stem."""
        if stem not in self.masks:
            files = sorted(path for path in (self.path / "masks").iterdir() if path.name.startswith(stem))
            near = [file.name for file in files if file.stem == stem or file.stem not in self.images]
            fix = f"if {near[0]} is meant, save it as {stem}.png" if near else "add the mask or leave the stem out"
            raise InputError(f"{self.path / 'masks' / stem}.png does not exist, but an image {stem!r} does; {fix}")
        return self.masks[stem]

    def original_mask(self, stem: str) -> np.ndarray:
        """Read a mask at its published size, uint8 (h w) of 0 and 1: from masks_original/, where there is one."""
        folder = self.path / "masks_original"
        return read_mask(folder / f"{stem}.png" if folder.is_dir() else self.mask_path(stem))

    def read(self, stem: str) -> tuple[np.ndarray, np.ndarray]:
        """Read an image uint8 (h w 3) and its mask uint8 (h w) of 0 and 1, of the same size."""
        mask_path = self.mask_path(stem)
        image, mask = read_image(self.image_path(stem)), read_mask(mask_path)
        if image.shape[:2] != mask.shape:
            raise InputError(
                f"{mask_path} is {mask.shape[1]}x{mask.shape[0]} and its image {image.shape[1]}x{image.shape[0]} "
                "(width x height); export the mask at its image's size"
            )
        return image, mask


def prepared_folders(root: Path) -> list[PreparedFolder]:
    """Return the prepared folders in `root` by name: those with images/, masks/ and splits/.

    Raises:
        InputError: `root` does not exist.
    """
    if not root.is_dir():
        raise InputError(f"{root} does not exist; give the folder that the prepared datasets are in")
    return [
        PreparedFolder(path)
        for path in sorted(root.iterdir())
        if all((path / needed).is_dir() for needed in ("images", "masks", "splits")) and path.suffix != ".partial"
    ]
