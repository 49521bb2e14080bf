"""The commands about reports: ``report``, ``plot``, ``diff``, and ``export --metaculus``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from forecast.errors import ForecastError, StudyError, UsageError, nearest


@dataclass(frozen=True)
class Tools:
    """What every command of the command line shares.

    Parameters
    ----------
    open : callable
        Options to the study that they name, and what an HTML report carries.
    run_options, run_arguments : callable
        Put the options of a run on a parser; read them.
    prepared : callable
        Study, quantities and arguments to a run, telling of fits on the way.
    columns : callable
        Width of the output.
    tell_notes : callable
    """

    open: Callable[[argparse.Namespace], tuple[Any, Any]]
    run_options: Callable[[argparse.ArgumentParser], None]
    run_arguments: Callable[[argparse.Namespace], dict[str, Any]]
    prepared: Callable[..., Any]
    columns: Callable[[], int]
    tell_notes: Callable[[Any], None]


def add_commands(commands: Any, trust: str, tools: Tools) -> None:
    """Put the commands on a command line's parser, behind those of `forecast.commands.evidence`."""
    report = commands.add_parser(
        "report", help="write a report: HTML, PDF, Markdown, CSV, JSON, NetCDF", epilog=trust, allow_abbrev=False
    )
    report.add_argument("report", metavar="NAME", nargs="?", help="a report of the study (default: main)")
    report.add_argument(
        "folder", metavar="DIR", nargs="?", default=".", help="the study's folder, or an HTML report of it"
    )
    report.add_argument(
        "--format",
        default="html",
        metavar="LIST",
        help="html, pdf, md, csv, json, nc, or several with commas (default: html)",
    )
    report.add_argument(
        "--out", default="build/reports", metavar="FOLDER", help="where to write (default: build/reports)"
    )
    report.add_argument(
        "--scenario",
        action="append",
        default=[],
        metavar="FILE",
        help="compare with a scenario: TOML with a table [set] (repeatable)",
    )
    report.add_argument("--date", metavar="TEXT", help="date to print (default: the report's own, or none)")
    report.add_argument(
        "--compare-trends", action="store_true", help="tell every measure of straight against kinked trends (fits both)"
    )
    tools.run_options(report)
    report.set_defaults(command=_report, tools=tools)

    plot = commands.add_parser("plot", help="draw one figure", epilog=trust, allow_abbrev=False)
    plot.add_argument("quantity", metavar="QUANTITY", help="a name, or name@year")
    plot.add_argument("folder", metavar="DIR", nargs="?", default=".")
    plot.add_argument(
        "--kind",
        default="auto",
        metavar="KIND",
        help="fan, crossing, dots, histogram, tornado, band (default: what suits)",
    )
    plot.add_argument("--threshold", metavar="VALUE", help="for dots: such as '1B USD_2023'")
    plot.add_argument("--out", metavar="FILE", help="file ending in .svg, .png or .pdf (default: QUANTITY.svg)")
    tools.run_options(plot)
    plot.set_defaults(command=_plot, tools=tools)

    export = commands.choices["export"]  # which writes posteriors too
    export.add_argument(
        "--metaculus", metavar="QUANTITY", help="a 201-point distribution for a Metaculus question, as JSON"
    )
    export.add_argument(
        "--min", metavar="VALUE", help="the question's lower bound, such as '10M USD_2023' or 2030-01-01"
    )
    export.add_argument("--max", metavar="VALUE", help="its upper bound")
    export.add_argument("--zero-point", metavar="VALUE", help="Metaculus' zero_point of a logarithmic question")
    export.add_argument("--open-lower", action="store_true", help="the answer may lie below the range")
    export.add_argument("--open-upper", action="store_true", help="the answer may lie above the range")
    export.add_argument("--out", metavar="FILE", help="where the distribution is written (default: it is printed)")
    export.set_defaults(command=_export, tools=tools, export=export.get_default("command"))

    diff = commands.add_parser(
        "diff",
        help="compare two runs, studies or git revisions: what changed, what moved, and why",
        epilog=trust,
        allow_abbrev=False,
    )
    diff.add_argument(
        "before", metavar="A", help="a study's folder, an HTML report, a result.json, or a git revision of the study"
    )
    diff.add_argument("after", metavar="B", nargs="?", help="likewise (default: the study as it is now)")
    diff.add_argument("--study", default=".", metavar="DIR", help="the study that revisions are of (default: .)")
    diff.add_argument(
        "--quantity",
        "-q",
        action="append",
        metavar="NAME[@YEAR]",
        help="what to compare (repeatable; default: the main report's)",
    )
    diff.set_defaults(command=_diff, tools=tools)


