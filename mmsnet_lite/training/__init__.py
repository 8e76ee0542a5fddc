"""Training and evaluation of any network with the output contract: losses, metrics, loop, checkpoints."""

from mmsnet_lite.training.evaluate import evaluate
from mmsnet_lite.training.losses import segmentation_loss, soft_iou_loss
from mmsnet_lite.training.metrics import Evaluation, ImageScore, image_metrics
from mmsnet_lite.training.predict import predict_image
from mmsnet_lite.training.trainer import TrainSettings, train

__all__ = [
    "Evaluation",
    "ImageScore",
    "TrainSettings",
    "evaluate",
    "image_metrics",
    "predict_image",
    "segmentation_loss",
    "soft_iou_loss",
    "train",
]
