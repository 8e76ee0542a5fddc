"""Checkpoints of MiT encoders as others publish them, turned into a folder that transformers loads.

NVlabs (mit_b*.pth) fuses key and value; OpenMMLab (MMSegmentation) fuses query, key and value and writes the MLP's
linear layers as 1x1 convolutions; transformers keeps them apart. A layout is recognised from its keys. A classifier's
or segmentation model's head is dropped; any other surplus or missing key is an error.
"""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmsnet_lite.errors import InputError

OWN = Path(__file__).parent / "weights"  # a folder an encoder, made by `python -m mmsnet_lite pretrain`
_STAGE = r"(?P<stage>\d)"
_BLOCK = r"(?P<block>\d+)"
_END = r"(?P<end>weight|bias)"
_INSIDE = {  # of a block: name in transformers, by the name in the layout
    "nvlabs": {
        "norm1": "layer_norm_1",
        "norm2": "layer_norm_2",
        "attn.q": "attention.self.query",
        "attn.kv": "attention.self.key attention.self.value",
        "attn.sr": "attention.self.sr",
        "attn.norm": "attention.self.layer_norm",
        "attn.proj": "attention.output.dense",
        "mlp.fc1": "mlp.dense1",
        "mlp.dwconv.dwconv": "mlp.dwconv.dwconv",
        "mlp.fc2": "mlp.dense2",
    },
    "openmmlab": {
        "norm1": "layer_norm_1",
        "norm2": "layer_norm_2",
        "attn.attn.in_proj": "attention.self.query attention.self.key attention.self.value",
        "attn.attn.out_proj": "attention.output.dense",
        "attn.sr": "attention.self.sr",
        "attn.norm": "attention.self.layer_norm",
        "ffn.layers.0": "mlp.dense1",
        "ffn.layers.1": "mlp.dwconv.dwconv",
        "ffn.layers.4": "mlp.dense2",
    },
}
_LAYOUTS = {  # pattern of the key, and where it goes; {s} stage from 0, {b} block, {e} weight or bias
    "nvlabs": (
        (rf"patch_embed{_STAGE}\.proj\.{_END}", "patch_embeddings.{s}.proj.{e}"),
        (rf"patch_embed{_STAGE}\.norm\.{_END}", "patch_embeddings.{s}.layer_norm.{e}"),
        (rf"block{_STAGE}\.{_BLOCK}\.(?P<inside>.+)\.{_END}", "block.{s}.{b}.{i}.{e}"),
        (rf"norm{_STAGE}\.{_END}", "layer_norm.{s}.{e}"),
    ),
    "openmmlab": (
        (rf"layers\.{_STAGE}\.0\.projection\.{_END}", "patch_embeddings.{s}.proj.{e}"),
        (rf"layers\.{_STAGE}\.0\.norm\.{_END}", "patch_embeddings.{s}.layer_norm.{e}"),
        (rf"layers\.{_STAGE}\.1\.{_BLOCK}\.(?P<inside>.+?)[._]{_END}", "block.{s}.{b}.{i}.{e}"),
        (rf"layers\.{_STAGE}\.2\.{_END}", "layer_norm.{s}.{e}"),
    ),
}
_MARKS = {"nvlabs": "patch_embed1.proj.weight", "openmmlab": "layers.0.0.projection.weight"}
_FIRST = {"nvlabs": 1, "openmmlab": 0}  # number of the first stage
HEADS = ("head.", "decode_head.", "auxiliary_head.", "classifier.")
_WRAPPERS = ("state_dict", "model")
_PREFIXES = ("backbone.", "module.", "encoder.")


def own_folder(name: str) -> Path:
    """Return the folder with the weights that this package ships for encoder `name`.

    Raises:
        InputError: it ships none; the message says how to make some.
    """
    if not (OWN / name).is_dir():
        have = ", ".join(sorted(folder.name for folder in OWN.iterdir() if folder.is_dir()))
        raise InputError(
            f"encoder {name!r} has no weights of our own, {have} has; make some with `python -m mmsnet_lite pretrain "
            f"--encoder {name} --out FOLDER` and pass pretrained=FOLDER"
        )
    return OWN / name


def read_checkpoint(file: Path) -> dict[str, Tensor]:
    """Read a .pth or .safetensors file in the layout of NVlabs or OpenMMLab; return it under transformers' names.

    Nothing in the file is executed (`weights_only`).

    Raises:
        InputError: the file is missing or damaged, or no known layout, or a key of it is unknown.
    """
    tensors = _read(file)
    layout = next((layout for layout, mark in _MARKS.items() if mark in tensors), None)
    if layout is None:
        raise InputError(
            f"{file} is no checkpoint of a MiT encoder: it lacks {' and '.join(_MARKS.values())}; give NVlabs' or "
            "OpenMMLab's mit_b*.pth, or a folder in transformers' layout"
        )
    converted: dict[str, Tensor] = {}
    surplus = []
    for key, tensor in tensors.items():
        if key.startswith(HEADS):
            continue
        names = _names(layout, key)
        if not names:
            surplus.append(key)
            continue
        if ".mlp.dense" in names[0] and tensor.ndim == 4:
            tensor = tensor.flatten(1)  # a 1x1 convolution
        for name, part in zip(names, tensor.chunk(len(names)), strict=True):
            converted[f"encoder.{name}"] = part.contiguous()
    if surplus:
        shown = ", ".join(sorted(surplus)[:5]) + (", ..." if len(surplus) > 5 else "")
        raise InputError(
            f"{file} has {len(surplus)} keys that no MiT encoder has: {shown}; give the encoder's own file"
        )
    return converted


def _names(layout: str, key: str) -> list[str]:
    """Where a key goes: one name, or those of the tensors that are fused in it; empty when it is unknown."""
    for pattern, target in _LAYOUTS[layout]:
        if found := re.fullmatch(pattern, key):
            parts = found.groupdict()
            values = {"s": int(parts["stage"]) - _FIRST[layout], "b": parts.get("block"), "e": parts["end"]}
            insides = _INSIDE[layout].get(parts.get("inside") or "", "").split() if "inside" in parts else [""]
            return [target.format(**values, i=inside) for inside in insides]
    return []


def _read(file: Path) -> dict[str, Tensor]:
    """A file's tensors, out of their wrappers and without a common prefix."""
    if not file.is_file():
        raise InputError(f"checkpoint {file} does not exist; give a file, a folder or a hub name")
    try:
        found: Any
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            found = load_file(file)
        else:
            found = torch.load(file, map_location="cpu", weights_only=True)
        for wrapper in _WRAPPERS:
            if wrapper in found and isinstance(found[wrapper], dict):
                found = found[wrapper]
        tensors = {key: value for key, value in found.items() if isinstance(value, Tensor)}
    except Exception as error:  # whatever the readers raise for a damaged or foreign file
        reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        raise InputError(f"checkpoint {file} cannot be read ({reason}); download it again") from error
    for prefix in _PREFIXES:
        if any(key == prefix + mark for key in tensors for mark in _MARKS.values()):
            tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
    return tensors
