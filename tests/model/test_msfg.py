"""MSFG against a reference that materialises every product, its options, and its traps."""

import math

import pytest
import torch
import torch.nn.functional as F
from guidance import naive_attention, naive_branch, naive_msfg, naive_pools
from torch.testing import assert_close

from mmsnet_lite.errors import InputError
from mmsnet_lite.model.mmsnet import MMSNet, MMSNetConfig
from mmsnet_lite.model.msfg import MSFG, FrequencyChannelAttention, Guidance

OPTIONS = [{}, {"pool": "rms"}, {"dct_scale": "orthonormal"}, {"pool": "rms", "dct_scale": "orthonormal"}]


def gradients(run, block, x):
    """Output and gradients of the parameters and the input, for one random direction."""
    x = x.clone().requires_grad_()
    y = run(x)
    direction = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(1))
    return y.detach(), *torch.autograd.grad((y * direction).sum(), [x, *block.parameters()])


@pytest.mark.parametrize(("scales", "minimum", "count"), [(1, 64, 43_074), (3, 64, 129_222), (3, 32, 87_302)])
def test_parameter_count_at_64_channels(scales, minimum, count):
    block = MSFG(64, scales=scales, min_channels=minimum)
    assert sum(p.numel() for p in block.parameters()) == count


def test_convention_k_and_options_never_change_the_parameters():
    shapes = [{n: p.shape for n, p in MSFG(64, frequencies=k).named_parameters()} for k in (1, 16, 32)]
    shapes += [{n: p.shape for n, p in MSFG(64, **options).named_parameters()} for options in OPTIONS]
    assert all(shape == shapes[0] for shape in shapes)


@pytest.mark.parametrize("scales", [1, 3])
@pytest.mark.parametrize("frequencies", [1, 32])
def test_block_and_its_gradients_equal_the_naive_ones(frequencies, scales):
    """The ablation {SFG, MFG} x {SSG, MSG}."""
    block = MSFG(8, scales=scales, frequencies=frequencies, grid=28, min_channels=8).double()
    x = torch.randn(2, 8, 32, 32, dtype=torch.float64)
    ours, naive = gradients(block, block, x), gradients(lambda x: naive_msfg(block, x), block, x)
    assert_close(ours, naive, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("size", [(28, 28), (20, 26), (4, 4)])
def test_attention_equals_the_naive_form(size, options):
    attention = FrequencyChannelAttention(32, 32, grid=28, **options).double()
    x = torch.randn(2, 32, *size, dtype=torch.float64)
    n, _ = attention.components(*size)
    assert n == {(28, 28): 28, (20, 26): 14, (4, 4): 4}[size]
    assert_close(attention.pools(x), naive_pools(attention, x))
    assert_close(attention(x), naive_attention(attention, x))


@pytest.mark.parametrize(("pool", "shown"), [("mean", lambda z: z), ("rms", torch.abs)])
def test_convention_one_component_is_global_average_pooling(pool, shown):
    """With K = 1 the three pools are mean, maximum and minimum of the map itself, at any size."""
    attention = FrequencyChannelAttention(4, 1, grid=56, pool=pool)
    x = torch.randn(1, 4, 28, 28)
    assert_close(attention.pools(x), shown(torch.stack([x.mean((2, 3)), x.amax((2, 3)), x.amin((2, 3))])))


def test_convention_orthonormal_scale_is_one_over_n_of_it():
    x = torch.randn(2, 4, 14, 14)
    dc, parents = (FrequencyChannelAttention(4, 8, 14, dct_scale=scale).pools(x) for scale in ("dc", "orthonormal"))
    assert_close(parents, dc / 14)


def test_convention_rms_keeps_what_the_mean_loses():
    """Two components that cancel: x holds one minus the other."""
    a, b = FrequencyChannelAttention(1, 2, 7), FrequencyChannelAttention(1, 2, 7, pool="rms")
    waves = math.sqrt(2) * torch.cos(math.pi * (torch.arange(7) + 0.5) / 7)
    x = (1 - waves).expand(1, 1, 7, 7)
    assert_close(a.pools(x)[0].item(), 0.0, atol=1e-6, rtol=0)
    assert_close(b.pools(x)[0].item(), 1.0)


def test_a_dead_channel_leaves_the_rms_s_gradient_finite():
    x = torch.zeros(1, 4, 14, 14, requires_grad=True)
    FrequencyChannelAttention(4, 8, 14, pool="rms")(x).sum().backward()
    assert torch.equal(x.grad, torch.zeros_like(x))


def test_small_map_holds_fewer_components():
    attention = FrequencyChannelAttention(4, 32, grid=7)
    assert len(attention.components(4, 4)[1]) <= 16
    assert len(attention.components(11, 11)[1]) == 32


@pytest.mark.parametrize(("gate", "learns"), [((0.5, 1.0), True), ((1, 1), False)])
def test_convention_gates_start_apart_and_receive_gradient_and_madgnets_do_not(gate, learns):
    block = MSFG(64, grid=28, gate=gate)
    assert [(b.alpha.item(), b.beta.item()) for b in block.branches] == [gate] * 3
    block(torch.randn(2, 64, 28, 28)).square().mean().backward()
    assert [b.foreground.weight.grad.abs().max().item() > 0 for b in block.branches] == [learns] * 3
    assert all(b.alpha.grad != 0 and b.beta.grad != 0 for b in block.branches)


def test_default_gate_is_apart():
    assert all((b.alpha.item(), b.beta.item()) == (0.5, 1.0) for b in MSFG(64).branches)
    assert MMSNetConfig().gate == (0.5, 1.0)


def test_branch_pools_only_while_eight_pixels_remain(monkeypatch):
    sizes = []
    monkeypatch.setattr(FrequencyChannelAttention, "forward", lambda _, x: sizes.append(x.shape[-1]) or x.new_ones(1))
    for side in (32, 16, 8):
        MSFG(64)(torch.randn(1, 64, side, side))
    assert sizes == [32, 16, 8, 16, 8, 16, 8, 8, 8]


def test_branch_equals_its_formula():
    branch = MSFG(64, frequencies=8, grid=28).branches[1].eval()
    with torch.no_grad():
        branch.alpha.fill_(0.2)
        branch.beta.fill_(0.9)
    x = torch.randn(2, 64, 16, 20)
    assert_close(branch(x)[0], naive_branch(branch, x))


def test_guide_names_what_each_scale_saw():
    block = MSFG(16, grid=14, min_channels=8).eval()
    x = torch.randn(2, 16, 16, 24)
    seen = block.guide(x)
    assert isinstance(seen, Guidance)
    assert Guidance._fields == ("output", "attention", "foreground")
    assert_close(seen.output, block(x))
    assert_close(seen.output, naive_msfg(block, x))
    assert [a.shape for a in seen.attention] == [(2, 16, 1, 1), (2, 8, 1, 1), (2, 8, 1, 1)]
    assert [m.shape for m in seen.foreground] == [(2, 1, 16, 24), (2, 1, 8, 12), (2, 1, 16, 24)]
    for branch, attention, foreground in zip(block.branches, seen.attention, seen.foreground, strict=True):
        inner = branch.decompose(F.avg_pool2d(x, branch.factor) if foreground.shape[2] < 16 else x)
        assert_close(attention, naive_attention(branch.attention, inner))
        assert_close(foreground, torch.sigmoid(F.conv2d(inner * attention, branch.foreground.weight)))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"pool": "max"}, "pool = 'max' is unknown; choose one of mean, rms"),
        ({"dct_scale": "gap"}, "dct_scale = 'gap' is unknown; choose one of dc, orthonormal"),
        ({"gate": (1.0,)}, "give alpha .background. and beta .foreground., such as"),
        ({"gate": 0.5}, "gate = 0.5 does not fit"),
        ({"gate": (0.5, math.nan)}, "gate = .0.5, nan. does not fit"),
        ({"frequencies": 33}, "choose K from 1 to 32"),
        ({"frequencies": 0}, "choose K from 1 to 32"),
    ],
)
def test_wrong_options_are_refused_by_block_and_config(wrong, message):
    for build in (lambda **options: MSFG(8, **options), MMSNetConfig):
        with pytest.raises(InputError, match=message):
            build(**wrong)


