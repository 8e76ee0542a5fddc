"""Checkpoints: one safetensors file each, written under a temporary name and renamed."""

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from mmsnet_lite.errors import InputError


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def save_weights(path: Path, tensors: dict[str, Tensor], note: dict[str, Any] | None = None) -> None:
    """Write tensors and a JSON-able note to a safetensors file, whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(tensors, temporary, metadata={"note": json.dumps(note or {}, allow_nan=False)})
    os.replace(temporary, path)


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_weights` wrote: (tensors, note).

    Raises:
        InputError: the file is missing or damaged.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist; name a run folder that `train` has written")
    try:
        with safe_open(path, framework="pt") as file:
            # cloned: a tensor that maps the file would keep Windows from replacing it; keys(): it is no dict
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
            return tensors, json.loads((file.metadata() or {}).get("note", "{}"))
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{path} is damaged ({error}); restore it, or train again") from error


def load_weights(model: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Load tensors into `model`, all of them or none.

    Raises:
        InputError: names or shapes differ, so the file belongs to another configuration.
    """
    own = model.state_dict()
    wrong = [f"{name} is missing" for name in own.keys() - tensors.keys()]
    wrong += [f"{name} is surplus" for name in tensors.keys() - own.keys()]
    wrong += [
        f"{name} is {tuple(tensors[name].shape)}, not {tuple(own[name].shape)}"
        for name in own.keys() & tensors.keys()
        if own[name].shape != tensors[name].shape
    ]
    if wrong:
        raise InputError(
            f"{path} belongs to another configuration: {len(wrong)} tensors differ, such as {min(wrong)}; use the "
            "config.json (and the major version of transformers) it was trained with"
        )
    model.load_state_dict(tensors)


def save_training(path: Path, model: nn.Module, optimizer: Optimizer, note: dict[str, Any]) -> None:
    """Write weights, the optimiser's moments and a note; `load_training` continues from there."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for i, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{i}.{key}": torch.as_tensor(value) for key, value in state.items()}
    save_weights(path, tensors, note)


def load_training(path: Path, model: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    """Load what `save_training` wrote into `model` and `optimizer`; returns the note.

    Raises:
        InputError: the file is missing, damaged or of another configuration.
    """
    tensors, note = read_weights(path)
    weights = {name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")}
    load_weights(model, weights, path)
    whole = optimizer.state_dict()
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, i, key = name.split(".")
            whole["state"].setdefault(int(i), {})[key] = tensor
    optimizer.load_state_dict(whole)
    return note
