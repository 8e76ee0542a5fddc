"""Areas, closed contours and strokes in relative coordinates: x to the right and y down, both 0 to 1 over the image.

A lesion is one `Contour`. The painter reads its `depth` to paint, the mask is where the same `depth` is positive, so
mask and picture cannot disagree.
"""

import functools
import math
from dataclasses import dataclass
from statistics import NormalDist

import cv2
import numpy as np

from .texture import resize

_ANGLES = 1024  # entries in a contour's table of radii


@functools.lru_cache(maxsize=8)
def coordinates(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Relative coordinates of the pixel centres: x and y, each (size, size) float32, read-only, (i + 0.5) / size."""
    line = (np.arange(size, dtype=np.float32) + 0.5) / size
    x, y = np.meshgrid(line, line)
    x.setflags(write=False)
    y.setflags(write=False)
    return x, y


def distance_to(size: int, x: float, y: float) -> np.ndarray:
    """Distance of each pixel centre to the point (x, y), (size, size) float32, relative."""
    columns, rows = coordinates(size)
    return cv2.magnitude(columns - np.float32(x), rows - np.float32(y))


@dataclass(frozen=True)
class AreaShare:
    """A two-piece log-normal law of the share of the image that a lesion covers, fixed by its quantiles.

    log(share) = log(q50) + sigma * z, with z standard normal and sigma = log(q90 / q50) / 1.2816 above the median and
    log(q50 / q10) / 1.2816 below it; then clipped to low .. high.
    """

    q10: float
    q50: float
    q90: float
    low: float
    high: float

    def at(self, quantile: float) -> float:
        """The share below which lie `quantile` (0 to 1, both excluded) of all shares; `low` to `high`."""
        z = NormalDist().inv_cdf(quantile) / 1.2816
        ratio = self.q90 / self.q50 if z > 0 else self.q50 / self.q10
        return float(np.clip(self.q50 * ratio**z, self.low, self.high))


@dataclass(frozen=True)
class Contour:
    """A closed curve around (x, y): float32 radii (1024) at the angles 2 pi k / 1024, from the x axis towards y."""

    x: float
    y: float
    radii: np.ndarray

    def polar(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Distance to the centre and radius of the contour in that direction, both (size, size) float32."""
        x, y = coordinates(size)
        distance, angle = cv2.cartToPolar(x - np.float32(self.x), y - np.float32(self.y))
        closed = np.append(self.radii, self.radii[0])
        fine = np.interp(np.arange(8 * _ANGLES + 1) / 8, np.arange(_ANGLES + 1), closed)
        angle *= np.float32(8 * _ANGLES / (2 * math.pi))
        return distance, fine.astype(np.float32).take(np.rint(angle).astype(np.int32), mode="clip")

    def point(self, angle: float) -> tuple[float, float]:
        """The point (x, y) of the contour in a direction, in radians from the x axis towards y."""
        radius = float(self.radii[round(angle / (2 * math.pi) * _ANGLES) % _ANGLES])
        return self.x + radius * math.cos(angle), self.y + radius * math.sin(angle)

    def depth(self, size: int) -> np.ndarray:
        """How far inside the contour a pixel lies along its ray, (size, size) float32, relative; negative outside."""
        distance, radius = self.polar(size)
        return radius - distance

    def mask(self, size: int) -> np.ndarray:
        """The interior, (size, size) bool: depth > 0."""
        return self.depth(size) > 0

    def scaled(self, factor: float, dx: float = 0.0, dy: float = 0.0) -> "Contour":
        """The same curve, `factor` times as large and shifted by (dx, dy)."""
        return Contour(self.x + dx, self.y + dy, self.radii * np.float32(factor))


def draw_contour(
    rng: np.random.Generator,
    area: float,
    centre: tuple[float, float],
    aspect: float = 1.0,
    angle: float = 0.0,
    roughness: float = 0.0,
    harmonics: int = 8,
    decay: float = 1.0,
) -> Contour:
    """Draws a random smooth closed contour with a given area.

    R(t) = s E(t) exp(sum over k = 2 .. harmonics of a_k cos(k t + p_k)), where E is the ellipse, a_k is normal with
    deviation roughness * (2 / k) ** decay, p_k is uniform, and s makes the area, the integral of R^2 / 2, exact.

    Args:
        area: share of the image inside the contour, before the image's border cuts it.
        centre: (x, y).
        aspect: long over short axis of the ellipse, 1 or more.
        angle: direction of the long axis in radians, from the x axis towards y.
        roughness: size of the harmonics: 0 is an ellipse, 0.1 a pebble, 0.2 a blot.
        harmonics: the highest harmonic; more of them give a finer border.
        decay: how fast the harmonics fall; 0.5 gives spikes, 1.5 gives lobes.
    """
    t = np.arange(_ANGLES) * (2 * math.pi / _ANGLES)
    ellipse = 1.0 / np.sqrt(np.cos(t - angle) ** 2 / aspect + np.sin(t - angle) ** 2 * aspect)
    k = np.arange(2, harmonics + 1)[:, None]
    amplitude = roughness * (2.0 / k) ** decay * rng.standard_normal(k.shape)
    phase = rng.uniform(0, 2 * math.pi, k.shape)
    radii = ellipse * np.exp((amplitude * np.cos(k * t + phase)).sum(0))
    radii *= math.sqrt(area / (math.pi * np.mean(radii**2)))
    return Contour(float(centre[0]), float(centre[1]), radii.astype(np.float32))


def place(rng: np.random.Generator, area: float, spread: float, cut: float = 0.3) -> tuple[float, float]:
    """Draws a centre for a lesion of this area: anywhere within `spread` of the middle that keeps it mostly inside.

    `cut` is the share of the lesion's radius that may lie beyond the border.
    """
    radius = math.sqrt(area / math.pi)
    reach = min(spread, max(0.06, 0.5 - radius * (1 - cut)))
    x, y = 0.5 + rng.uniform(-reach, reach, 2)
    return float(x), float(y)


def somewhere(rng: np.random.Generator, low: tuple[float, float], high: tuple[float, float]) -> tuple[float, float]:
    """A point (x, y), uniform in the box between two corners."""
    return float(rng.uniform(low[0], high[0])), float(rng.uniform(low[1], high[1]))


def strokes(size: int, paths: list[np.ndarray], widths: list[float]) -> np.ndarray:
    """Coverage of polylines (n, 2) with round joints, (size, size) float32, 0 to 1: painted at twice the size.

    Widths are relative; thinner than half a pixel is painted half a pixel wide.
    """
    double, shift = 2 * size, 4
    canvas = np.zeros((double, double), np.uint8)
    if not paths:
        return canvas[:size, :size].astype(np.float32)
    points = np.rint((np.concatenate(paths) * double - 0.5) * (1 << shift)).astype(np.int32)
    pieces = np.split(points, np.cumsum([len(path) for path in paths])[:-1])
    by_thickness: dict[int, list[np.ndarray]] = {}
    for piece, width in zip(pieces, widths, strict=True):
        by_thickness.setdefault(max(1, round(width * double)), []).append(piece)
    for thickness, alike in by_thickness.items():
        cv2.polylines(canvas, alike, False, 255, thickness, cv2.LINE_AA, shift)
    return resize(canvas, size).astype(np.float32) / 255.0


def wander(
    rng: np.random.Generator, start: tuple[float, float], heading: float, length: float, bend: float, jitter: float
) -> np.ndarray:
    """A smooth path (33, 2) of x, y that starts at a point in the direction `heading` and turns by `bend` as it goes.

    Angles are in radians, from the x axis towards y; `jitter` is the deviation of the random turn per step.
    """
    steps = 32
    turn = bend / steps + jitter * np.convolve(rng.standard_normal(steps + 4), np.ones(5) / 5**0.5, "valid")
    direction = heading + np.cumsum(turn)
    points = np.full(steps + 1, complex(*start))  # x + i y
    points[1:] += np.cumsum(np.exp(1j * direction)) * (length / steps)
    return points.view(float).reshape(-1, 2)
