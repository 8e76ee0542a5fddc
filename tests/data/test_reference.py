"""The table of real images is whole and says where it comes from; measuring equals a computation in NumPy."""

import hashlib
import json
import runpy
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmsnet_lite.data import PreparedFolder
from mmsnet_lite.data.reference import (
    CENTRE,
    CENTRE_EDGES,
    NUMBERS,
    REAL_TABLE,
    RING_EDGES,
    RINGS,
    WORDS,
    measure,
    measure_folder,
    real_table,
)
from mmsnet_lite.data.synthetic import draw
from mmsnet_lite.errors import InputError

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared/real"
BENCHMARK = runpy.run_path(str(ROOT / "benchmarks/real_spectra.py"))


def decibels(x, edges):
    """Hann window, weighted mean taken out, squared modulus of the DFT, rings of whole bins; all in NumPy."""
    v = np.sin(np.pi * np.arange(len(x)) / len(x)) ** 2
    v = v[:, None] * v
    power = np.abs(np.fft.fft2(v * (x - (v * x).sum() / v.sum()))) ** 2
    r = np.hypot(*np.meshgrid(np.fft.fftfreq(len(x)), np.fft.fftfreq(len(x))))
    energies = np.array([power[(r >= low) & (r < high)].sum() for low, high in zip(edges, edges[1:], strict=False)])
    return -10 * np.log10(energies / energies.sum())


def luma(image):
    """Of an image of 256 x 256: 2 x 2 pixels averaged."""
    return (image @ np.array([0.299, 0.587, 0.114]) / 255).reshape(128, 2, 128, 2).mean((1, 3))


@pytest.fixture
def root(tmp_path):
    """Two prepared datasets, one with a card, one with a test part only."""
    for name, modality, splits in (("discs", "fundus", ("train", "test")), ("busi", "ultrasound", ("test",))):
        folder = tmp_path / "root" / name
        for room in ("images", "masks", "splits"):
            (folder / room).mkdir(parents=True)
        for index, split in enumerate(splits):
            image, mask = draw(modality, 3, index, 256)
            cv2.imwrite(str(folder / f"images/{split}.png"), image[..., ::-1])
            cv2.imwrite(str(folder / f"masks/{split}.png"), mask * np.uint8(255))
            (folder / f"splits/{split}.txt").write_text(f"{split}\n")
    (tmp_path / "root/discs/card.json").write_text('{"modality": "fundus"}')
    return tmp_path / "root"


# --- measuring -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", ["fundus", "ultrasound"])
def test_convention_measures_equal_numpy(modality):
    image, mask = draw(modality, 0, 0, 256)
    row, grey = measure(image, mask), luma(image)
    np.testing.assert_allclose([row[name] for name in RINGS], decibels(grey, RING_EDGES), atol=1e-3)
    np.testing.assert_allclose([row[name] for name in CENTRE], decibels(grey[32:96, 32:96], CENTRE_EDGES), atol=1e-3)
    assert row["brightness"] == pytest.approx(100 * grey.mean(), abs=1e-4)
    assert row["contrast"] == pytest.approx(100 * grey.std(), abs=1e-4)
    assert row["area"] == pytest.approx(100 * mask.mean())
    assert tuple(row) == NUMBERS


def test_a_grating_is_found_in_its_ring_and_its_centre():
    """32 cycles a side: between 25.4 and 40.3 of ring 8, between 25.4 and 64 of the centre's third."""
    columns = np.arange(256)
    stripes = np.round(127.5 + 100 * np.cos(2 * np.pi * 32 * columns / 256)).astype(np.uint8)
    image = np.broadcast_to(stripes[None, :, None], (256, 256, 3))
    row = measure(image, np.zeros((256, 256)))
    assert min(RINGS, key=row.get) == "ring_8"
    assert min(CENTRE, key=row.get) == "centre_3"
    assert row["ring_8"] < 0.01


def test_slope_of_noise_is_flat_and_pieces_are_counted_with_corners_joined():
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 1)).repeat(3, axis=2).astype(np.uint8)
    mask = np.zeros((40, 40), np.uint8)
    mask[2:6, 2:6] = mask[6:9, 6:9] = mask[20:25, 20:22] = 1
    row = measure(noise, mask)
    assert abs(row["slope"]) < 0.4
    assert row["components"] == 2


def test_refuses_an_image_without_a_spectrum():
    with pytest.raises(InputError, match="single grey level"):
        measure(np.full((200, 300, 3), 77, np.uint8), np.zeros((200, 300)))


# --- the benchmark and the file --------------------------------------------------------------------------------------


def test_the_command_writes_what_measure_says(root, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    card = BENCHMARK["measure_root"](root, out)
    table = real_table(out / "real_spectra.csv")
    assert table.column("modality").tolist() == ["ultrasound", "fundus", "fundus"]  # known names come first
    assert table.column("split").tolist() == ["test", "train", "test"]
    for row in table.rows:
        image, mask = PreparedFolder(root / row["dataset"]).read(row["stem"])
        for name, value in measure(image, mask).items():
            assert row[name] == pytest.approx(value, rel=6e-4, abs=6e-3)
    assert card["images"] == 3
    assert card["sha256"] == hashlib.sha256((out / "real_spectra.csv").read_bytes()).hexdigest()


def test_an_image_without_a_spectrum_is_named(root):
    cv2.imwrite(str(root / "discs/images/train.png"), np.zeros((256, 256, 3), np.uint8))
    with pytest.raises(InputError, match="discs, train: the image is of a single grey level"):
        measure_folder(PreparedFolder(root / "discs"))


def test_committed_table_is_whole():
    table, card = real_table(), json.loads(REAL_TABLE.with_suffix(".json").read_text())
    assert len(table) == card["images"] == 4510
    counts = Counter(zip(table.column("modality").tolist(), table.column("split").tolist(), strict=True))
    assert {f"{modality} {split}": n for (modality, split), n in counts.items()} == card["by_modality_and_split"]
    assert hashlib.sha256(REAL_TABLE.read_text().encode()).hexdigest() == card["sha256"]
    assert REAL_TABLE.stat().st_size <= 700_000
    np.testing.assert_allclose((10**table.rings).sum(1), 1, atol=0.005)
    np.testing.assert_allclose((10**table.centre).sum(1), 1, atol=0.005)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real images are not on this machine")
def test_committed_table_is_what_the_images_say():
    table = real_table()
    for row in table.rows[::451]:
        folder = PreparedFolder(REAL / row["dataset"])
        for name, value in measure(*folder.read(row["stem"])).items():
            assert row[name] == pytest.approx(value, rel=6e-4, abs=2e-2)


def test_writing_and_reading_gives_the_committed_rows_back(tmp_path):
    rows = real_table().rows[:2]
    BENCHMARK["write_table"](rows, tmp_path / "t.csv")
    assert real_table(tmp_path / "t.csv").rows == rows
    assert set(rows[0]) == {*WORDS, *NUMBERS}
