"""The configuration of an MMSNet."""

from dataclasses import dataclass

from mmsnet_lite.errors import InputError
from mmsnet_lite.model.encoder import encoder_spec
from mmsnet_lite.model.fep import BAND_STD, KINDS, band_transform
from mmsnet_lite.model.mfa import check_stages, reduced_widths
from mmsnet_lite.model.msfg import check_guidance

TUNE = ("frozen", "mfa", "full")


@dataclass(frozen=True, kw_only=True)
class MMSNetConfig:
    """Every choice that shapes an MMSNet; checked on construction.

    Args:
        encoder: "mit-nano" or "mit-b0" to "mit-b5".
        pretrained: None (random, no network access), a hub name such as "nvidia/mit-b4", a local folder, mit_b*.pth.
        tune: "mfa" trains the adaptor and freezes the encoder; "full" trains both; "frozen" trains the decoder alone
            and sets `mfa` to False. The paper's fully tuned comparison is `tune="full", mfa=False`.
        mfa: the adaptor branch is present. Without it the frequency prompt has no way in, so `fep` becomes "none".
        r: the adaptor works at C_s / r; must divide every stage width.
        tuning_stages: which of the stages 1 to 4 get prompts.
        zero_init: the adaptor starts with prompts of exactly 0, so that training starts at the pretrained encoder.
        fep: "contourlet", "wavelet", "fft" or "none".
        levels: directional levels of the contourlet, coarse to fine.
        msfg: the guidance blocks are present.
        frequencies: K, number of DCT components, 1 to 32.
        msfg_scales: S, number of scale branches, 1 to 3.
        pool, dct_scale, gate: of the guidance blocks, see `MSFG`.
        width: d, channels of the decoder; even.
        dropout: probability before the predictor, 0 to 1.

    Raises:
        InputError: a value outside these sets; the message names the accepted ones.
    """

    encoder: str = "mit-b0"
    pretrained: str | None = None
    tune: str = "mfa"
    mfa: bool = True
    r: int = 1
    tuning_stages: tuple[int, ...] = (1, 2, 3, 4)
    zero_init: bool = False
    fep: str = "contourlet"
    levels: tuple[int, ...] = (2, 3, 4)
    msfg: bool = True
    frequencies: int = 32
    msfg_scales: int = 3
    pool: str = "mean"
    dct_scale: str = "dc"
    gate: tuple[float, float] = (0.5, 1.0)
    width: int = 64
    dropout: float = 0.1

    def __post_init__(self) -> None:
        spec = encoder_spec(self.encoder)
        for name in ("r", "frequencies", "msfg_scales", "width"):
            if not isinstance(getattr(self, name), int):
                raise InputError(f"{name} = {getattr(self, name)!r} is no whole number; give an int")
        if self.tune not in TUNE:
            raise InputError(f"tune = {self.tune!r} is unknown; choose one of {', '.join(TUNE)}")
        if self.tune == "frozen":
            object.__setattr__(self, "mfa", False)
        if self.tune == "mfa" and not self.mfa:
            raise InputError('tune = "mfa" needs the adaptor branch; keep mfa, or choose tune "frozen" or "full"')
        if self.fep not in KINDS:
            raise InputError(f"fep = {self.fep!r} is unknown; choose one of {', '.join(KINDS)}")
        if not self.mfa:
            object.__setattr__(self, "fep", "none")
        for name in ("levels", "tuning_stages", "gate"):
            numbers = getattr(self, name)
            if not isinstance(numbers, tuple | list):
                raise InputError(f"{name} = {numbers!r} does not fit; give a tuple such as {getattr(type(self), name)}")
            object.__setattr__(self, name, tuple(numbers))
        if self.fep in BAND_STD:
            band_transform(self.fep, self.levels)
        if self.mfa:
            reduced_widths(spec.widths, self.r)
            check_stages(self.tuning_stages)
        check_guidance(self.frequencies, self.msfg_scales, self.pool, self.dct_scale, self.gate)
        if self.width < 2 or self.width % 2:
            raise InputError(f"width = {self.width} does not fit; choose an even number of channels, such as 64")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout = {self.dropout} does not fit; choose a probability from 0 up to 1")
