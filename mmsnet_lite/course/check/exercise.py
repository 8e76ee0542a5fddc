"""What all exercise checks share: one line of verdict, never the answer, and never an exception."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


class Mistake(Exception):
    """Raised by a judge; its message names the mistake without giving the answer away."""


def exercise(number: int, expects: str) -> Callable[[Callable[[Any], str]], Callable[[Any], None]]:
    """Turn a judge into the check that stands below an exercise's stub.

    The judge returns the words of praise for a right answer and raises `Mistake` for a wrong one. The check prints
    ``Exercise N: ...`` with "not attempted yet" for None, the praise after "correct.", the mistake, or, when the judge
    fails in any other way, the form of answer that it expects and what went wrong; a function may have returned None.
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


def compare(
    found: Any,
    right: Any,
    mistakes: Mapping[str, Any],
    otherwise: str,
    of: str = "",
    *,
    rtol: float = 1e-4,
    atol: float = 1e-6,
) -> None:
    """Pass a right number, array or tensor, and raise the `Mistake` that any other is.

    Args:
        found, right: the student's, and what it should be.
        mistakes: words, and the wrong result that they belong to, or a tuple of such results.
        otherwise: the words for all other results.
        of: stands before all words.
        rtol, atol: as in `torch.allclose`.
    """
    given = tensor(found)
    if given.shape != tensor(right).shape:
        raise Mistake(f"the result should have shape {tuple(tensor(right).shape)}; yours has {tuple(given.shape)}.")
    if not given.isfinite().all():
        raise Mistake("the result holds NaN or infinity.")
    for words, wrong in {"": right, **mistakes}.items():
        for each in map(tensor, wrong if isinstance(wrong, tuple) else (wrong,)):
            if given.shape == each.shape and torch.allclose(given, each, rtol=rtol, atol=atol):
                if words:
                    raise Mistake(of + words)
                return
    raise Mistake(of + otherwise)


def tensor(value: Any) -> Tensor:
    """The value in double precision, without its gradient."""
    return torch.as_tensor(value.copy() if isinstance(value, np.ndarray) else value).detach().double()
