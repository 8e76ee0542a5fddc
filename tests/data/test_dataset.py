"""Mixes, MixLite as a mix, and what may not be in both training and test."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from mmsnet_lite.data import (
    Mix,
    Part,
    PreparedFolder,
    check_disjoint,
    drop_trained,
    folder_parts,
    mixlite_parts,
    normalise,
    read_image,
    read_mask,
    resize_pair,
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
    assert mix.labels == ["ultrasound"] * 2 + ["right"] * 2


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
    with pytest.raises(InputError, match="MixLite draws 32 to 1024"):
        Mix(mixlite_parts("train", 8, counts={"train": 1, "test": 1}), 8)


def test_datasets_are_named_once(root):
    with pytest.raises(InputError, match="name each dataset once"):
        folder_parts(root, ["left", "left"], "train")
    with pytest.raises(InputError, match="nowhere does not exist"):
        folder_parts(root, ["nowhere"], "train")


def test_a_dataset_is_a_name_and_no_path(root):
    with pytest.raises(InputError, match=r"dataset '\.\./left' is a path"):
        folder_parts(root, ["../left"], "train")


def part(dataset, *stems):
    return Part(dataset, dataset, stems, load=None)


def test_a_picture_in_both_splits_is_refused_with_its_number():
    assert check_disjoint([part("left", "a", "b"), part("right", "c")], [part("left", "c"), part("right", "a")]) is None
    with pytest.raises(InputError, match="^1 of 2 test images also trained on: left/b; keep each in one split"):
        check_disjoint([part("left", "a", "b")], [part("left", "b", "c")])


def test_a_picture_is_the_same_in_whatever_dataset_holds_it():
    """ISIC 2018 trains on images that ISIC 2017 tests on; Kvasir and CVC-300 share the frames of ClinicDB."""
    train = [part("isic2018", *(f"ISIC_000000{i}" for i in range(5))), part("kvasir", "clinicdb_007")]
    test = [part("isic2017", *(f"ISIC_000000{i}" for i in range(9))), part("clinicdb", "clinicdb_007", "clinicdb_008")]
    shown = r"isic2017/ISIC_0000000 \(in isic2018\), isic2017/ISIC_0000001 \(in isic2018\), .*, \.\.\.;"
    with pytest.raises(InputError, match=f"6 of 11 test images also trained on: {shown}"):
        check_disjoint(train, test)
    left = drop_trained(train, test)
    assert [(p.dataset, p.stems) for p in left] == [
        ("isic2017", tuple(f"ISIC_000000{i}" for i in range(5, 9))),
        ("clinicdb", ("clinicdb_008",)),
    ]
    assert check_disjoint(train, left) is None


def test_leaving_out_what_is_trained_on_goes_by_picture_and_drops_empty_parts():
    test = [part("isic2017", "ISIC_0000003"), part("left", "a", "b"), part("right", "a", "b")]
    left = drop_trained([part("isic2018", "ISIC_0000003"), part("left", "a")], test)
    assert [(p.dataset, p.stems) for p in left] == [("left", ("b",)), ("right", ("a", "b"))]


def test_a_mix_of_folders_reads_what_the_files_hold_and_takes_parts_of_a_split(root):
    """A part with some of a split's stems reads them from the cache of the whole split, in its own order."""
    (whole,) = folder_parts(root, ["right"], "train")
    mix = Mix([replace(whole, stems=("d", "b"))], 32)
    in_memory = Mix([replace(whole, cache=None, stems=("d", "b"))], 32)
    for sample, other, stem in zip(mix, in_memory, ("d", "b"), strict=True):
        image, mask = resize_pair(*PreparedFolder(root / "right").read(stem), 32)
        assert (sample["stem"], other["stem"]) == (stem, stem)
        for s in (sample, other):
            assert_close(s["image"], torch.from_numpy(image).permute(2, 0, 1).contiguous(), rtol=0, atol=0)
            assert_close(s["mask"], torch.from_numpy(mask)[None], rtol=0, atol=0)
            assert s["image"].is_contiguous()


def test_images_that_memory_cannot_hold_are_refused():
    huge = Part("drawn", "drawn", ("a",) * 1000, load=None)
    with pytest.raises(InputError, match=r"1000 images of 99999968 px need \d+ GiB of memory"):
        Mix([huge], 99_999_968)


def test_masks_of_a_mix_are_binary():
    mix = Mix(mixlite_parts("train", 64, counts={"train": 2, "test": 1}), 64)
    assert {int(v) for sample in mix for v in np.unique(sample["mask"])} == {0, 1}
