"""The command line: arguments only. Results go to stdout, messages to stderr.

Exit codes: 0 ok, 1 failure, 2 usage, 3 study invalid, 4 quality gate, 130 interrupted.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from forecast.errors import ForecastError, GateError, Problem, StudyError, UsageError, nearest

DESCRIPTION = "Forecasts with uncertainty: priors in text and models as functions to credible intervals."
TRUST = "Opening a study runs the Python in its models/ folder: open only studies you trust."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    # Matrices here are small, and threads that wait for one another on a busy machine cost ten times what they gain.
    # It counts only as long as numpy is not imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    options = _parsed(sys.argv[1:] if arguments is None else arguments)
    try:
        with ExitStack() as options.until_the_end:
            code = options.command(options)
        sys.stdout.flush()
        return int(code or 0)
    except ForecastError as error:
        _complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        _complain("interrupted")
        return 130
    except BrokenPipeError:  # the reader has seen enough, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a full disk, a folder that cannot be written
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered cannot be written either
        place = error.filename or "output"
        _complain(f"{place}: cannot be written or read ({error.strerror}); free it, or choose another place")
        return 1


def _complain(text: str) -> None:
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    label = "\033[31merror:\033[0m" if colour else "error:"
    lines = text.splitlines() or ["failed"]
    print("\n".join(f"{label} {line}" for line in lines), file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong in a line, with the nearest command or option."""

    def error(self, message: str) -> Any:
        words = {option for action in self._actions for option in action.option_strings}
        words |= {name for action in self._actions if isinstance(action.choices, dict) for name in action.choices}
        hint = next((h for word in sys.argv[1:] if word not in words and (h := nearest(word, words))), "")
        _complain(f"{self.prog}: {message}; {hint or f'see {self.prog} --help'}")
        raise SystemExit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="forecast", description=DESCRIPTION, epilog=TRUST, allow_abbrev=False)
    from forecast.study import VERSION

    parser.add_argument("--version", action="version", version=f"forecast {VERSION}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)

    new = commands.add_parser("new", help="make a study from the starter", allow_abbrev=False)
    new.add_argument("folder", metavar="DIR")
    new.set_defaults(command=_new)

    check = commands.add_parser(
        "check", help="find every problem of a study, and list what it consists of", epilog=TRUST, allow_abbrev=False
    )
    check.add_argument("folder", metavar="DIR", nargs="?", default=".")
    check.set_defaults(command=_check)

    _add_run(commands)

    from forecast.commands.evidence import add_commands

    add_commands(commands, TRUST)

    from forecast.commands import ledger as ledger_commands
    from forecast.commands import sensitivity as sensitivity_commands

    for more in (sensitivity_commands, ledger_commands):
        more.add_commands(commands, TRUST, _run_options, _run_arguments)

    fit = commands.add_parser(
        "fit", help="fit trends, and compare straight with kinked", epilog=TRUST, allow_abbrev=False
    )
    fit.add_argument("trend", metavar="TREND", nargs="?", help="a trend of the study (default: all)")
    fit.add_argument("folder", metavar="DIR", nargs="?", default=".")
    fit.add_argument("--accept", action="store_true", help="keep a fit that has not converged; it is recorded")
    fit.add_argument("--no-compare", action="store_true", help="do not fit the other shape for comparison")
    fit.add_argument("--prob", metavar="P", help="probability inside the intervals")
    fit.set_defaults(command=_fit)

    backtest = commands.add_parser(
        "backtest", help="score a trend on what came after a date", epilog=TRUST, allow_abbrev=False
    )
    backtest.add_argument("trend", metavar="TREND")
    backtest.add_argument("folder", metavar="DIR", nargs="?", default=".")
    backtest.add_argument(
        "--as-of", action="append", required=True, metavar="DATE", help="fit on rows before it (repeatable)"
    )
    backtest.add_argument("--horizon", metavar="YEARS", help="score rows within so many years (default: all)")
    backtest.set_defaults(command=_backtest)

    read = commands.add_parser(
        "import", help="read a published file into a series that a trend can use", allow_abbrev=False
    )
    read.add_argument("format", metavar="FORMAT", help="a format in priors/formats/, such as epoch")
    read.add_argument("file", metavar="FILE")
    read.add_argument("--study", metavar="DIR", default=".")
    read.add_argument("--out", metavar="FILE", help="where to write the series (default: print it)")
    read.add_argument("--overwrite", action="store_true")
    read.add_argument("--preset", default="", metavar="NAME", help="options under one name, such as lohn-2023")
    for option in ("value", "start", "end", "record-of", "errors"):
        read.add_argument(f"--{option}", metavar="TEXT")
    read.add_argument(
        "--where", action="append", metavar="RULE", help="notable, frontier, domain=Language … (repeatable)"
    )
    read.add_argument("--also", action="append", metavar="FIELD", help="carry a further field along (repeatable)")
    for option in ("record", "top", "price-year"):
        read.add_argument(f"--{option}", metavar="N")
    read.set_defaults(command=_import)

    claims = commands.add_parser(
        "claims",
        help="evaluate published claims: which hold, which do not follow, which were overtaken",
        epilog=TRUST,
        allow_abbrev=False,
    )
    claims.add_argument("ids", metavar="ID", nargs="*", help="claims such as L7, or K9.b (default: all)")
    claims.add_argument("--study", metavar="DIR", default=".")
    claims.add_argument("--notes", action="store_true", help="also print sentence, inputs, tolerance and note of each")
    claims.add_argument("--json", action="store_true", help="print JSON instead of a table")
    claims.add_argument("--markdown", action="store_true", help="print Markdown tables with links into the sources")
    claims.add_argument(
        "--report", metavar="FILE", help="replace the table in a report, such as reports/replication.md"
    )
    claims.set_defaults(command=_claims)

    decode = commands.add_parser(
        "decode", help="which reading a published triple such as '380M (55M to 1.5B)' fits", allow_abbrev=False
    )
    decode.add_argument("triple", metavar="TRIPLE", nargs="+", help="as printed, in quotes")
    decode.add_argument("--json", action="store_true", help="print JSON instead of a table")
    decode.set_defaults(command=_decode)

    show = commands.add_parser("show", help="tell all about one quantity", epilog=TRUST, allow_abbrev=False)
    show.add_argument("quantity", metavar="QUANTITY", help="a name, or name@year")
    show.add_argument("folder", metavar="DIR", nargs="?", default=".")
    _run_options(show)
    show.set_defaults(command=_show)

    from forecast.commands.report import Tools
    from forecast.commands.report import add_commands as add_report_commands

    add_report_commands(commands, TRUST, Tools(_open, _run_options, _run_arguments, _prepared, _columns, _tell_notes))
    return parser


def _add_run(commands: Any) -> None:
    run = commands.add_parser(
        "run", help="draw possible worlds and tell the intervals", epilog=TRUST, allow_abbrev=False
    )
    run.add_argument("folder", metavar="DIR", nargs="?", default=".")
    _run_options(run)
    run.add_argument("--quantity", "-q", action="append", metavar="NAME[@YEAR]", help="what to report (repeatable)")
    run.add_argument("--json", action="store_true", help="print JSON instead of a table")
    run.add_argument("--out", metavar="FOLDER", help="also write result.json and result.nc there")
    run.add_argument("--report", action="store_true", help="with --out: also write the main report there, as HTML")
    run.set_defaults(command=_run)


class _Misread(Exception):
    """The quick parser could not make sense of the words."""


class _QuickParser(argparse.ArgumentParser):
    """Knows `forecast run` alone, and leaves help and complaints to the parser that knows every command."""

    def error(self, message: str) -> Any:
        raise _Misread(message)


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    """The options in the words; making every command's options would cost `forecast run` a tenth of importing numpy."""
    if words[:1] == ["run"] and not {"-h", "--help"} & set(words):
        parser = _QuickParser(prog="forecast", allow_abbrev=False, add_help=False, formatter_class=_unshown)
        made_by: Any = functools.partial(_QuickParser, formatter_class=_unshown)  # argparse only calls it
        commands = parser.add_subparsers(parser_class=made_by)
        _add_run(commands)
        try:
            return parser.parse_args(words)
        except _Misread:
            pass
    return _parser().parse_args(words)


def _unshown(prog: str) -> argparse.HelpFormatter:
    return argparse.HelpFormatter(prog, width=100)  # a width spares looking for the terminal's


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=DIST", help="replace a quantity: a scenario (repeatable)"
    )
    parser.add_argument("--years", metavar="YEARS", help="the year axis, such as 2024:2060")
    parser.add_argument("--draws", metavar="N", help="number of worlds (default: as many as the precision needs)")
    parser.add_argument("--seed", metavar="N", help="seed (default: the report's)")
    parser.add_argument("--prob", metavar="P", help="probability inside the intervals, such as 0.9 or 90%%")
    parser.add_argument("--method", choices=("qmc", "mc"), help="quasi-Monte Carlo (default) or plain Monte Carlo")
    parser.add_argument(
        "--precision", metavar="P", help="Monte Carlo error of an interval's ends against its width (default 0.5%%)"
    )


