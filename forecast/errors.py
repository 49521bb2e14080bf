"""What went wrong, where, and what to do about it.

Every error a user can cause is a `StudyError`: one or more `Problem`s, each with a place, what is wrong and a way
out. Errors are collected while a study is read, so that all of them are shown at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Parameters
    ----------
    place : str
        Where: ``priors/compute.toml [compute_2024]``, ``models/cost.py:12 training_cost()``, ``--set``.
    what : str
        What is wrong, with what was found in brackets.
    remedy : str
        What to do, as an imperative.
    hides : bool
        Whether a whole file is left unread by it, so that what else seems to be missing is not told.
    """

    place: str
    what: str
    remedy: str = ""
    hides: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        line = f"{self.place}: {self.what}" if self.place else self.what
        return f"{line}; {self.remedy}" if self.remedy else line


class ForecastError(Exception):
    """A failure that is told in a line, without a traceback; ``exit_code`` is what the command line exits with."""

    exit_code = 1


class UsageError(ForecastError):
    """A command or a call that asks for something that does not exist or does not go together."""

    exit_code = 2


class CertainError(UsageError):
    """An analysis of what drives a quantity that nothing uncertain drives."""


class StudyError(ForecastError):
    """The study (or a text given in its place) is invalid.

    What an option of the command line (a place such as ``--set``) has to do with is no fault of the study, which was
    read without complaint before: ``exit_code`` is then that of a `UsageError`.

    Parameters
    ----------
    problems : iterable of Problem
        Everything found, in the order in which a reader would meet it.

    Examples
    --------
    >>> raise StudyError.at("priors/a.toml [x]", "the interval runs downwards (6 to 2)", "write the low end first")
    Traceback (most recent call last):
    forecast.errors.StudyError: priors/a.toml [x]: the interval runs downwards (6 to 2); write the low end first
    """

    exit_code = 3

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        if any(problem.place.startswith("--") for problem in self.problems):
            self.exit_code = UsageError.exit_code
        super().__init__("\n".join(map(str, self.problems)))

    @classmethod
    def at(cls, place: str, what: str, remedy: str = "") -> StudyError:
        """A study error with a single problem."""
        return cls([Problem(place, what, remedy)])


class GateError(ForecastError):
    """A result that does not meet the quality asked of it (convergence, a claim's verdict)."""

    exit_code = 4


class ChainsError(GateError):
    """Chains that disagree, so that another way of sampling may do better."""


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint naming the closest known name, or an empty text.

    Examples
    --------
    >>> nearest("utilization", ["utilisation", "price"])
    "did you mean 'utilisation'?"
    """
    from difflib import get_close_matches  # only who has made a mistake needs it

    match = get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"did you mean '{match[0]}'?" if match else ""
