"""TOML texts to tables, with messages that say on which line something is wrong."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from forecast.errors import Problem


def read_toml(relative: str, text: str, problems: list[Problem], first: int = 1) -> dict[str, Any]:
    """A TOML text's tables; none of them, and a problem, if it cannot be read.

    Parameters
    ----------
    relative : str
        The file.
    text : str
    problems : list of Problem
        What is wrong is added to it.
    first : int
        Line of the file on which the text begins.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.fullmatch(r"(.*?) \(at (?:line (\d+), column (\d+)|end of document)\)", str(error), re.DOTALL)
        what, line, column = found.groups() if found else (str(error), None, None)
        place = f"{relative}:{int(line) + first - 1}" if line else relative
        if twice := re.match(r"Cannot declare \((.*?),?\) twice", what):
            name = ".".join(re.findall(r"'(.*?)'", twice[1]))
            problems.append(Problem(place, f"declares [{name}] twice", "rename or delete one", True))
        elif what == "Cannot overwrite a value":
            problems.append(Problem(place, "gives a field twice", "delete one", True))
        else:
            where = f", column {column}" if column else ", at its end"
            remedy = "correct the line (texts stand in quotes)"
            problems.append(Problem(place, f"is not TOML ({what}{where})", remedy, True))
        return {}
