"""What a trained network does and how far to trust it: uncertainty, calibration, activation, occlusion."""

from mmsnet_lite.analysis.uncertainty import MCResult, binary_entropy, mc_predict

__all__ = ["MCResult", "binary_entropy", "mc_predict"]
