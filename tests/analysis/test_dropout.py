"""Which modules call dropout: torch's own kinds, and the ways that a switch by class would miss."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmsnet_lite import SegmentationOutput
from mmsnet_lite.analysis import mc_predict
from mmsnet_lite.analysis.dropout import find_dropout
from mmsnet_lite.analysis.modes import modes
from mmsnet_lite.errors import InputError


class DropPath(nn.Module):
    """Drops whole samples in training: random, but no dropout."""

    def forward(self, x):
        return x * torch.rand(len(x), 1, 1, 1).gt(0.5) * 2 if self.training else x


class Functional(nn.Module):
    def forward(self, x):
        return F.dropout(x, 0.5, training=self.training)


class Conditional(nn.Module):
    """As transformers' attention: in eval mode the probability itself is 0."""

    def forward(self, x):
        return F.dropout(x, 0.5 if self.training else 0.0)


class Fused(nn.Module):
    def forward(self, x):
        q = x.flatten(2).transpose(1, 2)
        y = F.scaled_dot_product_attention(q, q, q, dropout_p=0.5 if self.training else 0.0)
        return y.transpose(1, 2).unflatten(2, x.shape[2:])


class ByMethod(nn.Module):
    """Its children are not called: a method of one is."""

    def __init__(self):
        super().__init__()
        self.inner = Functional()

    def forward(self, x):
        return self.inner.forward(x)


class Tokens(nn.Module):
    """A module that works on tokens (b n c), its one child, on a map."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        y = self.layer(*[x.flatten(2).transpose(1, 2)] * (3 if isinstance(self.layer, nn.MultiheadAttention) else 1))
        return (y[0] if isinstance(y, tuple) else y).transpose(1, 2).unflatten(2, x.shape[2:])


class Net(nn.Module):
    """Batch norm, drop-path and one module under test."""

    def __init__(self, module):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), DropPath(), module, nn.Conv2d(8, 1, 1))

    def forward(self, x):
        return SegmentationOutput(self.net(x), ())


def net(module):
    torch.manual_seed(0)
    model = Net(module).eval()
    model.net[1].running_mean += 0.3
    return model


@pytest.fixture
def images():
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


PLANTED = {
    "dropout": lambda: nn.Dropout(0.5),
    "dropout2d": lambda: nn.Dropout2d(0.5),
    "alpha": lambda: nn.AlphaDropout(0.5),
    "feature alpha": lambda: nn.FeatureAlphaDropout(0.5),
    "functional": Functional,
    "conditional": Conditional,
    "scaled_dot_product_attention": Fused,
    "method": ByMethod,
    "multi-head attention": lambda: Tokens(nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True)),
    "fused encoder layer": lambda: Tokens(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5, batch_first=True)),
}


@pytest.mark.parametrize("name", PLANTED)
def test_each_kind_of_dropout_is_random_and_nothing_else_is(name, images):
    model = net(PLANTED[name]())
    buffers = [buffer.clone() for buffer in model.buffers()]
    result = mc_predict(model, images, passes=8)
    assert (result.variance.amax((1, 2, 3)) > 0).all()
    assert all(torch.equal(a, b) for a, b in zip(model.buffers(), buffers, strict=True))
    owners, _ = find_dropout(model, images)
    assert not {DropPath, nn.BatchNorm2d, Net, nn.Sequential} & {type(owner) for owner in owners}


@pytest.mark.parametrize("module", [DropPath(), nn.Dropout(0.0), Functional], ids=["drop-path", "p = 0", "a class"])
def test_what_draws_no_dropout_is_refused(module, images):
    """Drop-path alone is no dropout: a switch that turned it on would pass here."""
    model = net(nn.Identity() if module is Functional else module)
    with pytest.raises(InputError, match="no active dropout"):
        mc_predict(model, images)


def test_the_fused_encoder_layer_would_skip_its_dropout_without_the_watch(images):
    """The trap itself: modules switched by class, and torch's fast path passes them by."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5, batch_first=True).eval()
    tokens = torch.randn(2, 5, 8)
    with torch.no_grad(), modes(layer, [m for m in layer.modules() if isinstance(m, nn.Dropout)]):
        assert torch.equal(layer(tokens), layer(tokens))


class Stubborn(nn.Module):
    """Asks another module's flag, which no switch of its own can reach."""

    def __init__(self):
        super().__init__()
        self.child = nn.Identity()

    def forward(self, x):
        return F.dropout(x, 0.5, training=self.child.training)


def test_dropout_out_of_reach_is_refused_and_not_frozen(images):
    with pytest.raises(InputError, match="Stubborn is active in training"):
        mc_predict(net(nn.Sequential(nn.Dropout(0.5), Stubborn())), images)


class OnlyInTraining(nn.Module):
    """A head for training alone, with dropout of its own, is no reason to refuse."""

    def __init__(self):
        super().__init__()
        self.drop, self.side = nn.Dropout(0.5), nn.Dropout(0.5)

    def forward(self, x):
        return self.drop(x) + (0 * self.side(x) if self.training else 0)


def test_a_branch_for_training_alone_stays_out(images):
    model = net(OnlyInTraining())
    calls = []
    model.net[3].side.forward = lambda x: (
        calls.append(model.net[3].training) or F.dropout(x, 0.5, model.net[3].side.training)
    )
    mc_predict(model, images, passes=3)
    assert calls == [True]  # the trial run


def test_modes_sets_flags_and_restores_them():
    model = nn.Sequential(nn.Sequential(nn.Dropout(), nn.ReLU()), nn.BatchNorm1d(2)).train()
    model[0][1].eval()
    with modes(model, [model[0]]):
        assert [m.training for m in model.modules()] == [False, True, False, False, False]
    assert [m.training for m in model.modules()] == [True, True, True, False, True]


def test_the_trial_leaves_buffers_that_a_module_writes_in_training(images):
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("steps", torch.zeros(1))

        def forward(self, x):
            self.steps += self.training
            return x

    model = net(nn.Sequential(nn.Dropout(0.5), Counts()))
    mc_predict(model, images, passes=2)
    assert model.net[3][1].steps == 0
