"""Trends of a study, fitted once: posterior draws in ``build/trends/``, and their curves in possible worlds."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.errors import ForecastError
from forecast.files import write_atomically
from forecast.graph import ancestors
from forecast.special import ndtr
from forecast.study import Study, open_study
from forecast.worlds import Design, scores

if TYPE_CHECKING:
    from forecast.trend.posterior import Posterior

Say = Callable[[str, float], None]

BATCHES = 16  # runs of posterior draws, whose spread is the Monte Carlo error of the posterior itself


def coordinates_of(trend: str) -> tuple[str, str, str]:
    """Names of the normal scores that drive a trend: which posterior draw, how a new system and the record turn out."""
    return trend, f"{trend}#new", f"{trend}#record"


@dataclass(frozen=True, eq=False)
class Record:
    """A fitted trend as it is kept: what a forecast needs, and how it came about.

    Parameters
    ----------
    posterior : Posterior
    provenance : dict
        `forecast.trend.fit.Fit.provenance`: route, convergence, evidences, versions.
    """

    posterior: Posterior
    provenance: dict[str, Any]


def record_of(study: Study, name: str, say: Say | None = None, accept: bool = False) -> Record:
    """The record of a trend: from ``build/trends/`` where nothing has changed, else fitted and kept there.

    Parameters
    ----------
    study : Study
    name : str
        A trend of the study.
    say : callable, optional
        Told what happens and how far it is (0 to 1).
    accept : bool
        Keep a fit that has not converged; the record says so.

    Raises
    ------
    StudyError
        The trend cannot be fitted to its series.
    GateError
        The fit has not converged.
    """
    known = study.posteriors.get(name)
    if known is None:
        from forecast.trend.posterior import Posterior  # a study without trends does without

        stem = _stem(study, name)
        try:
            known = Record(Posterior.load(stem.with_suffix(".npz")), json.loads(stem.with_suffix(".json").read_text()))
        except (OSError, ValueError, KeyError):  # absent or damaged
            known = _fit(study, name, stem, say, accept)
        study.posteriors[name] = known
    return known


def posterior_of(study: Study, name: str, say: Say | None = None) -> Posterior:
    """The posterior of a trend: see `record_of`."""
    return record_of(study, name, say).posterior


def prepare(study: Study, names: Iterable[str], say: Callable[[str], Say]) -> None:
    """Fit what quantities need and is not fitted yet, telling of it: ``say(trend)`` gives the teller."""
    needed = ancestors(names, study.functions)
    for trend in study.trends:
        if any(curve.trend == trend and curve.name in needed for curve in study.curves.values()):
            record_of(study, trend, say(trend))


def comparison_of(study: Study, name: str, say: Say | None = None, accept: bool = False) -> dict[str, Any]:
    """Straight against kinked by every measure, as JSON values, kept like a fit."""
    from forecast.trend.compare import compare

    trend = study.trends[name]
    file = _stem(study, name).with_suffix(".compared.json")
    try:
        return dict(json.loads(file.read_text()))
    except (OSError, ValueError):
        pass
    cache = study.path / "build" / "compiled"
    found = compare(name, study.series_of(name), trend.spec, trend.seed, accept=accept, progress=say, cache=cache)
    kept = {"kinked_prob": found.kinked_prob, "measures": [_finite(asdict(measure)) for measure in found.measures]}
    with suppress(OSError):
        write_atomically(file, json.dumps(kept).encode())
    return kept


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: (float(value) if math.isfinite(value) else None) if isinstance(value, float) else value
        for key, value in values.items()
    }


def _stem(study: Study, name: str) -> Path:
    return study.path / "build" / "trends" / f"{name}-{study.fit_keys[name][:16]}"


def _fit(study: Study, name: str, stem: Path, say: Say | None, accept: bool) -> Record:
    from forecast.trend.diagnostics import write_tree
    from forecast.trend.fit import fit
    from forecast.trend.record import tree_of

    trend = study.trends[name]
    cache = study.path / "build" / "compiled"
    fitted = fit(name, study.series_of(name), trend.spec, trend.seed, accept, say, cache, trend.place)
    with suppress(OSError):  # what cannot be kept is fitted again
        stem.parent.mkdir(parents=True, exist_ok=True)
        temporary = stem.with_name(f".{stem.name}.{os.getpid()}.tmp")
        write_tree(tree_of(fitted), stem.with_suffix(".nc"))
        write_atomically(stem.with_suffix(".json"), json.dumps(fitted.provenance()).encode())
        fitted.posterior.save(temporary)
        temporary.replace(stem.with_suffix(".npz"))  # last, since its presence says that the fit is whole
    return Record(fitted.posterior, fitted.provenance())


def take_along(source: Path, target: Path) -> int:
    """Copy what is kept of a study's fits to a copy of the study, so that nothing is fitted or compiled again.

    Parameters
    ----------
    source, target : pathlib.Path
        Folders of a study and of its copy. Fits are found by a hash of all that enters them, so one that does not
        belong to the copy is not taken for its own.

    Returns
    -------
    int
        Number of trends whose fits were copied; 0 where none are kept, or where they cannot be copied.
    """
    taken = 0
    if not (source / "build" / "trends").is_dir():
        return taken
    with suppress(OSError, ForecastError):  # only time is lost
        study = open_study(source)
        for name in study.trends:
            stem = _stem(study, name)
            if not stem.with_suffix(".npz").exists():
                continue
            files = sorted(stem.parent.glob(f"{stem.name}.*"), key=lambda file: file.suffix == ".npz")
            for file in files:  # .npz last, as in `_fit`
                write_atomically(target / "build" / "trends" / file.name, file.read_bytes())
            taken += 1
        compiled = source / "build" / "compiled"
        if taken and compiled.is_dir():
            shutil.copytree(compiled, target / "build" / "compiled", ignore=shutil.ignore_patterns(".lock"))
    return taken


def curve_values(
    study: Study, posterior: Posterior, wanted: Collection[str], years: np.ndarray, scores: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Quantities of one trend in possible worlds, in base units.

    Parameters
    ----------
    study : Study
    posterior : Posterior
    wanted : collection of str
        Names of the trend's quantities (`forecast.trend.files.curves`).
    years : array ``(year, 1)``
    scores : mapping of str to array ``(draw,)``
        Normal scores by coordinate name.

    Returns
    -------
    dict of str to array ``(draw,)`` or ``(year, draw)``
        All from the same posterior draw in each world, so that growth, level and kink stay together.
    """
    from forecast.trend.curve import mean_line, new_system, running_record

    chosen, new, record = coordinates_of(posterior.name)
    index = posterior.choose(ndtr(scores[chosen]))
    lines = posterior.lines(index, study.trends[posterior.name].of_group or None)
    own = {
        "growth": lines.growth + lines.change,
        "growth_before": lines.growth,
        "level": lines.level,
        "rate": lines.rate,
    }
    values: dict[str, np.ndarray] = {}
    for name in wanted:
        part = study.curves[name].part
        if part == "line":
            value = 10.0 ** mean_line(lines, years)
        elif part == "new":
            value = 10.0 ** new_system(lines, years, scores[new])
        elif part == "record":
            value = 10.0 ** running_record(lines, years, scores[record])
        else:
            value = own[part] if part in own else posterior.draws[part][index]
        values[name] = value * study.factors[name]
    return values


