"""Which file is whose mask: real layouts, their variants, and what must not be."""

from contextlib import ExitStack

import pytest
from layouts import build, encoded, noise, outline, zipped

from mmsnet_lite.data.pairing import find_pairs
from mmsnet_lite.data.specs import SPECS
from mmsnet_lite.data.unpack import open_members
from mmsnet_lite.errors import InputError

GUIDE = {  # a member of each dataset, its mask, and its prepared stem
    "origa": ("ORIGA/train/image/001.png", "ORIGA/train/mask/001.png", "001"),
    "kvasir": ("TrainDataset/image/149.png", "TrainDataset/mask/149.png", "clinicdb_149"),
    "busi": ("benign/benign (10).png", "benign/benign (10)_mask.png", "benign (10)"),
    "isic2018": ("ISIC_0000000.jpg", "ISIC_0000000_segmentation.png", "ISIC_0000000"),
    "refuge": ("REFUGE/test/image/n0001.png", "REFUGE/test/mask/n0001.png", "test_n0001"),
    "cvc300": ("CVC-300/images/149.png", "CVC-300/masks/149.png", "cvc300_149"),
    "tn3k": ("tn3k/test-image/0000.jpg", "tn3k/test-mask/0000.jpg", "test_0000"),
    "isic2017": ("ISIC_0000000.jpg", "ISIC_0000000_segmentation.png", "ISIC_0000000"),
}


def pairs_of(layout, folder, spec=None):
    """Pairs of a layout whose archives are written to a folder."""
    spec = spec or layout.spec()
    with ExitStack() as opened:
        members = {}
        for archive in spec.archives:
            path = folder / archive.name
            path.write_bytes(zipped(layout.archives[archive.name]))
            members[archive.name] = opened.enter_context(open_members(path, archive.unpacked))
        return find_pairs(spec, members)


def only(layout, ending):
    """The archive and the path of the one member that ends so."""
    (found,) = [(a, m) for a, members in layout.archives.items() for m in members if m.endswith(ending)]
    return found


def rename(layout, old, new):
    for archive, members in layout.archives.items():
        layout.archives[archive] = {name.replace(old, new): data for name, data in members.items()}


@pytest.mark.parametrize("name", SPECS)
def test_each_real_layout_is_paired(name, tmp_path):
    layout = build(name, 6, 3)
    pairs = pairs_of(layout, tmp_path)
    for split, stems in layout.stems.items():
        assert {pair.stem for pair in pairs if pair.split == split} == set(stems)
    image, mask, stem = GUIDE[name]
    (pair,) = [pair for pair in pairs if pair.stem == stem]
    assert pair.image[1].endswith(image)
    assert pair.masks[0][1].endswith(mask)


def test_all_masks_of_an_image_belong_to_it(tmp_path):
    pairs = {pair.stem: pair for pair in pairs_of(build("busi", 6, 3), tmp_path)}
    assert [len(pairs[stem].masks) for stem in ("benign (4)", "malignant (53)", "benign (10)")] == [2, 2, 1]
    assert not any("normal" in stem for stem in pairs)


def test_numbers_used_twice_stay_apart(tmp_path):
    pairs = pairs_of(build("cvc300", 6, 3), tmp_path)
    assert {"clinicdb_149", "cvc300_149"} <= {pair.stem for pair in pairs}
    images = {pair.stem: pair.image for pair in pairs}
    assert images["clinicdb_149"][0] == "TrainDataset.zip"
    assert images["cvc300_149"][0] == "TestDataset.zip"


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("kvasir", "TrainDataset/image/", "TrainDataset/TrainDataset/images/"),
        ("kvasir", "TrainDataset/", ""),
        ("cvc300", "TestDataset/TestDataset/", "TestDataset/"),
        ("busi", "Dataset_BUSI_with_GT/", "an archive/Dataset_BUSI_with_GT/"),
        ("busi", "Dataset_BUSI_with_GT/", ""),
        ("tn3k", "Thyroid Dataset/tn3k/", ""),
        ("isic2018", "ISIC2018_Task1_Training_GroundTruth/", ""),
        ("isic2017", "_segmentation.png", "_Segmentation.PNG"),
        ("origa", "Processed_Fundus_Images/Processed_Fundus_Images/", ""),
    ],
)
def test_convention_top_folders_and_case_do_not_matter(name, old, new, tmp_path):
    layout = build(name, 6, 3)
    rename(layout, old, new)
    assert {pair.stem for pair in pairs_of(layout, tmp_path)} == {s for stems in layout.stems.values() for s in stems}


@pytest.mark.parametrize("name", SPECS)
def test_an_image_without_a_mask_is_named(name, tmp_path):
    layout = build(name, 6, 3)
    archive, member = only(layout, GUIDE[name][1])
    del layout.archives[archive][member]
    with pytest.raises(InputError) as error:
        pairs_of(layout, tmp_path)
    stem = GUIDE[name][0].split("/")[-1].rsplit(".", 1)[0]
    assert stem in str(error.value)
    assert "1 images without a mask" in str(error.value) or "1 files that are not there" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", SPECS)
