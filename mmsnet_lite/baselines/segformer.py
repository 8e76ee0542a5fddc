"""SegFormer (Xie et al., NeurIPS 2021): our encoder trained in full, with transformers' own all-MLP head."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from mmsnet_lite.model.encoder import STRIDES, MiTEncoder, check_image_size, encoder_spec
from mmsnet_lite.model.mmsnet import SegmentationOutput


@dataclass(frozen=True, kw_only=True)
class SegFormerConfig:
    """Encoder and its start weights, as in `MMSNetConfig`; an unknown encoder is an InputError."""

    encoder: str = "mit-b0"
    pretrained: str | None = None

    def __post_init__(self) -> None:
        encoder_spec(self.encoder)


class SegFormer(nn.Module):
    """SegFormer with the output contract of this package; the head is 256 wide for b0 and nano, else 768.

    Raises:
        InputError: a checkpoint that does not fit; in `forward`, an image size that the encoder cannot take.
    """

    def __init__(self, config: SegFormerConfig) -> None:
        super().__init__()
        from transformers.models.segformer.modeling_segformer import SegformerDecodeHead

        self.config = config
        self.encoder = MiTEncoder(config.encoder, config.pretrained)
        shape = self.encoder.spec.transformers_config()
        shape.decoder_hidden_size = 256 if config.encoder in ("mit-nano", "mit-b0") else 768
        self.head = SegformerDecodeHead(shape)

    def check_size(self, height: int, width: int) -> None:
        """Raise InputError for an image size that the encoder cannot take."""
        check_image_size(height, width)

    @property
    def steps(self) -> tuple[Callable[[Any], Any], ...]:
        """What leads from images to logits, one function after the other, as in `MMSNet.steps`."""
        return self.encoder, self._decode

    def _decode(self, features: tuple[Tensor, ...]) -> Tensor:
        return F.interpolate(self.head(features), scale_factor=STRIDES[0], mode="bilinear")

    def forward(self, x: Tensor) -> SegmentationOutput:
        """Map normalised images (b 3 h w) to logits (b 1 h w)."""
        self.check_size(*x.shape[2:])
        features = self.encoder(x)
        return SegmentationOutput(self._decode(features), features)
