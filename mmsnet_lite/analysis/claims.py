"""The paper's claims C1 to C18, and the verdicts on them from our own stored results.

A claim is supported where every figure that it predicts is as predicted, in all that was measured, and not supported
where one is not. What cannot be measured yet is not testable here, with what it would take.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmsnet_lite.analysis.evidence import Evidence, Finding
from mmsnet_lite.data.synthetic import MODALITIES
from mmsnet_lite.errors import InputError
from mmsnet_lite.training.results import filled, results_folder

SUPPORTED, UNSUPPORTED, UNTESTABLE = "supported", "not supported", "not testable here"
REAL_RUNS = "the commands below README's table of real images"
SMALL = "MiT-nano and few steps; the paper has MiT-B4 at 352 px and 50 epochs."


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What the paper says, and how it is judged.

    Args:
        statement: the claim, in one sentence.
        judge: finds the evidence; None where there can be none yet.
        command: what measured it.
        limits: what the verdict leaves out, or what a test would take.
    """

    statement: str
    judge: Callable[[Evidence], Iterable[Finding]] | None = None
    command: str = "python benchmarks/ablations.py [ROOT]"
    limits: str


def _all(*wanted: tuple[Any, ...]) -> Callable[[Evidence], Iterable[Finding]]:
    """Judge by several contrasts, each given as the arguments of `Evidence.contrasts`."""
    return lambda e: [finding for each in wanted for finding in e.contrasts(*each)]


CLAIMS = {
    "C1": Claim(
        statement="Modalities differ in the distribution of lesion size and of frequency.",
        judge=Evidence.modalities_differ,
        command="python benchmarks/real_spectra.py ROOT",
        limits="Areas as shares of the image, energies of rings as shares; cameras and file formats differ as well.",
    ),
    "C2": Claim(
        statement="Interference: training on a mix costs performance against training on each modality alone.",
        judge=_all(*((f"{net}-single - {net}", 1) for net in ("unet", "segformer", "mmsnet"))),
        limits="Each image is seen equally often, so that alone a network takes fewer steps: few on 50 fundus images.",
    ),
    "C3": Claim(
        statement="MMSNet alleviates that interference: other networks lose more by the mix.",
        judge=_all(*((f"({net}-single + mmsnet) - ({net} + mmsnet-single)", 1) for net in ("unet", "segformer"))),
        limits=SMALL,
    ),
    "C4": Claim(
        statement="MMSNet is above U-Net, U-Net++, DCSAU-Net, UACANet and M2SNet on all four modalities.",
        judge=Evidence.against_unet,
        command=REAL_RUNS,
        limits=f"{SMALL} U-Net alone was compared; the other four wait for the comparison of systems.",
    ),
    "C5": Claim(
        statement="U-shaped networks do worse on colonoscopy and ultrasound for lack of multiscale frequency analysis.",
        judge=Evidence.unet_weakness,
        command=REAL_RUNS,
        limits="The first figure is the pattern, the others its cause: MMSNet should have less of it.",
    ),
    "C6": Claim(
        statement="Self-prompt SAM suffers from its linear pixel classifier; MMSNet is above SAM-Med2D except on skin.",
        limits="It takes both systems, which wait for the comparison of systems, and the published SAM weights.",
    ),
    "C7": Claim(
        statement="Accuracy rises in every modality as r falls from 8 to 1.",
        judge=_all(("r8 - mmsnet", -1, MODALITIES), ("r4 - mmsnet", -1), ("r2 - mmsnet", -1)),
        limits=f"{SMALL} That r = 1 trains 7.51 M of MiT-B4 is a test.",
    ),
    "C8": Claim(
        statement="K = 16 is best on single modalities, K = 32 on the mix.",
        judge=_all(
            ("k16-single - mmsnet-single", 1),
            ("k1-single - mmsnet-single", -1),
            ("k16 - mmsnet", -1),
            ("sfg-msg - mmsnet", -1),
        ),
        limits="At 96 px stages 3 and 4 have 6 x 6 and 3 x 3 positions, so fewer than 32 components exist there.",
    ),
    "C9": Claim(
        statement="Without MSFG performance falls, and MFG-MSG is the best of its four forms.",
        judge=_all(
            ("no-msfg - mmsnet", -1),
            ("sfg-ssg - mmsnet", -1),
            ("mfg-ssg - mmsnet", -1),
            ("sfg-msg - mmsnet", -1),
        ),
        limits=SMALL,
    ),
    "C10": Claim(
        statement="FEP raises DSC in every modality, and the contourlet is above wavelet and Fourier prompts.",
        judge=_all(("mmsnet - no-fep", 1, MODALITIES), ("wavelet - mmsnet", -1), ("fft - mmsnet", -1)),
        limits=SMALL,
    ),
    "C11": Claim(
        statement="Without MFA scores fall clearly in all modalities.",
        judge=_all(("msfg - mmsnet", -1, MODALITIES)),
        limits="FEP speaks through MFA, and goes with it.",
    ),
    "C12": Claim(
        statement="Fully tuning the encoder gains significantly only on dermoscopy.",
        judge=_all(("tuned - mmsnet", 1, ("dermoscopy",)), ("tuned - mmsnet", 0, MODALITIES[:3])),
        limits="Our encoder has seen scenes drawn by formula only, so that tuning has more to gain than on ImageNet's.",
    ),
    "C13": Claim(
        statement="With a frozen encoder and no MFA the network cannot locate lesions.",
        judge=lambda e: [*e.looks("msfg", "guidance"), *e.looks("plain", "features")],
        limits="Grad-CAM on MSFG's outputs and, without MSFG, on the encoder's; at most 0.6 is called a miss.",
    ),
    "C14": Claim(
        statement="With MSFG alone, attention does not find the target on fundus images.",
        judge=lambda e: e.looks("msfg", "guidance", ("fundus",)),
        limits="Grad-CAM on MSFG's outputs; at most 0.6 is called a miss.",
    ),
    "C15": Claim(
        statement="Without FEP edges are blurred.",
        judge=lambda e: e.edges("no-fep - mmsnet"),
        limits="Width: pixels between 0.1 and 0.9 a pixel of contour; boundary IoU of rims of two pixels.",
    ),
    "C16": Claim(
        statement="Dropout is uncertain where predictions blur, and some disputed regions are rightly left out.",
        judge=Evidence.disputes,
        command="python benchmarks/uncertainty.py RUN... --data ROOT",
        limits="Disputed is an entropy of 0.5 nats and more; wrong more than twice as often as all pixels is the bar.",
    ),
    "C17": Claim(
        statement="Relabelling uncertain regions lets the model correct itself.",
        judge=Evidence.reannotation,
        command="python benchmarks/reannotation.py",
        limits="Whole masks of the most uncertain fifth of the images, two in five of all masks being bad.",
    ),
    "C18": Claim(
        statement="MMSNet is weak on small lesions.",
        judge=Evidence.small_lesions,
        command=REAL_RUNS,
        limits="Small is below 2 % of the image, large above 10 %.",
    ),
}


