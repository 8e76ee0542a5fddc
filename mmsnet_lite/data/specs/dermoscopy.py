"""ISIC 2018 Task 1 and ISIC 2017 Part 1."""

from mmsnet_lite.data.download import Archive
from mmsnet_lite.data.specs.spec import DatasetSpec, Files
from mmsnet_lite.data.splits import read_names

_BUCKETS = (
    "https://isic-archive.s3.amazonaws.com/challenges/{}/{}",
    "https://isic-challenge-data.s3.amazonaws.com/{}/{}",
)
_STEM = r"(?:.*/)?(?P<stem>ISIC_[0-9]{7})"


def _archive(year: int, name: str, unpacked: int, sha256: str | None = None) -> Archive:
    urls = tuple(bucket.format(year, name) for bucket in _BUCKETS)
    page = f"https://challenge.isic-archive.com/data/#{year}"
    return Archive(name=name, urls=urls, page=page, sha256=sha256, unpacked=unpacked)


def _files(split: str, images: Archive, masks: Archive) -> Files:
    return Files(
        split=split, images=(images.name, rf"{_STEM}\.jpe?g"), masks=(masks.name, rf"{_STEM}_segmentation\.png")
    )


_TRAIN_2018 = (
    _archive(
        2018,
        "ISIC2018_Task1-2_Training_Input.zip",
        16 * 10**9,
        "80f98572347a2d7a376227fa9eb2e4f7459d317cb619865b8b9910c81446675f",
    ),
    _archive(
        2018,
        "ISIC2018_Task1_Training_GroundTruth.zip",
        2 * 10**9,
        "99f8b2bb3c4d6af483362010715f7e7d5d122d9f6c02cac0e0d15bef77c7604c",
    ),
)
_TEST_2018 = (
    _archive(
        2018,
        "ISIC2018_Task1-2_Test_Input.zip",
        4 * 10**9,
        "e59ae1f69f4ed16f09db2cb1d76c2a828487b63d28f6ab85997f5616869b127d",
    ),
    _archive(
        2018,
        "ISIC2018_Task1_Test_GroundTruth.zip",
        2 * 10**9,
        "2e8f6edce454a5bdee52485e39f92bd6eddf357e81f39018d05512175238ef82",
    ),
)
_TRAIN_2017 = (
    _archive(2017, "ISIC-2017_Training_Data.zip", 16 * 10**9),
    _archive(2017, "ISIC-2017_Training_Part1_GroundTruth.zip", 2 * 10**9),
)
_TEST_2017 = (
    _archive(2017, "ISIC-2017_Test_v2_Data.zip", 16 * 10**9),
    _archive(2017, "ISIC-2017_Test_v2_Part1_GroundTruth.zip", 2 * 10**9),
)
_LEAK = (
    "ISIC 2018 trains on at least 527 of the 600 images that ISIC 2017 tests on: a model trained on the one is not "
    "tested by the other."
)

ISIC2018 = DatasetSpec(
    name="isic2018",
    title="ISIC 2018 Task 1",
    modality="dermoscopy",
    target="skin lesion",
    page="https://challenge.isic-archive.com/data/#2018",
    archives=(*_TRAIN_2018, *_TEST_2018),
    layouts=(_files("train", *_TRAIN_2018), _files("test", *_TEST_2018)),
    counts={"train": 2594, "test": 1000},
    listed={"train": read_names("isic2018_train")},
    licence="CC-0",
    citation=(
        "Codella et al., arXiv 1902.03368; Tschandl, Rosendahl, Kittler, HAM10000, Scientific Data 5:180161, 2018, "
        "doi 10.1038/sdata.2018.161"
    ),
    notes=(_LEAK,),
)

ISIC2017 = DatasetSpec(
    name="isic2017",
    title="ISIC 2017 Part 1",
    modality="dermoscopy",
    target="skin lesion",
    page="https://challenge.isic-archive.com/data/#2017",
    archives=(*_TRAIN_2017, *_TEST_2017),
    layouts=(_files("train", *_TRAIN_2017), _files("test", *_TEST_2017)),
    counts={"train": 2000, "test": 600},
    listed={"train": read_names("isic2017_train"), "test": read_names("isic2017_test_594_of_600")},
    licence="CC-0",
    citation="Codella et al., ISBI 2018, arXiv 1710.05006",
    notes=(
        _LEAK,
        "Training images ISIC_0012271 and ISIC_0012175 show test images under another number.",
    ),
)
