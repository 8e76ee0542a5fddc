"""The whole examination of a network's uncertainty on a mix, in one table that can be stored."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset

from mmsnet_lite.analysis.calibration import fit_temperature, reliability
from mmsnet_lite.analysis.detection import Detection, boundary_distance, error_detection
from mmsnet_lite.analysis.disputed import Disputed, disputed
from mmsnet_lite.analysis.modes import modes
from mmsnet_lite.analysis.ranking import image_uncertainty, risk_coverage, spearman
from mmsnet_lite.analysis.uncertainty import binary_entropy, mc_predict
from mmsnet_lite.data import Mix, check_disjoint, normalise
from mmsnet_lite.errors import InputError
from mmsnet_lite.training import image_metrics


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
    model: nn.Module,
    validation: Mix,
    test: Mix,
    *,
    passes: int = 20,
    seed: int = 0,
    batch: int = 8,
    radius: float = 8,
    threshold: float = 0.5,
) -> Assessment:
    """Judge a network's uncertainty on test images, with controls; what is fitted is fitted on validation images.

    Convention: errors are those of the single pass with dropout off, for every score, so that scores are comparable.
    Convention: Monte-Carlo scores are "entropy", "mutual information" and "variance"; the controls are "single-pass
    entropy" and "boundary distance", the negative distance to the predicted boundary.

    Args:
        model: as in `mc_predict`.
        validation, test: mixes that share no picture.
        passes, seed: see `mc_predict`; batch number i is drawn from seed + i.
        batch: images a step.
        radius: in pixels, see `error_detection`.
        threshold: entropy in nats from which a pixel is disputed; 0.5 is a probability of 0.2 to 0.8.

    Raises:
        InputError: a picture in both mixes, or what `mc_predict` and `fit_temperature` refuse.
    """
    try:
        check_disjoint(validation.parts, test.parts)
    except InputError as error:
        raise InputError(f"the temperature would be fitted on images that it is judged on: {error}") from error
    temperature = fit_temperature(*_single_pass(model, validation, range(len(validation)), batch))
    qualities = {}
    for modality in test.modalities:
        indices = [i for i, label in enumerate(test.labels) if label == modality]
        logits, masks = _single_pass(model, test, indices, batch)
        batches = _images(model, test, indices, batch)
        results = [mc_predict(model, images, passes, seed + i) for i, (images, _) in enumerate(batches)]
        mean, variance, entropy, information = (torch.cat(maps).cpu() for maps in zip(*results, strict=True))
        predictions, truth = logits >= 0, masks.bool()
        distance = boundary_distance(predictions).clamp(max=sum(logits.shape[2:]))  # finite without a boundary
        doubts = {
            "entropy": entropy,
            "mutual information": information,
            "variance": variance,
            "single-pass entropy": binary_entropy(logits.sigmoid()),
        }
        scores = doubts | {"boundary distance": -distance}
        errors = (predictions != truth).float()
        dsc = image_metrics(logits, masks)[:, 0]
        per_image = {name: image_uncertainty(doubt, predictions) for name, doubt in doubts.items()}
        per_image |= {"lesion size": -predictions.sum((1, 2, 3)).double(), "best": -dsc}
        probabilities = {"single pass": logits.sigmoid(), "temperature": (logits / temperature).sigmoid()}
        qualities[modality] = Quality(
            images=len(indices),
            dsc={
                "single pass": float(dsc.mean()),
                "mc mean": float(image_metrics(mean - 0.5, masks)[:, 0].mean()),
            },
            detection=error_detection(scores, predictions, truth, radius),
            risk={
                name: risk_coverage(score, errors).area
                for name, score in (scores | {"best": errors, "none": torch.zeros_like(errors)}).items()
            },
            calibration={name: reliability(p, truth).error for name, p in (probabilities | {"mc mean": mean}).items()},
            ranking={
                name: Ranking(spearman(score, dsc), risk_coverage(score, 1 - dsc).area)
                for name, score in per_image.items()
            },
            disputed=disputed(entropy, predictions, truth, threshold),
        )
    return Assessment(temperature, qualities)


def _images(model: nn.Module, mix: Mix, indices: Sequence[int], batch: int) -> list[tuple[Tensor, Tensor]]:
    """Normalised images, where the model is, and masks, batch by batch."""
    device = next(model.parameters()).device
    loader = DataLoader(Subset(mix, indices), batch_size=batch)
    return [(normalise(samples["image"].to(device)), samples["mask"]) for samples in loader]


@torch.no_grad()
def _single_pass(model: nn.Module, mix: Mix, indices: Sequence[int], batch: int) -> tuple[Tensor, Tensor]:
    """Logits and masks of images of a mix (n 1 h w), everything in eval mode."""
    with modes(model):
        pairs = [(model(images).logits.cpu(), masks) for images, masks in _images(model, mix, indices, batch)]
    logits, masks = zip(*pairs, strict=True)
    return torch.cat(logits), torch.cat(masks)
