"""Exercise checks of lesson 03."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mmsnet_lite.course.check.exercise import Mistake, compare, exercise, tensor
from mmsnet_lite.frequency import dct_basis, frequency_indices, grid_size
from mmsnet_lite.model.encoder import STRIDES
from mmsnet_lite.model.msfg import FrequencyChannelAttention

IMAGE = 96  # exercise 2: pixels
SIDE, COUNT = 28, 16  # exercise 3: side of the map, K


def _random(*shape: int) -> Tensor:
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def _waves(n: int, shift: float = 0.5, height: float = 2**0.5, periods: float = 1, first: float = 1) -> Tensor:
    """The cosines (u p) of a grid, or wrong ones."""
    place = torch.arange(n, dtype=torch.float64)
    waves = height * torch.cos(periods * math.pi * place[:, None] * (place + shift) / n)
    waves[0] = first
    return waves


@exercise(1, expects="a function of (x, u, v) that returns a number")
def coefficient(answer: Callable[[Tensor, int, int], float]) -> str:
    """The mean of a map times a cosine image."""
    cases = [(_random(n, n), u, v) for n, u, v in ((14, 0, 0), (14, 2, 0), (14, 1, 5), (8, 3, 2))]
    found = torch.tensor([float(answer(x.clone(), u, v)) for x, u, v in cases], dtype=torch.float64)

    def by(**waves: float) -> Tensor:
        grids = [_waves(len(x), **waves) for x, _, _ in cases]
        return torch.stack([(x * g[u][:, None] * g[v]).mean() for g, (x, u, v) in zip(grids, cases, strict=True)])

    right, side = by(), torch.tensor([len(x) for x, _, _ in cases], dtype=torch.float64)
    exchanged = torch.stack([(x.T * _waves(len(x))[u][:, None] * _waves(len(x))[v]).mean() for x, u, v in cases])
    mistakes = {
        "that is the average, whatever u and v are.": torch.stack([x.mean() for x, _, _ in cases]),
        "u and v are exchanged: u counts half periods down the rows.": exchanged,
        "that is the sum over the map; the pool is a mean.": right * side**2,
        "that is the orthonormal coefficient; where D_0 is 1, (0, 0) gives the average of the map.": right * side,
        "your images have the orthonormal scale, so the mean of the map comes out n times too small.": right / side,
        "the cosines are too low: for u above 0, the mean of their square should be 1.": by(height=1),
        "with u = 0 or v = 0 it comes out too large: b_0 is 1, without the root of 2.": by(first=2**0.5),
        "the samples lie in the middle of the pixels, not on their left edge.": by(shift=0),
        "that is the DFT's cosine; here u counts half periods.": by(periods=2),
    }
    compare(found, right, mistakes, "not yet. Look at b_u(p) again, and at what stands for n.")
    return "Global average pooling is the case (0, 0)."


@exercise(2, expects="a list of four whole numbers, stage 1 first")
def effective_k(answer: Sequence[int]) -> str:
    """Distinct components of K = 32 at the four stages of a 96 px image."""
    found = [int(each) for each in answer]
    maps = [IMAGE // stride for stride in STRIDES]
    grids = [grid_size(side, 224 // stride) for side, stride in zip(maps, STRIDES, strict=True)]
    right = [len(frequency_indices(32, n)) for n in grids]
    if len(found) != len(right):
        raise Mistake(f"there are {len(right)} stages; your list has {len(found)} numbers.")
    mistakes = {
        "that is K; on a small grid several of the 32 indices meet at one place.": [32] * 4,
        "the grid has room for so many, but the 32 carried indices do not fill all of it.": [
            min(32, n * n) for n in grids
        ],
        "those are sides; how many different indices are there?": (grids, maps),
        "stage 1, with the largest map, comes first.": right[::-1],
    }
    i = next((i for i, (a, b) in enumerate(zip(found, right, strict=True)) if a != b), 0)
    otherwise = f"stage {i + 1} is not right; its map is {maps[i]}x{maps[i]}. Count each index once."
    compare(found, right, mistakes, otherwise, rtol=0)
    return "The fourth stage has no more to offer, whatever K is; the third loses a few that meet."


@exercise(3, expects=f"a map of {SIDE} x {SIDE} numbers")
def blind_map(answer: Tensor) -> str:
    """A map that the mean over K = 16 does not see and the root mean square does."""
    x = tensor(answer)
    x = x.reshape(x.shape[-2:]) if x.numel() == SIDE**2 else x
    if x.shape != (SIDE, SIDE):
        raise Mistake(f"a map of {SIDE} x {SIDE} is asked for; yours has shape {tuple(x.shape)}.")
    if not x.isfinite().all():
        raise Mistake("the map holds NaN or infinity.")
    if float(x.abs().max()) == 0:
        raise Mistake("a map of zeros is seen by nobody.")
    basis = dct_basis(frequency_indices(COUNT, SIDE), SIDE, dtype=torch.float64)
    c = (x * basis).mean((1, 2))
    if abs(float(c.mean())) > 1e-4:
        seen = f"the mean over K sees this map: z_avg = {float(c.mean()):.4f}."
        raise Mistake(f"{seen} The sum of its {COUNT} coefficients should be 0; which maps have which coefficients?")
    if (rms := float(c.square().mean().sqrt())) < 0.1:
        raise Mistake(f"the root mean square is {rms:.3f}; 0.1 or more is asked for: large coefficients that cancel.")
    return "Coefficients that cancel: the mean has only one template, and this map is orthogonal to it."


@exercise(4, expects="a function of (x, basis) that returns a tensor (3 b c)")
def rms_pools(answer: Callable[[Tensor, Tensor], Tensor]) -> str:
    """z_avg, z_max, z_min with the root mean square over K."""
    indices, x = frequency_indices(5, 7), _random(2, 4, 7, 7) - 0.2
    basis = dct_basis(indices, 7, dtype=torch.float64)
    given = answer(x.clone(), basis)
    if isinstance(given, (tuple, list)):
        raise Mistake("one tensor (3 b c) is asked for; yours are several, for torch.stack to join.")
    right = FrequencyChannelAttention(4, 5, 7, pool="rms").pools(x)
    products = x[:, :, None] * basis

    def pools(x: Tensor) -> Tensor:
        return torch.stack([x.mean((-1, -2)), x.amax((-1, -2)), x.amin((-1, -2))])

    each, of_map = pools(products), pools(x).abs()
    of_map[0], early = right[0], pools(products.square()).mean(-1).sqrt()
    mistakes = {
        "that is the mean over K; the root mean square squares first.": each.mean(-1),
        "the squares are added up over K, not averaged.": right * math.sqrt(len(indices)),
        "the root is missing.": right.square(),
        "that is the mean modulus; square, average, take the root.": each.abs().mean(-1),
        "the mean is taken over K before the squares, so coefficients cancel.": each.mean(-1).abs(),
        "the products are squared before the pools; first pool over the map, then square.": early,
        "maximum and minimum are exchanged; the order is average, maximum, minimum.": right[[0, 2, 1]],
        "the extrema are those of the map, not of its products with the cosines.": of_map,
    }
    compare(given, right, mistakes, "not yet. Products first, then three pools over the map, then one over K.")
    return "The same parameters read it: K never reaches a weight."


@exercise(5, expects="a function of (x, logits, alpha, beta) that returns a tensor (b 1 h w)")
def gate_gradient(answer: Callable[[Tensor, Tensor, float, float], Tensor]) -> str:
    """The gradient of the gate's summed output with respect to the map's logits."""
    x, logits, alpha, beta = _random(2, 3, 4, 5) - 0.3, 4 * _random(2, 1, 4, 5) - 2, 0.4, 1.1
    found = tensor(answer(x.clone(), logits.clone(), alpha, beta))
    leaf = logits.clone().requires_grad_()
    m, total = leaf.sigmoid(), x.sum(1, keepdim=True)
    (right,) = torch.autograd.grad((x * (alpha * (1 - m) + beta * m)).sum(), leaf)
    slope = m * (1 - m)
    if found.shape == x.shape and torch.allclose(found.sum(1, keepdim=True), right, rtol=1e-4, atol=1e-6):
        raise Mistake("one map gates all channels, so its gradient is their sum.")
    mistakes = {
        "the sign is turned round: which of the two weights the foreground?": -right,
        "that is the gradient with respect to M; the logits lie behind a sigmoid.": (beta - alpha) * total,
        "x is missing: where a channel is 0, its gate does not matter.": (beta - alpha) * slope,
        "how far alpha and beta lie apart is missing.": total * slope,
        "the slope of the sigmoid is not right.": (beta - alpha) * total * m,
        "the channels are averaged; all of them pull at the map.": right / x.shape[1],
        "both weights push one way: M raises the foreground and lowers the background.": (beta + alpha) * slope * total,
    }
    compare(found, right, mistakes, "not yet. Differentiate Y by M, M by the logits, and add up what they share.")
    return "At alpha = beta it is 0 everywhere, whatever the image."
