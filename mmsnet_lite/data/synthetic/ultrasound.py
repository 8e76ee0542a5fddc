"""Ultrasound: grey B-mode of layered breast tissue. The mask is the tumour.

The picture is made as a scanner makes it: scatterers of random amplitude and phase, scaled by a map of echogenicity,
blurred by a point spread that is wider across than along the beam, then envelope, attenuation with depth, and log
compression. Echogenicity and attenuation are in decibel.
"""

import math

import cv2
import numpy as np

from . import shapes, texture

AREA = shapes.AreaShare(q10=0.010, q50=0.052, q90=0.188, low=0.007, high=0.4)
"""Share of the image that the tumour covers."""

_WORK = texture.CANVAS  # the scan is simulated at this size always: speckle belongs to the scanner, not to the picture


def draw(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws one scan: image (size, size, 3) uint8 with three equal channels, mask (size, size) bool, on the tumour."""
    area = AREA.draw(rng)
    half = math.sqrt(area / math.pi)
    low, high = 0.2 + 0.55 * half, max(0.6 - 0.25 * half, 0.24 + 0.55 * half)
    centre = (shapes.place(rng, area, spread=0.3, cut=0.2)[0], rng.uniform(low, high))
    malignant = rng.random() < 0.4
    if malignant:
        tumour = shapes.draw_contour(
            rng,
            area,
            centre,
            aspect=rng.uniform(1.0, 1.5),
            angle=rng.normal(0, 0.8),
            roughness=rng.uniform(0.08, 0.14),
            harmonics=14,
            decay=rng.uniform(0.8, 1.2),
        )
    else:
        tumour = shapes.draw_contour(
            rng,
            area,
            centre,
            aspect=rng.uniform(1.1, 2.2),
            angle=rng.normal(0, 0.2),
            roughness=rng.uniform(0.02, 0.07),
            harmonics=6,
            decay=1.2,
        )
    echo = _tissue(rng)
    echo, loss = _tumour(rng, echo, tumour, malignant)
    loss = loss + _shadows(rng)
    level = _scan(rng, echo - np.cumsum(loss, axis=0))
    image = np.broadcast_to(_display(rng, level), (3, _WORK, _WORK))
    return texture.finish(image, size), tumour.mask(size)


def _tissue(rng: np.random.Generator) -> np.ndarray:
    """Echogenicity of the healthy breast in dB, (work, work): skin, fat with lobules, gland, muscle, chest wall."""
    x, y = shapes.coordinates(_WORK)
    waves = texture.sloped_noise(rng, _WORK, 2.4, cells=16)
    tilt = rng.uniform(-0.06, 0.06)
    line = y + tilt * (x - 0.5) + 0.018 * waves
    fat_end, gland_end = rng.uniform(0.14, 0.3), rng.uniform(0.6, 0.85)
    fat = texture.smoothstep(line, fat_end + 0.015, fat_end - 0.015)
    muscle = texture.smoothstep(line, gland_end - 0.02, gland_end + 0.02)

    strands = texture.band_noise(rng, _WORK, rng.uniform(10, 18), 0.5, cells=128)
    strands = cv2.GaussianBlur(strands, (0, 0), 9.0, sigmaY=0.7)  # along the layers
    strands = strands / max(float(strands.std()), 1e-6)
    gland = rng.uniform(2, 5) * strands + 2.5 * waves + 2.0 * texture.sloped_noise(rng, _WORK, 1.2, cells=64)
    fibres = np.sin((line * rng.uniform(28, 45) + 0.5 * waves) * math.pi)
    deep = -7 + 4.5 * fibres * fibres * fibres + 2 * strands
    echo = gland * (1 - muscle) + deep * muscle
    echo = echo * (1 - fat) + (-7 + 3.0 * np.maximum(strands, 0)) * fat
    echo += 13 * np.exp(-(((line - gland_end) / 0.008) ** 2)) * rng.uniform(0.3, 1.0)
    echo += 11 * np.exp(-(((line - rng.uniform(0.03, 0.06)) / 0.016) ** 2)) + 8 * np.exp(-((y / 0.018) ** 2))

    for _ in range(int(rng.integers(2, 6))):  # fat lobules: dark ovals with a bright septum, the tumour's doubles
        lobule = shapes.draw_contour(
            rng,
            rng.uniform(0.005, 0.03),
            shapes.somewhere(rng, (0.0, 0.08), (1.0, 0.8)),
            aspect=rng.uniform(2.0, 3.6),
            angle=rng.normal(0, 0.25),
            roughness=0.05,
            harmonics=5,
        )
        depth = texture.resize(lobule.depth(_WORK // 2), _WORK)
        inside = texture.smoothstep(depth, -0.008, 0.012)
        echo = echo * (1 - 0.6 * inside) - rng.uniform(2.5, 7.0) * inside
        echo += rng.uniform(3, 8) * np.exp(-((depth / 0.008) ** 2)) * texture.smoothstep(strands, -1.0, 0.7)
    return echo.astype(np.float32)


def _tumour(
    rng: np.random.Generator, echo: np.ndarray, tumour: shapes.Contour, malignant: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Puts the tumour into the map; returns the map and the loss per row in dB, negative where it lets more through."""
    depth = tumour.depth(_WORK)
    soft = rng.uniform(0.006, 0.012) if malignant else rng.uniform(0.002, 0.005)
    inside = texture.smoothstep(depth, -soft, soft)
    kind = "malignant" if malignant else str(rng.choice(["cyst", "solid", "solid"]))
    drop, mottle, per_depth = {
        "malignant": (rng.uniform(11, 19), rng.uniform(1.5, 4.0), rng.uniform(0, 50)),
        "cyst": (rng.uniform(22, 34), 1.0, rng.uniform(-45, -15)),
        "solid": (rng.uniform(8, 14), rng.uniform(1.5, 3.8), rng.uniform(-25, 10)),
    }[kind]
    inner = -drop + mottle * texture.sloped_noise(rng, _WORK, 1.3, cells=64)
    inner += 1.5 * mottle * np.maximum(texture.band_noise(rng, _WORK, 9, 0.5, cells=64) - 0.8, 0)
    echo = echo * (1 - inside) + inner * inside
    rim = np.exp(-(((depth + 0.012) / (0.02 if malignant else 0.009)) ** 2)) * (depth < 0)
    echo = echo + rng.uniform(1, 7) * rim
    return echo, inside * np.float32(per_depth / _WORK)


def _shadows(rng: np.random.Generator) -> np.ndarray:
    """Loss per row in dB of the healthy tissue: uneven contact, a few shadows of ligaments or ribs."""
    x, y = shapes.coordinates(_WORK)
    loss = np.full_like(x, rng.uniform(8, 26) / _WORK)
    loss = loss + rng.uniform(0, 5) / _WORK * texture.sloped_noise(rng, _WORK, 1.5, cells=16)[:1]
    for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.3, 0.35, 0.25, 0.1]))):
        middle = rng.uniform(0, 1) + rng.uniform(-0.25, 0.25) * (y - 0.3)
        width, start = rng.uniform(0.02, 0.08), rng.uniform(0.05, 0.7)
        column = np.exp(-(((x - middle) / width) ** 2)) * texture.smoothstep(y, start, start + 0.05)
        loss = loss + rng.uniform(8, 38) / _WORK * column
    return loss.astype(np.float32)


