"""The MiT encoder of SegFormer (Xie et al., NeurIPS 2021), on transformers' own modules.

Transformers 4 and 5 lay the same modules out differently; this file regroups them by stage, so that the network can
step through patch embedding, blocks and norm itself and add a prompt before every block.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmsnet_lite.errors import InputError
from mmsnet_lite.model.checkpoints import HEADS, own_folder, read_checkpoint, reason

if TYPE_CHECKING:
    from transformers import SegformerConfig

STRIDES = (4, 8, 16, 32)  # of the four stages, against the image


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """Widths C_s, depths L_s (blocks) and attention heads of the four stages."""

    widths: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]
    heads: tuple[int, int, int, int] = (1, 2, 5, 8)

    def transformers_config(self) -> "SegformerConfig":
        """Return the same shape in transformers' terms."""
        from transformers import SegformerConfig

        return SegformerConfig(
            hidden_sizes=list(self.widths), depths=list(self.depths), num_attention_heads=list(self.heads), num_labels=1
        )


ENCODERS = {
    "mit-nano": EncoderSpec(widths=(16, 32, 80, 128), depths=(2, 2, 2, 2)),  # half of b0's widths; ours
    "mit-b0": EncoderSpec(widths=(32, 64, 160, 256), depths=(2, 2, 2, 2)),
    "mit-b1": EncoderSpec(widths=(64, 128, 320, 512), depths=(2, 2, 2, 2)),
    "mit-b2": EncoderSpec(widths=(64, 128, 320, 512), depths=(3, 4, 6, 3)),
    "mit-b3": EncoderSpec(widths=(64, 128, 320, 512), depths=(3, 4, 18, 3)),
    "mit-b4": EncoderSpec(widths=(64, 128, 320, 512), depths=(3, 8, 27, 3)),
    "mit-b5": EncoderSpec(widths=(64, 128, 320, 512), depths=(3, 6, 40, 3)),
}


def encoder_spec(name: str) -> EncoderSpec:
    """Return the shape of encoder `name`, one of `ENCODERS`; InputError lists them."""
    if name not in ENCODERS:
        raise InputError(f"encoder {name!r} is unknown; choose one of {', '.join(ENCODERS)}")
    return ENCODERS[name]


def check_image_size(height: int, width: int) -> None:
    """Raise InputError for a side below 64 or no multiple of 32."""
    if height < 64 or width < 64 or height % STRIDES[-1] or width % STRIDES[-1]:
        fits = [max(64, round(side / STRIDES[-1]) * STRIDES[-1]) for side in (height, width)]
        raise InputError(
            f"image size {height}x{width} does not fit: the encoder needs sides of at least 64 that are "
            f"multiples of {STRIDES[-1]}; resize to {fits[0]}x{fits[1]}"
        )


