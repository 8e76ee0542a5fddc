"""What a trained network does and how far to trust it: uncertainty, calibration, activation, occlusion.

`mc_predict` gives uncertainty; `detection` and `calibration` judge it, `assess` all at once. `grad_cam`
shows where a network looks, `localisation` whether that is the lesion, `occlude` which frequencies it needs.
"""

from mmsnet_lite.analysis.activation import cam_auroc, grad_cam, intermediates, localisation
from mmsnet_lite.analysis.assess import assess
from mmsnet_lite.analysis.calibration import Reliability, fit_temperature, reliability
from mmsnet_lite.analysis.detection import (
    RiskCoverage,
    auroc,
    boundary_distance,
    disputed,
    error_detection,
    image_uncertainty,
    risk_coverage,
    spearman,
)
from mmsnet_lite.analysis.occlusion import band_occlusions, occlude, ring_occlusions
from mmsnet_lite.analysis.uncertainty import MCResult, binary_entropy, mc_predict

__all__ = [
    "MCResult",
    "Reliability",
    "RiskCoverage",
    "assess",
    "auroc",
    "band_occlusions",
    "binary_entropy",
    "boundary_distance",
    "cam_auroc",
    "disputed",
    "error_detection",
    "fit_temperature",
    "grad_cam",
    "image_uncertainty",
    "intermediates",
    "localisation",
    "mc_predict",
    "occlude",
    "reliability",
    "ring_occlusions",
    "risk_coverage",
    "spearman",
]
