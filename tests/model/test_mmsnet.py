"""The whole network: what it counts, what trains, what it refuses, that it learns."""

import subprocess
import sys

import pytest
import torch
from torch.testing import assert_close

from mmsnet_lite import MMSNet, MMSNetConfig
from mmsnet_lite.data import Mix, mixlite_parts, normalise
from mmsnet_lite.errors import InputError
from mmsnet_lite.training import image_metrics, segmentation_loss


def nano(**options):
    return MMSNet(MMSNetConfig(encoder="mit-nano", **options))


def trainable(**options):
    with torch.device("meta"):  # counts need no numbers
        model = MMSNet(MMSNetConfig(**options))
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


@pytest.mark.parametrize(("r", "millions"), [(1, 7.51), (2, 2.91), (4, 1.66), (8, 1.30)])
def test_trainable_parameters_with_mit_b4(r, millions):
    assert trainable(encoder="mit-b4", r=r) / 1e6 == pytest.approx(millions, abs=0.01)


def test_ablations_remove_what_they_name():
    b4 = {"encoder": "mit-b4", "fep": "fft"}  # the fft prompt has no weights of its own
    assert trainable(**b4) == 7_514_777
    assert trainable(**b4, msfg=False) == 6_997_889
    assert trainable(**b4, tune="frozen") == 1_107_289
    assert trainable(**b4 | {"fep": "none"}) == 5_585_369
    assert trainable(**b4, tune="full", mfa=False) == 61_949_977


def test_defaults_are_the_documented_ones():
    config = MMSNetConfig()
    stated = ("mit-b0", 1, 32, "contourlet", 3, None, "mfa", 0.1, True)
    fields = ("encoder", "r", "frequencies", "fep", "msfg_scales", "pretrained", "tune", "dropout", "mfa")
    assert tuple(getattr(config, field) for field in fields) == stated


def test_frozen_has_neither_adaptor_nor_prompt():
    config = MMSNetConfig(tune="frozen", fep="contourlet")
    assert (config.mfa, config.fep) == (False, "none")


CHOICES = [
    {"tune": "frozen"},
    {"tune": "mfa"},
    {"tune": "full"},
    {"tune": "full", "mfa": False},
    {"tune": "mfa", "r": 8, "fep": "wavelet"},
    {"tune": "mfa", "r": 4, "fep": "fft", "msfg_scales": 1, "frequencies": 1},
    {"tune": "mfa", "fep": "none", "msfg": False},
]


@pytest.mark.parametrize("options", CHOICES, ids=str)
def test_a_step_moves_what_trains_and_nothing_else(options):
    model = nano(**options).train()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    images, masks = torch.randn(4, 3, 64, 64), (torch.rand(4, 1, 64, 64) > 0.5).float()
    segmentation_loss(model(images).logits, masks).backward()
    zero = [name for name, p in model.named_parameters() if p.requires_grad and not p.grad.abs().max() > 0]
    assert zero == []
    optimizer.step()
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {name for name, p in model.named_parameters() if p.requires_grad}
    encoder_moved = any(name.startswith("encoder.") for name in moved)
    assert encoder_moved == (options["tune"] == "full")


def test_mfa_trains_with_a_large_encoder_too():
    """MiT-B4 at r = 1: every trainable tensor has a gradient, no frozen one does."""
    model = MMSNet(MMSNetConfig(encoder="mit-b4")).train()
    segmentation_loss(model(torch.randn(2, 3, 64, 64)).logits, torch.ones(2, 1, 64, 64)).backward()
    for name, p in model.named_parameters():
        assert (p.grad is not None and p.grad.abs().max() > 0) == p.requires_grad, name


def test_frozen_encoder_stays_in_eval_mode():
    model = nano()
    assert not any(module.training for module in model.encoder.modules())  # from construction on
    model.train()
    assert model.decoder.training
    assert not any(module.training for module in model.encoder.modules())
    assert nano(tune="full").train().encoder.training


