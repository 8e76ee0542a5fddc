"""Bad masks are bad in the way they say, rankings see what they should, and each arm trains on what it claims to."""

import numpy as np
import pytest
import torch
from small import TinyNet
from torch.testing import assert_close

from mmsnet_lite.analysis import image_uncertainty, mc_predict
from mmsnet_lite.analysis.reannotation import (
    ARMS,
    KINDS,
    corrupt,
    draw_noise,
    mask_quality,
    reannotate,
    suspicion,
    with_noise,
)
from mmsnet_lite.data import Mix, mixlite_parts, normalise
from mmsnet_lite.errors import InputError
from mmsnet_lite.training import segmentation_loss

SIZE, COUNTS = 64, {"train": 8, "test": 2}
RADIUS = 12


@pytest.fixture(scope="module")
def parts():
    return mixlite_parts("train", SIZE, counts=COUNTS)[::3]  # fundus and dermoscopy


@pytest.fixture(scope="module")
def unseen():
    return Mix(mixlite_parts("test", SIZE, counts=COUNTS)[::3], SIZE)


def masks(mix):
    return torch.stack([sample["mask"] for sample in mix])


def distances():
    y, x = np.mgrid[:96, :96] - 48
    return np.hypot(x, y)


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_each_kind_of_error_stays_within_its_law_on_a_disc(seed):
    """The oracle is the disc's geometry; a pixel's edge costs at most one pixel."""
    disc = distances() <= RADIUS
    found = {kind: corrupt(disc, kind, np.random.default_rng(seed)) for kind in KINDS}
    moved = np.array(np.nonzero(found["shifted"])).mean(1) - 48
    assert found["shifted"].sum() == disc.sum()
    assert 0.5 * RADIUS - 1 <= np.hypot(*moved) <= RADIUS + 1
    grown = distances()[found["dilated"]].max()
    assert 1.3 * RADIUS - 1 <= grown <= 1.7 * RADIUS + 1
    assert_disc(found["dilated"], grown)
    left = distances()[found["eroded"]].max()
    assert 0.3 * RADIUS - 1 <= left <= 0.7 * RADIUS + 1
    assert_disc(found["eroded"], left)
    assert not found["missed"].any()


def assert_disc(mask, radius):
    assert mask[distances() <= radius - 1].all()


def test_an_empty_mask_has_no_error_and_an_unknown_kind_is_named():
    assert not any(corrupt(np.zeros((8, 8)), kind, np.random.default_rng(0)).any() for kind in KINDS)
    with pytest.raises(InputError, match="'blurred' is unknown; choose one of shifted"):
        corrupt(np.ones((8, 8)), "blurred", np.random.default_rng(0))


def test_noise_is_a_share_of_each_part_in_equal_kinds(parts):
    noise = draw_noise(parts, 0.5, 3)
    for part in parts:
        kinds = [kind for (dataset, stem), kind in noise.items() if dataset == part.dataset and stem in part.stems]
        assert sorted(kinds) == sorted(KINDS)
    assert draw_noise(parts, 0.5, 3) == noise != draw_noise(parts, 0.5, 4)


def test_only_masks_in_the_noise_are_bad_and_each_in_the_same_way(parts):
    noise = draw_noise(parts, 0.5)
    keys = [(part.dataset, stem) for part in parts for stem in part.stems]
    clean, noisy = Mix(parts, SIZE), Mix(with_noise(parts, noise), SIZE)
    changed = (masks(clean) != masks(noisy)).flatten(1).any(1)
    assert changed.tolist() == [key in noise for key in keys]
    assert all(torch.equal(a["image"], b["image"]) for a, b in zip(clean, noisy, strict=True))
    quality = mask_quality(noisy, clean)
    assert ((quality < 0.9) == changed).all()
    assert (quality[~changed] == 1).all()
    one = next(key for key in noise if noise[key] == "shifted")
    alone = masks(Mix(with_noise(parts, {one: "shifted"}), SIZE))
    assert torch.equal(alone[keys.index(one)], masks(noisy)[keys.index(one)])
    other = masks(Mix(with_noise(parts, {one: "shifted"}, seed=1), SIZE))
    assert not torch.equal(alone, other)


