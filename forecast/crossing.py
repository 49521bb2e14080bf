"""The first year in which a growing quantity reaches a threshold; "never" and "already" are answers of their own."""

from __future__ import annotations

from typing import Any

import numpy as np


def first_crossing(year: Any, path: Any, threshold: Any) -> Any:
    """Year in which `path` first reaches `threshold`.

    Between two years the path is taken as growing by a constant factor (linear in its logarithm), so the answer is
    exact for exponential growth whatever the spacing of the years; where a value is not positive, as linear.

    Parameters
    ----------
    year : array ``(year, 1)``
        The years, ascending.
    path : array ``(year, draw)``
        The quantity by year.
    threshold : array ``(draw,)``, ``(year, draw)`` or scalar
        What is to be reached, in the unit of `path`; it may be uncertain and may change by year.

    Returns
    -------
    array ``(draw,)``
        The year (a decimal number). ``+inf`` where the threshold is not reached on the years given ("never by" the
        last one), ``-inf`` where it is reached in the first of them ("already").

    Examples
    --------
    >>> year = np.array([[2025.0], [2026.0], [2027.0]])
    >>> first_crossing(year, 10.0 ** (0.5 * (year - 2025)), np.array([1.0, 10**0.75, 100.0]))
    array([  -inf, 2026.5,    inf])
    """
    if hasattr(path, "units") or hasattr(threshold, "units"):  # the unit check: like must be compared with like
        path, threshold = np.broadcast_arrays(path, threshold, subok=True)
        ratio = (path / threshold).to("dimensionless").magnitude
        return np.asarray(first_crossing(year.magnitude, ratio, 1.0)) * year.units
    years = np.asarray(year, dtype=float).reshape(-1)
    path, threshold = np.broadcast_arrays(np.asarray(path, dtype=float), np.asarray(threshold, dtype=float))
    if path.ndim < 2 or len(path) != len(years):
        path, threshold = (np.broadcast_to(x, (len(years), x.shape[-1] if x.ndim else 1)) for x in (path, threshold))
    reached = path >= threshold
    after = np.argmax(reached, axis=0)
    draw = np.arange(path.shape[1])
    crossed = reached[after, draw]
    before = np.maximum(after - 1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        start, end = path[before, draw], path[after, draw]
        start_goal, end_goal = threshold[before, draw], threshold[after, draw]
        logarithmic = np.minimum(np.minimum(start, end), np.minimum(start_goal, end_goal)) > 0
        gap = np.where(logarithmic, np.log(start_goal) - np.log(start), start_goal - start)
        gap_end = np.where(logarithmic, np.log(end_goal) - np.log(end), end_goal - end)
        part = gap / (gap - gap_end)
    part = np.where(np.isfinite(part), part, 1.0)  # from minus infinity: at the end of the interval
    exact = years[before] + part * (years[after] - years[before])
    result = np.where(crossed, exact, np.inf)
    return np.where(crossed & (after == 0), -np.inf, result)
