"""Fundus: a retina in a camera's round field, vessels that enter at the optic disc, a paler cup. The mask is the disc.

The picture is made as the light makes it: pigment and choroid colour the background, blood absorbs along the vessels,
the disc scatters, uneven illumination falls off towards the edge of the field, the eye's optics blur it all.
"""

import math

import cv2
import numpy as np

from . import shapes, texture

AREA = shapes.AreaShare(q10=0.024, q50=0.029, q90=0.039, low=0.015, high=0.07)
"""Share of the image that the optic disc covers."""

CENTRE = ((0.488, 0.048), (0.532, 0.047))
"""Mean and deviation of the disc's centre in x and in y: 101 images of Drishti-GS1, squashed to a square."""

ASPECT = (1.26, 0.07)
"""Mean and deviation of the disc's height over its width in the same squashed images (frames are 1.17 wide)."""


def draw(rng: np.random.Generator, size: int, area: float) -> tuple[np.ndarray, np.ndarray]:
    """Draws one retina: image (size, size, 3) uint8 RGB, mask (size, size) bool, True on the optic disc."""
    side = float(rng.choice([-1.0, 1.0]))  # where the macula lies: +1 right of the disc
    (x, spread_x), (y, spread_y) = CENTRE
    centre = (x + side * 0.008 + spread_x * _normal(rng), y + spread_y * _normal(rng))
    aspect = max(1.05, ASPECT[0] + ASPECT[1] * _normal(rng))
    disc = shapes.draw_contour(rng, area, centre, aspect, math.pi / 2 + rng.normal(0, 0.08), roughness=0.015)
    canvas = texture.canvas_size(size)
    image = _retina(rng, canvas, disc, side)
    image = _disc(rng, canvas, image, disc, side)
    image = _vessels(rng, canvas, image, disc, side)
    image = _illumination(rng, canvas, image)
    return texture.finish(_camera(rng, canvas, image), size), disc.mask(size)


def _normal(rng: np.random.Generator) -> float:
    """A standard normal number, kept within two deviations."""
    return float(np.clip(rng.standard_normal(), -2, 2))


def _retina(rng: np.random.Generator, canvas: int, disc: shapes.Contour, side: float) -> np.ndarray:
    """What lies behind the vessels: pigment, the choroid's own vessels, the macula's pigment, a halo at the disc."""
    red = rng.uniform(0.27, 0.7)
    green = float(np.clip(rng.normal(0.46, 0.07), 0.3, 0.6))
    blue = green * float(np.clip(rng.normal(0.3, 0.1), 0.1, 0.5))
    light = 1 + 0.10 * texture.sloped_noise(rng, canvas, 2.4, cells=16)
    tint = 0.06 * texture.sloped_noise(rng, canvas, 2.2, cells=16)
    # The choroid shows between the pigment as a web of paler ribbons: the zero lines of a band of noise.
    web = texture.band_noise(rng, 2 * canvas, rng.uniform(14, 22), 0.4, cells=128)[:canvas]
    web = cv2.resize(web, (canvas, canvas), interpolation=cv2.INTER_AREA)  # longer than wide, up and down
    patches = texture.smoothstep(texture.sloped_noise(rng, canvas, 1.2, cells=32), -0.8, 1.0)
    ribbons = patches * float(rng.choice([0.01, 0.07, 0.2], p=[0.45, 0.3, 0.25])) * np.exp(-((web / 0.4) ** 2))
    pigment = 0.02 * texture.sloped_noise(rng, canvas, 1.0, cells=128)

    near = shapes.distance_to(canvas, disc.x, disc.y)
    halo = rng.uniform(0.05, 0.4) * np.exp(-((near / 0.19) ** 2))
    reach = rng.uniform(0.34, 0.42)
    macula = shapes.distance_to(canvas, disc.x + side * reach, disc.y + rng.uniform(-0.02, 0.06))
    macula = rng.uniform(0.1, 0.4) * np.exp(-((macula / rng.uniform(0.07, 0.13)) ** 2))
    level = np.clip((light + halo + pigment) * (1 - macula), 0.15, 1.7)
    colour = texture.planes((red, red * green, red * blue))
    return np.stack([level * (1 + ribbons), level * (1 + tint + 0.8 * ribbons), level * (1 + tint)]) * colour


