"""Procedural scenes: the labels say what the formulas drew."""

import pytest
import torch
from torch.testing import assert_close

from mmsnet_lite.frequency.fourier import power_spectrum
from mmsnet_lite.pretraining import OUTLINES, draw_scenes
from mmsnet_lite.pretraining.scenes import DIRECTIONS, LAYERS, SLOPES, _depths, _Dice, _radii, _textures


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def scenes():
    return draw_scenes(48, 64, seeded())


def test_one_seed_draws_one_batch_and_leaves_the_global_generator_alone():
    state = torch.get_rng_state()
    first, again, other = (draw_scenes(2, 64, seeded(seed)) for seed in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.images, other.images)


def test_values_are_in_their_documented_ranges(scenes):
    assert 0 <= scenes.images.min() < 0.1
    assert 0.9 < scenes.images.max() <= 1
    ranges = {"outline": (-1, len(OUTLINES)), "slope": (0, SLOPES), "direction": (0, DIRECTIONS)}
    for name, (low, high) in ranges.items():  # every class occurs, and no other
        assert getattr(scenes, name).unique().tolist() == list(range(low, high))


def test_depth_is_positive_on_objects_and_nowhere_else(scenes):
    assert torch.equal(scenes.depth > 0, scenes.outline >= 0)
    assert (scenes.depth[scenes.outline < 0] == 0).all()


def test_labels_are_the_topmost_objects():
    """Against painting the labels one object after the other."""
    dice, scenes = _Dice(seeded(3)), draw_scenes(8, 64, seeded(3))
    _, slopes, directions = _textures(dice, 8, 64)
    depth, outlines = _depths(dice, 8, 64)
    outline, slope, direction = (torch.full((8, 64, 64), -1) for _ in range(3))
    for b in range(8):
        slope[b], direction[b] = slopes[b, 0], directions[b, 0]
        for i in range(LAYERS):
            inside = depth[b, i] > 0
            outline[b][inside] = outlines[b, i]
            slope[b][inside], direction[b][inside] = slopes[b, i + 1], directions[b, i + 1]
    assert torch.equal(outline, scenes.outline)
    assert torch.equal(slope, scenes.slope)
    assert torch.equal(direction, scenes.direction)


def test_every_scene_holds_an_object_and_background_prevails(scenes):
    share = (scenes.outline >= 0).float().mean((1, 2))
    assert (share > 0).float().mean() > 0.9  # some lie beyond the border
    assert 0.15 < share.mean() < 0.5


def test_the_leading_harmonic_of_a_lobed_outline_is_its_class():
    radii, _, outline = _radii(_Dice(seeded()), 64)
    lobes = torch.tensor([int(name.split()[0]) if "lobes" in name else 0 for name in OUTLINES])[outline]
    harmonics = torch.fft.rfft(radii.log() - radii.log().mean(-1, keepdim=True)).abs()[..., 3:10]  # 2 is the ellipse's
    lobed = lobes > 0
    assert lobed.sum() > 50
    right = (harmonics.argmax(-1) + 3 == lobes)[lobed].float().mean()
    assert right > 0.95


def test_a_rough_outline_spreads_over_the_harmonics():
    radii, _, outline = _radii(_Dice(seeded(1)), 256)
    harmonics = torch.fft.rfft(radii.log()).abs()[..., 3:10]
    purity = harmonics.amax(-1) / harmonics.sum(-1)
    assert purity[outline == OUTLINES.index("3 lobes")].mean() > purity[outline == OUTLINES.index("rough")].mean() + 0.2


def test_textures_have_the_direction_that_their_class_names():
    textures, _, direction = _textures(_Dice(seeded()), 32, 64)
    power = torch.fft.fft2(textures.double()).abs().square()
    f = torch.fft.fftfreq(64, dtype=torch.float64)
    doubled = (2 * torch.atan2(f[:, None], f)).expand_as(power)  # an axis, not an arrow: the angle is doubled
    mean = torch.complex((power * doubled.cos()).sum((-2, -1)), (power * doubled.sin()).sum((-2, -1)))
    strength = mean.abs() / power.sum((-2, -1))
    named = direction > 0
    assert strength[named].mean() > strength[~named].mean() + 0.3
    wanted = 2 * direction[named] * torch.pi / (DIRECTIONS - 1)
    error = torch.remainder(mean.angle()[named] - wanted + torch.pi, 2 * torch.pi) - torch.pi
    assert (error.abs() < torch.pi / (DIRECTIONS - 1)).float().mean() > 0.9


def test_textures_fall_off_as_their_class_names():
    textures, slope, _ = _textures(_Dice(seeded(2)), 128, 64)
    power = power_spectrum(textures.double()).flatten(0, 1)
    f = torch.hypot(torch.fft.fftfreq(64)[:, None], torch.fft.fftfreq(64)).expand_as(power)
    fine = (power * (f > 0.2)).sum((-2, -1)) / (power * (f > 0)).sum((-2, -1))
    shares = [fine[slope.flatten() == s].mean() for s in range(SLOPES)]
    assert shares[0] > shares[1] + 0.1 > shares[2] + 0.2


def test_textures_have_mean_zero_and_variance_one():
    textures, _, _ = _textures(_Dice(seeded()), 4, 64)
    assert_close(textures.mean((-2, -1)), torch.zeros(4, LAYERS + 1), atol=1e-4, rtol=0)
    assert_close(textures.var((-2, -1)), torch.ones(4, LAYERS + 1), atol=1e-3, rtol=0)


def test_harder_scenes_have_fainter_objects():
    def contrast(hardness):
        scenes = draw_scenes(64, 64, seeded(), hardness)
        inside = (scenes.outline >= 0)[:, None]
        some = inside.flatten(1).any(1)
        means = [(scenes.images * part).sum((2, 3)) / part.sum((2, 3)).clamp(min=1) for part in (inside, ~inside)]
        return (means[0] - means[1])[some].abs().mean()

    assert contrast(0.0) > 1.2 * contrast(1.0)
