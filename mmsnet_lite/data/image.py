"""Image and mask files to arrays, and both to the network's size."""

from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from mmsnet_lite.errors import InputError

LUMA = (0.299, 0.587, 0.114)  # of R, G, B (ITU-R BT.601)
IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")


def images_in(folder: Path) -> list[Path]:
    """Return the image files of a folder by their endings, sorted; hidden files, such as macOS's ._x.jpg, are none."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_ENDINGS and not p.name.startswith("."))


def read_image(path: Path) -> np.ndarray:
    """Read an image file as RGB, uint8 (h w 3), see `rgb`.

    Raises:
        InputError: the file is missing, damaged, no image, or holds numbers that are no grey levels.
    """
    return rgb(_open(path), str(path))


def read_mask(path: Path) -> np.ndarray:
    """Read a mask file as uint8 (h w) of 0 and 1.

    Convention: the one-channel value 128 and above is foreground; in a palette file every index but 0.

    Raises:
        InputError: the file is missing, damaged or no image, or its largest value lies between 1 and 127, so that it
            was not saved as 0 and 255.
    """
    image = _open(path)
    if image.mode == "P":
        return (np.array(image) > 0).astype(np.uint8)
    values = grey_levels(image, str(path))
    if 0 < values.max() < 128:
        raise InputError(f"{path} holds values of 0 to {values.max()}; save it as 0 (background) and 255 (lesion)")
    return (values >= 128).astype(np.uint8)


def decode(data: bytes, name: str, fix: str = "replace it, or remove its stem") -> Image.Image:
    """Decode the bytes of an image file.

    Pillow decodes, because OpenCV silently returns a half-grey picture for a truncated JPEG.

    Args:
        data: the file.
        name: what messages call it.
        fix: what messages say to do about it.

    Raises:
        InputError: damaged, no image, or floating-point numbers.
    """
    try:
        image = Image.open(BytesIO(data))
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # Pillow's, for no whole images
        reason = "Pillow knows no such image" if isinstance(error, UnidentifiedImageError) else error
        reason = reason if data else "it is empty, 0 bytes"
        raise InputError(f"{name} cannot be read as an image ({reason}); {fix}") from error
    if image.mode == "F":
        raise InputError(f"{name} holds floating-point numbers, not grey levels; save it with 8 or 16 bits a channel")
    image.info.pop("transparency", None)  # of a palette file: Pillow would warn that it is dropped
    return image


def rgb(image: Image.Image, name: str) -> np.ndarray:
    """Return a decoded image as RGB, uint8 (h w 3); messages call it `name`.

    Convention: grey is repeated to three channels, alpha is dropped, 16 bits keep their upper 8, CMYK is converted
        without a colour profile.

    Raises:
        InputError: see `grey_levels`.
    """
    if image.mode.startswith("I"):
        return np.repeat(grey_levels(image, name)[..., None], 3, axis=2)
    return np.array(image.convert("RGB"))


def grey_levels(image: Image.Image, name: str) -> np.ndarray:
    """Return the one-channel values of a decoded image, uint8 (h w).

    Convention: the luma of ITU-R BT.601, of a palette file that of its colours; alpha is dropped, 16 bits keep their
        upper 8, 1 bit becomes 0 and 255.

    Raises:
        InputError: numbers beyond 16 bits, or 16 bits of which only the lower 8 are used.
    """
    if not image.mode.startswith("I"):
        return np.array(image if image.mode == "L" else image.convert("RGB").convert("L"))
    values = np.array(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise InputError(f"{name} holds numbers beyond 16 bits; save it with 8 or 16 bits a channel")
    if 0 < values.max() < 256:
        raise InputError(f"{name} has 16 bits but holds 0 to {values.max()} only; save it with 8 bits a channel")
    return (values >> 8).astype(np.uint8)


def _open(path: Path) -> Image.Image:
    try:
        return decode(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(f"{path} does not exist or cannot be read ({error.strerror}); check the path") from error


def resize_image(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize (h w ...) to (height width ...): by area where it shrinks, else bilinear."""
    shrinks = height * width < image.shape[0] * image.shape[1]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def luma(image: np.ndarray, size: int) -> np.ndarray:
    """Return the luma of an image uint8 (h w 3), resized to float32 (size size) of 0..1."""
    return resize_image(image.astype(np.float32) @ np.array(LUMA, np.float32) / 255, size, size)


def resize_mask(mask: np.ndarray, size: int) -> np.ndarray:
    """Resize a mask (h w) of 0 and 1 to size x size, as `resize_pair` does."""
    return (resize_image(mask.astype(np.float32), size, size) >= 0.5).astype(np.uint8)


def resize_pair(image: np.ndarray, mask: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Resize an image (h w 3) and its mask (h w) of 0 and 1 to size x size.

    Convention: the mask is resized like the image and cut at one half, so it stays binary and keeps its area.
    """
    return resize_image(image, size, size), resize_mask(mask, size)


def planes(image: np.ndarray, mask: np.ndarray, size: int) -> np.ndarray:
    """Return an image and its mask, resized by `resize_pair`, in one array uint8 (4 size size): RGB, mask."""
    small, small_mask = resize_pair(image, mask, size)
    return np.concatenate([small.transpose(2, 0, 1), small_mask[None]])
