"""U-Net (Ronneberger et al., MICCAI 2015), from MONAI's BasicUNet with batch norm and ReLU."""

from dataclasses import dataclass

from torch import Tensor, nn

from mmsnet_lite.errors import InputError
from mmsnet_lite.model.mmsnet import SegmentationOutput


@dataclass(frozen=True, kw_only=True)
class UNetConfig:
    """Width w of the first of five levels, the next 2w, 4w, 8w, 16w: 64 is the classic, 16 fits a CPU."""

    width: int = 16

    def __post_init__(self) -> None:
        if self.width < 1:
            raise InputError(f"width = {self.width} does not fit; choose a number of channels such as 16 or 64")


class UNet(nn.Module):
    """U-Net with the output contract of this package; no stage features.

    Raises:
        InputError: MONAI is not installed; in `forward`, an image size that is no multiple of 16.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        try:
            from monai.networks.nets import BasicUNet
        except ImportError as error:
            fix = "pip install 'mmsnet-lite[baselines]'"
            raise InputError(f"U-Net comes from MONAI, which is not installed; {fix}") from error

        self.config, w = config, config.width
        features = (w, 2 * w, 4 * w, 8 * w, 16 * w, w)
        self.net = BasicUNet(2, in_channels=3, out_channels=1, features=features, norm="batch", act="relu")

    def check_size(self, height: int, width: int) -> None:
        """Raise InputError for an image size that four poolings do not divide."""
        if min(height, width) < 32 or height % 16 or width % 16:
            raise InputError(f"image size {height}x{width} does not fit; U-Net needs multiples of 16 from 32 up")

    def forward(self, x: Tensor) -> SegmentationOutput:
        """Map normalised images (b 3 h w) to logits (b 1 h w)."""
        self.check_size(*x.shape[2:])
        return SegmentationOutput(self.net(x), ())
