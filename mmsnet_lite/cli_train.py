"""The commands that train: train, from options and a profile to a run folder; curves, of a run; pretrain."""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from mmsnet_lite.build import Run, environment
from mmsnet_lite.cli_data import source_of
from mmsnet_lite.data import Mix, check_disjoint, split_validation
from mmsnet_lite.errors import InputError
from mmsnet_lite.model.checkpoints import OWN
from mmsnet_lite.training import PROFILES, TrainSettings, evaluate, make_accelerator, train
from mmsnet_lite.training.checkpoint import LAST, PREVIOUS, load_model, write_text
from mmsnet_lite.training.processes import part_count
from mmsnet_lite.training.samples import read_samples


def run_train(args: argparse.Namespace) -> None:
    """Train, then score the best epoch on the test split; alone, or as one of the processes of `accelerate launch`."""
    settings = take_profile(args)
    source = source_of(args)
    name, options = model_of(args)
    take_start(name, options)
    run = Run(
        model=name, options=options, source=source, size=args.size, settings=vars(settings), validation=args.validation
    )
    folder = args.run or Path("runs") / f"{name}-{source.name}-{args.size}-seed{args.seed}"
    check_run_folder(folder, run, args.resume)
    model = run.build(start=True)
    model.check_size(args.size, args.size)
    if name != "unet":
        start = f"weights {options['pretrained']!r}" if "pretrained" in options else "random weights"
        tuned = "lora" if name == "lora" else options.get("tune", "full")
        print(f"{options['encoder']} starts from {start}, tuned: {tuned}")
    if args.checkpointing:
        if name == "unet":
            raise InputError("--checkpointing computes the blocks of an encoder twice; unet has none, leave it out")
        for stage in model.encoder.stages:  # type: ignore[union-attr]
            stage.checkpointing = True
    parts, test_parts = (source.parts(split, args.size) for split in ("train", "test"))
    check_disjoint(parts, test_parts)
    train_parts, validation_parts = split_validation(parts, args.validation, args.seed)
    counts = {part.dataset: [0, 0] for part in (*parts, *test_parts)}
    for column, of_split in enumerate((parts, test_parts)):
        for part in of_split:
            counts[part.dataset][column] = len(part.stems)
    print("training + test images: " + ", ".join(f"{name} {a} + {b}" for name, (a, b) in counts.items()))
    if args.workers < 0:
        raise InputError(f"workers = {args.workers} does not fit; choose 0 or more")
    accelerator = make_accelerator(
        precision=args.precision, accumulate=args.accumulate, tracker=args.tracker, folder=folder
    )
    with accelerator.main_process_first():  # it fills the cache; the others have checked the folder when it goes on
        train_mix, validation_mix, test_mix = (
            Mix(some, args.size, progress=args.progress) for some in (train_parts, validation_parts, test_parts)
        )
    part_count(accelerator, min(settings.batch, len(train_mix)))
    print(f"{len(train_mix)} images to train, {len(validation_mix)} to validate, {len(test_mix)} to test -> {folder}")

    resume = args.resume and any((folder / name).is_file() for name in (LAST, PREVIOUS))
    if args.resume and not resume:
        print(f"{folder} holds no checkpoint yet; training starts at its first epoch")
    if accelerator.is_main_process:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "config.json", run.to_json())
        if not (folder / "environment.json").exists():
            how = {"processes": accelerator.num_processes, "accumulate": args.accumulate}
            how |= {"precision": accelerator.mixed_precision, "checkpointing": args.checkpointing}
            write_text(folder / "environment.json", json.dumps(environment() | how, indent=2) + "\n")
    line = "epoch {epoch}: loss {loss:.4f}, validation DSC {validation_dsc:.4f}, {seconds:.0f} s".format
    train(
        model,
        train_mix,
        validation_mix,
        settings,
        run=folder,
        resume=resume,
        progress=args.progress,
        on_epoch=lambda record: print(line(**record), flush=True),
        accelerator=accelerator,
        workers=args.workers,
    )
    load_model(folder / "best.safetensors", model)
    scores = evaluate(model, test_mix, batch=settings.batch)
    if accelerator.is_main_process:
        write_text(folder / "test.json", json.dumps(scores.to_json(), indent=2, allow_nan=False) + "\n")
        write_text(folder / "test.csv", scores.to_csv())
    print(f"\nTest split, {args.size} px, best epoch by validation DSC:\n{scores.table()}")
    accelerator.end_training()


