"""Images and masks: prepared folders, MixLite, mixes, augmentation. Knows nothing of models."""

from mmsnet_lite.data.augment import random_flips
from mmsnet_lite.data.dataset import Mix, Part, check_disjoint, folder_parts, mixlite_parts, normalise, split_validation
from mmsnet_lite.data.folder import PreparedFolder
from mmsnet_lite.data.image import IMAGE_ENDINGS, read_image, read_mask, resize_image, resize_pair

__all__ = [
    "IMAGE_ENDINGS",
    "Mix",
    "Part",
    "check_disjoint",
    "PreparedFolder",
    "folder_parts",
    "mixlite_parts",
    "normalise",
    "random_flips",
    "read_image",
    "read_mask",
    "resize_image",
    "resize_pair",
    "split_validation",
]