def _new(options: argparse.Namespace) -> None:
    from shlex import quote

    from forecast.study.starter import new

    folder = new(options.folder)
    print(folder)
    _say(f"Made {folder} with priors/, models/ and reports/. Next: forecast run {quote(str(folder))}")


def _open(options: argparse.Namespace) -> tuple[Any, Any]:
    """The study that a command names: a folder, or what an HTML report carries, with what the report was made from."""
    from forecast.study import open_study

    if not options.folder.lower().endswith((".html", ".htm")):
        return open_study(options.folder), None
    from forecast.report.embedded import read, unpacked

    carried = read(options.folder)
    return open_study(options.until_the_end.enter_context(unpacked(carried))), carried


def _check(options: argparse.Namespace) -> None:
    from forecast.text import listing

    study, _ = _open(options)
    _tell_notes(study)
    print(listing(study))


def _run(options: argparse.Namespace) -> None:
    if options.report and (options.quantity or not options.out):
        raise UsageError(
            "--report goes with --out FOLDER, and tells what the main report names: "
            "leave -q out, or use 'forecast report'"
        )
    study, carried = _open(options)
    _tell_notes(study)
    arguments = {"quantities": options.quantity, **_run_arguments(options)}
    if carried is not None:  # as the report was made, but for what is asked for here
        from forecast.report.write import Call, arguments_of, report_of

        call = Call.from_json(carried.report, carried.call)
        arguments = {
            **arguments_of(report_of(study, call.report), call),
            **{k: v for k, v in arguments.items() if v is not None},
        }
    result = _prepared(study, arguments.pop("quantities"), **arguments)
    if options.out:
        from dataclasses import replace
        from pathlib import Path

        from forecast.export import write_json, write_netcdf

        folder = Path(options.out)
        try:
            write_json(result, folder / "result.json")
            write_netcdf(result, folder / "result.nc")
        except OSError as error:
            raise ForecastError(
                f"{folder}: cannot be written ({error.strerror or error}); choose another folder"
            ) from error
    if options.json:
        import json

        from forecast.export import to_json

        print(json.dumps(to_json(result), indent=1, ensure_ascii=False))
    else:
        from forecast.text import table

        print(table(result, _columns()))
    if options.out:
        _say(f"Wrote {options.out}/result.json and {options.out}/result.nc")
    if options.report:
        from forecast.report.write import Call, report_of, write_report

        call = (
            Call("main", _run_arguments(options))
            if carried is None
            else replace(call, run={**call.run, **_run_arguments(options)})
        )
        for path in write_report(result, report_of(study, call.report), call, ["html"], Path(options.out)):
            print(f"\nReport: {path}")


