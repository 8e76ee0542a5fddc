"""Where a network looks and how sharp its edges are: against brute force and made-up maps."""

import math

import pytest
import torch

from mmsnet_lite.analysis import boundary_iou, cam_auroc, edge_width, localisation
from mmsnet_lite.build import build_model
from mmsnet_lite.data import Mix, mixlite_parts


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


def test_boundary_iou_sees_an_edge_that_iou_hardly_does():
    a, b = disc(28), disc(26)
    iou = float((a & b).sum() / (a | b).sum())
    assert iou > 0.85
    assert boundary_iou(b, a)[0] < 0.3


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
