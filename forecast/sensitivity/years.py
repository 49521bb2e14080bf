"""What drives a quantity with a year axis, year by year: the shares alone, beside the answer's interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast.errors import CertainError
from forecast.result import Forecast, Interval
from forecast.sensitivity.prepared import posterior_error, prepare
from forecast.sensitivity.shapley import indices
from forecast.sensitivity.swings import Figure


@dataclass(frozen=True)
class Year:
    """The answer at one year.

    Parameters
    ----------
    year : float
    interval : Interval
    scale : str
        As in `forecast.sensitivity.Sensitivity`; nothing if the answer is certain.
    shapley : dict of str to Figure
        Shares of the variance by prior or trend.
    unexplained : Figure or None
    """

    year: float
    interval: Interval
    scale: str
    shapley: dict[str, Figure]
    unexplained: Figure | None


@dataclass(frozen=True, repr=False)
class ByYear:
    """What drives a quantity at several years. Printed, it is the table of ``forecast sensitivity``.

    Parameters
    ----------
    quantity, label, unit : str
    years : tuple of Year
    """

    quantity: str
    label: str
    unit: str
    years: tuple[Year, ...]

    def __repr__(self) -> str:
        from forecast.sensitivity.text import table_by_year

        return table_by_year(self)


def by_year(forecast: Forecast, name: str, years: Sequence[float], scale: str = "auto") -> ByYear:
    """Shares of the variance of a quantity at several years.

    Parameters
    ----------
    forecast : Forecast
    name : str
        A quantity with a year axis.
    years : sequence of float
        On that axis.
    scale : str
        As in `forecast.sensitivity.sensitivity`.

    Returns
    -------
    ByYear

    Raises
    ------
    UsageError
        An unknown quantity or year, or too few worlds.
    CertainError
        An answer that is certain at all of them.

    Examples
    --------
    >>> import forecast
    >>> study = forecast.open_study(forecast.starter())
    >>> result = study.run(["capped_run_cost"], years=[2025, 2030], draws=8192)
    >>> [one.year for one in by_year(result, "capped_run_cost", [2025, 2030]).years]
    [2025, 2030]
    """
    found, problem = [], None
    for year in years:
        interval = forecast.interval(name, year=year)
        try:
            prepared = prepare(forecast, name, year, None, scale)
        except CertainError as error:
            problem = error
            found.append(Year(year, interval, "", {}, None))
            continue
        shares = indices(prepared.surrogate)
        drawn = posterior_error(forecast, prepared, shares.shapley)
        errors = np.sqrt(shares.shapley_se**2 + drawn**2 + (prepared.doubt * shares.shapley) ** 2)
        shapley = {
            player: Figure(float(shares.shapley[i]), float(errors[i]))
            for i, player in enumerate(prepared.inputs.players)
        }
        missing = Figure(shares.unexplained, shares.unexplained_se)
        found.append(Year(year, interval, prepared.scale, shapley, missing))
    if problem is not None and not any(one.scale for one in found):
        raise problem
    return ByYear(name, forecast.study.definition(name).label, forecast.study.labels[name], tuple(found))
