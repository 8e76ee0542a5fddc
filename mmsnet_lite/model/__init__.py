"""The network, one file per box of the paper's figure: encoder, fep, mfa, msfg; mmsnet wires them."""

from mmsnet_lite.model.encoder import ENCODERS, MiTEncoder
from mmsnet_lite.model.mmsnet import MMSNet, MMSNetConfig, SegmentationOutput

__all__ = ["ENCODERS", "MMSNet", "MMSNetConfig", "MiTEncoder", "SegmentationOutput"]
