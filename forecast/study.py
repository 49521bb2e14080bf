"""A folder of text to a `Study`: priors, functions and reports wired together, with every problem told at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast import __version__
from forecast.belief import Distribution
from forecast.errors import Problem, StudyError, UsageError, nearest
from forecast.graph import YEAR, Function, ancestors, order
from forecast.memo import Memo
from forecast.model_files import read_models
from forecast.number import parse_number
from forecast.prior_files import Dependence, Prior, read_priors
from forecast.report_files import Report, read_report
from forecast.unit_files import read_units
from forecast.units import UnitSystem, conversion, undated_note, unit

if TYPE_CHECKING:
    from forecast.evidence_files import Observation
    from forecast.fits import Record
    from forecast.result import Forecast
    from forecast.trend_files import Curve, Trend
    from forecast.trend_series import Series

VERSION = __version__
FOLDERS = ("priors", "models", "reports")
# The files whose text is the study; its hash covers them, and nothing else decides what a run gives.
PATTERNS = ("priors/*.toml", "priors/*.csv", "priors/evidence/*.csv", "priors/evidence/*.toml", "models/*.py", "reports/*.md", "reports/claims/*.toml")
CHECK_YEARS = (2025.0, 2026.0, 2030.0)  # at which the unit check runs the functions


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
    evidence : tuple of Observation
        What was seen of quantities, in the order in which it is used.
    base : str
        As `digest`, without the observations.

    Examples
    --------
    >>> study = open_study(".")                                          # doctest: +SKIP
    >>> study.run().interval("crossing_year", prob=0.9)                   # doctest: +SKIP
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
    posteriors: dict[str, Record] = field(default_factory=dict, repr=False, compare=False)  # loaded so far
    evidence: tuple[Observation, ...] = ()
    base: str = ""

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
        return self.reports.get("main") or Report("main", "Every quantity", tuple(self.sequence), tuple(range(2020, 2051)))

    def definition(self, name: str) -> Prior | Curve | Function:
        """A quantity's definition.

        Raises
        ------
        UsageError
            No such quantity; the nearest name is suggested.
        """
        found = self.priors.get(name) or self.curves.get(name) or self.functions.get(name)
        if found is None:
            raise UsageError(_unknown_quantity(name, self.names))
        return found

    def series_of(self, trend: str) -> Series:
        """The series that a trend is fitted to: the selected rows of its evidence table, as log10 of its unit.

        Raises
        ------
        StudyError
            The table or the selection is wrong.
        """
        from forecast.series_files import read_table, select

        declared = self.trends[trend]
        path = f"priors/{declared.series}"
        table = read_table(path, (self.path / path).read_text(encoding="utf-8-sig"))
        return select(table, declared.selection, declared.unit, self.units, declared.place)

    def children(self, name: str) -> tuple[str, ...]:
        """Functions that have the quantity as a parameter."""
        return tuple(f.name for f in self.functions.values() if name in f.parameters)

    def given(self, values: Mapping[str, Any], place: str = "given") -> Study:
        """The study with quantities replaced: a scenario.

        Parameters
        ----------
        values : mapping of str to (str, float or squigglepy distribution)
            For a quantity, given or derived: a text or number in its unit, or the name of one of its alternatives.

        Returns
        -------
        Study
            A new study (the same one if nothing is replaced); this one is unchanged.

        Raises
        ------
        StudyError
            An unknown quantity or an invalid text.
        """
        if not values:
            return self
        from forecast.distribution import parse

        priors, functions, curves, problems = dict(self.priors), dict(self.functions), dict(self.curves), []
        replaced = dict(self.replaced)
        for name, value in values.items():
            where = f"{place} {name}"
            if name not in self.names:
                problems.append(Problem(where, f"the study has no quantity '{name}'", nearest(name, self.names)))
                continue
            old = self.definition(name)
            chosen = [a for a in old.alternatives if a.name == value] if isinstance(old, Prior) else []
            try:
                distribution = chosen[0].distribution if chosen else parse(value, where)
            except StudyError as error:
                names = [a.name for a in old.alternatives] if isinstance(old, Prior) else []
                hint = nearest(str(value), names)
                problems.extend(replace(p, remedy=hint) if hint else p for p in error.problems)
                continue
            functions.pop(name, None)
            curves.pop(name, None)
            priors[name] = Prior(
                name,
                old.label,
                distribution,
                old.unit,
                chosen[0].source if chosen else "scenario",
                chosen[0].note if chosen else "",
                old.alternatives if isinstance(old, Prior) else (),
                where,
            )
            replaced[name] = str(value) if isinstance(value, (str, int, float)) else distribution.canonical()
        if problems:
            raise StudyError(problems)
        sequence = tuple(name for name in self.sequence if name in functions)
        return replace(self, priors=priors, functions=functions, curves=curves, sequence=sequence, replaced=replaced)

    def observe(
        self, quantity: str, value: Any = None, *, at_least: Any = None, at_most: Any = None, error: Any = None, unit: str = "",
        date: Any, source: str, note: str = "", id: str = "",
    ) -> Study:  # fmt: skip
        """The study with one more observation.

        Parameters
        ----------
        quantity : str
            Given or derived; ``name@year`` where it has a year axis.
        value : str or number, optional
            What was measured, with its uncertainty: ``"60M to 120M"``. A plain number is exact unless it has an `error`.
        at_least, at_most : str or number, optional
            Bounds instead.
        error : str or number, optional
            Standard error of a plain number or of the bounds: ``"10%"``, or in the unit of the value.
        unit : str
            Unit of all these; the quantity's own where left out.
        date : str or datetime.date
            When it was seen or published.
        source : str
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
        >>> seen = study.observe("training_cost", "60M to 120M", source="a newspaper", date="2024-03-01")  # doctest: +SKIP
        """
        from forecast.evidence_files import free_id, from_fields

        fields = {"value": value, "at_least": at_least, "at_most": at_most, "error": error, "unit": unit or None, "note": note or None}
        table = {"quantity": quantity, "date": date, "source": source} | {k: v for k, v in fields.items() if v is not None}
        name = id or free_id(quantity, [seen.id for seen in self.evidence])
        return self.with_evidence((*self.evidence, from_fields(name, table, f"observe {quantity}")))

    def with_evidence(self, observations: Sequence[Observation]) -> Study:
        """The study with these observations instead of its own.

        Raises
        ------
        StudyError
            An observation of no quantity, in a unit of another kind, or an id that stands twice.
        """
        from forecast.evidence_files import fitted_all, in_order

        made = in_order(fitted_all(observations, self.names, self.labels, lambda one, other, at: conversion(self.units, one, other, at)))
        digest = hashlib.blake2b(repr((self.base, [seen.key() for seen in made])).encode(), digest_size=16).hexdigest()
        return replace(self, evidence=made, digest=digest if made else self.base)

    def with_dependence(self, between: tuple[str, str], rank_correlation: float) -> Study:
        """The study with one declared dependence set to another rank correlation."""
        dependences = tuple(
            replace(d, rank_correlation=float(rank_correlation)) if d.between == tuple(between) else d for d in self.dependences
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
        method: str = "qmc",
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
        prob : float, optional
            Probability of the equal-tailed credible intervals.
        method : {"qmc", "mc"}
            Randomised quasi-Monte Carlo, or plain Monte Carlo.
        precision : float
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
        StudyError, UsageError
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


def open_study(path: str | Path = ".") -> Study:
    """Read a study.

    Opening a study runs its Python (``models/*.py``): do it only with studies you trust. Text from priors, evidence and
    reports is never evaluated as code.

    Parameters
    ----------
    path : str or pathlib.Path
        A folder with ``priors/``, ``models/`` and ``reports/`` in it.

    Returns
    -------
    Study

    Raises
    ------
    StudyError
        Everything that is wrong with the study.
    """
    root = Path(path).resolve()
    if not root.is_dir():
        raise StudyError.at(str(path), "is not a folder", "name a study's folder, or make one with 'forecast new DIR'")
    missing = [folder for folder in ("priors", "models") if not (root / folder).is_dir()]
    if missing:
        raise StudyError.at(str(path), f"is not a study: it has no {' and no '.join(f'{m}/' for m in missing)}", "make one with 'forecast new DIR'")
    problems: list[Problem] = []
    files = _read_files(root, problems)
    digest = _digest(files)
    base = _digest({name: text for name, text in files.items() if not _is_evidence_file(name)})
    memo = Memo(root / "build" / "memo.json", VERSION)

    try:
        units = read_units(root / "priors" / "units.toml")
    except StudyError as error:
        problems.extend(error.problems)
        units = UnitSystem()
    prior_files = {name: text for name, text in files.items() if _is_prior_file(name)}
    priors, dependences, trends, declared = read_priors(prior_files, lambda text, place: _parse(text, place, memo), problems)
    curves = _curves(trends)
    functions = read_models({name: text for name, text in files.items() if name.startswith("models/")}, root, problems)
    reports = {
        report.name: report
        for name, text in files.items()
        if name.startswith("reports/") and name.endswith(".md") and (report := read_report(name, text, problems))
    }
    _no_second_definition({**curves, **priors}, functions, problems)
    sequence: tuple[str, ...] = tuple(functions)
    # What a broken file or table would define is not missed: only the cause is told, not what follows from it.
    ordered = not any(problem.hides for problem in problems)
    if ordered:
        try:
            sequence = order(functions, {*priors, *curves, *declared, YEAR})
        except StudyError as error:
            problems.extend(error.problems)
            ordered = False
        _check_dependences(dependences, {*priors, *declared}, problems)
        _check_reports(reports, (*priors, *curves, *declared, *sequence), problems)
    # A broken file hides what it defines, so the functions are only run with units when all else is well.
    parts = _Parts(files, units, priors, trends, curves, functions, sequence if ordered else None, reports)
    checked = _check_units(parts, memo, base, problems)
    quantities = (*priors, *curves, *declared, *sequence)
    evidence = _read_evidence(files, quantities, checked["labels"], units, memo, problems) if ordered else ()
    if problems:
        raise StudyError(problems)
    memo.save()
    return Study(
        root,
        priors,
        functions,
        sequence,
        dependences,
        units,
        checked["factors"],
        checked["labels"],
        checked["thresholds"],
        reports,
        trends,
        curves,
        checked["fits"],
        digest,
        tuple(checked["notes"]),
        evidence=evidence,
        base=base,
    )


def _read_files(root: Path, problems: list[Problem]) -> dict[str, str]:
    """Every text of the study by its relative path, sorted; evidence data is read where it is used."""
    files: dict[str, str] = {}
    for pattern in PATTERNS:
        for file in sorted(root.glob(pattern)):
            relative = file.relative_to(root).as_posix()
            try:
                files[relative] = file.read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                problems.append(Problem(relative, f"is not UTF-8 text (byte {error.start})", "save it as UTF-8", True))
            except OSError as error:
                problems.append(Problem(relative, f"cannot be read ({error.strerror})", "make it readable", True))
    return files


def _is_prior_file(name: str) -> bool:
    return name.startswith("priors/") and name.endswith(".toml") and name != "priors/units.toml" and not _is_evidence_file(name)


def _is_evidence_file(name: str) -> bool:
    return name.startswith("priors/evidence/") and name.endswith(".toml")


def _read_evidence(
    files: Mapping[str, str], names: Sequence[str], labels: Mapping[str, str], units: UnitSystem, memo: Memo, problems: list[Problem]
) -> tuple[Observation, ...]:
    texts = {name: text for name, text in files.items() if _is_evidence_file(name)}
    if not texts:
        return ()
    from forecast.evidence_files import read_evidence

    system = _digest({name: text for name, text in files.items() if name == "priors/units.toml" or name.endswith(".csv")})

    def convert(one: str, other: str, place: str) -> float:
        key = f"{system} {one} {other}"
        known = memo.get("conversion", key)
        if known is None:
            known = conversion(units, one, other, place)
            memo.put("conversion", key, known)
        return float(known)

    return read_evidence(texts, names, labels, convert, lambda text, place: _parse(text, place, memo), problems)


def _digest(files: Mapping[str, str]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name, text in sorted(files.items()):
        for part in (name, text):
            encoded = part.encode()
            digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.hexdigest()


def _parse(text: Any, place: str, memo: Memo) -> Distribution:
    key = repr(text)
    known = memo.get("distribution", key)
    if known is not None:
        return Distribution.from_json(known)
    from forecast.distribution import parse  # with the grammar, which what is remembered spares

    distribution = parse(text, place)
    memo.put("distribution", key, distribution.to_json())
    return distribution


def _no_second_definition(priors: Mapping[str, Prior | Curve], functions: Mapping[str, Function], problems: list[Problem]) -> None:
    for name in priors:
        if name in functions:
            problems.append(
                Problem(
                    priors[name].place,
                    f"a quantity has one definition, and {functions[name].place} {name}() defines this one too",
                    "rename or delete one; a scenario replaces a quantity with --set",
                )
            )
        if name == YEAR:
            problems.append(Problem(priors[name].place, "'year' is supplied by the engine", "rename the prior"))


def _check_dependences(dependences: tuple[Dependence, ...], priors: set[str], problems: list[Problem]) -> None:
    seen: dict[frozenset[str], str] = {}
    banded = [dependence for dependence in dependences if dependence.band]
    problems.extend(
        Problem(other.place, f"has band = true, as {banded[0].place} has", "show the band of one dependence only")
        for other in banded[1:]
    )
    for dependence in dependences:
        pair = frozenset(dependence.between)
        if pair in seen:
            problems.append(Problem(dependence.place, f"{' and '.join(dependence.between)} are related in {seen[pair]} too", "delete one"))
        seen[pair] = dependence.place
        for name in dependence.between:
            if name not in priors:
                hint = nearest(name, priors) or "only priors can be related; relate those that a quantity follows from"
                problems.append(Problem(dependence.place, f"there is no prior '{name}'", hint))


def _check_reports(reports: Mapping[str, Report], names: Sequence[str], problems: list[Problem]) -> None:
    for report in reports.values():
        for request in (*report.quantities, *report.thresholds):
            name, _, year = request.partition("@")
            if name not in names:
                problems.append(Problem(report.place, f"there is no quantity '{name}'", nearest(name, names) or "'forecast check' lists them"))
            if year and not _is_number(year):
                problems.append(Problem(report.place, f"'{request}' does not name a year ({year})", f"write {name}@2030"))
            elif year and report.years and float(year) not in report.years:
                problems.append(
                    Problem(report.place, f"the year of '{request}' is not among the report's years ({report.years[0]:g} to {report.years[-1]:g})", "widen years")
                )


@dataclass(frozen=True)
class _Parts:
    """What a study was read into, before it is known to be sound."""

    files: Mapping[str, str]
    units: UnitSystem
    priors: Mapping[str, Prior]
    trends: Mapping[str, Trend]
    curves: Mapping[str, Curve]
    functions: Mapping[str, Function]
    sequence: Sequence[str] | None  # None: the functions do not hang together
    reports: Mapping[str, Report]


def _check_units(parts: _Parts, memo: Memo, digest: str, problems: list[Problem]) -> dict[str, Any]:
    """Factors, labels, thresholds, fit keys and notes; the functions are run once with units, unless that is remembered."""
    known = memo.get("checked", digest)
    if known is not None and not problems:
        return dict(known)
    units = parts.units
    factors, labels, notes = {YEAR: 1.0}, {YEAR: YEAR}, []
    for place, name, text in (
        *((prior.place, prior.name, prior.unit) for prior in parts.priors.values()),
        *((curve.place, curve.name, curve.unit) for curve in parts.curves.values()),
        *((f"{function.place} {function.name}()", function.name, function.unit) for function in parts.functions.values()),
    ):
        try:
            read = unit(units, text, place)
        except StudyError as error:
            problems.extend(error.problems)
            continue
        factors[name], labels[name] = read.factor, read.label
        if name not in parts.functions and read.undated:
            notes.append(f"{place}: {undated_note(units, read)}; write the year to say so")
    thresholds: dict[str, dict[str, float]] = {}
    for report in parts.reports.values():
        for name, texts in report.thresholds.items():
            for text in texts if name in labels else ():
                try:
                    thresholds.setdefault(name, {})[text] = threshold(units, text, labels[name], f"{report.place} thresholds")
                except StudyError as error:
                    problems.extend(error.problems)
    fits = _check_trends(parts, problems)
    if not problems and parts.sequence is not None:
        typical = {p.name: (float(p.distribution.quantile(0.5)) * factors[p.name], p.unit) for p in parts.priors.values()}
        typical |= {curve.name: (_typical(curve) * factors[curve.name], curve.unit) for curve in parts.curves.values()}
        from forecast.unit_check import check

        problems.extend(check(units, [parts.functions[name] for name in parts.sequence], typical, CHECK_YEARS))
    checked = {"factors": factors, "labels": labels, "thresholds": thresholds, "fits": fits, "notes": list(dict.fromkeys(notes))}
    if not problems:
        memo.put("checked", digest, checked)
    return checked


def _check_trends(parts: _Parts, problems: list[Problem]) -> dict[str, str]:
    """Read each trend's series and declaration, and give the hash of what its fit depends on."""
    if not parts.trends:
        return {}
    from forecast.series_files import read_table, select
    from forecast.trend_record import fit_key
    from forecast.trend_spec import check as check_spec

    keys = {}
    for trend in parts.trends.values():
        path = f"priors/{trend.series}"
        try:
            if path not in parts.files:
                tables = [file.removeprefix("priors/") for file in parts.files if file.startswith("priors/evidence/")]
                raise StudyError.at(trend.place, f"there is no series '{trend.series}'", nearest(trend.series, tables) or "name a table such as evidence/costs.csv")
            data = select(read_table(path, parts.files[path]), trend.selection, trend.unit, parts.units, trend.place)
            check_spec(trend.spec, data, trend.place)
            keys[trend.name] = fit_key(data, trend.spec, trend.seed)
        except StudyError as error:
            problems.extend(error.problems)
    return keys


def _typical(curve: Curve) -> np.ndarray:
    """A value of a trend's quantity at which the unit check runs the functions."""
    if curve.part in ("line", "new", "record"):
        return np.ones((len(CHECK_YEARS), 1))
    return np.array(CHECK_YEARS[0] if curve.part == "kink" else 0.5)


def _curves(trends: Mapping[str, Trend]) -> dict[str, Curve]:
    if not trends:
        return {}
    from forecast.trend_files import curves

    return {curve.name: curve for trend in trends.values() for curve in curves(trend)}


def threshold(units: UnitSystem, text: str, target: str, place: str) -> float:
    """A value with a unit, such as ``1B USD_2023``, in another unit; a bare number is already in it.

    Raises
    ------
    StudyError
        The text is no number, or its unit is of another kind.
    """
    number, _, written = text.strip().partition(" ")
    value = parse_number(number, place)
    return value * conversion(units, written, target, place) if written.strip() else value


def _unknown_quantity(name: str, names: Sequence[str]) -> str:
    hint = nearest(name, names)
    return f"the study has no quantity '{name}'; {hint or chr(39) + 'forecast check' + chr(39) + ' lists them'}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def select(study: Study, wanted: Sequence[str]) -> frozenset[str]:
    """The quantities that the wanted ones need, themselves included."""
    return ancestors(wanted, study.functions)
