"""The commands about the ledger of forecasts: ``record``, ``resolve``, ``score`` and ``ledger``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from forecast.commands.shared import (
    add_command,
    add_folder,
    add_json,
    add_run_options,
    prepared,
    run_arguments,
    say,
)
from forecast.errors import GateError, UsageError, nearest

WHAT = ("list", "verify")


def add_commands(commands: Any) -> None:
    """Put the commands on a command line's parser."""
    record = add_command(commands, "record", "append a forecast to the ledger, to be scored later", _record)
    record.add_argument("quantity", metavar="QUANTITY", help="a name, or name@year")
    add_folder(record)
    record.add_argument("--resolves", required=True, metavar="DATE", help="when it will be known, such as 2027-12-31")
    record.add_argument("--question", required=True, metavar="TEXT", help="how it will be decided")
    record.add_argument(
        "--above", default="", metavar="VALUE", help="for yes or no: whether it exceeds this, such as '1B USD_2023'"
    )
    record.add_argument("--note", default="", metavar="TEXT", help="a remark to keep with it")
    add_run_options(record)

    resolve = add_command(commands, "resolve", "append what happened to a recorded forecast", _resolve)
    resolve.add_argument("id", metavar="ID", help="of the forecast, as 'forecast ledger' lists it")
    add_folder(resolve)
    resolve.add_argument(
        "--value", default="", metavar="VALUE", help="such as '62M USD_2023'; of a year also never or already"
    )
    answer = resolve.add_mutually_exclusive_group()
    answer.add_argument("--yes", action="store_true", help="it happened (a question of yes or no)")
    answer.add_argument("--no", action="store_true", help="it did not happen")
    resolve.add_argument("--source", required=True, metavar="TEXT", help="where it can be checked")
    resolve.add_argument("--on", default="", metavar="DATE", help="when it was known (default: today)")

    score = add_command(commands, "score", "score the forecasts that have resolved", _score)
    _add_kept(score)
    score.add_argument(
        "--quantity", "-q", default="", metavar="NAME[@YEAR]", help="score its forecasts alone (default: all)"
    )
    add_json(score)

    ledger = add_command(
        commands, "ledger", "list the ledger, or verify that nobody has edited it", _ledger, opens=False
    )
    ledger.add_argument("what", metavar="WHAT", nargs="?", default="list", help="list (default) or verify")
    _add_kept(ledger)
    ledger.add_argument(
        "--since", default="", metavar="REVISION", help="with verify: a git revision whose entries must still be there"
    )
    ledger.add_argument("--head", default="", metavar="HASH", help="a head noted earlier, which must still be there")


def _record(options: argparse.Namespace) -> None:
    from forecast.ledger.recording import ledger_of, read_day, record
    from forecast.ledger.text import recorded
    from forecast.study import open_study

    read_day(options.resolves, "--resolves")  # before the work
    study = open_study(options.folder)
    result = prepared(study, [options.quantity], **{"draws": 65_536, **run_arguments(options)})
    entry = record(
        result,
        options.quantity,
        resolves=options.resolves,
        question=options.question,
        above=options.above,
        note=options.note,
    )
    print(entry["id"])
    say(recorded(entry))
    say(f"Recorded in {ledger_of(study)}; head {entry['hash']}")


def _resolve(options: argparse.Namespace) -> None:
    from forecast.ledger import find, read_ledger
    from forecast.ledger.recording import ledger_of, resolve
    from forecast.ledger.text import resolved
    from forecast.study import open_study

    study = open_study(options.folder)
    happened = True if options.yes else False if options.no else None
    entry = resolve(study, options.id, value=options.value, happened=happened, source=options.source, on=options.on)
    say(resolved(entry, find(read_ledger(ledger_of(study)), entry["of"])))
    say(f"Resolved {entry['of']} in {ledger_of(study)}; head {entry['hash']}")


def _score(options: argparse.Namespace) -> None:
    import json

    from forecast.ledger import sound_entries
    from forecast.ledger.scoring import score_ledger
    from forecast.ledger.text import card_text, to_json

    card = score_ledger(sound_entries(*_kept(options.folder)), options.quantity)
    print(json.dumps(to_json(card), indent=1) if options.json else card_text(card))


def _ledger(options: argparse.Namespace) -> None:
    from forecast.ledger import examine, sound_entries
    from forecast.ledger.text import listing

    if options.what not in WHAT:
        if options.folder != "." or not (Path(options.what).is_dir() or _is_page(options.what)):
            hint = nearest(options.what, WHAT) or f"use {' or '.join(WHAT)}"
            raise UsageError(f"forecast ledger: there is no '{options.what}'; {hint}")
        options.what, options.folder = "list", options.what  # forecast ledger my-study
    for option in ("head", "since"):
        if getattr(options, option) and options.what != "verify":
            raise UsageError(f"--{option}: goes with verify; write forecast ledger verify --{option} …")
    if options.head and options.since:
        raise UsageError("--since: takes the place of --head; give one of them")
    content, path = _kept(options.folder)
    if options.what == "list":
        print(listing(sound_entries(content, path)))
        return
    head = options.head
    if options.since:
        from forecast.ledger.committed import head_at

        if _is_page(options.folder):
            raise UsageError("--since: a report is in no git revision; compare with --head")
        head = head_at(Path(path), options.since)
    verdict = examine(content, path, head)
    if verdict.problems:
        sound = (
            f"the first {verdict.entries} entries are sound" if verdict.entries else "no entry is certain to be sound"
        )
        raise GateError("\n".join([*map(str, verdict.problems), f"{path}: {sound}"]))
    if not verdict.entries:
        print(f"{path}: there is no entry yet; 'forecast record' adds one")
        return
    print(f"{path}: {verdict.entries} entries, unbroken; head {verdict.head}")
    if not head:
        say("Entries removed from the end show only against a head noted before (--head) or a git revision (--since).")


def _add_kept(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", metavar="DIR", nargs="?", default=".", help="the study's folder, or an HTML report of it"
    )


def _is_page(name: str) -> bool:
    return name.lower().endswith((".html", ".htm"))


def _kept(folder: str) -> tuple[bytes, str]:
    """What the ledger of a study's folder or of an HTML report holds, and what to call it; no study is opened."""
    from forecast.ledger import FILE, content_of

    if _is_page(folder):
        from forecast.report.embedded import bytes_of, read

        return bytes_of(read(folder).files.get(FILE.as_posix(), "")), f"{folder}: {FILE.as_posix()}"
    if not Path(folder).is_dir():
        raise UsageError(f"{folder}: is not a folder; name a study's folder, or an HTML report")
    return content_of(Path(folder) / FILE), str(Path(folder) / FILE)
