"""The commands about evidence: ``update``, ``log`` and ``export``. Arguments are read here as in `forecast.cli`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from forecast.errors import UsageError

MOST_ALONE = 50
RUNGS = ("auto", "weights", "smc", "nuts")


def add_commands(commands: Any, trust: str) -> None:
    """Put the commands on a command line's parser."""
    update = commands.add_parser(
        "update", help="add or drop an observation, and tell what it moves", epilog=trust, allow_abbrev=False
    )
    update.add_argument("folder", metavar="DIR", nargs="?", default=".")
    update.add_argument(
        "--observe", metavar="STATEMENT", help="such as 'training_cost@2023 = 60M to 120M', or with <= or >="
    )
    update.add_argument("--drop", metavar="ID", help="take an observation back")
    update.add_argument("--source", metavar="TEXT", help="who says so, and where")
    update.add_argument("--date", metavar="DATE", help="when it was seen or published, such as 2024-03-01")
    update.add_argument("--note", metavar="TEXT", default="")
    update.add_argument(
        "--error", metavar="ERROR", help="standard error of a plain number or a bound: 10%%, or in its unit"
    )
    update.add_argument("--id", metavar="ID", default="", help="its name (default: made from the quantity)")
    update.add_argument("--dry-run", action="store_true", help="show what it would move and write nothing")
    _options(update)
    update.set_defaults(command=_update)

    log = commands.add_parser(
        "log", help="list the evidence, and what each item does", epilog=trust, allow_abbrev=False
    )
    log.add_argument("folder", metavar="DIR", nargs="?", default=".")
    _options(log)
    log.set_defaults(command=_log)

    export = commands.add_parser(
        "export", help="write the posterior for other programs", epilog=trust, allow_abbrev=False
    )
    export.add_argument("folder", metavar="DIR", nargs="?", default=".")
    export.add_argument("--posterior", metavar="FILE.nc", help="joint draws of all quantities, as NetCDF")
    export.add_argument(
        "--as-priors", metavar="NEWDIR", help="a priors folder with refitted families and their dependence"
    )
    _options(export)
    export.set_defaults(command=_export)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--quantity",
        "-q",
        action="append",
        metavar="NAME[@YEAR]",
        help="what to show (default: the report's, the observed, and their priors)",
    )
    parser.add_argument(
        "--rung", choices=RUNGS, default="auto", help="how to compute it (default: the quickest way that holds)"
    )
    parser.add_argument("--seed", metavar="N")
    if not parser.prog.endswith("export"):
        parser.add_argument(
            "--sensitivity", action="store_true", help="also tell which conclusions rest on the priors alone"
        )


def _run(study: Any, options: argparse.Namespace, draws: int | None = None) -> Any:
    seed = None
    if options.seed is not None:
        if not options.seed.isdigit():
            raise UsageError(f"--seed: is not a whole number ({options.seed}); write 20231, say")
        seed = int(options.seed)
    return study.run(rung=options.rung, seed=seed, draws=draws)


def _update(options: argparse.Namespace) -> None:
    from forecast.evidence.files import statement, table_of
    from forecast.evidence.text import update_table
    from forecast.evidence.write import add, drop
    from forecast.study import open_study

    if (options.observe is None) == (options.drop is None):
        raise UsageError("update: needs either --observe 'quantity@2023 = 60M to 120M' or --drop ID")
    study = open_study(options.folder)
    if options.drop is not None:
        if options.drop not in [seen.id for seen in study.evidence]:
            raise UsageError(f"there is no observation '{options.drop}'; forecast log lists them")
        changed = study.with_evidence([seen for seen in study.evidence if seen.id != options.drop])
    else:
        missing = [f"--{name}" for name in ("source", "date") if not getattr(options, name)]
        if missing:
            raise UsageError(f"update: an observation needs {' and '.join(missing)}; say who said it and when")
        given = {"source": options.source, "date": options.date, "note": options.note, "error": options.error}
        table = table_of(options.observe, **given)
        from forecast.evidence.files import free_id

        name = options.id or free_id(_stem(table), [seen.id for seen in study.evidence])
        seen = statement(options.observe, id=name, **given)
        changed = study.with_evidence((*study.evidence, seen))
    # All that can be wrong with it comes to light before anything is written.
    result = _run(changed, options)
    if not options.dry_run and options.drop is not None:
        _say(f"Took {options.drop} out of {drop(study.path, options.drop)}")
    elif not options.dry_run:
        _say(f"Wrote [{add(study.path, table, options.id)}] to priors/evidence/")
    if result.update is None:
        print("No evidence is left: forecasts are those of the priors.")
    else:
        print(update_table(result, result.shift(options.quantity)))
        _sensitivity(result, options)
    if options.dry_run:
        _say("Nothing was written (--dry-run).")


def _stem(table: dict[str, Any]) -> str:
    return str(table["quantity"]) if table.get("year") is None else f"{table['quantity']}-{table['year']:g}"


def _log(options: argparse.Namespace) -> None:
    from forecast.evidence.text import log
    from forecast.study import open_study

    study = open_study(options.folder)
    result = _run(study, options)
    alone = {}
    if result.update is not None and len(study.evidence) <= MOST_ALONE:  # each takes a run
        for seen in study.evidence:
            alone[seen.id] = _run(study.with_evidence([seen]), options, 65_536).shift(options.quantity)
    print(log(result, alone))
    if result.update is not None:
        _sensitivity(result, options)


def _sensitivity(result: Any, options: argparse.Namespace) -> None:
    if options.sensitivity:
        from forecast.evidence.sensitivity import sensitivity, table

        print("\n" + table(sensitivity(result, options.quantity)))


def _export(options: argparse.Namespace) -> None:
    from forecast.evidence.export import write_posterior, write_priors
    from forecast.study import open_study

    if not options.posterior and not options.as_priors:
        raise UsageError("export: needs --posterior FILE.nc or --as-priors DIR")
    result = _run(open_study(options.folder), options)
    if options.posterior:
        write_posterior(result, Path(options.posterior))
        _say(f"Wrote {options.posterior}")
    if options.as_priors:
        for line in write_priors(result, Path(options.as_priors)):
            print(line)
        _say(f"Wrote {options.as_priors}/priors.toml")


def _say(text: str) -> None:
    print(text, file=sys.stderr)
