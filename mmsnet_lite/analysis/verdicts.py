"""The verdicts on the paper's claims, from our own stored results.

A claim is supported where every figure that it predicts is as predicted, in all that was measured, and not supported
where one is not. What cannot be measured yet is not testable here, with what it would take.
"""

from dataclasses import dataclass
from pathlib import Path

from mmsnet_lite.analysis.claims import CLAIMS, Claim
from mmsnet_lite.analysis.evidence import Evidence, Finding
from mmsnet_lite.errors import InputError
from mmsnet_lite.training.results import results_folder

SUPPORTED, UNSUPPORTED, UNTESTABLE = "supported", "not supported", "not testable here"


@dataclass(frozen=True)
class Verdict:
    """A claim, its verdict, and the findings behind it."""

    claim: Claim
    verdict: str
    findings: tuple[Finding, ...]

    @property
    def report(self) -> str:
        """Several lines: the verdict, each figure with + where it is as claimed and - where not, command, limits."""
        claim, held = self.claim, sum(finding.holds for finding in self.findings)
        lines = [f"{claim.name}: {self.verdict}. {claim.statement}"]
        if self.findings:
            lines.append(f"    {held} of {len(self.findings)} figures are as claimed; measured by {claim.command}")
        lines += [f"  {'+' if finding.holds else '-'} {finding.text}" for finding in self.findings]
        return "\n".join(lines + ([f"    {claim.limits}"] if claim.limits else []))


def judged(claim: Claim, evidence: Evidence) -> Verdict:
    """Return the verdict on one claim.

    Raises:
        InputError: a results file is missing or damaged, or says nothing of the claim.
    """
    if claim.judge is None:
        return Verdict(claim, UNTESTABLE, ())
    findings = tuple(claim.judge(evidence))
    if not findings:
        raise InputError(f"no stored result speaks of {claim.name}; measure it: {claim.command}")
    return Verdict(claim, SUPPORTED if all(finding.holds for finding in findings) else UNSUPPORTED, findings)


def verdicts(folder: Path | None = None) -> list[Verdict]:
    """Return the verdict on each claim.

    Args:
        folder: of the results; None is the checkout's, see `training.results.results_folder`.

    Raises:
        InputError: there is no such folder, or what `judged` refuses.
    """
    evidence = Evidence(results_folder(folder))
    return [judged(claim, evidence) for claim in CLAIMS]


def rendered(text: str, found: list[Verdict]) -> str:
    """Return a text with the table between `<!-- claims -->` and `<!-- end of claims -->` made anew.

    Raises:
        InputError: the text has no such markers.
    """
    start, end = "<!-- claims -->\n", "<!-- end of claims -->"
    before, _, rest = text.partition(start)
    _, marked, after = rest.partition(end)
    if not marked:
        raise InputError(f"the text has no place for the claims; write {start.strip()} and {end}")
    return f"{before}{start}{table(found)}\n{end}{after}"


def table(found: list[Verdict]) -> str:
    """Return a Markdown table: claim, verdict, how many figures are as claimed."""
    lines = ["| claim of the paper | our verdict | figures as claimed |", "|---|---|---|"]
    for verdict in found:
        held = f"{sum(f.holds for f in verdict.findings)} of {len(verdict.findings)}" if verdict.findings else ""
        lines.append(f"| {verdict.claim.name}: {verdict.claim.statement} | {verdict.verdict} | {held} |")
    return "\n".join(lines)
