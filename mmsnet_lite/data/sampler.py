"""The order in which an epoch visits the images, and how it is cut into batches.

All of it is a function of seed, epoch and number of the batch, so that a run resumes anywhere without a stored state.
"""

import hashlib
from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler

SAMPLERS = ("proportional", "balanced")


def batch_seed(seed: int, epoch: int, number: int, use: str) -> int:
    """The seed of what is drawn for batch `number` of an epoch, for one use ("augment" or "dropout")."""
    words = f"{seed} {epoch} {number} {use}".encode()
    return int.from_bytes(hashlib.blake2b(words, digest_size=7).digest(), "big")


class EpochSampler(Sampler[int]):
    """Shuffle 0..n-1 by (seed, epoch): each image once an epoch, so each dataset in proportion to its size."""

    def __init__(self, n: int, seed: int) -> None:
        self.n, self.seed, self.epoch = n, seed, 0

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[int]:
        return iter(torch.randperm(self.n, generator=self._generator()).tolist())

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed((self.seed * 100_003 + self.epoch) * 33)


class BalancedSampler(EpochSampler):
    """Draw every modality equally often, by (seed, epoch), in an epoch as long as the proportional one.

    Convention: shares differ by one at most, where the length does not divide; which modalities get one more is drawn.
    Convention: within an epoch no image of a modality comes again before all of that modality have come as often.

    Args:
        modalities: that of each image.
        seed: of the orders of all epochs.
    """

    def __init__(self, modalities: Sequence[str], seed: int) -> None:
        super().__init__(len(modalities), seed)
        names = dict.fromkeys(modalities)
        self._members = [torch.tensor([i for i, m in enumerate(modalities) if m == name]) for name in names]

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


class BatchSplitter(Sampler[list[int]]):
    """Cut an epoch's order into steps of `batch` images, and each step into equal parts; the rest is left out.

    Which images make up step n depends on the order and `batch` alone, whoever computes the parts: several processes
    (which take them in turn), one that accumulates, or both.

    Args:
        order: the sampler of the epoch.
        batch: images a step.
        parts: parts a step; divides `batch`.

    Attributes:
        start: the first step to give, when an epoch is continued.
    """

    drop_last = True  # accelerate asks

    def __init__(self, order: EpochSampler, batch: int, parts: int = 1) -> None:
        self.order, self.batch, self.parts, self.start = order, batch, parts, 0
        self.batch_size = batch // parts
        self.steps = len(order) // batch

    def __len__(self) -> int:
        return (self.steps - self.start) * self.parts

    def __iter__(self) -> Iterator[list[int]]:
        indices, size = list(self.order), self.batch_size
        return (indices[i : i + size] for i in range(self.start * self.batch, self.steps * self.batch, size))
