"""The order in which an epoch visits the images: a function of seed and epoch, so that a resumed run repeats it."""

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler

SAMPLERS = ("proportional", "balanced")


def epoch_seed(seed: int, epoch: int, use: str, process: int = 0) -> int:
    """A seed for one use in one epoch: an epoch is then a function of weights, seed and number, and can be repeated."""
    return ((seed * 100_003 + epoch) * 11 + process) * 3 + ("order", "augment", "dropout").index(use)


class EpochSampler(Sampler[int]):
    """Shuffle 0..n-1 by (seed, epoch): each image once an epoch, so each dataset in proportion to its size.

    Args:
        n: number of images.
        seed: of the orders of all epochs.
    """

    def __init__(self, n: int, seed: int) -> None:
        self.n, self.seed, self.epoch = n, seed, 0

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[int]:
        return iter(torch.randperm(self.n, generator=self._generator()).tolist())

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(epoch_seed(self.seed, self.epoch, "order"))


class BalancedSampler(EpochSampler):
    """Draw every modality equally often, by (seed, epoch), in an epoch as long as the proportional one.

    Convention: shares differ by one at most, where the length does not divide; which modalities get one more is drawn.
    Convention: within an epoch no image of a modality comes again before all of that modality have come as often.

    Args:
        modalities: the modality of each image.
        seed: of the orders of all epochs.
    """

    def __init__(self, modalities: Sequence[str], seed: int) -> None:
        super().__init__(len(modalities), seed)
        members: dict[str, list[int]] = {}
        for index, modality in enumerate(modalities):
            members.setdefault(modality, []).append(index)
        self._members = [torch.tensor(indices) for indices in members.values()]

    def __iter__(self) -> Iterator[int]:
        generator = self._generator()
        share, rest = divmod(self.n, max(1, len(self._members)))
        one_more = torch.randperm(len(self._members), generator=generator) < rest
        drawn = []
        for indices, more in zip(self._members, one_more.tolist(), strict=True):
            count = share + more
            rounds = -(-count // len(indices))
            order = [torch.randperm(len(indices), generator=generator) for _ in range(rounds)]
            drawn += indices[torch.cat(order)[:count]].tolist() if order else []
        return iter([drawn[i] for i in torch.randperm(self.n, generator=generator).tolist()])
