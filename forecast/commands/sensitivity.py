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
from forecast.errors import UsageError

WORLDS = 65_536


def add_commands(commands: Any) -> None:
    """Put the commands on a command line's parser."""
    drives = add_command(commands, "sensitivity", "what drives an answer, and what to learn next", _sensitivity)
    drives.add_argument("quantity", metavar="QUANTITY", help="a name, or name@year; with a year axis, several years")
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


def run_for(study: Any, quantity: str, arguments: dict[str, Any]) -> tuple[Any, list[str]]:
    """A run of one quantity, and what to look at: itself, or itself at a few years."""
    name, _, year = quantity.partition("@")
    study.definition(name)
    result = prepared(study, [quantity], **{"draws": WORLDS, **arguments})
    if year or not result.has_years(name):
        return result, [quantity]
    step = max(1, len(result.years) // 4)
    return result, [f"{name}@{y:g}" for y in result.years[::step]]


def _sensitivity(options: argparse.Namespace) -> None:
    import json

    from forecast.sensitivity import sensitivity
    from forecast.sensitivity.text import table, to_json
    from forecast.study import threshold

    top = None
    if options.top is not None:
        if not options.top.isdigit() or not int(options.top):
            raise UsageError(f"--top: is not a whole number from 1 up ({options.top}); write 10, say")
        top = int(options.top)
    study, _ = opened(options)
    result, names = run_for(study, options.quantity, run_arguments(options))
    above = None
    if options.above is not None:
        above = threshold(study.units, options.above, study.labels[options.quantity.partition("@")[0]], "--above")
    certain = []
    found = []
    for name in names:
        try:
            found.append(sensitivity(result, name, above=above, scale=options.scale, measure=options.measure))
        except UsageError as error:
            if len(names) == 1 or "is certain" not in str(error):
                raise
            certain.append(name)  # the first year of a path may be known
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
    for place, one in enumerate(found):
        print(("\n\n" if place else "") + table(one, top))
        if extra.get(one.quantity):
            print("\nSobol indices by dedicated runs:")
            for index in extra[one.quantity][:top]:
                figures = (f"{figure.value:.4f} ±{figure.se:.1g}" for figure in (index.first, index.total))
                print(f"  {index.name}: first {next(figures)}, total {next(figures)}")
    for name in certain:
        print(f"\n{name} is certain")


def _explain(options: argparse.Namespace) -> None:
    from forecast.sensitivity.explain import of

    study, _ = opened(options)
    result, names = run_for(study, options.quantity, run_arguments(options))
    print(of(result, names[len(names) // 2]))
