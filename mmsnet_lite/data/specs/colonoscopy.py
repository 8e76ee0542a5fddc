"""Kvasir and CVC-300, as PraNet (MICCAI 2020) packs them: one training set, two test sets."""

from mmsnet_lite.data.specs.spec import IMAGE, DatasetSpec, Files, google_drive
from mmsnet_lite.data.splits import read_names

_SEG, _FRAME = r"(?P<stem>c[jk][0-9a-z]{23})", r"(?P<stem>[0-9]{1,3})"


def _polyps(name: str, title: str, test: Files, count: int, cited: str, *notes: str) -> DatasetSpec:
    train = (
        _pranet("train", "TrainDataset", "", _SEG),
        _pranet("train", "TrainDataset", "", _FRAME, "clinicdb_{:0>3}"),
    )
    return DatasetSpec(
        name=name,
        title=title,
        modality="colonoscopy",
        target="polyp",
        page="https://github.com/DengPingFan/PraNet",
        archives=(
            google_drive("TrainDataset.zip", "1YiGHLw4iTvKdvbT6MgwO9zcCv8zJ_Bnb", 4),
            google_drive("TestDataset.zip", "1Y2z7FD5p5y31vkZwQQomXFRB0HutHyao", 4),
        ),
        layouts=(*train, test),
        counts={"train": 1450, "test": count},
        listed={"train": read_names("pranet_train"), "test": read_names(f"{name}_test")},
        licence="CVC-ClinicDB: research and education only; Kvasir-SEG: research and education; CVC-300: not stated",
        citation=(
            "Jha et al., Kvasir-SEG, MMM 2020, doi 10.1007/978-3-030-37734-2_37; "
            "Bernal et al., WM-DOVA maps, Computerized Medical Imaging and Graphics 43:99-111, 2015; "
            f"Fan et al., PraNet, MICCAI 2020{cited}"
        ),
        notes=notes,
    )


def _pranet(split: str, archive: str, folder: str, stem: str, form: str = "{}") -> Files:
    images, masks = ((f"{archive}.zip", f"(?:.*/)?{folder}{kind}s?/{stem}{IMAGE}") for kind in ("image", "mask"))
    return Files(split=split, images=images, masks=masks, stem=form)


_SHARED = "Kvasir and CVC-300 train on the same 1450 images: a mix of both would count them twice."
KVASIR = _polyps(
    *("kvasir", "Kvasir (PraNet)", _pranet("test", "TestDataset", "Kvasir/", _SEG), 100, ""),
    "Training is 900 images of Kvasir-SEG and 550 video frames of CVC-ClinicDB.",
    _SHARED,
)
CVC300 = _polyps(
    *("cvc300", "CVC-300 (PraNet)", _pranet("test", "TestDataset", "CVC-300/", _FRAME, "cvc300_{:0>3}"), 60),
    "; Bernal et al., Pattern Recognition 45(9):3166-3182, 2012; Vazquez et al., EndoScene, 2017",
    _SHARED,
    "The 60 test images are frames 149 to 208 of CVC-ColonDB: never train on that and test on CVC-300.",
)
