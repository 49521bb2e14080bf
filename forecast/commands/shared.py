"""What every command shares: the options of a run, the study that a command names, and how it tells what it does."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from forecast.errors import Problem, StudyError, UsageError

PATIENCE = 1.0  # seconds of work before a terminal is told of it
TRUST = "Opening a study runs the Python in its models/ folder: open only studies you trust."


def add_command(
    commands: Any, name: str, does: str, command: Callable[[argparse.Namespace], Any], opens: bool = True
) -> argparse.ArgumentParser:
    """Put a command on the command line; one that opens a study says what that means."""
    epilog = TRUST if opens else None
    parser: argparse.ArgumentParser = commands.add_parser(name, help=does, epilog=epilog, allow_abbrev=False)
    parser.set_defaults(command=command)
    return parser


def add_folder(parser: argparse.ArgumentParser) -> None:
    """The study, last of a command's words."""
    parser.add_argument("folder", metavar="DIR", nargs="?", default=".", help="the study's folder (default: .)")


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options that `run_arguments` reads."""
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


def run_arguments(options: argparse.Namespace) -> dict[str, Any]:
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
        if name.strip() in given:
            problems.append(Problem(f"--set {name.strip()}", "is set twice", "leave one out"))
        given[name.strip()] = value.strip()
    if given:
        arguments["given"] = given
    if options.years is not None:
        from forecast.study.reports import read_years

        arguments["years"] = read_years(options.years, "--years", problems) or None
    for option, whole in (("draws", True), ("seed", True), ("prob", False), ("precision", False)):
        text = getattr(options, option)
        if text is not None:
            value = number(text, f"--{option}", whole, problems)
            if value is not None:
                arguments[option] = value
    if problems:
        raise UsageError("\n".join(map(str, problems)))
    return arguments


def number(text: str, place: str, whole: bool, problems: list[Problem]) -> float | int | None:
    """An option's number, written as in a prior; what is wrong with it is added to the problems."""
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


def opened(options: argparse.Namespace) -> tuple[Any, Any]:
    """The study that a command names: a folder, or what an HTML report carries, with what the report was made from."""
    from forecast.study import open_study

    if not options.folder.lower().endswith((".html", ".htm")):
        return open_study(options.folder), None
    from forecast.report.embedded import read, unpacked

    carried = read(options.folder)
    return open_study(options.until_the_end.enter_context(unpacked(carried))), carried


def tell_notes(study: Any) -> None:
    """Tell what was noticed when the study was opened."""
    for note in study.notes:
        say(f"note: {note}")


def prepared(study: Any, quantities: Sequence[str] | None, **arguments: Any) -> Any:
    """Run a study, telling of the trends that have to be fitted first."""
    from forecast.fits import prepare
    from forecast.run import infinite

    told, study = len(study.notes), study.given(arguments.pop("given", {}), "--set")
    for note in study.notes[told:]:
        say(f"note: {note}")
    prepare(study, [text.partition("@")[0] for text in quantities or study.main.quantities], progress)
    with waiting("drawing possible worlds"):
        result = study.run(quantities, **arguments)
    for note in infinite(result):
        say(f"note: {note}")
    return result


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Tell a terminal what takes longer than `PATIENCE`, and for how long already; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield
        return
    import threading
    import time

    done, told = threading.Event(), []

    def tell() -> None:
        start = time.monotonic()
        while not done.wait(PATIENCE):
            told.append(what)
            print(f"\r\033[K{what} … {time.monotonic() - start:.0f} s", end="", file=sys.stderr, flush=True)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()
        if told:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def progress(name: str) -> Any:
    """Tells what a fit is doing on stderr: a line that is rewritten on a terminal, a line a step elsewhere."""
    terminal = sys.stderr.isatty()
    told: set[str] = set()

    def tell(what: str, part: float) -> None:
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
            say(f"{name}: {what}")

    return tell


def columns() -> int:
    """Width of the terminal; when the output goes elsewhere, it does not depend on one."""
    from forecast.text import COLUMNS

    if not sys.stdout.isatty():
        return COLUMNS
    import shutil

    return max(60, shutil.get_terminal_size((COLUMNS, 24)).columns)


def say(text: str) -> None:
    """Tell a message, which is not a result."""
    print(text, file=sys.stderr)
