"""Whether entries, sound as they are, can be read: another version or program may have written them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from forecast.errors import Problem, StudyError
from forecast.ledger import SCHEMA, Entry


def understood(entries: Iterable[Entry]) -> None:
    """Check that entries are of this schema: all fields are there, and each is of its kind.

    Raises
    ------
    StudyError
        Every entry that is not.
    """
    problems = []
    for entry in entries:
        fields = _FIELDS.get(str(entry.get("kind")), {"kind": lambda _: False})
        missing = {name for name in fields if name not in entry}
        missing |= {"schema"} if entry.get("schema") != SCHEMA else set()
        wrong = [] if missing else [name for name, check in fields.items() if not check(entry[name])]
        if not missing and not wrong and entry["kind"] == "forecast":
            wrong = _wrong_values(entry)
        if not missing and not wrong and entry["kind"] == "resolution" and entry["value"] is entry["happened"] is None:
            wrong = ["value"]
        if missing or wrong:
            what = f"{', '.join(sorted(missing or wrong))} is missing or unknown here"
            problem = f"entry {entry['id']} cannot be read: {what}"
            problems.append(Problem("ledger", problem, "use the version of forecast that wrote it"))
    if problems:
        raise StudyError(problems)


def _wrong_values(entry: Mapping[str, Any]) -> list[str]:
    """Fields of a forecast that do not go together."""
    count, above = len(entry["probs"]), entry.get("above")
    wrong = [] if _is_quantiles(entry["quantiles"], count) else ["quantiles"]
    if not all(_is_quantiles(values, count) for values in entry["baselines"].values()):
        wrong.append("baselines")
    if above is not None and not (
        isinstance(above, dict)
        and _is_text(above.get("text"))
        and _is_number(above.get("value"))
        and _is_prob(above.get("prob"))
        and isinstance(above.get("baselines", {}), dict)
        and all(_is_prob(prob) for prob in above.get("baselines", {}).values())
    ):
        wrong.append("above")
    return wrong


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_prob(value: Any) -> bool:
    return _is_number(value) and -1e-12 <= value <= 1 + 1e-12  # what arithmetic leaves of one less another


def _is_value(value: Any) -> bool:
    return _is_number(value) or value in ("inf", "-inf")


def _is_quantiles(value: Any, count: int) -> bool:
    if not isinstance(value, list) or len(value) != count or not all(map(_is_value, value)):
        return False
    numbers = [float(one) for one in value]
    return all(one <= next_ for one, next_ in zip(numbers, numbers[1:], strict=False))


def _is_probs(value: Any) -> bool:
    if not isinstance(value, list) or len(value) < 2 or not all(map(_is_number, value)):
        return False
    return 0 < value[0] and value[-1] < 1 and all(one < next_ for one, next_ in zip(value, value[1:], strict=False))


def _is_axis(value: Any) -> bool:
    return value is None or isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _is_day(value: Any) -> bool:
    try:
        return bool(value == date.fromisoformat(value).isoformat())
    except (TypeError, ValueError):
        return False


def _is_time(value: Any) -> bool:
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return _is_day(value[:10])


def _or_none(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


_FIELDS: dict[str, dict[str, Callable[[Any], bool]]] = {
    "forecast": {
        "time": _is_time,
        "resolves": _is_day,
        "question": _is_text,
        "quantity": _is_text,
        "year": _or_none(_is_number),
        "unit": _is_text,
        "probs": _is_probs,
        "quantiles": lambda value: isinstance(value, list),
        "axis": _is_axis,
        "baselines": lambda value: isinstance(value, dict),
    },
    "resolution": {
        "time": _is_time,
        "of": _is_text,
        "on": _is_day,
        "value": _or_none(_is_value),
        "happened": _or_none(lambda value: isinstance(value, bool)),
        "source": _is_text,
    },
}
"""What an entry of each kind has at least, and what it is."""