# --- rankings -------------------------------------------------------------------------------------------------------


def test_uncertainty_is_blind_to_the_mask_and_the_loss_is_not(parts):
    model = TinyNet().train()
    clean, noisy = Mix(parts, SIZE), Mix(with_noise(parts, draw_noise(parts, 0.5)), SIZE)
    a, b = (suspicion(model, mix, passes=3, seed=7, batch=4) for mix in (clean, noisy))
    assert model.training
    assert {name for name in a if torch.equal(a[name], b[name])} == set(a) - {"loss"}
    model.eval()
    images = normalise(torch.stack([noisy[i]["image"] for i in range(4, 8)]))
    logits = model(images).logits
    losses = [segmentation_loss(logits[i : i + 1], masks(noisy)[4 + i][None].float()) for i in range(4)]
    assert_close(b["loss"][4:8], torch.stack(losses).double())
    entropy = mc_predict(model, images, 3, seed=8).entropy  # of the second batch
    assert_close(b["entropy"][4:8], image_uncertainty(entropy, logits >= 0))


# --- arms -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def study(parts, unseen):
    """The arms, and the masks that each training was given; the training itself does nothing."""
    given = []

    def fit(mix):
        given.append(masks(mix))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return TinyNet()

    arms = dict(reannotate(fit, parts, unseen, share=0.5, budget=0.25, seed=2, passes=2))
    return arms, dict(zip(ARMS, given, strict=True))


def test_each_arm_trains_on_true_masks_where_it_checked_and_on_the_given_ones_elsewhere(study, parts, unseen):
    arms, given = study
    true, noisy = masks(Mix(parts, SIZE)), masks(Mix(with_noise(parts, draw_noise(parts, 0.5, 2), 2), SIZE))
    for name, arm in arms.items():
        checked = torch.zeros(16, dtype=torch.bool)
        checked[list(arm.checked)] = True
        assert torch.equal(given[name], torch.where(checked.view(-1, 1, 1, 1), true, noisy))
        assert arm.bad == int(((true != noisy).flatten(1).any(1) & checked).sum())
        assert len(arm.dsc) == len(unseen)
    assert [len(arms[name].checked) for name in ARMS] == [0, 4, 4, 4, 4, 16]
    assert torch.equal(given["all"], true)


def test_each_arm_checks_the_first_of_its_ranking(study, parts):
    arms, given = study
    quality = [
        2 * (a & b).sum() / max((a.sum() + b.sum()), 1) for a, b in zip(given["none"], given["all"], strict=True)
    ]
    scores = arms["none"].scores
    ranks = {"uncertainty": scores["entropy"], "loss": scores["loss"], "worst": [-float(q) for q in quality]}
    for name, values in ranks.items():
        rest = [value for i, value in enumerate(values) if i not in arms[name].checked]
        assert min(values[i] for i in arms[name].checked) >= max(rest)
    assert arms["worst"].bad == 4
    assert all(arms[name].scores == {} for name in ARMS[1:])


def test_known_arms_are_not_trained_again_and_give_the_same_choice(study, parts, unseen):
    arms, _ = study
    fits = []

    def fit(mix):
        fits.append(masks(mix))
        return TinyNet()

    known = {"none": arms["none"], "all": arms["all"]}
    again = dict(reannotate(fit, parts, unseen, share=0.5, budget=0.25, seed=2, known=known))
    assert len(fits) == 4
    assert {name: arm.checked for name, arm in (known | again).items()} == {n: arm.checked for n, arm in arms.items()}
    assert list(again) == ["uncertainty", "random", "loss", "worst"]


@pytest.mark.parametrize("given", [{"share": 1.5}, {"budget": -0.1}])
def test_a_share_or_budget_outside_0_to_1_is_refused_before_anything_is_trained(given, parts):
    with pytest.raises(InputError, match="do not fit; choose 0 to 1"):
        next(reannotate(lambda mix: pytest.fail("trained"), parts, None, **given))
