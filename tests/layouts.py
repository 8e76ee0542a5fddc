"""Archives of the eight datasets in their real layouts, quirks included, with tiny noise images.

    layout = build("busi", train=6, test=3)   # a few images; build("busi") for as many as the real one has
    layout.archives                            # {archive name: {member name: bytes}}, to be changed at will
    spec = layout.serve(server)                # the dataset's spec, its addresses on an `ArchiveServer`

The content of an image depends on its name in its archive only; ISIC images are the same picture in both sets.
"""

import io
import zipfile
import zlib
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from mmsnet_lite.data.prepare import prepare
from mmsnet_lite.data.specs import SPECS

SIDE = (12, 10)  # width, height


@dataclass
class Layout:
    """The archives of a dataset, and the stems that it is prepared to."""

    name: str
    stems: dict[str, list[str]]
    archives: dict[str, dict[str, bytes]]

    def spec(self):
        """The dataset's spec for these archives: counts and lists cut down, no checksums and addresses."""
        spec = SPECS[self.name]
        listed = {split: tuple(s for s in names if s in set(self.stems[split])) for split, names in spec.listed.items()}
        bare = tuple(replace(archive, urls=(), sha256=None, md5=None) for archive in spec.archives)
        counts = {split: len(stems) for split, stems in self.stems.items()}
        return replace(spec, archives=bare, counts=counts, listed=listed)

    def serve(self, server):
        """The same, with addresses on a server that hands the archives out."""
        spec = self.spec()
        urls = {name: server.serve(name, zipped(members)) for name, members in self.archives.items()}
        return replace(spec, archives=tuple(replace(a, urls=(urls[a.name],)) for a in spec.archives))

    def place(self, root):
        """Put the archives where a person would."""
        (root / "downloads").mkdir(parents=True, exist_ok=True)
        for name, members in self.archives.items():
            (root / "downloads" / name).write_bytes(zipped(members))
        return self.spec()


def prepare_with(root, changes, name="kvasir", archive="TrainDataset.zip", **options):
    """Prepare a small layout after changes of an archive: contents by member, None to leave it out."""
    layout = build(name, 4, 2)
    members = layout.archives[archive]
    layout.archives[archive] = {m: data for m, data in {**members, **changes}.items() if data is not None}
    (root / "downloads" / "checksums.json").unlink(missing_ok=True)
    return prepare(layout.place(root), root, **{"size": 12, **options})


def build(name, train=None, test=None):
    """A dataset's archives with so many images in each split; None for the real number."""
    full = _stems(name)
    stems = {split: full[split][:count] for split, count in (("train", train), ("test", test))}
    return Layout(name, stems, _BUILDERS[name](stems))


def zipped(members):
    """A zip of members, not compressed and without the time of day, so that its bytes repeat."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return file.getvalue()


def noise(key, size=SIDE):
    """Pixels uint8 (h w 3) that depend on a name only."""
    return np.random.default_rng(zlib.crc32(key.encode())).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)


def outline(key, size=SIDE):
    """A rectangle bool (h w) that depends on a name only, neither empty nor everything."""
    left, top = np.random.default_rng(zlib.crc32(key.encode())).integers(1, np.array(size) // 2).tolist()
    mask = np.zeros((size[1], size[0]), bool)
    mask[top : top + size[1] // 2, left : left + size[0] // 2] = True
    return mask


def encoded(pixels, form="PNG", **options):
    """An image file of pixels or of a Pillow image."""
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(file, form, **options)
    return file.getvalue()


def grey(mask):
    """A mask as 0 and 255."""
    return mask.astype(np.uint8) * 255


def _stems(name):
    """All stems of a dataset, by split, so ordered that the first few hold every kind."""
    spec = SPECS[name]
    listed = {split: list(stems) for split, stems in spec.listed.items()}
    if name in ("origa", "refuge"):  # ORIGA counts on, REFUGE names its images alike in both splits
        first = {"train": 1, "test": spec.counts["train"] + 1 if name == "origa" else 1}
        form = "{1:03}" if name == "origa" else "{0}_n{1:04}"
        return {s: [form.format(s, first[s] + i) for i in range(n)] for s, n in spec.counts.items()}
    if name in ("kvasir", "cvc300"):
        frames = [s for s in listed["train"] if s.startswith("clinicdb")]
        frames.sort(key=lambda stem: not 149 <= int(stem[-3:]) <= 208)  # numbers that CVC-300 uses as well
        own = sorted(set(listed["train"]) - set(frames), key=lambda stem: (stem[:2], stem[::-1]), reverse=True)
        mixed = [s for both in zip(own, frames, strict=False) for s in both]
        return {"train": mixed + own[len(frames) :], "test": listed["test"]}
    if name == "busi":
        special = ["benign (4)", "benign (195)", "malignant (53)"]
        return {s: sorted(names, key=lambda stem: stem not in special) for s, names in listed.items()}
    invented = [f"ISIC_9{i:06}" for i in range(1000)]
    if name == "isic2018":
        listed["test"] = invented
    if name == "isic2017":
        listed["test"] += invented[:6]
    return listed


def _fundus(domain):
    def build_domain(stems):
        top, files = "Processed_Fundus_Images/Processed_Fundus_Images/", {}
        for owner in (domain, "Drishti_GS"):
            for split, names in stems.items():
                rows = ["image,mask"]
                for stem in names if owner == domain else ["drishtiGS_001"]:
                    image = f"{owner}/{split}/image/{stem.removeprefix(f'{split}_')}.png"
                    mask = image.replace("/image/", "/mask/")
                    disc = outline(image)
                    levels = np.where(disc, np.where(np.cumsum(disc, axis=1) > 3, 0, 128), 255).astype(np.uint8)
                    files |= {top + image: encoded(noise(image)), top + mask: encoded(levels)}
                    rows.append(f"{image},{mask}")
                files[f"{top}{owner}_{split}.csv"] = "\r\n".join([*rows, ""]).encode("utf-8-sig")
        return {"Processed_Fundus_Images.zip": files}

    return build_domain


def _pranet(stems):
    """Training folders in the singular, the test pack's top folder doubled, masks with soft edges or in colour."""
    train, test = {}, {"__MACOSX/TestDataset/._Kvasir": b"\0\5\26\7", "TestDataset/.DS_Store": b"\0"}
    for stem in stems["train"]:
        file = stem.removeprefix("clinicdb_").lstrip("0")
        train |= _pair(f"TrainDataset/image/{file}.png", f"TrainDataset/mask/{file}.png", soft=True)
    others = {"Kvasir": ["cju0u82z3cuma0835wlxrnrjv"], "CVC-300": ["cvc300_149"], "CVC-ClinicDB": ["14"], "ETIS": ["1"]}
    mine = "CVC-300" if stems["test"][0].startswith("cvc300") else "Kvasir"
    for folder, names in {**others, mine: stems["test"]}.items():
        for stem in names:
            path = f"TestDataset/TestDataset/{folder}/images/{stem.removeprefix('cvc300_')}.png"
            test |= _pair(path, path.replace("images", "masks"))
    return {"TrainDataset.zip": train, "TestDataset.zip": test}


