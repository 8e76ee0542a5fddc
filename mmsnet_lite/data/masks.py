"""What a published mask means: from its grey levels to 0 and 1."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from mmsnet_lite.data.image import grey_levels
from mmsnet_lite.errors import InputError

_AGAIN = "get the archive again from its own page"
Rule = Mapping[int, tuple[str, ...]] | None
"""Of each value a mask may have, the folders of the targets that it belongs to; None: one target, of 128 and above."""


def targets(rule: Rule, masks: Sequence[tuple[str, Image.Image]]) -> dict[str, np.ndarray]:
    """Return the target or targets that the masks of one image outline together.

    Convention: several masks of one image are joined: a pixel belongs to a target when it does in any of them.
    Convention: masks are read as one-channel values, see `grey_levels`, and never turned by EXIF.
    Convention: a JPEG mask below 128 everywhere is empty, since compression leaves noise; another file that holds
        values and none from 128 on was coded otherwise (as 0 and 1) and is an error.

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
            raise InputError(f"{first} is {size} pixels and {name}, of the same image, {mask.size}; get them again")
        for folder, target in _read(rule, mask, name).items():
            joined[folder] = joined.get(folder, 0) | target
    return joined


def _read(rule: Rule, mask: Image.Image, name: str) -> dict[str, np.ndarray]:
    values = grey_levels(mask, name)
    if rule is None:
        highest = int(values.max())
        if 0 < highest < 128 and mask.format != "JPEG":
            raise InputError(
                f"{name} holds values of 0 to {highest}, where the target should have 128 and above; {_AGAIN}"
            )
        return {"masks": (values >= 128).astype(np.uint8)}
    if unknown := sorted(set(np.unique(values).tolist()) - rule.keys()):
        shown = ", ".join(map(str, unknown[:5])) + ", ..." * (len(unknown) > 5)
        known = ", ".join(map(str, sorted(rule)))
        raise InputError(
            f"{name} holds the values {shown}; a mask of this dataset has {known} and nothing else; {_AGAIN}"
        )
    found: dict[str, np.ndarray] = {}
    for level, folders in rule.items():
        for folder in folders:
            found[folder] = found.get(folder, 0) | (values == level).astype(np.uint8)
    return found
