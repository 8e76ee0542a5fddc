"""Fixed tensors: computed once in float64 on the CPU, cached by their users and shared between calls."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils._python_dispatch import _disable_current_modes


@contextmanager
def constants() -> Iterator[None]:
    """Make plain tensors whatever surrounds the first call: inference mode, `torch.export`, fake tensors.

    A cached tensor outlives its first caller; one made in inference mode could never again take part in training.
    There is no `torch.no_grad` here, nor need for it: `torch.export` would record it in a form that it cannot save.
    """
    with _disable_current_modes(), torch.inference_mode(False):
        yield
