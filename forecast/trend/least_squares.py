"""Least-squares trends with their textbook intervals, and the criteria that papers quote."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecast.errors import StudyError
from forecast.trend.series import Array, Series

_BLOCK = 8192  # bootstrap samples at a time, so that memory stays small


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """A fitted line, straight or with a kink.

    Parameters
    ----------
    rows : int
    growth_before, growth_after : float
        OOM/year; equal for the straight line.
    kink : float
        Year of the kink; NaN for the straight line.
    level : float
        Height of the line at `center`.
    center : float
        Mean date of the rows.
    rss : float
        Residual sum of squares.
    spread : float
        Sum of squared deviations of the dates from their mean.
    """

    rows: int
    growth_before: float
    growth_after: float
    kink: float
    level: float
    center: float
    rss: float
    spread: float

    @property
    def parameters(self) -> int:
        """Free parameters: level, growth and variance; change and place of the kink are two more."""
        return 3 if np.isnan(self.kink) else 5

    @property
    def log_likelihood(self) -> float:
        """Largest Gaussian log likelihood, with the variance fitted (divisor n)."""
        return float(-0.5 * self.rows * (np.log(2 * np.pi * self.rss / self.rows) + 1))

    @property
    def aic(self) -> float:
        """Akaike's criterion; the smaller, the better."""
        return 2 * self.parameters - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz' criterion; the smaller, the better."""
        return float(np.log(self.rows)) * self.parameters - 2 * self.log_likelihood

    def line(self, year: Array) -> Array:
        """Height of the line, shape of `year`."""
        if np.isnan(self.kink):
            return self.level + self.growth_before * (year - self.center)
        bend = np.maximum(year - self.kink, 0) - max(self.center - self.kink, 0)
        return self.level + self.growth_before * (year - self.center) + (self.growth_after - self.growth_before) * bend

    def growth_interval(self, prob: float = 0.9) -> tuple[float, float]:
        """Textbook confidence interval of a straight line's growth (Student's t, rows - 2 dof), OOM/year."""
        se = np.sqrt(self.rss / (self.rows - 2) / self.spread)
        half = se * t_quantile(0.5 + prob / 2, self.rows - 2)
        return self.growth_before - half, self.growth_before + half

    def prediction(self, year: Array) -> tuple[Array, Array]:
        """Middle and scale of a new row's textbook predictive distribution: Student's t with rows - 2 dof."""
        variance = self.rss / (self.rows - 2)
        scale = np.sqrt(variance * (1 + 1 / self.rows + (year - self.center) ** 2 / self.spread))
        return self.line(year), scale


def straight_line(data: Series) -> LeastSquares:
    """Ordinary least squares of the rows on their dates (standard errors of rows do not enter).

    Raises
    ------
    StudyError
        With fewer than three rows, or a single date.

    Examples
    --------
    >>> from forecast.trend.series import series
    >>> round(straight_line(series("x", [2018, 2019, 2020], [1.0, 2.1, 3.0])).growth_before, 6)
    1.0
    """
    _need(data, 3)
    center = float(data.t.mean())
    x = data.t - center
    spread = float(x @ x)
    growth, level = float(x @ data.y) / spread, float(data.y.mean())
    rss = float(((data.y - level - growth * x) ** 2).sum())
    return LeastSquares(len(data), growth, growth, np.nan, level, center, rss, spread)


