"""Cached tensors: built once, plain whatever surrounded the first call, and usable from anywhere."""

import copy
import pickle
import threading

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.testing import assert_close

from mmsnet_lite.frequency import ContourletCoefficients, ContourletTransform, dct_basis
from mmsnet_lite.frequency.bank import bank_weights


def test_weights_are_built_once_for_eight_sizes_of_three_levels_both_ways():
    cpu = torch.device("cpu")
    sizes = [
        (side, 16, levels, "pkva", "9-7", synthesis, torch.float32, cpu)
        for side in range(16, 144, 16)
        for levels in (2, 3, 4)
        for synthesis in (False, True)
    ]
    built = [bank_weights(*arguments) for arguments in sizes]
    assert all(bank_weights(*arguments) is weights for arguments, weights in zip(sizes, built, strict=True))


def test_first_use_in_inference_mode_does_not_spoil_training():
    transform, x = ContourletTransform((2,)), torch.randn(1, 1, 44, 20)  # a size that no other test uses
    with torch.inference_mode():
        transform.inverse(transform(x))
    x.requires_grad_()
    transform.inverse(transform(x)).square().sum().backward()
    assert x.grad.abs().max() > 0


def test_first_use_with_fake_tensors_leaves_real_ones():
    transform, x = ContourletTransform((2,)), torch.randn(1, 1, 52, 28)
    with FakeTensorMode(allow_non_fake_inputs=True):
        transform(torch.empty(1, 1, 52, 28))
        dct_basis([(3, 2)], 13)
    assert type(transform(x).low) is torch.Tensor
    assert_close(transform.inverse(transform(x)), x)
    assert dct_basis([(3, 2)], 13).abs().max() > 1


def test_inverse_is_computed_in_the_precision_of_the_low_band():
    transform, x = ContourletTransform((2, 3)), torch.randn(1, 1, 32, 32)
    low, bands = transform(x)
    mixed = ContourletCoefficients(low, tuple(tuple(band.double() for band in level) for level in bands))
    assert_close(transform.inverse(mixed), transform.inverse((low, bands)), atol=0, rtol=0)


@pytest.mark.parametrize("same", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_transforms_are_copied_and_pickled(same):
    transform, x = ContourletTransform((2, 3), "5-3", "pkva6"), torch.randn(1, 1, 32, 32)
    assert_close(same(transform)(x).low, transform(x).low, atol=0, rtol=0)


def test_threads_share_a_first_call():
    transform, x, results = ContourletTransform((2, 3)), torch.randn(1, 1, 72, 40), []
    threads = [threading.Thread(target=lambda: results.append(transform(x).bands[1][5])) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert_close(results[1:], results[:1] * 2, atol=0, rtol=0)
