"""What a report says, in its order: the answer, the figures behind it, what they rest on, how to run it again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from forecast.errors import StudyError
from forecast.report.blocks import Block, Heading, Picture, Table
from forecast.report.check import problems_of
from forecast.report.fields import Fields, told
from forecast.report.plots import Plots
from forecast.report.prose import read_prose, without_title
from forecast.report.sections.answer import answer, key_table, remarks
from forecast.report.sections.assumptions import assumptions
from forecast.report.sections.chances import chances, histograms
from forecast.report.sections.dependence import dependence
from forecast.report.sections.drivers import what_drives
from forecast.report.sections.evidence import evidence_section
from forecast.report.sections.provenance import provenance_section
from forecast.report.sections.record import record_section
from forecast.report.sections.scenarios import scenarios
from forecast.report.sections.trends import trend_section
from forecast.report.sections.years import crossings, fans
from forecast.report.subject import Chosen, Subject
from forecast.result import Forecast
from forecast.study.reports import Report
from forecast.text import percent


@dataclass(frozen=True)
class Content:
    """A report's content.

    Parameters
    ----------
    title, subtitle : str
    blocks : tuple of Block
    """

    title: str
    subtitle: str
    blocks: tuple[Block, ...]


def content(subject: Subject, say: Callable[[str, float], None] | None = None) -> Content:
    """Everything that a report says.

    Parameters
    ----------
    subject : Subject
        Without `said`, which is made here.
    say : callable, optional
        Told which section is being written, and which part of the work is done.

    Returns
    -------
    Content

    Raises
    ------
    StudyError
        Fields or figures of the report's definition do not exist; every one is told.
    """
    report = subject.report
    forecast = _with_own_thresholds(subject.forecast, report)
    subject = replace(subject, forecast=forecast, said=told(forecast, subject.record))
    problems = problems_of(forecast.study, report, subject.said)
    if problems:
        raise StudyError(problems)
    fields, chosen = Fields(forecast, report, subject.said, subject.record, subject.date), Chosen(report)
    title = report.title or report.name
    parts = [f"{percent(forecast.prob)} credible intervals, equal-tailed"]
    parts += [subject.date] if subject.date else []
    text = without_title(report.text, title)
    plots = Plots(forecast)
    sections: tuple[tuple[str, Iterable[Block]], ...] = (
        ("answer", answer(subject)),
        ("key figures", [key_table(subject)]),
        ("remarks", remarks(subject)),
        ("text", [read_prose(text, fields)] if text else []),
        ("bands by year", fans(subject, plots, chosen)),
        ("crossing years", crossings(subject, plots, chosen)),
        ("chances", chances(subject, plots, chosen)),
        ("histograms", histograms(subject, plots, chosen)),
        ("what drives it", what_drives(subject, chosen)),
        ("trends", trend_section(subject, chosen)),
        ("evidence", evidence_section(forecast, chosen.wants("shift"))),
        ("scenarios", scenarios(subject, chosen)),
        ("dependence", dependence(subject, chosen)),
        ("was it right", record_section(subject.ledger, chosen.wants("calibration"))),
        ("assumptions", assumptions(forecast)),
        ("provenance", provenance_section(forecast, subject.record, report.name, subject.date)),
    )
    blocks: list[Block] = []
    for number, (name, section) in enumerate(sections):
        if say is not None:
            say(name, number / len(sections))
        blocks.extend(section)
    if say is not None:
        say("written", 1.0)
    return Content(title, ", ".join(parts), tuple(_numbered(blocks)))


def _with_own_thresholds(forecast: Forecast, report: Report) -> Forecast:
    """The forecast with the thresholds of one report: the study has those of all."""
    study = forecast.study
    own = {
        name: {text: value for text, value in values.items() if text in report.thresholds.get(name, ())}
        for name, values in study.thresholds.items()
    }
    return forecast if own == study.thresholds else replace(forecast, study=replace(study, thresholds=own))


def _numbered(blocks: Iterable[Block]) -> Iterator[Block]:
    """Figures and tables with their numbers, and a heading under one name once."""
    counts = {Picture: 0, Table: 0}
    names: set[str] = set()
    for block in blocks:
        if isinstance(block, (Picture, Table)):
            counts[type(block)] += 1
            block = replace(block, number=counts[type(block)])
        elif isinstance(block, Heading):
            if block.name in names:
                continue
            names.add(block.name)
        yield block
