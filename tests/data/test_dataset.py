"""Mixes, MixLite as a mix, the validation part, flips."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from mmsnet_lite.data import (
    Mix,
    check_disjoint,
    folder_parts,
    mixlite_parts,
    normalise,
    random_flips,
    read_image,
    read_mask,
    split_validation,
)
from mmsnet_lite.errors import InputError


def test_a_mix_keeps_dataset_and_modality_of_each_sample(root):
    (root / "left" / "card.json").write_text('{"modality": "ultrasound"}')
    mix = Mix(folder_parts(root, ["left", "right"], "test"), 64)
    where = [(sample["dataset"], sample["modality"], sample["stem"], sample["index"]) for sample in mix]
    assert where == [
        ("left", "ultrasound", "e", 0),
        ("left", "ultrasound", "f", 1),
        ("right", "right", "e", 2),
        ("right", "right", "f", 3),
    ]
    assert mix.modalities == ["ultrasound", "right"]


def test_samples_are_the_files(root):
    sample = Mix(folder_parts(root, ["left"], "train"), 64)[1]
    assert_close(sample["image"], torch.from_numpy(read_image(root / "left/images/b.png")).permute(2, 0, 1))
    assert_close(sample["mask"][0], torch.from_numpy(read_mask(root / "left/masks/b.png")))


def test_normalise_is_imagenets():
    x = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    expected = (x[:, 1].double() / 255 - 0.456) / 0.224
    assert_close(normalise(x)[:, 1].double(), expected, atol=1e-6, rtol=0)


def test_mixlite_splits_share_nothing_and_repeat_exactly():
    counts = {"train": 3, "test": 2}
    train, again = (Mix(mixlite_parts("train", 64, counts=counts), 64) for _ in range(2))
    test = Mix(mixlite_parts("test", 64, counts=counts), 64)
    assert [s["modality"] for s in test] == ["fundus"] * 2 + ["colonoscopy"] * 2 + ["ultrasound"] * 2 + [
        "dermoscopy"
    ] * 2
    assert all(torch.equal(a["image"], b["image"]) for a, b in zip(train, again, strict=True))
    pictures = [s["image"].numpy().tobytes() for mix in (train, test) for s in mix]
    assert len(set(pictures)) == len(pictures)
    other = Mix(mixlite_parts("train", 64, seed=1, counts=counts), 64)
    assert not torch.equal(other[0]["image"], train[0]["image"])


def test_mixlite_refuses_an_unknown_split_and_a_size_it_cannot_draw():
    with pytest.raises(InputError, match="no split 'val'; choose one of train, test"):
        mixlite_parts("val", 64)
    with pytest.raises(InputError, match="MixLite cannot be drawn"):
        Mix(mixlite_parts("train", 8, counts={"train": 1, "test": 1}), 8)


def test_validation_is_a_part_of_each_dataset(root):
    parts = folder_parts(root, ["left", "right"], "train")
    kept, held = split_validation(parts, 0.5, seed=3)
    for part, a, b in zip(parts, kept, held, strict=True):
        assert (a.dataset, b.dataset) == (part.dataset, part.dataset)
        assert len(b.stems) == 2
        assert sorted(a.stems + b.stems) == sorted(part.stems)
    assert split_validation(parts, 0.5, seed=3)[1] == held
    assert len({split_validation(parts, 0.5, seed=s)[1][0].stems for s in range(8)}) > 1


def test_validation_share_is_never_above_the_asked_one():
    parts = mixlite_parts("train", 64, counts={"train": 59, "test": 1})
    assert [len(part.stems) for part in split_validation(parts, 0.05)[1]] == [2, 2, 2, 2]


def test_validation_refuses(root):
    parts = folder_parts(root, ["left"], "train")
    with pytest.raises(InputError, match="validation fraction 1"):
        split_validation(parts, 1)
    with pytest.raises(InputError, match="seed = -1"):
        split_validation(parts, 0.5, seed=-1)
    (root / "left/splits/train.txt").write_text("a\n")
    with pytest.raises(InputError, match="left has 1 training image"):
        split_validation(folder_parts(root, ["left"], "train"), 0.1)


def test_datasets_are_named_once(root):
    with pytest.raises(InputError, match="name each dataset once"):
        folder_parts(root, ["left", "left"], "train")
    with pytest.raises(InputError, match="nowhere does not exist"):
        folder_parts(root, ["nowhere"], "train")


def test_a_dataset_is_a_name_and_no_path(root):
    with pytest.raises(InputError, match=r"dataset '\.\./left' is a path"):
        folder_parts(root, ["../left"], "train")


def test_a_stem_in_both_splits_is_refused(root):
    train, test = (folder_parts(root, ["left", "right"], split) for split in ("train", "test"))
    assert check_disjoint(train, test) is None
    (root / "right/splits/test.txt").write_text("e\nb\n")
    with pytest.raises(InputError, match="right lists 'b' for training and for test"):
        check_disjoint(train, folder_parts(root, ["left", "right"], "test"))


def test_flips_are_joint_seeded_and_all_four_occur():
    images = torch.arange(64 * 12, dtype=torch.float32).view(64, 3, 2, 2)
    flipped, masks = random_flips(images, images[:, :1].clone(), torch.Generator().manual_seed(0))
    again, _ = random_flips(images, images[:, :1], torch.Generator().manual_seed(0))
    assert torch.equal(flipped, again)
    assert torch.equal(flipped[:, :1], masks)
    kinds = set()
    for image, out in zip(images, flipped, strict=True):
        fits = [k for k, axes in enumerate([(), (-1,), (-2,), (-1, -2)]) if torch.equal(out, image.flip(axes))]
        assert len(fits) == 1
        kinds |= set(fits)
    assert kinds == {0, 1, 2, 3}


def test_masks_of_a_mix_are_binary():
    mix = Mix(mixlite_parts("train", 64, counts={"train": 2, "test": 1}), 64)
    assert {int(v) for sample in mix for v in np.unique(sample["mask"])} == {0, 1}
