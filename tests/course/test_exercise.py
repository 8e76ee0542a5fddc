"""What all exercise checks share: one line of verdict, and never an exception."""

import numpy as np
import pytest
import torch

from mmsnet_lite.course.check.exercise import Mistake, compare, exercise


@exercise(3, expects="a number")
def six_times_seven(answer):
    """Judge 6 x 7."""
    if answer / 1 < 42:
        raise Mistake("too small: did you add?")
    return "It is the product."


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (None, "not attempted yet."),
        (42, "correct. It is the product."),
        (13, "too small: did you add?"),
        ("x", "the answer should be a number; checking it failed with TypeError: unsupported operand type(s)"),
    ],
)
def test_a_check_prints_its_verdict_and_returns_nothing(answer, verdict, capsys):
    assert six_times_seven(answer) is None  # a value would show as the cell's output
    out = capsys.readouterr().out
    assert out.startswith(f"Exercise 3: {verdict}")
    assert out.count("\n") == 1


def test_an_answer_that_raises_by_itself_does_not_stop_the_notebook(capsys):
    class Hostile:
        def __truediv__(self, other):
            raise ZeroDivisionError("not today")

    six_times_seven(Hostile())
    assert "ZeroDivisionError: not today" in capsys.readouterr().out


def test_a_function_that_returns_nothing_gets_a_hint(capsys):
    @exercise(1, expects="a function")
    def called(answer):
        return answer() / 1

    for answer, hinted in ((lambda: None, True), (lambda: "x", False), ("x", False)):
        called(answer)
        assert ("does the function return something?" in capsys.readouterr().out) is hinted


def test_a_check_keeps_its_judges_name_and_docstring():
    assert (six_times_seven.__name__, six_times_seven.__doc__) == ("six_times_seven", "Judge 6 x 7.")


@pytest.mark.parametrize(
    "found", [[1, 2], (1.0, 2.00001), np.array([2, 1])[::-1], torch.ones(2, requires_grad=True).cumsum(0)]
)
def test_a_right_result_passes_in_any_form(found):
    assert compare(found, [1, 2], {}, "not yet.") is None


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([2, 1], "turned round."),
        ([0, 0], "too little."),
        ([1, 1], "too little."),
        ([5, 5], "not yet."),
        ([1, 2.001], "not yet."),
        ([1, float("nan")], "the result holds NaN"),
        (1, r"the result should have shape \(2,\); yours has \(\)"),
    ],
)
def test_a_wrong_result_is_told_by_its_own_mistake(found, words):
    mistakes = {"turned round.": np.array([2, 1]), "too little.": ([0, 0], torch.ones(2)), "a number.": 7}
    with pytest.raises(Mistake, match=words):
        compare(found, [1, 2], mistakes, "not yet.")


def test_words_are_said_of_what_was_asked():
    with pytest.raises(Mistake, match="^the width: not yet.$"):
        compare(3.0, 2.0, {}, "not yet.", of="the width: ")
    compare(2.01, 2.0, {}, "not yet.", atol=0.03)
