"""Dermoscopy: a pigmented lesion on skin, seen through a dermatoscope. The mask is the lesion.

Pigment absorbs light: colour = skin * exp(-amount * absorption), with melanin taking blue before red. So one map of
pigment gives light brown, dark brown and black, and the same law paints freckles and hair.
"""

import math

import numpy as np

from . import shapes, texture

AREA = shapes.AreaShare(q10=0.017, q50=0.113, q90=0.513, low=0.010, high=0.62)
"""Share of the image that the lesion covers."""

_SKIN = np.array([[0.97, 0.86, 0.80], [0.95, 0.84, 0.72], [0.96, 0.76, 0.72], [0.93, 0.91, 0.88], [0.80, 0.65, 0.55]])
_MELANIN = np.array([0.46, 0.98, 1.45], np.float32)  # absorption of red, green, blue
_BLOOD = np.array([0.12, 0.75, 0.55], np.float32)


def draw(rng: np.random.Generator, size: int, area: float) -> tuple[np.ndarray, np.ndarray]:
    """Draws one lesion: image (size, size, 3) uint8 RGB, mask (size, size) bool, True on the lesion."""
    centre = shapes.place(rng, area, spread=0.14, cut=0.05)
    lesion = shapes.draw_contour(
        rng,
        area,
        centre,
        aspect=rng.uniform(1.0, 1.6),
        angle=rng.uniform(0, math.pi),
        roughness=rng.uniform(0.03, 0.13),
        harmonics=14,
        decay=rng.uniform(0.9, 1.4),
    )
    canvas = texture.canvas_size(size)
    image = _skin(rng, canvas)
    image = _freckles(rng, canvas, image)
    image = _pigment(rng, canvas, image, lesion)
    image = _over(rng, canvas, image)
    image = _lens(rng, canvas, image)
    return texture.finish(image, size), lesion.mask(size)


def _absorb(image: np.ndarray, amount: np.ndarray, absorption: np.ndarray) -> np.ndarray:
    """Light left after a pigment: image * exp(-amount * absorption); amount (h, w), 0 or more."""
    return image * np.exp(-amount * texture.planes(absorption))


def _skin(rng: np.random.Generator, canvas: int) -> np.ndarray:
    """Skin: a tone from pale to brown, blood patches, the fine furrows of the surface."""
    tone = texture.planes(rng.dirichlet(np.full(len(_SKIN), 0.4)) @ _SKIN)
    image = np.broadcast_to(tone, (3, canvas, canvas))
    flush = texture.sloped_noise(rng, canvas, 1.6, cells=32)
    image = _absorb(image, np.clip(0.06 + 0.05 * flush, 0, None) * rng.uniform(0.2, 1.5), _BLOOD)
    furrows = np.abs(texture.band_noise(rng, canvas, rng.uniform(16, 34), 0.35, cells=128))
    furrows = texture.smoothstep(furrows, 0.5, 0.0) * rng.uniform(0.0, 0.06)
    grain = 0.018 * texture.sloped_noise(rng, canvas, 0.6, cells=128)
    return image * (1 - furrows + grain)


def _freckles(rng: np.random.Generator, canvas: int, image: np.ndarray) -> np.ndarray:
    """Distractors in the skin: faint brown clouds and small freckles."""
    cloud = texture.smoothstep(texture.sloped_noise(rng, canvas, 1.4, cells=64), 0.6, 2.0)
    image = _absorb(image, cloud * float(rng.choice([0.0, 0.15, 0.4], p=[0.5, 0.3, 0.2])), _MELANIN)
    dots = rng.uniform(0.0, 1.0, (int(rng.choice([0, 4, 14])), 2))
    paths = [dot + rng.normal(0, 0.004, (3, 2)) for dot in dots]
    spots = shapes.strokes(canvas, paths, list(rng.uniform(0.008, 0.026, len(dots))))
    return _absorb(image, spots * rng.uniform(0.1, 0.5), _MELANIN)


def _pigment(rng: np.random.Generator, canvas: int, image: np.ndarray, lesion: shapes.Contour) -> np.ndarray:
    """The lesion: blotches, a network or globules, one darker part, sometimes a veil; from near black to faint pink."""
    depth = lesion.depth(canvas)
    radius = float(lesion.radii.mean())
    soft = rng.uniform(0.01, 0.01 + 0.24 * radius)
    inside = texture.smoothstep(depth, -soft, soft)
    strength = float(rng.choice([0.25, 0.5, 0.85, 1.4], p=[0.25, 0.4, 0.25, 0.1])) * rng.uniform(0.85, 1.2)

    blotch = np.clip(1 + 0.28 * texture.sloped_noise(rng, canvas, 1.6, cells=64), 0.25, 2.0)
    off = radius * rng.uniform(0.0, 0.5)
    core = lesion.scaled(rng.uniform(0.35, 0.75), off * math.cos(turn := rng.uniform(0, 6.3)), off * math.sin(turn))
    core_depth = core.depth(canvas) + 0.02 * texture.sloped_noise(rng, canvas, 1.6, cells=32)
    dark = texture.smoothstep(core_depth, -0.25 * radius, 0.25 * radius) * rng.uniform(0.0, 1.1)

    mesh = texture.band_noise(rng, canvas, rng.uniform(28, 46), 0.16, cells=128)
    if rng.random() < 0.6:  # network: dark lines around pale holes
        pattern = texture.smoothstep(mesh, 1.3, 0.2) - 0.7
    else:  # globules: dark dots
        pattern = texture.smoothstep(mesh, 0.7, 1.7) - 0.1
    where = texture.smoothstep(texture.sloped_noise(rng, canvas, 2.0, cells=16), -0.8, 0.6)
    pattern = pattern * where * rng.uniform(0.15, 0.6)
    amount = inside * np.clip(strength * (blotch + dark + pattern), 0.04, None)
    image = _absorb(image, amount, _MELANIN)
    pink = rng.uniform(0.0, 0.12) if strength > 0.5 else rng.uniform(0.25, 0.5)
    image = _absorb(image, inside * pink, _BLOOD)
    if rng.random() < 0.2:  # blue-white veil, or a pale scar
        veil = texture.smoothstep(texture.sloped_noise(rng, canvas, 2.0, cells=16), 0.4, 1.4) * inside * dark
        image = texture.blend(image, (0.5, 0.55, 0.66), np.clip(veil, 0, 1) * 0.5)
    return image


