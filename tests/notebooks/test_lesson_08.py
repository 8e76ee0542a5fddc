"""What lesson 08 says in words about stored measurements is what the files in benchmarks/results say."""

import pytest
from lessons import LESSONS, read

from mmsnet_lite.course.explore.uncertainty import mean_of_modalities as of
from mmsnet_lite.course.explore.uncertainty import stored_assessments, stored_reannotation


def errors(row, name):
    return of(row, "calibration", name)


def auprc(row, name):
    return of(row, "detection", name, "auprc")


def spearman(row, name):
    return of(row, "ranking", name, "spearman")


RUNS = {  # what the lesson says: what must hold of every run
    "the passes lead in no run": lambda row: (
        auprc(row, "entropy") < auprc(row, "single-pass entropy") + 0.01
        and spearman(row, "entropy") > spearman(row, "single-pass entropy") - 0.05
    ),
    "mutual information is behind": lambda row: (
        auprc(row, "mutual information") < auprc(row, "entropy")
        and spearman(row, "mutual information") > spearman(row, "entropy")
    ),
    "the entropies are ahead of the distance": lambda row: (
        min(auprc(row, "entropy"), auprc(row, "single-pass entropy")) > auprc(row, "boundary distance") + 0.03
    ),
    "Images are ranked well beyond what size alone does": lambda row: all(
        spearman(row, name) < spearman(row, "lesion size") - 0.2 for name in ("entropy", "single-pass entropy")
    ),
    "averaged probabilities are better calibrated": lambda row: errors(row, "mc mean") < errors(row, "single pass"),
    "So are those divided by a temperature": lambda row: errors(row, "temperature") < errors(row, "single pass"),
    "A third to a half of all disputed pixels": lambda row: 0.3 < of(row, "disputed", "rejected") < 0.5,
    "hardly any of the area": lambda row: of(row, "disputed", "rejected_area") < 0.05,
}
ARMS = {  # what the lesson says: arm, what it is compared with, and the sign of the interval
    "Correcting *any* fifth of the masks helps": ("random", "none", 1),
    "the network got better": ("uncertainty", "none", 1),
    "choosing by uncertainty helps no more": ("uncertainty", "random", 0),
    "choosing by the loss helps": ("loss", "random", 1),
    "as much as the oracle": ("worst", "random", 1),
}


def sign(interval):
    """1 or -1 where an interval lies on one side of 0, else 0."""
    return (interval[0] > 0) - (interval[1] < 0)


@pytest.fixture(scope="module")
def prose():
    (path,) = (path for path in LESSONS if path.name.startswith("08"))
    return "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("words", RUNS)
def test_what_is_said_of_runs_holds_of_each(words, prose):
    rows = stored_assessments()
    assert words in prose
    assert len(rows) >= 2
    assert [row["run"] for row in rows if not RUNS[words](row)] == []


@pytest.mark.parametrize("words", ARMS)
def test_what_is_said_of_corrected_masks_holds(words, prose):
    arm, other, expected = ARMS[words]
    assert words in prose
    assert sign(stored_reannotation()["arms"][arm][f"minus {other}"]["interval"]) == expected


def test_numbers_of_the_study_are_those_that_the_lesson_names(prose):
    study = stored_reannotation()
    assert "two in five are bad" in prose
    assert "a fifth of all masks" in prose
    assert (study["profile"]["share"], study["profile"]["budget"]) == (0.4, 0.2)
    assert all(len(row["seeds"]) == 3 for row in study["arms"].values())
    drawn, real = stored_assessments()
    assert "--data ROOT" in real["command"]
    assert "--epochs 6" in real["command"]
    assert "by less on drawn images and by more on real ones" in prose
    assert errors(drawn, "temperature") > errors(drawn, "mc mean")
    assert errors(real, "temperature") < errors(real, "mc mean")
    assert "on the real fundus images the ranking says next to nothing" in prose
    assert all(
        abs(real["modalities"]["drishti"]["ranking"][n]["spearman"]) < 0.2 for n in ("entropy", "single-pass entropy")
    )


def test_how_firm_the_study_is_called_is_how_firm_it_is(prose):
    study = stored_reannotation()
    gain, dsc = {arm: row.get("minus random") for arm, row in study["arms"].items()}, study["dsc"]
    assert "that of the oracle only just leaves 0 out" in prose
    assert 0 < gain["worst"]["interval"][0] < 0.001
    assert (
        'every seed of "loss" lies above every seed of "random", while those of "uncertainty" lie among them' in prose
    )
    assert min(dsc["loss"]) > max(dsc["random"])
    assert min(dsc["random"]) < min(dsc["uncertainty"]) < max(dsc["uncertainty"]) < max(dsc["random"])
    assert "less than half of what the loss brings" in prose
    assert gain["uncertainty"]["interval"][1] < gain["loss"]["mean"] / 2
    assert "the first lines of the next table are of such networks" in prose
    assert study["bad masks found, AUROC"]["entropy"]["all"]["mean"] < 0.6  # "it is near one half"


def test_a_sentence_that_the_files_contradict_is_caught():
    better = {"detection": {"entropy": {"auprc": 0.5}, "single-pass entropy": {"auprc": 0.4}}}
    row = {"modalities": {"a": better | {"ranking": {n: {"spearman": 0} for n in ("entropy", "single-pass entropy")}}}}
    assert not RUNS["the passes lead in no run"](row)
    assert [sign(interval) for interval in ((0.1, 0.2), (-0.2, -0.1), (-0.1, 0.1))] == [1, -1, 0]
