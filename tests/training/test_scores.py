"""Scores of many images: means by group, sizes of lesions, intervals, tables and the CSV."""

import dataclasses

import numpy as np
import pytest

from mmsnet_lite.errors import InputError
from mmsnet_lite.training import METRICS, Evaluation, ImageScore


def score(stem, dataset="a", modality="eye", dsc=1.0, iou=1.0, mae=0.0, wrong=0.0, area=0.05, side=64):
    return ImageScore(stem, dataset, modality, dsc, iou, mae, wrong, area, side, side)


def random_scores(n=90, seed=0):
    rng = np.random.default_rng(seed)
    sets = (("a", "eye"), ("b", "skin"), ("c", "skin"))
    values = rng.random((n, 5))
    return Evaluation(tuple(score(f"{i}", *sets[i % 3], *values[i].tolist()) for i in range(n)))


def test_convention_mean_is_over_modalities():
    scores = [score(str(i)) for i in range(3)]
    scores += [score("3", "b", "skin", 0.5, 0.4, 0.2, 0.1), score("4", "c", "skin", 0.3, 0.2, 0.4, 0.3)]
    evaluation = Evaluation(tuple(scores))
    assert evaluation.by("dataset")["c"] == {"n": 1, "dsc": 0.3, "iou": 0.2, "mae": 0.4, "mae_binary": 0.3}
    assert evaluation.by("modality")["skin"]["dsc"] == pytest.approx(0.4)
    assert evaluation.mean["dsc"] == pytest.approx(0.7)
    lines = evaluation.table().splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["a", "b", "c", "all", "all", "mean"]
    assert "0.700" in lines[-1]


@pytest.mark.parametrize(
    ("area", "size"),
    [
        (0, "none"),
        (1e-6, "small"),
        (0.0199, "small"),
        (0.02, "middle"),
        (0.1, "middle"),
        (0.1001, "large"),
        (1, "large"),
    ],
)
def test_convention_sizes_of_lesions(area, size):
    assert score("x", area=area).size == size


def test_images_without_lesion_are_counted_apart():
    scores = [score("big", area=0.5, dsc=0.9), score("nothing", area=0, dsc=0.0), score("dot", area=0.01, dsc=0.4)]
    rows = Evaluation(tuple(scores)).by("size")
    assert {name: (row["n"], row["dsc"]) for name, row in rows.items()} == {
        "none": (1, 0.0),
        "small": (1, 0.4),
        "large": (1, 0.9),
    }
    assert list(rows) == ["none", "small", "large"]


def test_intervals_hold_their_means_and_know_what_is_certain():
    evaluation = random_scores()
    found = evaluation.to_json()
    for metric in METRICS:
        low, high = found["intervals"]["mean"][metric]
        assert low < found["mean"][metric] < high
    for table in ("modalities", "datasets", "sizes"):
        assert found["intervals"][table].keys() == found[table].keys()
        for name, ends in found["intervals"][table].items():
            assert ends["dsc"][0] <= found[table][name]["dsc"] <= ends["dsc"][1]
    same = Evaluation(tuple(dataclasses.replace(s, dsc=0.25) for s in evaluation.images))
    assert same.interval(balanced=True)["dsc"] == pytest.approx([0.25, 0.25])
    assert len(found["images"]) == 90


def test_the_report_has_intervals_and_sizes():
    lines = random_scores().table(full=True).splitlines()
    titles = ["a", "b", "c", "all eye", "all skin", "mean of modalities", "lesion < 2 %", "lesion 2", "lesion > 10 %"]
    assert len(lines) == len(titles) + 1
    assert all(line.startswith(title) for line, title in zip(lines[1:], titles, strict=True))
    mean, (low, high) = random_scores().mean["dsc"], random_scores().interval(balanced=True)["dsc"]
    assert f"{mean:.3f}  {low:.3f} to {high:.3f}" in lines[6]


def test_csv_gives_back_the_very_same_numbers(tmp_path):
    evaluation = Evaluation((*random_scores().images, score('stem, with "signs" and ü', dsc=1 / 3)))
    (tmp_path / "test.csv").write_text(evaluation.to_csv(), encoding="utf-8")
    assert Evaluation.read_csv(tmp_path / "test.csv") == Evaluation.read_csv(tmp_path) == evaluation
    header = evaluation.to_csv().splitlines()[0]
    assert header == "stem,dataset,modality,dsc,iou,mae,mae_binary,area,height,width"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("mae_binary", "mae2"), "the columns are stem, dataset"),
        (lambda text: text.splitlines()[0], "over 0 lines"),
        (lambda text: "", "holds no scores"),
        (lambda text: text[:-20], "holds no scores"),
        (lambda text: text + text.splitlines()[-1], "listed twice"),
    ],
)
def test_a_damaged_csv_is_refused(tmp_path, damage, message):
    (tmp_path / "x.csv").write_text(damage(random_scores().to_csv()))
    with pytest.raises(InputError, match=f"x.csv holds no scores.*{message}|{message}"):
        Evaluation.read_csv(tmp_path / "x.csv")


def test_a_missing_csv_names_the_command(tmp_path):
    with pytest.raises(
        InputError, match=r"test\.csv does not exist; `python -m mmsnet_lite evaluate --run .*` writes it"
    ):
        Evaluation.read_csv(tmp_path)
