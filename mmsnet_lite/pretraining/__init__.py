"""Formula-driven pretraining: an encoder learns from images that a formula draws together with their labels."""

from mmsnet_lite.pretraining.pretrain import PretrainSettings, pretrain
from mmsnet_lite.pretraining.scenes import OUTLINES, Scenes, draw_scenes

__all__ = ["OUTLINES", "PretrainSettings", "Scenes", "draw_scenes", "pretrain"]
