"""Explorers of lesson 04, with the small tuned networks and the counts that the lesson uses too."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from mmsnet_lite.build import build_model
from mmsnet_lite.course.explore.explorer import Choice, controls
from mmsnet_lite.course.plot import blank
from mmsnet_lite.course.plot.contourlet import panels
from mmsnet_lite.data import Mix, mixlite_parts, normalise
from mmsnet_lite.data.synthetic import MODALITIES, draw
from mmsnet_lite.model import MiTEncoder, MMSNetConfig
from mmsnet_lite.model.encoder import encoder_spec
from mmsnet_lite.model.mfa import MFA
from mmsnet_lite.model.mmsnet import Decoder
from mmsnet_lite.training import TrainSettings, train
from mmsnet_lite.training.results import read

OPTIONS = {"encoder": "mit-nano", "width": 32, "msfg": False}  # of every network: what is compared is the encoder
LARGE = ("mit-b1", "mit-b2", "mit-b3", "mit-b4", "mit-b5")  # stage widths 64, 128, 320, 512: every r of R divides them
R = (1, 2, 4, 8, 16, 32, 64)
STAGES = ((1, 2, 3, 4), (2, 3, 4), (3, 4), (4,), (1, 2), (1,))
STARTS = {"pretrained": "own", "random": None}


def network(how: str, start: str | None, r: int = 4, seed: int = 0, stages: Sequence[int] = (1, 2, 3, 4)) -> nn.Module:
    """A small network on a mit-nano encoder.

    Args:
        how: what is tuned beside the decoder: "frozen" (nothing), "mfa" (the adaptor, from prompts of zero), "lora"
            (low-rank terms in the attention), "full" (the encoder itself, without an adaptor).
        start: the encoder's weights, as `pretrained` of `MMSNetConfig`; None draws them.
        r, stages: MFA's reduction or LoRA's rank; MFA's stages.
    """
    if how == "lora":
        return build_model("lora", OPTIONS | {"pretrained": start, "r": r}, seed)
    adaptor = {"mfa": how == "mfa", "r": r, "zero_init": True, "tuning_stages": tuple(stages)}
    return build_model("mmsnet", OPTIONS | {"pretrained": start, "tune": how} | adaptor, seed)


class Tuned(NamedTuple):
    """A network after its training, with the mean DSC on unseen images after each epoch."""

    model: nn.Module
    curve: tuple[float, ...]


@lru_cache(maxsize=2)
def _mix(split: str) -> Mix:
    """MixLite at 64 px: 48 images of each modality to "train" on, and 12 others to "test" on."""
    return Mix(mixlite_parts(split, 64, counts={"train": 48, "test": 12}), 64)


@lru_cache(maxsize=4)
def tuned(how: str, start: str | None) -> Tuned:
    """`network` after 48 steps of 16 MixLite images at 64 px; seconds, once a session. No epoch is chosen: the last."""
    model = network(how, start)
    history = train(model, _mix("train"), _mix("test"), TrainSettings(epochs=4, batch=16, lr=4e-3))
    return Tuned(model.eval(), tuple(record["validation_dsc"] for record in history))


def stored_scores(folder: Path | None = None) -> dict[str, dict[str, list[float]]]:
    """What benchmarks/tuning.py has measured: DSC of each seed by way of tuning, then by the encoder's start."""
    scores: dict[str, dict[str, list[float]]] = {}
    for row in read("tuning", folder)["rows"]:
        scores.setdefault(row["way"], {}).setdefault(row["start"], []).append(row["dsc"])
    return scores


