"""The commands about images: prepare, data list, data check, data report."""

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from mmsnet_lite.errors import InputError

if TYPE_CHECKING:
    from mmsnet_lite.data.specs import DatasetSpec


def root_of(args: argparse.Namespace) -> Path:
    """Return the folder of prepared datasets: --data, else MMSNET_DATA."""
    root = args.data or os.environ.get("MMSNET_DATA")
    if not root:
        raise InputError("no folder of datasets named; give --data ROOT or set MMSNET_DATA")
    return Path(root).expanduser()


def specs_of(names: list[str]) -> "list[DatasetSpec]":
    """Return the datasets that names of datasets and mixes stand for, each once."""
    from mmsnet_lite.data.specs import MIXES, SPECS

    wanted = [part for name in names for part in MIXES.get(name, (name,))]
    for name in wanted:
        if name not in SPECS:
            raise InputError(f"{name!r} is no dataset; choose from {', '.join([*MIXES, *SPECS])}")
    return [SPECS[name] for name in dict.fromkeys(wanted)]


def run_prepare(args: argparse.Namespace) -> int:
    """Prepare each dataset that can be; those that cannot are named at the end, each with its reason."""
    from mmsnet_lite.data.prepare import prepare

    root, specs = root_of(args), specs_of(args.names)
    progress = os.environ.get("MMSNET_STATIC") != "1"
    failed: dict[str, InputError] = {}
    for spec in specs:
        try:
            folder = prepare(spec, root, cup=args.fundus == "disc+cup", progress=progress, report=print)
        except InputError as error:
            failed[spec.name] = error
        else:
            print(f"{spec.name}: {spec.counts['train']} to train, {spec.counts['test']} to test -> {folder.path}")
    for name, reason in failed.items():
        for line in str(reason).split("\n"):
            print(f"error: {name}: {line}", file=sys.stderr)
    if failed and len(specs) > 1:
        print(f"error: {len(failed)} of {len(specs)} datasets are not prepared: {', '.join(failed)}", file=sys.stderr)
    return 2 if failed else 0


def run_data_list(args: argparse.Namespace) -> None:
    """Print the datasets and the two mixes."""
    from mmsnet_lite.data.specs.tables import listing, markdown, text

    if args.markdown:
        print(markdown(), end="")
    else:
        print(json.dumps(listing(), indent=2) if args.json else text())


def run_data_check(args: argparse.Namespace) -> int:
    """Print counts, pairs and leaks; exit code 1 when something is wrong."""
    from mmsnet_lite.data.check import check

    progress = os.environ.get("MMSNET_STATIC") != "1"
    report = check(root_of(args), args.names or None, progress=progress)
    print(json.dumps(asdict(report), indent=2) if args.json else report.text())
    return report.exit_code


def run_data_report(args: argparse.Namespace) -> None:
    """Measure the training images of each dataset of a mix: print the table, write it as JSON and as a figure."""
    from mmsnet_lite.cli_source import source_of
    from mmsnet_lite.course.plot import save
    from mmsnet_lite.course.plot.fingerprint import fingerprints
    from mmsnet_lite.data.fingerprint import SIZE, fingerprint, table

    if not (args.mix or args.data or args.datasets):
        args.data = os.environ.get("MMSNET_DATA")
    source = source_of(args)
    out = args.out or Path("runs") / f"report-{source.name}"
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out} cannot be made ({error.strerror}); give another folder with --out") from error
    found = [fingerprint(part) for part in source.parts("train", SIZE)]
    print(table(found))
    text = json.dumps({"mix": source.name, "fingerprints": [one.to_json() for one in found]}, indent=1)
    (out / "report.json.tmp").write_text(text + "\n", encoding="utf-8")
    save(fingerprints(found), str(out / "report.tmp.png"))
    for temporary, name in (("report.json.tmp", "report.json"), ("report.tmp.png", "report.png")):
        (out / temporary).replace(out / name)
    print(f"-> {out / 'report.json'}, {out / 'report.png'}")
