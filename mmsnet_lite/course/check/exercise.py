"""What all exercise checks share: one line of verdict, never the answer, and never an exception."""

import functools
from collections.abc import Callable
from typing import Any


class Mistake(Exception):
    """Raised by a judge; its message names the mistake without giving the answer away."""


def exercise(number: int, expects: str) -> Callable[[Callable[[Any], str]], Callable[[Any], None]]:
    """Turn a judge into the check that stands below an exercise's stub.

    The judge returns the words of praise for a right answer and raises `Mistake` for a wrong one. The check prints
    ``Exercise N: ...`` with "not attempted yet" for None, the praise after "correct.", the mistake, or, when the judge
    fails in any other way, what form of answer was expected and what went wrong, with a hint for a function that
    returns None, as a stub does.

    Args:
        number: of the exercise in its lesson.
        expects: the form of an answer, for example "a pair (index, angle in degrees)".
    """

    def wrap(judge: Callable[[Any], str]) -> Callable[[Any], None]:
        @functools.wraps(judge)
        def check(answer: Any) -> None:
            print(f"Exercise {number}: {_verdict(judge, answer, expects)}")

        return check

    return wrap


def _verdict(judge: Callable[[Any], str], answer: Any, expects: str) -> str:
    if answer is None:
        return "not attempted yet."
    try:
        return f"correct. {judge(answer)}"
    except Mistake as mistake:
        return str(mistake)
    except Exception as error:
        hint = " (does the function return something?)" if callable(answer) and "NoneType" in str(error) else ""
        return f"the answer should be {expects}; checking it failed with {type(error).__name__}: {error}{hint}"
