"""Images and masks: prepared folders, MixLite, mixes, samplers, augmentation. Knows nothing of models."""

from mmsnet_lite.data.augment import AUGMENTATIONS, Augmentation, random_flips
from mmsnet_lite.data.dataset import (
    Mix,
    Part,
    check_disjoint,
    drop_trained,
    folder_parts,
    mixlite_parts,
    normalise,
)
from mmsnet_lite.data.folder import PreparedFolder, prepared_folders
from mmsnet_lite.data.image import IMAGE_ENDINGS, images_in, read_image, read_mask, resize_image, resize_pair
from mmsnet_lite.data.sampler import SAMPLERS, BalancedSampler, EpochSampler
from mmsnet_lite.data.validation import split_validation

__all__ = [
    "AUGMENTATIONS",
    "Augmentation",
    "BalancedSampler",
    "EpochSampler",
    "IMAGE_ENDINGS",
    "Mix",
    "Part",
    "PreparedFolder",
    "SAMPLERS",
    "check_disjoint",
    "drop_trained",
    "folder_parts",
    "images_in",
    "mixlite_parts",
    "normalise",
    "prepared_folders",
    "random_flips",
    "read_image",
    "read_mask",
    "resize_image",
    "resize_pair",
    "split_validation",
]
