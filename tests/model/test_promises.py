"""What the network promises as a whole: what trains, the same numbers twice, bfloat16, any image, torch.export."""

import io

import pytest
import torch
from torch.export import Dim, export
from torch.testing import assert_close

from mmsnet_lite import MMSNet, MMSNetConfig
from mmsnet_lite.data import normalise, synthetic
from mmsnet_lite.model.fep import build_fep
from mmsnet_lite.model.msfg import MSFG
from mmsnet_lite.training import segmentation_loss

BATCH = {0: Dim("batch", min=1, max=64)}


def nano(seed=0, **options):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return MMSNet(MMSNetConfig(encoder="mit-nano", width=32, **options))


@pytest.mark.parametrize(
    ("options", "trained"),
    [
        ({"tune": "frozen"}, {"decoder"}),
        ({"tune": "mfa"}, {"fep", "mfa", "decoder"}),
        ({"tune": "mfa", "fep": "none"}, {"mfa", "decoder"}),
        ({"tune": "mfa", "fep": "fft"}, {"mfa", "decoder"}),  # the Fourier prompt has no weights
        ({"tune": "full"}, {"encoder", "fep", "mfa", "decoder"}),
        ({"tune": "full", "mfa": False}, {"encoder", "decoder"}),
    ],
    ids=str,
)
def test_these_modules_train_all_of_each_and_no_other(options, trained):
    model = nano(**options)
    by_module = {name: {p.requires_grad for p in module.parameters()} for name, module in model.named_children()}
    by_module = {name: found for name, found in by_module.items() if found}
    assert by_module == {name: {name in trained} for name in by_module}
    assert trained <= by_module.keys()


def trained_weights(seed):
    """The state after three steps of MFA-tuning on noise, from `seed`."""
    with torch.random.fork_rng():
        model = nano(seed, fep="contourlet", frequencies=32).train()
        torch.manual_seed(seed)
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
        for _ in range(3):
            images, masks = torch.randn(4, 3, 64, 64), (torch.rand(4, 1, 64, 64) > 0.5).float()
            optimizer.zero_grad()
            segmentation_loss(model(images).logits, masks).backward()
            optimizer.step()
    return model.state_dict()


def test_deterministic_mode_gives_the_same_weights_twice():
    torch.use_deterministic_algorithms(True)
    try:
        first, second, other = (trained_weights(seed) for seed in (0, 0, 1))
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["decoder.predict.weight"], other["decoder.predict.weight"])


def test_bfloat16_autocast_stays_close_at_mit_b0():
    """Also apart from the logits' mean, which a wrong network would share."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = MMSNet(MMSNetConfig(encoder="mit-b0")).eval()
    kinds = ("fundus", "colonoscopy", "ultrasound", "dermoscopy")
    images = [torch.from_numpy(synthetic.draw(kind, seed=0, index=0, size=128)[0]).permute(2, 0, 1) for kind in kinds]
    x = normalise(torch.stack(images))
    with torch.no_grad():
        whole = model(x).logits
        with torch.autocast("cpu", torch.bfloat16):
            half = model(x).logits.float()
    assert (half - whole).norm() / whole.norm() <= 2e-2
    assert (half - whole).norm() / (whole - whole.mean()).norm() <= 3e-2


@pytest.mark.parametrize(
    "options", [{}, {"pool": "rms", "zero_init": True}, {"fep": "wavelet"}, {"fep": "fft"}], ids=str
)
def test_black_white_and_noise_give_finite_logits_and_gradients(options):
    model = nano(**options).train()
    pixels = torch.stack([torch.zeros(3, 64, 64), torch.full((3, 64, 64), 255.0), torch.rand(3, 64, 64) * 255])
    for images in (pixels[:1].repeat(2, 1, 1, 1), pixels[1:2].repeat(2, 1, 1, 1), pixels):
        model.zero_grad()
        logits = model(normalise(images)).logits
        assert logits.isfinite().all()
        segmentation_loss(logits, torch.zeros_like(logits)).backward()
        assert all(p.grad.isfinite().all() for p in model.parameters() if p.requires_grad)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert model.eval()(normalise(pixels)).logits.isfinite().all()


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_random_images_give_finite_logits(count):
    """Noise of every brightness and contrast, down to a single grey; one NaN in, and the check fails."""
    model = nano().eval()

    def finite(images):
        with torch.no_grad():
            return bool(model(normalise(images)).logits.isfinite().all())

    for _ in range(count // 50):
        low, high = torch.rand(2, 50, 3, 1, 1) * 255
        images = (low + (high - low) * torch.rand(50, 3, 64, 64) * (torch.rand(50, 1, 1, 1) > 0.1)).round()
        assert finite(images)
    images[7, 1, 5, 5] = float("nan")
    assert not finite(images)


def check_export(module, x, other, select=lambda output: output):
    """The exported program gives `module`'s numbers, for the batch it was traced with and another."""
    program = export(module, (x,), dynamic_shapes=(BATCH,))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    exported = torch.export.load(file).module()
    with torch.no_grad():
        for images in (x, other):
            assert_close(select(exported(images)), select(module(images)), atol=1e-5, rtol=0)


def test_prompt_and_guidance_export_with_any_batch():
    check_export(build_fep("contourlet", (2, 2, 2)), torch.randn(2, 3, 32, 48), torch.randn(5, 3, 32, 48))
    check_export(MSFG(8, scales=1, frequencies=3).eval(), torch.randn(2, 8, 14, 14), torch.randn(5, 8, 14, 14))


@pytest.mark.slow
def test_the_network_exports_with_any_batch_and_goes_on_as_before():
    """Nothing of the trace stays in what is cached: at a size first met in it, the network explains and trains."""
    model = nano(fep="contourlet").eval()
    x = torch.randn(2, 3, 96, 160)
    check_export(model, x, torch.randn(5, 3, 96, 160), lambda output: output.logits)
    with torch.no_grad():
        assert torch.equal(model.explain(x).logits, model(x).logits)
    model.train()(x).logits.sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.requires_grad)
