"""Exercise checks of lesson 02: each accepts the solution and names the mistake of wrong answers."""

import pytest
import torch
import torch.nn.functional as F
from verdicts import verdict, verdict_tests

from mmsnet_lite.course.check import contourlet as check
from mmsnet_lite.course.explore.contourlet import picture
from mmsnet_lite.frequency import ContourletTransform, wedge_angles


def resize(band, size):
    return F.interpolate(band, size=size, mode="bilinear")


def merged(one, last=lambda total: total):
    return lambda bands, size: last(sum(one(band, size) for band in bands))


def filtered(coefficients, keep):
    bands = tuple(tuple(keep(band) for band in level) for level in coefficients.bands)
    return coefficients._replace(bands=bands)


def moduli(coefficients):
    return torch.cat([band.abs().flatten() for level in coefficients.bands for band in level])


def keep(coefficients, k):
    order = moduli(coefficients).argsort(descending=True)
    mask = torch.zeros(len(order), dtype=torch.bool)
    mask[order[:k]] = True
    parts = iter(mask.split([band.numel() for level in coefficients.bands for band in level]))
    return filtered(coefficients, lambda band: band * next(parts).view(band.shape))


def at_least(function, strict=False):
    """Keep what is above the k-th largest value of a function of the coefficients."""

    def kept(coefficients, k):
        values = function(torch.cat([band.flatten() for level in coefficients.bands for band in level]))
        threshold = values.topk(k).values[-1]
        above = torch.gt if strict else torch.ge
        return filtered(coefficients, lambda band: band * above(function(band), threshold))

    return kept


def per_band(coefficients, k):
    return filtered(coefficients, lambda b: b * (b.abs() >= b.abs().flatten().topk(min(k, b.numel())).values[-1]))


def in_place(coefficients, k):
    threshold = moduli(coefficients).topk(k).values[-1]
    for level in coefficients.bands:
        for band in level:
            band[band.abs() < threshold] = 0
    return coefficients


def strongest(function):
    bands = ContourletTransform((3,))(picture("hatching", 128)).bands[0]
    return max(range(8), key=lambda k: function(bands[k]))


BEST = strongest(lambda band: float(band.square().sum()))
PEAK = strongest(lambda band: float(band.abs().max()))
FREQUENCY = wedge_angles(3)[BEST]

SOLVED = {
    "redundancy": [1.3125, 21 / 16, torch.tensor(1.3125)],
    "strongest_band": [(BEST, FREQUENCY - 90), (BEST, FREQUENCY + 90), [torch.tensor(BEST), 52]],
    "levels_that_fit": [
        [(2, 3, 4), (4, 5, 6), (2, 2, 2, 2, 2)],
        {(2, 2, 2, 2, 2), (4, 5, 6), (2, 3, 4)},
        [[2, 3, 4], [4, 5, 6], [2, 2, 2, 2, 2]],
    ],
    "prompt": [
        merged(lambda band, size: resize(band.abs(), size)),
        merged(lambda band, size: resize(band.abs(), size)[0, 0] / 16),
        merged(lambda band, size: F.interpolate(band.abs(), size=size)),
        merged(lambda band, size: F.interpolate(band.abs(), size=size, mode="bicubic")),
        lambda bands, size: torch.stack([F.interpolate(b.abs(), size=size) for b in bands]).amax(0),
        lambda bands, size: torch.stack([F.adaptive_avg_pool2d(b.abs(), size) for b in bands]).amax(0),
        merged(lambda band, size: F.interpolate(band.square(), size=size, mode="nearest-exact"), torch.sqrt),
    ],
    "keep_largest": [keep, at_least(torch.abs), lambda c, k: tuple(at_least(torch.abs)(c, k))],
}


def low_in_the_ranking(c, k):
    """The k largest of low band and bands together, of which the low band then stays whole."""
    moduli = torch.cat([c.low.abs().flatten(), *(band.abs().flatten() for level in c.bands for band in level)])
    threshold = moduli.topk(k).values[-1]
    return c._replace(bands=tuple(tuple(band * (band.abs() >= threshold) for band in level) for level in c.bands))