def _pair(image, mask, soft=False):
    outlined = outline(image)
    values = np.where(outlined, 250, 3).astype(np.uint8) if soft else grey(outlined)
    return {image: encoded(noise(image)), mask: encoded(np.dstack([values] * 3) if soft else values)}


def _busi(stems):
    """One-bit masks; some images with a second one, as RGBA with an alpha that means nothing; normals to leave out."""
    files = {}
    for stem in ["normal (1)", "normal (2)", *stems["train"], *stems["test"]]:
        path = f"Dataset_BUSI_with_GT/{stem.split()[0]}/{stem}"
        files |= {f"{path}.png": encoded(noise(path)), f"{path}_mask.png": encoded(outline(path))}
        if stem in ("benign (4)", "benign (195)", "malignant (53)"):
            second = np.dstack([grey(outline(f"{path}_mask_1"))] * 3 + [np.zeros(SIDE[::-1], np.uint8)])
            files[f"{path}_mask_1.png"] = encoded(second)
    return {"Dataset_BUSI.zip": files}


def _isic(year, inputs, truths):
    def build_year(stems):
        archives = {}
        for split, names in stems.items():
            top, top_truth = inputs[split].removesuffix(".zip"), truths[split].removesuffix(".zip")
            images, masks = {f"{top}/LICENSE.txt": b"CC-0", f"{top}/ATTRIBUTION.txt": b"ISIC"}, {}
            for i, stem in enumerate(names):
                images[f"{top}/{stem}.jpg"] = encoded(noise(stem), "JPEG", quality=95)
                word = "Segmentation" if i % 7 == 3 else "segmentation"
                masks[f"{top_truth}/{stem}_{word}.png"] = encoded(grey(outline(stem)))
                if year == 2017:
                    images[f"{top}/{stem}_superpixels.png"] = encoded(noise(f"{stem} superpixels"))
            images[f"{top}/{top}_metadata.csv"] = b"image_id,age_approximate,sex\n"
            archives |= {inputs[split]: images, truths[split]: masks}
        return archives

    return build_year


def _tn3k(stems):
    """JPEG throughout; the same numbers in both splits and in a neighbour dataset."""
    top, files = "Thyroid Dataset/", {"Thyroid Dataset/tn3k/tn3k-trainval-fold0.json": b"{}"}
    for stem in [*stems["train"], *stems["test"]]:
        part, number = stem.split("_")
        path = f"{top}tn3k/{part}-image/{number}.jpg"
        mask = outline(path, (24, 20))  # larger than a block of JPEG, so that the noise stays small
        files[path] = encoded(noise(path, (24, 20)), "JPEG")
        files[path.replace("-image", "-mask")] = encoded(grey(mask), "JPEG", quality=75)
    files |= _pair(f"{top}tg3k/thyroid-image/0000.jpg", f"{top}tg3k/thyroid-mask/0000.jpg")
    return {"Thyroid Dataset.zip": files}


def _archive_names(name):
    """Names of the archives of a set of ISIC: inputs and truths by split."""
    a, b, c, d = [archive.name for archive in SPECS[name].archives]
    return {"train": a, "test": c}, {"train": b, "test": d}


_BUILDERS = {
    "origa": _fundus("ORIGA"),
    "kvasir": _pranet,
    "busi": _busi,
    "isic2018": _isic(2018, *_archive_names("isic2018")),
    "refuge": _fundus("REFUGE"),
    "cvc300": _pranet,
    "tn3k": _tn3k,
    "isic2017": _isic(2017, *_archive_names("isic2017")),
}