def test_a_mask_without_an_image_is_named(name, tmp_path):
    layout = build(name, 6, 3)
    archive, member = only(layout, GUIDE[name][0])
    del layout.archives[archive][member]
    with pytest.raises(InputError, match="1 masks without an image|1 files that are not there") as error:
        pairs_of(layout, tmp_path)
    assert GUIDE[name][1].split("/")[-1].rsplit(".", 1)[0] in str(error.value)


def test_the_first_few_and_their_number_are_named(tmp_path):
    layout = build("tn3k", 6, 3)
    for number in range(5):
        del layout.archives["Thyroid Dataset.zip"][f"Thyroid Dataset/tn3k/trainval-mask/{number:04}.jpg"]
    with pytest.raises(InputError, match=r"5 images without a mask: .*0002\.jpg, \.\.\.; delete Thyroid Dataset\.zip"):
        pairs_of(layout, tmp_path)


def test_another_set_of_names_than_published_is_refused(tmp_path):
    layout = build("isic2018", 6, 3)
    rename(layout, "ISIC_0000000", "ISIC_7777777")
    with pytest.raises(InputError, match=r"to train are not the published ones: 1 missing \(ISIC_0000000\), 1 that"):
        pairs_of(layout, tmp_path)
    with pytest.raises(InputError, match=r"not the published ones: 2 that are not among them \(\w+, \w+\); delete"):
        pairs_of(build("kvasir", 6, 3), tmp_path, build("kvasir", 4, 3).spec())
    layout = build("busi", 6, 3)
    rename(layout, "benign (10)", "benign (999)")
    with pytest.raises(InputError, match=r"1 that are not among them \(benign \(999\)\)"):
        pairs_of(layout, tmp_path)


def test_a_partial_list_must_be_contained_and_no_more(tmp_path):
    layout = build("isic2017")
    spec = layout.spec()
    assert len(spec.listed["test"]) == 594
    archives = {archive: dict.fromkeys(members, b"") for archive, members in layout.archives.items()}
    layout.archives = archives
    assert len(pairs_of(layout, tmp_path, spec)) == 2600
    rename(layout, "ISIC_0012086", "ISIC_7777777")
    with pytest.raises(
        InputError, match=r"images to test are not the published ones: 1 missing \(ISIC_0012086\); delete"
    ):
        pairs_of(layout, tmp_path, spec)


@pytest.mark.parametrize(
    ("name", "counts", "message"),
    [
        ("isic2018", (6, 4), r"isic2018: 4 images to test found, 3 expected; delete ISIC2018_Task1-2"),
        (
            "origa",
            (7, 3),
            r"origa: 7 images to train found, 6 expected; delete Processed_Fundus_Images\.zip",
        ),
        ("refuge", (6, 2), r"refuge: 2 images to test found, 3 expected"),
    ],
)
def test_a_wrong_count_is_refused(name, counts, message, tmp_path):
    with pytest.raises(InputError, match=message):
        pairs_of(build(name, *counts), tmp_path, build(name, 6, 3).spec())


def test_one_stem_twice_is_refused_with_both_files(tmp_path):
    layout = build("kvasir", 6, 3)
    layout.archives["TrainDataset.zip"]["TrainDataset/image/149.jpg"] = encoded(noise("again"), "JPEG")
    with pytest.raises(InputError, match=r"image/149\.(png|jpg)' and '.*image/149\.(png|jpg)'.*keep one of them"):
        pairs_of(layout, tmp_path)


def test_convention_stems_of_a_table_get_their_split_when_names_repeat(tmp_path):
    stems = {pair.stem for pair in pairs_of(build("refuge", 2, 2), tmp_path)}
    assert stems == {"train_n0001", "train_n0002", "test_n0001", "test_n0002"}
    assert {pair.stem for pair in pairs_of(build("origa", 2, 1), tmp_path)} == {"001", "002", "501"}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, r"0 files ORIGA_train\.csv, one is needed"),
        (b"picture,mask\na,b\n", r"'.*ORIGA_train\.csv' is not a table with the columns image and mask"),
        (b"\xff\xfe\x00", r"is not a table with the columns"),
        (b"image,mask\na\n", r"is not a table with the columns"),
        (b"image,mask\n../../etc/passwd,ORIGA/train/mask/001.png\n", r"names 1 files that are not there"),
    ],
)
def test_a_table_that_is_missing_or_damaged_is_refused(table, message, tmp_path):
    layout = build("origa", 2, 1)
    archive, member = only(layout, "ORIGA_train.csv")
    del layout.archives[archive][member]
    if table is not None:
        layout.archives[archive][member] = table
    with pytest.raises(InputError, match=message):
        pairs_of(layout, tmp_path)


def test_a_table_with_backslashes_is_read(tmp_path):
    layout = build("origa", 2, 1)
    archive, member = only(layout, "ORIGA_train.csv")
    layout.archives[archive][member] = layout.archives[archive][member].replace(b"/", b"\\")
    assert len(pairs_of(layout, tmp_path)) == 3


def test_outlines_used_by_these_tests_are_neither_empty_nor_everything():
    assert all(0 < outline(key).mean() < 1 for key in map(str, range(50)))
