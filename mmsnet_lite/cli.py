"""What each command does; libraries are imported by the command that needs them, so that --help is immediate."""

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmsnet_lite.cli_source import say_counts, source_of
from mmsnet_lite.errors import InputError

if TYPE_CHECKING:
    from torch import nn

    from mmsnet_lite.build import Run


def model_of(args: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """Return the network's name and the options given for it."""
    names = ("encoder", "pretrained", "tune", "mfa", "msfg", "r", "fep", "frequencies", "msfg_scales", "width")
    options = {name: value for name in names if (value := getattr(args, name)) is not None}
    if args.model != "unet":
        options.setdefault("encoder", "mit-nano")
    if args.model in ("mmsnet", "lora") and options["encoder"] == "mit-nano":
        options.setdefault("width", 32)  # half, like the encoder
    if args.mfa is False and not args.tune:
        options["tune"] = "full"  # without the adaptor there is no other way to tune the encoder
    return args.model, options


def run_train(args: argparse.Namespace) -> None:
    """Train, then score the best epoch on the test split."""
    from mmsnet_lite.build import Run, environment
    from mmsnet_lite.data import Mix, check_disjoint, split_validation
    from mmsnet_lite.training import TrainSettings, evaluate, train
    from mmsnet_lite.training.checkpoint import load_weights, read_weights, write_text

    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise InputError("the train command runs in one process; start it without a launcher")
    source = source_of(args)
    name, options = model_of(args)
    if name == "mmsnet" and not args.pretrained:
        options.setdefault("tune", "full")  # a frozen encoder of random weights has nothing to adapt
    lr = args.lr if args.lr is not None else 2e-3 if options.get("encoder") == "mit-nano" else 5e-4
    settings = TrainSettings(
        epochs=args.epochs, batch=args.batch, lr=lr, seed=args.seed, sampler=args.sampler, augment=args.augment
    )
    run = Run(
        model=name, options=options, source=source, size=args.size, settings=vars(settings), validation=args.validation
    )
    folder = args.run or Path("runs") / f"{name}-{source.name}-{args.size}-seed{args.seed}"
    check_run_folder(folder, run, args.resume)
    model = run.build(start=True)
    model.check_size(args.size, args.size)
    if name != "unet" and "pretrained" not in options:
        tuned = "lora" if name == "lora" else options.get("tune", "full")
        print(f"{options['encoder']} starts from random weights, tuned: {tuned}; --pretrained names a checkpoint")
    all_train_parts, test_parts = (source.parts(split, args.size) for split in ("train", "test"))
    check_disjoint(all_train_parts, test_parts)
    train_parts, validation_parts = split_validation(all_train_parts, args.validation, args.seed)
    say_counts(all_train_parts, test_parts)
    progress = os.environ.get("MMSNET_STATIC") != "1"
    train_mix, validation_mix, test_mix = (
        Mix(parts, args.size, progress=progress) for parts in (train_parts, validation_parts, test_parts)
    )
    print(f"{len(train_mix)} images to train, {len(validation_mix)} to validate, {len(test_mix)} to test -> {folder}")

    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "config.json", run.to_json())
    if not args.resume:
        write_text(folder / "environment.json", json.dumps(environment(), indent=2) + "\n")
    resume = args.resume and (folder / "last.safetensors").is_file()  # else it was cut off in its first epoch
    line = "epoch {epoch}: loss {loss:.4f}, validation DSC {validation_dsc:.4f}, {seconds:.0f} s".format
    train(
        model,
        train_mix,
        validation_mix,
        settings,
        run=folder,
        resume=resume,
        progress=progress,
        on_epoch=lambda record: print(line(**record), flush=True),
    )
    load_weights(model, read_weights(folder / "best.safetensors")[0], folder / "best.safetensors")
    scores = evaluate(model, test_mix, batch=args.batch)
    write_text(folder / "test.json", json.dumps(scores.to_json(), indent=2, allow_nan=False) + "\n")
    print(f"\nTest split, {args.size} px, best epoch by validation DSC:\n{scores.table()}")


def check_run_folder(folder: Path, run: "Run", resume: bool) -> None:
    """Refuse to overwrite a run, to resume nothing, or to resume another configuration."""
    from mmsnet_lite.build import Run

    if not resume:
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
            raise InputError(f"{folder} already exists; continue a run with --resume, or choose another --run")
        return
    saved, wanted = (flat(json.loads(r.to_json())) for r in (Run.read(folder), run))
    for key in saved | wanted:
        if key != "version" and saved.get(key) != wanted.get(key):
            raise InputError(
                f"{folder} was trained with {key} = {saved.get(key)}, not {wanted.get(key)}; repeat its options, "
                "or choose another --run"
            )


def flat(values: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Lay nested values out as {"settings.lr": ...}."""
    parts = [
        flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
        for key, value in values.items()
    ]
    return {key: value for part in parts for key, value in part.items()}


def trained(folder: Path) -> "tuple[Run, nn.Module]":
    """Return a run's configuration and its network with the best weights, in eval mode."""
    from mmsnet_lite.build import Run
    from mmsnet_lite.training.checkpoint import load_weights, read_weights

    run = Run.read(folder)
    tensors, _ = read_weights(folder / "best.safetensors")
    model = run.build(start=False)
    load_weights(model, tensors, folder / "best.safetensors")
    return run, model.eval()


def run_predict(args: argparse.Namespace) -> None:
    """Write masks and overlays; every image is checked before the first is written."""
    import cv2
    import torch

    from mmsnet_lite.course.colours import overlay
    from mmsnet_lite.data import IMAGE_ENDINGS, read_image
    from mmsnet_lite.training import predict_image

    paths: list[Path] = []
    for given in args.images:
        inside = sorted(p for p in given.iterdir() if p.suffix.lower() in IMAGE_ENDINGS) if given.is_dir() else [given]
        if not inside:
            raise InputError(f"{given} holds no image; accepted endings: {', '.join(IMAGE_ENDINGS)}")
        paths += inside
    for path in paths:
        same = [other for other in paths if other.stem == path.stem and other is not path]
        if same:
            raise InputError(f"{path} and {same[0]} would write the same files; give each its own --out")
    for path in paths:
        read_image(path)
    run, model = trained(args.run)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    out = args.out or args.run / "predictions"
    out.mkdir(parents=True, exist_ok=True)
    for path in paths:
        image = read_image(path)
        mask = predict_image(model, image, run.size) >= 0.5
        for name, picture in (
            (f"{path.stem}_mask.png", mask * 255),
            (f"{path.stem}_overlay.png", overlay(image, mask)),
        ):
            pixels = picture.astype("uint8")
            whole = cv2.imencode(".png", pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1]
            temporary = out / f"{name}.tmp"
            temporary.write_bytes(whole.tobytes())
            temporary.replace(out / name)
        print(f"{path.name}: {mask.mean():.1%} of the image -> {out / path.stem}_overlay.png")


def run_split(args: argparse.Namespace) -> None:
    """Write the split files of a prepared folder that has none."""
    from mmsnet_lite.data import PreparedFolder

    counts = PreparedFolder(args.folder).write_splits(args.test, args.seed)
    print(f"{args.folder}: " + ", ".join(f"{count} in splits/{name}.txt" for name, count in counts.items()))
