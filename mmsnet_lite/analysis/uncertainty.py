"""Uncertainty of a segmentation: the entropy of one pass, and Monte-Carlo dropout."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmsnet_lite.analysis.dropout import DropoutWatch, find_dropout, steps_of
from mmsnet_lite.analysis.modes import batches, modes
from mmsnet_lite.data import Mix, normalise
from mmsnet_lite.errors import InputError


class MCResult(NamedTuple):
    """What `mc_predict` returns, each float32 (b 1 h w).

    mean: the probability of lesion, averaged over the passes, 0..1.
    variance: of the probability over the passes, 0..0.25.
    entropy: of the mean, total uncertainty in nats, 0..ln 2.
    mutual_information: the part of it that the passes disagree about, in nats, 0..entropy.
    """

    mean: Tensor
    variance: Tensor
    entropy: Tensor
    mutual_information: Tensor


def binary_entropy(probability: Tensor) -> Tensor:
    """The entropy ``H(p) = -p ln p - (1 - p) ln(1 - p)`` in nats, 0..ln 2; 0 where p is 0 or 1. Any shape."""
    return torch.special.entr(probability) + torch.special.entr(1 - probability)


@torch.no_grad()
def mc_predict(model: nn.Module, images: Tensor, passes: int = 20, seed: int = 0) -> MCResult:
    """Segment images `passes` times with dropout on, and say where the answers differ.

        mean = 1/T sum_t p_t,   variance = 1/T sum_t (p_t - mean)^2,
        entropy = H(mean),   mutual_information = H(mean) - 1/T sum_t H(p_t),   H see `binary_entropy`.

    Only dropout is random. Everything is in eval mode, batch norm and drop-path too, but for the modules that call one
    of torch's dropout functions with a probability above 0: they are found by a trial run, see `find_dropout`, and
    their own flag is set, not their children's. Whatever else such a module does in training mode in the same method,
    it does here as well; dropout drawn without those functions (`torch.bernoulli`, `nn.LSTM`) stays off.

    What precedes the first active dropout is computed once, as finely as the network's `steps` divide it (see
    `MMSNet.steps`). Images of one batch get different masks. Modes are restored, after an error too, and the global
    generators left as they were.

    Convention: `variance` divides by T, so that T = 2 passes at 0 and 1 give 0.25.
    Convention: a result depends on the seed and on the batch: the same batch and seed are bit-equal on a CPU.

    Args:
        model: maps normalised images to an output with `logits`.
        images: normalised, (b 3 h w).
        passes: T, 2 or more.
        seed: of the dropout masks.

    Raises:
        InputError: fewer than two passes, no image batch, or a network in which no dropout is active, or in which some
            dropout cannot be switched on from outside.

    Source: Gal and Ghahramani, "Dropout as a Bayesian approximation" (ICML 2016); mutual information as in Houlsby et
    al. (2011).
    """
    if passes < 2:
        raise InputError(f"passes = {passes} show no spread; choose 2 or more, such as 20")
    if images.ndim != 4 or not len(images):
        raise InputError(f"images of shape {tuple(images.shape)} do not fit; give a batch (b 3 h w) of one or more")
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        expected, first = find_dropout(model, images)
        if not expected:
            raise InputError(
                "the network has no active dropout, so all passes would agree; build it with a dropout probability "
                "above 0, such as MMSNetConfig(dropout=0.1), and train it with that"
            )
        torch.manual_seed(seed)
        owners = [module for module in expected if module is not None]
        with modes(model, owners):
            steps = steps_of(model)
            x = images
            for step in steps[:first]:
                x = step(x)
            exact = torch.float32 if images.device.type == "mps" else torch.float64  # Apple's GPU has no float64
            total, squares, entropies = images.new_zeros(3, len(images), 1, *images.shape[2:], dtype=exact)
            with DropoutWatch(model.modules()) as watch:
                for t in range(passes):
                    y = x
                    for step in steps[first:]:
                        y = step(y)
                    if t == 0:
                        _check_reached(watch, expected)
                    p = y.to(exact).sigmoid()
                    total += p
                    squares += p.square()
                    entropies += binary_entropy(p)
    mean = total / passes
    variance = (squares / passes - mean.square()).clamp(0, 0.25)
    entropy = binary_entropy(mean)
    information = (entropy - entropies / passes).clamp(min=0)
    return MCResult(*(each.float() for each in (mean, variance, entropy, information)))


def _check_reached(watch: DropoutWatch, expected: dict[nn.Module | None, int]) -> None:
    """Refuse a pass in which dropout that is active in training was called and was not active."""
    silent = [module for module in watch.calls if watch.active[module] < expected.get(module, 0)]
    if silent or not watch.active:
        names = ", ".join(type(module).__name__ for module in silent if module is not None) or "code outside any module"
        raise InputError(
            f"dropout called from {names} is active in training, but not by that module's own `training` flag; "
            "call it as F.dropout(x, p, training=self.training) in the method of a module"
        )


@torch.no_grad()
def single_pass(model: nn.Module, mix: Mix, batch: int, modality: str | None = None) -> tuple[Tensor, Tensor]:
    """Logits without dropout and masks, (n 1 h w) on the CPU, of a mix or of one modality."""
    with modes(model):
        pairs = [
            (model(normalise(images)).logits.cpu(), masks.cpu())
            for images, masks in batches(model, mix, batch, modality)
        ]
    logits, masks = zip(*pairs, strict=True)
    return torch.cat(logits), torch.cat(masks)


def examine(
    model: nn.Module, mix: Mix, passes: int, seed: int, batch: int, modality: str | None = None
) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
    """`single_pass` and `mc_predict` on a mix or on one modality; batch number i is drawn from seed + i.

    Returns:
        logits without dropout, masks, the mean probability with dropout, and maps of uncertainty by name, each
        (n 1 h w) on the CPU: those of `MCResult`, and the "single-pass entropy".
    """
    logits, masks = single_pass(model, mix, batch, modality)
    results = [
        mc_predict(model, normalise(images), passes, seed + i)
        for i, (images, _) in enumerate(batches(model, mix, batch, modality))
    ]
    mean, variance, entropy, information = (torch.cat(maps).cpu() for maps in zip(*results, strict=True))
    maps = {"entropy": entropy, "mutual information": information, "variance": variance}
    return logits, masks, mean, maps | {"single-pass entropy": binary_entropy(logits.sigmoid())}
