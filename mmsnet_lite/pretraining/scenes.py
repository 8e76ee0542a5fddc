"""Scenes drawn by formula, labels included: closed outlines over one another, each a patch of its own texture.

The line of FractalDB (Kataoka et al., ACCV 2020), RCDB (Kataoka et al., CVPR 2022) and SegRCDB (Shinoda et al., ICCV
2023): radial contours whose number of lobes is the class. Here a surface also has a texture with a random spectrum, and
both the outline and the texture are to be named, at every pixel. No real image, and none of MixLite's painters, enters.

A batch is drawn at once from one generator, on its device; the formulas stand in the functions below.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

OUTLINES = ("ellipse", "3 lobes", "4 lobes", "5 lobes", "7 lobes", "rough")
SLOPES = 3  # classes of a texture's spectral slope
DIRECTIONS = 5  # none, and four directions of a texture
LAYERS = 4  # objects a scene at most
_LOBES = (0, 3, 4, 5, 7, 0)  # the harmonic that leads, by outline
_ANGLES = 512  # entries of a table of radii


class Scenes(NamedTuple):
    """A batch of scenes.

    images: float32 (b 3 h w), 0..1.
    outline: int64 (b h w), class of the topmost outline, index into `OUTLINES`; -1 on the background.
    slope: int64 (b h w), class of the texture's spectral slope, 0 (rough) to `SLOPES` - 1 (smooth).
    direction: int64 (b h w), 0 for a texture without direction, else 1 to `DIRECTIONS` - 1.
    depth: float32 (b h w), tanh of the depth inside the topmost outline, in eighths of the side; 0 outside.
    """

    images: Tensor
    outline: Tensor
    slope: Tensor
    direction: Tensor
    depth: Tensor


class _Dice:
    """Random numbers of one generator, on its device."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator
        self.device = generator.device

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=self.generator, device=self.device)

    def log_uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return self.uniform(math.log(low), math.log(high), *shape).exp()

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, device=self.device)

    def below(self, count: int, *shape: int) -> Tensor:
        return torch.randint(count, shape, generator=self.generator, device=self.device)

    def flag(self, chance: float, *shape: int) -> Tensor:
        return (torch.rand(shape, generator=self.generator, device=self.device) < chance).float()


def _noise(dice: _Dice, amplitude: Tensor, size: int) -> Tensor:
    """Gaussian noise (... h w) of mean 0 and variance 1 whose `rfft2` has the amplitude (... h w/2+1)."""
    spectrum = torch.view_as_complex(dice.normal(*amplitude.shape, 2)) * amplitude
    spectrum[..., 0, 0] = 0
    noise = torch.fft.irfft2(spectrum, s=(size, size))
    return noise / noise.std((-2, -1), keepdim=True).clamp(min=1e-6)