def _report(options: argparse.Namespace) -> None:
    from dataclasses import replace
    from pathlib import Path

    from forecast.report.scenarios import read_scenario
    from forecast.report.write import FORMATS, Call, arguments_of, report_of, write_report

    first = options.report
    if first and options.folder == "." and (os.path.isdir(first) or first.lower().endswith((".html", ".htm"))):
        options.report, options.folder = None, first
    formats = [text.strip() for text in options.format.split(",") if text.strip()]
    for text in formats or [""]:
        if text not in FORMATS:
            raise UsageError(
                f"--format: there is no format '{text}'; {nearest(text, FORMATS) or 'use ' + ', '.join(FORMATS)}"
            )
    study, carried = options.tools.open(options)
    options.tools.tell_notes(study)
    call = (
        Call(options.report or "main")
        if carried is None
        else Call.from_json(options.report or carried.report, carried.call)
    )
    given = options.tools.run_arguments(options)
    scenarios = tuple(read_scenario(path) for path in options.scenario) or call.scenarios
    call = replace(
        call,
        run={**call.run, **given},
        scenarios=scenarios,
        date=call.date if options.date is None else options.date,
        compare_trends=options.compare_trends or call.compare_trends,
    )
    report = report_of(study, call.report)
    arguments = arguments_of(report, call)
    result = options.tools.prepared(study, arguments.pop("quantities"), **arguments)
    for path in write_report(result, report, call, formats, Path(options.out)):
        print(path)


def _plot(options: argparse.Namespace) -> None:
    from pathlib import Path

    from forecast.report.figures import save
    from forecast.report.plots import plot
    from forecast.report.write import file_name

    target = Path(options.out or f"{file_name(options.quantity)}.svg")
    kind = target.suffix.lower().removeprefix(".")
    if kind not in ("svg", "png", "pdf"):
        raise UsageError(
            f"--out: a figure cannot be written as '{target.suffix or target.name}'; "
            "end the file's name in .svg, .png or .pdf"
        )
    study, _ = options.tools.open(options)
    study.definition(options.quantity.partition("@")[0])
    result = options.tools.prepared(study, [options.quantity], **options.tools.run_arguments(options))
    figure = plot(result, options.kind, options.quantity, options.threshold)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        save(figure, target, kind)
    except OSError as error:
        raise ForecastError(f"{target}: cannot be written ({error.strerror or error}); choose another file") from error
    print(target)


def _diff(options: argparse.Namespace) -> None:
    from forecast.report.difference import difference, side, table

    before = side(options.before, options.study, options.quantity, options.until_the_end)
    after = side(options.after or options.study, options.study, options.quantity, options.until_the_end)
    print(table(difference(before, after), options.tools.columns()))


def _export(options: argparse.Namespace) -> None:
    if not options.metaculus:
        if options.out or options.min or options.max:
            raise UsageError("--min, --max and --out go with --metaculus QUANTITY; add it")
        options.export(options)
        return
    _export_metaculus(options)
    if options.posterior or options.as_priors:
        options.export(options)


def _export_metaculus(options: argparse.Namespace) -> None:
    import json
    from pathlib import Path

    from forecast.memo import write_atomically
    from forecast.report.exchange import Range, bound, cdf_of
    from forecast.sampling import request_of
    from forecast.study import threshold

    study, _ = options.tools.open(options)
    request = request_of(options.metaculus)
    study.definition(request.name)
    unit = study.labels[request.name]
    limits: dict[str, float | None] = {}
    for option in ("min", "max", "zero_point"):
        text, place = getattr(options, option), f"--{option.replace('_', '-')}"
        if text is None and option != "zero_point":
            raise UsageError(f"{place} is missing; give the question's range, such as --min 10M --max 10B")
        try:
            date = None if text is None else bound(text, unit)
            limits[option] = (
                None if text is None else threshold(study.units, text, unit, place) if date is None else date
            )
        except StudyError as error:
            raise UsageError(str(error)) from None
    assert limits["min"] is not None and limits["max"] is not None
    question = Range(limits["min"], limits["max"], limits["zero_point"], options.open_lower, options.open_upper)
    question.check()
    seed = {} if options.seed is None else {"seed": int(threshold(study.units, options.seed, "", "--seed"))}
    result = options.tools.prepared(study, [options.metaculus], **seed, rung=options.rung)
    cdf = cdf_of(result.at(request.name, request.year), question)
    record = {
        "quantity": options.metaculus,
        "label": study.definition(request.name).label,
        "unit": unit,
        "range_min": question.low,
        "range_max": question.high,
        "zero_point": question.zero,
        "open_lower_bound": question.open_low,
        "open_upper_bound": question.open_high,
        "study_hash": study.digest,
        "seed": result.design.seed,
        "continuous_cdf": cdf.tolist(),
    }
    text = json.dumps(record, indent=1, ensure_ascii=False)
    if options.out is None:
        print(text)
        return
    try:
        write_atomically(Path(options.out), (text + "\n").encode())
    except OSError as error:
        raise ForecastError(
            f"{options.out}: cannot be written ({error.strerror or error}); choose another file"
        ) from error
    print(options.out)
