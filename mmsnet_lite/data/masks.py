"""What a published mask means: from its grey levels to 0 and 1."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from mmsnet_lite.data.image import grey_levels
from mmsnet_lite.data.specs import Levels
from mmsnet_lite.errors import InputError

_FOREGROUND = 128


def targets(rule: Levels | None, masks: Sequence[tuple[str, Image.Image]]) -> dict[str, np.ndarray]:
    """Return the target or targets that the masks of one image outline together.

    Convention: several masks of one image are joined: a pixel belongs to a target when it does in any of them.
    Convention: masks are read as one-channel values, see `grey_levels`, and never turned by EXIF.
    Convention: a JPEG mask below 128 everywhere is empty, since compression leaves noise; another file that holds
        values and none from 128 on was coded otherwise (as 0 and 1) and is an error.

    Args:
        rule: what the values mean; None for one target, of 128 and above.
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


def _read(rule: Levels | None, mask: Image.Image, name: str) -> dict[str, np.ndarray]:
    values = grey_levels(mask, name)
    if rule is None:
        highest = int(values.max())
        if 0 < highest < _FOREGROUND and mask.format != "JPEG":
            raise InputError(
                f"{name} holds values of 0 to {highest}, where the target should have {_FOREGROUND} and above; get "
                "the archive again from its own page"
            )
        return {"masks": (values >= _FOREGROUND).astype(np.uint8)}
    known = sorted({*rule.background, *(level for levels in rule.targets.values() for level in levels)})
    if unknown := sorted(set(np.unique(values).tolist()) - set(known)):
        shown = ", ".join(map(str, unknown[:5])) + (", ..." if len(unknown) > 5 else "")
        raise InputError(
            f"{name} holds the values {shown}; a mask of this dataset has {', '.join(map(str, known))} and nothing "
            "else; get the archive again from its own page"
        )
    return {folder: np.isin(values, levels).astype(np.uint8) for folder, levels in rule.targets.items()}
