"""The order of an epoch: a function of seed and epoch; each image once, or each modality equally often."""

from collections import Counter

import pytest
import torch
from accelerate.data_loader import BatchSamplerShard
from torch.utils.data import BatchSampler

from mmsnet_lite.data import BalancedSampler, EpochSampler
from mmsnet_lite.data.sampler import BatchSplitter, batch_seed

SIZES = {"fundus": 5, "ultrasound": 40, "dermoscopy": 15}
MODALITIES = [name for name, n in SIZES.items() for _ in range(n)]


def make(kind, seed=0, epoch=0):
    sampler = EpochSampler(len(MODALITIES), seed) if kind == "proportional" else BalancedSampler(MODALITIES, seed)
    sampler.epoch = epoch
    return sampler


def test_proportional_visits_each_image_once():
    for epoch in range(5):
        assert sorted(make("proportional", 3, epoch)) == list(range(60))


@pytest.mark.parametrize("kind", ["proportional", "balanced"])
def test_the_order_is_a_function_of_seed_and_epoch_alone(kind):
    """A run that resumes in epoch 3 makes a new sampler, and gets the order that the uninterrupted one had."""
    sampler = make(kind, seed=1)
    orders = []
    for epoch in range(4):
        sampler.epoch = epoch
        orders.append(list(sampler))
    assert list(make(kind, 1, 3)) == orders[3]
    assert len({tuple(order) for order in orders}) == 4
    assert list(make(kind, 2, 3)) != orders[3]
    assert all(len(order) == len(sampler) == 60 for order in orders)


def test_the_seeds_of_an_epoch_have_not_changed():
    """Scores of earlier runs stand on this order."""
    generator = torch.Generator().manual_seed(((3 * 100_003 + 2) * 11) * 3)
    assert list(make("proportional", 3, 2)) == torch.randperm(60, generator=generator).tolist()


def test_balanced_draws_every_modality_equally_often():
    for epoch in range(5):
        counts = Counter(MODALITIES[i] for i in make("balanced", 0, epoch))
        assert counts == dict.fromkeys(SIZES, 20)


def test_shares_that_do_not_divide_differ_by_one_and_the_larger_ones_are_drawn():
    modalities = ["a"] * 7 + ["b"] * 3 + ["c"]
    larger = Counter()
    for epoch in range(60):
        sampler = BalancedSampler(modalities, 0)
        sampler.epoch = epoch
        counts = Counter(modalities[i] for i in sampler)
        assert sorted(counts.values()) == [3, 4, 4]
        larger.update(name for name, n in counts.items() if n == 4)
    assert min(larger[name] for name in "abc") > 25  # 40 each in the mean


def test_no_image_comes_again_before_all_of_its_modality_have():
    for epoch in range(5):
        counts = Counter(make("balanced", 0, epoch))
        assert {counts[i] for i in range(5)} == {4}  # 20 draws of 5 images
        assert max(counts[i] for i in range(5, 45)) == 1  # 20 of 40
        assert sorted({counts[i] for i in range(45, 60)}) == [1, 2]  # 20 of 15


def test_over_the_epochs_every_image_has_its_turn():
    seen = Counter(i for epoch in range(30) for i in make("balanced", 0, epoch))
    assert set(seen) == set(range(60))
    ultrasound = [seen[i] for i in range(5, 45)]
    assert sum(ultrasound) == 30 * 20
    assert max(ultrasound) < 30  # 15 in the mean


def test_modalities_are_mixed_along_the_epoch():
    order = [MODALITIES[i] for i in make("balanced")]
    assert all(len(set(order[i : i + 20])) == 3 for i in range(0, 60, 20))


@pytest.mark.parametrize("kind", ["proportional", "balanced"])
def test_processes_share_an_epoch_and_draw_nothing_twice(kind):
    shards = [
        [i for batch in BatchSamplerShard(BatchSampler(make(kind, 0, 2), 5, True), 2, process) for i in batch]
        for process in (0, 1)
    ]
    assert Counter(shards[0]) + Counter(shards[1]) == Counter(make(kind, 0, 2))


def test_one_modality_is_each_image_once():
    assert sorted(BalancedSampler(["a"] * 9, 4)) == list(range(9))
    assert list(BalancedSampler([], 0)) == []


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("start", [0, 3])
def test_the_images_of_a_step_do_not_depend_on_the_processes(processes, start):
    """Steps of 12 images, in 6 parts; accelerate deals the parts out, and each process accumulates 6 / processes."""
    order = list(make("proportional", 5, 1))
    batches = BatchSplitter(make("proportional", 5, 1), 12, 6)
    batches.start = start
    shards = [list(BatchSamplerShard(batches, processes, process)) for process in range(processes)]
    own = 6 // processes
    assert {len(shard) for shard in shards} == {own * (5 - start)}
    for step in range(5 - start):
        seen = [i for shard in shards for part in shard[step * own : (step + 1) * own] for i in part]
        assert sorted(seen) == sorted(order[(start + step) * 12 : (start + step + 1) * 12])
        dealt = [shards[k % processes][step * own + k // processes] for k in range(6)]
        assert [i for part in dealt for i in part] == order[(start + step) * 12 : (start + step + 1) * 12]


def test_images_beyond_the_last_whole_step_are_left_out():
    assert sum(len(part) for part in BatchSplitter(make("proportional"), 16, 4)) == 48


def test_no_two_draws_share_a_seed():
    seeds = {batch_seed(s, e, n, use) for s in range(4) for e in range(9) for n in range(50) for use in ("a", "b")}
    assert len(seeds) == 4 * 9 * 50 * 2
    torch.Generator().manual_seed(max(seeds))  # it fits
