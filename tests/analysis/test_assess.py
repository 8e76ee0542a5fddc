"""The table as a whole: every figure where it belongs, the temperature from validation images only."""

import json
from dataclasses import asdict

import pytest
import torch
from small import TinyNet
from torch.testing import assert_close

from mmsnet_lite.analysis import assess, auroc, mc_predict, reliability
from mmsnet_lite.data import Mix, mixlite_parts, normalise
from mmsnet_lite.errors import InputError
from mmsnet_lite.training import evaluate

COUNTS = {"train": 3, "test": 3}
PIXEL_SCORES = {"entropy", "mutual information", "variance", "single-pass entropy", "boundary distance"}


@pytest.fixture(scope="module")
def mixes():
    validation, test = (Mix(mixlite_parts(split, 64, counts=COUNTS)[::3], 64) for split in ("train", "test"))
    return validation, test  # fundus and dermoscopy


@pytest.fixture(scope="module")
def model(mixes):
    """A network that has learnt a little: brightness, on the validation images."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = TinyNet(8).train()
        optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
        samples = [mixes[0][i] for i in range(len(mixes[0]))]
        images = normalise(torch.stack([s["image"] for s in samples]))
        masks = torch.stack([s["mask"] for s in samples]).float()
        for _ in range(40):
            optimiser.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(model(images).logits, masks).backward()
            optimiser.step()
    return model


@pytest.fixture(scope="module")
def table(model, mixes):
    return assess(model, *mixes, passes=4, seed=5, batch=2)


def test_each_modality_has_every_score_beside_its_controls(table):
    assert list(table.modalities) == ["fundus", "dermoscopy"]
    for quality in table.modalities.values():
        assert quality.images == 3
        assert set(quality.detection) == PIXEL_SCORES
        assert set(quality.risk) == PIXEL_SCORES | {"best", "none"}
        assert set(quality.ranking) == PIXEL_SCORES - {"boundary distance"} | {"lesion size", "best"}
        assert set(quality.calibration) == {"single pass", "temperature", "mc mean"}
        assert min(quality.risk.values()) == quality.risk["best"]
        assert quality.ranking["best"].spearman == pytest.approx(-1)
        assert min(rank.area for rank in quality.ranking.values()) == quality.ranking["best"].area


def test_the_figures_are_those_of_the_parts_put_together_by_hand(table, model, mixes):
    test = mixes[1]
    samples = [test[i] for i in range(len(test)) if test.labels[i] == "dermoscopy"]
    images, masks = normalise(torch.stack([s["image"] for s in samples])), torch.stack([s["mask"] for s in samples])
    first, second = mc_predict(model, images[:2], 4, seed=5), mc_predict(model, images[2:], 4, seed=6)
    model.eval()
    with torch.no_grad():
        errors = (model(images).logits >= 0) != masks.bool()
    quality = table.modalities["dermoscopy"]
    for name in ("entropy", "mutual information", "variance"):
        maps = torch.cat([getattr(each, name.replace(" ", "_")) for each in (first, second)])
        assert quality.detection[name].auroc == auroc(maps, errors)
    assert quality.calibration["mc mean"] == reliability(torch.cat([first.mean, second.mean]), masks).error
    assert quality.risk["none"] == pytest.approx(float(errors.float().mean()))
    scores = evaluate(model, test).by("modality")
    for modality, seen in table.modalities.items():
        assert_close(seen.dsc["single pass"], scores[modality]["dsc"])


def test_the_temperature_comes_from_validation_images_alone(table, model, mixes):
    other = Mix(mixlite_parts("test", 64, seed=9, counts=COUNTS)[:1], 64)
    assert assess(model, mixes[0], other, passes=2).temperature == table.temperature
    with pytest.raises(InputError, match="fitted on images that it is judged on: 3 of 3"):
        assess(model, mixes[1], Mix(mixlite_parts("test", 64, counts=COUNTS)[:1], 64))


def test_the_modes_are_left_alone_and_the_table_is_plain(table, model, mixes):
    model.train()
    model.net[3].eval()
    before = [m.training for m in model.modules()]
    again = assess(model, *mixes, passes=4, seed=5, batch=2)
    assert [m.training for m in model.modules()] == before
    assert json.dumps(asdict(again)) == json.dumps(asdict(table))