def _fit(options: argparse.Namespace) -> None:
    from forecast.fits import comparison_of, record_of
    from forecast.study import open_study
    from forecast.trend.text import comparison_table, fit_sheet

    if options.trend and options.folder == "." and os.path.isdir(options.trend):
        options.trend, options.folder = None, options.trend
    study = open_study(options.folder)
    problems: list[Problem] = []
    prob = 0.9 if options.prob is None else _number(options.prob, "--prob", False, problems)
    if problems or prob is None or not 0 < prob < 1:
        raise UsageError(
            "\n".join(map(str, problems)) or f"--prob: is not between 0 and 1 ({options.prob}); write 0.9 for 90%"
        )
    for name in [_trend(study, options.trend)] if options.trend else list(study.trends):
        trend = study.trends[name]
        record = record_of(study, name, _progress(name), options.accept)
        print(fit_sheet(trend, study.series_of(name), record.posterior, record.provenance, prob))
        if trend.spec.change is not None and trend.spec.kink is not None and not options.no_compare:
            print(
                comparison_table(comparison_of(study, name, _progress(f"{name}, straight and kinked"), options.accept))
            )
        print()
    if not study.trends:
        _say("the study declares no trend; see docs/trends.md")


def _trend(study: Any, name: str) -> str:
    if name not in study.trends:
        known = nearest(name, study.trends) or f"it has {', '.join(study.trends) or 'none'}"
        raise UsageError(f"the study has no trend '{name}'; {known}")
    return name


def _progress(name: str) -> Any:
    """Tells what a fit is doing on stderr: a line that is rewritten on a terminal, a line a step elsewhere."""
    terminal = sys.stderr.isatty()
    told: set[str] = set()

    def say(what: str, part: float) -> None:
        if terminal:
            bar = "█" * round(20 * part) + "░" * (20 - round(20 * part))
            print(
                f"\r\033[K{name}: {what} {bar} {100 * part:.0f}%",
                end="\n" if part >= 1 else "",
                file=sys.stderr,
                flush=True,
            )
        elif what not in told:
            told.add(what)
            _say(f"{name}: {what}")

    return say


def _backtest(options: argparse.Namespace) -> None:
    from dataclasses import replace

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
    horizon = float("inf") if options.horizon is None else _number(options.horizon, "--horizon", False, problems)
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
                trend.name, past, replace(trend.spec, shape=shape), trend.seed, cache=cache, place=place
            )
        )
        for shape in shapes
    }
    print(backtest_table(backtest(study.series_of(trend.name), dates, models, horizon)))


