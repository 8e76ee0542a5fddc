"""LoRA against peft's own account of it, and against the encoder it starts from."""

import pytest
import torch
from peft import get_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from torch.testing import assert_close

from mmsnet_lite import MMSNet
from mmsnet_lite.baselines.lora import LoRA, LoRAConfig, attention_names
from mmsnet_lite.build import build_model
from mmsnet_lite.errors import InputError
from mmsnet_lite.model import MiTEncoder

SMALL = {"encoder": "mit-nano", "width": 32, "msfg": False}
WIDTHS, DEPTH = (16, 32, 80, 128), 2  # of mit-nano


def lora(**options):
    return build_model("lora", SMALL | options)


def count(tensors):
    return sum(tensor.numel() for tensor in tensors)


@pytest.mark.parametrize("r", [1, 4])
def test_what_trains_is_the_decoder_and_r_times_in_plus_out_for_each_of_four_layers(r):
    model = lora(r=r)
    trained = {id(p) for p in model.net.encoder.parameters() if p.requires_grad}
    layers = [each for each in model.modules() if isinstance(each, LoraLayer)]
    by_peft = [p for each in layers for part in (each.lora_A, each.lora_B) for p in part.parameters()]
    assert trained == {id(p) for p in by_peft}
    assert count(by_peft) == count(get_peft_model_state_dict(model.net.encoder).values())
    assert count(by_peft) == sum(DEPTH * 4 * r * (width + width) for width in WIDTHS)
    assert all(p.requires_grad for p in model.net.decoder.parameters())


def test_attention_means_query_key_value_and_output_of_every_block():
    names = attention_names(MiTEncoder("mit-nano"))
    assert len(names) == 4 * 4 * DEPTH
    assert all("attention" in name for name in names)


def test_the_start_is_the_bare_encoder_and_its_decoder():
    model = lora(r=4).eval()
    bare = MMSNet(model.config.network()).eval()
    bare.decoder.load_state_dict(model.net.decoder.state_dict())
    frozen = {name.replace(".base_layer", ""): t for name, t in model.net.encoder.state_dict().items()}
    bare.encoder.load_state_dict({name: t for name, t in frozen.items() if "lora_" not in name})
    x = torch.randn(2, 3, 64, 64)
    assert_close(model(x), bare(x), rtol=0, atol=0)


def test_a_step_changes_what_trains_and_nothing_frozen():
    model = lora(r=2).train()
    assert not model.encoder.training
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(2):  # A moves once B is no longer zero
        model(torch.randn(2, 3, 64, 64)).logits.square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {name for name, p in model.named_parameters() if p.requires_grad}


def test_a_seed_draws_the_same_network_and_leaves_the_generator_alone():
    state = torch.random.get_rng_state()
    first, second = lora().state_dict(), lora().state_dict()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert_close(first, second, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"r": 0}, "r = 0 does not fit; the rank is a whole number from 1 to 16"),
        ({"r": 17}, "from 1 to 16"),
        ({"r": 2.0}, "whole number"),
        ({"encoder": "vit"}, "encoder 'vit' is unknown"),
        ({"width": 3}, "width = 3"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        LoRAConfig(**{"encoder": "mit-nano"} | options)


def test_without_peft_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "peft", None)
    with pytest.raises(InputError, match=r"peft, which is not installed; pip install 'mmsnet-lite\[baselines\]'"):
        LoRA(LoRAConfig(**SMALL))
