"""MMSNet on a disk and on a model hub: save_pretrained, push_to_hub, from_pretrained.

A checkpoint is a folder of config.json (the `MMSNetConfig`), model.safetensors and README.md (the model card). The
encoder's tensors stand there under the names in which MiT is published, which transformers 4 and 5 both read: within
the network they are named otherwise, and differently in the two.
"""

import json
import os
from dataclasses import asdict, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from mmsnet_lite import __version__
from mmsnet_lite.errors import InputError
from mmsnet_lite.model.checkpoints import reason
from mmsnet_lite.model.config import MMSNetConfig
from mmsnet_lite.model.encoder import MiTEncoder

CONFIG, WEIGHTS = "config.json", "model.safetensors"
VERSION = "mmsnet_lite_version"  # beside the configuration's fields
NVIDIA_LICENCE = "https://github.com/NVlabs/SegFormer/blob/master/LICENSE"
Network = TypeVar("Network", bound="HubModel")


class HubModel(nn.Module):
    """The base of MMSNet that knows files and the hub; everything that computes is in MMSNet."""

    config: MMSNetConfig
    encoder: MiTEncoder

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json, model.safetensors and, where there is none, README.md to a folder, made if need be."""
        _publication()(self).save_pretrained(folder, model_card_kwargs={"name": str(folder)})

    def push_to_hub(self, name: str, **options: Any) -> str:
        """Upload what `save_pretrained` writes to the repository `name` (OWNER/NAME); returns the commit's address.

        Args:
            name: made if it does not exist.
            options: `private`, `token`, `branch`, `commit_message` and others of `ModelHubMixin.push_to_hub`.
        """
        address: str = _publication()(self).push_to_hub(name, model_card_kwargs={"name": name}, **options)
        return address

    @classmethod
    def from_pretrained(cls: type[Network], source: str | Path, **options: Any) -> Network:
        """Load a network that `save_pretrained` or `push_to_hub` wrote, on the CPU, in float32 and eval mode.

        Convention: all weights come from model.safetensors; `config.pretrained` says what the encoder once started
        from and is not asked.

        Args:
            source: a folder, or a repository OWNER/NAME on the hub.
            options: `revision`, `token`, `cache_dir`, `local_files_only` and others of `hf_hub_download`.

        Raises:
            InputError: a file is missing, damaged, of another network, or of a newer version of this package.
        """
        config_file, weights = (_file(source, name, options) for name in (CONFIG, WEIGHTS))
        config, tensors = _read_config(config_file), _read_weights(weights)
        with torch.device("meta"):  # neither network access nor random numbers
            model = cls(replace(config, pretrained=None))
        model.config = config
        published = {name: tensors.pop(name) for name in list(tensors) if name.startswith("encoder.")}
        own = {name: t.shape for name, t in model.state_dict().items() if not name.startswith("encoder.")}
        wrong = sorted({name for name, _ in own.items() ^ {name: t.shape for name, t in tensors.items()}.items()})
        if wrong:
            raise InputError(
                f"{weights} does not belong to the config.json beside it: {len(wrong)} tensors are missing, surplus "
                f"or of another shape, such as {wrong[0]}; save the network again, or name another source"
            )
        model.load_state_dict(tensors, strict=False, assign=True)
        model.encoder.load_published(published, str(weights))
        return model.eval()


def model_card(config: MMSNetConfig, name: str) -> str:
    """The text of README.md: what the network is, how to load it as `name`, its configuration and its limits."""
    licence, note = "", ""
    if config.pretrained not in (None, "own"):
        note = f"""
The encoder started from `{config.pretrained}`, whose licence holds for what was made of it. NVIDIA's MiT weights are
for [non-commercial use]({NVIDIA_LICENCE}).
"""
    if str(config.pretrained).startswith("nvidia/"):
        licence = f"license: other\nlicense_name: nvidia-source-code-license\nlicense_link: {NVIDIA_LICENCE}\n"
    choices = "\n".join(f"{field} = {value!r}" for field, value in asdict(config).items())
    return f"""---
library_name: mmsnet-lite
pipeline_tag: image-segmentation
tags: [medical-image-segmentation, mmsnet, pytorch]
{licence}---
# MMSNet, {config.encoder}

Segments lesions in medical images of mixed modality (fundus, colonoscopy, ultrasound, dermoscopy) by guiding a
SegFormer encoder with frequency information; one logit a pixel. **Research and teaching only, no medical device.**

```python
from mmsnet_lite import MMSNet
from mmsnet_lite.training import predict_image

model = MMSNet.from_pretrained({name!r})
probability = predict_image(model, image, size=352)  # image: RGB, uint8 (h w 3); size: that of the training
```
{note}
Written by mmsnet-lite {__version__}, with the configuration

```
{choices}
```
"""


@cache
def _publication() -> Any:
    """Huggingface_hub's mixin around a network; imported late, since it costs a fifth of what torch does."""
    from huggingface_hub import ModelCard, ModelHubMixin
    from safetensors.torch import save_file

    class Publication(ModelHubMixin):
        def __init__(self, model: HubModel) -> None:
            self.model = model

        def _save_pretrained(self, save_directory: Path) -> None:  # each file whole or not at all
            own = {name: t for name, t in self.model.state_dict().items() if not name.startswith("encoder.")}
            own = {name: t.detach().cpu().contiguous() for name, t in own.items()}
            values = {VERSION: __version__} | asdict(self.model.config)
            temporary = save_directory / f"{WEIGHTS}.tmp"
            save_file(own | self.model.encoder.published(), temporary, metadata={"format": "pt"})
            os.replace(temporary, save_directory / WEIGHTS)
            temporary = save_directory / f"{CONFIG}.tmp"
            temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
            os.replace(temporary, save_directory / CONFIG)

        def generate_model_card(self, name: str) -> ModelCard:
            return ModelCard(model_card(self.model.config, name))

    return Publication


def _file(source: str | Path, name: str, options: dict[str, Any]) -> Path:
    """A checkpoint's file: in the folder `source`, or downloaded from the hub's repository of that name."""
    if Path(source).is_dir():
        if not (Path(source) / name).is_file():
            raise InputError(f"{source} has no {name}; name a folder that save_pretrained wrote")
        return Path(source) / name
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(str(source), name, **options))
    except Exception as error:  # whatever the hub's client raises without a network, a repository or a right to read
        raise InputError(
            f"{source} is no folder here, and its {name} cannot be had from the hub ({reason(error)}); name a folder "
            "that save_pretrained wrote, or a repository OWNER/NAME that you may read"
        ) from error


def _read_config(file: Path) -> MMSNetConfig:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        version = values.pop(VERSION)
        unknown = sorted(values.keys() - {field.name for field in fields(MMSNetConfig)})
        if unknown:
            raise InputError(
                f"mmsnet-lite {version} wrote it, and {__version__} knows no {', '.join(unknown)}: install the former"
            )
        return MMSNetConfig(**values)
    except KeyError as error:
        raise InputError(
            f"{file} is no MMSNet's: it lacks {VERSION}; name a folder that save_pretrained wrote"
        ) from error
    except (ValueError, TypeError, AttributeError) as error:  # InputError is a ValueError
        raise InputError(f"{file} cannot be used ({error}); name another, or save the network again") from error


def _read_weights(file: Path) -> dict[str, Tensor]:
    """A checkpoint's tensors, floating-point ones as float32; nothing in the file is executed."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(file.read_bytes())  # in memory: a tensor that maps the file would keep Windows from replacing it
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{file} is damaged ({error}); download it again, or save the network again") from error
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
