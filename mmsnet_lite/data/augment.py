"""Joint augmentation of images and masks, on batches of tensors, seeded by a generator."""

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional as F

from mmsnet_lite.data.image import LUMA
from mmsnet_lite.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random changes of an image and its mask: flips, rotation, scale, colour, blur, speckle, in this order.

    Every image has its own draw of each. A strength of 0 (scale: 1, 1) leaves that change out.

    Args:
        flip: probability of each of the two flips, left-right and up-down.
        rotation: largest angle in degrees, drawn evenly from -rotation to rotation.
        scale: smallest and largest magnification, drawn evenly on a logarithmic axis.
        brightness, contrast, saturation: largest change of the factor, drawn evenly from 1 - strength to 1 + strength.
        blur: largest standard deviation of a Gaussian in pixels, drawn evenly from 0.
        speckle: largest standard deviation of multiplicative noise, drawn evenly from 0.

    Raises:
        InputError: a strength outside its range.
    """

    flip: float = 0.5
    rotation: float = 30.0
    scale: tuple[float, float] = (0.8, 1.25)
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    blur: float = 1.0
    speckle: float = 0.1

    def __post_init__(self) -> None:
        for field in fields(self):
            value, most = getattr(self, field.name), {"rotation": 180, "blur": 10}.get(field.name, 1)
            if field.name != "scale" and not 0 <= value <= most:
                raise InputError(f"{field.name} = {value} does not fit; choose 0 to {most}")
        if len(self.scale) != 2 or not 0.1 <= self.scale[0] <= self.scale[1] <= 10:
            raise InputError(f"scale = {self.scale} does not fit; choose 0.1 <= smallest <= largest <= 10")

    @classmethod
    def flips(cls, probability: float = 0.5) -> "Augmentation":
        """Flips only, as the paper's code base has it; with probability 0 nothing."""
        zeros = {field.name: 0.0 for field in fields(cls) if field.name != "scale"}
        return cls(**zeros | {"flip": probability}, scale=(1.0, 1.0))

    def __call__(self, images: Tensor, masks: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return changed images and masks; what is random is drawn on the CPU, so that it is the same on every device.

        Args:
            images: (b 3 h w) of 0..255, of any type; flips keep the type, everything else returns float32 of 0..255.
            masks: (b 1 h w) of 0 and 1; stay so, in their type.
            generator: on the CPU; what an image becomes depends on its place in the batch, never on the other images.
        """
        images, masks = random_flips(images, masks, generator, self.flip)
        if self == Augmentation.flips(self.flip):
            return images, masks
        b, _, h, w = images.shape
        draws = torch.rand(7, b, generator=generator)
        noise = torch.randn(b, 1, h, w, generator=generator) if self.speckle else None
        x = images.float()
        if self.rotation or self.scale != (1, 1):
            low, high = (math.log(bound) for bound in self.scale)
            x, masks = warp(x, masks, self.rotation * (2 * draws[0] - 1), torch.exp(low + (high - low) * draws[1]))
        if self.brightness or self.contrast or self.saturation:
            strengths = torch.tensor([self.brightness, self.contrast, self.saturation]).view(3, 1)
            x = change_colour(x, *(1 + strengths * (2 * draws[2:5] - 1)))
        if self.blur:
            x = gaussian_blur(x, self.blur * draws[5], radius=math.ceil(3 * self.blur))
        if noise is not None:
            x = multiply_speckle(x, self.speckle * draws[6], noise)
        return x.clamp(0, 255), masks


AUGMENTATIONS = {"flips": Augmentation.flips(), "full": Augmentation(), "none": Augmentation.flips(0.0)}


def random_flips(
    images: Tensor, masks: Tensor, generator: torch.Generator, probability: float = 0.5
) -> tuple[Tensor, Tensor]:
    """Flip each image (b c h w) and its mask (b 1 h w) left-right and up-down, each with the given probability.

    The generator is on the CPU; the same state gives the same flips on every device.
    """
    coins = torch.rand(2, len(images), generator=generator) < probability
    for axis, coin in zip((-1, -2), coins.to(images.device), strict=True):
        coin = coin.view(-1, 1, 1, 1)
        images = torch.where(coin, images.flip(axis), images)
        masks = torch.where(coin, masks.flip(axis), masks)
    return images, masks


def warp(images: Tensor, masks: Tensor, degrees: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Rotate and magnify each image and its mask about the centre, in one bilinear resampling.

    Convention: positive angles turn counter-clockwise as one sees it; a scale above 1 enlarges.
    Convention: what comes in over the border is the image mirrored at its edge, and the mask mirrored with it.
    Convention: images (float, of 0..255) are rounded to whole grey levels, so that quarter turns of a square are exact;
        masks are cut at one half and keep their type. `degrees` and `scale` (b) are on the CPU.
    """
    b, c, h, w = images.shape
    angle = torch.deg2rad(degrees.double())
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    theta = torch.stack((cos, -sin * h / w, 0 * cos, sin * w / h, cos, 0 * cos), dim=1).view(b, 2, 3)
    grid = F.affine_grid(theta, [b, 1, h, w], align_corners=False).to(images)  # the same on every device
    both = torch.cat((images, masks.to(images)), dim=1)
    moved = F.grid_sample(both, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return moved[:, :c].round(), (moved[:, c:] >= 0.5).to(masks)


def change_colour(images: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Multiply each image's brightness, then its distance from its mean grey, then each pixel's from its own grey.

    Grey is the luma of ITU-R BT.601. The factors (b) are on the CPU; 1 changes nothing. Images are float (b 3 h w).
    """
    light, spread, colour = (f.view(-1, 1, 1, 1).to(images) for f in (brightness, contrast, saturation))
    x = images * light
    x = x * spread + _grey(x).mean((-2, -1), keepdim=True) * (1 - spread)
    return x * colour + _grey(x) * (1 - colour)


def gaussian_blur(images: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Convolve each image with a sampled Gaussian of its own width, mirrored at the border pixel.

    `sigma` (b) is in pixels, on the CPU; 0 changes nothing. Kernels reach `radius` pixels to each side, at most the
    image's side less one.
    """
    b, c, h, w = images.shape
    for axis, n in ((-2, h), (-1, w)):
        reach = min(radius, n - 1)
        steps = torch.arange(-reach, reach + 1)
        kernel = torch.exp(-0.5 * (steps / sigma.clamp(min=1e-3).view(b, 1)).square())
        kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(c, 0).to(images)
        beside, shape = ((0, 0, reach, reach), (-1, 1)) if axis == -2 else ((reach, reach, 0, 0), (1, -1))
        padded = F.pad(images.reshape(1, b * c, h, w), beside, mode="reflect")
        images = F.conv2d(padded, kernel.view(b * c, 1, *shape), groups=b * c).view(b, c, h, w)
    return images


def multiply_speckle(images: Tensor, sigma: Tensor, noise: Tensor) -> Tensor:
    """Multiply each pixel by 1 + sigma noise, the same in all channels, so that grey stays grey.

    `sigma` (b) and the standard normal `noise` (b 1 h w) are on the CPU.
    """
    return images * (1 + sigma.view(-1, 1, 1, 1) * noise).to(images)


def _grey(images: Tensor) -> Tensor:
    return (images * torch.tensor(LUMA).to(images).view(3, 1, 1)).sum(1, keepdim=True)
