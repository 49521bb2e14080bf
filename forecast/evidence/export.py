"""The posterior for others: joint draws as NetCDF, or a priors folder that imitates them. A study never uses either."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from forecast.distribution import Distribution, format_number, parse
from forecast.errors import UsageError
from forecast.export import write_netcdf
from forecast.files import write_atomically, writing
from forecast.result import Forecast
from forecast.sampling import request_of
from forecast.special import ndtri
from forecast.study import Study
from forecast.study.priors import Dependence, Prior

Array = np.ndarray
LEVELS = (0.05, 0.5, 0.95)
_CLOSE = 0.01  # of the interval's width: a family that misses by more gives way to a curve through quantiles
_POINTS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
_WEAK = 0.02  # rank correlations that nobody needs to hear of


def write_posterior(result: Forecast, path: Path) -> None:
    """Write joint draws of every quantity of a study, with how they were made.

    Parameters
    ----------
    result : Forecast
    path : pathlib.Path
        NetCDF; the group ``posterior`` has dims ``(chain, draw[, year])``.

    Raises
    ------
    ForecastError
        The file cannot be written.
    """
    with writing(path):
        write_netcdf(result, path, result.study.names)


def write_priors(result: Forecast, folder: Path) -> list[str]:
    """Write a priors folder whose distributions and rank correlations imitate the posterior.

    Parameters
    ----------
    result : Forecast
    folder : pathlib.Path
        New or empty.

    Returns
    -------
    list of str
        How far it is from the joint posterior: the largest error in the 5%, 50% and 95% points.

    Raises
    ------
    UsageError
        The folder has something in it.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} exists and is not empty; name a new folder")
    study = result.study
    imitation = imitated(result)
    told = distance(result, imitation)
    lost = sorted({name.partition("#")[0] for name in result.design.given if name not in study.priors})
    if lost:
        told.append(f"What evidence says of the trend {', '.join(lost)} is lost: a fit is no prior.")
    header = "# Written by `forecast export --as-priors` from a posterior, for others to use; it imitates it.\n"
    header += "".join(f"# {line}\n" for line in told)
    tables = [_table(prior) for prior in imitation.priors.values()] + [_dependence(d) for d in imitation.dependences]
    with writing(folder, "choose another folder"):
        for file in sorted((study.path / "priors").rglob("*")):
            relative = file.relative_to(study.path / "priors")
            if file.is_file() and (text := _kept(file, relative, study)):
                if relative.as_posix() == "priors.toml":
                    tables.append(text.decode())
                else:
                    write_atomically(folder / relative, text)
        write_atomically(folder / "priors.toml", (header + "\n" + "\n".join(tables)).encode())
    return told


def imitated(result: Forecast) -> Study:
    """The study without evidence, but with priors refitted to its posterior, and their rank correlations."""
    study = result.study
    moved = [name for name in study.priors if name in result.design.given]
    draws = {name: result.values(name) for name in moved}
    priors = dict(study.priors)
    for name in moved:
        old = study.priors[name]
        made = refitted(old.distribution, draws[name].reshape(-1))
        source = f"Posterior of {study.name}, given {', '.join(seen.id for seen in study.evidence)}"
        priors[name] = Prior(
            name,
            old.label,
            made,
            old.unit,
            source,
            f"Prior: {old.distribution.text or old.distribution.canonical()}",
            old.alternatives,
            old.place,
        )
    kept = tuple(d for d in study.dependences if not set(d.between) <= set(moved))
    uncertain = [name for name in moved if priors[name].distribution.family != "point"]
    ranks = {name: np.argsort(np.argsort(draws[name].reshape(-1), kind="stable"), kind="stable") for name in uncertain}
    made_of = []
    for i, one in enumerate(uncertain):
        for other in uncertain[i + 1 :]:
            rho = float(np.corrcoef(ranks[one], ranks[other])[0, 1])
            if abs(rho) > _WEAK:
                made_of.append(
                    Dependence((one, other), round(rho, 4), source="rank correlation of the posterior draws")
                )
    return replace(study.with_evidence(()), priors=priors, dependences=(*kept, *made_of))


