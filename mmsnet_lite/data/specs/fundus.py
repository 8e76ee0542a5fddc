"""ORIGA and REFUGE, as the archive of TriD (MICCAI 2023) cuts and splits them."""

from mmsnet_lite.data.download import Archive
from mmsnet_lite.data.specs.spec import DatasetSpec, Levels, Table

_PAGE = "https://zenodo.org/records/8009107"
_ARCHIVE = Archive(
    name="Processed_Fundus_Images.zip",
    urls=(f"{_PAGE}/files/Processed_Fundus_Images.zip?download=1",),
    page=_PAGE,
    md5="a28baa241c45c95d14f9279e4c664d9a",
    unpacked=8 * 10**9,
)
_CODING = Levels(background=(255,), targets={"masks": (0, 128), "masks_cup": (0,)})
_LICENCE = "not stated for the archive; the underlying sets keep their own terms: research only"
_TRID = "Chen, Pan, Ye, Cui, Xia, Treasure in Distribution, MICCAI 2023"
_INVERTED = (
    "In the archive's masks 0 is the cup, 128 the rim and 255 the background: darker means closer to the centre."
)


def _tables(domain: str) -> tuple[Table, ...]:
    return tuple(Table(split=split, archive=_ARCHIVE.name, name=f"{domain}_{split}.csv") for split in ("train", "test"))


ORIGA = DatasetSpec(
    name="origa",
    title="ORIGA",
    modality="fundus",
    target="optic disc; optic cup in masks_cup",
    page=_PAGE,
    archives=(_ARCHIVE,),
    layouts=_tables("ORIGA"),
    mask=_CODING,
    counts={"train": 500, "test": 150},
    licence=_LICENCE,
    citation=f"Zhang et al., ORIGA-light, EMBC 2010, pp. 3065-3068; {_TRID}",
    notes=(_INVERTED, "This 500/150 split is not the literature's sets A and B of 325 images each."),
)

REFUGE = DatasetSpec(
    name="refuge",
    title="REFUGE",
    modality="fundus",
    target="optic disc; optic cup in masks_cup",
    page=_PAGE,
    archives=(_ARCHIVE,),
    layouts=_tables("REFUGE"),
    mask=_CODING,
    counts={"train": 320, "test": 80},
    licence=_LICENCE,
    citation=f"Orlando et al., REFUGE challenge, Medical Image Analysis 59:101570, 2020; {_TRID}",
    notes=(_INVERTED, "This 320/80 split is not the challenge's 400 images each to train, validate and test."),
)
