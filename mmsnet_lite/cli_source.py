"""Which images train and evaluate use, from their options, and whether a run has seen them."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mmsnet_lite.errors import InputError

if TYPE_CHECKING:
    from mmsnet_lite.build import DataSource, Run
    from mmsnet_lite.data import Part


def source_of(args: argparse.Namespace, known: "DataSource | None" = None) -> "DataSource":
    """Return the images that the options ask for; what they leave open comes from MMSNET_DATA, then from `known`."""
    from mmsnet_lite.build import DataSource

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
        return DataSource.named(args.mix, root)
    if args.datasets is not None:
        names = tuple(name.strip() for name in args.datasets.split(",") if name.strip())
        if not names:
            raise InputError("--datasets names none; give A,B, or leave it out for all prepared folders under ROOT")
        return DataSource(root=root, datasets=names, mix="")
    return replace(known, root=root) if known and known.root else DataSource.everything(root)


def say_counts(train: "Sequence[Part]", test: "Sequence[Part]") -> None:
    """Print how many images each dataset gives."""
    counts = {part.dataset: [0, 0] for part in (*train, *test)}
    for column, parts in enumerate((train, test)):
        for part in parts:
            counts[part.dataset][column] = len(part.stems)
    print("training + test images: " + ", ".join(f"{name} {a} + {b}" for name, (a, b) in counts.items()))


def unseen(run: "Run", parts: "list[Part]", drop: bool) -> "list[Part]":
    """Return the test parts, checked against the images that the run trained on: those are refused, or left out."""
    from mmsnet_lite.data import check_disjoint, drop_trained

    if run.source.root is None:
        return parts  # MixLite's pictures are in no folder, and its splits are disjoint
    try:
        train = run.source.parts("train", run.size)
    except InputError as error:
        if drop:
            raise
        print(f"not compared with the images that the run was trained on: {error}")
        return parts
    if not drop:
        try:
            check_disjoint(train, parts)
        except InputError as error:
            raise InputError(f"{error}, or leave them out with --drop-trained") from error
        return parts
    left = drop_trained(train, parts)
    before, remain = (sum(len(part.stems) for part in given) for given in (parts, left))
    if not remain:
        raise InputError(f"all {before} test images are trained on; name others with --data and --datasets")
    print(f"{before - remain} test images are trained on and left out, {remain} remain")
    return left