def trained_count(model: nn.Module) -> int:
    """Number of parameters that an optimiser would change."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def kept_for_backward(model: nn.Module, x: Tensor) -> int:
    """Bytes that autograd keeps from one forward pass until the backward pass; the weights are not counted."""
    weights = {t.untyped_storage().data_ptr() for t in chain(model.parameters(), model.buffers())}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()  # views of one storage count once
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = model(x)  # held until the end, so that no address is used twice
    del output
    return sum(kept.values())


@lru_cache(maxsize=8)
def encoder_count(encoder: str) -> int:
    """Parameters of an encoder."""
    with torch.device("meta"):
        return _count(MiTEncoder(encoder))


def mfa_parts(encoder: str, r: int, stages: Sequence[int] = (1, 2, 3, 4)) -> dict[str, list[int]]:
    """Parameters of MFA by part, one number a stage; 0 where a stage has none."""
    spec = encoder_spec(encoder)
    with torch.device("meta"):
        mfa = MFA(spec.widths, spec.depths, r, stages=stages)
    chain_of = mfa.frequency_embedding
    assert chain_of is not None
    frequency = [_count(*pair) for pair in zip(chain_of.projections, chain_of.norms, strict=True)]
    parts = {"frequency embedding": frequency + [0] * (4 - len(frequency))}
    for name, layer in {"image embedding": "embed", "tuning layers": "tune", "up-projection": "up"}.items():
        parts[name] = [_count(getattr(a, layer)) if (a := mfa.adaptor(s)) else 0 for s in range(4)]
    return parts


def _count(*modules: nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


@controls(
    encoder=Choice("encoder", LARGE, "mit-b4"),
    r=Choice("r", R, 1),
    stages=Choice("stages", STAGES, STAGES[0]),
)
def parameters(encoder: str, r: int, stages: tuple[int, ...]) -> tuple[Figure, str]:
    """Where MFA's parameters are."""
    parts = mfa_parts(encoder, r, stages)
    by_stage = [sum(column) for column in zip(*parts.values(), strict=True)]
    with torch.device("meta"):
        decoder = _count(Decoder(encoder_spec(encoder).widths, MMSNetConfig(encoder=encoder)))
    total, whole = sum(by_stage), encoder_count(encoder)
    most = max(parts, key=lambda name: sum(parts[name]))
    figure = blank(6.2, 2.9)
    axes, bars, below = figure.subplots(), (1, 2, 3, 4), np.zeros(4)
    for (name, counts), grey in zip(parts.items(), ("0.15", "0.45", "0.7", "0.9"), strict=True):
        thousands = np.array(counts) / 1e3
        axes.bar(bars, thousands, 0.6, bottom=below, color=grey, edgecolor="black", lw=0.5, label=name)
        below = below + thousands
    axes.set_xticks(bars, [f"stage {stage}" for stage in bars], fontsize=8)
    title = f"{encoder}, r = {r}: MFA {total / 1e6:.3g} M, decoder {decoder / 1e6:.2f} M, frozen {whole / 1e6:.1f} M"
    axes.set_title(title, fontsize=9)
    axes.set_ylabel("parameters (thousands)", fontsize=8)
    axes.tick_params(axis="y", labelsize=8)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout(pad=0.5)
    alt = (
        f"With {encoder}, r = {r} and stages {stages}, MFA has {total / 1e6:.3g} M parameters, {total / whole:.1%} of "
        f"the frozen encoder's {whole / 1e6:.1f} M. By stage, in thousands: "
        f"{', '.join(f'{count / 1e3:.0f}' for count in by_stage)}. The largest part is the {most}, "
        f"{sum(parts[most]) / total:.0%} of MFA."
    )
    return figure, alt


def changes(features: Sequence[Tensor], bare: Sequence[Tensor]) -> list[float]:
    """How far each stage's map moved: norm of the difference over the norm before."""
    return [((after - before).norm() / before.norm()).item() for after, before in zip(features, bare, strict=True)]


@controls(
    start=Choice("encoder", tuple(STARTS), "pretrained"),
    modality=Choice("image", MODALITIES, "colonoscopy"),
    stage=Choice("stage", (1, 2, 3, 4), 2),
)
def features(start: str, modality: str, stage: int) -> tuple[Figure, str]:
    """The channel of one stage that tuning changed most: of the bare encoder, with its prompts, and the difference."""
    model = tuned("mfa", STARTS[start]).model
    pixels = torch.from_numpy(draw(modality, 0, 1_000_000, 128)[0])  # the first test image, larger than in training
    x = normalise(pixels.permute(2, 0, 1)[None])
    with torch.no_grad():
        bare, steered = model.encoder(x), model.features(x)  # type: ignore[operator]
    before, after = bare[stage - 1][0], steered[stage - 1][0]
    channel = int((after - before).flatten(1).norm(dim=1).argmax())
    moved = changes(steered, bare)
    shown = {f"stage {stage}, before": before[channel], "after": after[channel]}
    shown[f"change (all channels: {moved[stage - 1]:.0%})"] = after[channel] - before[channel]
    grey = pixels.float().mean(-1) / 255
    figure = panels([(modality, grey, "grey"), *((name, values, "signed") for name, values in shown.items())])
    alt = (
        f"{modality.capitalize()} image and channel {channel} of stage {stage}, the one that MFA on a {start} encoder "
        f"changed most: without prompts, with them, and the difference. The whole map moved by {moved[stage - 1]:.0%} "
        f"of its norm; stages 1 to 4 moved by {', '.join(f'{each:.0%}' for each in moved)}."
    )
    return figure, alt
