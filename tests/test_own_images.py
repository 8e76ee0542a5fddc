"""A folder of one's own images, which the project has never seen: lesson 00's commands, word for word, to the end."""

import csv
import json
import shlex
import shutil

import numpy as np
import pytest
from lessons import LESSONS, read
from PIL import Image

from mmsnet_lite.__main__ import main
from mmsnet_lite.data import PreparedFolder
from mmsnet_lite.errors import InputError

NAME = "Mein Gerät (2024) v1.2"
IMAGES = {  # file: mode, width, height
    "IMG 0001.JPG": ("RGB", 97, 61),
    "patient.07.v2.png": ("L", 128, 128),
    "Läsion_α.PNG": ("RGBA", 301, 77),
    "grau.bmp": ("L", 45, 200),
    "scan (3).jpeg": ("L", 66, 67),
    "16 bit.tif": ("I;16", 80, 80),
    "palette.png": ("P", 120, 90),
    "ÄÖ ü.TIFF": ("RGB", 111, 99),
    "dotted..png": ("RGBA", 20, 23),
    "日本語.png": ("LA", 33, 190),
    "#7 & 'more'.png": ("RGB", 320, 240),
    "camera.jpg": ("RGB", 64, 64),
}


def draw(folder):
    """Write images of all kinds with a bright lesion, and their masks; returns the masks by stem."""
    rng, masks = np.random.default_rng(0), {}
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for name, (mode, width, height) in IMAGES.items():
        stem, mask = name.rsplit(".", 1)[0], np.zeros((height, width), np.uint8)
        mask[height // 4 : height // 2, width // 4 : width // 2 + len(stem)] = 255
        pixels = rng.integers(0, 90, (height, width, 3), np.uint8)
        pixels[mask > 0] += 150
        image = Image.fromarray(pixels)
        image = (
            Image.fromarray(np.array(image.convert("L"), np.uint16) * 257) if mode == "I;16" else image.convert(mode)
        )
        if "A" in mode:
            image.putalpha(int(rng.integers(1, 255)))
        image.save(folder / "images" / name)
        Image.fromarray(mask).save(folder / "masks" / (f"{stem}.PNG" if stem == "grau" else f"{stem}.png"))
        masks[stem] = mask > 0
    for litter in ("images/._camera.jpg", "images/.DS_Store", "images/Thumbs.db", "masks/._camera.png"):
        (folder / litter).write_bytes(b"\0\5\26\7")
    return masks


def commands(root):
    """Lesson 00's commands on one's own images, with this folder in the places of ROOT and NAME."""
    (cell,) = [cell.source for cell in read(LESSONS[0]).cells if "## 8. Your own images" in cell.source]
    found = []
    for line in cell.splitlines():
        if line.startswith("python -m mmsnet_lite "):
            words = [
                word.replace("IMAGE_OR_FOLDER", f"ROOT/{NAME}/images") for word in shlex.split(line, comments=True)
            ]
            found.append([word.replace("ROOT", str(root)).replace("NAME", NAME) for word in words[3:]])
    return found


def dice(a, b):
    return 2 * np.sum(a & b) / (np.sum(a) + np.sum(b))


def test_lesson_00s_commands_take_a_strange_folder_to_the_prediction(tmp_path, monkeypatch, capsys):
    root = tmp_path / "a data root"
    masks = draw(root / NAME)
    monkeypatch.chdir(tmp_path)
    ran = []
    for words in commands(root):
        quick = ["--epochs", "1", "--batch", "4"] if words[0] == "train" else []
        assert main([*words, *quick]) == 0, (words, capsys.readouterr().err)
        ran.append(words[0])
    assert ran == ["split", "data", "data", "train", "curves", "evaluate", "predict"]
    said = capsys.readouterr().out
    assert "error" not in said
    assert "1 in images/ with another ending than .jpg .jpeg .png .bmp .tif .tiff, so not read: Thumbs.db" in said

    folder, run = PreparedFolder(root / NAME), tmp_path / "runs" / f"mmsnet-{NAME}-96-seed0"
    train, test = (folder.stems(split) for split in ("train", "test"))
    assert sorted(train + test) == sorted(masks)
    assert len(test) == round(len(masks) / 5)
    (report,) = json.loads((tmp_path / f"runs/report-{NAME}/report.json").read_text())["fingerprints"]
    assert report["area"][1] == pytest.approx(np.median([masks[stem].mean() for stem in train]), rel=1e-3)
    assert (run / "curves.png").exists()

    predicted = {path.name for path in (run / "predictions").iterdir()}
    assert predicted == {f"{stem}_{kind}.png" for stem in masks for kind in ("mask", "overlay")}
    assert main(["evaluate", "--run", str(run), "--at", "original", "--out", "own.csv"]) == 0
    with open("own.csv", encoding="utf-8", newline="") as file:
        scores = {row["stem"]: float(row["dsc"]) for row in csv.DictReader(file)}
    assert sorted(scores) == sorted(test)
    for stem, mask in masks.items():
        found = np.array(Image.open(run / "predictions" / f"{stem}_mask.png"))
        assert found.shape == mask.shape
        assert set(np.unique(found)) <= {0, 255}
        if stem in scores:
            assert scores[stem] == pytest.approx(dice(found > 0, mask), abs=1e-4)


@pytest.mark.parametrize(
    ("mask", "fix"),
    [
        ("camera_mask.png", "if camera_mask.png is meant, save it as camera.png"),
        ("camera.bmp", "if camera.bmp is meant, save it as camera.png"),
        ("another.png", "add the mask or leave the stem out"),
        ("camera 2.png", "add the mask or leave the stem out"),  # that of another image
    ],
)
def test_a_mask_of_another_name_is_pointed_at(tmp_path, mask, fix):
    draw(tmp_path / NAME)
    masks = tmp_path / NAME / "masks"
    (masks / "camera.png").rename(masks / mask)
    shutil.copy(tmp_path / NAME / "images/camera.jpg", tmp_path / NAME / "images/camera 2.jpg")
    with pytest.raises(InputError, match=f"camera.png does not exist, but an image 'camera' does; {fix}"):
        PreparedFolder(tmp_path / NAME).mask_path("camera")


def test_a_name_that_a_split_file_would_not_keep_is_refused(tmp_path):
    draw(tmp_path / NAME)
    for name, ending in (("images", "jpg"), ("masks", "png")):
        (tmp_path / NAME / name / f"camera.{ending}").rename(tmp_path / NAME / name / f"camera .{ending}")
    with pytest.raises(InputError, match="'camera ' begins or ends with a space; rename"):
        PreparedFolder(tmp_path / NAME).write_splits(0.2)
    assert not (tmp_path / NAME / "splits").exists()


def test_a_camera_that_was_held_sideways_is_noted(tmp_path, capsys):
    draw(tmp_path / NAME)
    image = tmp_path / NAME / "images" / "camera.jpg"
    assert main(["split", str(image.parents[1])]) == 0
    for orientation, noted in ((1, False), (6, True)):
        exif = Image.Exif()
        exif[274] = orientation
        Image.new("RGB", (64, 64), "teal").save(image, exif=exif)
        assert main(["data", "check", "--data", str(tmp_path)]) == 0
        assert ("1 to be turned by EXIF data" in capsys.readouterr().out) == noted
