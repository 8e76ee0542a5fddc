"""The prepared folder: one layout for every dataset, real, synthetic or your own.

    ROOT/DATASET/images/STEM.jpg|png   masks/STEM.png   splits/train.txt, test.txt (one stem a line)   card.json

`card.json` is optional; its "modality" names the imaging modality, else the folder's name stands in. Everything is
checked before an image is used: each message names the file and the fix.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmsnet_lite.errors import InputError

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")


def read_image(path: Path) -> np.ndarray:
    """Read an image file as RGB.

    Convention: grey is repeated to three channels, alpha is dropped. Pillow decodes, because OpenCV silently returns
        a half-grey picture for a truncated JPEG.

    Returns:
        uint8 (h w 3).

    Raises:
        InputError: the file is missing, damaged or no image.
    """
    return _decode(path, "RGB")


def read_mask(path: Path) -> np.ndarray:
    """Read a mask file.

    Convention: the one-channel value 128 and above is foreground.

    Returns:
        uint8 (h w) of 0 and 1.

    Raises:
        InputError: the file is missing, damaged or no image.
    """
    return (_decode(path, "L") >= 128).astype(np.uint8)


def _decode(path: Path, mode: str) -> np.ndarray:
    if not path.is_file():
        raise InputError(f"{path} does not exist; check the path")
    try:
        with Image.open(path) as image:
            return np.array(image.convert(mode))
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises for files that are not whole images
        raise InputError(f"{path} cannot be read as an image ({error}); replace it, or remove its stem") from error


def resize_pair(image: np.ndarray, mask: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Resize an image (h w 3) by area or bilinear interpolation and its mask (h w) to size x size.

    Convention: the mask is resized like the image and cut at one half, so it stays binary and keeps its area.
    """
    shrinks = size < min(image.shape[:2])
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    image = cv2.resize(image, (size, size), interpolation=interpolation)
    soft = cv2.resize(mask.astype(np.float32), (size, size), interpolation=interpolation)
    return image, (soft >= 0.5).astype(np.uint8)


@dataclass(frozen=True)
class PreparedFolder:
    """One dataset in the prepared layout.

    Args:
        path: ROOT/DATASET.

    Raises:
        InputError: the folder, its images or its masks are missing.
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
        """The modality that card.json names, else the dataset's name."""
        card = self.path / "card.json"
        if not card.is_file():
            return self.name
        try:
            return str(json.loads(card.read_text(encoding="utf-8")).get("modality", self.name))
        except (ValueError, AttributeError) as error:
            raise InputError(f"{card} is not a JSON object ({error}); mend or delete it") from error

    def stems(self, split: str) -> list[str]:
        """Return the stems of a split, in the file's order.

        Raises:
            InputError: the split file is missing, empty or names a stem twice.
        """
        file = self.path / "splits" / f"{split}.txt"
        if not file.is_file():
            raise InputError(
                f"{file} does not exist; write one stem (file name without ending) a line, or let "
                f"`python -m mmsnet_lite split {self.path}` draw it"
            )
        stems = file.read_text(encoding="utf-8").split("\n")
        stems = [stem.strip() for stem in stems if stem.strip()]
        if not stems:
            raise InputError(f"{file} is empty; write one stem (file name without ending) a line")
        repeated = sorted({stem for stem in stems if stems.count(stem) > 1}) if len(set(stems)) < len(stems) else []
        if repeated:
            raise InputError(f"{file} lists {repeated[0]!r} more than once; keep one line")
        return stems

    def write_splits(self, test: float, seed: int = 0) -> dict[str, int]:
        """Draw splits/train.txt and test.txt from the images there are; returns the number of stems in each.

        Args:
            test: share of the images to test on, rounded, at least one; 0 < test < 1.
            seed: draws the split.

        Raises:
            InputError: splits exist already, fewer than two images, a share outside 0..1, or an image without a mask.
        """
        folder = self.path / "splits"
        if folder.exists():
            raise InputError(f"{folder} exists; delete it first if you want a new split")
        if not 0 < test < 1:
            raise InputError(f"test share {test} does not fit; choose one between 0 and 1, such as 0.2")
        stems = sorted({p.stem for p in (self.path / "images").iterdir() if p.suffix.lower() in IMAGE_ENDINGS})
        if len(stems) < 2:
            raise InputError(f"{self.path / 'images'} holds {len(stems)} images; two are needed to split")
        for stem in stems:
            self.image_path(stem), self.mask_path(stem)
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
        """Return the image file of a stem.

        Raises:
            InputError: no file of that stem, or more than one.
        """
        found = [p for ending in IMAGE_ENDINGS if (p := self.path / "images" / f"{stem}{ending}").is_file()]
        if not found:
            raise InputError(
                f"{self.path / 'images' / stem}.* does not exist, but a split lists {stem!r}; "
                "add the image or remove the line"
            )
        if len(found) > 1:
            raise InputError(f"{found[0]} and {found[1]} share one stem; keep one")
        return found[0]

    def mask_path(self, stem: str) -> Path:
        """Return the mask file of a stem.

        Raises:
            InputError: the file does not exist.
        """
        path = self.path / "masks" / f"{stem}.png"
        if not path.is_file():
            raise InputError(f"{path} does not exist, but an image {stem!r} does; add the mask or leave the stem out")
        return path

    def read(self, stem: str) -> tuple[np.ndarray, np.ndarray]:
        """Read an image uint8 (h w 3) and its mask uint8 (h w) of 0 and 1.

        Raises:
            InputError: a file is missing or damaged, or the two differ in size.
        """
        image_path, mask_path = self.image_path(stem), self.mask_path(stem)
        image, mask = read_image(image_path), read_mask(mask_path)
        if image.shape[:2] != mask.shape:
            raise InputError(
                f"{mask_path} is {mask.shape[1]}x{mask.shape[0]} and its image {image.shape[1]}x{image.shape[0]} "
                "(width x height); export the mask at its image's size"
            )
        return image, mask
