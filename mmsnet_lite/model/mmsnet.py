"""MMSNet: a frozen SegFormer encoder, steered by frequency prompts, read by a frequency-guided decoder.

    image ── FEP ──> frequency map ── MFA ──> a prompt before every block of the encoder
      └───── encoder stages 1..4 ──> reduce to d ──> MSFG ──> top-down sum ──> 1x1 ──> logits

Paper: "Multiscale Frequency-Guided Image Analyses for Mixed-Modality Medical Image Segmentation" (2025). Its code is
not public. The decoder's width d = 64 is inferred from the 7.51 M trainable parameters it states for MiT-B4 at r = 1.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._pytree import _register_namedtuple

from mmsnet_lite.errors import InputError
from mmsnet_lite.model.config import MMSNetConfig
from mmsnet_lite.model.encoder import STRIDES, MiTEncoder, check_image_size
from mmsnet_lite.model.fep import BandPrompt, build_fep
from mmsnet_lite.model.hub import HubModel
from mmsnet_lite.model.mfa import MFA
from mmsnet_lite.model.msfg import MSFG, Guidance


class SegmentationOutput(NamedTuple):
    """What every network here returns.

    logits: (b 1 h w) at the image's size, before the sigmoid.
    features: the encoder's maps, fine to coarse.
    """

    logits: Tensor
    features: tuple[Tensor, ...]


_register_namedtuple(SegmentationOutput, serialized_type_name="mmsnet_lite.SegmentationOutput")  # for torch.export.save


class Explanation(NamedTuple):
    """What `MMSNet.explain` returns: the output, and what the modules saw on the way.

    logits, features: as in `SegmentationOutput`.
    frequency: FEP's map (b 3 h w); None without FEP.
    guidance: of each stage, fine to coarse: its output, channel attention and foreground maps; empty without MSFG.
    """

    logits: Tensor
    features: tuple[Tensor, ...]
    frequency: Tensor | None
    guidance: tuple[Guidance, ...]


class Decoder(nn.Module):
    """Reduce each stage, of width C_s, to d channels, guide it by MSFG, add top-down, predict."""

    guide: Sequence[MSFG]  # empty without MSFG

    def __init__(self, widths: tuple[int, ...], config: MMSNetConfig) -> None:
        super().__init__()
        d = config.width
        self.reduce = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, d, 3, padding=1, bias=False), nn.BatchNorm2d(d), nn.ReLU())
            for width in widths
        )
        self.guide = nn.ModuleList(  # type: ignore[assignment]
            MSFG(
                d,
                scales=config.msfg_scales,
                frequencies=config.frequencies,
                grid=224 // stride,
                min_channels=d,
                pool=config.pool,
                dct_scale=config.dct_scale,
                gate=config.gate,
            )
            for stride in (STRIDES if config.msfg else ())
        )
        self.dropout = nn.Dropout2d(config.dropout)
        self.predict = nn.Conv2d(d, 1, 1)

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        """Map the four stage maps to logits (b 1 h/4 w/4)."""
        return self.score(self.merge(features))

    def merge(self, features: tuple[Tensor, ...]) -> Tensor:
        """Map the four stage maps to the one map (b d h/4 w/4) that `score` reads."""
        reduced = self._reduced(features)
        return _top_down([guide(x) for guide, x in zip(self.guide, reduced, strict=False)] or reduced)

    def score(self, merged: Tensor) -> Tensor:
        """Map the merged map to logits (b 1 h/4 w/4); dropout stands here, behind everything costly."""
        return self.predict(self.dropout(merged))

    def explain(self, features: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Guidance, ...]]:
        """The logits of `forward`, and what the guidance of each stage saw; without MSFG that is empty."""
        reduced = self._reduced(features)
        guidance = tuple(guide.guide(x) for guide, x in zip(self.guide, reduced, strict=False))
        return self.score(_top_down([stage.output for stage in guidance] or reduced)), guidance

    def _reduced(self, features: tuple[Tensor, ...]) -> list[Tensor]:
        return [reduce(feature) for feature, reduce in zip(features, self.reduce, strict=True)]


class MMSNet(HubModel):
    """The whole network, split as `features` (encoder with its prompts) and `decode`; files and hub: see `HubModel`.

    Args:
        config: see `MMSNetConfig`; None takes the defaults.

    Raises:
        InputError: a checkpoint that does not fit; in `forward`, an image size that the network cannot take.
    """

    def __init__(self, config: MMSNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or MMSNetConfig()
        self.encoder = MiTEncoder(config.encoder, config.pretrained)
        widths, depths = self.encoder.spec.widths, self.encoder.spec.depths
        self.fep = build_fep(config.fep, config.levels)
        self.mfa: MFA | None = None
        if config.mfa:
            self.mfa = MFA(
                widths, depths, config.r, self.fep is not None, stages=config.tuning_stages, zero_init=config.zero_init
            )
        self.decoder = Decoder(widths, config)
        if config.tune != "full":
            self.encoder.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> "MMSNet":
        """Set the mode; a frozen encoder stays in eval mode, its drop-path off."""
        super().train(mode)
        if self.config.tune != "full":
            self.encoder.eval()
        return self

    def check_size(self, height: int, width: int) -> None:
        """Raise InputError for an image size that the network cannot take; the message gives one that it can."""
        check_image_size(height, width)
        if isinstance(self.fep, BandPrompt):
            try:
                self.fep.transform.band_shapes(height, width)
            except ValueError as error:
                raise InputError(f"image size {height}x{width} does not fit: {error}") from error

    def features(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map normalised images (b 3 h w) to four maps (b C_s h/s w/s), s = 4, 8, 16, 32."""
        return self._encode(x)[0]

    def _encode(self, x: Tensor) -> tuple[tuple[Tensor, ...], Tensor | None]:
        """The encoder's maps, a prompt before each block of the stages that are tuned; and FEP's map."""
        if x.ndim != 4 or x.shape[1] != 3:
            raise InputError(f"images of shape {tuple(x.shape)} do not fit; give a batch (b 3 h w)")
        self.check_size(*x.shape[2:])
        if self.mfa is None:
            return self.encoder(x), None
        frequency_map = None if self.fep is None else self.fep(x)
        features = []
        for s, frequency in enumerate(self.mfa.embed_frequency(frequency_map)):
            stage, adaptor = self.encoder.stages[s], self.mfa.adaptor(s)
            if adaptor is None:
                x = stage(x)
            else:
                tokens, height, width = stage.embed(x)
                condition = adaptor.condition(tokens, frequency)
                for i in range(len(stage.blocks)):
                    tokens = stage.block(i, tokens + adaptor.prompt(i, condition), height, width)
                x = stage.finish(tokens, height, width)
            features.append(x)
        return tuple(features), frequency_map

    @property
    def steps(self) -> tuple[Callable[[Any], Any], ...]:
        """What leads from images to logits, one function after the other, so that the last can be repeated alone."""
        return self.features, self.decoder.merge, lambda merged: _enlarged(self.decoder.score(merged))

    def decode(self, features: tuple[Tensor, ...]) -> Tensor:
        """Map the stage maps of `features` to logits (b 1 h w) at the image's size."""
        return _enlarged(self.decoder(features))

    def explain(self, x: Tensor) -> Explanation:
        """Segment like `forward`, and return what the modules saw on the way."""
        features, frequency = self._encode(x)
        logits, guidance = self.decoder.explain(features)
        return Explanation(_enlarged(logits), features, frequency, guidance)

    def forward(self, x: Tensor) -> SegmentationOutput:
        """Segment normalised images (b 3 h w); the sigmoid of `logits` is the probability of lesion."""
        features = self.features(x)
        return SegmentationOutput(self.decode(features), features)


def _top_down(maps: list[Tensor]) -> Tensor:
    """The sum of the maps of all stages, fine to coarse, on the grid of the finest."""
    merged = maps[-1]
    for finer in reversed(maps[:-1]):
        merged = finer + F.interpolate(merged, size=finer.shape[2:], mode="bilinear")
    return merged


def _enlarged(logits: Tensor) -> Tensor:
    """Logits (b 1 h/4 w/4) at the image's size."""
    return F.interpolate(logits, scale_factor=STRIDES[0], mode="bilinear")
