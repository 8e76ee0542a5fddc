"""What is known of the eight datasets: counts, lists, identities, videos."""

import re
from pathlib import Path

import pytest

import mmsnet_lite.data.splits as splits
from mmsnet_lite.data.specs import CLINICDB_SEQUENCES, MIXES, SPECS, Files, identity, video


def test_the_mixes_add_up_to_the_papers_counts():
    totals = {
        mix: {split: [SPECS[name].counts[split] for name in names] for split in ("train", "test")}
        for mix, names in MIXES.items()
    }
    assert sum(totals["mix1"]["train"]) == 5091
    assert sum(totals["mix2"]["train"]) == 6649
    assert totals["mix1"]["test"] == [150, 100, 100, 1000]
    assert totals["mix2"]["test"] == [80, 60, 614, 600]
    assert [{SPECS[name].modality for name in names} for names in MIXES.values()] == [
        {"fundus", "colonoscopy", "ultrasound", "dermoscopy"}
    ] * 2


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_the_published_lists_are_sets_and_disjoint(spec):
    every = [stem for stems in spec.listed.values() for stem in stems]
    assert len(set(every)) == len(every)
    assert all(stem == stem.strip() and stem for stem in every)
    for split, stems in spec.listed.items():
        partial = spec.name == "isic2017" and split == "test"
        assert len(stems) == (594 if partial else spec.counts[split])


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_dataset_says_where_it_comes_from(spec):
    assert spec.licence
    assert spec.citation
    for archive in spec.archives:
        assert archive.page.startswith("https://")
        assert archive.urls
        assert all(url.startswith("https://") for url in archive.urls)
        assert archive.unpacked >= 10**9


def test_the_lists_overlap_as_the_real_sets_do():
    listed = {name: {split: set(stems) for split, stems in spec.listed.items()} for name, spec in SPECS.items()}
    assert len(listed["isic2018"]["train"] & listed["isic2017"]["train"]) == 1800
    assert len(listed["isic2018"]["train"] & listed["isic2017"]["test"]) == 527
    assert listed["cvc300"]["train"] == listed["kvasir"]["train"]
    numbers = {stem[-3:] for stem in listed["cvc300"]["train"] if stem.startswith("clinicdb_")}
    assert len(numbers & {stem[-3:] for stem in listed["cvc300"]["test"]}) == 51
    assert sum(stem.startswith("benign") for stem in listed["busi"]["test"]) == 68


def test_the_readme_of_the_lists_names_every_list_with_its_length():
    folder = Path(splits.__file__).parent
    text = (folder / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    told = {}
    for row in rows:
        names, counts = row.split("|")[1:3]
        told |= dict(zip(re.findall("`(.+?)`", names), map(int, re.findall(r"\d+", counts)), strict=True))
    assert told == {path.name: len(splits.read_names(path.stem)) for path in folder.glob("*.txt")}


@pytest.mark.parametrize("stem", ["ISIC_0012086", "clinicdb_149", "cvc300_149", "cju0u82z3cuma0835wlxrnrjv"])
def test_convention_shared_pictures_have_one_name_in_every_dataset(stem):
    assert identity("kvasir", stem) == identity("another", stem) == stem


def test_convention_other_stems_are_their_datasets_own():
    assert identity("busi", "benign (1)") == "busi/benign (1)"
    assert identity("left", "a") != identity("right", "a")
    assert identity("tn3k", "test_0000") != identity("tn3k", "trainval_0000")
    assert len({identity(name, s) for name in ("kvasir", "cvc300") for s in SPECS[name].listed["train"]}) == 1450
    kvasir = SPECS["kvasir"].listed
    assert all(identity("kvasir", stem) == stem for stems in kvasir.values() for stem in stems)


def test_convention_videos_are_the_29_sequences_of_clinicdb():
    of = [video(f"clinicdb_{number:03}") for number in range(1, 613)]
    assert None not in of
    assert len(set(of)) == len(CLINICDB_SEQUENCES) == 29
    assert of == sorted(of)  # each sequence is one run of frames
    lengths = [25, 25, 17, 11, 25, 23, 25, 26, 22, 6, 22, 25, 25, 20, 20]
    assert [of.count(name) for name in dict.fromkeys(of)] == lengths + [
        25,
        21,
        20,
        25,
        20,
        19,
        19,
        12,
        25,
        25,
        18,
        25,
        20,
        21,
    ]
    assert video("clinicdb_571") != video("clinicdb_572")
    for stem in ("cvc300_149", "clinicdb_000", "clinicdb_613", "clinicdb_1", "ISIC_0000000"):
        assert video(stem) is None


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_no_spec_contradicts_itself(spec):
    names = {archive.name for archive in spec.archives}
    for layout in spec.layouts:
        both = (layout.images, layout.masks) if isinstance(layout, Files) else ((layout.archive, "(?P<stem>)"),)
        assert {archive for archive, _ in both} <= names
        assert all("stem" in re.compile(pattern).groupindex for _, pattern in both)
        assert layout.split in (None, *spec.counts)
    for archive in spec.archives:
        assert not any(set(name) & set("/\\") or name in ("", ".", "..") for name in (archive.name, *archive.aliases))
        for value, digits in ((archive.sha256, 64), (archive.md5, 32)):
            assert value is None or re.fullmatch(f"[0-9a-f]{{{digits}}}", value)
