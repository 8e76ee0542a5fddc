"""MMSNet: a frozen SegFormer encoder, steered by frequency prompts, read by a frequency-guided decoder.

    image ── FEP ──> frequency map ── MFA ──> a prompt before every block of the encoder
      └───── encoder stages 1..4 ──> reduce to d ──> MSFG ──> top-down sum ──> 1x1 ──> logits

Paper: "Multiscale Frequency-Guided Image Analyses for Mixed-Modality Medical Image Segmentation" (2025). Its code is
not public. The decoder's width d = 64 is inferred from the 7.51 M trainable parameters it states for MiT-B4 at r = 1.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from mmsnet_lite.errors import InputError
from mmsnet_lite.model.encoder import STRIDES, MiTEncoder, check_image_size, encoder_spec
from mmsnet_lite.model.fep import BAND_STD, KINDS, band_transform, build_fep
from mmsnet_lite.model.mfa import MFA, reduced_widths
from mmsnet_lite.model.msfg import MSFG, check_guidance

TUNE = ("frozen", "mfa", "full")


class SegmentationOutput(NamedTuple):
    """What every network here returns.

    logits: (b 1 h w) at the image's size, before the sigmoid.
    features: the encoder's maps, fine to coarse.
    """

    logits: Tensor
    features: tuple[Tensor, ...]


@dataclass(frozen=True, kw_only=True)
class MMSNetConfig:
    """Every choice that shapes an MMSNet; checked on construction.

    Args:
        encoder: "mit-nano" or "mit-b0" to "mit-b5".
        pretrained: None (random, no network access), a local folder or a hub name such as "nvidia/mit-b4".
        tune: "mfa" trains the adaptor and freezes the encoder; "full" trains both; "frozen" trains the decoder alone
            and sets `mfa` to False. The paper's fully tuned comparison is `tune="full", mfa=False`.
        mfa: the adaptor branch is present. Without it the frequency prompt has no way in, so `fep` becomes "none".
        r: the adaptor works at C_s / r; must divide every stage width.
        fep: "contourlet", "wavelet", "fft" or "none".
        levels: directional levels of the contourlet, coarse to fine.
        msfg: the guidance blocks are present.
        frequencies: K, number of DCT components, 1 to 32.
        msfg_scales: S, number of scale branches, 1 to 3.
        pool, dct_scale, gate: of the guidance blocks, see `MSFG`.
        width: d, channels of the decoder; even.
        dropout: probability before the predictor, 0 to 1.

    Raises:
        InputError: a value outside these sets; the message names the accepted ones.
    """

    encoder: str = "mit-b0"
    pretrained: str | None = None
    tune: str = "mfa"
    mfa: bool = True
    r: int = 1
    fep: str = "contourlet"
    levels: tuple[int, ...] = (2, 3, 4)
    msfg: bool = True
    frequencies: int = 32
    msfg_scales: int = 3
    pool: str = "mean"
    dct_scale: str = "dc"
    gate: tuple[float, float] = (0.5, 1.0)
    width: int = 64
    dropout: float = 0.1

    def __post_init__(self) -> None:
        spec = encoder_spec(self.encoder)
        for name in ("r", "frequencies", "msfg_scales", "width"):
            if not isinstance(getattr(self, name), int):
                raise InputError(f"{name} = {getattr(self, name)!r} is no whole number; give an int")
        if self.tune not in TUNE:
            raise InputError(f"tune = {self.tune!r} is unknown; choose one of {', '.join(TUNE)}")
        if self.tune == "frozen":
            object.__setattr__(self, "mfa", False)
        if self.tune == "mfa" and not self.mfa:
            raise InputError('tune = "mfa" needs the adaptor branch; keep mfa, or choose tune "frozen" or "full"')
        if self.fep not in KINDS:
            raise InputError(f"fep = {self.fep!r} is unknown; choose one of {', '.join(KINDS)}")
        if not self.mfa:
            object.__setattr__(self, "fep", "none")
        if not isinstance(self.levels, tuple | list):
            raise InputError(f"levels = {self.levels!r} does not fit; give a tuple such as (2, 3, 4)")
        object.__setattr__(self, "levels", tuple(self.levels))
        if self.fep in BAND_STD:
            band_transform(self.fep, self.levels)
        if self.mfa:
            reduced_widths(spec.widths, self.r)
        guidance = {name: getattr(self, name) for name in ("frequencies", "pool", "dct_scale", "gate")}
        check_guidance(scales=self.msfg_scales, **guidance)
        object.__setattr__(self, "gate", tuple(self.gate))
        if self.width < 2 or self.width % 2:
            raise InputError(f"width = {self.width} does not fit; choose an even number of channels, such as 64")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout = {self.dropout} does not fit; choose a probability from 0 up to 1")


class Decoder(nn.Module):
    """Reduce each stage to d channels, guide it by MSFG, add top-down, predict.

    Args:
        widths: C_s of the stages, fine to coarse.
        config: see `MMSNetConfig`.
    """

    def __init__(self, widths: tuple[int, ...], config: MMSNetConfig) -> None:
        super().__init__()
        d = config.width
        self.reduce = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, d, 3, padding=1, bias=False), nn.BatchNorm2d(d), nn.ReLU())
            for width in widths
        )
        self.guide = nn.ModuleList(
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
            if config.msfg
            else nn.Identity()
            for stride in STRIDES
        )
        self.dropout = nn.Dropout2d(config.dropout)
        self.predict = nn.Conv2d(d, 1, 1)

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        """Map the four stage maps to logits (b 1 h/4 w/4)."""
        guided = [guide(reduce(f)) for f, reduce, guide in zip(features, self.reduce, self.guide, strict=True)]
        merged = guided[-1]
        for finer in reversed(guided[:-1]):
            merged = finer + F.interpolate(merged, size=finer.shape[2:], mode="bilinear")
        return self.predict(self.dropout(merged))


class MMSNet(nn.Module):
    """The whole network, split as `features` (encoder with its prompts) and `decode`.

    Args:
        config: see `MMSNetConfig`; None takes the defaults.

    Raises:
        InputError: a checkpoint that does not fit; in `forward`, an image size that the network cannot take.
    """

    def __init__(self, config: MMSNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or MMSNetConfig()
        self.encoder = MiTEncoder(self.config.encoder, self.config.pretrained)
        spec = self.encoder.spec
        self.fep = build_fep(self.config.fep, self.config.levels)
        self.mfa = (
            MFA(spec.widths, spec.depths, self.config.r, frequency=self.fep is not None) if self.config.mfa else None
        )
        self.decoder = Decoder(spec.widths, self.config)
        if self.config.tune != "full":
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
        if self.config.fep in BAND_STD:
            try:
                band_transform(self.config.fep, self.config.levels).band_shapes(height, width)
            except ValueError as error:
                raise InputError(f"image size {height}x{width} does not fit: {error}") from error

    def features(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map normalised images (b 3 h w) to four maps (b C_s h/s w/s), s = 4, 8, 16, 32."""
        if x.ndim != 4 or x.shape[1] != 3:
            raise InputError(f"images of shape {tuple(x.shape)} do not fit; give a batch (b 3 h w)")
        self.check_size(*x.shape[2:])
        if self.mfa is None:
            return self.encoder(x)
        frequency = self.mfa.embed_frequency(None if self.fep is None else self.fep(x))
        features = []
        for stage, adaptor, tokens_hc in zip(self.encoder.stages, self.mfa.stages, frequency, strict=True):
            tokens, height, width = stage.embed(x)
            condition = adaptor.condition(tokens, tokens_hc)
            for i in range(len(stage.blocks)):
                tokens = stage.block(i, tokens + adaptor.prompt(i, condition), height, width)
            x = stage.finish(tokens, height, width)
            features.append(x)
        return tuple(features)

    def decode(self, features: tuple[Tensor, ...]) -> Tensor:
        """Map the stage maps of `features` to logits (b 1 h w) at the image's size."""
        return F.interpolate(self.decoder(features), scale_factor=STRIDES[0], mode="bilinear")

    def forward(self, x: Tensor) -> SegmentationOutput:
        """Segment normalised images (b 3 h w); the sigmoid of `logits` is the probability of lesion."""
        features = self.features(x)
        return SegmentationOutput(self.decode(features), features)
