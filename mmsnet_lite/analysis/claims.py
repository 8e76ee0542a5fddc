"""The paper's claims C1 to C18, each with the figures that it predicts; `verdicts` judges them."""

from collections.abc import Callable
from dataclasses import dataclass

from mmsnet_lite.analysis.evidence import MODALITIES, Evidence, Finding

ABLATIONS = "python benchmarks/ablations.py [ROOT]"
REAL_RUNS = "the commands below README's table of real images"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What the paper says, and how it is judged.

    Args:
        name: "C1" to "C18".
        statement: the claim, in one sentence.
        judge: finds the evidence; None where there can be none yet.
        command: what measured it.
        limits: what the verdict leaves out, or what a test would take.
    """

    name: str
    statement: str
    judge: Callable[[Evidence], list[Finding]] | None = None
    command: str = ""
    limits: str = ""


def _single_above_mix(e: Evidence) -> list[Finding]:
    return [f for net in ("unet", "segformer", "mmsnet") for f in e.contrasts(f"{net}-single - {net}", 1)]


def _less_interference(e: Evidence) -> list[Finding]:
    names = (f"({net}-single + mmsnet) - ({net} + mmsnet-single)" for net in ("unet", "segformer"))
    return [finding for name in names for finding in e.contrasts(name, 1)]


def _all(*wanted: tuple[str, int, tuple[str, ...]]) -> Callable[[Evidence], list[Finding]]:
    return lambda e: [finding for name, sign, where in wanted for finding in e.contrasts(name, sign, where)]


MEAN = ("mean",)
SMALL = "MiT-nano and few steps; the paper has MiT-B4 at 352 px and 50 epochs."

CLAIMS = (
    Claim(
        name="C1",
        statement="Modalities differ in the distribution of lesion size and of frequency.",
        judge=Evidence.modalities_differ,
        command="python benchmarks/real_spectra.py ROOT",
        limits="Areas as shares of the image, energies of rings as shares; cameras and file formats differ as well.",
    ),
    Claim(
        name="C2",
        statement="Interference: training on a mix costs performance against training on each modality alone.",
        judge=_single_above_mix,
        command=ABLATIONS,
        limits="Each image is seen equally often, so that alone a network takes fewer steps: few on 50 fundus images.",
    ),
    Claim(
        name="C3",
        statement="MMSNet alleviates that interference: other networks lose more by the mix.",
        judge=_less_interference,
        command=ABLATIONS,
        limits=SMALL,
    ),
    Claim(
        name="C4",
        statement="MMSNet is above U-Net, U-Net++, DCSAU-Net, UACANet and M2SNet on all four modalities.",
        judge=Evidence.against_unet,
        command=REAL_RUNS,
        limits=f"{SMALL} U-Net alone was compared; the other four wait for the comparison of systems.",
    ),
    Claim(
        name="C5",
        statement="U-shaped networks do worse on colonoscopy and ultrasound for lack of multiscale frequency analysis.",
        judge=Evidence.unet_weakness,
        command=REAL_RUNS,
        limits="The first figure is the pattern, the others its cause: MMSNet should have less of it.",
    ),
    Claim(
        name="C6",
        statement="Self-prompt SAM suffers from its linear pixel classifier; MMSNet is above SAM-Med2D except on skin.",
        limits="It takes both systems, which wait for the comparison of systems, and the published SAM weights.",
    ),
    Claim(
        name="C7",
        statement="Accuracy rises in every modality as r falls from 8 to 1.",
        judge=_all(("r8 - mmsnet", -1, MODALITIES), ("r4 - mmsnet", -1, MEAN), ("r2 - mmsnet", -1, MEAN)),
        command=ABLATIONS,
        limits=f"{SMALL} That r = 1 trains 7.51 M of MiT-B4 is a test.",
    ),
    Claim(
        name="C8",
        statement="K = 16 is best on single modalities, K = 32 on the mix.",
        judge=_all(
            ("k16-single - mmsnet-single", 1, MEAN),
            ("k1-single - mmsnet-single", -1, MEAN),
            ("k16 - mmsnet", -1, MEAN),
            ("sfg-msg - mmsnet", -1, MEAN),
        ),
        command=ABLATIONS,
        limits="At 96 px stages 3 and 4 have 6 x 6 and 3 x 3 positions, so fewer than 32 components exist there.",
    ),
    Claim(
        name="C9",
        statement="Without MSFG performance falls, and MFG-MSG is the best of its four forms.",
        judge=_all(
            ("no-msfg - mmsnet", -1, MEAN),
            *((f"{form} - mmsnet", -1, MEAN) for form in ("sfg-ssg", "mfg-ssg", "sfg-msg")),
        ),
        command=ABLATIONS,
        limits=SMALL,
    ),
    Claim(
        name="C10",
        statement="FEP raises DSC in every modality, and the contourlet is above wavelet and Fourier prompts.",
        judge=_all(
            ("mmsnet - no-fep", 1, MODALITIES),
            ("wavelet - mmsnet", -1, MEAN),
            ("fft - mmsnet", -1, MEAN),
        ),
        command=ABLATIONS,
        limits=SMALL,
    ),
    Claim(
        name="C11",
        statement="Without MFA scores fall clearly in all modalities.",
        judge=_all(("msfg - mmsnet", -1, MODALITIES)),
        command=ABLATIONS,
        limits="FEP speaks through MFA, and goes with it.",
    ),
    Claim(
        name="C12",
        statement="Fully tuning the encoder gains significantly only on dermoscopy.",
        judge=_all(("tuned - mmsnet", 1, ("dermoscopy",)), ("tuned - mmsnet", 0, MODALITIES[:3])),
        command=ABLATIONS,
        limits="Our encoder has seen scenes drawn by formula only, so that tuning has more to gain than on ImageNet's.",
    ),
    Claim(
        name="C13",
        statement="With a frozen encoder and no MFA the network cannot locate lesions.",
        judge=lambda e: [*e.looks("msfg", "guidance"), *e.looks("plain", "features")],
        command=ABLATIONS,
        limits="Grad-CAM on MSFG's outputs and, without MSFG, on the encoder's; at most 0.6 is called a miss.",
    ),
    Claim(
        name="C14",
        statement="With MSFG alone, attention does not find the target on fundus images.",
        judge=lambda e: e.looks("msfg", "guidance", ("fundus",)),
        command=ABLATIONS,
        limits="Grad-CAM on MSFG's outputs; at most 0.6 is called a miss.",
    ),
    Claim(
        name="C15",
        statement="Without FEP edges are blurred.",
        judge=lambda e: e.edges("no-fep - mmsnet"),
        command=ABLATIONS,
        limits="Width: pixels between 0.1 and 0.9 a pixel of contour; boundary IoU of rims of two pixels.",
    ),
    Claim(
        name="C16",
        statement="Dropout is uncertain where predictions blur, and some disputed regions are rightly left out.",
        judge=Evidence.disputes,
        command="python benchmarks/uncertainty.py RUN... --data ROOT",
        limits="Disputed is an entropy of 0.5 nats and more; wrong more than twice as often as all pixels is the bar.",
    ),
    Claim(
        name="C17",
        statement="Relabelling uncertain regions lets the model correct itself.",
        judge=Evidence.reannotation,
        command="python benchmarks/reannotation.py",
        limits="Whole masks of the most uncertain fifth of the images, two in five of all masks being bad.",
    ),
    Claim(
        name="C18",
        statement="MMSNet is weak on small lesions.",
        judge=Evidence.small_lesions,
        command=REAL_RUNS,
        limits="Small is below 2 % of the image, large above 10 %.",
    ),
)