def _import(options: argparse.Namespace) -> None:
    from pathlib import Path

    from forecast.importer import import_file

    problems: list[Problem] = []
    chosen = {key: getattr(options, key) for key in ("value", "start", "end", "record_of", "errors", "where", "also")}
    for key, whole in (("record", False), ("top", True), ("price_year", True)):
        text = getattr(options, key)
        chosen[key] = None if text is None else _number(text, f"--{key.replace('_', '-')}", whole, problems)
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
    _say(str(found))
    if out is None:
        print(found.series.to_csv(), end="")
    else:
        print(out)


def _prepared(study: Any, quantities: Sequence[str] | None, **arguments: Any) -> Any:
    """Run a study, telling of the trends that have to be fitted first."""
    from forecast.fits import prepare

    try:
        study = study.given(arguments.pop("given", {}), "--set")
    except StudyError as error:  # the command line is wrong, not the study
        raise UsageError(str(error)) from None
    prepare(study, [text.partition("@")[0] for text in quantities or study.main.quantities], _progress)
    return study.run(quantities, **arguments)


def _claims(options: argparse.Namespace) -> None:
    from forecast.claims import choose, evaluate_claims
    from forecast.claims.files import read_claims
    from forecast.claims.text import markdown, table, tally, to_json, write_report
    from forecast.study import open_study

    study = open_study(options.study)
    results = evaluate_claims(study, choose(read_claims(study.path), options.ids))
    if options.report:
        from pathlib import Path

        write_report(Path(options.report), results)
        _say(f"Wrote {options.report}")
    if options.json:
        import json

        print(json.dumps(to_json(results, study.name, study.digest), indent=1, ensure_ascii=False))
    elif not options.report or options.markdown:
        print(markdown(results) if options.markdown else table(results, options.notes))
    if not all(result.as_expected for result in results):
        raise GateError(f"claims: {tally(results)}; correct the model or the claim's inputs, or say why in its note")


def _decode(options: argparse.Namespace) -> None:
    from forecast.claims.decode import decode, table, to_json

    found = decode(" ".join(options.triple))
    if options.json:
        import json

        print(json.dumps(to_json(found), indent=1, ensure_ascii=False))
    else:
        print(table(found))


def _show(options: argparse.Namespace) -> None:
    from forecast.text import sheet

    study, _ = _open(options)
    name, _, year = options.quantity.partition("@")
    study.definition(name)
    arguments = _run_arguments(options)
    result = _prepared(study, [options.quantity], **arguments)
    if not year and result.has_years(name):
        print(sheet(study.run([f"{name}@{y:g}" for y in _a_few(result.years)], **arguments), name))
    else:
        print(sheet(result, name))


def _a_few(years: Sequence[float]) -> list[float]:
    step = max(1, len(years) // 6)
    return list(years[::step])


def _run_arguments(options: argparse.Namespace) -> dict[str, Any]:
    """The options that a run takes, as values; every problem at once."""
    problems: list[Problem] = []
    arguments: dict[str, Any] = {"method": options.method} if options.method else {}
    given: dict[str, str] = {}
    for text in options.set:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            problems.append(
                Problem("--set", f"is not NAME=DIST ({text})", "write --set utilisation=0.4 or --set 'cost=1M to 5M'")
            )
        given[name.strip()] = value.strip()
    if given:
        arguments["given"] = given
    if options.years is not None:
        from forecast.study.reports import read_years

        arguments["years"] = read_years(options.years, "--years", problems) or None
    for option, whole in (("draws", True), ("seed", True), ("prob", False), ("precision", False)):
        text = getattr(options, option)
        if text is not None:
            value = _number(text, f"--{option}", whole, problems)
            if value is not None:
                arguments[option] = value
    if problems:
        raise UsageError("\n".join(map(str, problems)))
    return arguments


def _number(text: str, place: str, whole: bool, problems: list[Problem]) -> float | int | None:
    from forecast.distribution.number import parse_number

    try:
        value = parse_number(text, place)
    except StudyError as error:
        problems.extend(error.problems)
        return None
    if whole and value != int(value):
        problems.append(Problem(place, f"is not a whole number ({text})", "write 65536, say"))
        return None
    return int(value) if whole else value


def _columns() -> int:
    """Width of the terminal; when the output goes elsewhere, it does not depend on one."""
    from forecast.text import COLUMNS

    if not sys.stdout.isatty():
        return COLUMNS
    import shutil

    return max(60, shutil.get_terminal_size((COLUMNS, 24)).columns)


def _tell_notes(study: Any) -> None:
    for note in study.notes:
        _say(f"note: {note}")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
