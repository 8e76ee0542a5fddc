"""Monte-Carlo dropout: equal to passes by hand, only dropout random, the costly part once, nothing left behind."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small import TinyNet
from torch import nn
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

from mmsnet_lite import MMSNet, MMSNetConfig, SegmentationOutput
from mmsnet_lite.analysis import MCResult, binary_entropy, mc_predict
from mmsnet_lite.baselines.segformer import SegFormer, SegFormerConfig
from mmsnet_lite.baselines.unet import UNet, UNetConfig
from mmsnet_lite.errors import InputError


def network(dropout=0.3, **options):
    torch.manual_seed(1)
    model = MMSNet(MMSNetConfig(encoder="mit-nano", width=32, frequencies=4, dropout=dropout, **options))
    return model.train()


def unet(dropout):
    from monai.networks.nets import BasicUNet

    model = UNet(UNetConfig())
    model.net = BasicUNet(2, 3, 1, (4, 4, 8, 8, 16, 4), norm="batch", act="relu", dropout=dropout)
    return model.train()


@pytest.fixture
def images():
    return torch.randn(2, 3, 96, 64, generator=torch.Generator().manual_seed(0))


def by_hand(model, modules, images, passes, seed):
    """The definition: whole passes of a network in which `modules` alone are in training mode, in plain numpy."""
    model.eval()
    for module in modules:
        module.training = True
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        p = torch.stack([model(images).logits.double().sigmoid() for _ in range(passes)]).numpy()

    def h(p):
        return -p * np.log(p) - (1 - p) * np.log(1 - p)

    mean = p.mean(0)
    values = (mean, p.var(0), h(mean), h(mean) - h(p).mean(0))
    return MCResult(*(torch.from_numpy(value).float() for value in values))


NETWORKS = [
    (network, nn.Dropout2d),
    (lambda: SegFormer(SegFormerConfig(encoder="mit-nano")), nn.Dropout),
    (lambda: unet(0.2), nn.Dropout),
    (TinyNet, nn.Dropout),
]


@pytest.mark.parametrize(("build", "kind"), NETWORKS, ids=["mmsnet", "segformer", "unet", "tiny"])
def test_equals_whole_passes_by_hand_with_the_same_masks(build, kind, images):
    model = build()
    ours = mc_predict(model, images, passes=5, seed=3)
    theirs = by_hand(model, [m for m in model.modules() if isinstance(m, kind)], images, 5, 3)
    for name, a, b in zip(MCResult._fields, ours, theirs, strict=True):
        assert a.shape == (2, 1, 96, 64), name
        assert a.dtype == torch.float32, name
        assert_close(a, b, atol=2e-6, rtol=1e-5)
    assert ours.variance.max() > 1e-6


def test_one_seed_is_bit_equal_and_another_is_not(images):
    model = network()
    first, again, other = (mc_predict(model, images, passes=3, seed=seed) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.mean, other.mean)


def test_the_global_generator_and_the_modes_and_the_buffers_are_left_alone(images):
    model = network(tune="full")
    model.decoder.eval()
    modes = [m.training for m in model.modules()]
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    state = torch.get_rng_state()
    mc_predict(model, images, passes=2)
    assert torch.equal(torch.get_rng_state(), state)
    assert [m.training for m in model.modules()] == modes
    assert all(torch.equal(buffer, buffers[name]) for name, buffer in model.named_buffers())


class Fails(TinyNet):
    def __init__(self, at):
        super().__init__()
        self.at, self.calls = at, 0

    def forward(self, x):
        self.calls += 1
        if self.calls == self.at:
            raise RuntimeError("planted")
        return super().forward(x)


@pytest.mark.parametrize("at", [1, 2, 4])  # the trial run, the first pass, a later one
def test_the_modes_come_back_after_an_error(at, images):
    model = Fails(at).train()
    model.net[1].eval()
    modes, state = [m.training for m in model.modules()], torch.get_rng_state()
    with pytest.raises(RuntimeError, match="planted"):
        mc_predict(model, images)
    assert [m.training for m in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)


class Operations(TorchDispatchMode):
    """Counts the convolutions that are really computed on images of a size."""

    def __init__(self):
        super().__init__()
        self.counts = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.convolution.default:
            size = tuple(args[0].shape)
            self.counts[size] = self.counts.get(size, 0) + 1
        return func(*args, **(kwargs or {}))


def convolutions(call):
    with torch.no_grad(), Operations() as seen:
        call()
    return seen.counts


def test_what_precedes_dropout_is_computed_once(images):
    model = network().eval()
    plain = convolutions(lambda: model(images))
    seven = convolutions(lambda: mc_predict(model, images, passes=7))
    trial = convolutions(lambda: model(images[:1, :, :64, :64]))
    plain[2, 32, 24, 16] += 6  # the predictor reads this, seven times; everything else is there once
    for size, count in trial.items():
        plain[size] = plain.get(size, 0) + count
    assert seven == plain


@pytest.mark.parametrize(
    ("place", "encoders", "decoders"), [("decoder.dropout", 1, 1), ("decoder.guide", 1, 6), ("fep", 6, 6)]
)
def test_the_cut_follows_the_first_dropout(place, encoders, decoders, images):
    """Dropout planted further in front is repeated from there on: nothing random is frozen."""
    model = network()
    if place == "decoder.guide":
        model.decoder.guide[3] = nn.Sequential(model.decoder.guide[3], nn.Dropout(0.1))
    if place == "fep":
        model.fep = nn.Sequential(model.fep, nn.Dropout(0.1))
    counts = {"encoder": 0, "decoder": 0}

    def counting(name, function):
        def call(*args):
            counts[name] += args[0][0].shape[0] == 2 if name == "decoder" else args[0].shape[0] == 2
            return function(*args)

        return call

    model.encoder.stages[0].embed = counting("encoder", model.encoder.stages[0].embed)
    model.decoder._reduced = counting("decoder", model.decoder._reduced)
    mc_predict(model, images, passes=6)
    assert counts == {"encoder": encoders, "decoder": decoders}


def test_bad_input_is_named(images):
    with pytest.raises(InputError, match="passes = 1"):
        mc_predict(network(), images, passes=1)
    with pytest.raises(InputError, match="give a batch"):
        mc_predict(network(), images[0])
    with pytest.raises(InputError, match="96x60 does not fit"):
        mc_predict(network(), images[..., :60])


class Coin(nn.Module):
    """Probability 0 or 1 by one coin an image, from a dropout that keeps half."""

    def __init__(self):
        super().__init__()
        self.coin = nn.Dropout(0.5)

    def forward(self, x):
        return SegmentationOutput((self.coin(torch.ones(len(x), 1, 1, 1)) - 1) * 200 + 0 * x[:, :1], ())


def test_extreme_disagreement_reaches_the_ends_of_the_ranges():
    """Convention: variance divides by T. A fair coin: mean 1/2, variance 1/4, all of the entropy disagreement."""
    result = mc_predict(Coin(), torch.zeros(400, 3, 1, 1), passes=2)
    split = (result.mean - 0.5).abs() < 1e-6
    assert 150 < split.sum() < 250
    assert_close(result.variance[split], torch.full_like(result.variance[split], 0.25))
    for map in (result.entropy, result.mutual_information):
        assert_close(map[split], torch.full_like(map[split], math.log(2)))
        assert_close(map[~split], torch.zeros_like(map[~split]))


def test_entropy_of_what_is_known():
    p = torch.tensor([0.0, 1.0, 0.5, 0.25], dtype=torch.float64)
    known = torch.tensor([0.0, 0.0, math.log(2), 0.25 * math.log(4) + 0.75 * math.log(4 / 3)], dtype=torch.float64)
    assert_close(binary_entropy(p), known)


def test_ranges_and_jensen(images):
    result = mc_predict(network(dropout=0.6), images * 10, passes=8)
    assert ((result.mutual_information >= 0) & (result.mutual_information <= result.entropy + 1e-6)).all()
    assert result.entropy.max() <= math.log(2) + 1e-6
    assert F.relu(result.variance - result.mean * (1 - result.mean)).max() < 1e-6
