"""Fundus: a retina in a round field, vessels that meet on a bright optic disc, a paler cup. The mask is the disc."""

import math

import numpy as np

from . import shapes, texture

AREA = shapes.AreaShare(q10=0.024, q50=0.029, q90=0.039, low=0.015, high=0.07)
"""Share of the image that the optic disc covers."""

_TONES = np.array([[0.72, 0.36, 0.14], [0.66, 0.27, 0.11], [0.62, 0.38, 0.17], [0.55, 0.20, 0.10], [0.78, 0.44, 0.22]])


def draw(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws one retina: image (size, size, 3) uint8 RGB, mask (size, size) bool, True on the optic disc."""
    area = AREA.draw(rng)
    side = float(rng.choice([-1.0, 1.0]))  # where the macula lies: +1 right of the disc
    centre = (0.5 - side * rng.uniform(-0.04, 0.2), 0.5 + rng.uniform(-0.1, 0.1))
    disc = shapes.draw_contour(
        rng, area, centre, aspect=rng.uniform(1.02, 1.22), angle=math.pi / 2 + rng.normal(0, 0.25), roughness=0.02
    )
    canvas = texture.canvas_size(size)
    image = _retina(rng, canvas, disc, side)
    image = _lesions(rng, canvas, image)
    image = _disc(rng, canvas, image, disc, side)
    image = _vessels(rng, canvas, image, disc, side)
    image = _camera(rng, canvas, image)
    return texture.finish(image, size), disc.mask(size)


def _retina(rng: np.random.Generator, canvas: int, disc: shapes.Contour, side: float) -> np.ndarray:
    """The background: a tone, uneven light, choroidal streaks, a dark macula and a sheen around the disc."""
    x, y = shapes.coordinates(canvas)
    mix = rng.dirichlet(np.full(len(_TONES), 0.6))
    tone = texture.planes(mix @ _TONES) * rng.uniform(0.62, 1.12)
    light = 1 + 0.12 * texture.sloped_noise(rng, canvas, 2.2, cells=16)
    light = light + rng.uniform(-0.5, 0.5) * (x - 0.5) + rng.uniform(-0.4, 0.4) * (y - 0.5)
    tint = 0.06 * texture.sloped_noise(rng, canvas, 2.0, cells=16)
    streaks = np.abs(texture.band_noise(rng, canvas, rng.uniform(9, 15), cells=64))
    streaks = float(rng.choice([0.03, 0.06, 0.16], p=[0.5, 0.3, 0.2])) * np.clip(1 - streaks, 0, 1)
    grain = 0.025 * texture.grain(rng, canvas)

    distance = shapes.distance_to(canvas, disc.x, disc.y)
    sheen = rng.uniform(0.0, 0.4) * np.exp(-((distance / 0.19) ** 2))
    reach = rng.uniform(0.38, 0.46)
    macula = shapes.distance_to(canvas, disc.x + side * reach, disc.y + rng.uniform(-0.03, 0.06))
    macula = rng.uniform(0.2, 0.5) * np.exp(-((macula / rng.uniform(0.09, 0.14)) ** 2))
    level = np.clip((light + sheen) * (1 - macula) + grain, 0.15, 1.7)
    return np.stack([level * (1 + streaks * 0.4), level * (1 + tint - streaks), level * (1 - streaks)]) * tone


def _lesions(rng: np.random.Generator, canvas: int, image: np.ndarray) -> np.ndarray:
    """Distractors under the vessels: clusters of bright exudates, pale round scars, dark red bleedings."""
    spots, marks = [], []
    for _ in range(int(rng.choice([0, 1, 2], p=[0.45, 0.35, 0.2]))):
        middle = rng.uniform(0.15, 0.85, 2)
        for point in middle + rng.normal(0, 0.045, (int(rng.integers(4, 14)), 2)):
            spots.append(point + rng.normal(0, 0.004, (2, 2)))
            marks.append(rng.uniform(0.006, 0.022))
    exudates = shapes.strokes(canvas, spots, marks)
    image = texture.blend(image, (0.98, 0.86, 0.5), exudates * rng.uniform(0.5, 0.9))
    if rng.random() < 0.4:
        spot = shapes.somewhere(rng, (0.15, 0.15), (0.85, 0.85))
        scar = shapes.draw_contour(rng, rng.uniform(0.004, 0.03), spot, 1.2, 0.5, 0.08)
        alpha = texture.smoothstep(scar.depth(canvas), -0.02, 0.035) * rng.uniform(0.25, 0.7)
        image = texture.blend(image, (0.95, 0.74, 0.42), alpha)
    dots = rng.uniform(0.1, 0.9, (int(rng.integers(0, 9)), 2))
    bleeding = shapes.strokes(canvas, [np.stack([d, d]) for d in dots], list(rng.uniform(0.005, 0.018, len(dots))))
    return texture.blend(image, (0.35, 0.06, 0.04), bleeding * 0.7)


def _disc(rng: np.random.Generator, canvas: int, image: np.ndarray, disc: shapes.Contour, side: float) -> np.ndarray:
    """The optic disc: an atrophic crescent around it, a pinkish rim, a paler cup."""
    if rng.random() < 0.5:
        crescent = disc.scaled(rng.uniform(1.1, 1.25), dx=side * rng.uniform(0.01, 0.025))
        alpha = texture.smoothstep(crescent.depth(canvas), -0.012, 0.012) * rng.uniform(0.1, 0.35)
        image = texture.blend(image, (0.88, 0.66, 0.42), alpha)
    softness = rng.uniform(0.005, 0.014)
    inside = texture.smoothstep(disc.depth(canvas), -softness, softness)
    strength = rng.uniform(0.5, 0.85)
    rim = np.array([0.95, rng.uniform(0.55, 0.68), rng.uniform(0.25, 0.4)], np.float32)
    rim = rim * (0.55 + 0.45 * float(image[0].mean()) / 0.6)
    mottle = 1 + 0.05 * texture.sloped_noise(rng, canvas, 1.5, cells=64)
    image = texture.blend(image, np.minimum(texture.planes(rim) * mottle, 1.0), inside * strength)
    cup = disc.scaled(rng.uniform(0.35, 0.72), dx=side * rng.uniform(-0.005, 0.018), dy=rng.uniform(-0.01, 0.01))
    pallor = texture.smoothstep(cup.depth(canvas), -0.02, 0.025) * rng.uniform(0.45, 0.85)
    return texture.blend(image, np.minimum(rim * 1.12 + (0, 0.14, 0.2), 1.0), pallor)


def _tree(
    rng: np.random.Generator, path: np.ndarray, width: float, order: int, paths: list[np.ndarray], widths: list[float]
) -> None:
    """Appends a tapering vessel and its branches, `order` generations of them."""
    for k in range(4):
        paths.append(path[8 * k : 8 * k + 9])
        widths.append(width * (1 - 0.19 * k))
    if order == 0:
        return
    for _ in range(int(rng.integers(2, 4))):
        at = int(rng.integers(7, 28))
        ahead = path[at] - path[at - 1]
        turn = rng.choice([-1.0, 1.0]) * rng.uniform(0.35, 0.8)
        heading = math.atan2(ahead[1], ahead[0]) + turn
        branch = shapes.wander(rng, tuple(path[at]), heading, rng.uniform(0.12, 0.34), -0.7 * turn, 0.03)
        _tree(rng, branch, width * rng.uniform(0.45, 0.65), order - 1, paths, widths)


def _vessels(rng: np.random.Generator, canvas: int, image: np.ndarray, disc: shapes.Contour, side: float) -> np.ndarray:
    """Arteries and veins: each leaves the disc upwards or downwards and arches around the macula or to the nose."""
    radius = float(disc.radii.mean())
    root = np.array([disc.x - side * 0.2 * radius, disc.y])
    for thickness, colour, strength in ((0.0105, (0.38, 0.08, 0.05), 0.72), (0.0075, (0.56, 0.17, 0.08), 0.66)):
        paths: list[np.ndarray] = []
        widths: list[float] = []
        for up in (-1.0, 1.0):
            for towards, lean, turn in ((side, rng.uniform(0.0, 0.5), 0.9), (-side, rng.uniform(0.3, 0.9), 0.25)):
                heading = math.atan2(up * math.cos(lean), towards * math.sin(lean))
                bend = -up * towards * turn * rng.uniform(0.5, 1.5)
                start = root + rng.normal(0, 0.16 * radius, 2)
                trunk = shapes.wander(rng, tuple(start), heading, rng.uniform(0.5, 0.75), bend, 0.035)
                _tree(rng, trunk, thickness * rng.uniform(0.75, 1.15), 2, paths, widths)
        for _ in range(2):  # fine vessels straight to the macula
            fine = shapes.wander(rng, tuple(root), rng.normal(0, 0.6) + (0 if side > 0 else math.pi), 0.28, 0.2, 0.05)
            _tree(rng, fine, thickness * 0.35, 1, paths, widths)
        image = texture.blend(image, colour, shapes.strokes(canvas, paths, widths) * strength)
    return image


def _camera(rng: np.random.Generator, canvas: int, image: np.ndarray) -> np.ndarray:
    """The round field with its black surround, the fall of the light towards its edge, glare, the corner notch."""
    x, y = shapes.coordinates(canvas)
    cx, cy = (0.5 + rng.uniform(-0.015, 0.015, 2)).tolist()
    distance = shapes.distance_to(canvas, cx, cy) / rng.uniform(0.48, 0.58)
    image = image * (1 - rng.uniform(0.15, 0.55) * np.clip(distance, 0, 1.2) ** rng.uniform(2, 4))
    if rng.random() < 0.35:  # a bright crescent of stray light at the edge
        away = rng.uniform(0, 2 * math.pi)
        lobe = (x - cx) * math.cos(away) + (y - cy) * math.sin(away)
        glare = texture.smoothstep(distance, 0.72, 1.02) * texture.smoothstep(lobe, 0.3, 0.54) * rng.uniform(0.3, 0.8)
        image = texture.blend(image, (0.95, 0.85, 0.6), glare)
    edge = texture.smoothstep(distance, 1.008, 0.992)
    if rng.random() < 0.5:
        notch = 0.03 - np.maximum(np.abs(x - cx - 0.355), np.abs(y - cy + 0.375))
        edge = np.maximum(edge, texture.smoothstep(notch, -0.004, 0.004))
    return image * edge + 0.012 * (1 - edge)
