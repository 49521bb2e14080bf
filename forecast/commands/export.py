"""The command ``export``: the posterior for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from forecast.commands.evidence import add_conditioning, conditioned, seed_of
from forecast.commands.shared import add_command, add_folder, opened, prepared, say
from forecast.errors import StudyError, UsageError


def add_commands(commands: Any) -> None:
    """Put the command on a command line's parser."""
    export = add_command(commands, "export", "write the posterior for other programs", _export)
    add_folder(export)
    export.add_argument("--posterior", metavar="FILE.nc", help="joint draws of all quantities, as NetCDF")
    export.add_argument(
        "--as-priors", metavar="NEWDIR", help="a priors folder with refitted families and their dependence"
    )
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
    add_conditioning(export)


def _export(options: argparse.Namespace) -> None:
    if not (options.metaculus or options.posterior or options.as_priors):
        raise UsageError("export: needs --posterior FILE.nc, --as-priors NEWDIR or --metaculus QUANTITY")
    if not options.metaculus and (options.out or options.min or options.max):
        raise UsageError("--min, --max and --out go with --metaculus QUANTITY; add it")
    study, _ = opened(options)
    if options.metaculus:
        _write_metaculus(study, options)
    if options.posterior or options.as_priors:
        _write_posterior(study, options)


def _write_posterior(study: Any, options: argparse.Namespace) -> None:
    from forecast.evidence.export import write_posterior, write_priors

    result = conditioned(study, options)
    if options.posterior:
        write_posterior(result, Path(options.posterior))
        say(f"Wrote {options.posterior}")
    if options.as_priors:
        for line in write_priors(result, Path(options.as_priors)):
            print(line)
        say(f"Wrote {options.as_priors}/priors.toml")


def _write_metaculus(study: Any, options: argparse.Namespace) -> None:
    import json

    from forecast.files import write_atomically, writing
    from forecast.report.exchange import Range, bound, cdf_of
    from forecast.sampling import request_of
    from forecast.study import threshold
    from forecast.trend.series import iso_date

    request = request_of(options.metaculus)
    study.definition(request.name)
    unit = study.labels[request.name]
    limits: dict[str, float | None] = {}
    dates = False
    for option in ("min", "max", "zero_point"):
        text, place = getattr(options, option), f"--{option.replace('_', '-')}"
        if text is None and option != "zero_point":
            raise UsageError(f"{place} is missing; give the question's range, such as --min 10M --max 10B")
        try:
            date = None if text is None else bound(text, unit)
            dates |= date is not None
            limits[option] = (
                None if text is None else threshold(study.units, text, unit, place) if date is None else date
            )
        except StudyError as error:
            raise UsageError(str(error)) from None
    assert limits["min"] is not None and limits["max"] is not None
    question = Range(limits["min"], limits["max"], limits["zero_point"], options.open_lower, options.open_upper, dates)
    question.check()
    result = prepared(study, [options.metaculus], seed=seed_of(options), rung=options.rung)
    cdf = cdf_of(result.at(request.name, request.year), question)
    record = {
        "quantity": options.metaculus,
        "label": study.definition(request.name).label,
        "unit": unit,
        "range_min": iso_date(question.low) if dates else question.low,
        "range_max": iso_date(question.high) if dates else question.high,
        "zero_point": iso_date(question.zero) if dates and question.zero is not None else question.zero,
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
    with writing(options.out):
        write_atomically(Path(options.out), (text + "\n").encode())
    print(options.out)
