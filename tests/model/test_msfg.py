"""MSFG against a reference that materialises every product, and its traps."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mmsnet_lite.frequency import dct_basis, frequency_indices
from mmsnet_lite.model.msfg import MSFG, FrequencyChannelAttention, ScaleBranch, extrema


@pytest.mark.parametrize(("scales", "minimum", "count"), [(1, 64, 43_074), (3, 64, 129_222), (3, 32, 87_302)])
def test_parameter_count_at_64_channels(scales, minimum, count):
    block = MSFG(64, scales=scales, min_channels=minimum)
    assert sum(p.numel() for p in block.parameters()) == count


def test_k_never_changes_the_count():
    counts = {sum(p.numel() for p in MSFG(64, frequencies=k).parameters()) for k in (1, 16, 32)}
    assert len(counts) == 1


def test_extrema_and_their_gradient_equal_the_naive_ones():
    x = torch.randn(2, 3, 14, 14, dtype=torch.float64, requires_grad=True)
    basis = dct_basis(frequency_indices(32, 14), 14, dtype=torch.float64)
    products = x[:, :, None] * basis
    naive = torch.stack([products.amax((-1, -2)), products.amin((-1, -2))])
    ours = torch.stack(extrema(x, basis))
    weight = torch.randn_like(ours)
    assert_close(ours, naive)
    (expected,) = torch.autograd.grad((naive * weight).sum(), x)
    (gradient,) = torch.autograd.grad((ours * weight).sum(), x)
    assert_close(gradient, expected)


@pytest.mark.parametrize("size", [(28, 28), (20, 26), (4, 4)])
def test_attention_equals_the_naive_form(size):
    attention = FrequencyChannelAttention(32, 32, grid=28).double()
    x = torch.randn(2, 32, *size, dtype=torch.float64)
    n, indices = attention.components(*size)
    assert n == {(28, 28): 28, (20, 26): 14, (4, 4): 4}[size]
    products = F.adaptive_avg_pool2d(x, n)[:, :, None] * dct_basis(indices, n, dtype=torch.float64)
    pools = products.mean((-1, -2)), products.amax((-1, -2)), products.amin((-1, -2))
    summed = sum(attention.weigh(p.mean(-1)[..., None, None]) for p in pools)
    assert_close(attention(x), summed.sigmoid())


def test_one_component_is_global_average_pooling():
    """With K = 1 the three pools are mean, maximum and minimum of the map itself, at any size."""
    attention = FrequencyChannelAttention(4, 1, grid=56)
    seen = []
    attention.weigh.register_forward_pre_hook(lambda _, z: seen.append(z[0]))
    x = torch.rand(1, 4, 28, 28)
    attention(x)
    pools = x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True), x.amin((2, 3), keepdim=True)
    assert_close(torch.cat(seen), torch.cat(pools))


def test_small_map_holds_fewer_components():
    attention = FrequencyChannelAttention(4, 32, grid=7)
    assert len(attention.components(4, 4)[1]) <= 16
    assert len(attention.components(11, 11)[1]) == 32


def test_gates_start_apart_and_receive_gradient():
    branch = ScaleBranch(64, 0, 32, 28, 64)
    assert (branch.alpha.item(), branch.beta.item()) == (0.5, 1.0)
    branch(torch.randn(2, 64, 28, 28)).square().mean().backward()
    assert branch.foreground.weight.grad.abs().max() > 0


def test_branch_pools_only_while_eight_pixels_remain(monkeypatch):
    sizes = []
    monkeypatch.setattr(FrequencyChannelAttention, "forward", lambda _, x: sizes.append(x.shape[-1]) or x.new_ones(1))
    for side in (32, 16, 8):
        MSFG(64)(torch.randn(1, 64, side, side))
    assert sizes == [32, 16, 8, 16, 8, 16, 8, 8, 8]


def test_block_is_a_residual_mean_over_scales():
    block = MSFG(64).eval()
    x = torch.randn(1, 64, 16, 16)
    assert_close(block(x), x + sum(branch(x) for branch in block.branches) / 3)


def test_branch_equals_its_formula():
    """Y = X' (alpha (1 - M) + beta M): alpha weighs the background, beta the foreground."""
    branch = ScaleBranch(64, 1, 8, 28, 64).eval()
    with torch.no_grad():
        branch.alpha.fill_(0.2)
        branch.beta.fill_(0.9)
    x = torch.randn(2, 64, 16, 16)
    inner = branch.decompose(F.avg_pool2d(x, 2))
    inner = inner * branch.attention(inner)
    mask = torch.sigmoid(torch.einsum("bchw,c->bhw", inner, branch.foreground.weight[0, :, 0, 0]))[:, None]
    expected = branch.expand(inner * (0.2 * (1 - mask) + 0.9 * mask))
    assert_close(branch(x), F.interpolate(expected, size=(16, 16), mode="bilinear"))
