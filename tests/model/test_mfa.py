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


def test_r_that_does_not_divide_lists_those_that_do():
    with pytest.raises(InputError, match=r"r = 3 does not divide.*choose r from \[1, 2, 4, 8, 16\]"):
        MFA((16, 32, 80, 128), (2, 2, 2, 2), 3)
