"""Exercise checks of lesson 04: right answers in several forms, wrong ones by their names."""

import copy

import torch
import torch.nn.functional as F
from torch import nn
from verdicts import verdict, verdict_tests

from mmsnet_lite.course.check import mfa as check


def zeroed(*names, bias=True):
    """A start that sets whole layers of an adaptor to zero."""

    def start(adaptor):
        for name in names:
            for module in getattr(adaptor, name).modules():
                if isinstance(module, nn.Linear):
                    nn.init.zeros_(module.weight)
                    if bias:
                        nn.init.zeros_(module.bias)

    return start


def zero_tuning(adaptor):
    """Zero behind the GELU as well: its slope there is a half."""
    zeroed("tune")(adaptor)
    nn.init.zeros_(adaptor.up.bias)
    return adaptor


def small(adaptor):
    for p in adaptor.parameters():
        p.data.mul_(1e-3)


def frozen(adaptor):
    zeroed("up")(adaptor)
    adaptor.up.requires_grad_(False)


def embedding_only(adaptor):
    """Silent without a frequency map: GELU(0) = 0 where no bias is left."""
    zeroed("embed")(adaptor)
    for linear in adaptor.tune:
        nn.init.zeros_(linear.bias)
    nn.init.zeros_(adaptor.up.bias)


def layers(widths, depths):
    return sum(4 * d * w for w, d in zip(widths, depths, strict=True))


def stage_by(step, blocks=None):
    def run(stage, adaptor, tokens, h, w):
        condition = adaptor.condition(tokens, None)
        for i in range(blocks or len(stage.blocks)):
            tokens = step(stage, adaptor, condition, i, tokens, h, w)
        return tokens

    return run


def right_step(stage, adaptor, condition, i, x, h, w):
    return stage.block(i, x + adaptor.prompt(i, condition), h, w)


C = 80
SOLVED = {
    "adaptor_count": [226_560, 226_560.0, torch.tensor(226_560)],
    "quiet_start": [zeroed("up"), zero_tuning],
    "lora_count": [lambda widths, depths, r: 8 * r * sum(w * d for w, d in zip(widths, depths, strict=True))],
    "tuned_stage": [stage_by(right_step)],
}
WRONG = {
    "adaptor_count": [
        (320 * C * 2 + 27 * C * C, "biases are missing"),
        (320 * C * 2 + C + 320 + C * C + C, "each block has its own"),
        (320 * C + C + 27 * (C * C + C + 320 * C + 320), "a stage has one"),
        (27 * (C * C + C), "alone"),
        (29 * (320**2 + 320), "r = 1"),
        (0.22656, "not thousands"),
        (7, "not the count"),
        ("many", "should be a whole number"),
    ],
    "quiet_start": [
        (lambda adaptor: None, "as it was"),
        (zeroed("embed", "tune", "up"), "for good"),
        (zeroed("up", bias=False), "one of the biases"),
        (embedding_only, "frequency branch"),
        (small, "exactly zero is asked for"),
        (zeroed("embed"), "not zero"),
        (frozen, "frozen now"),
        (lambda adaptor: nn.init.constant_(adaptor.up.weight, float("nan")), "NaN"),
        (lambda adaptor: zeroed("up")(copy.deepcopy(adaptor)), "as it was"),
        (3, "should be a function"),
    ],
    "lora_count": [
        (lambda w, d, r: r * layers(w, d), "one of the two factors"),
        (lambda w, d, r: r * layers(w, d) // 2, "one layer a block"),
        (lambda w, d, r: 8 * r * sum(w), "one block a stage"),
        (lambda w, d, r: 2 * layers(w, d) / r, "as MFA does"),
        (lambda w, d, r: sum(4 * n * c * c for c, n in zip(w, d, strict=True)), "stay frozen"),
        (lambda w, d, r: 5, "not yet"),
        (5, "should be a function"),
    ],
    "tuned_stage": [
        (stage_by(lambda s, a, c, i, x, h, w: s.block(i, x, h, w)), "bare stage"),
        (stage_by(lambda s, a, c, i, x, h, w: s.block(i, x, h, w) + a.prompt(i, c)), "after the blocks"),
        (stage_by(lambda s, a, c, i, x, h, w: s.block(i, x + a.prompt(0, c), h, w)), "its own tuning layer"),
        (stage_by(lambda s, a, c, i, x, h, w: s.block(i, x + a.prompt(i, a.condition(x, None)), h, w)), "anew"),
        (stage_by(lambda s, a, c, i, x, h, w: s.block(i, a.prompt(i, c), h, w)), "replaces"),
        (stage_by(lambda s, a, c, i, x, h, w: s.block(i, x - a.prompt(i, c), h, w)), "subtracted"),
        (stage_by(lambda s, a, c, i, x, h, w: right_step(s, a, c, i, x, w, h)), "swapped"),
        (lambda s, a, x, h, w: F.layer_norm(stage_by(right_step)(s, a, x, h, w), (16,)), "then normalised"),
        (lambda s, a, x, h, w: s.finish(x, h, w), "should have shape"),
        (lambda s, a, x, h, w: 2 * x, "not yet"),
        (stage_by(right_step, blocks=2), "of 3"),
        (lambda s, a, x, h, w: None, "should be a function"),
    ],
}


test_right_answers_are_accepted, test_wrong_answers_are_named, test_empty_stubs_are_excused = verdict_tests(
    check, SOLVED, WRONG
)


def test_no_verdict_on_a_count_holds_the_answer(capsys):
    for name, cases in WRONG.items():
        assert not any("226" in verdict(getattr(check, name), answer, capsys) for answer, _ in cases)