def test_attention_and_block_refuse_their_own():
    with pytest.raises(InputError, match="pool"):
        FrequencyChannelAttention(8, 4, 7, pool="median")
    with pytest.raises(InputError, match="choose S from 1 to 3"):
        MSFG(8, scales=4)


def test_the_network_passes_the_options_on():
    config = MMSNetConfig(encoder="mit-nano", width=8, pool="rms", dct_scale="orthonormal", gate=[0.25, 2])
    assert config.gate == (0.25, 2)
    for block in MMSNet(config).decoder.guide:
        for branch in block.branches:
            assert (branch.alpha.item(), branch.beta.item()) == (0.25, 2.0)
            assert (branch.attention.pool, branch.attention.orthonormal) == ("rms", True)


def test_exports_and_exported_equals_eager():
    block = MSFG(8, grid=28, min_channels=8).eval()
    x = torch.randn(2, 8, 32, 32)
    assert_close(torch.export.export(block, (x,)).module()(x), block(x))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler's own, about cached constants; each of them breaks the graph
def test_compiled_equals_eager_with_its_gradient():
    block = MSFG(8, scales=1, grid=14, min_channels=8)
    x = torch.randn(2, 8, 16, 16)
    compiled = torch.compile(block, backend="aot_eager")
    assert_close(gradients(compiled, block, x), gradients(block, block, x), atol=1e-4, rtol=1e-4)


def test_bfloat16_autocast_trains_close_to_float32():
    block = MSFG(16, grid=28, min_channels=16)
    x = torch.randn(4, 16, 32, 32)
    full = gradients(block, block, x)
    with torch.autocast("cpu", torch.bfloat16):
        half = gradients(block, block, x)
    assert all(value.isfinite().all() for value in half)
    assert_close(half[0].float(), full[0], atol=0.1, rtol=0)
    for here, there in zip(half[1:], full[1:], strict=True):
        assert torch.cosine_similarity(here.float().flatten(), there.flatten(), dim=0) > 0.9


def test_gradcheck():
    block = MSFG(4, scales=2, frequencies=8, grid=7, min_channels=4).double().eval()
    assert torch.autograd.gradcheck(block, torch.randn(1, 4, 8, 8, dtype=torch.float64, requires_grad=True))
