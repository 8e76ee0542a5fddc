"""`data check`: are prepared folders whole, and does a test split hold what is trained on?"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image
from tqdm.auto import tqdm

from mmsnet_lite.data.card import changed_files, read_card
from mmsnet_lite.data.duplicates import describe
from mmsnet_lite.data.folder import PreparedFolder, prepared_folders
from mmsnet_lite.data.image import IMAGE_ENDINGS
from mmsnet_lite.data.leaks import SEVERITIES, Finding, Picture, find_leaks
from mmsnet_lite.data.specs import SPECS
from mmsnet_lite.errors import InputError

_SHOWN = 3
_Fault = tuple[str, str, str, str]  # dataset, severity, what is the matter, stem or message


@dataclass(frozen=True)
class CheckReport:
    """What `check` found.

    Attributes:
        counts: for each dataset the number of images in each of its splits.
        findings: errors first, then leaks between the mixes, then notes.
    """

    counts: dict[str, dict[str, int]]
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """1 with an error among the findings, else 0."""
        return int(any(finding.severity == "error" for finding in self.findings))

    def text(self) -> str:
        """Return the report for people: counts, then each finding with a few examples."""
        lines = [f"{'dataset':16}{'train':>7}{'test':>7}"]
        lines += [f"{name:16}{of.get('train', 0):7}{of.get('test', 0):7}" for name, of in self.counts.items()]
        for finding in self.findings:
            shown, more = ", ".join(finding.examples[:_SHOWN]), len(finding.examples) - _SHOWN
            rest = f" and {more} more" * (more > 0)
            lines.append(f"{finding.severity:6}{finding.text}{shown and f': {shown}'}{rest}")
        return "\n".join(
            lines if self.findings else [*lines, "nothing wrong: all files are there, and no image stands twice"]
        )

    def to_json(self) -> dict[str, object]:
        """Return counts and findings, with all of their examples."""
        return asdict(self)


def check(root: Path, datasets: Sequence[str] | None = None, *, progress: bool = False) -> CheckReport:
    """Check prepared folders: counts, pairs, masks, and images that stand in more than one place.

    Args:
        root: the folder that they are in.
        datasets: their names; None takes all there are.
        progress: show a bar.

    Raises:
        InputError: `root` or a named folder does not exist, or there is none.
    """
    folders = [PreparedFolder(root / name) for name in datasets] if datasets else prepared_folders(root)
    if not folders:
        raise InputError(f"{root} holds no prepared dataset; prepare one, or give the folder they are in")
    counts: dict[str, dict[str, int]] = {}
    findings: list[Finding] = []
    faults: list[_Fault] = []
    items: list[tuple[PreparedFolder, str, str]] = []
    for folder in folders:
        splits = {}
        for file in sorted((folder.path / "splits").glob("*.txt")):
            try:
                splits[file.stem] = folder.stems(file.stem)
            except InputError as error:
                findings.append(Finding("error", str(error)))
        if not splits:
            findings.append(Finding("error", f"{folder.path / 'splits'} lists no image; write train.txt or test.txt"))
        counts[folder.name] = {split: len(stems) for split, stems in splits.items()}
        findings += _compare_counts(folder, counts[folder.name])
        faults += _compare_files(folder, splits)
        items += [(folder, split, stem) for split, stems in splits.items() for stem in stems]
    pictures: list[Picture] = []
    with ThreadPoolExecutor() as pool:
        for picture, wrong in tqdm(pool.map(_look, items), total=len(items), unit="image", disable=not progress):
            pictures += [picture] if picture else []
            faults += wrong
    alike: dict[tuple[str, str, str], list[str]] = defaultdict(list)  # the files of a dataset that share a fault
    for name, severity, what, which in faults:
        alike[name, severity, what].append(which)
    for (name, severity, what), files in alike.items():
        findings.append(Finding(severity, f"{name}: {len(files)} {what}", tuple(files)))
    findings += find_leaks(pictures) if pictures else []
    return CheckReport(counts, tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))))


def _compare_counts(folder: PreparedFolder, counts: dict[str, int]) -> list[Finding]:
    """The numbers that the card and the publication give."""
    findings = []
    noted = read_card(folder.path).get("counts", counts)
    if noted != counts:
        findings.append(Finding("error", f"{folder.name}: the splits hold {counts}, card.json says {noted}"))
    for split, number in SPECS[folder.name].counts.items() if folder.name in SPECS else ():
        if counts.get(split, 0) != number:
            text = f"{folder.name}: {counts.get(split, 0)} images in {split}, the paper's mix has {number}"
            findings.append(Finding("error", text))
    return findings


def _compare_files(folder: PreparedFolder, splits: dict[str, list[str]]) -> list[_Fault]:
    """Splits against files, images against masks, files against what `prepare` noted of them."""
    listed = {stem for stems in splits.values() for stem in stems}
    test = set(splits.get("test", []))
    images, masks = folder.images, folder.masks
    cases = [
        ("error", "listed in train and in test", [stem for stem in splits.get("train", []) if stem in test]),
        ("error", "listed without an image", sorted(listed - images.keys())),
        ("error", "with more than one image of the stem", [stem for stem, files in images.items() if len(files) > 1]),
        ("error", "without a mask STEM.png", sorted(images.keys() - masks.keys())),
        ("error", "with a mask and no image", sorted(masks.keys() - images.keys())),
        ("note", "in no split", sorted(images.keys() - listed)),
        ("note", f"in images/ with another ending than {' '.join(IMAGE_ENDINGS)}, so not read", folder.unread()),
    ]
    try:
        folder.modality, folder.groups()
        cases.append(("error", "changed or missing since `prepare` wrote them", changed_files(folder.path)))
    except InputError as error:
        cases.append(("error", "damaged file that says what is in the folder", [str(error)]))
    return [(folder.name, severity, what, stem) for severity, what, stems in cases for stem in stems]


def _look(item: tuple[PreparedFolder, str, str]) -> tuple[Picture | None, list[_Fault]]:
    """Read one pair; files that are not there were found before."""
    folder, split, stem = item
    if len(folder.images.get(stem, ())) != 1 or stem not in folder.masks:
        return None, []
    try:
        image, mask = folder.read(stem)
    except InputError as error:
        return None, [(folder.name, "error", "unusable", str(error))]
    path = folder.image_path(stem)
    with Image.open(path) as file:
        turned = file.format != "PNG" and file.getexif().get(ExifTags.Base.Orientation, 1) != 1
    with Image.open(folder.mask_path(stem)) as file:  # of a palette any entry but the first is lesion, see `read_mask`
        values = {0, 255} if file.mode == "P" else set(np.unique(np.array(file.convert("L"))).tolist())
    odd = {
        "to be turned by EXIF data, which is not done here; turn the pixels if the mask is turned": turned,
        "with mask values besides 0 and 255; 128 and above count as lesion": not values <= {0, 255},
        "without lesion in the mask": not mask.any(),
        "with a mask that is all lesion": mask.all(),
    }
    picture = Picture(folder.name, split, stem, hashlib.sha256(path.read_bytes()).digest(), describe(image))
    return picture, [(folder.name, "note", what, stem) for what, is_so in odd.items() if is_so]