def _frequencies(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Radius in cycles per image (the mean's is 1) and angle of every bin of `rfft2`, both (h w/2+1)."""
    rows = torch.fft.fftfreq(size, 1 / size, device=device)[:, None]
    columns = torch.fft.rfftfreq(size, 1 / size, device=device)[None]
    return torch.hypot(rows, columns).clamp(min=1), torch.atan2(rows, columns)


def _textures(dice: _Dice, count: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Textures (b l h w) of mean 0 and variance 1, their slope class and direction class (b l).

    Amplitude: f^-a, a in 0.2..2.3 by slope class; times exp(k (cos 2(angle - phi) - 1)) where it has a direction; in
    one of four also times exp(-(ln f/f0)^2 / 0.3), a grain of one size.
    """
    shape = (count, LAYERS + 1)
    radius, angle = _frequencies(size, dice.device)
    slope, direction = dice.below(SLOPES, *shape), dice.below(2 * DIRECTIONS - 2, *shape)
    direction = direction.where(direction < DIRECTIONS, 0)
    exponent = 0.1 + 0.75 * (slope + dice.uniform(0.1, 0.9, *shape))
    phi = (direction + dice.uniform(-0.3, 0.3, *shape)) * math.pi / (DIRECTIONS - 1)
    strength = dice.uniform(1.5, 4, *shape) * (direction > 0)
    grain = dice.flag(0.25, *shape)
    centre = dice.log_uniform(size / 16, size / 4, *shape)
    log_amplitude = (
        -exponent[..., None, None] * radius.log()
        + strength[..., None, None] * ((2 * (angle - phi[..., None, None])).cos() - 1)
        - grain[..., None, None] * (radius / centre[..., None, None]).log().square() / 0.3
    )
    return _noise(dice, log_amplitude.exp(), size), slope, direction


def _radii(dice: _Dice, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Radii (b l t) of outlines of scale 1 at t angles, those scales (b l 1) in image sides, and their classes (b l).

    R(t) = E(t) exp(sum over k = 2..9 of a_k cos(k t + p_k)), E an ellipse; a_k is large for the class's own k.
    """
    shape = (count, LAYERS)
    outline = dice.below(len(_LOBES), *shape)
    t = torch.arange(_ANGLES, device=dice.device) * (2 * math.pi / _ANGLES)
    k = torch.arange(2, 10, device=dice.device)
    lobes = torch.tensor(_LOBES, device=dice.device)[outline][..., None]
    rough = (outline == len(_LOBES) - 1)[..., None]
    amplitude = torch.where(rough, 0.14 * dice.normal(*shape, len(k)), 0.02 * dice.normal(*shape, len(k)))
    amplitude = torch.where(lobes == k, dice.uniform(0.12, 0.25, *shape, len(k)), amplitude)
    phase = dice.uniform(0, 2 * math.pi, *shape, len(k))
    waves = torch.einsum("blk,blkt->blt", amplitude, (k[:, None] * t + phase[..., None]).cos())
    aspect, turn = dice.log_uniform(1, 2.2, *shape)[..., None], dice.uniform(0, math.pi, *shape)[..., None]
    ellipse = ((t - turn).cos().square() / aspect + (t - turn).sin().square() * aspect).rsqrt()
    return ellipse * waves.exp(), dice.log_uniform(0.12, 0.5, *shape)[..., None], outline


def _depths(dice: _Dice, count: int, size: int) -> tuple[Tensor, Tensor]:
    """Depth of every pixel inside each object's outline (b l h w), in image sides, negative outside; outlines (b l)."""
    shape = (count, LAYERS)
    radii, scale, outline = _radii(dice, count)
    # one object in three lies inside the one before it
    place = dice.uniform(0.1, 0.9, *shape, 2)
    nested = dice.flag(0.33, *shape) * (torch.arange(LAYERS, device=dice.device) > 0)
    inner = place.roll(1, 1) + 0.3 * scale.roll(1, 1) * dice.uniform(-1, 1, *shape, 2)
    place = torch.where(nested[..., None] > 0, inner, place)
    radii = radii * torch.where(nested[..., None] > 0, 0.55 * scale.roll(1, 1), scale)
    pixels = (torch.arange(size, device=dice.device) + 0.5) / size
    x = pixels - place[..., 0, None, None]
    y = pixels[:, None] - place[..., 1, None, None]
    bins = ((torch.atan2(y, x) * (_ANGLES / (2 * math.pi))).round().long() % _ANGLES).flatten(2)
    depth = radii.gather(2, bins).unflatten(2, (size, size)) - torch.hypot(x, y)
    # one to four objects, few rather than many: the others lie outside the image
    some = torch.arange(LAYERS, device=dice.device) < 1 + dice.uniform(0, LAYERS**0.5, count).square().long()[:, None]
    return depth.where(some[..., None, None], -1.0), outline


def _paint(dice: _Dice, depth: Tensor, textures: Tensor, hardness: float) -> Tensor:
    """Lay background and objects over one another: colours (b 3 h w) around 0..1.

    Surface: base colour + dome of the depth + texture along one colour + a rim. Neighbouring base colours may be
    alike, so that the texture alone tells the surfaces apart.
    """
    count, layers, size, _ = depth.shape
    base = dice.uniform(0.3, 0.7, count, layers + 1, 1) + 0.12 * dice.normal(count, layers + 1, 3)
    likeness = dice.uniform(0, 0.7 * hardness, count, 1, 1)
    base = base[:, :1] * likeness + base * (1 - likeness)
    tint = F.normalize(1 + 0.4 * dice.normal(count, layers + 1, 3), dim=2) * 3**0.5
    contrast = dice.log_uniform(0.2 * 0.3**hardness, 0.3, count, layers + 1, 1)
    surface = base[..., None, None] + (contrast * tint)[..., None, None] * textures[:, :, None]
    softness = dice.log_uniform(0.3, 5, count, layers, 1, 1) / size
    cover = (depth / softness).sigmoid()
    dome = dice.uniform(-0.5, 0.5, count, layers, 1, 1) * dice.flag(0.5, count, layers, 1, 1)
    rim = dice.uniform(-0.3, 0.3, count, layers, 1, 1) * dice.flag(0.4, count, layers, 1, 1)
    width = dice.log_uniform(0.01, 0.05, count, layers, 1, 1)
    shade = dome * depth.clamp(0, 0.3) / 0.3 + rim * (-(depth / width).square()).exp()
    image = surface[:, 0]
    for i in range(layers):
        over = cover[:, i, None]
        image = image + over * (surface[:, i + 1] + shade[:, i, None] - image)
    return image


def _disturb(dice: _Dice, image: Tensor, hardness: float) -> Tensor:
    """Add what is not to be named: broken lines, bright spots, uneven light, speckle, blur, a dark frame, greyness.

    Each but the light comes in a share of the scenes, `hardness` times the usual one.
    """
    count, _, size, _ = image.shape
    radius, _ = _frequencies(size, dice.device)
    slopes = dice.uniform(1.6, 2.2, count, 2, 1, 1)
    fields = _noise(dice, (-slopes * radius.log()).exp(), size)
    here = dice.flag(0.25 * hardness, count, 1, 1, 1)
    width = dice.uniform(0.02, 0.08, count, 1, 1, 1)
    lines = (-(fields[:, :1] / width).square()).exp() * (fields[:, 1:] > 0)
    image = image + here * dice.uniform(-0.5, 0.5, count, 3, 1, 1) * lines
    spots = ((_noise(dice, (-1.2 * radius.log()).exp().expand(count, 1, -1, -1), size) - 2.2) * 3).clamp(0, 1)
    image = image + dice.flag(0.2 * hardness, count, 1, 1, 1) * dice.uniform(0.2, 0.8, count, 1, 1, 1) * spots
    line = torch.linspace(-1, 1, size, device=dice.device)
    turn = dice.uniform(0, 2 * math.pi, count, 1, 1)
    light = 1 + dice.uniform(0, 0.5, count, 1, 1) * (turn.cos() * line + turn.sin() * line[:, None])
    image = image * light[:, None]
    rough = _noise(dice, (-dice.uniform(0, 0.8, count, 1, 1, 1) * radius.log()).exp(), size)
    image = image * (1 + dice.flag(0.25 * hardness, count, 1, 1, 1) * dice.uniform(0.05, 0.3, count, 1, 1, 1) * rough)
    blur = dice.flag(0.3 * hardness, count, 1, 1, 1) * dice.uniform(0.3, 1.2, count, 1, 1, 1)  # deviation in pixels
    gain = (-2 * (math.pi / size * blur * radius).square()).exp()
    image = torch.fft.irfft2(torch.fft.rfft2(image) * gain, s=(size, size))
    frame = (torch.hypot(line, line[:, None]) > dice.uniform(0.8, 1.2, count, 1, 1)).float()
    image = image * (1 - dice.flag(0.15 * hardness, count, 1, 1, 1) * frame[:, None])
    grey = dice.flag(0.25 * hardness, count, 1, 1, 1)
    image = grey * image.mean(1, keepdim=True) + (1 - grey) * image
    image = image.clamp(0, 1) ** dice.log_uniform(0.6, 1.7, count, 1, 1, 1)
    return (image + dice.uniform(0, 0.02, count, 1, 1, 1) * dice.normal(*image.shape)).clamp(0, 1)


def draw_scenes(count: int, size: int, generator: torch.Generator, hardness: float = 1.0) -> Scenes:
    """Draw a batch of scenes, see `Scenes`.

    Args:
        count: number of scenes b.
        size: side in pixels, even.
        generator: where every random number comes from; its device is the scenes'. The same state gives the same batch.
        hardness: 0 to 1, how often scenes are disturbed and how alike and faint their surfaces may be.
    """
    dice = _Dice(generator)
    textures, slope, direction = _textures(dice, count, size)
    depth, outlines = _depths(dice, count, size)
    image = _disturb(dice, _paint(dice, depth, textures, hardness), hardness)
    order = torch.arange(1, LAYERS + 1, device=dice.device)[:, None, None]
    top = (order * (depth > 0)).amax(1)  # the topmost object, 0 where there is none
    seen = top.flatten(1)  # b n

    def shown(values: Tensor) -> Tensor:
        return values.gather(1, seen).unflatten(1, (size, size))

    inside = torch.cat([torch.zeros_like(depth[:, :1]), depth], 1).gather(1, top[:, None])[:, 0]
    return Scenes(image, shown(F.pad(outlines, (1, 0), value=-1)), shown(slope), shown(direction), (8 * inside).tanh())