def _disc(rng: np.random.Generator, canvas: int, image: np.ndarray, disc: shapes.Contour, side: float) -> np.ndarray:
    """The nerve's head scatters more light than the retina: an atrophic crescent, a pinkish rim, a paler cup."""
    ground = image.mean((1, 2)).reshape(3, 1, 1)
    if rng.random() < 0.5:
        crescent = disc.scaled(rng.uniform(1.08, 1.2), dx=side * rng.uniform(0.008, 0.02))
        alpha = texture.smoothstep(crescent.depth(canvas), -0.014, 0.014) * rng.uniform(0.1, 0.4)
        image = image * (1 + alpha * texture.planes((0.3, 0.45, 0.4)))
    softness = rng.uniform(0.006, 0.014)
    inside = texture.smoothstep(disc.depth(canvas), -softness, softness)
    gain = rng.uniform(1.35, 2.4)
    rim = np.minimum(ground * texture.planes((gain, gain * rng.uniform(0.95, 1.2), gain * rng.uniform(1.0, 2.0))), 0.9)
    rim[2] = np.minimum(rim[2], 0.75 * rim[1])
    mottle = 1 + 0.05 * texture.sloped_noise(rng, canvas, 1.8, cells=32)
    image = texture.blend(image, rim * mottle, inside * rng.uniform(0.75, 0.95))
    cup = disc.scaled(rng.uniform(0.4, 0.75), dx=side * rng.uniform(-0.004, 0.014), dy=rng.uniform(-0.01, 0.01))
    pallor = texture.smoothstep(cup.depth(canvas), -0.02, 0.022) * rng.uniform(0.4, 0.9)
    pale = np.minimum(rim * texture.planes((1.2, 1.35, 1.8)) + texture.planes((0.03, 0.04, 0.05)), 0.97)
    return texture.blend(image, pale, pallor)


def _tree(
    rng: np.random.Generator, path: np.ndarray, width: float, order: int, paths: list[np.ndarray], widths: list[float]
) -> None:
    """Appends a tapering vessel and its branches, `order` generations of them."""
    for k in range(4):
        paths.append(path[8 * k : 8 * k + 9])
        widths.append(width * (1 - 0.17 * k))
    if order == 0:
        return
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(8, 28))
        ahead = path[at] - path[at - 1]
        turn = rng.choice([-1.0, 1.0]) * rng.uniform(0.35, 0.8)
        heading = math.atan2(ahead[1], ahead[0]) + turn
        branch = shapes.wander(rng, tuple(path[at]), heading, rng.uniform(0.14, 0.34), -0.7 * turn, 0.03)
        # Murray's law: the cubes of the branches' widths sum to the cube of the parent's.
        _tree(rng, branch, width * (1 - 0.17 * at / 8) * rng.uniform(0.5, 0.75), order - 1, paths, widths)


