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
    real = stored_assessments()[1]
    assert "--data ROOT" in real["command"]
    assert "--epochs 6" in real["command"]
    assert errors(real, "temperature") < errors(real, "mc mean")  # "on the real images by more"


def test_a_sentence_that_the_files_contradict_is_caught():
    better = {"detection": {"entropy": {"auprc": 0.5}, "single-pass entropy": {"auprc": 0.4}}}
    row = {"modalities": {"a": better | {"ranking": {n: {"spearman": 0} for n in ("entropy", "single-pass entropy")}}}}
    assert not RUNS["the passes lead in no run"](row)
    assert [sign(interval) for interval in ((0.1, 0.2), (-0.2, -0.1), (-0.1, 0.1))] == [1, -1, 0]
