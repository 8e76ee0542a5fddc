"""Finds the modules whose dropout is active in training, whether they are dropout or only call it.

A switch by class (`isinstance(module, nn.Dropout)`) misses `F.dropout(x, p, training=self.training)`, the attention of
transformers, which passes p = 0 unless it trains, and torch's fused encoder layer, which in eval mode skips the dropout
modules inside it. `.train()` misses nothing, but moves the statistics of batch norm and draws drop-path.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import FrameType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from mmsnet_lite.analysis.modes import modes
from mmsnet_lite.errors import InputError

_MODULES_CALL = (F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout)
_PLAIN = (torch.dropout, torch.alpha_dropout, torch.feature_dropout, torch.feature_alpha_dropout)
_DROPOUTS: dict[Callable[..., Any], tuple[str, int, str, int]] = {  # names and places of probability and switch
    **dict.fromkeys(_MODULES_CALL, ("p", 1, "training", 2)),
    **dict.fromkeys(_PLAIN, ("p", 1, "train", 2)),
    F.multi_head_attention_forward: ("dropout_p", 10, "training", 13),
    F.scaled_dot_product_attention: ("dropout_p", 4, "", 99),  # no switch
}


class DropoutWatch(TorchFunctionMode):
    """While active, counts the calls of torch's dropout functions, by the module (of `modules`) that makes them.

    The module is the one whose method is running, the innermost. As long as any such mode is active, torch also leaves
    its fused fast paths, so that every dropout module is really called.
    """

    def __init__(self, modules: Iterable[nn.Module]) -> None:
        super().__init__()
        self.modules = set(modules)
        self.calls: Counter[nn.Module | None] = Counter()
        self.active: Counter[nn.Module | None] = Counter()  # those with a probability above 0 that are switched on

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _DROPOUTS:
            (p, p_at, switch, switch_at), caller = _DROPOUTS[func], self._caller()
            self.calls[caller] += 1
            if _argument(args, kwargs, p, p_at, 0.0) and _argument(args, kwargs, switch, switch_at, True):
                self.active[caller] += 1
        return func(*args, **kwargs)

    def _caller(self) -> nn.Module | None:
        frame: FrameType | None = sys._getframe(1)
        while frame := frame and frame.f_back:
            owner = frame.f_locals.get("self")
            if isinstance(owner, nn.Module) and owner in self.modules:
                return owner
        return None


def _argument(args: tuple[Any, ...], kwargs: dict[str, Any], name: str, place: int, default: Any) -> Any:
    return kwargs.get(name, args[place] if len(args) > place else default)


def steps_of(model: nn.Module) -> tuple[Callable[[Any], Any], ...]:
    """The functions whose composition maps images to logits: the network's own `steps`, or the whole as one."""
    steps = getattr(model, "steps", None)
    return (lambda x: model(x).logits,) if steps is None else steps


@torch.no_grad()
def find_dropout(model: nn.Module, images: Tensor) -> tuple[Counter[nn.Module | None], int]:
    """Run the network once in training mode and see who calls dropout.

    Modules with running statistics (batch norm) stay in eval mode, all buffers are put back, and modes too. Chance is
    the caller's: fork the generator around it. The run takes the first image, or 64 x 64 pixels of it where the network
    has a `check_size` that accepts them.

    Returns:
        the number of active dropout calls of each module, None standing for code outside the network, and the number
        of the first of `steps_of(model)` that makes one.
    """
    x = images[:1]
    check_size = getattr(model, "check_size", None)
    if check_size is not None:
        check_size(*images.shape[2:])
        with suppress(InputError):
            check_size(64, 64)
            x = x[..., :64, :64]
    training = [m for m in model.modules() if not getattr(m, "track_running_stats", False)]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    first = 0
    try:
        with modes(model, training), DropoutWatch(model.modules()) as watch:
            for step in steps_of(model):
                x = step(x)
                first += not watch.active
    finally:
        for buffer, value in buffers:
            buffer.copy_(value)
    return watch.active, first
