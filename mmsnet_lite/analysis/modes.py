"""How a network passes over images: which of its modules are in training mode, and a mix in batches."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset

from mmsnet_lite.data import Mix


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


def batches(model: nn.Module, mix: Mix, batch: int, modality: str | None = None) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield images, 0..255 (b 3 h w), and masks (b 1 h w) of a mix or of one modality, on the model's device."""
    device = next(model.parameters()).device
    chosen = [i for i, label in enumerate(mix.labels) if modality in (None, label)]
    for samples in DataLoader(Subset(mix, chosen), batch_size=batch):
        yield samples["image"].to(device), samples["mask"].to(device)
