"""The commands about trained networks and their scores: evaluate, predict, compare, results, claims."""

import argparse
import os
from pathlib import Path

import torch

from mmsnet_lite.build import Run, trained
from mmsnet_lite.cli_data import source_of
from mmsnet_lite.course.colours import overlay
from mmsnet_lite.data import IMAGE_ENDINGS, Mix, Part, check_disjoint, drop_trained, images_in, read_image
from mmsnet_lite.errors import InputError
from mmsnet_lite.training import Evaluation, compare, comparison_table, evaluate, predict_image, results
from mmsnet_lite.training.checkpoint import write_text
from mmsnet_lite.training.collect import collect
from mmsnet_lite.training.samples import write_png


def run_evaluate(args: argparse.Namespace) -> None:
    """Score a run's best checkpoint on images that it was not trained on: print means, write a line an image."""
    run, model = trained(args.run)
    source, original = source_of(args, run.source), args.at == "original"
    other = "" if source.name == run.source.name else f"-{source.name}"
    out: Path = args.out or args.run / f"test{other}{'-original' * original}.csv"
    if out.is_dir() or not out.parent.is_dir():
        raise InputError(f"{out} cannot be written: name a CSV file in a folder that exists with --out")
    parts = unseen(run, source.parts("test", run.size), args.drop_trained)
    scores = evaluate(
        model, Mix(parts, run.size, progress=args.progress), batch=run.settings["batch"], original=original
    )
    if int(os.environ.get("RANK", 0)):
        return  # the first of several processes tells and writes
    print(scores.table(full=True))
    write_text(out, scores.to_csv())
    print(f"-> {out}")


def unseen(run: Run, parts: list[Part], drop: bool = False) -> list[Part]:
    """Return the test parts, checked against the images that the run trained on: those are refused, or left out."""
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


def run_predict(args: argparse.Namespace) -> None:
    """Write masks and overlays; every image is checked before the first is written."""
    paths: dict[str, Path] = {}
    for given in args.images:
        inside = images_in(given) if given.is_dir() else [given]
        if not inside:
            raise InputError(f"{given} holds no image; accepted endings: {', '.join(IMAGE_ENDINGS)}")
        for path in inside:
            if path.stem in paths:
                raise InputError(f"{paths[path.stem]} and {path} would write the same files; give each its own --out")
            read_image(path)
            paths[path.stem] = path
    run, model = trained(args.run)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    out: Path = args.out or args.run / "predictions"
    out.mkdir(parents=True, exist_ok=True)
    for stem, path in paths.items():
        image = read_image(path)
        mask = predict_image(model, image, run.size) >= 0.5
        write_png(out / f"{stem}_mask.png", 255 * mask)
        write_png(out / f"{stem}_overlay.png", overlay(image, mask))
        print(f"{path.name}: {mask.mean():.1%} of the image -> {out / stem}_overlay.png")


def run_compare(args: argparse.Namespace) -> None:
    """Print the differences of two runs, or of two configurations with several seeds."""
    sides = [args.a, args.b]
    if args.pair:
        if len(args.pair) != 2 or args.a or args.b:
            raise InputError("name two runs, or the seeds of two configurations with --a RUN.. --b RUN..")
        sides = [[path] for path in args.pair]
    if not all(sides):
        raise InputError("a side has no run; name two runs, or --a RUN.. --b RUN..")
    for side in sides:
        if len(set(side)) < len(side):
            raise InputError(f"{max(side, key=side.count)} stands twice on one side; name each seed once")
    a, b = ({str(path): Evaluation.read_csv(path) for path in side} for side in sides)
    print(f"A: {', '.join(a)}\nB: {', '.join(b)}\n{comparison_table(compare(a, b))}")


def run_results(args: argparse.Namespace) -> None:
    """Add runs to a results file; print the tables, or renew README's."""
    folder = results.results_folder(args.results)
    if bool(args.collect) != bool(args.into):
        raise InputError("--collect RUN.. says what to add, --into NAME to which runs_NAME.json; give both")
    if args.title and not args.into:
        raise InputError("--title belongs to --collect RUN.. --into NAME")
    if args.collect:
        file = folder / f"runs_{args.into}.json"
        collect(args.collect, file, args.title)
        print(f"-> {file}\n\n{results.markdown(file.stem, folder)}")
    if args.write:
        readme = folder.parents[1] / "README.md"
        write_text(readme, results.rendered(readme.read_text(encoding="utf-8"), folder))
        print(f"-> {readme}")
    elif not args.collect:
        print(results.markdown("*", folder))


def run_claims(args: argparse.Namespace) -> None:
    """Print the verdicts with their evidence, or renew README's table."""
    from mmsnet_lite.analysis.claims import rendered, verdicts

    folder = results.results_folder(args.results)
    found = verdicts(folder)
    print("\n\n".join(verdict.report for verdict in found))
    if args.write:
        readme = folder.parents[1] / "README.md"
        write_text(readme, rendered(readme.read_text(encoding="utf-8"), found))
        print(f"-> {readme}")
