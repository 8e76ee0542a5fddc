"""Which frequencies does a network need? Take one band out of the images and watch the DSC."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmsnet_lite.analysis.modes import modes
from mmsnet_lite.data import Mix, normalise
from mmsnet_lite.errors import InputError
from mmsnet_lite.frequency import ContourletCoefficients, ContourletTransform
from mmsnet_lite.frequency.fourier import band_mask, band_pass
from mmsnet_lite.training import image_metrics

Occlusion = Callable[[Tensor], Tensor]
RINGS = (0.0, 1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, math.inf)  # octaves, in cycles per pixel


def without_ring(images: Tensor, low: float, high: float) -> Tensor:
    """Images without the frequencies ``low <= r < high``, in cycles per pixel; see `band_mask`.

    Convention: the mean stays, even where the ring begins at 0.

    Args:
        images: (b c h w), floating point, any value range.
        low, high: 0 <= low < high, `math.inf` reaches the corners.

    Raises:
        ValueError: for edges out of order, or what is no image batch.
    """
    h, w = images.shape[-2:]
    mask = band_mask(h, w, low, high)
    mask[0, 0] = 0
    return images - band_pass(images, mask)


def without_band(
    images: Tensor, level: int, direction: int | None = None, *, levels: Sequence[int] = (2, 3, 4)
) -> Tensor:
    """Images rebuilt from their contourlet without one band, or without all bands of a level.

    Args:
        images: (b c h w), floating point, any size (mirrored up to one that fits) and value range.
        level: number of the level, 0 the coarsest.
        direction: number of the band in it; None takes out the whole level.
        levels: of the contourlet, coarse to fine.

    Raises:
        InputError: there is no such band.
    """
    transform = ContourletTransform(tuple(levels))
    padded, window = transform.pad_to_fit(images)
    low, bands = transform(padded)
    if not 0 <= level < len(bands) or (direction is not None and not 0 <= direction < len(bands[level])):
        counts = ", ".join(str(len(each)) for each in bands)
        raise InputError(
            f"there is no band {direction} of level {level}; the levels, coarse to fine, have {counts} bands"
        )
    kept = tuple(
        tuple(torch.zeros_like(band) if j == level and direction in (None, k) else band for k, band in enumerate(each))
        for j, each in enumerate(bands)
    )
    return transform.inverse(ContourletCoefficients(low, kept))[window]


def ring_occlusions(edges: Sequence[float] = RINGS) -> dict[str, Occlusion]:
    """Taking out each ring between adjacent edges, by a name such as "1/32 to 1/16" (cycles per pixel)."""

    def name(edge: float) -> str:
        return f"1/{1 / edge:g}" if 0 < edge < math.inf else f"{edge:g}"

    return {
        f"{name(low)} to {name(high)}": partial(without_ring, low=low, high=high)
        for low, high in zip(edges[:-1], edges[1:], strict=True)
    }


def band_occlusions(levels: Sequence[int] = (2, 3, 4), *, directions: bool = True) -> dict[str, Occlusion]:
    """Taking out each band of a contourlet, "level 2 band 5", or directions=False: each level, 0 the coarsest."""
    if not directions:
        return {f"level {j}": partial(without_band, level=j, levels=levels) for j in range(len(levels))}
    return {
        f"level {j} band {k}": partial(without_band, level=j, direction=k, levels=levels)
        for j, depth in enumerate(levels)
        for k in range(2**depth)
    }


@dataclass(frozen=True)
class Sensitivity:
    """What `occlude` returns, an entry an image where not said otherwise.

    modalities: of each image.
    dsc: of the whole image, 0..1.
    occluded: under each name of an occlusion, the DSC without that band.
    removed: under each name, the root mean square of what was taken out, in grey levels 0..255.
    """

    modalities: tuple[str, ...]
    dsc: tuple[float, ...]
    occluded: dict[str, tuple[float, ...]]
    removed: dict[str, tuple[float, ...]]

    def matrix(self) -> dict[str, dict[str, float]]:
        """The mean loss of DSC by modality, then by band; above 0 where the band was needed."""
        return self._means({n: [a - b for a, b in zip(self.dsc, dsc, strict=True)] for n, dsc in self.occluded.items()})

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
        model: maps normalised images to an output with `logits` (b 1 h w); its modes are left as they were.
        mix: images and masks.
        occlusions: by name, such as `ring_occlusions` and `band_occlusions` give.
        batch: images a step.

    Raises:
        InputError: no occlusion, or what one of them refuses.
    """
    if not occlusions:
        raise InputError("no band to take out; give some, such as ring_occlusions()")
    device = next(model.parameters()).device
    whole: list[float] = []
    occluded: dict[str, list[float]] = {name: [] for name in occlusions}
    removed: dict[str, list[float]] = {name: [] for name in occlusions}
    with modes(model):
        for samples in DataLoader(mix, batch_size=batch):
            images, masks = samples["image"].to(device).float(), samples["mask"].to(device)

            def dsc(images: Tensor, masks: Tensor = masks) -> list[float]:
                return image_metrics(model(normalise(images)).logits, masks)[:, 0].tolist()

            whole += dsc(images)
            for name, take_out in occlusions.items():
                rest = take_out(images)
                occluded[name] += dsc(rest)
                removed[name] += (images - rest).square().mean((1, 2, 3)).sqrt().tolist()
    return Sensitivity(
        tuple(mix.labels),
        tuple(whole),
        {name: tuple(values) for name, values in occluded.items()},
        {name: tuple(values) for name, values in removed.items()},
    )
