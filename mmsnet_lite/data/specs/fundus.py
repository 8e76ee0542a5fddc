"""ORIGA and REFUGE, as the archive of TriD (MICCAI 2023) cuts and splits them."""

from mmsnet_lite.data.download import Archive
from mmsnet_lite.data.specs.spec import GB, DatasetSpec, Table

_ZENODO = "https://zenodo.org/records/8009107"


def _fundus(title: str, train: int, test: int, citation: str, note: str) -> DatasetSpec:
    archive = Archive(
        name="Processed_Fundus_Images.zip",
        urls=(f"{_ZENODO}/files/Processed_Fundus_Images.zip?download=1",),
        page=_ZENODO,
        md5="a28baa241c45c95d14f9279e4c664d9a",
        unpacked=8 * GB,
    )
    return DatasetSpec(
        name=title.lower(),
        title=title,
        modality="fundus",
        target="optic disc; optic cup in masks_cup",
        page=_ZENODO,
        archives=(archive,),
        layouts=tuple(Table(split=s, archive=archive.name, name=f"{title}_{s}.csv") for s in ("train", "test")),
        levels={255: (), 128: ("masks",), 0: ("masks", "masks_cup")},
        counts={"train": train, "test": test},
        licence="not stated for the archive; the underlying sets keep their own terms: research only",
        citation=f"{citation}; Chen, Pan, Ye, Cui, Xia, Treasure in Distribution, MICCAI 2023",
        notes=(
            "In the archive's masks 0 is the cup, 128 the rim and 255 the background: darker means closer to the "
            "centre.",
            note,
        ),
    )


ORIGA = _fundus(
    *("ORIGA", 500, 150, "Zhang et al., ORIGA-light, EMBC 2010, pp. 3065-3068"),
    "This 500/150 split is not the literature's sets A and B of 325 images each.",
)
REFUGE = _fundus(
    *("REFUGE", 320, 80, "Orlando et al., REFUGE challenge, Medical Image Analysis 59:101570, 2020"),
    "This 320/80 split is not the challenge's 400 images each to train, validate and test.",
)
