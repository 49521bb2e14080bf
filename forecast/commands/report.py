"""The commands that tell a run: ``report``, ``plot`` and ``diff``."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from forecast.commands.shared import (
    add_command,
    add_folder,
    add_run_options,
    columns,
    opened,
    prepared,
    progress,
    run_arguments,
    say,
    tell_notes,
)
from forecast.errors import StudyError, UsageError, nearest


def add_commands(commands: Any) -> None:
    """Put the commands on a command line's parser."""
    report = add_command(commands, "report", "write a report: HTML, PDF, Markdown, CSV, JSON, NetCDF", _report)
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
    add_run_options(report)

    plot = add_command(commands, "plot", "draw one figure", _plot)
    plot.add_argument("quantity", metavar="QUANTITY", help="a name, or name@year")
    add_folder(plot)
    plot.add_argument(
        "--kind",
        default="auto",
        metavar="KIND",
        help="fan, crossing, dots, histogram, tornado, band (default: what suits)",
    )
    plot.add_argument("--threshold", metavar="VALUE", help="for dots: such as '1B USD_2023'")
    plot.add_argument("--out", metavar="FILE", help="file ending in .svg, .png or .pdf (default: QUANTITY.svg)")
    add_run_options(plot)

    diff = add_command(
        commands, "diff", "compare two runs, studies or git revisions: what changed, what moved, and why", _diff
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


def _report(options: argparse.Namespace) -> None:
    from dataclasses import replace
    from pathlib import Path

    from forecast.report.scenarios import read_scenarios
    from forecast.report.write import FORMATS, Call, arguments_of, report_of, require, write_report

    first = options.report
    if first and options.folder == "." and (os.path.isdir(first) or first.lower().endswith((".html", ".htm"))):
        options.report, options.folder = None, first
    formats = [text.strip() for text in options.format.split(",") if text.strip()]
    for text in formats or [""]:
        if text not in FORMATS:
            raise UsageError(
                f"--format: there is no format '{text}'; {nearest(text, FORMATS) or 'use ' + ', '.join(FORMATS)}"
            )
    require(formats)
    study, carried = opened(options)
    tell_notes(study)
    call = (
        Call(options.report or "main")
        if carried is None
        else Call.from_json(options.report or carried.report, carried.call)
    )
    given = run_arguments(options)
    scenarios = read_scenarios(options.scenario) or call.scenarios
    call = replace(
        call,
        run={**call.run, **given},
        scenarios=scenarios,
        date=call.date if options.date is None else options.date,
        compare_trends=options.compare_trends or call.compare_trends,
    )
    report = report_of(study, call.report)
    arguments = arguments_of(report, call)
    result = prepared(study, arguments.pop("quantities"), **arguments)
    say = progress("report") if sys.stderr.isatty() else None
    for path in write_report(result, report, call, formats, Path(options.out), say):
        print(path)


def _plot(options: argparse.Namespace) -> None:
    import io
    from dataclasses import replace
    from pathlib import Path

    from forecast.files import write_atomically, writing
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
    study, _ = opened(options)
    study.definition(options.quantity.partition("@")[0])
    result = prepared(study, [options.quantity], **run_arguments(options))
    try:
        figure = plot(result, options.kind, options.quantity, options.threshold)
    except StudyError as error:
        places = {
            problem.place: "--threshold" for problem in error.problems if problem.place.startswith("threshold of")
        }
        raise StudyError(replace(p, place=places.get(p.place, p.place)) for p in error.problems) from None
    drawn = io.BytesIO()
    missing = save(figure, drawn, kind)
    with writing(target):
        write_atomically(target, drawn.getvalue())
    print(target)
    if missing:
        say(f"note: no installed font has {missing[:20]}; install one that does, such as Noto Sans, or write SVG")


def _diff(options: argparse.Namespace) -> None:
    from forecast.difference import difference, side
    from forecast.difference.text import table

    before = side(options.before, options.study, options.quantity, options.until_the_end)
    after = side(options.after or options.study, options.study, options.quantity, options.until_the_end)
    # Fits are told wherever the messages go; the rest only to who waits at a terminal.
    terminal = sys.stderr.isatty()
    found = difference(before, after, lambda name: progress(name) if terminal or name != "diff" else _quiet)
    print(table(found, columns()))


def _quiet(what: str, part: float) -> None:
    """Tell nothing."""