def _over(rng: np.random.Generator, canvas: int, image: np.ndarray) -> np.ndarray:
    """What lies over the skin: gel and its bubbles, hairs, a ruler, a surgeon's pen. None of it changes the mask."""
    if rng.random() < 0.15:
        foot = shapes.somewhere(rng, (0.02, 0.0), (0.16, 0.2))
        pen = shapes.wander(rng, foot, math.pi / 2, 0.9, rng.uniform(-0.5, 0.5), 0.02)
        pen = pen if rng.random() < 0.5 else 1 - pen
        ink = shapes.strokes(canvas, [pen], [rng.uniform(0.02, 0.045)])
        ink = ink * texture.smoothstep(texture.sloped_noise(rng, canvas, 0.8, cells=128), -1.2, 0.3)
        image = texture.blend(image, (0.36, 0.16, 0.5), ink * 0.75)

    count = int(rng.choice([0, 3, 12, 30], p=[0.45, 0.25, 0.2, 0.1]))
    comb = rng.uniform(0, 2 * math.pi)
    hairs, widths = [], []
    for _ in range(count):
        start = shapes.somewhere(rng, (-0.1, -0.1), (1.1, 1.1))
        heading = comb + rng.normal(0, 0.7)
        hairs.append(shapes.wander(rng, start, heading, rng.uniform(0.3, 0.9), rng.normal(0, 0.7), 0.02))
        widths.append(rng.uniform(0.002, 0.007))
    hair = shapes.strokes(canvas, hairs, widths)
    image = texture.blend(image, (0.16, 0.10, 0.08), hair * rng.uniform(0.3, 0.9))

    if rng.random() < 0.3:
        image = texture.blend(image, (0.12, 0.11, 0.12), _ruler(rng, canvas) * rng.uniform(0.5, 0.9))
    rings: list[np.ndarray] = []
    for _ in range(int(rng.choice([0, 2, 7], p=[0.65, 0.2, 0.15]))):
        turn = np.linspace(0, 2 * math.pi, 24)
        rings.append(rng.uniform(0, 1, 2) + rng.uniform(0.008, 0.028) * np.stack([np.cos(turn), np.sin(turn)], axis=1))
    if rings:
        bubbles = shapes.strokes(canvas, rings, [0.006] * len(rings)) * rng.uniform(0.2, 0.6)
        image = texture.blend(image, (0.97, 0.96, 0.95), bubbles)
    return image


def _ruler(rng: np.random.Generator, canvas: int) -> np.ndarray:
    """Coverage of a millimetre ruler near one border: a line, and a longer tick each fifth."""
    angle = rng.choice([0, 0.5, 1, 1.5]) * math.pi + rng.normal(0, 0.2)
    along = np.array([math.cos(angle), math.sin(angle)])
    across = np.array([-along[1], along[0]])
    origin = np.array([0.5, 0.5]) + across * rng.uniform(0.36, 0.45) - along * rng.uniform(0.1, 0.35)
    step = rng.uniform(0.018, 0.04)
    ticks = [np.stack([origin, origin + along * step * 15])]
    for k in range(16):
        foot = origin + along * step * k
        ticks.append(np.stack([foot, foot - across * (0.04 if k % 5 == 0 else 0.02)]))
    return shapes.strokes(canvas, ticks, [0.004] * len(ticks))


def _lens(rng: np.random.Generator, canvas: int, image: np.ndarray) -> np.ndarray:
    """Light of the dermatoscope: uneven, fading to the corners, sometimes a black circle around the view."""
    x, y = shapes.coordinates(canvas)
    distance = shapes.distance_to(canvas, 0.5 + rng.uniform(-0.03, 0.03), 0.5 + rng.uniform(-0.03, 0.03))
    light = 1 + rng.uniform(-0.2, 0.2) * (x - 0.5) + rng.uniform(-0.2, 0.2) * (y - 0.5)
    light = light * rng.uniform(0.7, 1.12) * (1 - rng.uniform(0.05, 0.6) * distance**2)
    image = image * light
    if rng.random() < 0.22:
        edge = rng.uniform(0.53, 0.68)
        image = image * texture.smoothstep(distance, edge + 0.012, edge - 0.012)
    return image + 0.008 * texture.grain(rng, canvas)
