"""The commands about a study itself: ``new``, ``check``, ``run`` and ``show``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Any

from forecast.commands.shared import (
    add_command,
    add_folder,
    add_json,
    add_run_options,
    columns,
    opened,
    prepared,
    run_arguments,
    say,
    tell_notes,
)
from forecast.errors import StudyError, UsageError


def add_commands(commands: Any) -> None:
    """Put the commands on a command line's parser."""
    new = add_command(commands, "new", "make a study of your own", _new, opens=False)
    new.add_argument("folder", metavar="DIR", help="a new folder: a copy of the starter study goes into it")
    new.add_argument("--minimal", action="store_true", help="a small example to write over, instead of the starter")

    check = add_command(commands, "check", "find every problem of a study, and list what it consists of", _check)
    add_folder(check)

    add_run(commands)

    show = add_command(commands, "show", "tell all about one quantity", _show)
    show.add_argument("quantity", metavar="QUANTITY", help="a name, or name@year")
    add_folder(show)
    add_run_options(show)


def add_run(commands: Any) -> None:
    """Put ``run`` alone on a parser, which takes a tenth of the time of all commands."""
    run = add_command(commands, "run", "draw possible worlds and tell the intervals", _run)
    add_folder(run)
    add_run_options(run)
    run.add_argument("--quantity", "-q", action="append", metavar="NAME[@YEAR]", help="what to report (repeatable)")
    add_json(run)
    run.add_argument("--out", metavar="FOLDER", help="also write result.json and result.nc there")
    run.add_argument("--report", action="store_true", help="with --out: also write the main report there, as HTML")


def _new(options: argparse.Namespace) -> None:
    from shlex import quote

    from forecast.fits import take_along
    from forecast.study.starter import new, starter

    folder = new(options.folder, options.minimal)
    print(folder)
    taken = 0 if options.minimal else take_along(starter(), folder)
    fits = f", and {taken} fitted trend{'s' if taken > 1 else ''} in build/" if taken else ""
    say(f"Made {folder} with priors/, models/ and reports/{fits}. Next: forecast run {quote(str(folder))}")


def _check(options: argparse.Namespace) -> None:
    from forecast.listing import listing
    from forecast.report.check import problems_of

    study, _ = opened(options)
    tell_notes(study)
    problems = [problem for report in study.reports.values() for problem in problems_of(study, report)]
    if any((study.path / "reports" / "claims").glob("*.toml")):
        from forecast.claims.files import scan_claims

        problems += scan_claims(study.path)[1]
    if problems:
        raise StudyError(problems)
    print(listing(study))


def _run(options: argparse.Namespace) -> None:
    if options.report and (options.quantity or not options.out):
        raise UsageError(
            "--report goes with --out FOLDER, and tells what the main report names: "
            "leave -q out, or use 'forecast report'"
        )
    if options.out is not None and not options.out.strip():
        raise UsageError("--out: names no folder; write --out build/result, say")
    study, carried = opened(options)
    tell_notes(study)
    arguments = {"quantities": options.quantity, **run_arguments(options)}
    if carried is not None:  # as the report was made, but for what is asked for here
        from forecast.report.write import Call, arguments_of, report_of

        call = Call.from_json(carried.report, carried.call)
        arguments = {
            **arguments_of(report_of(study, call.report), call),
            **{k: v for k, v in arguments.items() if v is not None},
        }
    result = prepared(study, arguments.pop("quantities"), **arguments)
    if options.out:
        from dataclasses import replace
        from pathlib import Path

        from forecast.export import write_json, write_netcdf
        from forecast.files import writing

        folder = Path(options.out)
        with writing(folder, "choose another folder"):
            write_json(result, folder / "result.json")
            write_netcdf(result, folder / "result.nc")
    if options.json:
        import json

        from forecast.export import to_json

        print(json.dumps(to_json(result), indent=1, ensure_ascii=False))
    else:
        from forecast.text import table

        print(table(result, columns()))
    if options.out:
        say(f"Wrote {options.out}/result.json and {options.out}/result.nc")
    if options.report:
        from forecast.report.write import Call, report_of, write_report

        call = (
            Call("main", run_arguments(options))
            if carried is None
            else replace(call, run={**call.run, **run_arguments(options)})
        )
        for path in write_report(result, report_of(study, call.report), call, ["html"], Path(options.out)):
            say(f"Report: {path}")


def _show(options: argparse.Namespace) -> None:
    from forecast.listing import sheet

    if os.path.isdir(options.quantity):
        raise UsageError(f"'{options.quantity}' is a folder; name the quantity first: forecast show QUANTITY DIR")
    study, _ = opened(options)
    name, _, year = options.quantity.partition("@")
    study.definition(name)
    arguments = run_arguments(options)
    result = prepared(study, [options.quantity], **arguments)
    if not year and result.has_years(name):
        print(sheet(study.run([f"{name}@{y:g}" for y in _a_few(result.years)], **arguments), name, columns()))
    else:
        print(sheet(result, name, columns()))


def _a_few(years: Sequence[float]) -> list[float]:
    step = max(1, len(years) // 6)
    return list(years[::step])
