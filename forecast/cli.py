"""The command line: arguments only. Results go to stdout, messages to stderr.

Exit codes: 0 ok, 1 failure, 2 usage, 3 study invalid, 4 quality gate, 130 interrupted.
"""

from __future__ import annotations

import argparse
import functools
import io
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from forecast.commands.shared import TRUST
from forecast.commands.study import add_run
from forecast.errors import ForecastError, nearest

DESCRIPTION = "Forecasts with uncertainty: priors in text and models as functions to credible intervals."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    # Matrices here are small, and threads that wait for one another on a busy machine cost ten times what they gain.
    # It counts only as long as numpy is not imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without ± shows a question mark instead of failing
            stream.reconfigure(errors="replace")
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
    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")  # see no-color.org
    label = "\033[31merror:\033[0m" if colour else "error:"
    lines = text.splitlines() or ["failed"]
    print("\n".join(f"{label} {line}" for line in lines), file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong in a line, with the nearest command or option."""

    words: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse, but a command complains of what it does not know itself: it knows its own options."""
        self.words = sys.argv[1:] if args is None else list(args)
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def error(self, message: str) -> Any:
        words = {option for action in self._actions for option in action.option_strings}
        words |= {name for action in self._actions if isinstance(action.choices, dict) for name in action.choices}
        missing = "arguments are required" in message  # nothing was misspelt
        hint = next((h for word in self.words if not missing and word not in words and (h := nearest(word, words))), "")
        _complain(f"{self.prog}: {message}; {hint or f'see {self.prog} --help'}")
        raise SystemExit(2)


def _parser() -> argparse.ArgumentParser:
    from forecast import __version__
    from forecast.commands import claims, evidence, export, ledger, report, sensitivity, study, trends

    parser = _Parser(prog="forecast", description=DESCRIPTION, epilog=TRUST, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"forecast {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    for kind in (study, evidence, trends, report, sensitivity, export, claims, ledger):
        kind.add_commands(commands)
    return parser


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
        add_run(commands)
        try:
            return parser.parse_args(words)
        except _Misread:
            pass
    return _parser().parse_args(words)


def _unshown(prog: str) -> argparse.HelpFormatter:
    return argparse.HelpFormatter(prog, width=100)  # a width spares looking for the terminal's


if __name__ == "__main__":
    sys.exit(main())