def refitted(old: Distribution, draws: Array) -> Distribution:
    """A family that has the draws' quantiles: a simple one if it comes close, else a curve through them.

    Parameters
    ----------
    old : Distribution
    draws : ndarray (draw,)

    Examples
    --------
    >>> z = ndtri((np.arange(10_000) + 0.5) / 10_000)
    >>> refitted(parse("1 to 10", "here"), np.exp(1 + 0.2 * z)).family
    'lognormal'
    """
    if draws.min() == draws.max():
        return parse(f"point({float(draws[0])!r})", "export")
    values, counts = np.unique(draws, return_counts=True)
    if old.is_discrete:
        share = counts / counts.sum()
        share[-1] = 1 - share[:-1].sum()
        return parse(
            "discrete({"
            + ", ".join(f"{x!r}: {p!r}" for x, p in zip(values.tolist(), share.tolist(), strict=True))
            + "})",
            "export",
        )
    points = np.quantile(draws, _POINTS)
    low, middle, high = np.quantile(draws, LEVELS)
    z = float(ndtri(0.95))
    texts = [f"normal(mean={float((low + high) / 2)!r}, sd={float((high - low) / 2 / z)!r})"]
    if low > 0:
        texts.insert(0, f"lognormal(median={math.sqrt(low * high)!r}, sigma={math.log(high / low) / 2 / z!r})")
    if old.support[0] >= 0 and old.support[1] <= 1:
        texts = [f"beta(mean={float(draws.mean())!r}, sd={float(draws.std())!r})"]
    for text in texts:
        made = parse(text, "export")
        if np.abs(made.quantile(_POINTS) - points).max() <= _CLOSE * (high - low) and made.support[0] >= min(
            0.0, old.support[0]
        ):
            return made
    rising = np.concatenate([[True], np.diff(points) > 0])
    inner = ", ".join(
        f"{100 * p:g}%={x!r}" for p, x in zip(np.array(_POINTS)[rising].tolist(), points[rising].tolist(), strict=True)
    )
    bounds = [max(old.support[0], old.bounds[0]), min(old.support[1], old.bounds[1])]
    cut = (
        f" within {bounds[0]!r} and {bounds[1]!r}"
        if math.isfinite(bounds[0]) and bounds[0] != 0 or math.isfinite(bounds[1])
        else ""
    )
    return parse(f"quantiles({inner}){cut}", "export")


def distance(result: Forecast, imitation: Study) -> list[str]:
    """The largest error of the imitation in the 5%, 50% and 95% points of priors and of reported quantities."""
    names = [str(r) for r in result.requests if r.year is not None or not result.has_years(r.name)]
    moved = [name for name in result.study.priors if name in result.design.given]
    again = imitation.run([*names, *moved], years=result.years, draws=65_536, seed=result.design.seed)
    worst: dict[str, tuple[float, str]] = {}
    for kind, group in (("priors", moved), ("reported quantities", names)):
        for name in group:
            request = request_of(name)
            truth = result.quantile(request.name, LEVELS, request.year).value
            found = again.quantile(request.name, LEVELS, request.year).value
            width = truth[2] - truth[0]
            if not math.isfinite(width) or width == 0:
                continue
            errors = np.abs(found - truth) / width
            at = int(np.argmax(errors))
            if errors[at] >= worst.get(kind, (-1.0, ""))[0]:
                worst[kind] = (
                    float(errors[at]),
                    f"{name}, {100 * LEVELS[at]:g}% point: "
                    f"{format_number(float(found[at]))} for {format_number(float(truth[at]))}",
                )
    return [
        f"Largest error in the 5, 50 and 95% points of {kind}: {100 * size:.1f}% of the interval's width ({text})."
        for kind, (size, text) in worst.items()
    ]


def _kept(file: Path, relative: Path, study: Study) -> bytes:
    """What an exported folder has of a file: all but priors, dependences and observations; empty if that is nothing."""
    if file.suffix != ".toml" or relative.as_posix() == "units.toml" or relative.parts[0] == "formats":
        return file.read_bytes()
    if relative.parts[0] == "evidence":
        return b""
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    rest = {name: table for name, table in tables.items() if name != "dependence" and name not in study.priors}
    return "\n".join(_toml(name, table) for name, table in rest.items()).encode()


def _toml(name: str, fields: Mapping[str, Any]) -> str:
    return f"[{name}]\n" + "".join(f"{key} = {_value(value)}\n" for key, value in fields.items())


def _value(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_value(inner)}' for key, inner in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _table(prior: Prior) -> str:
    fields = {
        "label": prior.label,
        "dist": prior.distribution.canonical(),
        "unit": prior.unit,
        "source": prior.source,
        "note": prior.note,
    }
    text = _toml(prior.name, {key: value for key, value in fields.items() if value or key == "unit"})
    for other in prior.alternatives:
        inner = {"dist": other.distribution.canonical(), "source": other.source, "note": other.note}
        name = f"{prior.name}.alternative.{json.dumps(other.name, ensure_ascii=False)}"
        text += _toml(name, {key: value for key, value in inner.items() if value})
    return text


def _dependence(d: Dependence) -> str:
    text = f"[[dependence]]\nbetween = {json.dumps(list(d.between))}\nrank_correlation = {d.rank_correlation!r}\n"
    return text + (f"source = {json.dumps(d.source, ensure_ascii=False)}\n" if d.source else "")
