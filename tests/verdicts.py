"""What the tests of all exercise checks share: right answers are accepted, wrong ones named, empty stubs excused."""

import pytest


def verdict(judge, answer, capsys):
    """What a check prints behind the exercise's number."""
    judge(answer)
    return capsys.readouterr().out.split(": ", 1)[1]


def verdict_tests(check, solved, wrong):
    """Three tests of the checks in module `check`.

    Args:
        solved: right answers by the check's name.
        wrong: by the check's name, wrong answers, each with words that name its mistake.
    """

    @pytest.mark.parametrize(("name", "answer"), [(name, each) for name, them in solved.items() for each in them])
    def right_answers(name, answer, capsys):
        assert verdict(getattr(check, name), answer, capsys).startswith("correct. ")

    @pytest.mark.parametrize(("name", "answer", "words"), [(n, *case) for n, cases in wrong.items() for case in cases])
    def wrong_answers(name, answer, words, capsys):
        said = verdict(getattr(check, name), answer, capsys)
        assert words in said
        assert not said.startswith("correct")

    @pytest.mark.parametrize("name", wrong)
    def empty_stubs(name, capsys):
        assert verdict(getattr(check, name), None, capsys) == "not attempted yet.\n"
        assert len({verdict(getattr(check, name), answer, capsys) for answer, _ in wrong[name]}) >= 3

    return right_answers, wrong_answers, empty_stubs