def _vessels(rng: np.random.Generator, canvas: int, image: np.ndarray, disc: shapes.Contour, side: float) -> np.ndarray:
    """Veins, then arteries, absorb light, green most: arcades around the macula, shorter trunks to the nose."""
    radius = float(disc.radii.mean())
    root = np.array([disc.x - side * 0.2 * radius, disc.y])
    jitter = float(rng.choice([0.03, 0.06], p=[0.8, 0.2]))  # some eyes have winding vessels
    depth = rng.uniform(0.35, 0.75)
    for thickness, absorbed in ((0.012, (0.34, 0.52, 0.4)), (0.0085, (0.2, 0.4, 0.32))):
        paths: list[np.ndarray] = []
        widths: list[float] = []
        for up in (-1.0, 1.0):
            for towards, lean, turn in ((side, rng.uniform(0.0, 0.5), 0.9), (-side, rng.uniform(0.2, 0.8), 0.25)):
                heading = math.atan2(up * math.cos(lean), towards * math.sin(lean))
                bend = -up * towards * turn * rng.uniform(0.4, 1.3)
                start = root + rng.normal(0, 0.2 * radius, 2)
                trunk = shapes.wander(rng, tuple(start), heading, rng.uniform(0.5, 0.75), bend, jitter)
                share = 1.0 if towards == side else 0.7
                _tree(rng, trunk, share * thickness * rng.uniform(0.8, 1.15), 2, paths, widths)
        fine = shapes.wander(rng, tuple(root), rng.normal(0, 0.6) + (0 if side > 0 else math.pi), 0.28, 0.2, 0.05)
        _tree(rng, fine, thickness * 0.35, 1, paths, widths)
        blood = cv2.GaussianBlur(shapes.strokes(canvas, paths, widths), (0, 0), 0.0015 * canvas)
        image = image * (1 - blood * depth * texture.planes(absorbed))
    return image


def _illumination(rng: np.random.Generator, canvas: int, image: np.ndarray) -> np.ndarray:
    """The flash through the pupil: brightest near the middle, dark lobes where the iris is in its way."""
    x, y = shapes.coordinates(canvas)
    light = 1 - rng.uniform(0.1, 0.5) * np.clip(2 * shapes.distance_to(canvas, 0.5, 0.5), 0, 1.3) ** 2
    for _ in range(int(rng.choice([0, 1, 2], p=[0.3, 0.45, 0.25]))):
        away = float(rng.choice([0.0, math.pi])) + rng.normal(0, 0.6)
        along = (x - 0.5) * math.cos(away) + (y - 0.5) * math.sin(away)
        start = rng.uniform(0.0, 0.25)
        light = light * (1 - rng.uniform(0.3, 0.8) * texture.smoothstep(along, start, start + rng.uniform(0.25, 0.4)))
    return image * light


def _camera(rng: np.random.Generator, canvas: int, image: np.ndarray) -> np.ndarray:
    """Stray light at the rim, the optics' blur, the field stop with its notch, the sensor's noise."""
    x, y = shapes.coordinates(canvas)
    cx, cy = (0.5 + rng.uniform(-0.008, 0.008, 2)).tolist()
    # A round field in a frame 1.17 times as wide as high: cut above and below, and taller than wide once squashed.
    tall = rng.uniform(0.5, 0.58) if rng.random() < 0.2 else rng.uniform(0.575, 0.595)
    distance = cv2.magnitude((x - np.float32(cx)) / np.float32(0.5), (y - np.float32(cy)) / np.float32(tall))
    if rng.random() < 0.4:
        away = float(rng.choice([0.0, math.pi])) + rng.normal(0, 0.6)
        lobe = (x - cx) * math.cos(away) + (y - cy) * math.sin(away)
        glare = texture.smoothstep(distance, 0.78, 1.02) * texture.smoothstep(lobe, 0.28, 0.5) * rng.uniform(0.2, 0.7)
        image = texture.blend(image, (0.6, rng.uniform(0.25, 0.5), 0.14), glare)
    blur = rng.uniform(0.0017, 0.0032) * canvas
    image = np.stack([cv2.GaussianBlur(np.ascontiguousarray(plane), (0, 0), blur) for plane in image])
    image += 0.004 * texture.grain(rng, canvas)
    edge = texture.smoothstep(distance, 1.008, 0.992)
    if tall > 0.57:  # the notch that tells the picture's orientation
        notch = 0.034 - 0.7 * (np.abs(x - cx - 0.362) + np.abs(y - cy + 0.39))
        edge = np.maximum(edge, texture.smoothstep(notch, -0.004, 0.004))
    return image * edge + 0.012 * (1 - edge)
