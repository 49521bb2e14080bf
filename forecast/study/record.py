"""A study as it was read: frozen records, and the questions that can be asked of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from forecast.errors import UsageError
from forecast.graph import Function
from forecast.memo import blake2b
from forecast.study.priors import Dependence, Prior
from forecast.study.reports import Report
from forecast.units import UnitSystem, conversion

if TYPE_CHECKING:
    from forecast.evidence.observation import Observation
    from forecast.fits import Record
    from forecast.result import Forecast
    from forecast.trend.files import Curve, Trend
    from forecast.trend.series import Series


@dataclass(frozen=True)
class Study:
    """A study: what is believed, how quantities follow from one another, and what is told.

    Parameters
    ----------
    path : pathlib.Path
    priors : mapping of str to Prior
    functions : mapping of str to Function
    sequence : tuple of str
        The functions' names, each after everything it needs.
    dependences : tuple of Dependence
    units : UnitSystem
    factors : mapping of str to float
        A quantity's value in base units is its value in its own unit times this.
    labels : mapping of str to str
        Each quantity's unit as it is shown: as written, with the year of money made explicit.
    thresholds : mapping of str to mapping of str to float
        For each quantity, the thresholds its report names: text, and value in the quantity's unit.
    reports : mapping of str to Report
    trends : mapping of str to Trend
    curves : mapping of str to Curve
        The quantities that trends define: curves with a year axis, and parameters.
    fit_keys : mapping of str to str
        For each trend, a hash of all that its fit depends on.
    digest : str
        A hash of every text the study consists of.
    notes : tuple of str
        What is worth saying but is no error.
    replaced : mapping of str to str
        Quantities replaced by a scenario, and by what text.
    posteriors : dict of str to Record
        The fits of trends that have been loaded so far.
    evidence : tuple of Observation
        What was seen of quantities, in the order in which it is used.
    base : str
        As `digest`, without the observations.

    Examples
    --------
    >>> import forecast
    >>> study = forecast.open_study(forecast.starter())
    >>> study.labels["training_cost"], study.children("training_cost")
    ('USD_2023', ('acquired_over_rented',))
    """

    path: Path
    priors: Mapping[str, Prior]
    functions: Mapping[str, Function]
    sequence: tuple[str, ...]
    dependences: tuple[Dependence, ...]
    units: UnitSystem
    factors: Mapping[str, float]
    labels: Mapping[str, str]
    thresholds: Mapping[str, Mapping[str, float]]
    reports: Mapping[str, Report]
    trends: Mapping[str, Trend]
    curves: Mapping[str, Curve]
    fit_keys: Mapping[str, str]
    digest: str
    notes: tuple[str, ...] = ()
    replaced: Mapping[str, str] = field(default_factory=dict)
    posteriors: dict[str, Record] = field(default_factory=dict, repr=False, compare=False)
    evidence: tuple[Observation, ...] = ()
    base: str = ""

    def __repr__(self) -> str:
        """What it is and how much it holds; the hash is that of `digest`."""
        kinds = (
            (len(self.priors), "prior"),
            (len(self.trends), "trend"),
            (len(self.functions), "function"),
            (len(self.evidence), "observation"),
        )
        counts = ", ".join(f"{count:,} {kind}{'s' * (count != 1)}" for count, kind in kinds if count)
        scenario = "; scenario: " + ", ".join(f"{k} = {v}" for k, v in self.replaced.items()) if self.replaced else ""
        return f"<Study {self.name}: {counts or 'empty'}{scenario}; hash {self.digest[:12]}>"

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def names(self) -> tuple[str, ...]:
        """Every quantity: priors, what trends define, then functions in order."""
        return (*self.priors, *self.curves, *self.sequence)

    @property
    def main(self) -> Report:
        """The report that a plain run shows: ``reports/main.md``, or one that shows every function."""
        return self.reports.get("main") or Report(
            "main", "Every quantity", tuple(self.sequence), tuple(range(2020, 2051))
        )

    @property
    def axis(self) -> tuple[float, ...]:
        """The year axis of a plain run: the main report's, or 2020 to 2050."""
        return tuple(map(float, self.main.years)) or tuple(map(float, range(2020, 2051)))

    def definition(self, name: str) -> Prior | Curve | Function:
        """A quantity's definition.

        Raises
        ------
        UsageError
            No such quantity; the nearest name is suggested.
        """
        found = self.priors.get(name) or self.curves.get(name) or self.functions.get(name)
        if found is None:
            from forecast.study.scenario import no_quantity

            raise UsageError("; ".join(no_quantity(name, self.names)))
        return found

    def series_of(self, trend: str, known_by: float = math.inf) -> Series:
        """The series that a trend is fitted to: the selected rows of its evidence table, as log10 of its unit.

        Parameters
        ----------
        trend : str
        known_by : float
            Decimal year: only rows that were known by then (`forecast.trend.selection.select`).

        Raises
        ------
        StudyError
            The table or the selection is wrong.
        """
        from forecast.trend.selection import select
        from forecast.trend.tables import read_table

        declared = self.trends[trend]
        path = f"priors/{declared.series}"
        table = read_table(path, (self.path / path).read_text(encoding="utf-8-sig"))
        return select(table, declared.selection, declared.unit, self.units, declared.place, known_by)

    def children(self, name: str) -> tuple[str, ...]:
        """Functions that have the quantity as a parameter."""
        return tuple(f.name for f in self.functions.values() if name in f.parameters)

    def given(self, values: Mapping[str, Any], place: str = "given") -> Study:
        """The study with quantities replaced: a scenario.

        Parameters
        ----------
        values : mapping of str to (str, float or squigglepy distribution)
            For a quantity, given or derived: a text or number in its unit, or the name of one of its alternatives.
        place : str
            Where the values stand, for the errors.

        Returns
        -------
        Study
            A new study (the same one if nothing is replaced); this one is unchanged.

        Raises
        ------
        StudyError
            An unknown quantity or an invalid text.

        Examples
        --------
        >>> import forecast
        >>> study = forecast.open_study(forecast.starter())
        >>> study.given({"utilisation": 0.4}).replaced
        {'utilisation': '0.4'}
        """
        from forecast.study.scenario import replaced

        return replaced(self, values, place) if values else self

    def observe(
        self, quantity: str, value: Any = None, *, at_least: Any = None, at_most: Any = None, error: Any = None,
        unit: str = "", date: Any = None, source: str = "", note: str = "", id: str = "",
    ) -> Study:  # fmt: skip
        """The study with one more observation.

        Parameters
        ----------
        quantity : str
            Given or derived; ``name@year`` where it has a year axis.
        value : str or number, optional
            What was measured, with its uncertainty: ``"60M to 120M"``. A plain number is exact unless it has an
            `error`.
        at_least, at_most : str or number, optional
            Bounds instead.
        error : str or number, optional
            Standard error of a plain number or of the bounds: ``"10%"``, or in the unit of the value.
        unit : str
            Unit of all these; the quantity's own where left out.
        date : str or datetime.date
            When it was seen or published; every observation needs one.
        source : str
            Who says so, and where; every observation needs one.
        note : str
        id : str
            Its name; made from the quantity where left out.

        Returns
        -------
        Study
            A new study, whose runs are of the posterior; this one is unchanged.

        Raises
        ------
        StudyError
            Everything that is wrong with the observation.

        Examples
        --------
        >>> import forecast
        >>> study = forecast.open_study(forecast.starter())
        >>> seen = study.observe("training_cost", "60M to 120M", source="a newspaper", date="2024-03-01")
        >>> [observation.id for observation in seen.evidence]
        ['training_cost']
        """
        from forecast.evidence.observation import free_id, from_fields

        fields = {
            "value": value,
            "at_least": at_least,
            "at_most": at_most,
            "error": error,
            "unit": unit or None,
            "note": note or None,
        }
        table = {"quantity": quantity, "date": date, "source": source} | {
            k: v for k, v in fields.items() if v is not None
        }
        name = id or free_id(quantity, [seen.id for seen in self.evidence])
        return self.with_evidence((*self.evidence, from_fields(name, table, f"observe {quantity}")))

    def with_evidence(self, observations: Sequence[Observation]) -> Study:
        """The study with these observations instead of its own.

        Raises
        ------
        StudyError
            An observation of no quantity, in a unit of another kind, or an id that stands twice.
        """
        from forecast.evidence.files import fitted_all, in_order

        made = in_order(
            fitted_all(
                observations, self.names, self.labels, lambda one, other, at: conversion(self.units, one, other, at)
            )
        )
        digest = blake2b(repr((self.base, [seen.key() for seen in made])).encode(), digest_size=16).hexdigest()
        return replace(self, evidence=made, digest=digest if made else self.base)

    def with_dependence(self, between: tuple[str, str], rank_correlation: float) -> Study:
        """The study with one declared dependence set to another rank correlation; no other pair is made dependent."""
        dependences = tuple(
            replace(d, rank_correlation=float(rank_correlation)) if d.between == tuple(between) else d
            for d in self.dependences
        )
        return replace(self, dependences=dependences)

    def run(
        self,
        quantities: Sequence[str] | None = None,
        *,
        years: Sequence[float] | None = None,
        given: Mapping[str, Any] | None = None,
        draws: int | None = None,
        seed: int | None = None,
        prob: float | None = None,
        method: Literal["qmc", "mc"] = "qmc",
        precision: float = 0.005,
        block: int = 16384,
        threads: int = 1,
        rung: str = "auto",
    ) -> Forecast:
        """Draw possible worlds and evaluate the study in each.

        Parameters
        ----------
        quantities : sequence of str, optional
            What to report and to be precise about (``name`` or ``name@year``); the main report's where left out. Any
            other quantity can still be asked of the result.
        years : sequence of float, optional
            The year axis; the main report's where left out.
        given : mapping, optional
            A scenario: see `given`.
        draws : int, optional
            Number of worlds in all; where left out, they are doubled until every reported interval end has a Monte
            Carlo standard error below `precision` times the interval's width.
        seed : int, optional
            The main report's where left out; the same study, seed and draws give the same worlds.
        prob : float, optional
            Probability of the equal-tailed credible intervals; the main report's where left out.
        method : {"qmc", "mc"}
            Randomised quasi-Monte Carlo, or plain Monte Carlo.
        precision : float
            Share of an interval's width.
        block : int
            Worlds evaluated at a time, so that the arrays stay in the cache; it changes nothing in the result.
        threads : int
            It changes nothing in the result.
        rung : {"auto", "weights", "smc", "nuts"}
            How evidence is brought in; ``auto`` takes the quickest way that holds.

        Returns
        -------
        Forecast

        Raises
        ------
        StudyError
            A scenario is invalid, or a model fails in some world.
        UsageError
            An unknown quantity, a year off the axis, or an argument outside its range; all at once.
        GateError
            A trend's fit or the evidence does not meet the quality asked of it.

        Examples
        --------
        >>> import forecast
        >>> result = forecast.open_study(forecast.starter()).run(["training_cost"], draws=1024)
        >>> dict(result["training_cost"].sizes)
        {'chain': 8, 'draw': 128}
        """
        from forecast.run import run  # upwards, for the method that users type; see tests/test_layers.py

        study = self.given(given) if given else self
        return run(
            study,
            quantities=quantities,
            years=years,
            draws=draws,
            seed=seed,
            prob=prob,
            method=method,
            precision=precision,
            block=block,
            threads=threads,
            rung=rung,
        )