def test_forward_is_features_then_decode():
    model, x = nano().eval(), torch.randn(2, 3, 96, 96)
    output = model(x)
    assert output.logits.shape == (2, 1, 96, 96)
    assert [f.shape[1:] for f in output.features] == [(16, 24, 24), (32, 12, 12), (80, 6, 6), (128, 3, 3)]
    assert_close(output.logits, model.decode(model.features(x)))


def test_without_the_branch_the_features_are_the_encoders():
    model, x = nano(tune="full", mfa=False).eval(), torch.randn(1, 3, 64, 64)
    for ours, bare in zip(model.features(x), model.encoder(x), strict=True):
        assert_close(ours, bare)


def test_samples_of_a_batch_do_not_touch_each_other():
    model, x = nano().eval(), torch.randn(3, 3, 64, 64)
    assert_close(model(x).logits[1:2], model(x[1:2]).logits, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoder": "resnet"}, "encoder 'resnet' is unknown"),
        ({"r": 5}, "r = 5 does not divide the stage widths"),
        ({"tune": "lora"}, "tune = 'lora' is unknown"),
        ({"tune": "mfa", "mfa": False}, "needs the adaptor branch"),
        ({"fep": "gabor"}, "fep = 'gabor' is unknown"),
        ({"frequencies": 33}, "choose K from 1 to 32"),
        ({"msfg_scales": 0}, "choose S from 1 to 3"),
        ({"dropout": 1.0}, "probability"),
        ({"width": 63}, "even number"),
        ({"r": 2.0}, "r = 2.0 is no whole number"),
        ({"levels": 5}, "give a tuple such as"),
        ({"levels": (2, 3)}, "three levels"),
        ({"levels": (2, 3, 1)}, "levels = .* does not fit: .*2 or more"),
    ],
)
def test_configuration_refuses(options, message):
    with pytest.raises(InputError, match=message):
        MMSNetConfig(**options)


def test_random_weights_touch_no_network():
    code = (
        "import socket\n"
        "def refuse(*_): raise AssertionError('the network was asked')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from mmsnet_lite import MMSNet, MMSNetConfig\n"
        "MMSNet(MMSNetConfig(pretrained=None))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_images_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"shape \(3, 64, 64\) do not fit; give a batch"):
        nano()(torch.randn(3, 64, 64))
    with pytest.raises(InputError, match="give a batch"):
        nano()(torch.randn(1, 1, 64, 64))


def test_size_that_the_levels_do_not_divide_is_refused():
    model = nano(levels=(2, 3, 7))
    with pytest.raises(InputError, match="image size 96x96 does not fit: .*nearest that fit"):
        model.check_size(96, 96)


@pytest.mark.parametrize("fep", ["contourlet", "wavelet", "fft", "none"])
def test_images_need_not_be_square(fep):
    assert nano(fep=fep).eval()(torch.randn(1, 3, 64, 96)).logits.shape == (1, 1, 64, 96)


def test_overfits_four_images():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nano(tune="full").train()
        mix = Mix(mixlite_parts("train", 64, counts={"train": 1, "test": 1}), 64)
        images = normalise(torch.stack([sample["image"] for sample in mix]))
        masks = torch.stack([sample["mask"] for sample in mix]).float()
        optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
        worst = 0.0
        for step in range(1, 201):
            optimizer.zero_grad()
            segmentation_loss(model(images).logits, masks).backward()
            optimizer.step()
            if step % 20 == 0:
                with torch.no_grad():
                    worst = image_metrics(model.eval()(images).logits, masks)[:, 0].min().item()
                model.train()
                if worst > 0.95:
                    break
    assert worst > 0.95


def test_with_zero_init_a_fresh_network_has_the_bare_encoders_features():
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    model = MMSNet(MMSNetConfig(encoder="mit-nano", width=32, zero_init=True)).eval()
    with torch.no_grad():
        for ours, bare in zip(model(x).features, model.encoder(x), strict=True):
            assert torch.equal(ours, bare)


def test_an_untuned_stage_gets_no_prompt():
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    model = MMSNet(MMSNetConfig(encoder="mit-nano", width=32, tuning_stages=(3,))).eval()
    with torch.no_grad():
        same = [torch.equal(a, b) for a, b in zip(model(x).features, model.encoder(x), strict=True)]
    assert same == [True, True, False, False]
