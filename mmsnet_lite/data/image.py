"""Image and mask files to arrays, and both to the network's size."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmsnet_lite.errors import InputError

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")


def read_image(path: Path) -> np.ndarray:
    """Read an image file as RGB.

    Convention: grey is repeated to three channels, alpha is dropped, 16 bits keep their upper 8.

    Pillow decodes, because OpenCV silently returns a half-grey picture for a truncated JPEG.

    Returns:
        uint8 (h w 3).

    Raises:
        InputError: the file is missing, damaged, no image, or holds numbers that are no grey levels.
    """
    image = _decode(path)
    if image.mode.startswith("I"):
        return np.repeat(_upper_byte(image, path)[..., None], 3, axis=2)
    return np.array(image.convert("RGB"))


def read_mask(path: Path) -> np.ndarray:
    """Read a mask file.

    Convention: the one-channel value 128 and above is foreground; in a palette file every index but 0.

    Returns:
        uint8 (h w) of 0 and 1.

    Raises:
        InputError: the file is missing, damaged or no image, or its largest value lies between 1 and 127, so that it
            was not saved as 0 and 255.
    """
    image = _decode(path)
    if image.mode == "P":
        return (np.array(image) > 0).astype(np.uint8)
    values = _upper_byte(image, path) if image.mode.startswith("I") else np.array(image.convert("L"))
    if 0 < values.max() < 128:
        raise InputError(f"{path} holds values of 0 to {values.max()}; save it as 0 (background) and 255 (lesion)")
    return (values >= 128).astype(np.uint8)


def _decode(path: Path) -> Image.Image:
    if not path.is_file():
        raise InputError(f"{path} does not exist; check the path")
    try:
        with Image.open(path) as image:
            image.load()
            if image.mode != "F":
                return image.copy()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # Pillow's, for no whole images
        raise InputError(f"{path} cannot be read as an image ({error}); replace it, or remove its stem") from error
    raise InputError(f"{path} holds floating-point numbers, not grey levels; save it with 8 or 16 bits a channel")


def _upper_byte(image: Image.Image, path: Path) -> np.ndarray:
    values = np.array(image)
    if values.min() < 0 or values.max() > 65535:
        raise InputError(f"{path} holds numbers beyond 16 bits; save it with 8 or 16 bits a channel")
    return (values.astype(np.int64) >> 8).astype(np.uint8)


def resize_image(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize (h w ...) to (height width ...): by area where it shrinks, else bilinear."""
    shrinks = height * width < image.shape[0] * image.shape[1]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def resize_pair(image: np.ndarray, mask: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Resize an image (h w 3) and its mask (h w) of 0 and 1 to size x size.

    Convention: the mask is resized like the image and cut at one half, so it stays binary and keeps its area.
    """
    soft = resize_image(mask.astype(np.float32), size, size)
    return resize_image(image, size, size), (soft >= 0.5).astype(np.uint8)
