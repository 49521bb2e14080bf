"""The density that every route shares: rows of a series given draws of a trend's parameters."""

from __future__ import annotations

import numpy as np

from forecast.trend.exact import bend
from forecast.trend.series import Array, Series
from forecast.trend.spec import TrendSpec, scores_to_values

Values = dict[str, Array]


def values_of_scores(spec: TrendSpec, scores: Array) -> Values:
    """Parameters at normal scores of their priors.

    Parameters
    ----------
    spec : TrendSpec
    scores : (draw, parameter) array
        In the order of ``spec.priors()``.

    Returns
    -------
    dict of (draw,) array
        ``level``, ``growth``, ``change`` (0 for a straight line), ``scatter``, and those of ``kink``, ``dof``,
        ``group_level_sd``, ``group_growth_sd`` that the spec has.
    """
    names = [f"{name}_sd" if name.startswith("group_") else name for name in spec.priors()]
    values = {
        name: scores_to_values(prior, scores[:, i])
        for i, (name, prior) in enumerate(zip(names, spec.priors().values(), strict=True))
    }
    return values if spec.kinked else values | {"change": np.zeros(len(scores))}


def line_and_slope(values: Values, data: Series, level_year: float) -> tuple[Array, Array]:
    """The mean line at the rows' dates and its slope there, both (draw, row), groups included."""
    x = data.t - level_year
    level, growth = values["level"][:, None], values["growth"][:, None]
    if "group_level" in values or "group_growth" in values:
        member = data.group_index()
        level = level + values["group_level"][:, member] if "group_level" in values else level
        growth = growth + values["group_growth"][:, member] if "group_growth" in values else growth
    line, slope = level + growth * x, np.broadcast_to(growth, (len(level), len(x)))
    if "kink" in values:
        kink, change = values["kink"][:, None], values["change"][:, None]
        line = line + change * bend(data.t, kink, level_year)
        slope = slope + change * (data.t > kink)
    return line, slope


def row_scale(values: Values, slope: Array, data: Series) -> Array:
    """Scale of each row about the line: scatter, error of y and error of the date times the slope; (draw, row)."""
    return np.sqrt(values["scatter"][:, None] ** 2 + data.se**2 + (slope * data.se_t) ** 2)


def log_likelihood(values: Values, data: Series, spec: TrendSpec) -> Array:
    """Log density of each row.

    Parameters
    ----------
    values : dict of (draw,) array
        Parameters; ``dof`` makes it Student-t; ``group_level`` and ``group_growth`` are (draw, group) deviations.
    data : Series
    spec : TrendSpec

    Returns
    -------
    (draw, row) array
        Natural logarithm of the density of `y`. For Student-t scatter the errors widen the scale of the t: the total
        error is taken to have its tails.
    """
    line, slope = line_and_slope(values, data, spec.level_year)
    scale = row_scale(values, slope, data)
    z2 = ((data.y - line) / scale) ** 2
    if "dof" not in values:
        return np.asarray(-0.5 * (np.log(2 * np.pi) + z2) - np.log(scale))
    from scipy.special import gammaln

    dof = values["dof"]
    constant = gammaln((dof + 1) / 2) - gammaln(dof / 2) - 0.5 * np.log(np.pi * dof)
    return np.asarray(constant[:, None] - (dof[:, None] + 1) / 2 * np.log1p(z2 / dof[:, None]) - np.log(scale))


def replicate(values: Values, data: Series, spec: TrendSpec, rng: np.random.Generator) -> Array:
    """The series drawn again at its own dates, errors of measurement included: posterior predictive, (draw, row)."""
    line, slope = line_and_slope(values, data, spec.level_year)
    noise = rng.standard_normal(line.shape)
    if "dof" in values:
        dof = values["dof"][:, None]
        noise = noise / np.sqrt(rng.chisquare(np.broadcast_to(dof, line.shape)) / dof)
    return line + row_scale(values, slope, data) * noise
