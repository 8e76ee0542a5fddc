"""What a published mask means: from its grey levels to 0 and 1."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from mmsnet_lite.data.image import grey_levels
from mmsnet_lite.data.specs.spec import Levels, Threshold
from mmsnet_lite.errors import InputError


def targets(rule: Threshold | Levels, masks: Sequence[tuple[str, Image.Image]]) -> dict[str, np.ndarray]:
    """Return the target or targets that the masks of one image outline together.

    Convention: several masks of one image are joined: a pixel belongs to a target when it does in any of them.
    Convention: masks are read as one-channel values, see `grey_levels`, and never turned by EXIF.
    Convention: a JPEG mask below the threshold everywhere is empty, since compression leaves noise; another file that
        holds values and none from the threshold on was coded otherwise (as 0 and 1) and is an error.

    Args:
        rule: what the values mean.
        masks: name, for messages, and decoded mask; at least one.

    Returns:
        uint8 (h w) of 0 and 1 by prepared folder: `masks`, and `masks_cup` where the rule knows a cup.

    Raises:
        InputError: values that the rule does not know, or masks of different sizes.
    """
    joined: dict[str, np.ndarray] = {}
    first, size = masks[0][0], masks[0][1].size
    for name, mask in masks:
        if mask.size != size:
            raise InputError(
                f"{first} is {size[0]}x{size[1]} and {name}, of the same image, {mask.size[0]}x{mask.size[1]} "
                "(width x height); get the archive again, or report it to the publisher"
            )
        values = grey_levels(mask, name)
        if isinstance(rule, Levels):
            found = _by_level(rule, values, name)
        else:
            found = _by_threshold(rule, values, name, noisy=mask.format == "JPEG")
        for folder, target in found.items():
            joined[folder] = joined[folder] | target if folder in joined else target
    return joined


def _by_threshold(rule: Threshold, values: np.ndarray, name: str, noisy: bool) -> dict[str, np.ndarray]:
    highest = int(values.max())
    if 0 < highest < rule.level and not noisy:
        raise InputError(
            f"{name} holds values of 0 to {highest}, where the target should have {rule.level} and above; "
            "get the archive again from its own page"
        )
    return {"masks": (values >= rule.level).astype(np.uint8)}


def _by_level(rule: Levels, values: np.ndarray, name: str) -> dict[str, np.ndarray]:
    known = sorted({*rule.background, *(level for levels in rule.targets.values() for level in levels)})
    unknown = sorted(set(np.flatnonzero(np.bincount(values.ravel(), minlength=256)).tolist()) - set(known))
    if unknown:
        shown = ", ".join(map(str, unknown[:5])) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        raise InputError(
            f"{name} holds the value{'s' if len(unknown) > 1 else ''} {shown}; a mask of this dataset has "
            f"{', '.join(map(str, known))} and nothing else; get the archive again from its own page"
        )
    return {folder: np.isin(values, levels).astype(np.uint8) for folder, levels in rule.targets.items()}
