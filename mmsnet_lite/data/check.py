"""`data check`: are prepared folders whole, and does a test split hold what is trained on?"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image
from tqdm.auto import tqdm

from mmsnet_lite.data.duplicates import describe
from mmsnet_lite.data.folder import PreparedFolder, prepared_folders
from mmsnet_lite.data.image import IMAGE_ENDINGS
from mmsnet_lite.data.journal import changed_files
from mmsnet_lite.data.leaks import Finding, Picture, find_leaks
from mmsnet_lite.data.specs import SPECS
from mmsnet_lite.errors import InputError

_SHOWN = 3
_Fault = tuple[PreparedFolder, str, str, str]  # folder, severity, what is the matter, stem or message


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
        lines += [
            f"{name:16}{splits.get('train', 0):7}{splits.get('test', 0):7}" for name, splits in self.counts.items()
        ]
        for finding in self.findings:
            shown = ", ".join(finding.examples[:_SHOWN])
            more = len(finding.examples) - _SHOWN
            lines.append(
                f"{finding.severity:6}{finding.text}{shown and f': {shown}'}{f' and {more} more' * (more > 0)}"
            )
        if not self.findings:
            lines.append("nothing wrong: all files are there, and no image stands twice")
        return "\n".join(lines)

    def to_json(self) -> dict[str, object]:
        """Return counts and findings, with all of their examples."""
        return {"counts": self.counts, "findings": [asdict(finding) for finding in self.findings]}


def check(root: Path, datasets: Sequence[str] | None = None, *, progress: bool = False) -> CheckReport:
    """Check prepared folders: counts, pairs, masks, and images that stand in more than one place.

    Args:
        root: the folder that they are in.
        datasets: their names; None takes all there are.
        progress: show a bar.

    Raises:
        InputError: `root` or a named folder does not exist, or there is none.
    """
    folders = [PreparedFolder(Path(root) / name) for name in datasets] if datasets else prepared_folders(Path(root))
    if not folders:
        raise InputError(f"{root} holds no prepared dataset; prepare one, or give the folder they are in")
    counts, findings = {}, []
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
        findings += _compare_counts(folder, counts[folder.name]) + _compare_files(folder, splits)
        findings += _compare_digests(folder)
        items += [(folder, split, stem) for split, stems in splits.items() for stem in stems]
    pictures: list[Picture] = []
    faults: list[_Fault] = []
    with ThreadPoolExecutor() as pool:
        for picture, wrong in tqdm(pool.map(_look, items), total=len(items), unit="image", disable=not progress):
            pictures += [picture] if picture else []
            faults += wrong
    findings += _gather(faults)
    findings += find_leaks(pictures) if pictures else []
    order = ("error", "leak", "note")
    return CheckReport(counts, tuple(sorted(findings, key=lambda finding: order.index(finding.severity))))


def _compare_counts(folder: PreparedFolder, counts: dict[str, int]) -> list[Finding]:
    """The numbers that the card and the publication give."""
    findings = []
    card = folder.path / "card.json"
    if card.is_file():
        try:
            noted = json.loads(card.read_text(encoding="utf-8")).get("counts", counts)
        except (ValueError, AttributeError) as error:
            return [Finding("error", f"{card} is not a JSON object ({error}); prepare the dataset again")]
        if noted != counts:
            findings.append(Finding("error", f"{folder.name}: the splits hold {counts}, card.json says {noted}"))
    spec = SPECS.get(folder.name)
    for split, number in spec.counts.items() if spec else ():
        if counts.get(split, 0) != number:
            text = f"{folder.name}: {counts.get(split, 0)} images in {split}, the paper's mix has {number}"
            findings.append(Finding("error", text))
    return findings


def _compare_files(folder: PreparedFolder, splits: dict[str, list[str]]) -> list[Finding]:
    """Splits against files, and images against masks."""
    images, masks = folder.image_stems(), folder.mask_stems()
    listed = {stem for stems in splits.values() for stem in stems}
    test = set(splits.get("test", []))
    cases = (
        ("error", "listed in train and in test", [stem for stem in splits.get("train", []) if stem in test]),
        ("error", "listed without an image", sorted(listed - images.keys())),
        ("error", "with more than one image of the stem", [stem for stem, files in images.items() if files > 1]),
        ("error", "without a mask STEM.png", sorted(images.keys() - masks)),
        ("error", "with a mask and no image", sorted(masks - images.keys())),
        ("note", "in no split", sorted(images.keys() - listed)),
        ("note", f"in images/ with another ending than {' '.join(IMAGE_ENDINGS)}, so not read", folder.unread()),
    )
    return _gather([(folder, severity, what, stem) for severity, what, stems in cases for stem in stems])


def _compare_digests(folder: PreparedFolder) -> list[Finding]:
    """Files against the SHA-256 that `prepare` noted; a folder that it did not make has none."""
    try:
        changed = changed_files(folder.path)
    except InputError as error:
        return [Finding("error", str(error))]
    return _gather([(folder, "error", "changed or missing since `prepare` wrote them", name) for name in changed])


def _look(item: tuple[PreparedFolder, str, str]) -> tuple[Picture | None, list[_Fault]]:
    """Read one pair; files that are not there were found before."""
    folder, split, stem = item
    try:
        image_path, mask_path = folder.image_path(stem), folder.mask_path(stem)
    except InputError:
        return None, []
    try:
        image, mask = folder.read(stem)
    except InputError as error:
        return None, [(folder, "error", "unusable", str(error))]
    with Image.open(image_path) as file:
        turned = file.format != "PNG" and file.getexif().get(ExifTags.Base.Orientation, 1) != 1
    digest = hashlib.sha256(image_path.read_bytes()).digest()
    with Image.open(mask_path) as file:  # of a palette any entry but the first is lesion, see `read_mask`
        values = {0, 255} if file.mode == "P" else set(np.unique(np.array(file.convert("L"))).tolist())
    faults = []
    if turned:
        faults.append("to be turned by EXIF data, which is not done here; turn the pixels if the mask is turned")
    if not values <= {0, 255}:
        faults.append("with mask values besides 0 and 255; 128 and above count as lesion")
    if not mask.any():
        faults.append("without lesion in the mask")
    if mask.all():
        faults.append("with a mask that is all lesion")
    return Picture(folder.name, split, stem, digest, describe(image)), [(folder, "note", w, stem) for w in faults]


def _gather(faults: Sequence[_Fault]) -> list[Finding]:
    """One finding for all files of a dataset that share a fault."""
    alike: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for folder, severity, what, which in faults:
        alike[folder.name, severity, what].append(which)
    return [
        Finding(severity, f"{name}: {len(which)} {what}", tuple(which), len(which))
        for (name, severity, what), which in alike.items()
    ]
