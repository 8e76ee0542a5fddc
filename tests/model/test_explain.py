"""What the network shows of itself: the same logits, and each module's own output, without hooks."""

import pytest
import torch
from torch.testing import assert_close

from mmsnet_lite.baselines.segformer import SegFormer, SegFormerConfig
from mmsnet_lite.model import MMSNet, MMSNetConfig

SMALL = {"encoder": "mit-nano", "width": 32, "frequencies": 4}


@pytest.fixture
def x():
    return torch.randn(2, 3, 96, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "options", [{}, {"msfg": False}, {"fep": "none"}, {"tune": "frozen"}, {"tuning_stages": (2, 4)}, {"msfg_scales": 1}]
)
def test_logits_and_features_are_those_of_forward(options, x):
    model = MMSNet(MMSNetConfig(**{**SMALL, **options})).eval()
    with torch.no_grad():
        output, seen = model(x), model.explain(x)
    assert_close(seen.logits, output.logits, atol=0, rtol=0)
    for ours, theirs in zip(seen.features, output.features, strict=True):
        assert_close(ours, theirs, atol=0, rtol=0)


@pytest.mark.parametrize(
    "model", [lambda: MMSNet(MMSNetConfig(**SMALL)), lambda: SegFormer(SegFormerConfig(encoder="mit-nano"))]
)
def test_steps_lead_where_forward_does(model, x):
    model = model().eval()
    with torch.no_grad():
        expected, y = model(x).logits, x
        for step in model.steps:
            y = step(y)
    assert_close(y, expected, atol=0, rtol=0)


def test_each_intermediate_is_its_modules_own(x):
    model = MMSNet(MMSNetConfig(**SMALL, msfg_scales=2)).eval()
    with torch.no_grad():
        seen = model.explain(x)
        assert_close(seen.frequency, model.fep(x), atol=0, rtol=0)
        for guide, reduce, feature, stage in zip(
            model.decoder.guide, model.decoder.reduce, seen.features, seen.guidance, strict=True
        ):
            assert_close(stage.output, guide(reduce(feature)), atol=0, rtol=0)
            assert [a.shape for a in stage.attention] == [(2, 32, 1, 1)] * 2
            assert all(((m > 0) & (m < 1)).all() and m.shape[:2] == (2, 1) for m in stage.foreground)


def test_what_is_not_there_is_not_shown(x):
    with torch.no_grad():
        bare = MMSNet(MMSNetConfig(**SMALL, tune="frozen", msfg=False)).eval().explain(x)
    assert bare.frequency is None
    assert bare.guidance == ()