@dataclass(frozen=True)
class Verdict:
    """The findings on a claim, and what they come to."""

    name: str
    claim: Claim
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """`SUPPORTED`, `UNSUPPORTED` or `UNTESTABLE`."""
        if self.claim.judge is None:
            return UNTESTABLE
        return SUPPORTED if all(finding.holds for finding in self.findings) else UNSUPPORTED

    @property
    def held(self) -> str:
        """How many figures are as claimed, such as "1 of 3"; "" without any."""
        held = sum(finding.holds for finding in self.findings)
        return f"{held} of {len(self.findings)}" if self.findings else ""

    @property
    def report(self) -> str:
        """Several lines: the verdict, each figure with + where it is as claimed and - where not, command, limits."""
        lines = [f"{self.name}: {self.verdict}. {self.claim.statement}"]
        if self.findings:
            lines.append(f"    {self.held} figures are as claimed; measured by {self.claim.command}")
        lines += [f"  {'+' if finding.holds else '-'} {finding.text}" for finding in self.findings]
        return "\n".join([*lines, f"    {self.claim.limits}"])


def judged(name: str, evidence: Evidence) -> Verdict:
    """Return the verdict on one of `CLAIMS`.

    Raises:
        InputError: a results file is missing or damaged, or says nothing of the claim.
    """
    claim = CLAIMS[name]
    findings = tuple(claim.judge(evidence)) if claim.judge else ()
    if claim.judge and not findings:
        raise InputError(f"no stored result speaks of {name}; measure it: {claim.command}")
    return Verdict(name, claim, findings)


def verdicts(folder: Path | None = None) -> list[Verdict]:
    """Return the verdict on each claim by the results in a folder, see `results_folder`; raises as `judged`."""
    evidence = Evidence(results_folder(folder))
    return [judged(name, evidence) for name in CLAIMS]


def rendered(text: str, found: list[Verdict]) -> str:
    """Return a text with the table between its markers, `claims`, made anew; see `training.results.filled`."""
    lines = ["| claim of the paper | our verdict | figures as claimed |", "|---|---|---|"]
    lines += [f"| {each.name}: {each.claim.statement} | {each.verdict} | {each.held} |" for each in found]
    return filled(text, "claims", lambda _: "\n".join(lines))
