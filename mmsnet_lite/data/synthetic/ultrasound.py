"""Ultrasound: grey B-mode of layered breast tissue. The mask is the tumour.

The picture is made as a scanner makes it: scatterers of random amplitude and phase, scaled by a map of echogenicity,
blurred by a point spread that is wider across than along the beam, then envelope, attenuation with depth, compounding
of several looks, log compression, and now and then the operator's callipers. Echogenicity and loss are in decibel.
"""

import math

import cv2
import numpy as np

from . import shapes, texture

AREA = shapes.AreaShare(q10=0.010, q50=0.053, q90=0.195, low=0.007, high=0.42)
"""Share of the image that the tumour covers; a little is lost at the image's border."""

CENTRE = ((0.49, 0.19, 0.09), (0.29, 0.43, 0.10))
"""x: mean, and deviation of small and of large tumours; y: mean of small, of large, and deviation. 647 BUSI images."""

_LETTERS = {  # one stroke each, in a box 0.7 wide and 1 high
    "L": [(0, 0), (0, 1), (0.6, 1)],
    "T": [(0, 0), (0.7, 0), (0.35, 0), (0.35, 1)],
    "R": [(0, 1), (0, 0), (0.6, 0.1), (0.6, 0.45), (0, 0.5), (0.6, 1)],
    "A": [(0, 1), (0.35, 0), (0.5, 0.6), (0.2, 0.6), (0.5, 0.6), (0.7, 1)],
}

_WORK = texture.CANVAS  # the scan is simulated at this size always: speckle belongs to the scanner, not to the picture


def draw(rng: np.random.Generator, size: int, area: float) -> tuple[np.ndarray, np.ndarray]:
    """Draws one scan: image (size, size, 3) uint8 with three equal channels, mask (size, size) bool, on the tumour."""
    malignant = rng.random() < 0.57 * (1 - math.exp(-area / 0.06))  # BUSI's malignant tumours are three times as large
    tumour = _outline(rng, area, malignant)
    echo = _tissue(rng)
    echo, loss = _tumour(rng, echo, tumour, malignant)
    level = _scan(rng, echo - np.cumsum(loss + _shadows(rng), axis=0))
    grey = _overlay(rng, _display(rng, level), tumour)
    return texture.finish(np.broadcast_to(grey, (3, _WORK, _WORK)), size), tumour.mask(size)


def _outline(rng: np.random.Generator, area: float, malignant: bool) -> shapes.Contour:
    """Benign: a smooth oval along the layers. Malignant: lobed, and often turned across them."""
    aspect = 1.05 + min(0.42 * math.exp(0.8 * rng.standard_normal()), 1.5)
    turn, roughness, harmonics = (0.7, rng.uniform(0.05, 0.11), 12) if malignant else (0.2, rng.uniform(0.02, 0.06), 6)
    half = math.sqrt(area / math.pi)
    large = min(1.0, area / 0.25)
    (x, narrow, wide), (high, low, spread) = CENTRE
    x += float(np.clip(rng.standard_normal(), -2, 2)) * (narrow + (wide - narrow) * large)
    y = high + (low - high) * large + spread * rng.standard_normal()
    tall = half / math.sqrt(aspect) if not malignant else half
    y = float(np.clip(y, 0.06 + tall, max(0.88 - tall, 0.06 + tall)))
    x = float(np.clip(x, 0.85 * half, 1 - 0.85 * half))
    return shapes.draw_contour(rng, area, (x, y), aspect, rng.normal(0, turn), roughness, harmonics, decay=1.1)


