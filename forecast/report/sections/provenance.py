"""Where a forecast comes from, and how to run it again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from forecast.report.blocks import Block, Code, Heading, Paragraph, Table
from forecast.result import Forecast


def provenance_section(forecast: Forecast, record: Mapping[str, Any], report: str, date: str) -> Iterator[Block]:
    """Study, hash, seed, draws, versions, and how to run it again."""
    yield Heading(2, "Provenance", "provenance")
    how = "quasi-Monte Carlo (scrambled Sobol points)" if record["method"] == "qmc" else "plain Monte Carlo"
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    rows: list[tuple[Any, ...]] = [
        ("Study", Code(str(record["study"]))),
        ("Hash of its text", Code(str(record["study_hash"]))),
        ("Seed", str(record["seed"])),
        ("Worlds", f"{record['draws']:,}, {how}, {record['chains']} replicates"),
        ("Years", f"{forecast.years[0]:g} to {forecast.years[-1]:g}"),
        ("Versions", versions),
    ]
    if date:
        rows.append(("Date", date))
    if record["given"]:
        rows.append(("Scenario", Code(json.dumps(record["given"], ensure_ascii=False))))
    yield Table("What was run.", ("Item", "Value"), tuple(rows))
    yield Paragraph(
        (
            "Printed figures are rounded: no digit is shown that another seed would change. The unrounded ones are in ",
            "the JSON of the run. To run it again: ",
            Code("forecast run report.html"),
            " (the HTML file carries the study's whole text) or ",
            Code(f"forecast report {report}"),
            " in the study's folder. Either runs the Python of the study's models/ folder: do it only with studies ",
            "you trust.",
        )
    )
