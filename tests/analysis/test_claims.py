"""The verdicts on the paper's claims: rules on made-up results, and the stored ones in README."""

import json
import re
import shutil
from pathlib import Path

import pytest

from mmsnet_lite.analysis.claims import SUPPORTED, UNSUPPORTED, UNTESTABLE, judged, rendered, verdicts
from mmsnet_lite.analysis.evidence import Evidence
from mmsnet_lite.errors import InputError

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture
def folder(tmp_path):
    """A copy of the stored results that a test may change."""
    for name in ("ablations", "runs_real_128", "reannotation", "uncertainty"):
        shutil.copy(RESULTS / f"{name}.json", tmp_path)
    return tmp_path


def change(folder: Path, name: str, edit) -> Evidence:
    data = json.loads((folder / f"{name}.json").read_text())
    edit(data)
    (folder / f"{name}.json").write_text(json.dumps(data))
    return Evidence(folder)


def set_contrast(data: dict, name: str, difference: float, places=("mean",)) -> None:
    for kind in ("mixlite", "real"):
        for group in data[kind]["groups"].values():
            for place in places if name in group else ():
                group[name][place] |= {
                    "difference": difference,
                    "interval": [difference - 0.01, difference + 0.01],
                }


def test_every_claim_has_a_verdict_and_none_but_those_of_absent_systems_goes_without_figures():
    found = verdicts(RESULTS)
    assert [verdict.name for verdict in found] == [f"C{i}" for i in range(1, 19)]
    assert {verdict.verdict for verdict in found} <= {SUPPORTED, UNSUPPORTED, UNTESTABLE}
    assert [verdict.name for verdict in found if not verdict.findings] == ["C6"]
    for verdict in found:
        assert (verdict.verdict == UNTESTABLE) == (not verdict.findings)
        assert all(re.search(r"\d", finding.text) for finding in verdict.findings)
        assert verdict.findings == () or verdict.claim.command in verdict.report


def test_readme_holds_the_table_of_the_stored_results():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert rendered(text, verdicts(RESULTS)) == text


@pytest.mark.parametrize("sign", [1, -1])
def test_a_contrast_turns_the_verdict_by_its_sign_and_its_interval(folder, sign):
    names = ("no-msfg", "sfg-ssg", "mfg-ssg", "sfg-msg")

    def edit(data: dict) -> None:
        for name in names:
            set_contrast(data, f"{name} - mmsnet", sign * 0.02)

    verdict = judged("C9", change(folder, "ablations", edit))
    assert verdict.verdict == (SUPPORTED if sign < 0 else UNSUPPORTED)
    evidence = change(folder, "ablations", lambda data: set_contrast(data, "sfg-msg - mmsnet", -0.005))
    assert judged("C9", evidence).verdict == UNSUPPORTED  # 0 lies in the interval


def test_a_claim_of_no_difference_needs_an_interval_that_holds_0(folder):
    def edit(data: dict) -> None:
        set_contrast(data, "tuned - mmsnet", 0.005, ("fundus", "colonoscopy", "ultrasound"))
        set_contrast(data, "tuned - mmsnet", 0.02, ("dermoscopy",))

    assert judged("C12", change(folder, "ablations", edit)).verdict == SUPPORTED
    evidence = change(folder, "ablations", lambda data: set_contrast(data, "tuned - mmsnet", -0.02, ("fundus",)))
    assert judged("C12", evidence).verdict == UNSUPPORTED


def test_maps_that_miss_the_lesion_support_c14(folder):
    def edit(data: dict) -> None:
        for kind in ("mixlite", "real"):
            looks = data[kind]["rows"]["msfg"]["localisation"]["fundus"]
            looks |= {name: 0.55 for name in looks if name.startswith("guidance")}

    assert judged("C14", Evidence(RESULTS)).verdict == UNSUPPORTED
    assert judged("C14", change(folder, "ablations", edit)).verdict == SUPPORTED


def test_runs_and_relabelling_are_judged_by_their_figures(folder):
    def swap(data: dict) -> None:
        for run in data["runs"]:
            run["test"]["datasets"] = {
                name: row | {"dsc": 0.5 if run["model"] == "unet" else 0.6 + 0.001 * run["settings"]["seed"]}
                for name, row in run["test"]["datasets"].items()
            }
            run["test"]["sizes"]["small"]["dsc"] = 0.95

    evidence = change(folder, "runs_real_128", swap)
    assert judged("C4", evidence).verdict == SUPPORTED
    assert judged("C18", evidence).verdict == UNSUPPORTED

    def gain(data: dict) -> None:
        for other in ("none", "random"):
            data["summary"]["arms"]["uncertainty"][f"minus {other}"] = {"mean": 0.03, "interval": [0.01, 0.05]}

    assert judged("C17", change(folder, "reannotation", gain)).verdict == SUPPORTED


def test_disputed_regions_are_judged(folder):
    assert judged("C16", Evidence(folder)).verdict == SUPPORTED

    def none_alone(data: dict) -> None:
        for quality in data["rows"][0]["modalities"].values():
            quality["disputed"]["rejected_regions"] = 0

    assert judged("C16", change(folder, "uncertainty", none_alone)).verdict == UNSUPPORTED


def test_a_missing_file_is_an_error_that_names_it(folder):
    (folder / "reannotation.json").unlink()
    with pytest.raises(InputError, match="reannotation.json"):
        judged("C17", Evidence(folder))


def test_a_figure_that_is_nowhere_stored_is_an_error_and_not_left_out(folder):
    evidence = change(folder, "ablations", lambda data: data["mixlite"]["groups"]["msfg"].pop("mfg-ssg - mmsnet"))
    with pytest.raises(InputError, match="mfg-ssg - mmsnet"):
        judged("C9", evidence)


def test_a_text_without_a_place_is_refused():
    with pytest.raises(InputError, match="claims"):
        rendered("# Title", [])