def take_profile(args: argparse.Namespace) -> TrainSettings:
    """Fill what the options leave open from the profile, `lite` without one; returns the training's settings."""
    profile = PROFILES[args.profile or "lite"]()
    preset: dict[str, Any] = {"size": profile.size, "validation": profile.validation}
    if args.profile:
        preset |= profile.options.get(args.model, {})
        if not (args.mix or args.data or args.datasets is not None):
            args.mix = profile.mix
    elif args.lr is None:
        args.lr = 2e-3 if args.encoder in (None, "mit-nano") and args.model != "unet" else 5e-4
    for name, value in preset.items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    return replace(profile.settings, **given(args, "epochs", "batch", "lr", "seed", "sampler", "augment"))


def given(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Return those of the named options that are not left open."""
    return {name: value for name in names if (value := getattr(args, name)) is not None}


def model_of(args: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """Return the network's name and the options given for it."""
    names = ("encoder", "pretrained", "tune", "mfa", "msfg", "r", "fep", "frequencies", "msfg_scales", "width")
    options = given(args, *names)
    if args.model != "unet":
        options.setdefault("encoder", "mit-nano")
    if args.model in ("mmsnet", "lora") and options["encoder"] == "mit-nano":
        options.setdefault("width", 32)  # half, like the encoder
    if args.mfa is False and not args.tune:
        options["tune"] = "full"  # without the adaptor there is no other way to tune the encoder
    return args.model, options


def take_start(name: str, options: dict[str, Any]) -> None:
    """Settle what the encoder starts from, own weights where there are some, and how it is tuned."""
    if name != "unet" and (OWN / options["encoder"]).is_dir():
        options.setdefault("pretrained", "own")
    if options.get("pretrained") == "none":
        del options["pretrained"]
    if name == "mmsnet":  # a frozen encoder of random weights has nothing to adapt
        options.setdefault("tune", "mfa" if "pretrained" in options else "full")


def check_run_folder(folder: Path, run: Run, resume: bool) -> None:
    """Refuse to overwrite a run, to resume nothing, or to resume another configuration."""
    if not resume:
        if folder.is_file() or (folder.is_dir() and any(p.suffix != ".tmp" for p in folder.iterdir())):
            raise InputError(f"{folder} already exists; continue a run with --resume, or choose another --run")
        return
    saved, wanted = flat(asdict(Run.read(folder))), flat(asdict(run))
    for key in saved | wanted:
        if key != "version" and saved.get(key) != wanted.get(key):
            raise InputError(
                f"{folder} was trained with {key} = {saved.get(key)}, not {wanted.get(key)}; repeat its options, "
                "or choose another --run"
            )


def flat(values: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Lay nested values out as {"settings.lr": ...}."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return found


def run_curves(args: argparse.Namespace) -> None:
    """Draw how a run went: its curves, and what it made of the same images after each epoch."""
    from mmsnet_lite.course.plot import save
    from mmsnet_lite.course.plot.training import curves, sample_grid

    file = args.run / "metrics.jsonl"
    if not file.is_file():
        raise InputError(f"{file} does not exist; name a run folder in which `train` has finished an epoch")
    history = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    figures = {"curves.png": curves(history), "samples.png": sample_grid(read_samples(args.run / "samples"))}
    for name, figure in figures.items():
        save(figure, str(args.run / name))
        print(args.run / name)


def run_pretrain(args: argparse.Namespace) -> None:
    """Pretrain an encoder, or continue, and say what it has learnt."""
    from mmsnet_lite.pretraining import PretrainSettings, pretrain

    settings = PretrainSettings(**given(args, "steps", "batch", "size", "lr", "seed"))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with tqdm(total=settings.steps, unit="step", disable=not args.progress) as bar:

        def show(step: int, loss: float) -> None:
            bar.update(step - bar.n)
            bar.set_postfix(loss=f"{loss:.3f}")

        record = pretrain(args.encoder, settings, args.out, device=device, on_step=show)
    scores = ", ".join(f"{name} {value:.3f}" for name, value in record["probe"].items())
    print(f"{args.encoder} after {settings.steps} steps in {record['seconds']} s, on held-out scenes: {scores}")
    print(f"-> {args.out}; use it with --encoder {args.encoder} --pretrained {args.out}")
