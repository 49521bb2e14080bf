"""The three curves of a trend: the mean line, a new system, the running record.

They differ, and a crossing year says which it means. The *mean line* is where the middle of the systems is. *A new
system* is one draw around it. The *running record* is the largest value so far: up to the last date of the series
the largest reported one, afterwards also every system that has arrived since.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.special import log_ndtr, ndtri
from forecast.trend.noise import noise_excess, noise_value
from forecast.trend.series import Array

_FROZEN = 1e-5  # the early part of a world's path has no say in its record below this share of the arrivals (7e-6 OOM)
_STEPS = 60
_TINY = 1e-3  # least rise of the mean line, in scatters, at which differences of the excess are exact enough


@dataclass(frozen=True, eq=False)
class Lines:
    """Each world's own line; made by ``Posterior.lines``.

    Parameters
    ----------
    level_year : float
        Year of `level`.
    level, growth, change, kink, scatter : (world,) array
        OOM, OOM/year, OOM/year, year, OOM.
    rate : (world,) array
        Systems per year that arrive after the last row.
    table : (world, 23) array, optional
        Noise functions of Student-t scatter; none means normal.
    record_t, record_y : (row,) array
        Dates of the series and the largest log10 value up to each.
    """

    level_year: float
    level: Array
    growth: Array
    change: Array
    kink: Array
    scatter: Array
    rate: Array
    table: Array | None
    record_t: Array
    record_y: Array


def mean_line(lines: Lines, year: Array) -> Array:
    """The mean line: log10 of the median system.

    Parameters
    ----------
    lines : Lines
    year : (year,) or (year, 1) array, or number
        Decimal years.

    Returns
    -------
    (year, world) array
        log10 of the value in the series' unit.
    """
    t = np.reshape(np.asarray(year, dtype=float), (-1, 1))
    path = lines.level + lines.growth * (t - lines.level_year)
    if lines.change.any():
        at_level_year = np.maximum(lines.level_year - lines.kink, 0)
        path += lines.change * (np.maximum(t - lines.kink, 0) - at_level_year)
    return path


def new_system(lines: Lines, year: Array, score: Array) -> Array:
    """A system published in each year: the posterior predictive, without errors of measurement.

    Parameters
    ----------
    lines : Lines
    year : (year,) or (year, 1) array, or number
        Decimal years.
    score : (world,) or (year, world) array
        Standard normal scores; of shape (world,), a world's systems stand equally high above its line every year.

    Returns
    -------
    (year, world) array
        log10 of the value in the series' unit.
    """
    return mean_line(lines, year) + lines.scatter * noise_value(np.asarray(score, dtype=float), lines.table)


def running_record(lines: Lines, year: Array, score: Array) -> Array:
    """The largest value so far, by year.

    Up to the last date of the series it is the largest value reported by then (``-inf`` before the first row). After
    it, systems arrive as a Poisson process with the world's `rate`, each a new system around the world's line at
    its own date, so that with T the last date and S the survival function of the scatter::

        P(record(Y) <= r) = exp(-rate * integral from T to Y of S((r - mean_line(t)) / scatter) dt)   for r >= record(T)

    A world's record is the quantile of that distribution at its own score, in every year. It therefore never falls,
    and the record in any one year and the year in which it crosses a constant threshold have exactly the
    distribution of the process; only the timing *between* records within a world is smoother than the process's steps.

    Parameters
    ----------
    lines : Lines
    year : (year,) or (year, 1) array, or number
        Decimal years, increasing.
    score : (world,) array
        Standard normal scores: how lucky the world is.

    Returns
    -------
    (year, world) array
        log10 of the value in the series' unit, not decreasing along the years.
    """
    years = np.ravel(np.asarray(year, dtype=float))
    last = float(lines.record_t[-1])
    worlds = len(lines.level)
    seen = np.concatenate([[-np.inf], lines.record_y])[np.searchsorted(lines.record_t, years, side="right")]
    record = np.broadcast_to(seen[:, None], (len(years), worlds)).copy()
    # Arrivals above the record that this world is given: the Poisson mean at which "none" has the score's probability.
    log_given = np.log(np.maximum(-log_ndtr(np.asarray(score, dtype=float)), 1e-300))
    ahead = np.flatnonzero(years > last)
    if not len(ahead):
        return record
    means = mean_line(lines, years[ahead])
    active = np.arange(worlds)
    above = np.zeros(worlds)  # the record's height above the mean line, in scatters, where it no longer changes
    late_kink = bool(lines.change.any() and (lines.kink > last).any())
    started = False
    for row, at, mean in zip(ahead, years[ahead], means, strict=True):
        record[row] = mean + lines.scatter * above
        if len(active):
            part = _take(lines, active)
            guess = record[row, active] if started else None
            level, share = _solve(part, last, float(at), mean[active], log_given[active], guess, late_kink)
            record[row, active] = level
            above[active] = (level - mean[active]) / part.scatter
            started = True
            if not late_kink:
                active = active[share > _FROZEN]
    first = ahead[0]
    np.maximum(record[first:], lines.record_y[-1], out=record[first:])
    return np.maximum.accumulate(record, axis=0)


def _take(lines: Lines, index: NDArray[np.intp]) -> Lines:
    if len(index) == len(lines.level):
        return lines
    names = ("level", "growth", "change", "kink", "scatter", "rate")
    table = None if lines.table is None else lines.table[index]
    picked = {name: getattr(lines, name)[index] for name in names}
    return Lines(lines.level_year, **picked, table=table, record_t=lines.record_t, record_y=lines.record_y)


def _solve(
    lines: Lines, start: float, end: float, mean: Array, log_given: Array, guess: Array | None, late_kink: bool
) -> tuple[Array, Array]:
    """The level that as many systems are expected to exceed by `end` as the world is given; the first arrivals' share.

    Newton's method on the logarithm of the expected number. It falls and, for normal scatter, is concave in the level,
    so that from above (all systems at the highest mean) the method cannot overshoot.
    """
    low = lines.record_y[-1]
    turn = np.clip(lines.kink, start, end) if late_kink else np.full_like(mean, start)
    at_start, at_turn = (mean_line_at(lines, when) for when in (np.full_like(mean, start), turn))
    pieces = [(turn - start, at_start, at_turn)] if late_kink else []
    pieces.append((end - turn, at_turn, mean))
    target = log_given - np.log(lines.rate)
    chance = np.exp(target) / (end - start)
    highest = np.maximum(np.maximum(at_start, at_turn), mean)
    z = -ndtri(np.clip(chance, 1e-300, 1 - 1e-12))
    upper = highest + lines.scatter * noise_value(z, lines.table)
    level = np.maximum(upper if guess is None else np.minimum(guess, upper), low)
    share = np.ones_like(mean)
    for _ in range(_STEPS):
        total, slope, share = _expected(level, pieces, lines)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = (np.log(total) - target) * total / slope
        # Nothing expected above this level: halve the way down.
        step = np.where(np.isfinite(step), step, (level - low) / 2)
        moved = np.clip(level + step, low, np.maximum(upper, low))
        done = np.abs(moved - level) <= 1e-9 * lines.scatter
        level = moved
        if done.all():
            break
    return np.where(chance >= 1, low, level), np.where(level > low, share, 1.0)


def mean_line_at(lines: Lines, when: Array) -> Array:
    """The mean line at one date per world, shape (world,)."""
    path = lines.level + lines.growth * (when - lines.level_year)
    bend = np.maximum(when - lines.kink, 0) - np.maximum(lines.level_year - lines.kink, 0)
    return np.asarray(path + lines.change * bend)


def _expected(level: Array, pieces: list[tuple[Array, Array, Array]], lines: Lines) -> tuple[Array, Array, Array]:
    """Years' worth of systems above `level`, minus its derivative, and the share of the start of the path in it."""
    total, slope, early = np.zeros_like(level), np.zeros_like(level), np.zeros_like(level)
    for length, mean0, mean1 in pieces:
        middle, half = (mean0 + mean1) / 2, (mean1 - mean0) / (2 * lines.scatter)
        half = np.where(np.abs(half) < _TINY, _TINY, half)
        x = (level - middle) / lines.scatter
        survival0, excess0 = noise_excess(x + half, lines.table)
        survival1, excess1 = noise_excess(x - half, lines.table)
        total += length * (excess1 - excess0) / (2 * half)
        slope += length * (survival1 - survival0) / (2 * half * lines.scatter)
        early = np.abs(excess0 / np.maximum(excess1, 1e-300))
    return total, slope, early
