"""The validation part: a share of each dataset, and what belongs together stays on one side."""

import numpy as np
import pytest

from mmsnet_lite.data import Part, folder_parts, mixlite_parts, split_validation
from mmsnet_lite.data.specs import video
from mmsnet_lite.errors import InputError

SEEDS = range(30)


def part(n, groups=None, dataset="set", stem="{:03d}"):
    return Part(dataset, dataset, tuple(stem.format(i) for i in range(n)), load=None, groups=groups or {})


def straddling(groups, kept, held):
    """The groups with a member on either side."""
    sides = [{groups[stem] for p in parts for stem in p.stems if stem in groups} for parts in (kept, held)]
    return sides[0] & sides[1]


def test_validation_is_a_part_of_each_dataset(root):
    parts = folder_parts(root, ["left", "right"], "train")
    kept, held = split_validation(parts, 0.5, seed=3)
    for whole, a, b in zip(parts, kept, held, strict=True):
        assert (a.dataset, b.dataset) == (whole.dataset, whole.dataset)
        assert len(b.stems) == 2
        assert sorted(a.stems + b.stems) == sorted(whole.stems)
    assert split_validation(parts, 0.5, seed=3)[1] == held
    assert len({split_validation(parts, 0.5, seed=s)[1][0].stems for s in range(8)}) > 1


def test_without_groups_the_part_is_the_head_of_a_seeded_order():
    """As scores before there were groups have it."""
    for seed in SEEDS:
        parts = [part(59), part(40, dataset="other")]
        for i, held in enumerate(split_validation(parts, 0.1, seed)[1]):
            count = int(0.1 * len(parts[i].stems))
            order = np.random.default_rng([seed, i]).permutation(parts[i].stems).tolist()
            assert sorted(held.stems) == sorted(order[:count])


def test_validation_share_is_never_above_the_asked_one():
    parts = mixlite_parts("train", 64, counts={"train": 59, "test": 1})
    assert [len(p.stems) for p in split_validation(parts, 0.05)[1]] == [2, 2, 2, 2]
    groups = {f"{i:03d}": str(i // 3) for i in range(60)}
    sizes = {len(split_validation([part(80, groups)], 0.2, seed)[1][0].stems) for seed in SEEDS}
    assert sizes == {16}  # singles fill what groups of three leave


def test_datasets_with_the_same_pictures_hold_out_the_same_and_keep_the_rest():
    numbers = "ISIC_{:07d}"
    for seed in SEEDS:
        both = [part(10, dataset=name, stem=numbers) for name in ("isic2018", "isic2017")]
        kept, held = split_validation(both, 0.3, seed)
        assert held[0].stems == held[1].stems
        assert [len(p.stems) for p in kept] == [7, 7]
    with pytest.raises(InputError, match="no training image of isic2017 is left"):
        split_validation([part(20, dataset="isic2018", stem=numbers), part(2, dataset="isic2017", stem=numbers)], 0.99)


def test_a_planted_group_never_straddles_and_would_without_its_file():
    groups = {f"{i:03d}": "copies" for i in (3, 17, 31)}
    known = [split_validation([part(40, groups)], 0.3, seed) for seed in SEEDS]
    unknown = [split_validation([part(40)], 0.3, seed) for seed in SEEDS]
    assert not any(straddling(groups, *sides) for sides in known)
    assert any(straddling(groups, *sides) for sides in unknown)
    held = ["003" in sides[1][0].stems for sides in known]
    assert any(held)
    assert not all(held)


def test_frames_of_a_video_stay_together_and_join_what_groups_join():
    """Frames 1 to 79 of CVC-ClinicDB beside single images; one near-duplicate has no partner in the part."""
    frames = part(80, {"clinicdb_030": "g", "clinicdb_599": "g"}, dataset="kvasir", stem="clinicdb_{:03d}")
    frames = Part("kvasir", "colonoscopy", (*frames.stems[1:], *(f"cju{i}" for i in range(300))), None, frames.groups)
    plain = Part("elsewhere", "colonoscopy", tuple(f"frame{s}" for s in frames.stems), None)
    labels = {stem: label for stem in frames.stems if (label := video(stem))}
    assert len(set(labels.values())) > 1
    for seed in SEEDS:
        assert not straddling(labels, *split_validation([frames], 0.2, seed))
    plain_labels = {f"frame{stem}": label for stem, label in labels.items()}
    assert any(straddling(plain_labels, *split_validation([plain], 0.2, seed)) for seed in SEEDS)


def test_groups_join_through_each_other():
    """Video 1 holds a copy of a frame of video 2: all frames of both stay together."""
    stems = [f"clinicdb_{i:03d}" for i in range(1, 613)]
    by_video = {}
    for stem in stems:
        by_video.setdefault(video(stem), []).append(stem)
    first, second = sorted(by_video, key=lambda name: len(by_video[name]))[:2]
    both = {stem: "joined" for name in (first, second) for stem in by_video[name]}
    groups = {by_video[first][0]: "copy", by_video[second][-1]: "copy"}
    frames = Part("kvasir", "colonoscopy", tuple(stems), None, groups)
    splits = [split_validation([frames], 0.3, seed) for seed in SEEDS]
    assert not any(straddling(both, *sides) for sides in splits)
    apart = [split_validation([Part("kvasir", "colonoscopy", tuple(stems), None)], 0.3, seed) for seed in SEEDS]
    assert any(straddling(both, *sides) for sides in apart)


def test_a_joined_group_takes_all_its_members_along():
    """A frame joins two pictures met before it with another frame of its own video."""
    joined = ("cju1", "cju2", "clinicdb_001", "clinicdb_002")
    groups = {"cju1": "g", "cju2": "g", "clinicdb_002": "g"}
    whole = Part("kvasir", "colonoscopy", (*joined, *(f"single{i}" for i in range(30))), None, groups)
    for seed in SEEDS:
        assert not straddling(dict.fromkeys(joined, "all"), *split_validation([whole], 0.4, seed))


def test_where_every_group_is_larger_than_the_share_the_smallest_is_held_out():
    groups = {f"{i:03d}": "small" if i < 4 else "large" for i in range(20)}
    for seed in SEEDS:
        kept, held = split_validation([part(20, groups)], 0.1, seed)
        assert held[0].stems == ("000", "001", "002", "003")
        assert len(kept[0].stems) == 16


def test_a_picture_held_out_in_one_dataset_is_not_trained_on_in_another():
    """ISIC 2017 and ISIC 2018 share images."""
    parts = [part(40, dataset=name, stem="ISIC_{:07d}") for name in ("isic2017", "isic2018")]
    for seed in SEEDS:
        kept, held = split_validation(parts, 0.2, seed)
        trained, validated = ({stem for p in side for stem in p.stems} for side in (kept, held))
        assert not trained & validated
        assert trained | validated == set(parts[0].stems)


def test_validation_refuses(root):
    parts = folder_parts(root, ["left"], "train")
    with pytest.raises(InputError, match="validation fraction 1"):
        split_validation(parts, 1)
    with pytest.raises(InputError, match="seed = -1"):
        split_validation(parts, 0.5, seed=-1)
    with pytest.raises(InputError, match="all 4 training images of left belong together .*two groups are needed"):
        split_validation([Part("left", "left", parts[0].stems, None, dict.fromkeys("abcd", "video"))], 0.5)
    (root / "left/splits/train.txt").write_text("a\n")
    with pytest.raises(InputError, match="left has 1 training image"):
        split_validation(folder_parts(root, ["left"], "train"), 0.1)
