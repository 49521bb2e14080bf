"""The commands about published numbers: ``claims`` and ``decode``."""

from __future__ import annotations

import argparse
from typing import Any

from forecast.commands.shared import add_command, add_json, say
from forecast.errors import GateError, UsageError


def add_commands(commands: Any) -> None:
    """Put the commands on a command line's parser."""
    claims = add_command(
        commands,
        "claims",
        "evaluate published claims: which hold, which do not follow, which were overtaken",
        _claims,
    )
    claims.add_argument(
        "ids", metavar="ID", nargs="*", help="claims such as L7, a part such as K9.b, or K (default: all)"
    )
    claims.add_argument("--study", metavar="DIR", default=".", help="the study's folder (default: .)")
    claims.add_argument("--notes", action="store_true", help="also print sentence, inputs, tolerance and note of each")
    add_json(claims)
    claims.add_argument("--markdown", action="store_true", help="print Markdown tables with links into the sources")
    claims.add_argument(
        "--report", metavar="FILE", help="replace the table in a report, such as reports/replication.md"
    )

    decode = add_command(
        commands,
        "decode",
        "which reading a published triple such as '380M (55M to 1.5B)' fits",
        _decode,
        opens=False,
    )
    decode.add_argument("triple", metavar="TRIPLE", nargs="+", help="as printed, in quotes")
    add_json(decode)


def _claims(options: argparse.Namespace) -> None:
    from forecast.claims import evaluate_study
    from forecast.claims.text import markdown, table, tally, to_json, write_report
    from forecast.study import open_study

    if options.report and options.ids:
        raise UsageError(f"--report holds all claims; leave out {' '.join(options.ids)}")
    study = open_study(options.study)
    results = evaluate_study(study, options.ids)
    if options.report:
        from pathlib import Path

        write_report(Path(options.report), results)
        say(f"Wrote {options.report}")
        files = {r.data.partition(",")[0] for r in results if r.data and not r.data.startswith("priors/")}
        if files:
            told = ", ".join(sorted(files))
            say(f"It holds results on {told}, which not everybody has; unset FORECAST_DATA for the study's own")
    if options.json:
        import json

        print(json.dumps(to_json(results, study.name, study.digest), indent=1, ensure_ascii=False))
    elif not options.report or options.markdown:
        print(markdown(results) if options.markdown else table(results, options.notes, sentences=bool(options.ids)))
    if count := len(study.evidence):
        told = f"Evaluated without the study's evidence ({count} observation{'s' * (count != 1)})"
        (say if options.json or options.markdown or options.report else print)(
            f"{told}: a claim is about what its document's own inputs give"
        )
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
