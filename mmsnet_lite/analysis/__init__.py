"""What a trained network does and how far to trust it: uncertainty, calibration, activation, occlusion.

`mc_predict` gives uncertainty, `detection`, `calibration`, `ranking` and `disputed` judge it, `assess` all at once.
`grad_cam` shows where a network looks, `localisation` whether that is the lesion, `occlude` which frequencies it needs.
"""

from mmsnet_lite.analysis.activation import grad_cam, intermediates
from mmsnet_lite.analysis.assess import Assessment, Quality, Ranking, assess
from mmsnet_lite.analysis.calibration import Reliability, fit_temperature, reliability
from mmsnet_lite.analysis.detection import Detection, auroc, average_precision, boundary_distance, error_detection
from mmsnet_lite.analysis.disputed import Disputed, disputed
from mmsnet_lite.analysis.localisation import boundary_iou, cam_auroc, edge_width, localisation
from mmsnet_lite.analysis.occlusion import (
    Sensitivity,
    band_occlusions,
    occlude,
    ring_occlusions,
    without_band,
    without_ring,
)
from mmsnet_lite.analysis.ranking import RiskCoverage, image_uncertainty, risk_coverage, spearman
from mmsnet_lite.analysis.reannotation import reannotate
from mmsnet_lite.analysis.uncertainty import MCResult, binary_entropy, mc_predict

__all__ = [
    "Assessment",
    "Detection",
    "Disputed",
    "MCResult",
    "Quality",
    "Ranking",
    "Reliability",
    "RiskCoverage",
    "Sensitivity",
    "assess",
    "auroc",
    "average_precision",
    "band_occlusions",
    "binary_entropy",
    "boundary_distance",
    "boundary_iou",
    "cam_auroc",
    "disputed",
    "edge_width",
    "error_detection",
    "fit_temperature",
    "grad_cam",
    "image_uncertainty",
    "intermediates",
    "localisation",
    "mc_predict",
    "occlude",
    "reannotate",
    "reliability",
    "ring_occlusions",
    "risk_coverage",
    "spearman",
    "without_band",
    "without_ring",
]
