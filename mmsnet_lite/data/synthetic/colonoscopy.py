"""Colonoscopy: wet pink mucosa as a lit height field with folds around a dark lumen. The mask is the polyp.

Folds, fine texture and the polyp are heights; one light at the camera shades them all, so the polyp stands out by its
form, its highlights and a shift of colour.
"""

import math

import cv2
import numpy as np

from . import shapes, texture

AREA = shapes.AreaShare(q10=0.028, q50=0.098, q90=0.294, low=0.012, high=0.5)
"""Share of the image that the polyp covers."""

_MUCOSA = np.array([[0.93, 0.58, 0.46], [0.92, 0.48, 0.30], [0.86, 0.62, 0.44], [0.94, 0.66, 0.60], [0.84, 0.42, 0.34]])


def draw(rng: np.random.Generator, size: int, area: float) -> tuple[np.ndarray, np.ndarray]:
    """Draws one view: image (size, size, 3) uint8 RGB, mask (size, size) bool, True on the visible polyp."""
    centre = shapes.place(rng, area, spread=0.24, cut=0.15)
    polyp = shapes.draw_contour(
        rng,
        area,
        centre,
        aspect=rng.uniform(1.0, 1.7),
        angle=rng.uniform(0, math.pi),
        roughness=rng.uniform(0.02, 0.1),
        harmonics=6,
        decay=1.4,
    )
    frame = _Frame(rng, centre)
    canvas = texture.canvas_size(size)
    distance, reach = polyp.polar(canvas)
    rise = distance / reach  # 0 at the centre, 1 on the contour
    depth = reach - distance
    lumen = _lumen(rng, canvas, centre)
    height = _folds(rng, canvas, lumen)
    colour = _mucosa(rng, canvas)
    soft = rng.uniform(0.003, 0.016)
    inside = texture.smoothstep(depth, -soft, soft)

    radius = math.sqrt(area / math.pi)
    steep = rng.uniform(0.24, 0.55)
    power = rng.uniform(2.0, 3.5)
    dome = steep * radius * np.clip(1 - rise**power, 0, None)
    lobes = 0.0022 * texture.band_noise(rng, canvas, rng.uniform(10, 22), cells=64) * rng.uniform(0.0, 1.0) ** 2
    flat = texture.smoothstep(depth, -0.02, 0.25 * radius)
    height = height * (1 - 0.8 * flat) + dome + lobes * inside
    colour = _tissue(rng, canvas, colour, inside)
    shadow = rng.uniform(0.14, 0.38) * np.exp(np.minimum(depth, 0) / (0.06 * radius + 0.008)) * (1 - inside)

    image = _light(rng, canvas, height, colour, lumen, shadow, rng.uniform(0.0, 0.05) * inside)
    visible = frame.opening(canvas)
    image = image * visible + frame.shade * (1 - visible)
    if rng.random() < 0.5:
        image = texture.blend(image, (0.85, 0.87, 0.86), _caption(rng, canvas))
    return texture.finish(image, size), polyp.mask(size) & (frame.opening(size) > 0.5)


class _Frame:
    """The opening of the endoscope's picture: cut corners, dark margins, sometimes a black inset at the lower left."""

    def __init__(self, rng: np.random.Generator, polyp: tuple[float, float]) -> None:
        self.half = rng.uniform(0.44, 0.53, 2).tolist()
        self.corner = rng.uniform(0.69, 0.88)
        self.inset = (rng.uniform(0.2, 0.33), rng.uniform(0.2, 0.33)) if rng.random() < 0.3 else (0.0, 0.0)
        if polyp[0] < self.inset[0]:  # the inset stays below the polyp's centre, so some of the polyp always shows
            self.inset = self.inset[0], min(self.inset[1], 0.97 - polyp[1])
        self.shade = float(rng.choice([0.01, 0.02, 0.07]))

    def opening(self, size: int) -> np.ndarray:
        """(size, size) float32: 1 where the mucosa shows, 0 on the margins, 0.5 on the edge."""
        x, y = shapes.coordinates(size)
        across, down = np.abs(x - 0.5), np.abs(y - 0.5)
        inner = np.minimum(np.minimum(self.half[0] - across, self.half[1] - down), (self.corner - across - down) * 0.7)
        inner = np.minimum(inner, np.maximum(x - self.inset[0], 1 - self.inset[1] - y))
        return texture.smoothstep(inner, -0.0015, 0.0015).astype(np.float32)


def _caption(rng: np.random.Generator, canvas: int) -> np.ndarray:
    """Coverage of the recorder's text at the left border: lines of small signs, no real letters."""
    paths = []
    for top in np.sort(rng.uniform(0.08, 0.8, int(rng.integers(3, 9)))):
        for k in range(int(rng.integers(3, 10))):
            corner = np.array([0.012 + 0.017 * k, top])
            for _ in range(2):
                paths.append(corner + rng.integers(0, 3, (2, 2)) * (0.005, 0.009))
    return shapes.strokes(canvas, paths, [0.003] * len(paths))


def _lumen(rng: np.random.Generator, canvas: int, polyp: tuple[float, float]) -> np.ndarray:
    """Warped distance to the dark end of the tube, (canvas, canvas), relative; the tube lies opposite the polyp."""
    x, y = shapes.coordinates(canvas)
    away = math.atan2(0.5 - polyp[1], 0.5 - polyp[0]) + rng.normal(0, 0.9)
    reach = rng.uniform(0.25, 0.75)
    warp = texture.sloped_noise(rng, canvas, 2.4, cells=16) * 0.035
    lean = texture.sloped_noise(rng, canvas, 2.4, cells=16) * 0.035
    dx, dy = x - (0.5 + reach * math.cos(away)) + warp, y - (0.5 + reach * math.sin(away)) + lean
    turn, squeeze = rng.uniform(0, math.pi), rng.uniform(1.0, 1.6)
    along, across = dx * math.cos(turn) + dy * math.sin(turn), dy * math.cos(turn) - dx * math.sin(turn)
    return cv2.magnitude(along / squeeze**0.5, across * squeeze**0.5)


