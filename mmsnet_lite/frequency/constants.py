"""Fixed tensors: computed in float64 on the CPU, cached, and shared by all who ask, so none may write into them."""

from collections.abc import Callable
from functools import lru_cache, wraps
from operator import index
from typing import Any, TypeVar

import torch
from torch.utils._python_dispatch import _disable_current_modes

Maker = TypeVar("Maker", bound=Callable[..., Any])


def constant(maxsize: int) -> Callable[[Maker], Maker]:
    """Decorate a function that makes fixed tensors of hashable arguments: its last `maxsize` results are kept.

    They outlive the first call, so they are plain tensors whatever surrounds it: inference mode, `torch.export`, fake
    tensors. There is no `torch.no_grad`, nor need for it: `torch.export` would record it in a form that it cannot save.
    """

    def decorate(make: Maker) -> Maker:
        @lru_cache(maxsize)
        @wraps(make)
        def cached(*arguments: Any) -> Any:
            with _disable_current_modes(), torch.inference_mode(False):
                return make(*arguments)

        return cached  # type: ignore[return-value]

    return decorate


def outside_graphs(make: Maker) -> Maker:
    """Decorate a function whose results are constants of a compiled graph, built outside it, by size.

    This is all that `torch.compiler.assume_constant_result` does, without its import of the compiler, as costly as
    torch's.
    """

    def built(*arguments: Any) -> Any:
        return make(*arguments)

    vars(built)["_dynamo_marked_constant"] = True

    @wraps(make)
    def shared(*arguments: Any) -> Any:
        # index: sizes are numbers, not symbols, when a graph is compiled for several of them
        return built(*(index(each) if isinstance(each, int) else each for each in arguments))

    return shared  # type: ignore[return-value]
