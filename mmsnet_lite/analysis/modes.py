"""Which modules of a network are in training mode, and putting all of them back."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def modes(model: nn.Module, training: Iterable[nn.Module] = ()) -> Iterator[None]:
    """Put `training` alone in training mode, everything else in eval mode; afterwards all modes are what they were.

    Only flags are set: a module's own `train` is not called, and children do not follow their parents.
    """
    before, chosen = [(module, module.training) for module in model.modules()], set(training)
    try:
        for module, _ in before:
            module.training = module in chosen
        yield
    finally:
        for module, mode in before:
            module.training = mode
