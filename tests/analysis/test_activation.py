"""Activation maps against captum's and maps known by hand; figures of lesions and edges against brute force."""

import math

import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn
from torch.testing import assert_close

from mmsnet_lite import MMSNet, MMSNetConfig, SegmentationOutput
from mmsnet_lite.analysis.activation import boundary_iou, cam_auroc, edge_width, grad_cam, intermediates, localisation
from mmsnet_lite.baselines.segformer import SegFormer, SegFormerConfig
from mmsnet_lite.baselines.unet import UNet, UNetConfig
from mmsnet_lite.build import build_model
from mmsnet_lite.data import Mix, mixlite_parts
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
        grad_cam(UNet(UNetConfig()), images)


def disc(radius: float, size: int = 64, shift: int = 0) -> torch.Tensor:
    line = torch.arange(size) - size / 2 + 0.5
    return (torch.hypot(line - shift, line[:, None]) <= radius)[None, None]


def test_cam_that_is_the_mask_is_perfect_and_its_opposite_is_as_wrong_as_can_be():
    mask = disc(20)
    cam = mask.float()
    assert cam_auroc(cam, mask) == [1.0]
    assert cam_auroc(1 - cam, mask) == [0.0]
    assert cam_auroc(torch.ones(1, 1, 8, 8), mask) == [0.5]
    assert math.isnan(cam_auroc(cam, torch.zeros_like(mask))[0])


def test_a_coarse_cam_is_enlarged_onto_the_mask():
    cam = torch.zeros(1, 1, 4, 4)
    cam[..., 1:3, 1:3] = 1
    assert cam_auroc(cam, disc(12))[0] > 0.98 > 0.6 > cam_auroc(cam.roll(2, 3), disc(12))[0]


def rim(mask: torch.Tensor, radius: float) -> torch.Tensor:
    """Lesion pixels with a background pixel within the radius, tried one by one."""
    inside, outside = mask[0, 0].nonzero().double(), (~mask[0, 0]).nonzero().double()
    near = torch.cdist(inside, outside).amin(1) <= radius + 1e-9
    found = torch.zeros_like(mask)
    found[0, 0, inside[near].long()[:, 0], inside[near].long()[:, 1]] = True
    return found


def test_boundary_iou_equals_brute_force():
    a, b = disc(14), disc(13, shift=2)
    for radius in (1, 2, 3.5):
        p, q = rim(a, radius), rim(b, radius)
        assert boundary_iou(a, b, radius) == pytest.approx([float((p & q).sum() / (p | q).sum())])
    assert boundary_iou(a, a) == [1.0]
    empty = torch.zeros_like(a)
    assert boundary_iou(empty, empty) == [1.0]
    assert boundary_iou(empty, a) == [0.0]


@pytest.mark.parametrize("slope", [1.0, 0.25])
def test_edge_width_of_a_straight_ramp_is_its_width(slope):
    line = ((torch.arange(64) - 31.5) * slope / 4).sigmoid()
    expected = 2 * math.log(9) * 4 / slope  # from 0.1 to 0.9
    assert edge_width(line.expand(1, 1, 64, 64))[0] == pytest.approx(min(expected, 64), abs=1.01)


def test_edge_width_is_none_without_a_contour_and_0_for_a_hard_one():
    assert edge_width(disc(10).float()) == [0.0]
    assert math.isnan(edge_width(torch.full((1, 1, 8, 8), 0.3))[0])


def test_localisation_covers_every_modality_and_map():
    mix = Mix(mixlite_parts("test", 64, counts={"train": 1, "test": 2}), 64)
    net = build_model("mmsnet", {"encoder": "mit-nano", "width": 32})
    found = localisation(net, mix, batch=3)
    assert list(found) == mix.modalities
    maps = {f"{kind} {s}" for kind in ("features", "guidance") for s in (1, 2, 3, 4)} | {"frequency"}
    for figures in found.values():
        assert maps | {"boundary IoU"} <= set(figures) <= maps | {"boundary IoU", "edge width"}
        assert all(0 <= figures[name] <= 1 for name in maps)
    unet = localisation(build_model("unet", {"width": 4}), mix)["fundus"]
    assert set(unet) <= {"boundary IoU", "edge width"}  # it shows no maps
    assert not any(math.isnan(value) for value in unet.values())
