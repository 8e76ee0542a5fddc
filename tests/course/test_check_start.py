"""Exercise checks of lesson 00: each accepts the solution and names the mistake of wrong answers."""

import dataclasses

import numpy as np
import pytest
import torch
from verdicts import verdict, verdict_tests

from mmsnet_lite import MMSNet, MMSNetConfig
from mmsnet_lite.course.check import start as check


def trained(tune, every=False):
    """Counted on the module tree, not through the judge's path."""
    full = MMSNetConfig(encoder="mit-nano", tune="full", width=32, frequencies=8, msfg_scales=2)
    model = MMSNet(dataclasses.replace(full, tune=tune))
    return sum(p.numel() for p in model.parameters() if every or p.requires_grad)


def iou(predicted, truth):
    union = (predicted | truth).sum()
    return 1.0 if union == 0 else (predicted & truth).sum() / union


def dice(predicted, truth):
    total = predicted.sum() + truth.sum()
    return 1.0 if total == 0 else 2 * (predicted & truth).sum() / total


def pairs(predicted, truth, keep):
    n = len(predicted)
    return [dice(predicted[i], truth[j]) for i in range(n) for j in range(n) if keep(i, j)]


def control(predicted, truth):
    return np.mean(pairs(predicted, truth, lambda i, j: i != j))


WRONG = {
    "frozen_count": {
        trained("frozen", every=True): "encoder as well",
        trained("full"): 'tune="full"',
        trained("mfa"): 'tune="mfa"',
        trained("frozen", every=True) - trained("frozen"): "that is what is frozen",
        trained("frozen") / 1e6: "not millions",
        12345: "Build the network anew",
        "many": "should be a whole number",
    },
    "iou": {
        dice: "that is DSC",
        lambda p, t: (p & t).sum() / max(1, p.sum() + t.sum()): "counts twice",
        lambda p, t: (p & t).sum() / max(1, t.sum()): "recall",
        lambda p, t: (p & t).sum() / max(1, p.sum()): "precision",
        lambda p, t: (p == t).mean(): "background",
        lambda p, t: (p & t).sum(): "in pixels",
        lambda p, t: (p & t).sum() / (p | t).sum(): "0 / 0",
        lambda p, t: int((p & t).sum()) / int((p | t).sum()): "0 / 0",
        lambda p, t: (p & t).sum() / max(1, (p | t).sum()): "does not reward",
        lambda p, t: iou(p, t) if p.any() else 1.0: "wrong where only one does",
        lambda p, t: iou(p, t) if t.any() else 1.0: "wrong where only one does",
        lambda p, t: 0.123: "not yet",
        lambda p, t: None: "return something",
        0.5: "should be a function",
    },
    "iou_from_dsc": {
        lambda d: d: "harsher",
        lambda d: 2 * d / (1 + d): "way back",
        lambda d: d / 2: "perfect prediction",
        lambda d: d * d: "square",
        lambda d: 0.4: "not yet",
        lambda d: None: "return something",
        lambda d: d / (2 - d) if d < 1 else 2.0: "1 must stay 1",
        0.67: "should be a function",
    },
    "all_pairs_control": {
        lambda p, t: np.mean(pairs(p, t, lambda i, j: True)): "own mask",
        lambda p, t: np.mean(pairs(p, t, lambda i, j: i == j)): "the score itself",
        lambda p, t: np.mean([dice(a, b) for a, b in zip(p, np.roll(t, 1, 0), strict=True)]): "all the others",
        lambda p, t: np.mean([dice(a, b) for a, b in zip(p, np.roll(t, -1, 0), strict=True)]): "all the others",
        lambda p, t: np.mean(pairs(p, t, lambda i, j: i < j)): "not prediction j with mask i",
        lambda p, t: np.mean(pairs(p, t, lambda i, j: i > j)): "take one of the two",
        lambda p, t: sum(pairs(p, t, lambda i, j: i != j)) / len(p) ** 2: "divided by n * n",
        lambda p, t: sum(pairs(p, t, lambda i, j: i != j)): "added up",
        lambda p, t: 0.05: "not yet",
        0.5: "should be a function",
    },
}
SOLVED = {
    "frozen_count": [trained("frozen"), torch.tensor(trained("frozen"))],
    "iou": [iou, lambda p, t: torch.tensor(iou(p, t))],
    "iou_from_dsc": [lambda d: d / (2 - d), lambda d: round(d / (2 - d), 5)],
    "all_pairs_control": [control, lambda p, t: torch.tensor(control(p, t), dtype=torch.float32)],
}

test_right_answers_are_accepted, test_wrong_answers_are_named, test_empty_stubs_are_excused = verdict_tests(
    check, SOLVED, {name: list(rows.items()) for name, rows in WRONG.items()}
)


@pytest.mark.parametrize("name", WRONG)
def test_no_verdict_gives_the_answer_away(name, capsys):
    said = [verdict(getattr(check, name), answer, capsys) for answer in WRONG[name]]
    for answer in (f"{trained('frozen'):,}", str(trained("frozen")), "d / (2 - d)", "2 - d", "n - 1", "n * (n - 1)"):
        assert not any(answer in line for line in said)
