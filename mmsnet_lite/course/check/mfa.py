"""Exercise checks of lesson 04."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsnet_lite.course.check.exercise import Mistake, compare, exercise
from mmsnet_lite.model import MiTEncoder
from mmsnet_lite.model.encoder import EncoderStage
from mmsnet_lite.model.mfa import StageAdaptor

WIDTH, DEPTH, R = 320, 27, 4  # exercise 1: stage 3 of mit-b4
Step = Callable[[int, Tensor], Tensor]


@exercise(1, expects="a whole number")
def adaptor_count(answer: Any) -> str:
    """Parameters of the adaptor of stage 3 of mit-b4 at r = 4: embedding, tuning layers, up-projection."""
    c = WIDTH // R
    with torch.device("meta"):
        right = sum(p.numel() for p in StageAdaptor(WIDTH, c, DEPTH).parameters())
    found = float(answer)
    if abs(found * 1e6 - right) < 1e4 or abs(found * 1e3 - right) < 1e3:
        raise Mistake("give the number itself, not thousands or millions.")
    embed, tune, up, weights = WIDTH * c + c, c * c + c, c * WIDTH + WIDTH, 2 * WIDTH * c + DEPTH * c * c
    mistakes = {
        "the biases are missing: every linear layer has one number more for each output.": weights,
        "that has one tuning layer; each block has its own.": embed + tune + up,
        "that has an up-projection for each block; a stage has one.": embed + DEPTH * (tune + up),
        "that has an embedding for each block; a stage computes it once.": DEPTH * (embed + tune) + up,
        "that is the tuning layers alone; embedding and up-projection belong to the adaptor, too.": DEPTH * tune,
        "that is r = 1; here the branch is C / 4 wide.": (DEPTH + 2) * (WIDTH**2 + WIDTH),
    }
    otherwise = "that is not the count. Which linear layers has a stage, how often, and from how many to how many?"
    compare(found, right, mistakes, otherwise, rtol=0)
    return "Three quarters of it are the 27 tuning layers, and they shrink with the square of r."


@exercise(2, expects="a function that changes a StageAdaptor in place")
def quiet_start(answer: Callable[[StageAdaptor], Any]) -> str:
    """Prompts of exactly zero that can still learn."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        adaptor = StageAdaptor(12, 6, depth=2)
        for p in adaptor.parameters():
            nn.init.normal_(p, std=0.5)  # biases, too: a start may be anything
        tokens, frequency, target = torch.randn(2, 5, 12), torch.randn(2, 5, 6), torch.randn(2, 5, 12)
    before = copy.deepcopy(adaptor)
    answer(adaptor)
    if all(torch.equal(a, b) for a, b in zip(adaptor.parameters(), before.parameters(), strict=True)):
        raise Mistake("the adaptor is as it was; change its tensors in place, for example with nn.init.zeros_.")
    if not all(p.requires_grad for p in adaptor.parameters()):
        raise Mistake("a tensor of the adaptor is frozen now; it has to learn.")

    def prompts(frequency: Tensor | None) -> Tensor:
        condition = adaptor.condition(tokens, frequency)
        return torch.stack([adaptor.prompt(i, condition) for i in range(2)])

    without, given = prompts(None).detach(), prompts(frequency).detach()
    if not (torch.isfinite(without).all() and torch.isfinite(given).all()):
        raise Mistake("a prompt is NaN or infinite.")
    if bool(without.any()) or bool(given.any()):
        if not bool(without.any()):
            raise Mistake("zero for the tokens alone, but the frequency branch comes in behind the embedding.")
        if float(given.std(2).max()) < 1e-6:
            raise Mistake("each prompt is the same for all tokens, but not zero: one of the biases is left.")
        if float(given.abs().max()) < 1e-2:
            raise Mistake("the prompts are small, but exactly zero is asked for.")
        raise Mistake("the prompts are not zero. Which layer comes last, and which of its tensors make the output?")
    optimizer = torch.optim.SGD(adaptor.parameters(), lr=0.1)
    for _ in range(10):
        (prompts(frequency) - target).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    if float(prompts(frequency).detach().std(2).max()) < 1e-6:
        raise Mistake(
            "zero, but for good: after ten steps the prompt is still the same for every token. Two layers of zeros in "
            "a row give each other no gradient."
        )
    return "A product of two factors learns when one of them is zero, and is stuck when both are."


