"""The whole examination of a network's uncertainty on a mix, in one table that can be stored."""

from dataclasses import dataclass

import torch
from torch import nn

from mmsnet_lite.analysis.calibration import fit_temperature, reliability
from mmsnet_lite.analysis.detection import (
    Detection,
    Disputed,
    boundary_distance,
    disputed,
    error_detection,
    image_uncertainty,
    risk_coverage,
    spearman,
)
from mmsnet_lite.analysis.uncertainty import examine, single_pass
from mmsnet_lite.data import Mix, check_disjoint
from mmsnet_lite.errors import InputError
from mmsnet_lite.training import image_metrics

DISPUTED = 0.5  # entropy in nats from which a pixel is disputed: a probability of 0.2 to 0.8


@dataclass(frozen=True)
class Ranking:
    """How one score ranks images against their DSC: Spearman's correlation (-1 is best) and AURC of 1 - DSC."""

    spearman: float
    area: float


@dataclass(frozen=True)
class Quality:
    """What is known about the uncertainty on the images of one modality.

    images: their number.
    dsc: mean of the single pass, and under "mc mean" of the averaged passes.
    detection: of each pixel score, see `error_detection`.
    risk: AURC of pixel errors for each pixel score; "best" orders by the errors themselves, "none" does not order.
    calibration: expected calibration error of "single pass", "temperature" (the same, scaled) and "mc mean".
    ranking: of each image score; "lesion size", small first, is the control, "best" orders by the DSC itself,
        and no order at all has the area 1 - mean DSC.
    disputed: see `Disputed`.
    """

    images: int
    dsc: dict[str, float]
    detection: dict[str, Detection]
    risk: dict[str, float]
    calibration: dict[str, float]
    ranking: dict[str, Ranking]
    disputed: Disputed


@dataclass(frozen=True)
class Assessment:
    """The temperature fitted on validation images, and the quality in each modality; `asdict` makes it plain."""

    temperature: float
    modalities: dict[str, Quality]


def assess(
    model: nn.Module, validation: Mix, test: Mix, *, passes: int = 20, seed: int = 0, batch: int = 8
) -> Assessment:
    """Judge a network's uncertainty on test images, with controls; what is fitted is fitted on validation images.

    Convention: errors are those of the single pass with dropout off, for every score, so that scores are comparable.
    Convention: Monte-Carlo scores are "entropy", "mutual information" and "variance"; the controls are "single-pass
    entropy" and "boundary distance", the negative distance to the predicted boundary.

    Raises:
        InputError: a picture in both mixes, or what `mc_predict` and `fit_temperature` refuse.
    """
    try:
        check_disjoint(validation.parts, test.parts)
    except InputError as error:
        raise InputError(f"the temperature would be fitted on images that it is judged on: {error}") from error
    temperature = fit_temperature(*single_pass(model, validation, batch))
    qualities = {}
    for modality in test.modalities:
        logits, masks, mean, maps = examine(model, test, passes, seed, batch, modality)
        predictions, truth = logits >= 0, masks.bool()
        distance = boundary_distance(predictions).clamp(max=sum(logits.shape[2:]))  # finite without a boundary
        scores = maps | {"boundary distance": -distance}
        errors = (predictions != truth).float()
        orders = scores | {"best": errors, "none": torch.zeros_like(errors)}
        dsc, mc_dsc = (image_metrics(each, masks)[:, 0] for each in (logits, mean - 0.5))
        per_image = {name: image_uncertainty(each, predictions) for name, each in maps.items()}
        per_image |= {"lesion size": -predictions.sum((1, 2, 3)).double(), "best": -dsc}
        scaled = (logits / temperature).sigmoid()
        probabilities = {"single pass": logits.sigmoid(), "temperature": scaled, "mc mean": mean}
        qualities[modality] = Quality(
            images=len(logits),
            dsc={"single pass": float(dsc.mean()), "mc mean": float(mc_dsc.mean())},
            detection=error_detection(scores, predictions, truth),
            risk={name: risk_coverage(order, errors).area for name, order in orders.items()},
            calibration={name: reliability(p, truth).error for name, p in probabilities.items()},
            ranking={
                name: Ranking(spearman(score, dsc), risk_coverage(score, 1 - dsc).area)
                for name, score in per_image.items()
            },
            disputed=disputed(maps["entropy"], predictions, truth, DISPUTED),
        )
    return Assessment(temperature, qualities)
