"""The summary command: a network by module and stage, its shapes, its parameters, the frequencies it really uses."""

import argparse
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mmsnet_lite.baselines.segformer import SegFormer
from mmsnet_lite.baselines.unet import UNet
from mmsnet_lite.build import build_model
from mmsnet_lite.cli_train import model_of
from mmsnet_lite.model.mmsnet import MMSNet


class Row(NamedTuple):
    """A line of the table: a module, the parameters that are its, the map it gives (1 c h w), a remark."""

    name: str
    parameters: Iterable[nn.Parameter]
    output: Tensor | None = None
    remark: str = ""


def run_summary(args: argparse.Namespace) -> None:
    """Print the table; without a checkpoint to load, on torch's meta device, where nothing is computed."""
    name, options = model_of(args)
    with torch.device("cpu" if options.get("pretrained") else "meta"):
        model = build_model(name, options).eval()
    model.check_size(args.size, args.size)
    image = torch.empty(1, 3, args.size, args.size, device="meta")
    rows = list(ROWS[name](model.to("meta"), image))
    print(f"{name} {options}, image {args.size} x {args.size}")
    print(f"{'':12}{'trainable':>14}{'frozen':>14}   output (c x h x w)")
    for row in rows:
        sizes = [(p.numel(), p.requires_grad) for p in row.parameters]
        shape = "" if row.output is None else " x ".join(map(str, row.output.shape[1:]))
        counts = f"{sum(n for n, t in sizes if t):14,}{sum(n for n, t in sizes if not t):14,}"
        print(f"{row.name:12}{counts}   {shape:15} {row.remark}".rstrip())


def mmsnet_rows(model: MMSNet, image: Tensor) -> Iterator[Row]:
    """Yield a row for each module of each stage, in the order in which an image meets them."""
    seen = model.explain(image)
    if model.fep is not None:
        yield Row("fep", model.fep.parameters(), seen.frequency, model.config.fep)
    for s, feature in enumerate(seen.features):
        yield Row(f"encoder {s + 1}", model.encoder.stages[s].parameters(), feature)
    if model.mfa is not None:
        embedding = model.mfa.frequency_embedding
        for s, tokens in enumerate(model.mfa.embed_frequency(seen.frequency)):
            if embedding is not None and tokens is not None:
                grid = seen.features[s].shape[2:]
                parts = [*embedding.projections[s].parameters(), *embedding.norms[s].parameters()]
                yield Row(f"mfa freq. {s + 1}", parts, tokens.transpose(1, 2).unflatten(2, grid))
        for s, feature in enumerate(seen.features):
            if (adaptor := model.mfa.adaptor(s)) is not None:
                yield Row(f"mfa {s + 1}", adaptor.parameters(), feature, f"a prompt before each of {len(adaptor.tune)}")
    decoder = model.decoder
    reduced = [reduce(feature) for reduce, feature in zip(decoder.reduce, seen.features, strict=True)]
    for s, x in enumerate(reduced):
        yield Row(f"reduce {s + 1}", decoder.reduce[s].parameters(), x)
    for s, (guide, guidance) in enumerate(zip(decoder.guide, seen.guidance, strict=False)):  # without MSFG nothing
        branches = zip(guide.branches, guidance.foreground, strict=True)
        counts = [str(len(branch.attention.components(*grid.shape[2:])[1])) for branch, grid in branches]
        yield Row(f"msfg {s + 1}", guide.parameters(), guidance.output, f"K by scale: {', '.join(counts)}")
    yield Row("predict", decoder.predict.parameters(), decoder.predict(reduced[0]))
    yield Row("all", model.parameters(), seen.logits)


def plain_rows(model: SegFormer | UNet, image: Tensor) -> Iterator[Row]:
    """Yield a row for each part of a network that others have made."""
    for name, part in (model.net if isinstance(model, UNet) else model).named_children():
        yield Row(name, part.parameters())
    yield Row("all", model.parameters(), model(image).logits)


ROWS: dict[str, Callable[[Any, Any], Iterator[Row]]] = {
    "mmsnet": mmsnet_rows,
    "segformer": plain_rows,
    "lora": lambda model, image: mmsnet_rows(model.net, image),
    "unet": plain_rows,
}
