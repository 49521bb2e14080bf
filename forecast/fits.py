"""Trends of a study, fitted once: posterior draws in ``build/trends/``, and their curves in possible worlds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from forecast.graph import ancestors
from forecast.special import ndtr
from forecast.study import Study
from forecast.trend_curve import mean_line, new_system, running_record
from forecast.trend_posterior import Posterior
from forecast.worlds import Design, scores

if TYPE_CHECKING:
    from forecast.trend import Fit

Say = Callable[[str, float], None]

BATCHES = 16  # runs of posterior draws, whose spread is the Monte Carlo error of the posterior itself


def coordinates_of(trend: str) -> tuple[str, str, str]:
    """Names of the normal scores that drive a trend: which posterior draw, how a new system and the record turn out."""
    return trend, f"{trend}#new", f"{trend}#record"


def posterior_of(study: Study, name: str, say: Say | None = None) -> Posterior:
    """The posterior of a trend: from ``build/trends/`` where nothing has changed, else fitted and kept there.

    Parameters
    ----------
    study : Study
    name : str
        A trend of the study.
    say : callable, optional
        Told what happens and how far it is (0 to 1).

    Raises
    ------
    StudyError
        The trend cannot be fitted to its series.
    GateError
        The fit has not converged.
    """
    known = study.posteriors.get(name)
    if known is not None:
        return known
    file = study.path / "build" / "trends" / f"{name}-{study.fit_keys[name]}.npz"
    if file.exists():
        posterior = Posterior.load(file)
    else:
        posterior = fit_of(study, name, say).posterior
    study.posteriors[name] = posterior
    return posterior


def fit_of(study: Study, name: str, say: Say | None = None, accept: bool = False) -> Fit:
    """Fit a trend anew and keep the result: draws for forecasts, and the whole record as NetCDF for ArviZ."""
    from forecast.diagnostics import write_tree
    from forecast.trend import fit, tree_of

    trend = study.trends[name]
    fitted = fit(
        name, study.series_of(name), trend.spec, trend.seed, accept, say, study.path / "build" / "compiled", trend.place
    )
    folder = study.path / "build" / "trends"
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{name}-{study.fit_keys[name]}"
    temporary = folder / f".{stem.name}.tmp"
    fitted.posterior.save(temporary)
    write_tree(tree_of(fitted), stem.with_suffix(".nc"))
    temporary.replace(stem.with_suffix(".npz"))
    return fitted


def curve_values(
    study: Study, posterior: Posterior, wanted: Collection[str], years: np.ndarray, scores: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Quantities of one trend in possible worlds, in base units.

    Parameters
    ----------
    study : Study
    posterior : Posterior
    wanted : collection of str
        Names of the trend's quantities (`forecast.trend_files.curves`).
    years : array ``(year, 1)``
    scores : mapping of str to array ``(draw,)``
        Normal scores by coordinate name.

    Returns
    -------
    dict of str to array ``(draw,)`` or ``(year, draw)``
        All from the same posterior draw in each world, so that growth, level and kink stay together.
    """
    chosen, new, record = coordinates_of(posterior.name)
    index = posterior.choose(ndtr(scores[chosen]))
    lines = posterior.lines(index)
    values: dict[str, np.ndarray] = {}
    for name in wanted:
        part = study.curves[name].part
        if part == "line":
            value = 10.0 ** mean_line(lines, years)
        elif part == "new":
            value = 10.0 ** new_system(lines, years, scores[new])
        elif part == "record":
            value = 10.0 ** running_record(lines, years, scores[record])
        elif part == "growth":
            value = posterior.draws["growth_after"][index]
        else:
            value = posterior.draws[part][index]
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


def trends_behind(study: Study, name: str) -> list[str]:
    """The trends whose posterior a quantity follows from."""
    if not study.trends:
        return []
    needed = ancestors([name], study.functions)
    return list(dict.fromkeys(curve.trend for curve in study.curves.values() if curve.name in needed))


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
