"""ISIC 2018 Task 1 and ISIC 2017 Part 1."""

from collections.abc import Mapping
from typing import Any

from mmsnet_lite.data.download import Archive
from mmsnet_lite.data.specs.spec import GB, DatasetSpec, Files
from mmsnet_lite.data.splits import read_names

_BUCKETS = (
    "https://isic-archive.s3.amazonaws.com/challenges/{}/{}",
    "https://isic-challenge-data.s3.amazonaws.com/{}/{}",
)
_LEAK = (
    "ISIC 2018 trains on at least 527 of the 600 images that ISIC 2017 tests on: a model trained on the one is not "
    "tested by the other."
)


def _isic(
    year: int, task: str, files: Mapping[str, tuple[int, str | None]], counts: Mapping[str, int], **facts: Any
) -> DatasetSpec:
    """`files`: images and masks to train, then to test, each with the gigabytes it unpacks to and its SHA-256."""
    page = f"https://challenge.isic-archive.com/data/#{year}"
    stem = r"(?:.*/)?(?P<stem>ISIC_[0-9]{7})"
    archives = tuple(
        Archive(
            name=name,
            urls=tuple(bucket.format(year, name) for bucket in _BUCKETS),
            page=page,
            sha256=sha256,
            unpacked=gigabytes * GB,
        )
        for name, (gigabytes, sha256) in files.items()
    )
    return DatasetSpec(
        name=f"isic{year}",
        title=f"ISIC {year} {task}",
        modality="dermoscopy",
        target="skin lesion",
        page=page,
        archives=archives,
        layouts=tuple(
            Files(
                split=split,
                images=(images.name, rf"{stem}\.jpe?g"),
                masks=(masks.name, rf"{stem}_segmentation\.png"),
            )
            for split, (images, masks) in (("train", archives[:2]), ("test", archives[2:]))
        ),
        counts=counts,
        licence="CC-0",
        **facts,
    )


ISIC2018 = _isic(
    2018,
    "Task 1",
    {
        "ISIC2018_Task1-2_Training_Input.zip": (16, "80f98572347a2d7a376227fa9eb2e4f7459d317cb619865b8b9910c81446675f"),
        "ISIC2018_Task1_Training_GroundTruth.zip": (
            2,
            "99f8b2bb3c4d6af483362010715f7e7d5d122d9f6c02cac0e0d15bef77c7604c",
        ),
        "ISIC2018_Task1-2_Test_Input.zip": (4, "e59ae1f69f4ed16f09db2cb1d76c2a828487b63d28f6ab85997f5616869b127d"),
        "ISIC2018_Task1_Test_GroundTruth.zip": (2, "2e8f6edce454a5bdee52485e39f92bd6eddf357e81f39018d05512175238ef82"),
    },
    {"train": 2594, "test": 1000},
    listed={"train": read_names("isic2018_train")},
    citation=(
        "Codella et al., arXiv 1902.03368; Tschandl, Rosendahl, Kittler, HAM10000, Scientific Data 5:180161, 2018, "
        "doi 10.1038/sdata.2018.161"
    ),
    notes=(_LEAK,),
)
ISIC2017 = _isic(
    2017,
    "Part 1",
    {
        "ISIC-2017_Training_Data.zip": (16, None),
        "ISIC-2017_Training_Part1_GroundTruth.zip": (2, None),
        "ISIC-2017_Test_v2_Data.zip": (16, None),
        "ISIC-2017_Test_v2_Part1_GroundTruth.zip": (2, None),
    },
    {"train": 2000, "test": 600},
    listed={"train": read_names("isic2017_train"), "test": read_names("isic2017_test_594_of_600")},
    citation="Codella et al., ISBI 2018, arXiv 1710.05006",
    notes=(_LEAK, "Training images ISIC_0012271 and ISIC_0012175 show test images under another number."),
)
