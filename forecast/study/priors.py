"""Prior files to records: what is believed, in which unit, and why."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forecast.distribution.belief import Distribution
from forecast.errors import Problem, StudyError, nearest
from forecast.toml import read_toml

if TYPE_CHECKING:
    from forecast.trend.files import Trend

_FIELDS = {"label", "dist", "unit", "source", "note", "alternative"}
_DEPENDENCE_FIELDS = {"between", "rank_correlation", "band", "note", "source"}
Parse = Callable[[Any, str], Distribution]


LITTLE = 1e-6  # of a distribution, left by its bounds, is hardly what was believed


def little_left(found: Distribution) -> str:
    """What is odd about bounds that leave next to nothing of a distribution."""
    if found.kept >= LITTLE:
        return ""
    return (
        f"its bounds leave {found.kept:.0e} of the probability ({found.text or found.canonical()}), all of it close to "
        "one of them; correct the interval or the bounds"
    )


@dataclass(frozen=True)
class Alternative:
    """A second belief about the same quantity, chosen by name: ``--set growth=fitted``."""

    name: str
    distribution: Distribution
    source: str
    note: str = ""


@dataclass(frozen=True)
class Prior:
    """What is believed of a quantity.

    Parameters
    ----------
    name, label, unit, source, note : str
    distribution : Distribution
        In `unit`.
    alternatives : tuple of Alternative
    place : str
        File and table, for messages.
    """

    name: str
    label: str
    distribution: Distribution
    unit: str
    source: str
    note: str = ""
    alternatives: tuple[Alternative, ...] = ()
    place: str = ""


@dataclass(frozen=True)
class Dependence:
    """A declared rank correlation between two priors.

    Parameters
    ----------
    between : tuple of str
        Two priors.
    rank_correlation : float
        Spearman's, from -1 to 1.
    band : bool
        Whether headline results are also shown at -1 and +1.
    source, note, place : str
    """

    between: tuple[str, str]
    rank_correlation: float
    band: bool = False
    source: str = ""
    note: str = ""
    place: str = ""


def read_priors(
    files: Mapping[str, str], parse: Parse, problems: list[Problem]
) -> tuple[dict[str, Prior], tuple[Dependence, ...], dict[str, Trend], frozenset[str]]:
    """Read prior files.

    Parameters
    ----------
    files : mapping of str to str
        Text of each file by its path relative to the study.
    parse : callable
        Text of a distribution and its place to `Distribution` (a study remembers what it has parsed).
    problems : list of Problem
        What is wrong is added to it.

    Returns
    -------
    priors : dict of str to Prior
    dependences : tuple of Dependence
    trends : dict of str to Trend
        The tables that have ``trend = "…"``.
    declared : frozenset of str
        Every name that has a table, sound or not.
    """
    priors: dict[str, Prior] = {}
    declared: set[str] = set()
    trends: dict[str, Trend] = {}
    dependences: list[Dependence] = []
    for relative, text in files.items():
        for name, table in read_toml(relative, text, problems).items():
            place = f"{relative} [{name}]"
            declared.add(name)
            if name == "dependence":
                entries = table if isinstance(table, list) else [table]
                dependences.extend(
                    d
                    for i, entry in enumerate(entries, 1)
                    if (d := _read_dependence(entry, f"{relative} [[dependence]] {i}", problems))
                )
            elif not isinstance(table, dict):
                problems.append(_no_table(relative, name, table))
            elif name in priors or name in trends:
                other = priors[name].place if name in priors else trends[name].place
                problems.append(
                    Problem(
                        place,
                        f"a quantity has one definition, and this one stands in {other} too",
                        "rename or delete one",
                    )
                )
            elif "trend" in table:
                from forecast.trend.files import read_trend

                if trend := read_trend(name, table, place, parse, problems):
                    trends[name] = trend
            elif prior := _read_prior(name, table, place, parse, problems):
                priors[name] = prior
    return priors, tuple(dependences), trends, frozenset(declared)


def _no_table(relative: str, name: str, value: Any) -> Problem:
    """What to say of something that stands where a prior's table should."""
    if isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        if nearest(name, ["dependence"]):
            return Problem(f"{relative} [[{name}]]", "is no list that a study has", "did you mean [[dependence]]?")
        return Problem(f"{relative} [[{name}]]", "is a list of tables", f"write [{name}], once")
    remedy = f"write a table [{name}] with label, dist, unit and source"
    return Problem(f"{relative}: {name}", "stands outside any table", remedy)


