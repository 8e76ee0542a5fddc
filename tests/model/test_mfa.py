"""The adaptor against its formulas."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mmsnet_lite.errors import InputError
from mmsnet_lite.model.mfa import MFA, StageAdaptor

WIDTHS, DEPTHS = (64, 128, 320, 512), (3, 8, 27, 3)  # MiT-B4


def parameters(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("r", "count"), [(1, 6_407_488), (2, 1_801_376), (4, 550_480), (8, 188_072), (64, 14_815)])
def test_parameter_count_of_mit_b4(r, count):
    assert parameters(MFA(WIDTHS, DEPTHS, r)) == count


def test_frequency_branch_is_the_extra_patch_embeddings():
    whole, without = MFA(WIDTHS, DEPTHS, 1), MFA(WIDTHS, DEPTHS, 1, frequency=False)
    assert parameters(whole) - parameters(without) == 1_929_408


def test_prompt_is_up_gelu_tune_of_both_embeddings():
    adaptor = StageAdaptor(12, 4, depth=2)
    tokens, frequency = torch.randn(2, 5, 12), torch.randn(2, 5, 4)
    embedded = tokens @ adaptor.embed.weight.T + adaptor.embed.bias
    inner = (embedded + frequency) @ adaptor.tune[1].weight.T + adaptor.tune[1].bias
    expected = F.gelu(inner) @ adaptor.up.weight.T + adaptor.up.bias
    assert_close(adaptor.prompt(1, adaptor.condition(tokens, frequency)), expected)


def test_frequency_tokens_lie_on_the_encoder_grids():
    tokens = MFA((16, 32, 80, 128), (1, 1, 1, 1), 2).embed_frequency(torch.randn(1, 3, 96, 96))
    assert [t.shape for t in tokens] == [(1, 576, 8), (1, 144, 16), (1, 36, 40), (1, 9, 64)]
    assert_close(tokens[0].mean(-1), torch.zeros(1, 576), atol=1e-5, rtol=0)  # layer norm closes each step


def test_frequency_tokens_are_convolution_and_layer_norm_in_row_order():
    mfa = MFA((16, 32, 80, 128), (1, 1, 1, 1), 2)
    x = torch.randn(2, 3, 64, 96)  # not square: rows and columns cannot be mistaken for one another
    tokens, embedding = mfa.embed_frequency(x), mfa.frequency_embedding
    for got, convolution, norm in zip(tokens, embedding.projections, embedding.norms, strict=True):
        x = F.conv2d(x, convolution.weight, convolution.bias, convolution.stride, convolution.padding)
        x = F.layer_norm(x.permute(0, 2, 3, 1), x.shape[1:2], norm.weight, norm.bias).permute(0, 3, 1, 2)
        assert_close(got, torch.stack([x[:, :, i // x.shape[3], i % x.shape[3]] for i in range(got.shape[1])], 1))


def test_r_that_does_not_divide_lists_those_that_do():
    with pytest.raises(InputError, match=r"r = 3 does not divide.*choose r from \[1, 2, 4, 8, 16\]"):
        MFA((16, 32, 80, 128), (2, 2, 2, 2), 3)


def test_zero_init_starts_with_prompts_of_exactly_zero():
    adaptor = StageAdaptor(12, 4, depth=2, zero_init=True)
    tokens = torch.randn(2, 5, 12)
    assert not adaptor.prompt(1, adaptor.condition(tokens, None)).any()
    assert StageAdaptor(12, 4, depth=2).prompt(1, adaptor.condition(tokens, None)).any()


def test_only_the_named_stages_are_tuned_and_the_chain_ends_with_the_last():
    mfa = MFA(WIDTHS, DEPTHS, 4, stages=(3, 1))
    assert [mfa.adaptor(s) is not None for s in range(4)] == [True, False, True, False]
    assert [t is not None for t in mfa.embed_frequency(torch.randn(1, 3, 64, 64))] == [True, True, True, False]
    whole = MFA(WIDTHS, DEPTHS, 4)
    assert {name for name, _ in mfa.named_parameters()} < {name for name, _ in whole.named_parameters()}


@pytest.mark.parametrize("stages", [(), (0, 1), (5,), (1, 1), ("1",)])
def test_stages_that_there_are_not_are_refused(stages):
    with pytest.raises(InputError, match=r"tuning_stages = .* does not fit; give one or more of 1 to 4"):
        MFA(WIDTHS, DEPTHS, 4, stages=stages)
