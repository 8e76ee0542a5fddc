"""MSFG as its formulas read, every product materialised; the oracle of the tests and the peer of the benchmark."""

from functools import lru_cache

import scipy.fft
import torch
import torch.nn.functional as F

from mmsnet_lite.frequency import frequency_indices


@lru_cache
def dct_images(count, n, dtype=torch.float32, orthonormal=False):
    """The first K images (K n n) by SciPy's inverse DCT of one coefficient; the mean's is 1, orthonormal 1 / n."""
    impulses = torch.zeros(len(frequency_indices(count, n)), n, n, dtype=torch.float64)
    for image, (u, v) in zip(impulses, frequency_indices(count, n), strict=True):
        image[u, v] = 1
    images = torch.from_numpy(scipy.fft.idctn(impulses.numpy(), axes=(1, 2), norm="ortho"))
    return (images if orthonormal else images * n).to(dtype)


def naive_components(x, images):
    """Mean, maximum and minimum over the grid of every product, each (b c K)."""
    products = x[:, :, None] * images  # b c K n n
    return products.mean((-1, -2)), products.amax((-1, -2)), products.amin((-1, -2))


def naive_pools(attention, x):
    """What `FrequencyChannelAttention.pools` returns (3 b c)."""
    n, indices = attention.components(*x.shape[2:])
    components = naive_components(
        F.adaptive_avg_pool2d(x, n), dct_images(attention.frequencies, n, x.dtype, attention.orthonormal)
    )
    assert components[0].shape[2] == len(indices)
    return torch.stack([z.mean(2) if attention.pool == "mean" else z.square().mean(2).sqrt() for z in components])


def naive_attention(attention, x):
    """What a `FrequencyChannelAttention` returns, with its weights."""
    return sum(attention.weigh(z[:, :, None, None]) for z in naive_pools(attention, x)).sigmoid()


def naive_branch(branch, x):
    """What a branch of MSFG returns: alpha weighs the background, beta the foreground."""
    size = x.shape[2:]
    x = F.avg_pool2d(x, branch.factor) if min(size) // branch.factor >= 8 else x
    x = branch.decompose(x)
    x = x * naive_attention(branch.attention, x)
    mask = torch.einsum("bchw,c->bhw", x, branch.foreground.weight[0, :, 0, 0]).sigmoid()[:, None]
    x = branch.expand(branch.alpha * x * (1 - mask) + branch.beta * x * mask)
    return F.interpolate(x, size=size, mode="bilinear")


def naive_msfg(block, x):
    """What an `MSFG` returns, with its weights."""
    return x + torch.stack([naive_branch(branch, x) for branch in block.branches]).mean(0)