def _read_prior(name: str, table: dict[str, Any], place: str, parse: Parse, problems: list[Problem]) -> Prior | None:
    if not name.isidentifier() or name.startswith("_") or keyword.iskeyword(name):
        problems.append(
            Problem(
                place, "its name cannot be a function's parameter", "use lower-case letters, digits and underscores"
            )
        )
        return None
    inner = [key for key, value in table.items() if isinstance(value, dict) and key != "alternative"]
    if inner and len(inner) == len(table):
        problems.append(
            Problem(f"{place[:-1]}.{inner[0]}]", "has a point in its name", f"write [{name}_{inner[0]}], say")
        )
        return None
    misnamed = _unknown(table, _FIELDS, place, problems)
    good = True
    for field in ("label", "unit", "source", "note"):
        if field not in table:
            if field in misnamed:
                good = False
            elif field != "note":
                problems.append(Problem(place, f"has no {field}", _REMEDY[field]))
                good = False
        elif not isinstance(table[field], str):
            problems.append(Problem(place, f"its {field} is not a text ({table[field]!r})", f'write {field} = "…"'))
            good = False
        elif field in ("label", "source") and not table[field].strip():
            problems.append(Problem(place, f"its {field} is empty", _REMEDY[field]))
            good = False
    distribution = None
    if "dist" not in misnamed:
        distribution = _read_distribution(table, place, parse, problems)
    alternatives = []
    others = _as_table(table.get("alternative", {}), f"{place} alternative", problems)
    if "dist" in others and not isinstance(others["dist"], dict):
        problems.append(Problem(f"{place[:-1]}.alternative]", "has no name", f"write [{name}.alternative.NAME]"))
        others = {}
    for other, entry in others.items():
        where = f"{place[:-1]}.alternative.{other}]"
        entry = _as_table(entry, where, problems)
        misnamed = _unknown(entry, {"dist", "source", "note"}, where, problems)
        if not str(entry.get("source", "")).strip() and "source" not in misnamed:
            problems.append(Problem(where, "has no source", _REMEDY["source"]))
        if "dist" not in misnamed and (found := _read_distribution(entry, where, parse, problems)):
            alternatives.append(Alternative(other, found, str(entry.get("source", "")), str(entry.get("note", ""))))
    if distribution is None or not good:
        return None
    return Prior(
        name,
        table["label"].strip(),
        distribution,
        table["unit"].strip(),
        " ".join(table["source"].split()),
        " ".join(table.get("note", "").split()),
        tuple(alternatives),
        place,
    )


_REMEDY = {
    "label": 'write label = "what it is, in a few words"',
    "unit": 'write unit = "…", or unit = "" for a pure number',
    "source": 'write source = "who says so, and where"; for your own judgement say that',
    "dist": 'write dist = "LOW to HIGH" (a 90% credible interval), a family or a number',
    "between": 'write between = ["one", "other"]',
    "rank_correlation": "write rank_correlation = 0.5, say",
}
# What other tools and other people call the fields.
_ALSO = {"value": "dist", "distribution": "dist", "interval": "dist", "name": "label", "title": "label"}
_ALSO |= {"description": "label", "units": "unit", "reference": "source", "ref": "source", "citation": "source"}
_ALSO |= {
    "correlation": "rank_correlation",
    "rho": "rank_correlation",
    "comment": "note",
    "alternatives": "alternative",
}


def _read_distribution(table: dict[str, Any], place: str, parse: Parse, problems: list[Problem]) -> Distribution | None:
    if "dist" not in table:
        problems.append(Problem(place, "has no dist", _REMEDY["dist"]))
        return None
    text = table["dist"]
    if isinstance(text, bool) or not isinstance(text, (str, int, float)):
        problems.append(Problem(place, f"its dist is neither a text nor a number ({text!r})", _REMEDY["dist"]))
        return None
    try:
        return parse(text, place)
    except StudyError as error:
        problems.extend(error.problems)
        return None


def _read_dependence(entry: Any, place: str, problems: list[Problem]) -> Dependence | None:
    entry = _as_table(entry, place, problems)
    misnamed = _unknown(entry, _DEPENDENCE_FIELDS, place, problems)
    between, correlation = entry.get("between"), entry.get("rank_correlation")
    missing = [field for field in ("between", "rank_correlation") if field not in entry and field not in misnamed]
    problems.extend(Problem(place, f"has no {field}", _REMEDY[field]) for field in missing)
    good = not missing and not misnamed & {"between", "rank_correlation"}
    if "between" in entry and not (
        isinstance(between, list)
        and len(between) == 2
        and all(isinstance(n, str) for n in between)
        and between[0] != between[1]
    ):
        problems.append(Problem(place, f"between does not name two different priors ({between!r})", _REMEDY["between"]))
        good = False
    if "rank_correlation" in entry and (
        isinstance(correlation, bool) or not isinstance(correlation, (int, float)) or not -1 <= correlation <= 1
    ):
        problems.append(
            Problem(
                place,
                f"rank_correlation is not a number from -1 to 1 ({correlation!r})",
                _REMEDY["rank_correlation"],
            )
        )
        good = False
    if not isinstance(entry.get("band", False), bool):
        problems.append(Problem(place, f"band is neither true nor false ({entry['band']!r})", "write band = true"))
        good = False
    if not good:
        return None
    text = {key: " ".join(str(entry.get(key, "")).split()) for key in ("source", "note")}
    return Dependence((between[0], between[1]), float(correlation), entry.get("band", False), place=place, **text)


def _as_table(value: Any, place: str, problems: list[Problem]) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    problems.append(Problem(place, f"is not a table ({value!r})", "write it as a TOML table"))
    return {}


def _unknown(table: dict[str, Any], known: set[str], place: str, problems: list[Problem]) -> set[str]:
    """Tell the fields that do not exist, and give those that they were meant to be."""
    meant = set()
    for key in table:
        if key not in known:
            also = _ALSO.get(key.lower(), "")
            hint = f"did you mean '{also}'?" if also in known else nearest(key, known)
            problems.append(
                Problem(place, f"unknown field '{key}'", hint or f"known fields: {', '.join(sorted(known))}")
            )
            meant |= {field for field in known if hint == f"did you mean '{field}'?"}
    return meant - set(table)