def _scan(rng: np.random.Generator, echo: np.ndarray) -> np.ndarray:
    """Simulates the beam: echo map in dB to envelope in dB, (work, work) float32."""
    field = rng.standard_normal((2, _WORK, _WORK), dtype=np.float32) * np.exp(echo * np.float32(math.log(10) / 20))
    across, along = rng.uniform(0.9, 1.6), rng.uniform(0.45, 0.75)
    sharp = [cv2.GaussianBlur(part, (0, 0), across, sigmaY=along) for part in field]
    wide = [cv2.GaussianBlur(part, (0, 0), 2.0 * across, sigmaY=1.2 * along) for part in field]
    focus = texture.smoothstep(np.abs(shapes.coordinates(_WORK)[1] - rng.uniform(0.2, 0.5)), 0.1, 0.8)
    power = np.zeros_like(echo)
    for near, far in zip(sharp, wide, strict=True):
        power += (near + focus * (1.6 * far - near)) ** 2
    power = 0.6 * power + 0.4 * cv2.GaussianBlur(power, (0, 0), 1.0)  # spatial compounding calms the speckle
    return 10 * np.log10(power * np.float32(8 * math.pi * across * along) + np.float32(1e-6))


def _display(rng: np.random.Generator, level: np.ndarray) -> np.ndarray:
    """Log compression to grey, 0 to 1: a dynamic range and a gain, then the scanner's grey curve."""
    span, top = rng.uniform(42, 54), rng.uniform(13, 21)
    grey = np.clip((level - (top - span)) / span, 0, 1) ** rng.uniform(1.5, 2.1)
    noise = 0.012 * texture.grain(rng, _WORK)
    return np.clip(grey * rng.uniform(0.85, 1.1) + noise, 0, 1).astype(np.float32)