def _layered(rng: np.random.Generator, frequency: float, stretch: int) -> np.ndarray:
    """Noise of blobs that lie along the layers: `stretch` times as wide as high, (work, work), deviation about 1."""
    noise = texture.band_noise(rng, _WORK, frequency, 0.4, cells=128)
    return cv2.resize(noise[:, : _WORK // stretch], (_WORK, _WORK), interpolation=cv2.INTER_CUBIC)


def _sheets(rng: np.random.Generator, frequency: float, stretch: int, width: float) -> np.ndarray:
    """Thin bright sheets of connective tissue seen on edge: the zero lines of layered noise, (work, work), 0 to 1."""
    return np.exp(-((_layered(rng, frequency, stretch) / np.float32(width)) ** 2))


def _tissue(rng: np.random.Generator) -> np.ndarray:
    """Echogenicity of the healthy breast in dB, (work, work): skin, fat with septa, gland, muscle, chest wall."""
    x, y = shapes.coordinates(_WORK)
    waves = texture.sloped_noise(rng, _WORK, 2.2, cells=16)
    clouds = texture.sloped_noise(rng, _WORK, 1.7, cells=32)
    line = y + rng.uniform(-0.1, 0.1) * (x - 0.5) + rng.uniform(0.01, 0.04) * waves
    fat_end, gland_end = rng.uniform(0.1, 0.36), rng.uniform(0.5, 0.85)
    fat = texture.smoothstep(line + 0.02 * clouds, fat_end + 0.03, fat_end - 0.03)
    muscle = texture.smoothstep(line, gland_end - 0.03, gland_end + 0.03)

    strands = _layered(rng, rng.uniform(9, 18), 4)
    # Cooper's ligaments part the lobules of fat; the gland is a felt of fibres and ducts; muscle lies in bundles.
    ligaments = rng.uniform(7, 14) * _sheets(rng, rng.uniform(3.5, 6.5), 3, rng.uniform(0.05, 0.1))
    ligaments *= texture.smoothstep(clouds, -1.4, 0.6)
    fibres = rng.uniform(3, 10) * _sheets(rng, rng.uniform(10, 20), 5, 0.2) * texture.smoothstep(waves, -1.0, 1.0)
    bundles = rng.uniform(8, 16) * _sheets(rng, rng.uniform(8, 16), 6, 0.16) * texture.smoothstep(strands, -1.0, 1.0)
    ducts = texture.smoothstep(texture.band_noise(rng, _WORK, rng.uniform(6, 11), 0.4, cells=64), 0.8, 1.6)
    gland = fibres - 1 + rng.uniform(1.2, 2.8) * strands + rng.uniform(1.5, 3.0) * clouds - rng.uniform(0, 9) * ducts
    deep = rng.uniform(-12, -6) + bundles + 2 * clouds
    echo = gland * (1 - muscle) + deep * muscle
    echo = echo * (1 - fat) + (rng.uniform(-12, -7) + 1.5 * clouds + ligaments) * fat
    fascia = rng.uniform(4, 13) * texture.smoothstep(strands, -1.0, 0.8)
    echo += fascia * np.exp(-(((line - gland_end) / 0.007) ** 2))
    echo += 8 * np.exp(-(((line - rng.uniform(0.03, 0.06)) / 0.012) ** 2)) + 7 * np.exp(-((y / 0.02) ** 2))
    echo += rng.uniform(1.0, 4.0) * texture.sloped_noise(rng, _WORK, 2.2, cells=16)
    return echo.astype(np.float32)


def _tumour(
    rng: np.random.Generator, echo: np.ndarray, tumour: shapes.Contour, malignant: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Puts the tumour into the map; returns the map and the loss per row in dB, negative where it lets more through."""
    depth = tumour.depth(_WORK)
    soft = rng.uniform(0.006, 0.016) if malignant else rng.uniform(0.003, 0.007)
    inside = texture.smoothstep(depth, -soft, soft)
    kind = "malignant" if malignant else str(rng.choice(["cyst", "solid", "solid"]))
    drop, mottle, per_depth = {
        "malignant": (rng.uniform(10, 18), rng.uniform(1.5, 4.0), rng.uniform(0, 60)),
        "cyst": (rng.uniform(22, 34), 1.0, rng.uniform(-45, -15)),
        "solid": (rng.uniform(9, 15), rng.uniform(1.5, 3.5), rng.uniform(-25, 10)),
    }[kind]
    inner = -drop + mottle * texture.sloped_noise(rng, _WORK, 1.3, cells=64)
    echo = echo * (1 - inside) + inner * inside
    # Malignant: a pale halo of reaction. Benign: a thin capsule, brightest where it faces the beam.
    rim = np.exp(-(((depth + 0.012) / (0.022 if malignant else 0.008)) ** 2)) * (depth < 0)
    echo = echo + rng.uniform(1, 7) * rim
    return echo, inside * np.float32(per_depth / _WORK)


def _shadows(rng: np.random.Generator) -> np.ndarray:
    """Loss per row in dB of the healthy tissue: attenuation less gain, uneven contact, shadows of ligaments or ribs."""
    x, y = shapes.coordinates(_WORK)
    loss = np.full_like(x, rng.uniform(4, 20) / _WORK)
    loss = loss + rng.uniform(8, 40) / _WORK * texture.smoothstep(y, rng.uniform(0.45, 0.8), 1.15)
    loss = loss + rng.uniform(0, 6) / _WORK * texture.sloped_noise(rng, _WORK, 1.5, cells=16)[:1]
    for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.3, 0.35, 0.25, 0.1]))):
        middle = rng.uniform(0, 1) + rng.uniform(-0.25, 0.25) * (y - 0.3)
        width, start = rng.uniform(0.03, 0.1), rng.uniform(0.05, 0.7)
        column = np.exp(-(((x - middle) / width) ** 2)) * texture.smoothstep(y, start, start + 0.05)
        loss = loss + rng.uniform(8, 45) / _WORK * column
    return loss.astype(np.float32)


def _scan(rng: np.random.Generator, echo: np.ndarray) -> np.ndarray:
    """Simulates the beam: echo map in dB to envelope in dB, (work, work) float32."""
    amplitude = np.exp(echo * np.float32(math.log(10) / 20))
    across, along = rng.uniform(0.8, 1.5), rng.uniform(0.4, 0.7)
    focus = texture.smoothstep(np.abs(shapes.coordinates(_WORK)[1] - rng.uniform(0.2, 0.5)), 0.1, 0.8)
    power = np.zeros_like(echo)
    for _ in range(3):  # spatial compounding: looks from several angles see other speckle of the same tissue
        for part in rng.standard_normal((2, _WORK, _WORK), dtype=np.float32) * amplitude:
            near = cv2.GaussianBlur(part, (0, 0), across, sigmaY=along)
            far = cv2.GaussianBlur(part, (0, 0), 2.0 * across, sigmaY=1.2 * along)  # the beam out of focus
            power += (near + focus * (1.6 * far - near)) ** 2
    power = cv2.GaussianBlur(power, (0, 0), rng.uniform(0.5, 0.9))  # the scanner's speckle filter
    return 10 * np.log10(power * np.float32(8 / 3 * math.pi * across * along) + np.float32(1e-6))


def _display(rng: np.random.Generator, level: np.ndarray) -> np.ndarray:
    """Log compression to grey, 0 to 1: a dynamic range and a gain, then the scanner's grey curve."""
    span, top = rng.uniform(38, 49), rng.uniform(11, 18)
    grey = np.clip((level - (top - span)) / span, 0, 1) ** rng.uniform(1.7, 2.3)
    return np.clip(grey * rng.uniform(0.9, 1.1) + 0.004 * texture.grain(rng, _WORK), 0, 1).astype(np.float32)


def _overlay(rng: np.random.Generator, grey: np.ndarray, tumour: shapes.Contour) -> np.ndarray:
    """What the scanner draws over the picture: a probe marker, a label, callipers, a dark margin. Often nothing."""
    marker, label, callipers, margin = rng.random(4) < (0.5, 0.12, 0.15, 0.1)
    spot = np.array(shapes.somewhere(rng, (0.1, 0.75), (0.7, 0.92)))
    text = str(rng.choice(["LT", "RT", "LA", "RA"]))
    angle, edge, height = rng.uniform(0, math.pi), rng.uniform(0.012, 0.035), int(rng.integers(6, 20))
    paths: list[np.ndarray] = []
    if marker:
        paths.append(edge * np.array([(0, 1), (1, 1), (1, 0)]))
    if label:
        paths += [spot + 0.035 * (np.array(_LETTERS[letter]) + (k, 0)) for k, letter in enumerate(text)]
    if callipers:
        for turn in (angle, angle + math.pi / 2):
            ends = np.array([tumour.point(turn), tumour.point(turn + math.pi)])
            for end in ends:
                paths += [end + 0.014 * np.array([(-1, 0), (1, 0)]), end + 0.014 * np.array([(0, -1), (0, 1)])]
            dots = np.linspace(ends[0], ends[1], 3 + int(40 * np.hypot(*(ends[1] - ends[0]))))[1:-1]
            paths += [np.stack([dot, dot]) for dot in dots]
    if margin:
        grey[-height:] = 0.02
    return np.maximum(grey, 0.8 * shapes.strokes(_WORK, paths, [0.005] * len(paths)))
