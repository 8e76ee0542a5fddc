"""The commands about images, prepare, split, data list, check and report; and which images the options mean."""

import argparse
import json
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path

from mmsnet_lite.build import DataSource
from mmsnet_lite.data import PreparedFolder
from mmsnet_lite.data.specs import MIXES, SPECS
from mmsnet_lite.errors import InputError


def root_of(args: argparse.Namespace) -> Path:
    """Return the folder of prepared datasets: --data, else MMSNET_DATA."""
    root = args.data or os.environ.get("MMSNET_DATA")
    if not root:
        raise InputError("no folder of datasets named; give --data ROOT or set MMSNET_DATA")
    return Path(root).expanduser()


def source_of(args: argparse.Namespace, known: DataSource | None = None) -> DataSource:
    """Return the images that the options ask for; what they leave open comes from MMSNET_DATA, then from `known`."""
    if args.mix and args.datasets is not None:
        raise InputError("--mix and --datasets name different images; give one of them")
    if args.mix == "mixlite":
        if args.data:
            raise InputError("--mix mixlite is drawn, not read from --data; give one of them")
        return DataSource()
    if not (args.mix or args.data or args.datasets is not None):
        if known is None:
            raise InputError("no images named; give --mix mixlite, --mix mix1 or mix2, or --data ROOT --datasets A,B")
        return known
    root = args.data or os.environ.get("MMSNET_DATA") or (known and known.root)
    if not root:
        option = f"--mix {args.mix}" if args.mix else "--datasets"
        raise InputError(f"{option} needs the folder they are in; give --data ROOT or set MMSNET_DATA")
    root = str(Path(root).expanduser().resolve())
    if args.mix:
        return DataSource(root=root, datasets=MIXES[args.mix], mix=args.mix)
    if args.datasets is not None:
        names = tuple(name.strip() for name in args.datasets.split(",") if name.strip())
        if not names:
            raise InputError("--datasets names none; give A,B, or leave it out for all prepared folders under ROOT")
        return DataSource(root=root, datasets=names, mix="")
    return replace(known, root=root) if known and known.root else DataSource.everything(root)


def run_prepare(args: argparse.Namespace) -> int:
    """Prepare each dataset that can be; those that cannot are named at the end, each with its reason."""
    from mmsnet_lite.data.prepare import prepare

    root = root_of(args)
    names = dict.fromkeys(part for name in args.names for part in MIXES.get(name, (name,)))
    for name in names:
        if name not in SPECS:
            raise InputError(f"{name!r} is no dataset; choose from {', '.join([*MIXES, *SPECS])}")
    failed: dict[str, InputError] = {}
    for spec in (SPECS[name] for name in names):
        try:
            folder = prepare(spec, root, cup=args.fundus == "disc+cup", progress=args.progress, report=print)
        except InputError as error:
            failed[spec.name] = error
        else:
            print(f"{spec.name}: {spec.counts['train']} to train, {spec.counts['test']} to test -> {folder.path}")
    for name, reason in failed.items():
        for line in str(reason).split("\n"):
            print(f"error: {name}: {line}", file=sys.stderr)
    if failed and len(names) > 1:
        print(f"error: {len(failed)} of {len(names)} datasets are not prepared: {', '.join(failed)}", file=sys.stderr)
    return 2 if failed else 0


def run_split(args: argparse.Namespace) -> None:
    """Write the split files of a prepared folder that has none."""
    counts = PreparedFolder(args.folder).write_splits(args.test, args.seed)
    print(f"{args.folder}: " + ", ".join(f"{count} in splits/{name}.txt" for name, count in counts.items()))


def run_list(args: argparse.Namespace) -> None:
    """Print the datasets and the two mixes."""
    from mmsnet_lite.data.specs.tables import listing, markdown, text

    if args.markdown:
        print(markdown(), end="")
    else:
        print(json.dumps(listing(), indent=2) if args.json else text())


def run_check(args: argparse.Namespace) -> int:
    """Print counts, pairs and leaks; exit code 1 when something is wrong."""
    from mmsnet_lite.data.check import check

    report = check(root_of(args), args.names or None, progress=args.progress)
    print(json.dumps(asdict(report), indent=2) if args.json else report.text())
    return report.exit_code


def run_report(args: argparse.Namespace) -> None:
    """Measure the training images of each dataset of a mix: print the table, write it as JSON and as a figure."""
    from mmsnet_lite.course.plot import save
    from mmsnet_lite.course.plot.fingerprint import fingerprints
    from mmsnet_lite.data.fingerprint import SIZE, fingerprint, table
    from mmsnet_lite.training.checkpoint import write_text

    if not (args.mix or args.data or args.datasets):
        args.data = os.environ.get("MMSNET_DATA")
    source = source_of(args)
    out: Path = args.out or Path("runs") / f"report-{source.name}"
    out.mkdir(parents=True, exist_ok=True)
    found = [fingerprint(part) for part in source.parts("train", SIZE)]
    print(table(found))
    text = json.dumps({"mix": source.name, "fingerprints": [one.to_json() for one in found]}, indent=1)
    write_text(out / "report.json", text + "\n")
    save(fingerprints(found), str(out / "report.tmp.png"))
    (out / "report.tmp.png").replace(out / "report.png")
    print(f"-> {out / 'report.json'}, {out / 'report.png'}")
