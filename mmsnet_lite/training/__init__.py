"""Training and evaluation of any network with the output contract: losses, metrics, loop, checkpoints."""

from mmsnet_lite.training.compare import Difference, compare, comparison_table
from mmsnet_lite.training.evaluate import evaluate, predict_image
from mmsnet_lite.training.loop import train
from mmsnet_lite.training.losses import segmentation_loss, soft_iou_loss
from mmsnet_lite.training.metrics import METRICS, image_metrics, probability_metrics
from mmsnet_lite.training.processes import make_accelerator
from mmsnet_lite.training.scores import SIZES, Evaluation, ImageScore
from mmsnet_lite.training.settings import PROFILES, Profile, TrainSettings

__all__ = [
    "Difference",
    "Evaluation",
    "ImageScore",
    "METRICS",
    "PROFILES",
    "Profile",
    "SIZES",
    "TrainSettings",
    "compare",
    "comparison_table",
    "evaluate",
    "image_metrics",
    "make_accelerator",
    "predict_image",
    "probability_metrics",
    "segmentation_loss",
    "soft_iou_loss",
    "train",
]