def _folds(rng: np.random.Generator, canvas: int, lumen: np.ndarray) -> np.ndarray:
    """Height of the wall without the polyp, relative: ring folds, bumps, some of them round like a small polyp."""
    phase = rng.uniform(1.6, 3.2) * np.log(lumen + 0.12) * math.pi + rng.uniform(0, 6.3)
    phase = phase + 0.5 * texture.sloped_noise(rng, canvas, 2.2, cells=16)
    crest = np.exp(rng.uniform(1.5, 3.5) * (np.cos(phase) - 1))
    present = texture.smoothstep(texture.sloped_noise(rng, canvas, 2.2, cells=16), -1.0, 0.5)
    height = rng.uniform(0.02, 0.07) * crest * present * (0.4 + lumen)
    height = height + rng.uniform(0.01, 0.03) * texture.sloped_noise(rng, canvas, 2.8, cells=32)
    height = cv2.GaussianBlur(height, (0, 0), 0.008 * canvas)
    return height + rng.uniform(0.0, 0.0003) * texture.band_noise(rng, canvas, rng.uniform(16, 40), 0.5)


def _mucosa(rng: np.random.Generator, canvas: int) -> np.ndarray:
    """Colour of the wall before the light, (3, canvas, canvas): pink to red patches, fine vessels, yellow residue."""
    base = texture.planes(rng.dirichlet(np.full(len(_MUCOSA), 0.5)) @ _MUCOSA)
    patch = texture.sloped_noise(rng, canvas, 1.7, cells=64)
    colour = base * (1 + patch * texture.planes((0.03, 0.08, 0.09)))
    veins = np.abs(texture.sloped_noise(rng, canvas, 1.6, cells=texture.CANVAS))
    veins = texture.smoothstep(veins, 0.07, 0.0) * texture.smoothstep(patch, -0.3, 1.0) * rng.uniform(0.1, 0.5)
    colour = texture.blend(colour, base * texture.planes((0.8, 0.45, 0.45)), veins)
    if rng.random() < 0.35:
        residue = texture.smoothstep(texture.sloped_noise(rng, canvas, 1.9, cells=32), 1.1, 1.9) * 0.6
        colour = texture.blend(colour, (0.85, 0.66, 0.22), residue)
    return colour


def _tissue(rng: np.random.Generator, canvas: int, colour: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Shifts the colour within the polyp: redder or paler, with a finer pattern of pits."""
    redder = (rng.uniform(1.0, 1.12), rng.uniform(0.66, 0.88), rng.uniform(0.68, 0.92))
    paler = (rng.uniform(1.0, 1.12), rng.uniform(1.14, 1.34), rng.uniform(1.18, 1.45))
    shift = redder if rng.random() < 0.55 else paler
    pits = 1 + rng.uniform(0.03, 0.1) * texture.band_noise(rng, canvas, rng.uniform(30, 62), 0.4)
    nearer = rng.uniform(1.2, 1.75)  # the polyp rises towards the lamp
    return colour * (1 + inside * (texture.planes(shift) * pits * nearer - 1))


def _light(
    rng: np.random.Generator,
    canvas: int,
    height: np.ndarray,
    colour: np.ndarray,
    lumen: np.ndarray,
    shadow: np.ndarray,
    wetter: np.ndarray,
) -> np.ndarray:
    """Shades the height field with a light near the camera that fades into the lumen, and adds wet highlights."""
    x, y = shapes.coordinates(canvas)
    down, right = np.gradient(height * np.float32(canvas))
    lx, ly = rng.uniform(-0.35, 0.35) + 0.9 * (0.5 - x), rng.uniform(-0.5, 0.1) + 0.9 * (0.5 - y)
    towards = (1 - right * lx - down * ly) / np.sqrt((1 + right**2 + down**2) * (1 + lx**2 + ly**2))
    near = texture.smoothstep(lumen, rng.uniform(-0.12, 0.05), rng.uniform(0.4, 0.75))
    corner = 1 - shapes.distance_to(canvas, 0.5, 0.5) ** 2
    level = np.clip(towards, 0, 1) ** 1.2 * (0.1 + 0.95 * near) * corner * (1 - shadow) * rng.uniform(0.95, 1.25)
    deep = np.stack([level, level**1.15, level**1.25])  # blood absorbs the little light of the depth
    image = deep * colour

    ripple = texture.band_noise(rng, canvas, rng.uniform(14, 34), 0.45) * rng.uniform(0.1, 0.2)
    swell = texture.sloped_noise(rng, canvas, 1.8, cells=32) * 0.22
    wet = (1 - right * lx * 0.5 - down * ly * 0.5) / np.sqrt((1 + right**2 + down**2) * (1 + (lx**2 + ly**2) / 4))
    gloss = wet + 0.25 * (ripple + swell) * near + wetter
    peak = float(np.quantile(gloss[::4, ::4], rng.uniform(0.98, 0.998)))
    image = texture.blend(image, (1.0, 0.97, 0.93), texture.smoothstep(gloss, peak, peak + 0.01) * near * 0.95)
    haze = texture.smoothstep(gloss, peak - 0.12, peak + 0.05) * 0.1
    image = texture.blend(image, (1.0, 0.9, 0.85), haze)
    return image + rng.uniform(0.01, 0.022) * texture.grain(rng, canvas)
