"""A study to a `Forecast`: plan the worlds, evaluate the graph in them, stop when the error is small enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from forecast.errors import Problem, UsageError
from forecast.fits import all_behind, batches, trends_behind
from forecast.graph import YEAR, ancestors
from forecast.quantile.mcse import Estimate, posterior_mcse
from forecast.result import Forecast, Interval
from forecast.sampling import Request, aim, request_of, sample
from forecast.study import Study
from forecast.study.scenario import no_quantity
from forecast.summary import precise_enough
from forecast.worlds import Design

FIRST, LAST = 1024, 1 << 14  # draws per chain: where doubling starts, and where it gives up (131,072 worlds in all)


def run(
    study: Study,
    quantities: Sequence[str] | None = None,
    *,
    years: Sequence[float] | None = None,
    draws: int | None = None,
    seed: int | None = None,
    prob: float | None = None,
    method: Literal["qmc", "mc"] = "qmc",
    precision: float = 0.005,
    block: int = 16384,
    threads: int = 1,
    rung: str = "auto",
) -> Forecast:
    """Draw possible worlds and evaluate a study in each: see `Study.run`."""
    report = study.main
    if isinstance(years, int | float | str):
        raise UsageError(f"years is not a list of years ({years!r}); give [2027] or range(2024, 2061), say")
    axis = tuple(float(year) for year in (study.axis if years is None else years)) or study.axis
    requests = tuple(request_of(text) for text in (report.quantities if quantities is None else quantities))
    prob = report.prob if prob is None else prob
    seed = report.seed if seed is None else seed
    _check_call(study, requests, axis, prob, seed, method, draws, precision)
    names = list(dict.fromkeys(map(str, requests)))
    design, most, update = aim(study, requests, axis, seed, method, block), LAST, None
    if study.evidence:
        from forecast.evidence.ladder import condition

        update = condition(study, seed, rung)
        design = replace(design, given=update.given)
        most = min(LAST, *_particles(study, requests, design))
    if draws is not None:
        per_chain = -(-draws // design.chains)
        if method == "qmc":
            per_chain = 1 << max(0, (per_chain - 1).bit_length())  # Sobol points are balanced in powers of two
        kept = sample(study, design, names, axis, 0, per_chain, block, threads)
        most = per_chain
    else:
        per_chain = FIRST
        kept = sample(study, design, names, axis, 0, per_chain, block, threads)
    floors: dict[tuple[str, float | None], np.ndarray] = {}
    while True:
        forecast = Forecast(study, requests, axis, design, per_chain, prob, False, block, threads, kept, update)
        floors = floors or _floors(forecast)
        met = all(_precise(found, precision, floors[key]) for key, found in forecast.reported_ends().items())
        if met or per_chain >= most:
            return forecast.judged(met)
        more = sample(study, design, names, axis, per_chain, 2 * per_chain, block, threads)
        kept = {name: np.concatenate([kept[name], more[name]], axis=-1) for name in kept}
        per_chain *= 2


def _particles(study: Study, requests: Sequence[Request], design: Design) -> list[int]:
    """Posterior worlds of a chain that the requests draw from; to repeat them would make nothing more precise."""
    own = all_behind(study, (request.name for request in requests))
    counts = {particles.shape[1] for name, particles in design.given.items() if name in own}
    return [LAST, *(count for count in counts if count > 1)]


def bands(forecast: Forecast) -> dict[str, dict[float, Interval]]:
    """Intervals of the reported quantities over a declared dependence of −1, 0 and +1.

    Returns
    -------
    dict of str to dict of float to Interval
        For each request that follows from both ends of a dependence declared with ``band = true``, and that is one
        number in each world (a quantity with a year axis is banded at a year that is named).
    """
    found = forecast.bands
    if found:
        return found
    for declared in forecast.study.dependences:
        if not declared.band or any(name not in forecast.study.priors for name in declared.between):
            continue
        both = set(declared.between)
        affected = [
            r
            for r in forecast.requests
            if both <= ancestors([r.name], forecast.study.functions)
            and (r.year is not None or not forecast.has_years(r.name))
        ]
        if not affected:
            continue
        for correlation in (-1.0, 0.0, 1.0):
            if correlation == declared.rank_correlation:
                result = forecast
            else:
                other = forecast.study.with_dependence(declared.between, correlation)
                result = run(
                    other, [str(r) for r in affected], years=forecast.years, seed=forecast.design.seed,
                    prob=forecast.prob, method=forecast.design.method, draws=forecast.draws * forecast.design.chains,
                    block=forecast.block, threads=forecast.threads,
                )  # fmt: skip
            for request in affected:
                found.setdefault(str(request), {})[correlation] = result.interval(str(request), forecast.prob)
    return found


def infinite(forecast: Forecast) -> list[str]:
    """Reported quantities that are infinite in every world, a sentence each, with the function that made them so.

    A year that never comes is infinite, and nothing to be told of; anything else has most likely been divided by zero.
    """
    study = forecast.study
    endless: dict[str, list[float | None]] = {}
    reported = forecast.reported()
    for (name, year), array in reported.items():
        if study.labels[name] != YEAR and np.isinf(array).all():
            endless.setdefault(name, []).append(year)
    return [
        _told_infinite(forecast, name, years, sum(key[0] == name for key in reported))
        for name, years in endless.items()
    ]


def _told_infinite(forecast: Forecast, name: str, years: Sequence[float | None], of: int) -> str:
    study, year = forecast.study, years[0]
    needed = ancestors([name], study.functions)
    behind = [function for function in study.sequence if function in needed]
    one = sample(study, forecast.design, behind, forecast.years, 0, 1, forecast.block)

    def is_infinite(function: str) -> bool:
        array = one[function]
        if array.ndim == 3 and year is not None:
            array = array[forecast.years.index(year)]
        return bool(np.isinf(array).all())

    cause = next(filter(is_infinite, behind), name)
    when = f" at {year:g}" if year is not None and len(years) < of else ""
    return (
        f"{study.definition(cause).place} {cause}: makes {name} infinite in every world{when}; "
        "see that nothing is divided by zero or grows beyond all numbers"
    )


def _floors(forecast: Forecast) -> dict[tuple[str, float | None], np.ndarray]:
    """For each reported array: the error of its interval's ends that no number of worlds takes away.

    It is that of having finitely many posterior draws of the trends behind it. Worlds are enough when theirs is no
    larger: four times as many would take a fifth off the error of both.
    """
    study, ends = forecast.study, [0.5 - forecast.prob / 2, 0.5 + forecast.prob / 2]
    floors = {}
    runs: dict[str, list[np.ndarray]] = {}
    for (name, year), array in forecast.reported().items():
        if name not in runs:
            trends = trends_behind(study, name)
            runs[name] = [batches(study, forecast.design, trend, forecast.draws) for trend in trends]
        floors[name, year] = posterior_mcse(array, ends, runs[name]) if runs[name] else np.zeros(2)
    return floors


def _precise(found: Estimate, precision: float, floor: np.ndarray) -> bool:
    ends = Estimate(found.value[[0, 2]], np.where(found.mcse[[0, 2]] <= floor, 0.0, found.mcse[[0, 2]]))
    return precise_enough(ends, float(found.value[1]), precision)


def _check_call(
    study: Study,
    requests: Sequence[Request],
    axis: Sequence[float],
    prob: float,
    seed: int,
    method: str,
    draws: int | None,
    precision: float,
) -> None:
    problems = []
    for name, value, kind in (
        ("seed", seed, int),
        ("draws", draws, int),
        ("prob", prob, float),
        ("precision", precision, float),
    ):
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if value is not None and not whole and (kind is int or not isinstance(value, float | np.floating)):
            raise UsageError(f"{name} is not a {'whole ' if kind is int else ''}number ({value!r}); give one")
    for request in requests:
        if request.name not in study.names:
            problems.append(Problem("", *no_quantity(request.name, study.names)))
        if request.year is not None and request.year not in axis:
            problems.append(
                Problem(
                    "",
                    f"{request}: {request.year:g} is not on the year axis ({axis[0]:g} to {axis[-1]:g})",
                    "ask for another year, or for other years of the axis (--years)",
                )
            )
    if not requests:
        what = "no quantity is asked for" if study.functions else "no function follows from the priors yet"
        remedy = "name one" if study.functions else "write one in models/, or name a prior with -q"
        problems.append(Problem("", what, remedy))
    if any(b <= a for a, b in zip(axis, axis[1:], strict=False)):
        problems.append(Problem("", "the years do not ascend", "give years in ascending order"))
    if not 0 < prob < 1:
        problems.append(Problem("", f"prob is not between 0 and 1 ({prob})", "write 0.9 for 90%"))
    if not 0 <= seed < 1 << 63:
        what = f"seed is negative ({seed})" if seed < 0 else f"seed has more than 63 bits ({seed})"
        problems.append(Problem("", what, "give a whole number from 0 up to 9e18"))
    if method not in ("qmc", "mc"):
        problems.append(Problem("", f"unknown method '{method}'", "use 'qmc' or 'mc'"))
    if draws is not None and not 64 <= draws <= 1 << 27:
        problems.append(Problem("", f"draws is not from 64 to 134,217,728 ({draws})", "65,536 is a good number"))
    if not 0 < precision < 1:
        problems.append(Problem("", f"precision is not between 0 and 1 ({precision})", "0.005 is the default"))
    if problems:
        raise UsageError("\n".join(str(p) for p in problems))
