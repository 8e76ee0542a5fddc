"""What each command does; libraries are imported by the command that needs them, so that --help is immediate."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


def trained(folder: Path) -> "tuple[Run, nn.Module]":
    """Return a run's configuration and its network with the best weights, in eval mode."""
    from mmsnet_lite.build import Run
    from mmsnet_lite.training.checkpoint import load_model

    run = Run.read(folder)
    model = run.build(start=False)
    load_model(folder / "best.safetensors", model)
    return run, model.eval()


def run_predict(args: argparse.Namespace) -> None:
    """Write masks and overlays; every image is checked before the first is written."""
    import cv2
    import torch

    from mmsnet_lite.course.colours import overlay
    from mmsnet_lite.data import IMAGE_ENDINGS, images_in, read_image
    from mmsnet_lite.training import predict_image

    paths: list[Path] = []
    for given in args.images:
        inside = images_in(given) if given.is_dir() else [given]
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
