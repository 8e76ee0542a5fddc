"""`pretrain`: an encoder of one's own, from images that a formula draws."""

import argparse
import os


def run_pretrain(args: argparse.Namespace) -> None:
    """Pretrain, or continue, and say what the encoder has learnt."""
    import torch
    from tqdm.auto import tqdm

    from mmsnet_lite.pretraining import PretrainSettings, pretrain

    names = ("steps", "batch", "size", "lr", "seed")
    settings = PretrainSettings(**{name: value for name in names if (value := getattr(args, name)) is not None})
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with tqdm(total=settings.steps, unit="step", disable=os.environ.get("MMSNET_STATIC") == "1") as bar:

        def show(step: int, loss: float) -> None:
            bar.update(step - bar.n)
            bar.set_postfix(loss=f"{loss:.3f}")

        record = pretrain(args.encoder, settings, args.out, device=device, on_step=show)
    scores = ", ".join(f"{name} {value:.3f}" for name, value in record["probe"].items())
    print(f"{args.encoder} after {settings.steps} steps in {record['seconds']} s, on held-out scenes: {scores}")
    print(f"-> {args.out}; use it with --encoder {args.encoder} --pretrained {args.out}")
