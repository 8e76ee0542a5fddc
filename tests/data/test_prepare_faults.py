"""Odd files that are prepared all the same, and faults: one clear line, and a root that the next run mends."""

import errno
from dataclasses import replace

import numpy as np
import pytest
from layouts import SIDE, build, encoded, grey, noise, outline, prepare_with
from PIL import Image

from mmsnet_lite.data import resize_image
from mmsnet_lite.data.prepare import prepare
from mmsnet_lite.errors import InputError

IMAGE, MASK = "TrainDataset/image/149.png", "TrainDataset/mask/149.png"
PIXELS, OUTLINE = noise(IMAGE), outline(IMAGE)


def rotated(orientation, pixels, form="PNG"):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(pixels, form, exif=exif)


def palette_of(pixels):
    return Image.fromarray(pixels).quantize(8)


DEEP = (np.arange(120).reshape(10, 12) * 500).astype(np.uint16)
CMYK = Image.fromarray(np.full((10, 12, 3), (200, 40, 90), np.uint8)).convert("CMYK")
KINDS = {
    "16-bit": (encoded(DEEP), np.dstack([DEEP >> 8] * 3)),
    "grey": (encoded(PIXELS[..., 0]), np.dstack([PIXELS[..., 0]] * 3)),
    "1-bit": (encoded(OUTLINE), np.dstack([grey(OUTLINE)] * 3)),
    "palette": (encoded(palette_of(PIXELS)), np.array(palette_of(PIXELS).convert("RGB"))),
    "palette with alpha": (
        encoded(palette_of(PIXELS), transparency=bytes(8)),
        np.array(palette_of(PIXELS).convert("RGB")),
    ),
    "rgba": (encoded(np.dstack([PIXELS, np.zeros((10, 12), np.uint8)])), PIXELS),
    "cmyk": (encoded(CMYK, "TIFF"), np.full((10, 12, 3), (200, 40, 90))),
    "turned by 180 degrees": (rotated(3, PIXELS), PIXELS),
    "turned, mask as stored": (rotated(6, PIXELS), PIXELS),
    "turned, mask upright": (rotated(6, np.rot90(PIXELS)), PIXELS),
}


@pytest.mark.parametrize("kind", KINDS)
def test_images_of_every_kind_become_rgb(kind, tmp_path):
    file, expected = KINDS[kind]
    image, mask = prepare_with(tmp_path, {IMAGE: file}).read("clinicdb_149")
    assert np.array_equal(image, resize_image(expected.astype(np.uint8), 12, 12))
    assert mask.any()


def test_a_cmyk_jpeg_and_a_jpeg_mask_are_read(tmp_path):
    changes = {
        IMAGE: None,
        MASK: None,
        IMAGE.replace("png", "jpg"): encoded(CMYK, "JPEG", quality=95),
        MASK.replace("png", "jpg"): encoded(grey(OUTLINE), "JPEG", quality=60),
    }
    folder = prepare_with(tmp_path, changes)
    image, mask = folder.read("clinicdb_149")
    assert np.abs(image.mean((0, 1)) - (200, 40, 90)).max() < 8
    assert mask.any()


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.zeros((10, 12), np.uint8), "the mask is empty"),
        (np.full((10, 12), 255, np.uint8), "the mask covers the whole image"),
    ],
)
def test_convention_empty_and_full_masks_are_kept_and_reported(mask, said, tmp_path):
    lines = []
    folder = prepare_with(tmp_path, {MASK: encoded(mask)}, report=lines.append)
    assert lines == [f"kvasir: clinicdb_149: {said}"]
    assert said in (folder.path / "card.json").read_text(encoding="utf-8")
    assert folder.read("clinicdb_149")[1].mean() == mask.mean() / 255
    assert len(folder.stems("train")) == 4


def test_a_target_that_vanishes_at_the_prepared_size_is_reported(tmp_path):
    dot = np.zeros((10, 12), np.uint8)
    dot[4, 4] = 255
    lines = []
    prepare_with(tmp_path, {MASK: encoded(dot)}, size=4, report=lines.append)
    assert lines == ["kvasir: clinicdb_149: the mask is empty"]


def test_an_empty_cup_is_reported(tmp_path):
    lines, rim = [], np.where(OUTLINE, 128, 255).astype(np.uint8)
    name = "Processed_Fundus_Images/Processed_Fundus_Images/ORIGA/train/mask/001.png"
    prepare_with(tmp_path, {name: encoded(rim)}, "origa", "Processed_Fundus_Images.zip", report=lines.append)
    assert lines == ["origa: 001: the cup's mask is empty"]


def test_members_with_blanks_and_chinese_letters_are_read(tmp_path):
    layout = build("busi", 4, 2)
    members = layout.archives["Dataset_BUSI.zip"]
    layout.archives["Dataset_BUSI.zip"] = {f"新建 文件夹/数据/{name}": data for name, data in members.items()}
    root = tmp_path / "数据 集"
    assert sorted(prepare(layout.place(root), root, size=12).stems("train")) == sorted(layout.stems["train"])


