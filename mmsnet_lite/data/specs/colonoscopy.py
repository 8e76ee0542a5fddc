"""Kvasir and CVC-300, as PraNet (MICCAI 2020) packs them: one training set, two test sets."""

from mmsnet_lite.data.download import Archive
from mmsnet_lite.data.specs.spec import IMAGE, DatasetSpec, Files
from mmsnet_lite.data.splits import read_names

_PAGE = "https://github.com/DengPingFan/PraNet"


def _drive(name: str, identifier: str) -> Archive:
    return Archive(
        name=name,
        urls=(
            f"https://drive.usercontent.google.com/download?id={identifier}&export=download&confirm=t",
            f"https://drive.google.com/uc?export=download&confirm=t&id={identifier}",
        ),
        page=f"https://drive.google.com/file/d/{identifier}/view",
        unpacked=4 * 10**9,
    )


_TRAIN = _drive("TrainDataset.zip", "1YiGHLw4iTvKdvbT6MgwO9zcCv8zJ_Bnb")
_TEST = _drive("TestDataset.zip", "1Y2z7FD5p5y31vkZwQQomXFRB0HutHyao")
_KVASIR, _FRAME = r"(?P<stem>c[jk][0-9a-z]{23})", r"(?P<stem>[0-9]{1,3})"


def _files(split: str, archive: Archive, folder: str, stem: str, form: str = "{}") -> Files:
    return Files(
        split=split,
        images=(archive.name, f"(?:.*/)?{folder}images?/{stem}{IMAGE}"),
        masks=(archive.name, f"(?:.*/)?{folder}masks?/{stem}{IMAGE}"),
        stem=form,
    )


_TRAINING = (_files("train", _TRAIN, "", _KVASIR), _files("train", _TRAIN, "", _FRAME, "clinicdb_{:0>3}"))
_LICENCE = "CVC-ClinicDB: research and education only; Kvasir-SEG: research and education; CVC-300: not stated"
_CITATION = (
    "Jha et al., Kvasir-SEG, MMM 2020, doi 10.1007/978-3-030-37734-2_37; "
    "Bernal et al., WM-DOVA maps, Computerized Medical Imaging and Graphics 43:99-111, 2015; "
    "Fan et al., PraNet, MICCAI 2020"
)
_SHARED = "Kvasir and CVC-300 train on the same 1450 images: a mix of both would count them twice."

KVASIR = DatasetSpec(
    name="kvasir",
    title="Kvasir (PraNet)",
    modality="colonoscopy",
    target="polyp",
    page=_PAGE,
    archives=(_TRAIN, _TEST),
    layouts=(*_TRAINING, _files("test", _TEST, "Kvasir/", _KVASIR)),
    counts={"train": 1450, "test": 100},
    listed={"train": read_names("pranet_train"), "test": read_names("kvasir_test")},
    licence=_LICENCE,
    citation=_CITATION,
    notes=("Training is 900 images of Kvasir-SEG and 550 video frames of CVC-ClinicDB.", _SHARED),
)

CVC300 = DatasetSpec(
    name="cvc300",
    title="CVC-300 (PraNet)",
    modality="colonoscopy",
    target="polyp",
    page=_PAGE,
    archives=(_TRAIN, _TEST),
    layouts=(*_TRAINING, _files("test", _TEST, "CVC-300/", _FRAME, "cvc300_{:0>3}")),
    counts={"train": 1450, "test": 60},
    listed={"train": read_names("pranet_train"), "test": read_names("cvc300_test")},
    licence=_LICENCE,
    citation=f"{_CITATION}; Bernal et al., Pattern Recognition 45(9):3166-3182, 2012; Vazquez et al., EndoScene, 2017",
    notes=(
        _SHARED,
        "The 60 test images are frames 149 to 208 of CVC-ColonDB: never train on that and test on CVC-300.",
    ),
)
