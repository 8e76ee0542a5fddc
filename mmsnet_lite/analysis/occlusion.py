"""Which frequencies does a network need? Take one band out of the images and watch the DSC."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from mmsnet_lite.analysis.modes import batches, modes
from mmsnet_lite.data import Mix, normalise
from mmsnet_lite.errors import InputError
from mmsnet_lite.frequency import ContourletCoefficients, ContourletTransform
from mmsnet_lite.frequency.fourier import band_mask, band_pass
from mmsnet_lite.training import image_metrics

Occlusion = Callable[[Tensor], Tensor]
RINGS = (0.0, 1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, math.inf)  # edges of octaves, in cycles per pixel
LEVELS = (2, 3, 4)  # of the contourlet, coarse to fine: 4, 8 and 16 bands


def without_ring(images: Tensor, low: float, high: float) -> Tensor:
    """Images (b c h w) without the frequencies ``low <= r < high``, in cycles per pixel; see `band_mask`.

    Convention: the mean stays, even where the ring begins at 0.
    """
    height, width = images.shape[-2:]
    mask = band_mask(height, width, low, high)
    mask[0, 0] = 0
    return images - band_pass(images, mask)


def without_band(images: Tensor, level: int, direction: int | None = None) -> Tensor:
    """Images (b c h w) of any size, rebuilt from their contourlet without one band, or (None) without a whole level.

    Raises:
        InputError: there is no such band.
    """
    transform = ContourletTransform(LEVELS)
    padded, window = transform.pad_to_fit(images)
    low, bands = transform(padded)
    if not 0 <= level < len(bands) or (direction is not None and not 0 <= direction < len(bands[level])):
        counts = ", ".join(str(len(each)) for each in bands)
        raise InputError(f"there is no band {direction} of level {level}; the levels have {counts} bands")
    kept = tuple(
        tuple(torch.zeros_like(band) if j == level and direction in (None, k) else band for k, band in enumerate(each))
        for j, each in enumerate(bands)
    )
    return transform.inverse(ContourletCoefficients(low, kept))[window]


def ring_occlusions() -> dict[str, Occlusion]:
    """Taking out each of `RINGS`, by its name, "0 to 1/64" to "1/4 to inf"."""
    names = [f"1/{1 / edge:g}" if 0 < edge < math.inf else f"{edge:g}" for edge in RINGS]
    rings = zip(names, names[1:], RINGS, RINGS[1:], strict=False)
    return {f"{a} to {b}": partial(without_ring, low=low, high=high) for a, b, low, high in rings}


def band_occlusions(*, directions: bool = True) -> dict[str, Occlusion]:
    """Taking out each band of the contourlet, "level 2 band 5", or directions=False: each level, 0 the coarsest."""
    if not directions:
        return {f"level {j}": partial(without_band, level=j) for j in range(len(LEVELS))}
    return {
        f"level {j} band {k}": partial(without_band, level=j, direction=k)
        for j, depth in enumerate(LEVELS)
        for k in range(2**depth)
    }


@dataclass(frozen=True)
class Sensitivity:
    """What `occlude` returns, an entry an image.

    modalities: of each image.
    lost: under each name of an occlusion, the DSC of the whole image minus that without the band.
    removed: under each name, the root mean square of what was taken out, in grey levels 0..255.
    """

    modalities: list[str]
    lost: dict[str, list[float]]
    removed: dict[str, list[float]]

    def matrix(self) -> dict[str, dict[str, float]]:
        """The mean of `lost` by modality, then by band; above 0 where the band was needed."""
        return self._means(self.lost)

    def removed_matrix(self) -> dict[str, dict[str, float]]:
        """The mean of `removed` by modality, then by band: a band that held nothing cannot be missed."""
        return self._means(self.removed)

    def _means(self, values: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
        rows = {m: [i for i, each in enumerate(self.modalities) if each == m] for m in dict.fromkeys(self.modalities)}
        return {m: {n: sum(v[i] for i in rows[m]) / len(rows[m]) for n, v in values.items()} for m in rows}


@torch.no_grad()
def occlude(model: nn.Module, mix: Mix, occlusions: Mapping[str, Occlusion], *, batch: int = 16) -> Sensitivity:
    """Segment every image of a mix as it is, and without each band in turn.

    Convention: a band is taken out of the image in grey levels 0..255, of all three channels, and nothing is clipped
    afterwards, because clipping would put frequencies back.

    A network that has never seen an image without this band is judged outside of what it was trained on; the matrix
    says what it uses, not what there is to be used.

    Args:
        occlusions: by name, such as `ring_occlusions` and `band_occlusions` give.
    """
    lost: dict[str, list[float]] = {name: [] for name in occlusions}
    removed: dict[str, list[float]] = {name: [] for name in occlusions}

    def dsc(images: Tensor, masks: Tensor) -> Tensor:
        return image_metrics(model(normalise(images)).logits, masks)[:, 0]

    with modes(model):
        for pixels, masks in batches(model, mix, batch):
            images = pixels.float()
            whole = dsc(images, masks)
            for name, take_out in occlusions.items():
                rest = take_out(images)
                lost[name] += (whole - dsc(rest, masks)).tolist()
                removed[name] += (images - rest).square().mean((1, 2, 3)).sqrt().tolist()
    return Sensitivity(mix.labels, lost, removed)
