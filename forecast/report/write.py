"""A report to files, in every format asked for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forecast.errors import ForecastError, UsageError, nearest
from forecast.export import to_json, write_netcdf
from forecast.memo import write_atomically
from forecast.report.scenarios import Scenario
from forecast.result import Forecast
from forecast.study import Study
from forecast.study.reports import Report

Say = Callable[[str, float], None]
FORMATS = ("html", "pdf", "md", "csv", "json", "nc")


@dataclass(frozen=True)
class Call:
    """All that decides what a report says, besides the study's text.

    Parameters
    ----------
    report : str
    run : mapping
        Arguments of `Study.run`.
    scenarios : tuple of Scenario
    date : str
    compare_trends : bool
    """

    report: str
    run: Mapping[str, Any] = field(default_factory=dict)
    scenarios: tuple[Scenario, ...] = ()
    date: str = ""
    compare_trends: bool = False

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "run": dict(self.run),
            "scenarios": [{"name": s.name, "given": dict(s.given)} for s in self.scenarios],
            "date": self.date,
            "compare_trends": self.compare_trends,
        }

    @classmethod
    def from_json(cls, report: str, data: Mapping[str, Any]) -> Call:
        """Read what `to_json` gave."""
        scenarios = tuple(Scenario(s["name"], s["given"]) for s in data.get("scenarios", ()))
        return cls(
            report, dict(data.get("run", {})), scenarios, str(data.get("date", "")), bool(data.get("compare_trends"))
        )


def report_of(study: Study, name: str) -> Report:
    """A report of a study by name.

    Raises
    ------
    UsageError
        There is none of that name.
    """
    if name in study.reports:
        return study.reports[name]
    if name == "main" and not study.reports:
        return study.main
    raise UsageError(
        f"the study has no report '{name}'; "
        + (nearest(name, study.reports) or f"it has {', '.join(study.reports) or 'none'}")
    )


def arguments_of(report: Report, call: Call) -> dict[str, Any]:
    """What `Study.run` is called with: the report's header, and what the call says otherwise."""
    chosen: dict[str, Any] = {"quantities": list(report.quantities), "prob": report.prob, "seed": report.seed}
    if report.years:
        chosen["years"] = list(report.years)
    return {**chosen, **call.run}


def write_report(
    forecast: Forecast, report: Report, call: Call, formats: Sequence[str], folder: Path, say: Say | None = None
) -> list[Path]:
    """Write a report.

    Parameters
    ----------
    forecast : Forecast
        The report's run, made with `arguments_of`.
    report : Report
    call : Call
    formats : sequence of str
        Some of `FORMATS`.
    folder : pathlib.Path
        Files are called after the report; Markdown has its figures beside it in a folder.
    say : callable, optional
        Told what is being written, and which part of the work is done.

    Returns
    -------
    list of pathlib.Path
        What was written; the same study, call and versions give the same bytes.

    Raises
    ------
    ForecastError
        A file cannot be written, or a format needs a package that is missing.
    """
    unknown = [text for text in formats if text not in FORMATS]
    if unknown:
        raise UsageError(
            f"--format: there is no format '{unknown[0]}'; "
            + (nearest(unknown[0], FORMATS) or f"use {', '.join(FORMATS)}")
        )
    record = to_json(forecast)
    made: dict[Path, bytes] = {}
    stem = folder / file_name(report.name)
    if {"html", "pdf", "md"} & set(formats):
        from forecast.ledger import FILE, content_of
        from forecast.report.content import content
        from forecast.report.subject import Subject

        ledger = content_of(forecast.study.path / FILE)  # once: somebody may be adding to it
        date = call.date or report.date
        subject = Subject(forecast, report, record, call.scenarios, date, call.compare_trends, ledger)
        told = content(subject, say)
        if "html" in formats:
            from forecast.report.embedded import Embedded, study_files
            from forecast.report.html import to_html

            files = study_files(forecast.study, ledger)
            carried = Embedded(forecast.study.name, files, report.name, call.to_json(), record)
            made[stem.with_suffix(".html")] = to_html(told, carried).encode()
        if "pdf" in formats:
            from forecast.report.pdf import to_pdf

            made[stem.with_suffix(".pdf")] = to_pdf(told)
        if "md" in formats:
            from forecast.report.markdown import to_markdown

            text, pictures = to_markdown(told, f"{stem.name}-figures")
            made[stem.with_suffix(".md")] = text.encode()
            made |= {folder / name: svg.encode() for name, svg in pictures.items()}
    if "csv" in formats:
        from forecast.report.csv import to_csv

        made[stem.with_suffix(".csv")] = to_csv(record).encode()
    if "json" in formats:
        import json

        made[stem.with_suffix(".json")] = (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()
    try:
        for path, content_ in made.items():
            write_atomically(path, content_)
        if "nc" in formats:
            write_netcdf(forecast, stem.with_suffix(".nc"))
    except OSError as error:
        raise ForecastError(
            f"{folder}: cannot be written ({error.strerror or error}); choose another folder"
        ) from error
    main = [stem.with_suffix(f".{kind}") for kind in formats]
    return list(dict.fromkeys(main))


def require(formats: Sequence[str]) -> None:
    """Raise `ForecastError` where a format needs a package that is missing."""
    if {"html", "pdf", "md"} & set(formats):
        from forecast.report.figures import font_folder

        font_folder()
    if "pdf" in formats:
        from forecast.report.pdf import require_typst

        require_typst()


def file_name(text: str) -> str:
    """A name that every file system takes."""
    return re.sub(r"[^\w.-]", "_", os.path.basename(text)) or "report"
