"""Explorers of lesson 02, with the pictures and the k-term reconstruction that the lesson uses too."""

import math
from functools import lru_cache

import torch
from matplotlib.figure import Figure
from torch import Tensor

from mmsnet_lite.course.explore.explorer import Choice, controls
from mmsnet_lite.course.plot.contourlet import panels
from mmsnet_lite.data.synthetic import MODALITIES, draw
from mmsnet_lite.frequency import (
    ContourletCoefficients,
    ContourletTransform,
    WaveletTransform,
    directional_responses,
    wedge_angles,
)
from mmsnet_lite.model.fep import LUMA

EDGES = (0, 30, 60, 90, 120, 150)  # degrees, the positions of the explorers' sliders


def disc(size: int) -> Tensor:
    """A white disc of radius 0.3 on black, anti-aliased by 8 x 8 samples a pixel; (1 1 h w), 0..1."""
    place = (torch.arange(8 * size, dtype=torch.float64) + 0.5) / (8 * size) - 0.5
    inside = (place**2 + place[:, None] ** 2 < 0.3**2).double()
    return inside.view(size, 8, size, 8).mean((1, 3))[None, None]


def stripes(size: int, period: float = 5, away: float = 0.3, angle: float = 60, hard: bool = False) -> Tensor:
    """Rings around one centre that fade towards the border: at each place one direction; (1 1 h w), 0..1.

    ``1/2 + 1/2 sqrt(cos(pi x) cos(pi y)) cos(2 pi d / period)``, x and y within -1/2..1/2 and d the distance to the
    rings' centre in pixels.

    Args:
        size, period: side of the image, and from ring to ring, in pixels.
        away: from the image's middle to the rings' centre, in image sides; far away, the stripes are straight.
        angle: where that centre lies, in degrees counter-clockwise from the right.
        hard: black and white with edges between, the sign of the cosine, anti-aliased by 4 x 4 samples a pixel.
    """
    finer = 4 if hard else 1
    x = (torch.arange(finer * size, dtype=torch.float64) + 0.5) / (finer * size) - 0.5
    y = -x[:, None]  # up
    right, up = away * math.cos(math.radians(angle)), away * math.sin(math.radians(angle))
    distance = size * torch.hypot(x - right, y - up)
    fade = (torch.cos(math.pi * x) * torch.cos(math.pi * y)).sqrt()
    wave = torch.cos(2 * math.pi * distance / period)
    rings = 0.5 + 0.5 * fade * (wave.sign() if hard else wave)
    return rings.view(size, finer, size, finer).mean((1, 3))[None, None]