class EncoderStage(nn.Module):
    """One stage: overlapping patch embedding, transformer blocks, final norm."""

    blocks: nn.ModuleList
    checkpointing = False  # whether the backward pass computes each block anew, to the same result, to save memory

    def __init__(self, patch_embeddings: nn.Module, blocks: nn.ModuleList, norm: nn.Module) -> None:
        super().__init__()
        self.patch_embeddings = patch_embeddings
        self.blocks = blocks
        self.norm = norm

    def embed(self, x: Tensor) -> tuple[Tensor, int, int]:
        """Turn a map (b c h w) into tokens (b n C) on an h' x w' grid; returns (tokens, h', w')."""
        return self.patch_embeddings(x)

    def block(self, i: int, tokens: Tensor, height: int, width: int) -> Tensor:
        """Run block `i` on tokens (b n C)."""
        if self.checkpointing and torch.is_grad_enabled():
            out = checkpoint(self.blocks[i], tokens, height, width, use_reentrant=False)
        else:
            out = self.blocks[i](tokens, height, width)
        return out[0] if isinstance(out, tuple) else out  # transformers 4 returns a tuple, 5 the tensor

    def finish(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """Normalise tokens (b n C) and lay them out as a map (b C h w)."""
        return self.norm(tokens).transpose(1, 2).unflatten(2, (height, width)).contiguous()

    def forward(self, x: Tensor) -> Tensor:
        """Map (b c h w) to (b C h' w'), without any prompt."""
        tokens, height, width = self.embed(x)
        for i in range(len(self.blocks)):
            tokens = self.block(i, tokens, height, width)
        return self.finish(tokens, height, width)


class MiTEncoder(nn.Module):
    """Four encoder stages; maps at strides 4, 8, 16 and 32.

    Args:
        name: one of `ENCODERS`.
        pretrained: None (random weights, touches no network), "own" (the weights this package ships, pretrained on
            images drawn by formula), a hub name such as `nvidia/mit-b4`, a local folder in transformers' layout, or a
            .pth or .safetensors file of NVlabs or OpenMMLab.

    Raises:
        InputError: an unknown name; a checkpoint that cannot be read, lacks keys, has others, or is of another shape.
    """

    stages: Sequence[EncoderStage]

    def __init__(self, name: str, pretrained: str | None = None) -> None:
        super().__init__()
        self.name = name
        self.spec = encoder_spec(name)
        model = _random(self.spec) if pretrained is None else _pretrained(name, self.spec, pretrained)
        self.stages = _stages(model)  # type: ignore[assignment]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images (b 3 h w) to four feature maps (b C_s h/s w/s), s = 4, 8, 16, 32, without any prompt."""
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return tuple(features)

    def save(self, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        """Write config.json and model.safetensors, as `pretrained` and transformers' SegformerModel load them."""
        with torch.random.fork_rng(devices=[]):  # its first weights are written over
            model = _random(self.spec)
        _stages(model).load_state_dict(self.stages.state_dict())  # type: ignore[attr-defined]
        with _quiet():
            model.to(dtype).save_pretrained(folder)

    def published(self) -> dict[str, Tensor]:
        """Return all tensors, on the CPU, under the names that `save` writes: the same in transformers 4 and 5."""
        from safetensors.torch import load

        with TemporaryDirectory() as folder:
            self.save(Path(folder))
            return load((Path(folder) / "model.safetensors").read_bytes())

    def load_published(self, tensors: dict[str, Tensor], source: str) -> None:
        """Take the tensors of `published`; InputError for others speaks of `source`."""
        loaded = _stages(_converted(self.name, self.spec, tensors, source))
        self.stages.load_state_dict(loaded.state_dict(), assign=True)  # type: ignore[attr-defined]


def _stages(model: Any) -> nn.ModuleList:
    """Transformers' modules, regrouped by stage."""
    if hasattr(model, "stages"):  # transformers 5
        parts = [(s.patch_embeddings, s.blocks, s.layer_norm) for s in model.stages]
    else:  # transformers 4
        parts = list(zip(model.encoder.patch_embeddings, model.encoder.block, model.encoder.layer_norm, strict=True))
    return nn.ModuleList(EncoderStage(*part) for part in parts)


def _random(spec: EncoderSpec) -> Any:
    from transformers import SegformerModel

    return SegformerModel(spec.transformers_config())


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' loading report and bar off the reader's screen."""
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()


def _pretrained(name: str, spec: EncoderSpec, source: str) -> Any:
    if source != "own" and Path(source).is_file():
        return _converted(name, spec, read_checkpoint(Path(source)), source)
    return _loaded(name, spec, str(own_folder(name)) if source == "own" else source, source)


def _converted(name: str, spec: EncoderSpec, tensors: dict[str, Tensor], source: str) -> Any:
    """Transformers' model from tensors under its published names."""
    from safetensors.torch import save_file

    with TemporaryDirectory() as folder:
        spec.transformers_config().save_pretrained(folder)
        save_file(tensors, Path(folder) / "model.safetensors", metadata={"format": "pt"})
        return _loaded(name, spec, folder, source)


def _loaded(name: str, spec: EncoderSpec, folder: str, source: str) -> Any:
    """Transformers' model from a folder or hub name; errors speak of `source`."""
    from transformers import SegformerConfig, SegformerModel

    try:
        config = SegformerConfig.from_pretrained(folder)
        with _quiet():  # the keys are checked below; a classifier's head is expected
            model, report = SegformerModel.from_pretrained(folder, config=config, output_loading_info=True)
    except Exception as error:  # whatever transformers and its readers raise for a missing, damaged or foreign file
        raise InputError(
            f"checkpoint {source!r} cannot be read ({reason(error)}); pass a local folder with config.json and "
            f"model.safetensors, a hub name such as nvidia/{name}, or pretrained=None for random weights"
        ) from error
    found = tuple(map(tuple, (config.hidden_sizes, config.depths, config.num_attention_heads)))
    if found != (spec.widths, spec.depths, spec.heads):
        raise InputError(
            f"checkpoint {source!r} does not fit encoder {name!r}: its widths, depths, heads are {found}; "
            f"pass the checkpoint of {name}, or another encoder"
        )
    surplus = [key for key in report["unexpected_keys"] if not key.startswith(HEADS)]
    for keys, what in ((report["missing_keys"], "is incomplete, it lacks"), (surplus, "is no MiT encoder's, it has")):
        if keys:
            shown = ", ".join(sorted(keys)[:5]) + (f" and {len(keys) - 5} more" if len(keys) > 5 else "")
            raise InputError(f"checkpoint {source!r} {what} {shown}; download it again, or name another")
    return model.float()  # transformers 5 keeps the file's number format
