"""Scores of the ledger's forecasts: means against baselines, calibration, and how little few outcomes say."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from forecast.distribution import format_number
from forecast.ledger.averages import Mean
from forecast.ledger.scoring import BASELINES, Card, Group, Scored
from forecast.ledger.text import BASELINE_NAMES, NAMES, verdict
from forecast.report import figures
from forecast.report.blocks import Aside, Block, Cell, Heading, Paragraph, Strong, Table
from forecast.report.figures.svg import picture
from forecast.report.words import clean, counted
from forecast.summary import round_to_error
from forecast.text import percent

PROB = 0.9  # of the intervals of scores
MOST_GROUPS = 8  # quantities whose scores are told, those with the most outcomes
FEW = 5  # outcomes below which nothing is called better or worse
SOME = 20  # and below which there is no histogram of ten classes
DIGITS = 2  # of a score of one outcome
Z_90 = 1.6448536269514722  # 95% point of the normal distribution


def score_blocks(card: Card, titles: Mapping[str, str], draw: bool) -> Iterator[Block]:
    """Means of scores, calibration, and how little they say while outcomes are few.

    Parameters
    ----------
    card : Card
        At least one forecast has resolved.
    titles : mapping of str to str
        What quantities are called, by name.
    draw : bool
        Whether calibration is drawn.
    """
    outcomes = len({one.outcome for one in card.scored})
    yield Heading(3, "How good the forecasts were", "scores")
    yield Paragraph((Strong(f"{counted(outcomes, 'outcome')}. "), _caution(outcomes)))
    table = _score_table(card, titles)
    if not table.rows:  # what happened was told of no value, and of no question of yes or no
        return
    yield table
    yield Paragraph(
        (
            "Smaller scores are better; a difference below zero is better than what it is compared with. Small figures "
            f"are {percent(PROB)} intervals: of means by bootstrap over outcomes, of shares by Wilson's formula. CRPS "
            "(continuous ranked probability score) is the distance of the forecast from the outcome, in its unit or in "
            "orders of magnitude (OOM); the interval score is the interval's width and what missing it costs; the "
            "Brier score is a probability's squared error.",
        )
    )
    coverage = card.total.coverage
    if coverage:
        yield _coverage(coverage)
        if draw:
            yield _calibration(coverage, outcomes)
        valued = len({one.outcome for one in card.scored if one.reach is not None})
        if draw and valued >= SOME:
            yield _pits(card.total, valued)
    if card.total.said:
        rows = tuple((percent_of(prob), str(count), str(happened)) for prob, count, happened in card.total.said)
        caption = (
            "Questions of yes or no, by the probability that was given, in tenths: how many, and how many happened."
        )
        yield Table(caption, ("Probability given (mean)", "Forecasts", "Happened"), rows, (1, 2))


def _caution(outcomes: int) -> str:
    if outcomes == 1:
        return (
            "A single outcome says next to nothing about how good forecasts are; there is no interval for its scores."
        )
    if outcomes < FEW:
        return "Far too few to tell whether the forecasts are calibrated, or better than anything else."
    if outcomes < SOME:
        return "Few: what counts is what the intervals rule out, not the means."
    return "Forecasts of one outcome count as one in every interval."


def _score_table(card: Card, titles: Mapping[str, str]) -> Table:
    quantities = sorted(card.by_quantity, key=lambda group: -_outcomes(card, group, "quantity"))[:MOST_GROUPS]
    groups = [(card.total, "All quantities", "")] if len(card.by_quantity) > 1 else []
    if len(card.by_horizon) > 1 and len({one.outcome for one in card.scored}) >= FEW:
        groups += [(group, f"Horizon {group.name}", "horizon") for group in card.by_horizon]
    groups += [(group, titles[group.name], "quantity") for group in quantities]
    against = [b for b in BASELINES if any(b == other for group, *_ in groups for other, _ in group.differences)]
    rows: list[tuple[Cell, ...]] = []
    for group, title, by in groups:
        members = [one for one in card.scored if not by or getattr(one, by) == group.name]
        scores = list(_score_rows(group, members, against))
        if scores:  # nothing that has a unit is averaged over quantities
            rows += [(_headed(title, members), *([""] * (1 + len(against)))), *scores]
    left = len(card.by_quantity) - len(quantities)
    caption = "Scores: means over resolved forecasts, and how much they differ from those of what there was to beat."
    caption += f" ‘forecast score’ tells {counted(left, 'more quantity')}." if left else ""
    header = ("Score", "Mean", *(f"Less that of {BASELINE_NAMES[b]}" for b in against))
    return Table(caption, header, tuple(rows), tuple(range(1, len(header))))


def _headed(title: str, members: Sequence[Scored]) -> Cell:
    outcomes = len({one.outcome for one in members})
    of = f" of {counted(outcomes, 'outcome')}" if outcomes < len(members) else ""
    return Strong(title), Aside(f"{counted(len(members), 'forecast')}{of}")


def _score_rows(group: Group, members: Sequence[Scored], against: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
    units = {one.unit for one in members}
    unit = _unit(units.pop()) if len(units) == 1 else ""
    for kind, mean in group.scores.items():
        told = f", {unit}" if unit and kind in ("crps", "interval_score") else ""
        name = NAMES[kind]
        cells: list[Cell] = [f"{name[0].upper()}{name[1:]}{told}", _mean(mean)]
        for baseline in against:
            less = group.differences.get((baseline, kind))
            both = {one.outcome for one in members if kind in one.scores and kind in one.baselines.get(baseline, {})}
            cells.append("" if less is None else _mean(less, verdict(less) if len(both) >= FEW else ""))
        yield tuple(cells)
    if group.width.count:
        width = f"Width of the 90% interval{f', {_unit(group.width_unit)}' if group.width_unit else ''}"
        yield width, _mean(group.width), *([""] * len(against))


def _mean(found: Mean, more: str = "") -> Cell:
    """A mean and its interval, with the digits that this supports."""
    if math.isnan(found.low):
        return format_number(found.value, DIGITS)
    error = (found.high - found.low) / 2 / Z_90 / 100  # which shows two digits of the standard error
    low, value, high = (round_to_error(figure, error) for figure in (found.low, found.value, found.high))
    return value, Aside(f"{low} to {high}{more}")


def _coverage(coverage: dict[float, Mean]) -> Block:
    rows = tuple(
        (
            f"{percent(level)} interval",
            f"{round(found.value * found.count)} of {found.count}",
            (percent_of(found.value), Aside(f"{percent_of(found.low)} to {percent_of(found.high)}")),
        )
        for level, found in coverage.items()
    )
    caption = "Calibration: how often each interval held what happened; it should be as often as its probability says."
    return Table(caption, ("Interval", "Held", "Share"), rows, (1, 2))


def _calibration(coverage: dict[float, Mean], outcomes: int) -> Block:
    told = "; ".join(
        f"the {percent(level)} interval held {percent_of(found.value)} ({percent_of(found.low)} to "
        f"{percent_of(found.high)})"
        for level, found in coverage.items()
    )
    means = list(coverage.values())
    figure = figures.calibration(
        list(coverage),
        [mean.value for mean in means],
        [mean.low for mean in means],
        [mean.high for mean in means],
        title=f"How often intervals held, of {counted(means[0].count, 'forecast')}",
    )
    caption = "Below the dashed line intervals are too narrow, above it too wide."
    caption += " With so few outcomes either may be chance." if outcomes < SOME else ""
    return picture("calibration", figure, f"Calibration of {counted(means[0].count, 'forecast')}: {told}.", caption)


def _pits(total: Group, outcomes: int) -> Block:
    told = ", ".join(f"{count:.3g}" for count in total.pits)
    figure = figures.pits(total.pits, outcomes, title="Where in the forecasts the outcomes fell")
    alt = f"Histogram of where in the forecasts the outcomes fell, in tenths of probability from the lowest: {told}."
    caption = (
        "Even bars are what calibrated forecasts give; a U says that they were too narrow, a hill too wide. If they "
        "are calibrated, each bar ends in the band with at least 90% probability."
    )
    return picture("pit", figure, alt, caption)


def _outcomes(card: Card, group: Group, by: str) -> int:
    return len({one.outcome for one in card.scored if getattr(one, by) == group.name})


def _unit(unit: str) -> str:
    return "in years" if unit == "year" else f"in {clean(unit)}" if unit else ""


def percent_of(share: float) -> str:
    """A share of outcomes as whole percents: more digits would need ten thousand of them.

    Examples
    --------
    >>> percent_of(0.0), percent_of(0.003), percent_of(0.667), percent_of(0.999)
    ('0%', '< 1%', '67%', '> 99%')
    """
    if 0 < share < 0.005 or 0.995 < share < 1:
        return "< 1%" if share < 0.5 else "> 99%"
    return f"{100 * share:.0f}%"
