"""Reading a distribution: from text, a number or an object to a `Distribution`, or to an error with a way out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from forecast.distribution.belief import LEVEL, Distribution
from forecast.distribution.family import FAMILIES, OTHER_NAMES, Family, all_names
from forecast.distribution.marginal import Invalid
from forecast.distribution.notation import HOW, Call, Clip, Interval, Node, Plain, Within, read
from forecast.distribution.number import brief, format_number, parse_number
from forecast.distribution.squiggle import is_squigglepy, read_object
from forecast.errors import StudyError, nearest

__all__ = ["Distribution", "format_number", "parse", "parse_number"]

_WEIGHT_SLACK = 1e-9


def parse(text: Any, place: str) -> Distribution:
    """Read a distribution.

    Parameters
    ----------
    text : str, number, Distribution or squigglepy object
        A text such as ``55M to 1.5B``, ``beta(a=2, b=5)`` or ``mixture(0, 1 to 3, weights=[0.3, 0.7])``; a number is
        a point. squigglepy objects are read by their parameters, never by their sampler.
    place : str
        Where it stands, for the error: ``priors/cost.toml [start_cost]``.

    Returns
    -------
    Distribution

    Raises
    ------
    StudyError
        ``place: what is wrong (what was found); what to do``.

    Examples
    --------
    >>> parse("55M to 1.5B", "priors/cost.toml [start_cost]").describe()
    'lognormal, 90% interval 55M to 1.5B'
    >>> parse("6e25 to 2e25", "[compute]")
    Traceback (most recent call last):
    forecast.errors.StudyError: [compute]: the interval runs downwards (6e25 to 2e25); write the low end first
    """
    if isinstance(text, Distribution):
        return text
    if isinstance(text, str):
        node, shown = read(text, place), text
    elif is_squigglepy(text):
        node, shown = read_object(text, place), ""
    else:
        kind = type(text).__name__
        if isinstance(text, bool) or not isinstance(text, (int, float, np.integer, np.floating)):
            raise StudyError.at(place, f"not a distribution ({kind})", HOW)
        node, shown = Plain(parse_number(text, place)), str(text)
    try:
        made = _build(node, place, shown)
        made.marginal  # noqa: B018  what cannot be computed is told now, not in the middle of a run
    except Invalid as error:
        raise StudyError.at(place, error.what, error.remedy) from None
    except (OverflowError, ZeroDivisionError):
        what = f"the figures are too large or too small to compute with ({shown})"
        raise StudyError.at(place, what, "write it in a smaller or a larger unit") from None
    return made if made.text else Distribution(made.family, made.params, made.bounds, made.canonical())


def _build(node: Node, place: str, text: str = "") -> Distribution:
    match node:
        case Plain(value):
            return _make("point", {"x": _finite(value)}, text)
        case Interval():
            return _interval(node, text)
        case Within(inner, low, high):
            return _within(_build(inner, place), low, high, text)
        case Clip(inner, low, high):
            return _clip(_build(inner, place), low, high, text)
        case Call("mixture"):
            return _mixture(node, place, text)
        case Call():
            return _call(node, text)
    raise AssertionError(node)


def _finite(x: float) -> float:
    if not math.isfinite(x):
        raise Invalid(f"not a finite number ({x})", "infinity only stands in 'within LOW and HIGH'")
    return x


def _make(name: str, values: dict[str, Any], text: str = "") -> Distribution:
    family = FAMILIES[name]
    canonical = family.canonical(values)
    order = family.keywords[0]
    for key in order:
        if isinstance(canonical[key], float) and not math.isfinite(canonical[key]):
            raise Invalid(f"the {key} of {name} overflows", "write smaller numbers, or another unit")
    return Distribution(name, tuple((key, canonical[key]) for key in order), text=text)


def _family(name: str) -> Family:
    if name in FAMILIES:
        return FAMILIES[name]
    other = OTHER_NAMES.get(name.lower())
    hint = f"did you mean '{other}'?" if other else nearest(name.lower(), all_names())
    raise Invalid(f"unknown family '{name}'", hint or f"the families are {', '.join(all_names())}")


def _interval(node: Interval, text: str) -> Distribution:
    low, high = _finite(node.low), _finite(node.high)
    found = f"{brief(low)} to {brief(high)}"
    if low > high:
        raise Invalid(f"the interval runs downwards ({found})", "write the low end first")
    if low == high:
        raise Invalid(f"the interval has no width ({found})", f"write point({brief(low)}) for a fixed value")
    if node.level is not None and not 0 < node.level < 1:
        raise Invalid(f"an interval's level must lie between 0% and 100% ({brief(node.level)})", "write (80%) or (0.8)")
    name = node.family or ("lognormal" if low > 0 else "normal")
    if name == "mixture":
        raise Invalid(f"mixture has no interval (mixture {found})", "write mixture(A, B, weights=[0.7, 0.3])")
    family = _family(name)
    if family.interval is None:
        raise Invalid(f"{name} has no interval ({name} {found})", family.no_interval)
    if family.bounded and node.level is None:
        raise Invalid(
            f"'{name} {found}' could mean its ends or its 90% interval",
            f"write {name}(low={brief(low)}, high={brief(high)}), or {name} {found} (90%)",
        )
    made = _make(name, family.interval(low, high, LEVEL if node.level is None else node.level))
    return Distribution(made.family, made.params, made.bounds, text)


def _call(node: Call, text: str) -> Distribution:
    family = _family(node.family)
    name = family.name
    if name == "discrete":
        if len(node.positional) != 1 or node.keywords or not isinstance(node.positional[0], dict):
            raise Invalid("discrete takes values with their probabilities", f"write {family.example}")
        return _make(name, node.positional[0], text)
    if name == "quantiles":
        if node.positional or any(isinstance(key, str) for key, _ in node.keywords):
            raise Invalid("quantiles takes levels with their values", f"write {family.example}")
        points = tuple((key, _number(value, name, f"{100 * float(key):g}%")) for key, value in node.keywords)
        return _make(name, {"points": points}, text)
    if name == "point" and len(node.positional) == 1 and not node.keywords:
        return _make(name, {"x": _number(node.positional[0], name, "x")}, text)
    if node.positional:
        filled = _with_keywords(family, node.positional)
        raise Invalid(f"{name} takes its parameters by keyword ({_call_text(node)})", f"write {filled}")
    values: dict[str, Any] = {}
    known = [key for keys in family.keywords for key in keys]
    ways = " or ".join(", ".join(keys) for keys in family.keywords)
    for key, value in node.keywords:
        if key not in known:
            hint = nearest(str(key), known)
            raise Invalid(
                f"{name} has no parameter '{key}'", f"{hint} (it takes {ways})" if hint else f"it takes {ways}"
            )
        if key in values:
            raise Invalid(f"{name} has {key} twice", f"give {key} once")
        values[str(key)] = _number(value, name, str(key))
    values = dict(family.defaults) | values
    if not any(set(values) == set(keys) for keys in family.keywords):
        given = ", ".join(str(key) for key, _ in node.keywords) or "nothing"
        raise Invalid(f"{name} is given by {ways} (found {given})", f"write {family.example}")
    return _make(name, values, text)


def _with_keywords(family: Family, positional: tuple[Any, ...]) -> str:
    keys = family.keywords[0]
    required = keys[: len(keys) - len(family.defaults)]
    if len(positional) == len(required) and all(isinstance(p, Plain) for p in positional):
        inner = ", ".join(f"{k}={brief(p.value)}" for k, p in zip(required, positional, strict=True))
        return f"{family.name}({inner})"
    return family.example


def _call_text(node: Call) -> str:
    shown = [brief(p.value) if isinstance(p, Plain) else "..." for p in node.positional]
    return f"{node.family}({', '.join(shown + ['...'] * bool(node.keywords))})"


def _number(node: Any, family: str, key: str) -> float:
    if not isinstance(node, Plain):
        raise Invalid(
            f"the {key} of {family} is not a number", "parameters are plain numbers; nest only in mixture(A, B)"
        )
    return _finite(node.value)


def _mixture(node: Call, place: str, text: str) -> Distribution:
    example = "write mixture(A, B, weights=[0.7, 0.3])"
    for key, _ in node.keywords:
        if key != "weights":
            raise Invalid(f"mixture has no parameter '{key}'", nearest(str(key), ["weights"]) or "it takes weights")
    if len(node.keywords) > 1:
        raise Invalid("mixture has weights twice", "give weights once")
    if not node.positional or any(isinstance(p, (list, dict)) for p in node.positional):
        raise Invalid("mixture takes distributions and their weights", example)
    parts = [_build(part, place) for part in node.positional]
    weights = [1.0 / len(parts)] * len(parts)
    if node.keywords:
        given = node.keywords[0][1]
        if not isinstance(given, list):
            raise Invalid("the weights of a mixture are a list", example)
        weights = [_number(w, "mixture", "weight") for w in given]
        if len(weights) != len(parts):
            raise Invalid(f"mixture has {len(parts)} parts and {len(weights)} weights", "give one weight for each part")
        if any(w < 0 for w in weights):
            raise Invalid(f"a weight must not be negative ({brief(min(weights))})", "write weights from 0 to 1")
        total = math.fsum(weights)
        if abs(total - 1.0) > _WEIGHT_SLACK:
            raise Invalid(f"the weights add up to {brief(total)}", "make them add up to 1")
    used = [(p, w) for p, w in zip(parts, weights, strict=True) if w > 0]
    if len(used) == 1:
        only = used[0][0]
        return Distribution(only.family, only.params, only.bounds, text)
    bare = tuple(Distribution(p.family, p.params, p.bounds, p.canonical()) for p, _ in used)
    return Distribution("mixture", (("parts", bare), ("weights", tuple(w for _, w in used))), text=text)


def _within(inner: Distribution, low: float, high: float, text: str) -> Distribution:
    if low > high:
        raise Invalid(f"the bounds run downwards ({brief(low)} and {brief(high)})", "write the low bound first")
    if low == high:
        raise Invalid(f"the bounds leave no room ({brief(low)} and {brief(high)})", "write point(x) for a fixed value")
    if low == math.inf or high == -math.inf:
        raise Invalid("the bounds lie at infinity", "write 'within LOW and inf' or 'within -inf and HIGH'")
    bounds = (max(low, inner.bounds[0]), min(high, inner.bounds[1]))
    made = Distribution(inner.family, inner.params, bounds, text)
    try:
        if bounds[0] > bounds[1]:
            raise Invalid("", "")
        made.marginal  # noqa: B018
    except Invalid:
        whole = Distribution(inner.family, inner.params)
        ends = whole.quantile([0.05, 0.95])
        raise Invalid(
            f"the bounds {brief(low)} and {brief(high)} hold no probability of the {inner.family} "
            f"(90% interval {format_number(ends[0])} to {format_number(ends[1])})",
            "widen the bounds",
        ) from None
    return made


def _clip(inner: Distribution, low: float, high: float, text: str) -> Distribution:
    """Values beyond the bounds moved onto them, as a mixture of two points and the part between."""
    below = float(inner.cdf(np.nextafter(low, -np.inf))) if low > -math.inf else 0.0
    above = float(inner.sf(high)) if high < math.inf else 0.0
    if below + above == 0:
        return inner
    between = 1.0 - below - above
    parts: list[tuple[Distribution, float]] = []
    if below > 0:
        parts.append((_make("point", {"x": low}), below))
    if between > 1e-15:
        parts.append((_within(inner, low if below else -math.inf, high if above else math.inf, ""), between))
    if above > 0:
        parts.append((_make("point", {"x": high}), above))
    if len(parts) == 1:
        return parts[0][0]
    bare = tuple(Distribution(p.family, p.params, p.bounds, p.canonical()) for p, _ in parts)
    return Distribution("mixture", (("parts", bare), ("weights", tuple(w for _, w in parts))), text=text)
