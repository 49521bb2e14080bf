"""A folder of text to a `Study`: priors, functions and reports wired together, with every problem told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast import __version__
from forecast.distribution.belief import Distribution
from forecast.errors import Problem, StudyError, nearest
from forecast.graph import YEAR, order
from forecast.memo import Memo, blake2b
from forecast.study.checks import (
    Parts,
    check_dependences,
    check_reports,
    check_units,
    check_years,
    no_second_definition,
    repairs,
    threshold,
)
from forecast.study.models import model_files, read_models
from forecast.study.priors import read_priors
from forecast.study.record import Study
from forecast.study.reports import read_report
from forecast.units import UnitSystem, conversion
from forecast.units.files import read_units

if TYPE_CHECKING:
    from forecast.evidence.observation import Observation
    from forecast.trend.files import Curve, Trend

__all__ = ["FOLDERS", "PATTERNS", "Study", "open_study", "threshold"]

FOLDERS = ("priors", "models", "reports")
# The files whose text is the study; its hash covers them, and nothing else decides what a run gives.
PATTERNS = (
    "priors/*.toml",
    "priors/*.csv",
    "priors/evidence/*.csv",
    "priors/evidence/*.toml",
    "models/*.py",
    "reports/*.md",
    "reports/claims/*.toml",
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

    Examples
    --------
    >>> import forecast
    >>> study = forecast.open_study(forecast.starter())
    >>> study.priors["chip_hour_price"].unit
    'USD_2023/(chip*hour)'
    """
    root = Path(path).resolve()
    missing = [folder for folder in ("priors", "models") if not (root / folder).is_dir()]
    if missing:
        what = f"is not a study: it has no {' and no '.join(f'{m}/' for m in missing)}"
        raise StudyError.at(str(path), what if root.is_dir() else "is not a folder", _instead(root))
    problems: list[Problem] = []
    files = _read_files(root, problems)
    digest = _digest(files)
    base = _digest({name: text for name, text in files.items() if not _is_evidence_file(name)})
    memo = Memo(root / "build" / "memo.json", __version__)

    try:
        units = read_units(root / "priors" / "units.toml")
    except StudyError as error:
        problems.extend(error.problems)
        units = None  # every unit would be told to be unknown
    prior_files = {name: text for name, text in files.items() if _is_prior_file(name)}
    priors, dependences, trends, declared = read_priors(
        prior_files, lambda text, place: _parse(text, place, memo), problems
    )
    curves = _curves(trends)
    functions = read_models(model_files(files), root, problems)
    reports = {
        report.name: report
        for name, text in files.items()
        if name.startswith("reports/") and name.endswith(".md") and (report := read_report(name, text, problems))
    }
    no_second_definition({**curves, **priors}, functions, problems)
    sequence: tuple[str, ...] = tuple(functions)
    # What a broken file or table would define is not missed: only the cause is told, not what follows from it.
    ordered = not any(problem.hides for problem in problems)
    if ordered:
        try:
            sequence = order(functions, {*priors, *curves, *declared, YEAR})
        except StudyError as error:
            problems.extend(error.problems)
            ordered = False
        check_dependences(dependences, priors, declared, problems)
        check_reports(reports, (*priors, *curves, *declared, *sequence), problems)
        check_years(reports, priors, functions, problems)
    # A broken file hides what it defines, so the functions are only run with units when all else is well.
    if units is None:
        raise StudyError(problems)
    parts = Parts(root, files, units, priors, trends, curves, functions, sequence if ordered else None, reports)
    checked = check_units(parts, memo, base, problems)
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
        (*checked["notes"], *_unread(root), *repairs(dependences)),
        evidence=evidence,
        base=base,
    )


def _instead(root: Path) -> str:
    """What may have been meant by a path that is no study: the one around it, or one with a similar name beside it."""

    def is_study(folder: Path) -> bool:
        return all((folder / name).is_dir() for name in ("priors", "models"))

    make = "make one with 'forecast new DIR'"
    if root.is_file() and root.suffix == ".html":
        return "an HTML report can be run and looked at, not added to; name the study's folder"
    if root.exists():
        around = next((up for up in list(root.parents)[:3] if is_study(up)), None)
        return f"name its study, {around}" if around else make
    beside = [other.name for other in root.parent.glob("*") if is_study(other)]
    return nearest(root.name, beside) or f"name a study's folder, or {make}"


def _unread(root: Path) -> list[str]:
    """What looks as if it was meant to be read, but stands where nothing is read."""
    found = [
        *((file, "priors stand in priors/*.toml") for file in root.glob("priors/*/**/*.toml")),
        *((file, "priors are TOML") for ending in ("yaml", "yml", "json") for file in root.glob(f"priors/*.{ending}")),
        *((file, "models stand in models/*.py") for file in root.glob("models/*/**/*.py")),
    ]
    known = ("priors/evidence/", "priors/formats/")
    told = [(file.relative_to(root).as_posix(), why) for file, why in found]
    return [f"{name} is not read; {why}" for name, why in sorted(told) if not name.startswith(known)]


def _read_files(root: Path, problems: list[Problem]) -> dict[str, str]:
    """Every text of the study by its relative path, sorted; evidence data is read where it is used."""
    files: dict[str, str] = {}
    for pattern in PATTERNS:
        for file in sorted(root.glob(pattern)):
            relative = file.relative_to(root).as_posix()
            try:
                files[relative] = file.read_text(encoding="utf-8-sig")
            except UnicodeDecodeError as error:
                problems.append(Problem(relative, f"is not UTF-8 text (byte {error.start})", "save it as UTF-8", True))
            except OSError as error:
                problems.append(Problem(relative, f"cannot be read ({error.strerror})", "make it readable", True))
    return files


def _is_prior_file(name: str) -> bool:
    return (
        name.startswith("priors/")
        and name.endswith(".toml")
        and name != "priors/units.toml"
        and not _is_evidence_file(name)
    )


def _is_evidence_file(name: str) -> bool:
    return name.startswith("priors/evidence/") and name.endswith(".toml")


def _read_evidence(
    files: Mapping[str, str],
    names: Sequence[str],
    labels: Mapping[str, str],
    units: UnitSystem,
    memo: Memo,
    problems: list[Problem],
) -> tuple[Observation, ...]:
    texts = {name: text for name, text in files.items() if _is_evidence_file(name)}
    if not texts:
        return ()
    from forecast.evidence.files import read_evidence

    system = _digest(
        {name: text for name, text in files.items() if name == "priors/units.toml" or name.endswith(".csv")}
    )

    def convert(one: str, other: str, place: str) -> float:
        key = f"{system} {one} {other}"
        known = memo.get("conversion", key)
        if known is None:
            known = conversion(units, one, other, place)
            memo.put("conversion", key, known)
        return float(known)

    return read_evidence(texts, names, labels, convert, lambda text, place: _parse(text, place, memo), problems)


def _digest(files: Mapping[str, str]) -> str:
    digest = blake2b(digest_size=16)
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


def _curves(trends: Mapping[str, Trend]) -> dict[str, Curve]:
    if not trends:
        return {}
    from forecast.trend.files import curves

    return {curve.name: curve for trend in trends.values() for curve in curves(trend)}
