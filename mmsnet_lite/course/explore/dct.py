"""Explorers of lesson 03, with the textures and the small trained networks that the lesson uses too."""

from functools import lru_cache

import torch
from matplotlib.figure import Figure
from torch import Tensor

from mmsnet_lite.build import build_model
from mmsnet_lite.course.colours import PROBABILITY
from mmsnet_lite.course.explore.contourlet import picture
from mmsnet_lite.course.explore.explorer import Choice, controls
from mmsnet_lite.course.explore.training import mixlite, stacked
from mmsnet_lite.course.plot import blank, frame
from mmsnet_lite.course.plot.contourlet import panels
from mmsnet_lite.data.synthetic import MODALITIES
from mmsnet_lite.frequency import dct_basis, pool_matrix
from mmsnet_lite.frequency.fourier import radial_frequency
from mmsnet_lite.model.mmsnet import Explanation, MMSNet
from mmsnet_lite.training import TrainSettings, train

GRID = 56  # largest DCT grid
IMAGES = (32, 4, 12)  # of each modality: trained on, held out, tested on
PLANE = 7  # side of the plane that FcaNet's frequencies live in
SMALL = {"encoder": "mit-nano", "tune": "full", "fep": "none", "width": 32, "msfg_scales": 2}


def texture(slope: float, count: int, n: int, seed: int) -> Tensor:
    """Random maps (count n n) whose amplitudes fall as frequency^-slope, all made of the same n^2 values of 0 to 1.

    Noise of that spectrum gives the ranks, a fixed list of values (the logistic function of normal quantiles) what
    stands there. So mean, maximum, minimum and histogram are the same for every map and every slope.
    """
    noise = torch.randn(count, n, n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    falling = radial_frequency(n, n).double().clamp_min(1 / n) ** -slope
    ranks = torch.fft.ifft2(torch.fft.fft2(noise) * falling).real.flatten(1).argsort(1).argsort(1)
    values = torch.special.ndtri((torch.arange(n * n, dtype=torch.float64) + 0.5) / n**2).sigmoid()
    return values[ranks].view(count, n, n).float()


@lru_cache(maxsize=16)
def channel(name: str) -> Tensor:
    """A map (56 56) of 0 to 1 by name, shared: "coarse texture", "fine texture", or a MixLite modality's luma."""
    if name in MODALITIES:
        return picture(name, GRID)[0, 0].float()
    return texture({"coarse texture": 2.0, "fine texture": 1.0}[name], 1, GRID, 0)[0]


def unseen_images() -> tuple[Tensor, Tensor]:
    """Normalised MixLite test images (48 3 64 64) and masks (48 1 64 64), 12 of each modality in their usual order."""
    return stacked(mixlite(*IMAGES)[2])


@lru_cache(maxsize=4)
def trained(frequencies: int, seed: int = 0) -> MMSNet:
    """A small MMSNet with K frequencies after 40 steps on 128 MixLite images at 64 px; a few seconds, once a session.

    mit-nano tuned in full, without FEP, a decoder of width 32 with two scales. K has no weights: a seed is a start.
    """
    model = build_model("mmsnet", SMALL | {"frequencies": frequencies}, seed)
    assert isinstance(model, MMSNet)
    train(model, *mixlite(*IMAGES)[:2], TrainSettings(epochs=5, batch=16, lr=4e-3, seed=seed))
    return model.eval()


@lru_cache(maxsize=4)
def explained(frequencies: int) -> Explanation:
    """What a trained network's modules see in the test images."""
    network = trained(frequencies)  # before no_grad, in which nothing trains
    with torch.no_grad():
        return network.explain(unseen_images()[0])


@controls(
    image=Choice("map", (*MODALITIES, "coarse texture", "fine texture"), "ultrasound"),
    n=Choice("grid n", (7, 14, 28, 56), 28),
    u=Choice("u (of 7, down)", tuple(range(PLANE)), 1),
    v=Choice("v (of 7, across)", tuple(range(PLANE)), 0),
)
def components(image: str, n: int, u: int, v: int) -> tuple[Figure, str]:
    """A map, one cosine image, and their product, whose mean, maximum and minimum channel attention reads."""
    pool, index = pool_matrix(GRID, n), (u * n // PLANE, v * n // PLANE)
    x, cosine = pool @ channel(image) @ pool.T, dct_basis([index], n)[0]
    product = x * cosine
    c, high, low = (float(value) for value in (product.mean(), product.max(), product.min()))
    shown = [(f"D, (u, v) = {index}", cosine, "signed"), (f"product: mean {c:.3f}", product, "signed")]
    figure = panels([(f"{image}, {n}x{n}", x, "grey"), *shown], side=2.2)
    variance = float(x.var(correction=0))
    share = f"squared {c**2 / variance:.2%} of the map's variance" if any(index) else "the average of the map"
    alt = (
        f"The {image} map on a {n}x{n} grid, the cosine image of {index[0]} half periods down and {index[1]} across, "
        f"and their product. Its mean, the coefficient, is {c:.3f}, {share}; it reaches from {low:.2f} to {high:.2f}."
    )
    return figure, alt


@controls(
    modality=Choice("image", MODALITIES, "dermoscopy"),
    frequencies=Choice("K", (1, 32), 32),
    stage=Choice("stage", (1, 2, 3, 4), 1),
    scale=Choice("scale", (1, 2), 1),
)
def attention(modality: str, frequencies: int, stage: int, scale: int) -> tuple[Figure, str]:
    """What one branch of MSFG in a trained network, K = 32 or the control K = 1, makes of a modality's first image.

    Channel weights are drawn as dots within their range over all images (bars), by their median.
    """
    row, guidance = MODALITIES.index(modality) * IMAGES[2], explained(frequencies).guidance[stage - 1]
    weights, foreground = guidance.attention[scale - 1][:, :, 0, 0], guidance.foreground[scale - 1][row, 0]
    h, w = foreground.shape
    pixels = unseen_images()[0][row]
    figure = blank(8.6, 2.4)
    figure.set_layout_engine("constrained", w_pad=0.08)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1.2, 2))
    left.imshow(((pixels - pixels.amin()) / (pixels.amax() - pixels.amin())).permute(1, 2, 0).numpy())
    left.set_title(modality, fontsize=9)
    shown = middle.imshow(foreground.numpy(), cmap=PROBABILITY, vmin=0, vmax=1)
    middle.set_title(f"foreground M, {h}x{w}", fontsize=9)
    figure.colorbar(shown, ax=middle, shrink=0.8).ax.tick_params(labelsize=8)
    for axes in (left, middle):
        axes.set(xticks=[], yticks=[])
    ordered = weights[:, weights.median(0).values.argsort()].numpy()
    places = range(ordered.shape[1])
    right.vlines(places, ordered.min(0), ordered.max(0), color="0.75", lw=3, label=f"{len(ordered)} test images")
    right.plot(places, ordered[row], "o", color="black", ms=3, label="this image")
    right.axhline(0.5, color="0.5", lw=0.8, ls=":")
    right.set(ylim=(0, 1), xticks=[])
    frame(right, "channel, by median weight", "weight A")
    right.legend(frameon=False, fontsize=8, loc="upper left")
    own, moves = weights[row], weights.amax(0) - weights.amin(0)
    alt = (
        f"K = {frequencies}, stage {stage}, scale {scale}. For this {modality} image the {len(own)} channel weights "
        f"lie between {own.min():.2f} and {own.max():.2f}; over {len(weights)} test images a weight moves by "
        f"{moves.median():.2f} (median channel). "
        f"The foreground map of {h}x{w} lies between {foreground.min():.2f} and {foreground.max():.2f}."
    )
    return figure, alt
