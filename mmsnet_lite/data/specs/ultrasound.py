"""BUSI (breast) and TN3K (thyroid)."""

from mmsnet_lite.data.download import Archive
from mmsnet_lite.data.specs.spec import GB, IMAGE, DatasetSpec, Files, google_drive
from mmsnet_lite.data.splits import read_names

_CLASS = r"(?:.*/)?(?:benign|malignant)/(?P<stem>(?:benign|malignant) \([0-9]+\))"
BUSI = DatasetSpec(
    name="busi",
    title="BUSI",
    modality="ultrasound",
    target="breast tumour",
    page="https://scholar.cu.edu.eg/?q=afahmy/pages/dataset",
    archives=(
        Archive(
            name="Dataset_BUSI.zip",
            urls=("https://scholar.cu.edu.eg/Dataset_BUSI.zip",),
            page="https://scholar.cu.edu.eg/?q=afahmy/pages/dataset",
            sha256="b2ce09f6063a31a73f628b6a6ee1245187cbaec225e93e563735691d68654de7",
            unpacked=2 * GB,
            # folders: Kaggle (aryashah2k/breast-ultrasound-images-dataset) has the same files in another zip
            aliases=("Dataset_BUSI_with_GT", "breast-ultrasound-images-dataset"),
        ),
    ),
    layouts=(
        Files(
            images=("Dataset_BUSI.zip", f"{_CLASS}{IMAGE}"),
            masks=("Dataset_BUSI.zip", rf"{_CLASS}_mask(?:_[0-9]+)?{IMAGE}"),
        ),
    ),
    counts={"train": 547, "test": 100},
    listed={"train": read_names("busi_train"), "test": read_names("busi_test")},
    licence="unclear (mirrors say CC0 or other): research only",
    citation="Al-Dhabyani, Gomaa, Khaled, Fahmy, Data in Brief 28:104863, 2020, doi 10.1016/j.dib.2019.104863",
    notes=(
        "No official split exists: 547/100 is drawn by this project, stratified by class. 12 of the 100 test images "
        "nevertheless have a near-duplicate in training; `data check` names them.",
        "The 133 images without a tumour (normal) are left out, as in the paper.",
        "Many images hold callipers or text, and many are near-duplicates (Pawlowska et al., Data in Brief 48, 2023).",
    ),
)


def _thyroid(part: str, split: str) -> Files:
    images, masks = (
        ("Thyroid Dataset.zip", rf"(?:.*/)?{part}-{kind}/(?P<stem>[0-9]{{4}}){IMAGE}") for kind in ("image", "mask")
    )
    return Files(split=split, images=images, masks=masks, stem=f"{part}_{{}}")


TN3K = DatasetSpec(
    name="tn3k",
    title="TN3K",
    modality="ultrasound",
    target="thyroid nodule",
    page="https://github.com/haifangong/TRFE-Net-for-thyroid-nodule-segmentation",
    archives=(
        google_drive(
            *("Thyroid Dataset.zip", "1reHyY5eTZ5uePXMVMzFOq5j3eFOSp50F", 8),
            sha256="0ba1770076dab01b1f8fd661a227d80982168bc433de61c80fd266427b20cf60",
            aliases=("Thyroid_Dataset.zip", "tn3k.zip"),
        ),
    ),
    layouts=(_thyroid("trainval", "train"), _thyroid("test", "test")),
    counts={"train": 2879, "test": 614},
    listed={
        "train": tuple(f"trainval_{number:04}" for number in range(2879)),
        "test": tuple(f"test_{number:04}" for number in range(614)),
    },
    licence="not stated for the images: research only",
    citation=(
        "Gong et al., ISBI 2021, pp. 257-261, doi 10.1109/ISBI48211.2021.9434087; "
        "Gong et al., Computers in Biology and Medicine, 2022, doi 10.1016/j.compbiomed.2022.106389"
    ),
    notes=("3493 images of 2421 patients without a patient list: a validation part cannot be drawn by patient.",),
)