def kinked_line(data: Series, margin: int = 3) -> LeastSquares:
    """Least squares of a continuous line with one kink, whose year is fitted too.

    The sum of squares is smooth in the kink between two neighbouring dates, so every gap is searched on its own and
    the best bracket is refined by golden section.

    Parameters
    ----------
    data : Series
    margin : int
        Rows left at least on either side of the kink.

    Raises
    ------
    StudyError
        With too few rows or dates.
    """
    _need(data, max(5, 2 * margin))
    center = float(data.t.mean())
    dates = np.unique(np.concatenate([data.t[margin - 1 : len(data) - margin + 1]]))
    if len(dates) < 2:
        raise StudyError.at(data.name, f"no room for a kink between {margin} rows on either side", "add rows")
    # The orthogonal complement of the straight line, so that each kink is one more regressor on the residuals.
    base = np.stack([np.ones(len(data)), data.t - center], axis=1)
    unit = np.linalg.qr(base)[0]
    residual = data.y - unit @ (unit.T @ data.y)
    total = float(residual @ residual)

    def rss(kink: Array) -> Array:
        bends = np.maximum(data.t - np.reshape(kink, (-1, 1)), 0)
        free = bends - bends @ unit @ unit.T
        norm = (free**2).sum(1)
        gain = np.divide((free @ residual) ** 2, norm, out=np.zeros_like(norm), where=norm > 1e-12)
        return np.asarray(total - gain)

    share = np.linspace(0, 1, 9)
    points = np.unique(dates[:-1, None] + np.diff(dates)[:, None] * share)
    best = int(np.argmin(rss(points)))
    low, high = points[max(best - 1, 0)], points[min(best + 1, len(points) - 1)]
    golden = (np.sqrt(5) - 1) / 2
    while high - low > 1e-9:
        a, b = high - golden * (high - low), low + golden * (high - low)
        at_a, at_b = rss(np.array([a, b]))
        low, high = (low, b) if at_a < at_b else (a, high)
    kink = (low + high) / 2
    design = np.column_stack([base, np.maximum(data.t - kink, 0)])
    level, before, change = np.linalg.lstsq(design, data.y, rcond=None)[0]
    x = data.t - center
    height = float(level + change * max(center - kink, 0))
    found = float(((data.y - design @ np.array([level, before, change])) ** 2).sum())
    return LeastSquares(
        len(data), float(before), float(before + change), float(kink), height, center, found, float(x @ x)
    )  # fmt: skip


def pairs_bootstrap(data: Series, draws: int, rng: np.random.Generator) -> Array:
    """Growth of straight lines through rows drawn with replacement (pairs bootstrap), OOM/year.

    Returns
    -------
    (draw,) array
        NaN where a sample has a single date.

    Raises
    ------
    StudyError
        With fewer than three rows, or a single date.
    """
    _need(data, 3)
    x, y = data.t - data.t.mean(), data.y - data.y.mean()
    n = len(data)
    slopes = np.full(draws, np.nan)
    for start in range(0, draws, _BLOCK):
        rows = slice(start, min(start + _BLOCK, draws))
        count = rng.multinomial(n, np.full(n, 1 / n), size=rows.stop - start) / n
        mean_x, mean_y = count @ x, count @ y
        spread = count @ (x * x) - mean_x**2
        # A resample of a single date has no slope; with three rows that is one in nine.
        np.divide(count @ (x * y) - mean_x * mean_y, spread, out=slopes[rows], where=spread > 1e-12)
    return slopes


def growth_less(data: Series, less: Array, rng: np.random.Generator) -> Array:
    """Growth of a series less the growth of something else: of cost, from compute and compute for a dollar, say.

    Cottier, *Trends in the dollar training cost of machine learning systems* (2023), Method 1: its published kind of
    interval is the 5% to 95% range of these draws.

    Parameters
    ----------
    data : Series
    less : (draw,) array
        Draws of the growth that is taken off, OOM/year; as many bootstrap samples are made.
    rng : numpy.random.Generator
        Of the bootstrap.

    Returns
    -------
    (draw,) array
        OOM/year; a little shorter where a sample of few rows had a single date.
    """
    slopes = pairs_bootstrap(data, len(less), rng)
    return (slopes - less)[np.isfinite(slopes)]


def _need(data: Series, rows: int) -> None:
    if len(data) < rows:
        raise StudyError.at(data.name, f"{len(data)} rows are too few for this fit", f"select at least {rows}")
    if np.ptp(data.t) == 0:
        raise StudyError.at(data.name, f"all rows have the same date ({data.t[0]:.2f})", "a trend needs several dates")


def t_quantile(prob: float, dof: float) -> float:
    """Quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(dof, prob))
