"""Checkpoints: safetensors files with a checksum, written under a temporary name and renamed.

A file holds what training changes: parameters that train, and buffers. The rest, a frozen encoder, is named in the note
by its configuration and a hash; whoever loads the file builds the network as the run did, and the hash is compared.
"""

import hashlib
import json
import os
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.optim import Optimizer

from mmsnet_lite.errors import InputError

LAST, PREVIOUS, DAMAGED = "last.safetensors", "previous.safetensors", "damaged.safetensors"
BLANK = "0" * 64  # stands where the checksum goes while it is computed


class DamagedError(InputError):
    """A file that is not what was written."""


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; once this returns it survives a power cut."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)  # gives a full disk its room back
        raise
    os.replace(temporary, path)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    write_bytes(path, text.encode())


def save_weights(path: Path, tensors: dict[str, Tensor], note: dict[str, Any] | None = None) -> None:
    """Write tensors, a JSON-able note and the checksum of both, whole or not at all."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    data = save(tensors, {"note": json.dumps(note or {}, allow_nan=False), "sha256": BLANK})
    checksum = hashlib.sha256(data).hexdigest()
    write_bytes(path, data.replace(BLANK.encode(), checksum.encode(), 1))  # the header comes first


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_weights` wrote: (tensors, note).

    Raises:
        InputError: the file is missing, or (DamagedError) not the one that was written.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist; name a run folder that `train` has written")
    data = path.read_bytes()
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        about = header["__metadata__"]
        checksum = about["sha256"]
        if hashlib.sha256(data.replace(checksum.encode(), BLANK.encode(), 1)).hexdigest() != checksum:
            raise ValueError("its checksum differs")
        return load(data), json.loads(about["note"])
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{path} is damaged ({error}); restore it, or train again") from error


def changing(model: nn.Module) -> dict[str, Tensor]:
    """Return the parameters that train, and all buffers that the network's state holds."""
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    return {name: tensor for name, tensor in model.state_dict().items() if name not in frozen}


def frozen_part(model: nn.Module) -> dict[str, Any]:
    """Name what does not train: the encoder of the network's configuration, and a hash of all frozen parameters."""
    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        if not parameter.requires_grad:
            digest.update(f"{name} {parameter.dtype} {tuple(parameter.shape)}".encode())
            digest.update(parameter.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    config = getattr(model, "config", None)
    names = {key: getattr(config, key) for key in ("encoder", "pretrained") if hasattr(config, key)}
    return {**names, "sha256": digest.hexdigest()}


def save_model(path: Path, model: nn.Module, note: dict[str, Any]) -> None:
    """Write what training changed; `load_model` puts it into a network that was built in the same way."""
    save_weights(path, changing(model), note)


def load_model(path: Path, model: nn.Module) -> dict[str, Any]:
    """Load what `save_model` wrote, all of it or nothing; returns the note.

    Raises:
        InputError: the file is missing, damaged, of another configuration, or trained beside another frozen part.
    """
    tensors, note = read_weights(path)
    _fill(model, tensors, note, path)
    return note


def _fill(model: nn.Module, tensors: dict[str, Tensor], note: dict[str, Any], path: Path) -> None:
    theirs, own = ({(name, t.shape) for name, t in each.items()} for each in (tensors, changing(model)))
    if wrong := {name for name, _ in theirs ^ own}:
        raise InputError(
            f"{path} belongs to another configuration: {len(wrong)} tensors differ, such as {min(wrong)}; use the "
            "config.json (and the major version of transformers) it was trained with"
        )
    then, now = note["frozen"], frozen_part(model)
    if then["sha256"] != now["sha256"]:
        raise InputError(
            f"{path} was trained beside other frozen weights ({then}) than this network has ({now}); give it the "
            "encoder checkpoint of the run (without one: its seed and its version of torch)"
        )
    model.load_state_dict(tensors, strict=False)


def save_training(run: Path, model: nn.Module, optimizer: Optimizer, note: dict[str, Any]) -> None:
    """Write weights, the moments and a note to last.safetensors; what was there is previous.safetensors then.

    Raises:
        InputError: a weight is not finite; nothing is written.
    """
    tensors = {f"model.{name}": tensor for name, tensor in changing(model).items()}
    for i, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{i}.{key}": torch.as_tensor(value) for key, value in state.items()}
    if wrong := [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]:
        raise InputError(f"{wrong[0]} is not finite any more; the last checkpoint is kept: lower the learning rate")
    fresh = run / f"new.{LAST}"
    save_weights(fresh, tensors, note)
    if (run / LAST).exists():
        os.replace(run / LAST, run / PREVIOUS)
    os.replace(fresh, run / LAST)


def newest_checkpoint(run: Path) -> Path:
    """Return the newest of a run's two checkpoints that is whole; a damaged one is set aside, with a warning.

    Raises:
        InputError: there is none.
    """
    for name in (LAST, PREVIOUS):
        if not (run / name).exists():
            continue
        try:
            read_weights(run / name)
            return run / name
        except DamagedError as error:
            os.replace(run / name, run / DAMAGED)
            warnings.warn(f"{error.args[0].split(';')[0]}; it is now {DAMAGED}, the one before is used", stacklevel=2)
    raise InputError(f"{run / LAST} does not exist, nor a whole {PREVIOUS}; there is nothing to resume, train again")


def load_training(path: Path, model: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    """Load what `save_training` wrote into `model` and `optimizer`; returns the note.

    Raises:
        InputError: as for `load_model`.
    """
    tensors, note = read_weights(path)
    weights = {name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")}
    _fill(model, weights, note, path)
    whole = optimizer.state_dict()
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, i, key = name.split(".")
            whole["state"].setdefault(int(i), {})[key] = tensor
    optimizer.load_state_dict(whole)
    return note