TRUNCATED = encoded(noise("large", (64, 64)))[:3000]
FAULTS = {
    "empty image": (
        {IMAGE: b""},
        r"TrainDataset\.zip: 'TrainDataset/image/149\.png' cannot .*empty, 0 bytes\); delete",
    ),
    "empty mask file": ({MASK: b""}, r"TrainDataset\.zip: 'TrainDataset/mask/149\.png' cannot be read as an image"),
    "truncated": ({IMAGE: TRUNCATED}, r"image/149\.png' cannot be read as an image \(.+\); delete .*and get it again"),
    "text": ({IMAGE: b"hello"}, r"image/149\.png' cannot be read as an image \(Pillow knows no such image\)"),
    "no mask": ({MASK: None}, r"1 images without a mask: TrainDataset/image/149\.png"),
    "no image": ({IMAGE: None}, r"1 masks without an image: TrainDataset/mask/149\.png"),
    "other size": ({MASK: encoded(np.zeros((7, 9), np.uint8))}, r"149\.png' is 12x10 and its mask '.*149\.png' 9x7 "),
    "0 and 1": ({MASK: encoded(OUTLINE.astype(np.uint8))}, r"mask/149\.png' holds values of 0 to 1, where .* 128"),
    "one image less": ({IMAGE: None, MASK: None}, r"to train are not the published ones: 1 missing \(clinicdb_149\)"),
    "floating point": ({IMAGE: encoded(Image.new("F", SIDE), "TIFF")}, r"149\.png' holds floating-point numbers"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line_and_the_next_run_goes_on(fault, tmp_path):
    changes, message = FAULTS[fault]
    with pytest.raises(InputError, match=message) as error:
        prepare_with(tmp_path, changes)
    assert "\n" not in str(error.value)
    assert {path.name for path in tmp_path.iterdir()} <= {"downloads", "kvasir.partial"}
    folder = prepare_with(tmp_path, {})
    assert len(list((folder.path / "images").iterdir())) == 6
    assert {path.name for path in tmp_path.iterdir()} == {"downloads", "kvasir"}


def test_unknown_values_of_a_fundus_mask_are_refused(tmp_path):
    name = "Processed_Fundus_Images/Processed_Fundus_Images/REFUGE/test/mask/n0001.png"
    blurred = np.where(OUTLINE, 0, 255).astype(np.uint8)
    blurred[0, :2] = 254, 131
    with pytest.raises(InputError, match=r"REFUGE/test/mask/n0001\.png' holds the values 131, 254; a mask of this"):
        prepare_with(tmp_path, {name: encoded(blurred)}, "refuge", "Processed_Fundus_Images.zip")
    assert not (tmp_path / "refuge").exists()


def test_all_archives_that_are_missing_are_named_at_once(tmp_path):
    spec = build("isic2017", 2, 2).spec()
    with pytest.raises(InputError) as error:
        prepare(spec, tmp_path)
    lines = str(error.value).split("\n")
    assert [line.split()[0] for line in lines] == [archive.name for archive in spec.archives]
    (tmp_path / "downloads" / spec.archives[0].name).write_bytes(b"PK\x05\x06" + bytes(18))
    with pytest.raises(InputError) as error:
        prepare(spec, tmp_path)
    assert [archive.name in str(error.value) for archive in spec.archives] == [False, True, True, True]


def test_a_folder_of_that_name_is_not_touched(tmp_path):
    (tmp_path / "kvasir").mkdir()
    (tmp_path / "kvasir" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"kvasir exists and was not made by prepare; move it away, or choose"):
        prepare_with(tmp_path, {})
    assert (tmp_path / "kvasir" / "mine.txt").read_text() == "mine"


def test_a_folder_of_another_dataset_is_not_taken(tmp_path):
    folder = prepare_with(tmp_path, {})
    spec = replace(build("kvasir", 4, 2).spec(), name="other")
    folder.path.rename(tmp_path / "other")
    with pytest.raises(InputError, match="other was prepared with name = kvasir, but other is wanted"):
        prepare(spec, tmp_path, size=12)


def test_a_full_disk_is_one_line_and_what_is_done_is_kept(tmp_path, monkeypatch):
    written, save = [], Image.Image.save

    def full(image, path, **options):
        written.append(path)
        if len(written) > 9:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        save(image, path, **options)

    layout = build("kvasir", 4, 2)
    spec = layout.place(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(Image.Image, "save", full)
        with pytest.raises(InputError, match=r"cannot be written \(No space left on device\); make room, .* is kept"):
            prepare(spec, tmp_path, size=12)
    assert len(list((tmp_path / "kvasir.partial/masks_original").iterdir())) >= 1
    assert len(prepare(spec, tmp_path, size=12).stems("train")) == 4