def hatching(size: int) -> Tensor:
    """Faint straight stripes and one short bright stroke of another direction; (1 1 h w), 0..1."""
    faint = 0.35 + 0.2 * (stripes(size, 2.6, 20, 142) - 0.5)
    place = torch.arange(size) - size // 2
    stroke = (place.abs() < 8) & ((place[:, None] - place // 8).abs() < 1)
    return torch.where(stroke, 1.0, faint)


def scramble(image: Tensor) -> Tensor:
    """The image with phases of white noise: each frequency keeps its amplitude, the mean stays, every shape is lost."""
    noise = torch.fft.fft2(torch.randn(image.shape, dtype=image.dtype, generator=torch.Generator().manual_seed(0)))
    phase = noise / noise.abs()
    phase[..., 0, 0] = 1
    return torch.fft.ifft2(torch.fft.fft2(image).abs() * phase).real


@lru_cache(maxsize=32)
def picture(name: str, size: int) -> Tensor:
    """An image (1 1 size size), float64, about 0..1; shared, so do not write to it.

    Its name is "disc", "stripes", "hatching", "scrambled stripes", or a modality of MixLite, whose luma it is.
    """
    if name in MODALITIES:
        pixels = torch.from_numpy(draw(name, 0, 0, size)[0]).double() / 255
        return (pixels @ torch.tensor(LUMA, dtype=torch.float64))[None, None]
    if name == "scrambled stripes":
        return scramble(stripes(size))
    return {"disc": disc, "stripes": stripes, "hatching": hatching}[name](size)


def middle(image: Tensor) -> Tensor:
    """The middle half of the rows and columns, to show single pixels of a large image."""
    h, w = image.shape[-2:]
    return image[..., h // 4 : h - h // 4, w // 4 : w - w // 4]


def keep_largest(coefficients: ContourletCoefficients, count: int) -> ContourletCoefficients:
    """The low band and, of all bands together, the `count` coefficients of largest modulus; the others become 0.

    Ties at the threshold are all kept. A count of 0 keeps the low band alone, one above their number keeps all.
    """
    moduli = torch.cat([band.abs().flatten() for level in coefficients.bands for band in level])
    threshold = moduli.topk(min(count, len(moduli))).values[-1] if count else math.inf
    bands = tuple(tuple(band * (band.abs() >= threshold) for band in level) for level in coefficients.bands)
    return ContourletCoefficients(coefficients.low, bands)


def psnr(rebuilt: Tensor, image: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of an image of range 1: ``10 log10(1 / mean squared error)``."""
    return -10 * math.log10(float((rebuilt - image).square().mean()))


def one_band(coefficients: ContourletCoefficients, level: int, band: int) -> ContourletCoefficients:
    """All zero but ``bands[level][band]``."""
    bands = tuple(
        tuple(each * ((j, k) == (level, band)) for k, each in enumerate(those))
        for j, those in enumerate(coefficients.bands)
    )
    return ContourletCoefficients(coefficients.low * 0, bands)


def band_of_edge(depth: int, edge: float) -> int:
    """The number of the band, of 2^depth, whose wedge is nearest to the frequency of edges at `edge` degrees."""
    apart = [abs((angle + 90 - edge + 90) % 180 - 90) for angle in wedge_angles(depth)]
    return apart.index(min(apart))


@controls(
    image=Choice("image", ("disc", *MODALITIES), "disc"),
    depth=Choice("l (2^l directions)", (2, 3, 4, 5), 3),
    edge=Choice("edge angle", EDGES, 30),
)
def levels_and_directions(image: str, depth: int, edge: int) -> tuple[Figure, str]:
    """The finest level of a contourlet transform with 2^depth directions: the band of edges at an angle."""
    x = picture(image, 128)
    bands = ContourletTransform((depth,))(x).bands[0]
    k, angle = band_of_edge(depth, edge), wedge_angles(depth)
    response = list(directional_responses(128, 128, depth))[k]
    share = float(bands[k].square().sum() / sum(band.square().sum() for band in bands))
    h, w = bands[k].shape[-2:]
    title = f"{h}x{w}, {share:.1%} of energy"
    shown = [(f"band {k}, wedge {angle[k]:.0f}°", response, "spectrum"), (title, bands[k], "magnitude")]
    figure = panels([(image, x, "grey"), *shown], side=2.1)
    figure.axes[2].set(aspect="auto", box_aspect=1)  # wide and tall bands as squares, like the image
    alt = (
        f"Of {2**depth} directions of the finest level, band {k} answers frequencies around {angle[k]:.0f} degrees, so "
        f"edges around {(angle[k] + 90) % 180:.0f}. In the {image} image it has {h}x{w} samples and {share:.1%} of the "
        f"directional energy; an equal share would be {1 / 2**depth:.1%}."
    )
    return figure, alt


@controls(
    image=Choice("image", ("disc", "stripes", *MODALITIES), "disc"),
    level=Choice("level", ("coarse", "middle", "fine"), "coarse"),
    edge=Choice("edge angle", EDGES, 120),
)
def one_direction(image: str, level: str, edge: int) -> tuple[Figure, str]:
    """The part of an image that one band of one level holds."""
    transform, x = ContourletTransform((2, 3, 4)), picture(image, 128)
    coefficients, j = transform(x), ("coarse", "middle", "fine").index(level)
    k = band_of_edge(transform.levels[j], edge)
    part = transform.inverse(one_band(coefficients, j, k))
    detail = transform.inverse(coefficients._replace(low=coefficients.low * 0))
    share = float(part.square().sum() / detail.square().sum())
    shown = [("all bands, no low band", detail, "signed"), (f"{level}, band {k} alone", part, "signed")]
    figure = panels([(image, x, "grey"), *shown], side=2.1)
    alt = (
        f"Rebuilt from band {k} of the {level} level alone, the {image} image shows its edges around "
        f"{(transform.directions()[j][k] + 90) % 180:.0f} degrees: {share:.1%} of the energy of all bands together."
    )
    return figure, alt


@controls(
    image=Choice("image", ("stripes", "scrambled stripes", "disc", *MODALITIES[:3]), "stripes"),
    count=Choice("kept", (256, 512, 1024, 2048, 4096, 8192), 1024),
    levels=Choice("levels", ((2, 2, 2), (2, 3, 4), (3, 4, 5)), (2, 3, 4)),
)
def kept(image: str, count: int, levels: tuple[int, ...]) -> tuple[Figure, str]:
    """An image rebuilt from equally many coefficients of a wavelet and of a contourlet transform."""
    x = picture(image, 256)
    rebuilt, scores, words = {image: x}, {}, []
    for name, transform in {
        "wavelet": WaveletTransform(len(levels)),
        f"contourlet {levels}": ContourletTransform(levels),
    }.items():
        coefficients = transform(x)
        result = transform.inverse(keep_largest(coefficients, count))
        short = name.split()[0]
        scores[short] = psnr(result, x)
        rebuilt[f"{short}: {scores[short]:.1f} dB"] = result
        details = sum(band.numel() for level in coefficients.bands for band in level)
        words.append(f"{name} (of {details:,}) {scores[short]:.1f} dB")
    where = "upper left quarter" if image == "disc" else "middle"  # the disc's edge lies outside the middle
    corner = (..., slice(128), slice(128))
    shown = [(title, each[corner] if image == "disc" else middle(each), "grey") for title, each in rebuilt.items()]
    figure = panels(shown, side=1.8)
    best = max(scores, key=lambda name: scores[name])
    alt = (
        f"The {image} image rebuilt from its low band and {count} detail coefficients: {', '.join(words)}. "
        f"The {best} is ahead by {abs(scores['contourlet'] - scores['wavelet']):.1f} dB. "
        f"Shown is the {where} of the image."
    )
    return figure, alt
