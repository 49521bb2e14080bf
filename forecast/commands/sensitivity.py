"""The commands ``sensitivity`` and ``explain``."""

from __future__ import annotations

import argparse
from typing import Any

from forecast.commands.shared import (
    add_command,
    add_folder,
    add_json,
    add_run_options,
    opened,
    prepared,
    run_arguments,
)
from forecast.errors import CertainError, UsageError

WORLDS = 65_536
YEARS = 8  # columns of the table by year, at most


def add_commands(commands: Any) -> None:
    """Put the commands on a command line's parser."""
    drives = add_command(commands, "sensitivity", "what drives an answer, and what to learn next", _sensitivity)
    drives.add_argument(
        "quantity", metavar="QUANTITY", help="a name, or name@year; with a year axis and no year, year by year"
    )
    add_folder(drives)
    add_run_options(drives)
    drives.add_argument(
        "--above", metavar="VALUE", help="explain whether it exceeds this, such as '1B USD_2023' or a year"
    )
    drives.add_argument(
        "--scale",
        choices=("auto", "log", "linear", "rank"),
        default="auto",
        help="what variance is of (default: chosen by the answer)",
    )
    drives.add_argument(
        "--measure",
        action="append",
        default=[],
        metavar="TEXT",
        help="a proposed measurement, such as 'utilisation ± 10%%' (repeatable)",
    )
    drives.add_argument("--top", metavar="N", help="inputs shown (default: all)")
    drives.add_argument("--dedicated", action="store_true", help="also Sobol indices by runs of their own")
    add_json(drives)

    words = add_command(commands, "explain", "tell in words how an answer comes about", _explain)
    words.add_argument("quantity", metavar="QUANTITY", help="a name, or name@year")
    add_folder(words)
    add_run_options(words)


def run_for(study: Any, quantity: str, arguments: dict[str, Any]) -> tuple[Any, list[float]]:
    """A run of one quantity, and the years to look at: some of the axis, if it has one and no year was asked for."""
    name, _, year = quantity.partition("@")
    study.definition(name)
    result = prepared(study, [quantity], **{"draws": WORLDS, **arguments})
    if year or not result.has_years(name):
        return result, []
    last, count = len(result.years) - 1, min(YEARS, len(result.years))
    return result, [result.years[round(place * last / max(1, count - 1))] for place in range(count)]


def _sensitivity(options: argparse.Namespace) -> None:
    import json

    from forecast.sensitivity import sensitivity
    from forecast.sensitivity.text import dedicated_table, table, to_json
    from forecast.study import threshold

    top = None
    if options.top is not None:
        if not options.top.isdigit() or not int(options.top):
            raise UsageError(f"--top: is not a whole number from 1 up ({options.top}); write 10, say")
        top = int(options.top)
    study, _ = opened(options)
    result, years = run_for(study, options.quantity, run_arguments(options))
    if years and not options.json:
        for option in ("above", "measure", "dedicated"):
            if getattr(options, option):
                raise UsageError(f"--{option}: goes with one year; ask for {options.quantity}@{years[-1]:g}, say")
        from forecast.sensitivity.text import table_by_year
        from forecast.sensitivity.years import by_year

        print(table_by_year(by_year(result, options.quantity, years, options.scale), top))
        return
    above = None
    if options.above is not None:
        above = threshold(study.units, options.above, study.labels[options.quantity.partition("@")[0]], "--above")
    found = []
    for name in [f"{options.quantity}@{year:g}" for year in years] or [options.quantity]:
        try:
            found.append(sensitivity(result, name, above=above, scale=options.scale, measure=options.measure))
        except CertainError:  # the first year of a path may be known
            if name.endswith(f"@{years[-1]:g}" if years else name) and not found:
                raise
    extra = {}
    if options.dedicated:
        from forecast.sensitivity.dedicated import sobol_indices

        extra = {one.quantity: sobol_indices(result, one.quantity, scale=options.scale) for one in found}
    if options.json:
        told = [to_json(one) for one in found]
        for entry in told:
            for index in extra.get(entry["quantity"], ()):
                indices = {"name": index.name, "first": vars(index.first), "total": vars(index.total)}
                entry.setdefault("dedicated", []).append(indices)
        print(json.dumps(told[0] if len(told) == 1 else told, indent=1, ensure_ascii=False))
        return
    for one in found:
        print(table(one, top))
        if extra.get(one.quantity):
            print("\n" + dedicated_table(extra[one.quantity], top))


def _explain(options: argparse.Namespace) -> None:
    from forecast.sensitivity.words import of

    study, _ = opened(options)
    result, years = run_for(study, options.quantity, run_arguments(options))
    name = options.quantity
    if years:
        asked = [text for report in study.reports.values() for text in report.quantities if text.startswith(f"{name}@")]
        on_axis = [text for text in asked if float(text.partition("@")[2]) in result.years]
        name = on_axis[-1] if on_axis else f"{name}@{years[len(years) // 2]:g}"
    print(of(result, name))
