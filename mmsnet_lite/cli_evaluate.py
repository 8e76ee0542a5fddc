"""The commands about scores: evaluate, compare, results."""

import argparse
import os
from pathlib import Path

from mmsnet_lite.cli_source import source_of, unseen
from mmsnet_lite.errors import InputError


def run_evaluate(args: argparse.Namespace) -> None:
    """Score a run's best checkpoint on images that it was not trained on: print means, write a line an image."""
    from mmsnet_lite.cli import trained
    from mmsnet_lite.data import Mix
    from mmsnet_lite.training import evaluate
    from mmsnet_lite.training.checkpoint import write_text

    run, model = trained(args.run)
    source, original = source_of(args, run.source), args.at == "original"
    other = "" if source.name == run.source.name else f"-{source.name}"
    out: Path = args.out or args.run / f"test{other}{'-original' * original}.csv"
    if out.is_dir() or not out.parent.is_dir():
        raise InputError(f"{out} cannot be written: name a CSV file in a folder that exists with --out")
    parts = unseen(run, source.parts("test", run.size), args.drop_trained)
    mix = Mix(parts, run.size, progress=os.environ.get("MMSNET_STATIC") != "1")
    scores = evaluate(model, mix, batch=run.settings["batch"], original=original)
    if int(os.environ.get("RANK", 0)):
        return  # the first of several processes tells and writes
    print(scores.report())
    write_text(out, scores.to_csv())
    print(f"-> {out}")


def run_compare(args: argparse.Namespace) -> None:
    """Print the differences of two runs, or of two configurations with several seeds."""
    from mmsnet_lite.training import Evaluation, compare, comparison_table

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
    rows = compare(a, b)
    print(f"A: {', '.join(a)}\nB: {', '.join(b)}\n{comparison_table(rows)}")


def run_results(args: argparse.Namespace) -> None:
    """Add runs to a results file; print the tables, or renew README's."""
    from mmsnet_lite.training import results
    from mmsnet_lite.training.checkpoint import write_text
    from mmsnet_lite.training.collect import collect

    folder = results.results_folder(args.results)
    if bool(args.collect) != bool(args.into):
        raise InputError("--collect RUN.. says what to add, --into NAME to which runs_NAME.json; give both")
    if args.title and not args.into:
        raise InputError("--title belongs to --collect RUN.. --into NAME")
    if args.collect:
        file = collect(args.collect, folder / f"runs_{args.into}.json", args.title)
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
    from mmsnet_lite.training.checkpoint import write_text
    from mmsnet_lite.training.results import results_folder

    folder = results_folder(args.results)
    found = verdicts(folder)
    print("\n\n".join(verdict.report for verdict in found))
    if args.write:
        readme = folder.parents[1] / "README.md"
        write_text(readme, rendered(readme.read_text(encoding="utf-8"), found))
        print(f"-> {readme}")
