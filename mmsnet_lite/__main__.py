"""Command line: python -m mmsnet_lite prepare | data | train | curves | evaluate | compare | results | claims | ..."""

import argparse
import os
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

from mmsnet_lite import __version__
from mmsnet_lite.errors import InputError


def parser() -> argparse.ArgumentParser:
    """Describe the commands and their options; the modules that do them are imported when one is run."""
    root = argparse.ArgumentParser(prog="python -m mmsnet_lite", description="Train and use MMSNet. Research only.")
    root.add_argument("--version", action="version", version=__version__)
    commands = root.add_subparsers(dest="command", required=True)

    def command(module: str, name: str, text: str, within: Any = commands) -> argparse.ArgumentParser:
        sub: argparse.ArgumentParser = within.add_parser(
            name, help=text, description=text, formatter_class=argparse.RawTextHelpFormatter
        )
        sub.set_defaults(module=module, function=f"run_{name}", progress=os.environ.get("MMSNET_STATIC") != "1")
        return sub

    def data_options(sub: argparse.ArgumentParser, otherwise: str = "all that are prepared") -> None:
        mixes = ["mix1", "mix2", "mixlite"]
        sub.add_argument("--mix", choices=mixes, help="the paper's mix1 or mix2 under ROOT, or mixlite, drawn by code")
        sub.add_argument("--data", metavar="ROOT", default=None, help="folder of prepared datasets (or MMSNET_DATA)")
        sub.add_argument("--datasets", metavar="A,B", help=f"datasets under ROOT, with commas (default: {otherwise})")

    def model_options(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--model", default="mmsnet", help="mmsnet, unet, segformer or lora (default mmsnet)")
        sub.add_argument("--encoder", help="mit-nano (default), mit-b0 ... mit-b5")
        sub.add_argument("--pretrained", help="own (default, if any), none, hub name, folder or mit_b*.pth")
        sub.add_argument("--tune", help="frozen, mfa or full (default: mfa; from random weights: full)")
        sub.add_argument("--no-mfa", dest="mfa", action="store_false", default=None, help="leave MFA and FEP away")
        sub.add_argument("--no-msfg", dest="msfg", action="store_false", default=None, help="leave MSFG away")
        sub.add_argument("--r", type=int, help="MFA's reduction (default 1), or LoRA's rank (default 4)")
        sub.add_argument("--fep", help="contourlet (default), wavelet, fft or none")
        sub.add_argument("--frequencies", type=int, help="K, DCT components of MSFG (default 32)")
        sub.add_argument("--msfg-scales", type=int, help="S, scales of MSFG (default 3)")
        sub.add_argument("--width", type=int, help="channels of MMSNet's decoder (64, mit-nano 32) or of U-Net (16)")

    prepare = command("cli_data", "prepare", "Download, verify and prepare public datasets or a whole mix.")
    prepare.add_argument("names", nargs="+", metavar="mix1|mix2|NAME", help="mixes or datasets, see `data list`")
    prepare.add_argument("--data", metavar="ROOT", help="folder to prepare them in (or MMSNET_DATA)")
    prepare.add_argument("--fundus", choices=["disc+cup", "disc"], default="disc+cup", help="of fundus sets")

    data = commands.add_parser("data", help="List, check and describe datasets.")
    topics = data.add_subparsers(dest="topic", required=True)
    listing = command("cli_data", "list", "The public datasets and the mixes made of them.", topics)
    form = listing.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for programs")
    form.add_argument("--markdown", action="store_true", help="the text of data/README.md")
    checking = command("cli_data", "check", "Counts, pairs, and images in train and test alike.", topics)
    checking.add_argument("names", nargs="*", metavar="NAME", help="folders under ROOT (default: all)")
    checking.add_argument("--data", metavar="ROOT", help="folder of prepared datasets (or MMSNET_DATA)")
    checking.add_argument("--json", action="store_true", help="for programs")
    report = command("cli_data", "report", "Table and figure of a mix: sizes, lesions, spectra.", topics)
    data_options(report)
    report.add_argument("--out", type=Path, help="folder to write (default runs/report-MIX)")

    train = command("cli_train", "train", "Train a network, choose its best epoch, score it on the test split.")
    train.add_argument(
        "--profile",
        choices=["lite", "full"],
        help="a recipe; other options win over it. lite: MixLite on a CPU, the defaults below.\n"
        "full: the paper's, 352 px, mit-b4, 50 epochs, on --mix mix1 or other images",
    )
    data_options(train)
    model_options(train)
    train.add_argument("--size", type=int, help="side of the images in pixels (default 96)")
    train.add_argument("--epochs", type=int, help="default 14")
    train.add_argument("--batch", type=int, help="images a step, over all processes (default 8)")
    train.add_argument("--lr", type=float, help="of AdamW, cosine to 1e-6 (default 5e-4, mit-nano 2e-3)")
    train.add_argument("--validation", type=float, help="share held out of training (default 0.05)")
    train.add_argument("--sampler", help="proportional (default), or balanced over modalities")
    train.add_argument("--augment", help="flips (default), full or none")
    train.add_argument("--seed", type=int, default=0, help="of weights, order, augmentation and dropout (default 0)")
    train.add_argument("--run", type=Path, help="run folder to write (default runs/MODEL-DATA-SIZE-seedN)")
    train.add_argument("--resume", action="store_true", help="continue a run that was cut off")
    train.add_argument("--precision", help="no (float32) or bf16 (default: what accelerate launch says, else no)")
    train.add_argument("--accumulate", type=int, default=1, help="compute a batch in so many parts, to save memory")
    train.add_argument("--checkpointing", action="store_true", help="compute encoder blocks twice, to save memory")
    train.add_argument("--workers", type=int, default=0, help="processes that load images (default 0: none beside)")
    train.add_argument("--tracker", help="one of accelerate's, such as tensorboard or wandb")

    curves = command("cli_train", "curves", "Draw a run's curves and sample predictions into its folder.")
    curves.add_argument("--run", type=Path, required=True, help="folder that `train` wrote")

    evaluate = command("cli_evaluate", "evaluate", "Score a run's best checkpoint on test splits.")
    evaluate.add_argument("--run", type=Path, required=True, help="folder that `train` wrote")
    data_options(evaluate, "the run's")
    evaluate.add_argument("--drop-trained", action="store_true", help="leave out test images that the run trained on")
    sizes = "at the network's size (default), or at that of each published mask"
    evaluate.add_argument("--at", choices=["network", "original"], default="network", help=f"score {sizes}")
    evaluate.add_argument(
        "--out", type=Path, metavar="CSV", help="default RUN/test.csv, test-DATA.csv for other images"
    )

    comparing = command("cli_evaluate", "compare", "Compare runs over the same test images, with a paired test.")
    comparing.add_argument("pair", nargs="*", type=Path, metavar="RUN", help="two run folders, or CSV of `evaluate`")
    for side in ("a", "b"):
        comparing.add_argument(
            f"--{side}", nargs="+", type=Path, default=[], metavar="RUN", help="instead: a side's seeds"
        )

    results = command("cli_evaluate", "results", "Tables of benchmarks/results/ as Markdown.")
    results.add_argument("--results", type=Path, metavar="FOLDER", help="default: that of the package's checkout")
    results.add_argument("--collect", nargs="+", type=Path, metavar="RUN", help="first add runs to runs_NAME.json")
    results.add_argument("--into", metavar="NAME", help="which runs_NAME.json")
    results.add_argument("--title", help="the sentence above its table (default: the file's own)")
    results.add_argument("--write", action="store_true", help="renew README's tables instead of printing")

    claims = command("cli_evaluate", "claims", "The paper's claims C1 to C18, judged by the stored results.")
    claims.add_argument("--results", type=Path, metavar="FOLDER", help="default: that of the package's checkout")
    claims.add_argument("--write", action="store_true", help="also renew README's table")

    predict = command("cli_evaluate", "predict", "Write a mask PNG and an overlay PNG for each image.")
    predict.add_argument("--run", type=Path, required=True, help="folder that `train` wrote")
    predict.add_argument("--out", type=Path, help="folder to write (default RUN/predictions)")
    predict.add_argument("images", nargs="+", type=Path, metavar="IMAGE_OR_FOLDER")

    pretrain = command("cli_train", "pretrain", "Pretrain an encoder on images drawn by formula.")
    pretrain.add_argument("--encoder", default="mit-nano", help="mit-nano (default) or mit-b0 to mit-b5")
    pretrain.add_argument("--out", type=Path, required=True, help="folder to write, as --pretrained takes it")
    pretrain.add_argument("--steps", type=int, help="default 8000; the command continues when cut off")
    pretrain.add_argument("--batch", type=int, help="scenes a step (default 16)")
    pretrain.add_argument("--size", type=int, help="side of the scenes in pixels (default 128)")
    pretrain.add_argument("--lr", type=float, help="of AdamW, warm-up and cosine (default 2e-3)")
    pretrain.add_argument("--seed", type=int, help="of weights and scenes (default 0)")

    split = command("cli_data", "split", "Draw train.txt and test.txt for a folder of images/ and masks/.")
    split.add_argument("folder", type=Path, metavar="ROOT/DATASET")
    split.add_argument("--test", type=float, default=0.2, help="share of the images to test on (default 0.2)")
    split.add_argument("--seed", type=int, default=0, help="draws the split (default 0)")

    summary = command("cli_summary", "summary", "Shapes and parameters by module and stage.")
    model_options(summary)
    summary.add_argument("--size", type=int, default=352, help="side of the image in pixels (default 352)")
    return root


def main(arguments: list[str] | None = None) -> int:
    """Run a command; bad input ends with one line on stderr and exit code 2. Of several processes, the first speaks."""
    args = parser().parse_args(arguments)
    if int(os.environ.get("RANK", 0)) > 0:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            return _run(args)
    return _run(args)


def _run(args: argparse.Namespace) -> int:
    try:
        code: int | None = getattr(import_module(f"mmsnet_lite.{args.module}"), args.function)(args)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # a folder that is a file, a full disk, no permission
        print(f"error: {error}; choose another place or make room", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        way = "continue with --resume" if args.command == "train" else "run it again to continue"
        print(f"{stop or 'interrupted'}; {way}", file=sys.stderr)
        return 128 + getattr(stop, "signal", signal.SIGINT)
    return code or 0


if __name__ == "__main__":
    sys.exit(main())
