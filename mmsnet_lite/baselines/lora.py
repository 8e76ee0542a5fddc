"""LoRA (Hu et al., ICLR 2022), by peft: MMSNet's decoder on a frozen encoder whose attention gets low-rank terms.

    y = W x + b + B A x,   A (r, in) random, B (out, r) zero at the start, W and b frozen

What MFA is compared with: both steer a frozen encoder, MFA by what is added to the tokens, LoRA by what is added to
the weights.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from mmsnet_lite.errors import InputError
from mmsnet_lite.model.encoder import MiTEncoder, encoder_spec
from mmsnet_lite.model.mmsnet import MMSNet, MMSNetConfig, SegmentationOutput


@dataclass(frozen=True, kw_only=True)
class LoRAConfig:
    """Rank r, from 1 to the encoder's smallest width, scale 1 (peft's alpha / r); the rest as in `MMSNetConfig`.

    Raises:
        InputError: another rank, or a value that `MMSNetConfig` refuses.
    """

    encoder: str = "mit-b0"
    pretrained: str | None = None
    r: int = 4
    msfg: bool = True
    frequencies: int = 32
    msfg_scales: int = 3
    width: int = 64
    dropout: float = 0.1

    def __post_init__(self) -> None:
        limit = min(encoder_spec(self.encoder).widths)
        if not isinstance(self.r, int) or not 1 <= self.r <= limit:
            raise InputError(f"r = {self.r!r} does not fit; the rank is a whole number from 1 to {limit}")
        self.network()

    def network(self) -> MMSNetConfig:
        """The frozen encoder and the decoder, without the low-rank terms."""
        return MMSNetConfig(tune="frozen", **{name: value for name, value in vars(self).items() if name != "r"})


def attention_names(encoder: MiTEncoder) -> list[str]:
    """Return the names of query, key, value and output of every block, for peft, which takes names.

    These linear layers map C_s to C_s and the feed-forward part's do not, whatever transformers calls them.
    """
    linears = [(name, each) for name, each in encoder.named_modules() if isinstance(each, nn.Linear)]
    return [name for name, each in linears if each.in_features == each.out_features]


class LoRA(nn.Module):
    """MMSNet without MFA on an encoder with LoRA; the output contract of this package.

    Raises:
        InputError: peft is not installed, or a checkpoint that does not fit; in `forward`, what MMSNet refuses.
    """

    def __init__(self, config: LoRAConfig) -> None:
        super().__init__()
        try:
            from peft import LoraConfig, inject_adapter_in_model
        except ImportError as error:
            fix = "pip install 'mmsnet-lite[baselines]'"
            raise InputError(f"LoRA comes from peft, which is not installed; {fix}") from error

        self.config = config
        self.net = MMSNet(config.network())
        names = attention_names(self.net.encoder)
        inject_adapter_in_model(LoraConfig(r=config.r, lora_alpha=config.r, target_modules=names), self.net.encoder)

    @property
    def encoder(self) -> MiTEncoder:
        """The frozen encoder with its low-rank terms."""
        return self.net.encoder

    def check_size(self, height: int, width: int) -> None:
        """Raise InputError for an image size that the network cannot take."""
        self.net.check_size(height, width)

    def forward(self, x: Tensor) -> SegmentationOutput:
        """Map normalised images (b 3 h w) to logits (b 1 h w)."""
        return self.net(x)