def wanted_coordinates(study: Study, needed: Collection[str]) -> list[str]:
    """Names of the trend coordinates that quantities need, trend by trend."""
    names: list[str] = []
    for trend in study.trends:
        parts = {curve.part for curve in study.curves.values() if curve.trend == trend and curve.name in needed}
        if parts:
            chosen, new, record = coordinates_of(trend)
            names += [chosen, *([new] if "new" in parts else []), *([record] if "record" in parts else [])]
    return names


def all_behind(study: Study, names: Iterable[str]) -> set[str]:
    """Names of all that quantities follow from, themselves included: quantities, and coordinates of trends."""
    needed = ancestors(names, study.functions)
    return {*needed, *wanted_coordinates(study, needed)}


def trends_behind(study: Study, name: str) -> list[str]:
    """The trends whose posterior a quantity follows from."""
    if not study.trends:
        return []
    needed = ancestors([name], study.functions)
    return list(dict.fromkeys(curve.trend for curve in study.curves.values() if curve.name in needed))


def accepted(study: Study, names: Iterable[str]) -> list[str]:
    """Trends behind quantities whose fit has not converged and was accepted all the same."""
    behind = dict.fromkeys(trend for name in names for trend in trends_behind(study, name))
    return [trend for trend in behind if record_of(study, trend).provenance.get("accepted")]


def batches(study: Study, design: Design, trend: str, draws: int) -> np.ndarray:
    """Which of `BATCHES` runs of posterior draws each world's draw belongs to, ``(chain, draw)``.

    A run is a stretch of one chain, so what the draws of a chain have in common stays inside it.
    """
    assert design.mixing is not None
    row = design.inputs.index(trend)
    part = replace(design, inputs=(trend,), mixing=design.mixing[[row]])
    posterior = posterior_of(study, trend)
    index = posterior.choose(ndtr(scores(part, 0, draws)[0]))
    return index * BATCHES // len(posterior)


def all_coordinates(trends: Sequence[str]) -> list[str]:
    """Names of every coordinate of the trends."""
    return [name for trend in trends for name in coordinates_of(trend)]
