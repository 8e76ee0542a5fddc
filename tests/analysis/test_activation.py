"""Activation maps: captum's Grad-CAM on the same modules, and a network whose maps are known by hand."""

import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn
from torch.testing import assert_close

from mmsnet_lite import MMSNet, MMSNetConfig, SegmentationOutput
from mmsnet_lite.analysis import grad_cam, intermediates
from mmsnet_lite.baselines.segformer import SegFormer, SegFormerConfig
from mmsnet_lite.baselines.unet import UNet
from mmsnet_lite.errors import InputError


@pytest.fixture(scope="module")
def model():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MMSNet(MMSNetConfig(encoder="mit-nano", width=32, frequencies=4)).train()


@pytest.fixture
def images():
    return torch.randn(2, 3, 96, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def region():
    region = torch.zeros(2, 1, 96, 64, dtype=torch.bool)
    region[0, :, 10:40, 5:50] = region[1, :, 60:90, 30:] = True
    return region


def captums(model, layer, images, region, **options):
    model.eval()

    def score(x):
        return (model(x).logits * region).sum((1, 2, 3))

    return LayerGradCam(score, layer).attribute(images.clone().requires_grad_(), relu_attributions=True, **options)


@pytest.mark.parametrize("whole", [True, False], ids=["Grad-CAM", "Seg-Grad-CAM"])
def test_equals_captums(whole, model, images, region):
    region = torch.ones_like(region) if whole else region
    ours = grad_cam(model, images, None if whole else region)
    assert {f"{name} {s}" for name in ("features", "guidance") for s in (1, 2, 3, 4)} | {"frequency"} == set(ours)
    for s in range(4):
        guidance = captums(model, model.decoder.guide[s], images, region)
        assert_close(ours[f"guidance {s + 1}"], guidance.detach(), atol=1e-5, rtol=1e-5)
        features = captums(model, model.decoder.reduce[s], images, region, attribute_to_layer_input=True)
        assert_close(ours[f"features {s + 1}"], features.detach(), atol=1e-5, rtol=1e-5)
    assert sum(bool(each.any()) for each in ours.values()) >= 7  # not a comparison of zeros


class Known(nn.Module):
    """Logits are the first map less half of the second; a deeper map repeats the first, so it acts twice."""

    def forward(self, x):
        first = x[:, :2] * 1.0
        deep = first[:, :1] * 2
        return SegmentationOutput(first[:, :1] - first[:, 1:] / 2 + deep, (first, deep))


def test_a_map_known_by_hand(images, region):
    """Convention: the derivative is the whole one: 1 + 2 for the first channel, which acts through the deep map"""
    share = region.float().mean((2, 3), keepdim=True)
    cam = grad_cam(Known(), images, region)
    assert_close(cam["features 1"], (share * (3 * images[:, :1] - images[:, 1:2] / 2)).relu())
    assert_close(cam["features 2"], (share * 2 * images[:, :1]).relu())


def test_images_of_a_batch_do_not_mix(model, images, region):
    both = grad_cam(model, images, region)
    for i in range(2):
        alone = grad_cam(model, images[i : i + 1], region[i : i + 1])
        for name, cam in both.items():
            assert_close(cam[i : i + 1], alone[name], atol=1e-5, rtol=1e-3)


def test_weights_scale_a_region(model, images, region):
    """A region may weigh pixels; CAM is linear in it as long as nothing changes sign."""
    one, three = grad_cam(model, images, region), grad_cam(model, images, 3.0 * region)
    for name, cam in one.items():
        assert_close(3 * cam, three[name], atol=1e-5, rtol=1e-4)


def test_the_network_is_left_alone(model, images):
    model.train()
    model.decoder.dropout.eval()
    before = [m.training for m in model.modules()]
    buffers = [buffer.clone() for buffer in model.buffers()]
    with torch.no_grad():
        grad_cam(model, images)
    assert [m.training for m in model.modules()] == before
    assert all(torch.equal(a, b) for a, b in zip(model.buffers(), buffers, strict=True))
    assert all(parameter.grad is None for parameter in model.parameters())
    assert images.grad is None
    assert not images.requires_grad


def test_names_are_of_what_is_there(images):
    bare = MMSNet(MMSNetConfig(encoder="mit-nano", width=32, frequencies=4, tune="frozen", msfg=False))
    segformer = SegFormer(SegFormerConfig(encoder="mit-nano"))
    for network in (bare, segformer):
        assert list(grad_cam(network, images)) == [f"features {s}" for s in (1, 2, 3, 4)]
    logits, maps = intermediates(segformer.eval(), images)
    assert_close(logits, segformer(images).logits)
    assert [tuple(each.shape[2:]) for each in maps.values()] == [(24, 16), (12, 8), (6, 4), (3, 2)]


def test_bad_input_is_named(model, images, region):
    with pytest.raises(InputError, match="does not fit; give one mask an image"):
        grad_cam(model, images, region[:1])
    region[1] = False
    with pytest.raises(InputError, match="the region of image 1 is empty"):
        grad_cam(model, images, region)
    with pytest.raises(InputError, match="shows no intermediates"):
        grad_cam(UNet(), images)
