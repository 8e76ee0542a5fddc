"""MixLite: what `mmsnet_lite.data.synthetic` promises about its pictures, tested on the pictures."""

import hashlib
import subprocess
import sys

import cv2
import numpy as np
import pytest
from torch.utils.data import DataLoader, Dataset

from mmsnet_lite.data import synthetic
from mmsnet_lite.data.fingerprint import reference
from mmsnet_lite.data.synthetic import fundus, shapes, texture

MEDIAN_AREA = {"fundus": 0.029, "colonoscopy": 0.098, "ultrasound": 0.052, "dermoscopy": 0.113}
EACH = pytest.mark.parametrize("modality", synthetic.MODALITIES)


@pytest.fixture(scope="module")
def hundred() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """100 samples of each modality at 48 px: images (100, 48, 48, 3) uint8 and masks (100, 48, 48) bool."""
    drawn = {}
    for modality in synthetic.MODALITIES:
        images, masks = zip(*(synthetic.draw(modality, 1, index, 48) for index in range(100)), strict=True)
        drawn[modality] = np.stack(images), np.stack(masks)
    return drawn


def _dsc(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Mean over images of 2 |P and T| / (|P| + |T|); both (n, h, w) bool."""
    overlap = (prediction & truth).sum((1, 2))
    return float(np.mean(2 * overlap / (prediction.sum((1, 2)) + truth.sum((1, 2)))))


@EACH
def test_a_sample_is_a_pure_function_of_its_arguments(modality: str) -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = [synthetic.draw(modality, 3, index, 48) for index in (0, 1, 2)]
    again = [synthetic.draw(modality, 3, index, 48) for index in (2, 1, 0)][::-1]  # Convention: order
    for (image, mask), (image_again, mask_again) in zip(first, again, strict=True):
        assert image.tobytes() == image_again.tobytes()
        assert mask.tobytes() == mask_again.tobytes()
    assert np.array_equal(np.random.get_state()[1], before), "the global generator was used"  # noqa: NPY002


class _Bytes(Dataset):
    """The digest of each of the first twelve samples, three of each modality."""

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> str:
        image, mask = synthetic.draw(synthetic.MODALITIES[index % 4], 7, index, 64)
        return hashlib.sha256(image.tobytes() + mask.tobytes()).hexdigest()


def test_bytes_do_not_depend_on_the_number_of_workers_nor_on_the_run() -> None:
    here = [_Bytes()[index] for index in range(12)]
    for workers in (0, 2):
        loaded = [name for batch in DataLoader(_Bytes(), batch_size=3, num_workers=workers) for name in batch]
        assert loaded == here
    code = (
        "import hashlib; from mmsnet_lite.data import synthetic as s\n"
        "for k in reversed(range(12)):\n"
        "    i, m = s.draw(s.MODALITIES[k % 4], 7, k, 64); print(hashlib.sha256(i.tobytes() + m.tobytes()).hexdigest())"
    )
    another = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert another.stdout.split()[::-1] == here


def test_bytes_do_not_depend_on_opencv_threads() -> None:
    threads = cv2.getNumThreads()
    try:
        digests = []
        for number in (1, 4):
            cv2.setNumThreads(number)
            digests.append([_Bytes()[index] for index in range(4)])
    finally:
        cv2.setNumThreads(threads)
    assert digests[0] == digests[1]


@EACH
def test_seed_and_index_each_give_another_picture(modality: str) -> None:
    here = synthetic.draw(modality, 0, 0, 48)
    for seed, index in ((0, 1), (1, 0)):
        there = synthetic.draw(modality, seed, index, 48)
        assert np.abs(here[0].astype(int) - there[0].astype(int)).mean() > 2
        assert not np.array_equal(here[1], there[1])


@EACH
@pytest.mark.parametrize("size", [32, 45, 300])
def test_contract_of_types_and_shapes_at_any_size(modality: str, size: int) -> None:
    image, mask = synthetic.draw(modality, 0, 5, size)
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8
    assert mask.shape == (size, size)
    assert mask.dtype == np.bool_
    assert int(image.max()) - int(image.min()) > 60
    assert mask.any()


@EACH
def test_lesions_cover_what_they_cover_in_the_real_sets(modality: str, hundred: dict) -> None:
    share = hundred[modality][1].mean((1, 2))
    assert share.min() > 0
    assert share.max() <= 0.7
    assert abs(np.median(share) / MEDIAN_AREA[modality] - 1) < 0.3


def _centres(modality: str) -> np.ndarray:
    """Centroids (150, 2) of x and y, relative."""
    found = []
    for index in range(150):
        y, x = np.nonzero(synthetic.draw(modality, 3, index, 48)[1])
        found.append(((x.mean() + 0.5) / 48, (y.mean() + 0.5) / 48))
    return np.array(found)


def test_lesions_lie_where_they_lie_in_the_real_sets() -> None:
    """Against 101 images of Drishti-GS1 and 647 of BUSI: mean and deviation of the centroid in x and y.

    The mean of 150 draws of the tumour's x has a standard error of 0.012.
    """
    disc, tumour = _centres("fundus"), _centres("ultrasound")
    (x, spread_x), (y, spread_y) = fundus.CENTRE
    np.testing.assert_allclose(disc.mean(0), [x, y], atol=0.015)
    np.testing.assert_allclose(disc.std(0), [spread_x, spread_y], rtol=0.25)
    np.testing.assert_allclose(tumour.mean(0), [0.487, 0.339], atol=0.03)
    np.testing.assert_allclose(tumour.std(0), [0.152, 0.119], rtol=0.25)


def test_area_share_has_the_quantiles_it_is_given() -> None:
    law = shapes.AreaShare(q10=0.02, q50=0.1, q90=0.3, low=0.001, high=0.9)
    np.testing.assert_allclose([law.at(q) for q in (0.1, 0.5, 0.9)], [0.02, 0.1, 0.3], rtol=1e-4)
    assert (law.at(1e-9), law.at(1 - 1e-9)) == (0.001, 0.9)


@EACH
@pytest.mark.parametrize("first", [0, 1_000_000])
def test_any_hundred_samples_have_the_real_lesion_sizes(modality: str, first: int) -> None:
    """Convention: area."""
    share = [synthetic.draw(modality, 7, first + index, 40)[1].mean() for index in range(100)]
    np.testing.assert_allclose(np.quantile(share, [0.1, 0.5, 0.9]), reference()[modality].area, rtol=0.3)


@pytest.mark.parametrize("roughness", [0.0, 0.15])
def test_a_contour_has_exactly_the_area_asked_for(roughness: float) -> None:
    contour = shapes.draw_contour(np.random.default_rng(1), 0.1, (0.5, 0.5), aspect=1.5, angle=0.7, roughness=roughness)
    assert abs(contour.mask(512).mean() - 0.1) < 5e-4


@pytest.mark.parametrize("angle", [0.0, 1.0, 3.1, 5.5])
def test_a_point_of_a_contour_lies_on_its_edge(angle: float) -> None:
    contour = shapes.draw_contour(np.random.default_rng(2), 0.1, (0.5, 0.45), aspect=1.4, roughness=0.1)
    x, y = contour.point(angle)
    assert abs(contour.depth(512)[int(y * 512), int(x * 512)]) < 0.004


def test_a_contour_is_the_ellipse_of_its_formula() -> None:
    contour = shapes.draw_contour(np.random.default_rng(0), 0.08, (0.45, 0.55), aspect=2.0, angle=0.0)
    x, y = shapes.coordinates(200)
    a, b = np.sqrt(0.08 / np.pi * 2.0), np.sqrt(0.08 / np.pi / 2.0)  # long axis along x
    ellipse = ((x - 0.45) / a) ** 2 + ((y - 0.55) / b) ** 2 < 1
    assert (contour.mask(200) != ellipse).mean() < 5e-4


@EACH
@pytest.mark.parametrize("size", [64, 128])
def test_another_size_is_the_same_scene(modality: str, size: int) -> None:
    ious, errors, contrasts = [], [], []
    for index in range(3):
        small, small_mask = synthetic.draw(modality, 1, index, size)
        large, large_mask = synthetic.draw(modality, 1, index, 256)
        reduced = cv2.resize(large_mask.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA) > 0.5
        ious.append((reduced & small_mask).sum() / (reduced | small_mask).sum())
        view = cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA).astype(float)
        errors.append(np.abs(view - small).mean())
        contrasts.append(small.std())
    assert np.mean(ious) > 0.95
    assert np.mean(errors) < 0.1 * np.mean(contrasts)


@EACH
def test_a_size_beyond_the_canvas_is_the_same_scene(modality: str) -> None:
    small, small_mask = synthetic.draw(modality, 1, 3, 256)
    large, large_mask = synthetic.draw(modality, 1, 3, 512)
    reduced = cv2.resize(large_mask.astype(np.float32), (256, 256), interpolation=cv2.INTER_AREA) > 0.5
    assert (reduced & small_mask).sum() / (reduced | small_mask).sum() > 0.97
    view = cv2.resize(large, (256, 256), interpolation=cv2.INTER_AREA).astype(float)
    assert np.corrcoef(view.ravel(), small.ravel())[0, 1] > 0.97


@EACH
def test_no_brightness_threshold_finds_the_lesions(modality: str, hundred: dict) -> None:
    images, masks = hundred[modality]
    channels = [images[..., c] for c in range(3)] + [images.mean(-1)]
    cuts = [(grey, level) for grey in channels for level in range(8, 256, 12)]
    best = max(max(_dsc(grey > level, masks), _dsc(grey < level, masks)) for grey, level in cuts)
    assert best < 0.8


@EACH
def test_the_lesion_is_painted_where_the_mask_is(modality: str, hundred: dict) -> None:
    images, masks = hundred[modality]
    steps = []
    for image, mask in zip(images, masks, strict=True):
        near = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9))).astype(bool) & ~mask
        ring = mask & ~cv2.erode(mask.astype(np.uint8), np.ones((9, 9))).astype(bool)
        steps.append(np.abs(np.median(image[ring], 0) - np.median(image[near], 0)).max())
    assert np.median(steps) > 8, "grey levels between the two sides of the border"
    assert np.quantile(steps, 0.1) > 1.5


def test_only_ultrasound_is_grey(hundred: dict) -> None:
    for modality, (images, _) in hundred.items():
        same = (images[..., 0] == images[..., 1]) & (images[..., 1] == images[..., 2])
        assert same.all() if modality == "ultrasound" else same.mean() < 0.6
        if modality != "ultrasound":
            red, green, blue = images.reshape(-1, 3).mean(0)
            assert red > green > blue, "tissue is red before it is blue"


def test_sloped_noise_has_its_slope() -> None:
    noise = np.stack([texture.sloped_noise(np.random.default_rng(k), 64, 1.5, cells=64) for k in range(30)])
    power = (np.abs(np.fft.fft2(noise)) ** 2).mean(0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(64, 1 / 64), np.fft.fftfreq(64, 1 / 64)))
    inside = (frequency >= 2) & (frequency <= 28)
    slope = np.polyfit(np.log(frequency[inside]), np.log(power[inside]), 1)[0]
    assert abs(slope + 2 * 1.5) < 0.15  # power falls as amplitude squared
    np.testing.assert_allclose([noise.mean(), noise.std()], [0, 1], atol=0.02)


def test_errors_name_what_is_accepted() -> None:
    with pytest.raises(ValueError, match="fundus, colonoscopy, ultrasound, dermoscopy"):
        synthetic.draw("xray", 0, 0, 64)
    for size in (31, 1025):
        with pytest.raises(ValueError, match="32 to 1024"):
            synthetic.draw("fundus", 0, 0, size)
    with pytest.raises(ValueError, match="0 or more"):
        synthetic.draw("fundus", -1, 0, 64)
