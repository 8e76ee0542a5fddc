"""The published numbers of this room, by name: pyramid and ladder taps, and FcaNet's DCT index orders."""

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
# in a 7 x 7 frequency plane: 32 times u, then 32 times v, a digit each.
_INDEX_ORDER = {
    "top": ("00600114513000324635526553342261", "01052020060463526333511242113053"),
    "low": ("00110221203401301234501234561234", "01012012230043154321065432106543"),
    "bot": ("61332412445146256162243355625536", "64466314456522514350311242115333"),
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

    `name` is ``"pkva"`` (= ``"pkva12"``, 12 taps), ``"pkva8"`` or ``"pkva6"``. Raises ValueError for other names.
    """
    half = _named(_LADDER, "ladder", name)
    return tuple(tap if n % 2 else -tap for n, tap in enumerate(half[::-1] + half))


def index_order(name: str) -> tuple[tuple[int, int], ...]:
    """FcaNet's 32 frequency pairs (u, v) in a 7 x 7 plane, in the order ``"top"``, ``"low"`` or ``"bot"``.

    Convention: u is the frequency along the rows (vertical axis), v along the columns.

    Raises:
        ValueError: for another name.
    """
    return tuple((int(u), int(v)) for u, v in zip(*_named(_INDEX_ORDER, "order", name), strict=True))
