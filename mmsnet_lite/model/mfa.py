"""MFA, the modality feature adaptor: small trained layers that steer a frozen encoder.

Origin: the adaptor of EVP (Liu et al., Explicit Visual Prompting, CVPR 2023), written from its formulas:

    F_hc^s = embed_s(F_hc^{s-1}),   F_hc^0 = frequency map          feature-extraction tuning
    F_pe^s = Linear_s(E^s)                                           image-embedding tuning
    P^{s,i} = Up_s(GELU(Tune_{s,i}(F_hc^s + F_pe^s)))                adaptor, added before block i of stage s

E^s are the tokens of the encoder's own patch embedding. All widths are C_s / r.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mmsnet_lite.errors import InputError


def reduced_widths(widths: Sequence[int], r: int) -> list[int]:
    """C_s / r for every stage; where r does not divide every width, InputError lists the values that do."""
    if r < 1 or any(width % r for width in widths):
        fits = [c for c in range(1, min(widths) + 1) if not any(width % c for width in widths)]
        raise InputError(f"r = {r} does not divide the stage widths {tuple(widths)}; choose r from {fits}")
    return [width // r for width in widths]


def check_stages(stages: Sequence[int]) -> None:
    """Raise InputError for stages that there are not, none at all, or one twice."""
    numbers = [stage for stage in stages if isinstance(stage, int) and 1 <= stage <= 4]
    if not numbers or len(set(numbers)) < len(stages):
        raise InputError(f"tuning_stages = {stages!r} does not fit; give one or more of 1 to 4, each once")


class FrequencyEmbedding(nn.Module):
    """A chain of overlapping patch embeddings on the frequency map, independent of the encoder's own."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        channels = [3, *widths]
        kernels = [(7, 4), (3, 2), (3, 2), (3, 2)]  # kernel, stride
        convolutions = [
            nn.Conv2d(c_in, c_out, k, stride, k // 2)
            for c_in, c_out, (k, stride) in zip(channels, widths, kernels, strict=False)
        ]
        for conv in convolutions:
            nn.init.normal_(conv.weight, std=(2 / (conv.kernel_size[0] ** 2 * conv.out_channels)) ** 0.5)
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
        self.projections = nn.ModuleList(convolutions)
        self.norms = nn.ModuleList(nn.LayerNorm(c) for c in widths)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map the frequency map (b 3 h w) to tokens (b n_s C_s/r) of the four stages."""
        tokens = []
        for projection, norm in zip(self.projections, self.norms, strict=True):
            x = projection(x)  # b c h w
            t = norm(x.flatten(2).transpose(1, 2))  # b n c
            tokens.append(t)
            x = t.transpose(1, 2).unflatten(2, x.shape[2:])
        return tokens


class StageAdaptor(nn.Module):
    """The adaptor of one stage, from C_s to C_s / r and back: a tuning layer for each of L_s blocks, one up-projection.

    With `zero_init`, prompts start at exactly 0, by an up-projection of zeros.
    """

    def __init__(self, width: int, reduced: int, depth: int, zero_init: bool = False) -> None:
        super().__init__()
        self.embed = nn.Linear(width, reduced)
        self.tune = nn.ModuleList(nn.Linear(reduced, reduced) for _ in range(depth))
        self.up = nn.Linear(reduced, width)
        for linear in (self.embed, *self.tune, self.up):
            nn.init.trunc_normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)
        if zero_init:
            nn.init.zeros_(self.up.weight)

    def condition(self, tokens: Tensor, frequency: Tensor | None) -> Tensor:
        """F_pe^s + F_hc^s (b n C/r) from the stage's embedded tokens (b n C); computed once per stage."""
        embedded = self.embed(tokens)
        return embedded if frequency is None else embedded + frequency

    def prompt(self, i: int, condition: Tensor) -> Tensor:
        """P^{s,i} (b n C), to be added before block `i`."""
        return self.up(F.gelu(self.tune[i](condition)))


class MFA(nn.Module):
    """Modality feature adaptor for four stages.

    Args:
        widths, depths: C_s and L_s of the encoder's stages.
        r: reduction; the branch works at widths C_s / r. At C_1 / r = 1 layer norm leaves a constant, so that the
            frequency branch has nothing to say.
        frequency: False leaves the hand-crafted branch away (no frequency map comes in).
        stages: which stages get prompts, numbered from 1.
        zero_init: see `StageAdaptor`.

    Raises:
        InputError: r does not divide every stage width, or a stage that there is not.
    """

    def __init__(
        self,
        widths: Sequence[int],
        depths: Sequence[int],
        r: int = 1,
        frequency: bool = True,
        *,
        stages: Sequence[int] = (1, 2, 3, 4),
        zero_init: bool = False,
    ) -> None:
        super().__init__()
        reduced = reduced_widths(widths, r)
        check_stages(stages)
        self.frequency_embedding = FrequencyEmbedding(reduced[: max(stages)]) if frequency else None
        self.stages = nn.ModuleDict(  # by index from 0, as in a list with gaps
            {str(s - 1): StageAdaptor(widths[s - 1], reduced[s - 1], depths[s - 1], zero_init) for s in sorted(stages)}
        )

    def adaptor(self, s: int) -> StageAdaptor | None:
        """The adaptor of stage `s`, counted from 0; None where the stage gets no prompt."""
        return self.stages[str(s)] if str(s) in self.stages else None  # type: ignore[return-value]  # noqa: SIM401

    def embed_frequency(self, frequency_map: Tensor | None) -> list[Tensor | None]:
        """Tokens (b n_s C_s/r) of the frequency map (b 3 h w) for each stage; None without the branch or beyond it."""
        if self.frequency_embedding is None or frequency_map is None:
            return [None] * 4
        tokens = self.frequency_embedding(frequency_map)
        return [*tokens, *[None] * (4 - len(tokens))]
