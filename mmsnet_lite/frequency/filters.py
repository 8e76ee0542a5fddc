"""The published numbers of this room: pyramid and ladder taps, and FcaNet's DCT index orders.

Data only. Every table names its source; the rest of the room takes its numbers from here by name.
"""

from typing import NamedTuple, TypeVar

T = TypeVar("T")
Taps = tuple[float, ...]


class FilterPair(NamedTuple):
    """Two low-pass filters, each summing to sqrt(2): ``analysis`` h for reducing, ``synthesis`` g for expanding."""

    analysis: Taps
    synthesis: Taps


def _mirror(half: Taps) -> Taps:
    """The odd, whole-sample symmetric filter whose first half, centre included, is ``half``."""
    return half + half[-2::-1]


_SQRT2 = 2**0.5

# Cohen, Daubechies and Feauveau, "Biorthogonal bases of compactly supported wavelets" (1992), the 9-7 and 5-3 pairs;
# 9-7 in the digits of Do and Vetterli's contourlet toolbox. Nine and five analysis taps, seven and three synthesis.
_PYRAMID = {
    "9-7": FilterPair(
        analysis=_mirror(
            (0.037828455506995, -0.023849465019380, -0.110624404418420, 0.377402855612650, 0.852698679009400)
        ),
        synthesis=_mirror((-0.064538882628938, -0.040689417609558, 0.418092273222210, 0.788485616405660)),
    ),
    "5-3": FilterPair(
        analysis=tuple(tap / (4 * _SQRT2) for tap in (-1.0, 2.0, 6.0, 2.0, -1.0)),
        synthesis=tuple(tap / (2 * _SQRT2) for tap in (1.0, 2.0, 1.0)),
    ),
}

# Phoong, Kim, Vaidyanathan and Ansari, "A new class of two-channel biorthogonal filter banks and wavelet bases" (1995):
# the right half v of the ladder's even, symmetric filter [reverse(v), v]. "pkva" is the twelve-tap one.
_LADDER = {
    "pkva": (0.6300, -0.1930, 0.0972, -0.0526, 0.0272, -0.0144),
    "pkva8": (0.6302, -0.1924, 0.0930, -0.0403),
    "pkva6": (0.6261, -0.1794, 0.0688),
}
_LADDER["pkva12"] = _LADDER["pkva"]

# Qin, Zhang, Wu and Li, "FcaNet: Frequency Channel Attention Networks" (ICCV 2021), the public code's selections: "top"
# (best single-frequency ImageNet accuracy first), "low" (lowest frequency first) and "bot" (worst accuracy first),
# (u, v) in a 7 x 7 frequency plane.
_INDEX_ORDER = {
    "top": tuple(
        zip(
            (0, 0, 6, 0, 0, 1, 1, 4, 5, 1, 3, 0, 0, 0, 3, 2, 4, 6, 3, 5, 5, 2, 6, 5, 5, 3, 3, 4, 2, 2, 6, 1),
            (0, 1, 0, 5, 2, 0, 2, 0, 0, 6, 0, 4, 6, 3, 5, 2, 6, 3, 3, 3, 5, 1, 1, 2, 4, 2, 1, 1, 3, 0, 5, 3),
            strict=True,
        )
    ),
    "low": tuple(
        zip(
            (0, 0, 1, 1, 0, 2, 2, 1, 2, 0, 3, 4, 0, 1, 3, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4),
            (0, 1, 0, 1, 2, 0, 1, 2, 2, 3, 0, 0, 4, 3, 1, 5, 4, 3, 2, 1, 0, 6, 5, 4, 3, 2, 1, 0, 6, 5, 4, 3),
            strict=True,
        )
    ),
    "bot": tuple(
        zip(
            (6, 1, 3, 3, 2, 4, 1, 2, 4, 4, 5, 1, 4, 6, 2, 5, 6, 1, 6, 2, 2, 4, 3, 3, 5, 5, 6, 2, 5, 5, 3, 6),
            (6, 4, 4, 6, 6, 3, 1, 4, 4, 5, 6, 5, 2, 2, 5, 1, 4, 3, 5, 0, 3, 1, 1, 2, 4, 2, 1, 1, 5, 3, 3, 3),
            strict=True,
        )
    ),
}


def _named(table: dict[str, T], kind: str, name: str) -> T:
    if name not in table:
        raise ValueError(f"unknown {kind} {name!r}; accepted: {', '.join(map(repr, sorted(table)))}")
    return table[name]


def pyramid_filters(name: str) -> FilterPair:
    """The Laplacian pyramid's pair ``"9-7"`` or ``"5-3"`` as full symmetric taps. Raises ValueError for other names."""
    return _named(_PYRAMID, "pyramid", name)


def ladder_filter(name: str) -> Taps:
    """The ladder's fan filter ``(-1)^(n+1) beta[n]``, ``beta = [reverse(v), v]``: even length, antisymmetric.

    Args:
        name: ``"pkva"`` (= ``"pkva12"``, 12 taps), ``"pkva8"`` or ``"pkva6"``.

    Raises:
        ValueError: for another name; the message lists the accepted ones.
    """
    half = _named(_LADDER, "ladder", name)
    return tuple(tap if n % 2 else -tap for n, tap in enumerate(half[::-1] + half))


def index_order(name: str) -> tuple[tuple[int, int], ...]:
    """FcaNet's 32 frequency pairs (u, v) in a 7 x 7 plane, in the order in which K of them are taken.

    Convention: u is the frequency along the rows (vertical axis), v along the columns.

    Args:
        name: ``"top"``, the best alone first; ``"low"``, the lowest first; ``"bot"``, the worst alone first.

    Raises:
        ValueError: for another name; the message lists the accepted ones.
    """
    return _named(_INDEX_ORDER, "order", name)
