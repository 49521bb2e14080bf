"""The commands about evidence: ``update`` and ``log``."""

from __future__ import annotations

import argparse
from contextlib import suppress
from typing import Any

from forecast.commands.shared import add_command, add_folder, number, progress, say
from forecast.errors import ForecastError, Problem, UsageError, nearest

MOST_ALONE = 50
RUNGS = ("auto", "weights", "smc", "nuts")


def add_commands(commands: Any) -> None:
    """Put the commands on a command line's parser."""
    update = add_command(commands, "update", "add or drop an observation, and tell what it moves", _update)
    add_folder(update)
    update.add_argument(
        "--observe", metavar="STATEMENT", help="such as 'training_cost@2023 = 60M to 120M', or with <= or >="
    )
    update.add_argument("--drop", metavar="ID", help="take an observation back")
    update.add_argument("--source", metavar="TEXT", help="who says so, and where")
    update.add_argument("--date", metavar="DATE", help="when it was seen or published, such as 2024-03-01")
    update.add_argument("--note", metavar="TEXT", default="", help="a remark to keep with it")
    update.add_argument(
        "--error", metavar="ERROR", help="standard error of a plain number or a bound: 10%%, or in its unit"
    )
    update.add_argument("--id", metavar="ID", default="", help="its name (default: made from the quantity)")
    update.add_argument("--dry-run", action="store_true", help="show what it would move and write nothing")
    _add_what(update)

    log = add_command(commands, "log", "list the evidence, and what each item does", _log)
    add_folder(log)
    _add_what(log)


def _add_what(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--quantity",
        "-q",
        action="append",
        metavar="NAME[@YEAR]",
        help="what to show (default: all that moved)",
    )
    add_conditioning(parser)
    parser.add_argument(
        "--sensitivity", action="store_true", help="also tell which conclusions rest on the priors alone"
    )


def add_conditioning(parser: argparse.ArgumentParser) -> None:
    """The options that `conditioned` reads."""
    parser.add_argument(
        "--rung", choices=RUNGS, default="auto", help="how to compute it (default: the quickest way that holds)"
    )
    parser.add_argument("--seed", metavar="N", help="seed (default: the report's)")


def conditioned(study: Any, options: argparse.Namespace, draws: int | None = None) -> Any:
    """A run of the study on its evidence."""
    return study.run(rung=options.rung, seed=seed_of(options), draws=draws)


def seed_of(options: argparse.Namespace) -> int | None:
    """The seed that is asked for."""
    if options.seed is None:
        return None
    problems: list[Problem] = []
    seed = number(options.seed, "--seed", True, problems)
    if problems:
        raise UsageError("\n".join(map(str, problems)))
    return None if seed is None else int(seed)


def _touched(study: Any, options: argparse.Namespace, draws: int | None = None, beside: Any = None) -> Any:
    """A run of what evidence touches alone, its own and that of a study beside it, telling what takes long."""
    from forecast.evidence.ladder import condition
    from forecast.evidence.shift import touched
    from forecast.fits import prepare
    from forecast.sampling import request_of

    seed = seed_of(options)
    prepare(study, [seen.quantity for seen in study.evidence], progress)
    condition(study, study.main.seed if seed is None else seed, options.rung, progress("evidence"))
    quantities = options.quantity
    if not quantities:
        reported = [request_of(text) for text in study.main.quantities]
        studies = sorted([study, *([] if beside is None else [beside])], key=lambda one: -len(one.evidence))
        names: list[str] = []
        for one in studies:
            with suppress(ForecastError):  # of the study beside it: this one's evidence has just been brought in
                names += touched(one, one.axis, reported)
        quantities = list(dict.fromkeys(names))
    on_axis = [text for text in quantities if (year := request_of(text).year) is None or year in study.axis]
    return study.run(on_axis or None, rung=options.rung, seed=seed, draws=draws)


def _update(options: argparse.Namespace) -> None:
    from forecast.evidence.observation import statement, table_of
    from forecast.evidence.text import update_table
    from forecast.evidence.write import add, drop
    from forecast.study import open_study

    if (options.observe is None) == (options.drop is None):
        raise UsageError("update: needs either --observe 'quantity@2023 = 60M to 120M' or --drop ID")
    study = open_study(options.folder)
    if options.drop is not None:
        known = [seen.id for seen in study.evidence]
        if options.drop not in known:
            hint = nearest(options.drop, known) or "'forecast log' lists them"
            raise UsageError(f"there is no observation '{options.drop}'; {hint}")
        changed = study.with_evidence([seen for seen in study.evidence if seen.id != options.drop])
    else:
        missing = [f"--{name}" for name in ("source", "date") if not getattr(options, name)]
        if missing:
            raise UsageError(f"update: an observation needs {' and '.join(missing)}; say who said it and when")
        given = {"source": options.source, "date": options.date, "note": options.note, "error": options.error}
        table = table_of(options.observe, **given)
        from forecast.evidence.observation import free_id

        name = options.id or free_id(_stem(table), [seen.id for seen in study.evidence])
        seen = statement(options.observe, id=name, **given)
        changed = study.with_evidence((*study.evidence, seen))
    # All that can be wrong with it comes to light before anything is written.
    result = _touched(changed, options, beside=study)
    told = _moved(study, changed, result, options)
    if not options.dry_run and options.drop is not None:
        say(f"Took {options.drop} out of {drop(study.path, options.drop)}")
    elif not options.dry_run:
        say(f"Wrote [{add(study.path, table, options.id)}] to priors/evidence/")
    if told:
        print(told + "\n")
    if result.update is None:
        print("No evidence is left: forecasts are those of the priors.")
    else:
        print(update_table(result, result.shift(options.quantity)))
        _sensitivity(result, options)
    if options.dry_run:
        say("Nothing was written (--dry-run).")


def _moved(study: Any, changed: Any, result: Any, options: argparse.Namespace) -> str:
    """What the change of the evidence moved; empty where that is what prior against posterior shows."""
    from forecast.evidence.text import change_table

    if not study.evidence:
        return ""
    try:
        before = _touched(study, options, beside=changed)
    except ForecastError as error:  # what was wrong before may be why it is changed
        return f"What it moves cannot be told, for there is no posterior before it: {error}"
    return change_table(result, before, result.shift(options.quantity, before=before))


def _stem(table: dict[str, Any]) -> str:
    return str(table["quantity"]) if table.get("year") is None else f"{table['quantity']}-{table['year']:g}"


def _log(options: argparse.Namespace) -> None:
    from forecast.evidence.text import log
    from forecast.study import open_study

    study = open_study(options.folder)
    result = _touched(study, options)
    alone = {}
    if result.update is not None and len(study.evidence) <= MOST_ALONE:  # each takes a run
        for seen in study.evidence:
            alone[seen.id] = _touched(study.with_evidence([seen]), options, 65_536).shift(options.quantity)
    print(log(result, alone))
    if result.update is not None:
        _sensitivity(result, options)


def _sensitivity(result: Any, options: argparse.Namespace) -> None:
    if options.sensitivity:
        from forecast.evidence.sensitivity import sensitivity, table

        study = result.study
        touched = {str(request) for request in result.requests}
        names = dict.fromkeys((*study.main.quantities, *(seen.target for seen in study.evidence)))
        print("\n" + table(sensitivity(result, options.quantity or [name for name in names if name in touched])))
