"""What a report is made of, and which figures its header asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forecast.report.fields import Told
from forecast.report.scenarios import Scenario
from forecast.result import Forecast
from forecast.study.reports import Report


@dataclass(frozen=True)
class Subject:
    """What a report is made of.

    Parameters
    ----------
    forecast : Forecast
    report : Report
    record : mapping
        The run's JSON: what is told is what stands there, rounded.
    scenarios : tuple of Scenario
    date : str
        As it is to be printed; empty for none.
    compare_trends : bool
        Whether to tell every measure of straight against kinked trends.
    ledger : bytes
        What the study's ledger of forecasts holds.
    said : mapping of str to Told
        Every reported figure in words, by ``name`` or ``name@year``.
    """

    forecast: Forecast
    report: Report
    record: Mapping[str, Any]
    scenarios: tuple[Scenario, ...] = ()
    date: str = ""
    compare_trends: bool = False
    ledger: bytes = b""
    said: Mapping[str, Told] = field(default_factory=dict)

    @property
    def headline(self) -> list[str]:
        """The quantities that the report answers first, those with a year axis at their last reported year."""
        last = {one.request.name: text for text, one in self.said.items()}
        return [name if name in self.said else last[name] for name in self.report.headline or tuple(self.said)[:1]]

    @property
    def pictured(self) -> dict[str, Told]:
        """What is drawn one by one: a quantity asked for in every year only in its last, since the fan has all."""
        every = {request.name for request in self.forecast.requests if request.year is None}
        last = {one.request.name: text for text, one in self.said.items()}
        return {t: one for t, one in self.said.items() if one.request.name not in every or t == last[one.request.name]}


class Chosen:
    """Which figures the report's header asks for; without a list, every one that suits."""

    def __init__(self, report: Report) -> None:
        self._entries: list[tuple[str, str, str]] | None = None
        if report.figures is not None:
            self._entries = []
            for text in report.figures:
                kind, _, rest = text.strip().partition(" ")
                quantity, _, threshold = rest.strip().partition(" ")
                self._entries.append((kind, quantity, threshold))

    def wants(self, kind: str, quantity: str = "") -> bool:
        """Whether a figure of a kind is wanted, of a quantity."""
        return self._entries is None or any(k == kind and q in ("", quantity) for k, q, _ in self._entries)

    def more(self, kind: str, known: Sequence[str]) -> list[str]:
        """Quantities named for a kind beyond the known ones."""
        return [] if self._entries is None else [q for k, q, _ in self._entries if k == kind and q and q not in known]

    def thresholds(self, quantity: str) -> list[str]:
        """Thresholds named for the dots of a quantity."""
        return [] if self._entries is None else [t for k, q, t in self._entries if k == "dots" and q == quantity and t]
