"""The explorer of lesson 01: a ring of frequencies of a chosen radius and width, and what it keeps of each image."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.figure import Figure

from mmsnet_lite.course.colours import GREY, MAGNITUDE, SIGNED
from mmsnet_lite.course.explore.explorer import Choice, Explorer, controls
from mmsnet_lite.course.plot import blank
from mmsnet_lite.frequency.fourier import band_mask, band_pass, power_spectrum

RADII = (0.0, 0.03, 0.06, 0.12, 0.25, 0.4)  # cycles per pixel
WIDTHS = (0.03, 0.06, 0.12, 0.25, 0.5)
EDGES = ("sharp", "soft")


def keep_ring(grey: torch.Tensor, radius: float, width: float, edge: str = "sharp") -> tuple[torch.Tensor, float]:
    """What a ring keeps of an image (h w) whose mean has been taken out, and its share of the image's variance.

    The ring reaches from ``radius - width / 2``, or from 0, to ``radius + width / 2``. A soft edge is a third of the
    ring wide.
    """
    low, high = max(0.0, radius - width / 2), radius + width / 2
    h, w = grey.shape
    mask = band_mask(h, w, low, high, soft=(high - low) / 3 if edge == "soft" else 0.0)
    x = (grey - grey.mean())[None, None]
    kept = band_pass(x, mask)
    return kept[0, 0], (kept.square().mean() / x.square().mean()).item()


def rings(images: Mapping[str, np.ndarray]) -> Explorer:
    """Explore which frequencies each image, uint8 (h w 3), all of one size, needs."""
    greys = {name: torch.from_numpy(image.mean(2) / 255) for name, image in images.items()}
    powers = {name: np.fft.fftshift(power_spectrum(grey[None, None])[0, 0] + 1e-12) for name, grey in greys.items()}

    @controls(
        radius=Choice("radius (cycles/pixel)", RADII, 0.12),
        width=Choice("width (cycles/pixel)", WIDTHS, 0.12),
        edge=Choice("edge", EDGES, "sharp"),
    )
    def ring(radius: float, width: float, edge: str) -> tuple[Figure, str]:
        low, high = max(0.0, radius - width / 2), radius + width / 2
        figure, shares = blank(1.75 * len(greys) + 0.4, 5.6), []
        axes = figure.subplots(3, len(greys), squeeze=False)
        for column, (name, grey) in zip(axes.T, greys.items(), strict=True):
            (h, w), (picture, share) = grey.shape, keep_ring(grey, radius, width, edge)
            shares.append(f"{share:.1%} of {name}")
            column[0].imshow(grey.numpy(), cmap=GREY, vmin=0, vmax=1)
            column[0].set_title(name, fontsize=9)
            column[1].imshow(np.log10(powers[name]), cmap=MAGNITUDE, vmin=-9, vmax=-2)
            turn = np.linspace(0, 2 * math.pi, 200)
            for limit in (low, high):
                if limit > 0:
                    y, x = h // 2 + limit * h * np.sin(turn), w // 2 + limit * w * np.cos(turn)
                    column[1].plot(x, y, color="white", lw=1)
            column[1].set(xlim=(-0.5, w - 0.5), ylim=(h - 0.5, -0.5))
            peak = max(picture.abs().max().item(), 1e-6)
            column[2].imshow(picture.numpy(), cmap=SIGNED, vmin=-peak, vmax=peak)
            column[2].set_title(f"keeps {share:.1%}", fontsize=9)
        for axis in axes.flat:
            axis.set(xticks=[], yticks=[])
        for axis, label in zip(axes[:, 0], ("image", "power, log10", "what the ring keeps"), strict=True):
            axis.set_ylabel(label, fontsize=9)
        figure.subplots_adjust(left=0.05, right=0.995, top=0.95, bottom=0.01, wspace=0.03, hspace=0.18)
        alt = f"A {edge} ring from {low:.3f} to {high:.3f} cycles per pixel keeps of the variance: {', '.join(shares)}."
        return figure, alt

    return ring()