WRONG = {
    "redundancy": [
        (1.25, "low band is missing"),
        (86016, "divide it"),
        (1.0, "full size"),
        (4 / 3, "limit"),
        (1.328, "count for three"),
        (18, "adds no samples"),
        (1.5, "not the count"),
    ],
    "strongest_band": [
        ((PEAK, FREQUENCY + 90), "largest coefficient"),
        ((BEST + 1, FREQUENCY + 90), "count from 0"),
        ((1, FREQUENCY + 90), "not the strongest"),
        ((BEST, FREQUENCY), "frequency vector"),
        ((BEST, 90 - FREQUENCY), "mirrored"),
        ((BEST, 0), "right angle"),
        (BEST, "should be a pair"),
    ],
    "levels_that_fit": [
        ([(2, 3, 4), (5, 6, 7)], "though its pyramid does"),
        ([(2, 3, 4), (2, 2, 2, 2, 2, 2)], "halves both sides 6 times"),
        ([(2, 3, 4)], "2 missing"),
        ([(3, 4, 5)], "not offered"),
        (7, "should be a list"),
    ],
    "prompt": [
        (merged(resize), "keep their sign"),
        (merged(lambda band, size: resize(band, size).abs()), "too late"),
        (merged(resize, torch.abs), "comes last"),
        (lambda bands, size: resize(bands[0].abs(), size), "one band"),
        (lambda bands, size: torch.rand(size), "does not follow"),
        (lambda bands, size: torch.full(size, float("nan")), "holds NaN"),
        (lambda bands, size: bands[0].abs(), "asked for a map"),
        (lambda bands, size: SOLVED["prompt"][0](bands, size[::-1]), "asked for a map"),
        (lambda bands, size: SOLVED["prompt"][0](bands, (128, 128)), "asked for a map"),
        (merged(lambda band, size: resize(band.abs() / band.abs().max(), size)), "by its own largest"),
        (lambda bands, size: sum(k * resize(b.abs(), size) for k, b in enumerate(bands, 1)), "does not follow"),
        (lambda bands, size: torch.cat([resize(b.abs(), size) for b in bands]), "one map"),
        (lambda bands, size: torch.zeros(size), "constant"),
        (lambda bands, size: None, "return something"),
        (lambda bands: None, "should be a function"),
    ],
    "keep_largest": [
        (lambda c, k: c, "nothing was set"),
        (lambda c, k: None, "return something"),
        (at_least(lambda values: values), "only positive"),
        (at_least(torch.abs, strict=True), "threshold itself"),
        (per_band, "not each band"),
        (in_place, "writes into"),
        (lambda c, k: keep(c, k)._replace(low=0 * c.low), "low band changed"),
        (lambda c, k: filtered(keep(c, k), torch.abs), "keep its value"),
        (lambda c, k: c._replace(bands=c.bands[:1]), "leave them in place"),
        (at_least(lambda values: -values.abs()), "not the largest"),
        (low_in_the_ranking, "low band took part"),
    ],
}


test_right_answers_are_accepted, test_wrong_answers_are_named, test_empty_stubs_are_excused = verdict_tests(
    check, SOLVED, WRONG
)


def test_the_hatched_picture_sets_the_trap():
    assert BEST != PEAK
    assert BEST + 1 != PEAK


@pytest.mark.parametrize("name", ["redundancy", "strongest_band", "levels_that_fit"])
def test_no_verdict_on_a_wrong_answer_holds_the_answer(name, capsys):
    telling = {
        "redundancy": ("1.31",),
        "strongest_band": (f"band {BEST}", f"{(FREQUENCY + 90) % 180:.0f}"),
        "levels_that_fit": ("(4, 5, 6)",),
    }
    for answer, _ in WRONG[name]:
        assert not any(word in verdict(getattr(check, name), answer, capsys) for word in telling[name])
