"""The commands about trends: ``fit``, ``backtest`` and ``import``."""

from __future__ import annotations

import argparse
import os
from typing import Any

from forecast.commands.shared import add_command, add_folder, number, progress, say
from forecast.errors import Problem, StudyError, UsageError, nearest


def add_commands(commands: Any) -> None:
    """Put the commands on a command line's parser."""
    fit = add_command(commands, "fit", "fit trends, and compare straight with kinked", _fit)
    fit.add_argument("trend", metavar="TREND", nargs="?", help="a trend of the study (default: all)")
    add_folder(fit)
    fit.add_argument("--accept", action="store_true", help="keep a fit that has not converged; it is recorded")
    fit.add_argument("--no-compare", action="store_true", help="do not fit the other shape for comparison")
    fit.add_argument("--prob", metavar="P", help="probability inside the intervals")
    fit.add_argument("--less", metavar="QUANTITY", help="also show the least-squares growth less that of a quantity")

    backtest = add_command(commands, "backtest", "score a trend on what came after a date", _backtest)
    backtest.add_argument("trend", metavar="TREND", help="a trend of the study")
    add_folder(backtest)
    backtest.add_argument(
        "--as-of", action="append", required=True, metavar="DATE", help="fit on rows before it (repeatable)"
    )
    backtest.add_argument("--horizon", metavar="YEARS", help="score rows within so many years (default: all)")

    read = add_command(
        commands, "import", "read a published file into a series that a trend can use", _import, opens=False
    )
    read.add_argument("format", metavar="FORMAT", help="a format in priors/formats/, such as epoch")
    read.add_argument("file", metavar="FILE", help="the published CSV file")
    read.add_argument("--study", metavar="DIR", default=".", help="the study whose formats are used (default: .)")
    read.add_argument("--out", metavar="FILE", help="where to write the series (default: print it)")
    read.add_argument("--overwrite", action="store_true", help="replace a different file at --out")
    read.add_argument("--preset", default="", metavar="NAME", help="options under one name, such as lohn-2023")
    for option, metavar, told in (
        ("value", "NUMBER", "the number wanted: compute, cost, price, fp32 … (default: the table's first)"),
        ("start", "DATE", "first day, such as 2010-06-01, 2010-06 or 2010"),
        ("end", "DATE", "last day, likewise, inclusive"),
        ("record", "FRACTION", "keep rows of at least this fraction of the highest of an earlier day, such as 0.1"),
        ("record-of", "NUMBER", "the number the record is kept in (default: the one of --value)"),
        ("top", "N", "keep the highest so many of each calendar year"),
        ("price-year", "YEAR", "the year of the prices, where the file states several or none"),
        ("errors", "KIND", "confidence: also a standard error of each row, from its mark of confidence"),
    ):
        read.add_argument(f"--{option}", metavar=metavar, help=told)
    read.add_argument(
        "--where", action="append", metavar="RULE", help="notable, frontier, domain=Language … (repeatable)"
    )
    read.add_argument("--also", action="append", metavar="FIELD", help="carry a further field along (repeatable)")


def _fit(options: argparse.Namespace) -> None:
    from forecast.fits import comparison_of, record_of
    from forecast.study import open_study
    from forecast.trend.text import comparison_table, fit_sheet, least_squares_sheet

    if options.trend and options.folder == "." and os.path.isdir(options.trend):
        options.trend, options.folder = None, options.trend
    study = open_study(options.folder)
    problems: list[Problem] = []
    prob = 0.9 if options.prob is None else number(options.prob, "--prob", False, problems)
    if problems or prob is None or not 0 < prob < 1:
        raise UsageError(
            "\n".join(map(str, problems)) or f"--prob: is not between 0 and 1 ({options.prob}); write 0.9 for 90%"
        )
    less = (options.less, _growth_of(study, options.less)) if options.less else None
    for name in [_trend(study, options.trend)] if options.trend else list(study.trends):
        trend, data = study.trends[name], study.series_of(name)
        record = record_of(study, name, progress(name), options.accept)
        print(fit_sheet(trend, data, record.posterior, record.provenance, prob))
        print(least_squares_sheet(data, prob, less))
        if trend.spec.change is not None and trend.spec.kink is not None and not options.no_compare:
            print(
                comparison_table(comparison_of(study, name, progress(f"{name}, straight and kinked"), options.accept))
            )
        print()
    if not study.trends:
        say("the study declares no trend; see docs/trends.md")


def _growth_of(study: Any, name: str) -> Any:
    """Draws of a quantity that is a growth, in OOM/year."""
    from forecast.units import conversion

    result = study.run([name], draws=1 << 15)
    if result.has_years(name):
        raise UsageError(f"--less: {name} has a year axis; name a growth, in OOM/year")
    factor = conversion(study.units, study.definition(name).unit, "OOM/year", f"--less {name}")
    return result.values(name).ravel() * factor


def _backtest(options: argparse.Namespace) -> None:
    from dataclasses import replace
    from functools import partial

    from forecast.study import open_study
    from forecast.trend.backtest import backtest
    from forecast.trend.fit import fit
    from forecast.trend.series import decimal_year
    from forecast.trend.text import backtest_table

    study = open_study(options.folder)
    trend = study.trends[_trend(study, options.trend)]
    problems: list[Problem] = []
    dates = []
    for text in options.as_of:
        try:
            dates.append(decimal_year(text))
        except StudyError as error:
            problems.extend(error.problems)
    horizon = float("inf") if options.horizon is None else number(options.horizon, "--horizon", False, problems)
    if problems or horizon is None:
        raise UsageError(
            "\n".join(str(Problem("--as-of" if p.place == "date" else p.place, p.what, p.remedy)) for p in problems)
        )
    shapes = (
        ("straight", "kinked", "average")
        if trend.spec.change is not None and trend.spec.kink is not None
        else ("straight",)
    )
    cache = study.path / "build" / "compiled"
    models = {
        shape: (
            lambda past, place, shape=shape: fit(
                trend.name,
                past,
                replace(trend.spec, shape=shape),
                trend.seed,
                progress=progress(f"{trend.name}, {shape}, {place}"),
                cache=cache,
                place=place,
            )
        )
        for shape in shapes
    }
    known = partial(study.series_of, trend.name)
    print(backtest_table(backtest(study.series_of(trend.name), dates, models, horizon, known=known)))


def _import(options: argparse.Namespace) -> None:
    from pathlib import Path

    from forecast.importer import import_file

    problems: list[Problem] = []
    chosen = {key: getattr(options, key) for key in ("value", "start", "end", "record_of", "errors", "where", "also")}
    for key, whole in (("record", False), ("top", True), ("price_year", True)):
        text = getattr(options, key)
        chosen[key] = None if text is None else number(text, f"--{key.replace('_', '-')}", whole, problems)
    if problems:
        raise UsageError("\n".join(map(str, problems)))
    given = {key: value for key, value in chosen.items() if value is not None}
    out = Path(options.out) if options.out else None
    found = import_file(
        Path(options.study),
        options.format,
        Path(options.file),
        out,
        preset=options.preset,
        overwrite=options.overwrite,
        **given,
    )
    say(str(found))
    if out is None:
        print(found.series.to_csv(), end="")
    else:
        print(out)


def _trend(study: Any, name: str) -> str:
    if name not in study.trends:
        known = nearest(name, study.trends) or f"it has {', '.join(study.trends) or 'none'}"
        raise UsageError(f"the study has no trend '{name}'; {known}")
    return name
