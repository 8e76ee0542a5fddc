"""Checkpoints of MiT encoders as others publish them, under transformers' names.

NVlabs (mit_b*.pth) fuses key and value; OpenMMLab (MMSegmentation) fuses query, key and value and writes the MLP's
linear layers as 1x1 convolutions; transformers keeps them apart. A classifier's or segmentation model's head is
dropped. A name of neither layout stays as it is, and is refused where the tensors are loaded.
"""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmsnet_lite.errors import InputError

OWN = Path(__file__).parent / "weights"  # a folder an encoder, made by `python -m mmsnet_lite pretrain`
HEADS = ("head.", "decode_head.", "auxiliary_head.", "classifier.")
_WRAPPERS = ("state_dict", "model")
_NAMES = (  # patterns of either layout, its stages counted from 0, and transformers' names; + joins what is fused
    (r"^patch_embed\.(\d)\.|^layers\.(\d)\.0\.", r"patch_embeddings.\1\2."),
    (r"(?<=^patch_embeddings\.\d\.)projection\.", "proj."),
    (r"(?<=^patch_embeddings\.\d\.)norm\.", "layer_norm."),
    (r"^layers\.(\d)\.1\.", r"block.\1."),
    (r"^norm\.(\d)\.|^layers\.(\d)\.2\.", r"layer_norm.\1\2."),
    (r"\.norm([12])\.", r".layer_norm_\1."),
    (r"\.attn\.q\.", ".attention.self.query."),
    (r"\.attn\.kv\.", ".attention.self.key+value."),
    (r"\.attn\.attn\.in_proj_", ".attention.self.query+key+value."),
    (r"\.attn\.sr\.", ".attention.self.sr."),
    (r"\.attn\.norm\.", ".attention.self.layer_norm."),
    (r"\.attn\.(proj|attn\.out_proj)\.", ".attention.output.dense."),
    (r"\.(mlp\.fc1|ffn\.layers\.0)\.", ".mlp.dense1."),
    (r"\.ffn\.layers\.1\.", ".mlp.dwconv.dwconv."),
    (r"\.(mlp\.fc2|ffn\.layers\.4)\.", ".mlp.dense2."),
)


def own_folder(name: str) -> Path:
    """The folder with the weights that this package ships for encoder `name`; InputError says how to make others."""
    if not (OWN / name).is_dir():
        have = ", ".join(sorted(folder.name for folder in OWN.iterdir() if folder.is_dir()))
        raise InputError(
            f"encoder {name!r} has no weights of our own, {have} has; make some with `python -m mmsnet_lite pretrain "
            f"--encoder {name} --out FOLDER` and pass pretrained=FOLDER"
        )
    return OWN / name


def reason(error: Exception) -> str:
    """An error's type and first line, for a message that names what lies behind it."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def read_checkpoint(file: Path) -> dict[str, Tensor]:
    """Read a .pth or .safetensors file of NVlabs or OpenMMLab, executing nothing in it, under transformers' names.

    Raises:
        InputError: the file is missing, damaged, or no encoder's.
    """
    converted: dict[str, Tensor] = {}
    for key, tensor in _read(file).items():
        name = re.sub(r"^((backbone|module|encoder)\.)+", "", key)
        name = re.sub(r"^(patch_embed|block|norm)(\d)\.", lambda found: f"{found[1]}.{int(found[2]) - 1}.", name)
        for pattern, replacement in _NAMES:
            name = re.sub(pattern, replacement, name)
        if name.startswith(HEADS):
            continue
        if ".mlp.dense" in name and tensor.ndim == 4:
            tensor = tensor.flatten(1)  # a 1x1 convolution
        stem, _, end = name.rpartition(".")
        path, _, fused = stem.rpartition(".")
        parts = fused.split("+")
        for part, values in zip(parts, tensor.chunk(len(parts)), strict=True):
            converted[f"encoder.{path}.{part}.{end}"] = values.contiguous()
    if "encoder.patch_embeddings.0.proj.weight" not in converted:
        raise InputError(
            f"{file} is no checkpoint of a MiT encoder; give NVlabs' or OpenMMLab's mit_b*.pth, or a folder in "
            "transformers' layout"
        )
    return converted


def _read(file: Path) -> dict[str, Tensor]:
    """A file's tensors, out of their wrappers."""
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
        return {key: value for key, value in found.items() if isinstance(value, Tensor)}
    except Exception as error:  # whatever the readers raise for a damaged or foreign file
        raise InputError(f"checkpoint {file} cannot be read ({reason(error)}); download it again") from error