@exercise(3, expects="a function of (widths, depths, r) that returns a whole number")
def lora_count(answer: Callable[[Sequence[int], Sequence[int], int], Any]) -> str:
    """Parameters of LoRA on the four attention layers of every block."""
    cases = [((64, 128, 320, 512), (3, 8, 27, 3), 8), ((16, 32, 80, 128), (2, 2, 2, 2), 4)]
    for widths, depths, r in cases:
        found = float(answer(widths, depths, r))
        layers = sum(4 * depth * width for width, depth in zip(widths, depths, strict=True))
        themselves = sum(4 * depth * width**2 for width, depth in zip(widths, depths, strict=True))
        mistakes = {
            "that is half: one of the two factors, A (r, in) and B (out, r), or two of the four layers.": r * layers,
            "that is one layer a block; query, key, value and output are four.": r * layers / 2,
            "that is one block a stage; multiply by the depths.": 2 * r * 4 * sum(widths),
            "that is the layers themselves, which stay frozen.": themselves,
            "that divides the widths by r, as MFA does; a rank r is r numbers wide at every width.": 2 * layers / r,
        }
        otherwise = f"not yet: widths {widths}, depths {depths} and r = {r} give {found:.0f}."
        compare(found, 2 * r * layers, mistakes, otherwise, rtol=0)
    return "It grows with r, where MFA shrinks: r is a rank here and a divisor there."


@exercise(4, expects="a function of (stage, adaptor, tokens, height, width) that returns tokens (b n C)")
def tuned_stage(answer: Callable[[EncoderStage, StageAdaptor, Tensor, int, int], Tensor]) -> str:
    """All blocks of a stage, a prompt added before each."""
    grid, width, count = (16, 8), 16, 3
    with torch.random.fork_rng():
        torch.manual_seed(0)
        stage = MiTEncoder("mit-nano").eval().stages[0]
        stage.blocks.append(stage.blocks[0])  # not the two that every stage of the lesson has
        adaptor = StageAdaptor(width, 4, count)
        for p in adaptor.parameters():
            nn.init.normal_(p, std=0.5)  # prompts as large as the tokens
        tokens = torch.randn(2, grid[0] * grid[1], width)
    with torch.no_grad():
        found = answer(stage, adaptor, tokens.clone(), *grid)
        condition = adaptor.condition(tokens, None)
        prompts = [adaptor.prompt(i, condition) for i in range(count)]

        def run(before: Step, after: Step = lambda i, x: x, grid: tuple[int, int] = grid) -> Tensor:
            x = tokens
            for i in range(count):
                x = after(i, stage.block(i, before(i, x), *grid))
            return x

        def fresh(i: int, x: Tensor) -> Tensor:
            return x + adaptor.prompt(i, adaptor.condition(x, None))

        right = run(lambda i, x: x + prompts[i])
        mistakes = {
            "the prompts are not in it: that is the bare stage.": run(lambda i, x: x),
            "the prompts are added after the blocks; they go before.": run(lambda i, x: x, lambda i, x: x + prompts[i]),
            "only the first block gets a prompt.": run(lambda i, x: x + prompts[0] if i == 0 else x),
            "every block gets the prompt of block 0; each has its own tuning layer.": run(lambda i, x: x + prompts[0]),
            "the condition is computed anew from each block's tokens; a stage computes it once.": run(fresh),
            "the prompt replaces the tokens; it is added to them.": run(lambda i, x: prompts[i]),
            "the prompts are subtracted.": run(lambda i, x: x - prompts[i]),
            "height and width are swapped.": run(lambda i, x: x + prompts[i], grid=grid[::-1]),
            "right, and then normalised: leave that to stage.finish.": F.layer_norm(right, (width,)),
        }
    otherwise = f"not yet. Before block i (of {count}): tokens = tokens + prompt i, from one condition for the stage."
    compare(found, right, mistakes, otherwise, atol=1e-4)
    return "That loop is MMSNet._encode, but for the frequency tokens in the condition."
