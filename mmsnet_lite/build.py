"""Wires the rooms: a network from its name and options, a mix from its description, a run folder from both."""

import json
import platform
import shlex
import subprocess
import sys
from dataclasses import asdict, dataclass, field, fields
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from mmsnet_lite import __version__
from mmsnet_lite.baselines.lora import LoRA, LoRAConfig
from mmsnet_lite.baselines.segformer import SegFormer, SegFormerConfig
from mmsnet_lite.baselines.unet import UNet, UNetConfig
from mmsnet_lite.data import Part, folder_parts, mixlite_parts, prepared_folders, synthetic
from mmsnet_lite.data.specs import MIXES
from mmsnet_lite.errors import InputError
from mmsnet_lite.model.mmsnet import MMSNet, MMSNetConfig

Network = MMSNet | UNet | SegFormer | LoRA
MODELS: dict[str, tuple[Any, Any]] = {  # network and configuration
    "mmsnet": (MMSNet, MMSNetConfig),
    "unet": (UNet, UNetConfig),
    "segformer": (SegFormer, SegFormerConfig),
    "lora": (LoRA, LoRAConfig),
}


def build_model(name: str, options: dict[str, Any], seed: int = 0) -> Network:
    """Build network `name`, its random weights drawn from `seed`; the global generator is left as it was.

    Args:
        name: one of `MODELS`.
        options: fields of the network's configuration.

    Raises:
        InputError: an unknown name, an option that the network does not have, or a value that it refuses.
    """
    if name not in MODELS:
        raise InputError(f"model {name!r} is unknown; choose one of {', '.join(MODELS)}")
    network, configuration = MODELS[name]
    accepted = [f.name for f in fields(configuration)]
    for option in options:
        if option not in accepted:
            raise InputError(f"model {name!r} has no option {option!r}; it has {', '.join(accepted)}")
    config = configuration(**options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        built: Network = network(config)
    return built


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """Which images: prepared folders ROOT/DATASET, or MixLite.

    Args:
        root: ROOT; None for MixLite.
        datasets: the folders to train on, and to test on as well unless `test_datasets` says otherwise.
        test_datasets: the folders to test on, where they are not the same.
        mix: "mix1" or "mix2", MixLite's version, or "" for folders of one's own choice.
    """

    root: str | None = None
    datasets: tuple[str, ...] = ()
    test_datasets: tuple[str, ...] = ()
    mix: str = synthetic.VERSION

    @classmethod
    def everything(cls, root: str) -> "DataSource":
        """Return all prepared folders under `root`: each in the splits that it lists.

        Raises:
            InputError: `root` does not exist, or no folder in it is prepared.
        """
        folders = prepared_folders(Path(root))
        if not folders:
            raise InputError(f"{root} holds no prepared dataset, a folder of images/, masks/ and splits/; name another")
        datasets, tests = (tuple(f.name for f in folders if f.has(split)) for split in ("train", "test"))
        return cls(root=root, datasets=datasets, test_datasets=tests if tests != datasets else (), mix="")

    @property
    def name(self) -> str:
        """A short name for run folders."""
        if self.root is None:
            return "mixlite"
        return self.mix if self.mix in MIXES else "-".join(self.datasets)

    def parts(self, split: str, size: int) -> list[Part]:
        """Return the parts of a split at `size` pixels, see `mmsnet_lite.data.Mix`.

        Raises:
            InputError: what `folder_parts` refuses, folders of a mix that are missing, or a version of MixLite that
                this package does not draw.
        """
        if self.root is not None:
            names = (self.test_datasets or self.datasets) if split == "test" else self.datasets
            missing = [name for name in names if not (Path(self.root) / name).is_dir()]
            if missing and self.mix in MIXES:
                raise InputError(
                    f"{self.mix} needs {', '.join(names)}; {self.root} lacks {', '.join(missing)}: run `"
                    f"{shlex.join(['python', '-m', 'mmsnet_lite', 'prepare', *missing, '--data', self.root])}`"
                )
            if not names and not self.mix:
                raise InputError(f"no folder in {self.root} lists a split {split!r}; name others, or write the split")
            return folder_parts(Path(self.root), names, split)
        if self.mix != synthetic.VERSION:
            raise InputError(f"this package draws {synthetic.VERSION}, not {self.mix}; install the version that did")
        return mixlite_parts(split, size)


@dataclass(frozen=True, kw_only=True)
class Run:
    """The whole configuration of a training run, saved as config.json in its folder."""

    model: str
    options: dict[str, Any]
    source: DataSource
    size: int
    settings: dict[str, Any]
    validation: float = 0.05
    version: str = field(default=__version__)

    def build(self, *, start: bool) -> Network:
        """Build the network: with its start weights, or (start=False) to be filled from a run's checkpoint.

        A checkpoint does not hold what is frozen: a frozen encoder comes from its own checkpoint in both cases.
        """
        frozen = self.model == "lora" or (self.model == "mmsnet" and self.options.get("tune") != "full")
        left_out = set() if start or frozen else {"pretrained"}
        options = {name: value for name, value in self.options.items() if name not in left_out}
        return build_model(self.model, options, self.settings["seed"])

    def to_json(self) -> str:
        """Return config.json's text."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def read(cls, folder: Path) -> "Run":
        """Read a run folder's config.json.

        Raises:
            InputError: the file is missing or no configuration of a run.
        """
        file = folder / "config.json"
        if not file.is_file():
            raise InputError(f"{file} does not exist; name a run folder that `train` has written")
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
            source = values.pop("source")
            names = {key: tuple(source[key]) for key in ("datasets", "test_datasets")}
            run = cls(source=DataSource(**source | names), **values)
            numbers = (run.size, run.settings["seed"], run.settings["batch"])
            if not all(isinstance(number, int) for number in numbers) or not isinstance(run.options, dict):
                raise TypeError("size, seed and batch must be whole numbers, options an object")
            return run
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{file} is not a run's configuration ({error}); restore it, or train again") from error


def trained(folder: Path) -> tuple[Run, Network]:
    """Return a run's configuration and its network with the best weights, in eval mode."""
    from mmsnet_lite.training.checkpoint import load_model

    run = Run.read(folder)
    model = run.build(start=False)
    load_model(folder / "best.safetensors", model)
    return run, model.eval()


def environment() -> dict[str, Any]:
    """Describe what a run ran on: command, versions, platform, threads, GPU, commit."""
    packages = ("torch", "transformers", "accelerate", "numpy", "opencv-python-headless", "pillow")
    versions = {"python": platform.python_version(), "mmsnet-lite": __version__}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "unknown"
    return {
        "command": shlex.join(["python", "-m", "mmsnet_lite", *sys.argv[1:]]),
        "commit": _commit(),
        "versions": versions,
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _commit() -> str:
    """The commit this package stands at, "-dirty" with changes; "unknown" where git does not track it."""

    def git(*words: str) -> str:
        folder = str(Path(__file__).parent)
        return subprocess.run(
            ["git", "-C", folder, *words], capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")
        return git("rev-parse", "HEAD") + ("-dirty" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
