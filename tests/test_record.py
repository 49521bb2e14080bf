"""The ledger in a report: what was forecast, what happened, scores with what they can tell, and that it is whole."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy import stats

pytest.importorskip("matplotlib", reason="reports have figures (extra 'plots')")

import forecast
from forecast.cli import main
from forecast.errors import UsageError
from forecast.ledger import START, canonical, sealed
from forecast.ledger.averages import share
from forecast.ledger.recording import PROBS
from forecast.ledger.text import BASELINE_NAMES
from forecast.report import figures
from forecast.report.blocks import Aside, Heading, Paragraph, Picture, Table, plain, spans_of
from forecast.report.embedded import Embedded, blocks, read, unpacked
from forecast.report.figures.calibration import binomial_band
from forecast.report.sections.record import MOST, record_section
from forecast.report.sections.scores import SOME
from forecast.report.words import LONGEST, clean
from forecast.special import ndtri
from tests.studies import prior, write_study
from tests.test_report import NASTY, Page, make

P = np.array(PROBS)


def normal(mean: float = 10.0, sd: float = 2.0) -> list[float]:
    return [float(f"{value:.8g}") for value in mean + sd * ndtri(P)]


def said(number: int = 0, quantiles: Sequence[float | str] | None = None, **changes: Any) -> dict[str, Any]:
    """A forecast of N(10, 2) in an entry of its own."""
    common = {"schema": "forecast.ledger/1", "kind": "forecast", "time": "2026-01-01T00:00:00+00:00", "note": ""}
    about = {"quantity": f"size{number}", "label": f"Size {number}", "unit": "kW", "year": None, "axis": None}
    own = {"resolves": "2027-12-31", "question": f"How large is {number}?", "baselines": {}, "draws": 65536}
    return {**common, **about, **own, "probs": list(PROBS), "quantiles": list(quantiles or normal()), **changes}


@dataclass(frozen=True)
class Known:
    """What happened to the forecast at a place of the ledger."""

    of: int
    value: float | str | None
    happened: bool | None = None
    source: str = "a table"
    text: str = ""


def ledger(*entries: dict[str, Any] | Known) -> bytes:
    lines, hashes, previous = [], [], START
    for entry in entries:
        if isinstance(entry, Known):
            common = {"schema": "forecast.ledger/1", "kind": "resolution", "time": "2027-12-30T00:00:00+00:00"}
            told = {"value": entry.value, "happened": entry.happened, "source": entry.source, "text": entry.text}
            entry = {**common, "of": hashes[entry.of][:8], "on": "2027-12-30", **told}
        whole = sealed(entry, previous)
        previous = str(whole["hash"])
        hashes.append(previous)
        lines.append(canonical(whole).encode() + b"\n")
    return b"".join(lines)


def resolved(values: list[float], **changes: Any) -> bytes:
    """A forecast of each of several outcomes, all of which are known."""
    entries: list[Any] = [said(number, **changes) for number in range(len(values))]
    return ledger(*entries, *(Known(number, value) for number, value in enumerate(values)))


def told(content: bytes, draw: bool = False) -> list[Any]:
    return list(record_section(content, draw))


def text_of(block: Any) -> str:
    spans = block.spans if isinstance(block, Paragraph) else ()
    return "".join(span if isinstance(span, str) else span.text for span in spans)


def words(blocks: list[Any]) -> str:
    return " ".join(text_of(block) for block in blocks)


def tables(blocks: list[Any]) -> list[Table]:
    return [block for block in blocks if isinstance(block, Table)]


def asides(cell: Any) -> list[str]:
    return [span.text.replace("\u00a0", " ") for span in spans_of(cell) if isinstance(span, Aside)]


def row(table: Table, name: str, after: str = "") -> tuple[Any, ...]:
    """The first row of a name, below the one of a heading."""
    names = [plain(cells[0]) for cells in table.rows]
    start = names.index(after) if after else 0
    return table.rows[names.index(name, start)]


def test_a_study_without_entries_has_no_section():
    assert told(b"") == []


def test_open_forecasts_are_listed_and_not_scored():
    shown = told(ledger(said(), said(1, resolves="2030-01-01")), draw=True)
    (table,) = tables(shown)
    assert [plain(cells[2]) for cells in table.rows] == ["open", "open"]
    assert plain(table.rows[0][0]) == "How large is 0?"
    assert asides(table.rows[1][0])[0].startswith("Size 1 [kW]; resolves 2030-01-01; recorded 2026-01-01, ")
    assert (plain(table.rows[0][1]), asides(table.rows[0][1])) == ("10.0", ["6.7 … 13.3"])
    assert "2 forecasts of this study are in its ledger" in words(shown) and "0 resolved, 2 open" in words(shown)
    assert "unbroken: 2 entries, head " in words(shown)
    assert not [block for block in shown if isinstance(block, Picture)] and "outcome" not in words(shown)


def test_scores_in_closed_form():
    """N(10, 2) that came out as 9, against N(10, 4): Gneiting and Raftery 2007, equation 21."""

    def crps(x: float, sd: float) -> float:
        w = (x - 10) / sd
        return sd * (w * (2 * stats.norm.cdf(w) - 1) + 2 * stats.norm.pdf(w) - 1 / math.sqrt(math.pi))

    above = {"text": "11 kW", "value": 11.0, "prob": 0.3, "baselines": {"prior": 0.4}}
    shown = told(ledger(said(above=above, baselines={"prior": normal(10, 4)}), Known(0, 9.0, False)))
    listed, scores, coverage, yes = tables(shown)
    assert scores.header == ("Score", "Mean", "Less that of the prior")
    width, wide = 2 * 1.6448536 * 2, 2 * 1.6448536 * 4
    log, wide_log = -stats.norm.logpdf(9, 10, 2), -stats.norm.logpdf(9, 10, 4)
    for name, value, less in (
        ("CRPS, in kW", crps(9, 2), crps(9, 2) - crps(9, 4)),
        ("Log score (nats)", log, log - wide_log),
        ("Interval score (90%), in kW", width, width - wide),
        ("Brier score", 0.09, 0.09 - 0.16),
    ):
        mean, difference = row(scores, name)[1:]
        assert (float(mean), float(difference)) == (pytest.approx(value, rel=0.05), pytest.approx(less, rel=0.05))
    assert row(scores, "Width of the 90% interval, in kW")[1] == "6.6"
    assert [plain(cells[1]) for cells in coverage.rows] == ["1 of 1"] * 3  # 9 is 0.31 to the left of 0.5
    assert yes.rows == (("30%", "1", "0"),)
    (happened,) = (cells[2] for cells in listed.rows)
    assert plain(happened) == "9 (no)" and asides(happened) == [
        "inside the 50% interval",
        "known 2027-12-30",
        "a table",
    ]
    forecast_ = listed.rows[0][1]
    assert plain(forecast_) == "30%" and asides(forecast_) == ["above 11 kW", "10.0", "6.7 … 13.3"]
    assert "1 outcome. A single outcome says next to nothing" in words(shown)


def test_means_are_those_of_the_ledger_with_their_intervals():
    values = [7.0, 9.5, 10.0, 11.0, 15.0]
    entries: list[Any] = [said(0, resolves=f"2027-12-{10 + number}") for number in range(5)]
    known = [Known(number, value) for number, value in enumerate(values)]
    _, scores, coverage = tables(told(ledger(*entries, *known)))
    hits = {0.5: 3, 0.8: 3, 0.9: 4}  # 0.67, 1.28 and 1.64 times 2 around 10
    for cells, (level, count) in zip(coverage.rows, hits.items(), strict=True):
        exact = share([True] * count + [False] * (5 - count))
        assert plain(cells[0]) == f"{100 * level:.0f}% interval" and cells[1] == f"{count} of 5"
        assert plain(cells[2]) == f"{100 * count / 5:.0f}%"
        assert asides(cells[2]) == [f"{100 * exact.low:.0f}% to {100 * exact.high:.0f}%"]
    w = (np.array(values) - 10) / 2
    crps = 2 * (w * (2 * stats.norm.cdf(w) - 1) + 2 * stats.norm.pdf(w) - 1 / math.sqrt(math.pi))
    (found,) = {cells[1] for cells in scores.rows if plain(cells[0]) == "CRPS, in kW"}
    low, high = (float(text) for text in asides(found)[0].split(" to "))
    assert float(plain(found)) == pytest.approx(crps.mean(), abs=0.006) and low < crps.mean() < high
    assert [plain(cells[0]) for cells in scores.rows][0] == "Size 0"


def test_what_has_a_unit_is_not_averaged_over_quantities():
    _, scores, _ = tables(told(ledger(said(0), said(1, unit="km"), Known(0, 9.0), Known(1, 11.0))))
    names = [plain(cells[0]) for cells in scores.rows]
    assert "All quantities" not in names and names.count("CRPS, in km") == names.count("CRPS, in kW") == 1


@pytest.mark.parametrize(("count", "verdict"), [(2, False), (4, False), (5, True)])
def test_few_outcomes_are_neither_better_nor_worse(count, verdict):
    """Two that agree would be called better by a bootstrap, which has seen nothing else."""
    values = [10.0 + 0.1 * number for number in range(count)]
    entries: list[Any] = [
        said(number, quantity="size", resolves=f"2027-12-{10 + number}", baselines={"prior": normal(10, 8)})
        for number in range(count)
    ]
    shown = told(ledger(*entries, *(Known(number, value) for number, value in enumerate(values))))
    less = row(tables(shown)[1], "CRPS, in kW")[2]
    assert float(plain(less)) < 0 and len(asides(less)) == 1
    assert asides(less)[0].endswith(", better") is verdict
    assert ("Far too few to tell" in words(shown)) is not verdict


def test_forecasts_of_one_outcome_are_one_question_and_one_outcome():
    entries = [said(), said(1), said(0, normal(12), time="2026-06-01T00:00:00+00:00")]
    shown = told(ledger(*entries, Known(0, 9.0), Known(2, 9.0)))
    assert [plain(cells[0]) for cells in tables(shown)[0].rows] == [
        "How large is 0?",
        "The same question",
        "How large is 1?",
    ]
    assert "1 outcome. " in words(shown) and "2 resolved, 1 open" in words(shown)
    previous = row(tables(shown)[1], "CRPS, in kW")[2]
    assert tables(shown)[1].header[2] == f"Less that of {BASELINE_NAMES['previous']}" and float(previous) > 0


def test_a_date_that_may_never_come():
    values: list[float | str] = [
        float(value) if p < 0.7 else "inf" for p, value in zip(P, normal(2030, 4), strict=True)
    ]
    date = {"unit": "year", "axis": [2024.0, 2050.0], "resolves": "2027-12-31"}
    content = ledger(
        said(0, values, **date), said(1, values, **date), said(2, values, **date),
        Known(0, "inf"), Known(1, 2025.42), Known(2, "-inf"),
    )  # fmt: skip
    shown = told(content)
    rows = tables(shown)[0].rows
    assert asides(rows[0][1])[0].endswith("… after 2050")
    assert [plain(cells[2]) for cells in rows] == ["not by 2027-12-31", "2025.4", "already by 2024"]
    assert [asides(cells[2])[0] for cells in rows] == [
        "inside the 50% interval",
        "inside the 80% interval",
        "inside the 90% interval" if float(values[10]) < 2024 else "below the 90% interval",
    ]
    assert plain(row(tables(shown)[1], "CRPS, in years")[0])


@pytest.mark.parametrize(("draws", "shown"), [(100, "10"), (65536, "10.0"), (10**9, "10.0")])
def test_digits_are_those_that_the_draws_support(draws, shown):
    (table,) = tables(told(ledger(said(draws=draws))))
    assert plain(table.rows[0][1]) == shown


@pytest.mark.parametrize(("prob", "shown"), [(0.0, "< 0.005%"), (1.0, "> 99.995%"), (0.12, "12%")])
def test_probabilities_say_what_the_draws_can_tell(prob, shown):
    above = {"text": "3 kW", "value": 3.0, "prob": prob}
    (table,) = tables(told(ledger(said(above=above))))
    assert plain(table.rows[0][1]) == shown


def test_a_value_in_another_unit_is_told_as_it_was_given():
    shown = told(ledger(said(), said(1), Known(0, 9.0, text="9000 W"), Known(1, 14.0, text="14 kW")))
    one, two = (asides(cells[2]) for cells in tables(shown)[0].rows)
    assert one[1] == "known 2027-12-30, given as 9000 W" and two[:2] == ["above the 90% interval", "known 2027-12-30"]


def edited(content: bytes, line: int) -> bytes:
    lines = content.splitlines(keepends=True)
    lines[line] = lines[line].replace(b"forecast.ledger/1", b"forecast.ledger/2")
    return b"".join(lines)


def test_a_broken_ledger_is_told_and_not_scored():
    content = ledger(said(), Known(0, 9.0), said(1), said(2))
    shown = told(edited(content, 2), draw=True)
    text = words(shown)
    assert (
        "The ledger is broken: reports/ledger.jsonl:3: the entry is not as it was written. The first 2 entries" in text
    )
    assert "unbroken" not in text and "nothing is scored" in text
    (table,) = tables(shown)
    assert [plain(cells[2]) for cells in table.rows] == ["9"]  # what is sound, and no score
    assert not [block for block in shown if isinstance(block, Picture)]
    lost = told(edited(content, 0))
    assert "No entry is told here" in words(lost) and not tables(lost) and "forecast" not in words(lost)
    dropped = content.splitlines(keepends=True)
    assert "The first entry is sound" in words(told(b"".join([dropped[0], *dropped[2:]])))
    # A thousand bits, each of which breaks it: told, whatever it does to the text.
    for bit in np.random.default_rng(4).choice(8 * (len(content) - 1), 60, replace=False).tolist():
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        assert "The ledger is broken" in words(told(bytes(flipped))) or "incomplete" in words(told(bytes(flipped)))


def test_an_interrupted_write_is_passed_over():
    content = ledger(said(), Known(0, 9.0))
    shown = told(content + content[:80])
    assert "unbroken: 2 entries" in words(shown) and "the ledger's last line is incomplete" in words(shown)
    assert len(tables(shown)) == 3


def test_entries_that_nobody_understands_are_told():
    shown = told(ledger(said(quantiles=["<b>x</b>"] * len(P)), {"kind": "joke"}))
    assert "The ledger cannot be read: ledger: entry " in words(shown) and "quantiles is missing or unknown" in words(
        shown
    )
    assert not tables(shown)


ODD: list[list[float | str]] = [
    [5.0] * len(P),
    ["inf"] * len(P),
    ["-inf"] * 100 + ["inf"] * (len(P) - 100),
    ["-inf"] * 100 + [3.0] * (len(P) - 100),
    [0.0] * 50 + normal()[50:],
    [1e300] * len(P),
    [*normal()[:150], *["inf"] * (len(P) - 150)],
    [float(value) for value in 1e8 * np.exp(2 * ndtri(P))],
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("number", range(len(ODD)))
def test_odd_forecasts_and_outcomes_are_told_without_a_warning(number):
    values: list[float | str] = [9.0, 0.0, -3.0, 1e300, "inf", "-inf"]
    changes: list[dict[str, Any]] = [{}, {"axis": [2020.0, 2050.0], "unit": "year"}, {"draws": "x", "year": 2030.5}]
    others = {"prior": ODD[number - 1], "trend": normal()}
    entries = [said(k, ODD[number], baselines=others, **changes[k % 3]) for k in range(18)]
    shown = told(ledger(*entries, *(Known(k, values[k // 3]) for k in range(18))), draw=True)
    assert len(tables(shown)[0].rows) == 18 and "nan" not in str(tables(shown))


def test_the_latest_of_many_and_a_histogram_from_twenty_on():
    values = [float(value) for value in 10 + 2 * ndtri((np.arange(MOST + 5) + 0.5) / (MOST + 5))]
    shown = told(resolved(values, quantity="size"), draw=True)
    table = tables(shown)[0]
    assert len(table.rows) == MOST and "the ledger has 5 earlier ones" in table.caption
    pictures = [block.name for block in shown if isinstance(block, Picture)]
    assert pictures == ["calibration"]  # one outcome: they are of the same quantity on the same day
    shown = told(resolved(values), draw=True)
    pictures = {block.name: block for block in shown if isinstance(block, Picture)}
    assert (
        set(pictures) == {"calibration", "pit"}
        and "from the lowest: 5, 4, 5, 4, 4, 5, 4, 5, 5, 4." in pictures["pit"].alt
    )
    assert f"‘forecast score’ tells {MOST + 5 - 8} more quantities" in tables(shown)[1].caption
    assert "pit" not in {b.name for b in told(resolved(values[: SOME - 1]), draw=True) if isinstance(b, Picture)}
    assert not [block for block in told(resolved(values)) if isinstance(block, Picture)]


def test_what_the_figures_show():
    figure = figures.calibration([0.5, 0.9], [0.4, 1.0], [0.2, 0.7], [0.6, 1.0])
    lines = {tuple(map(float, line.get_ydata())) for line in figure.axes[0].lines}
    assert lines == {(0.0, 1.0), (0.2, 0.6), (0.7, 1.0), (0.4, 1.0)}
    figure = figures.pits([3.0, 1.0, 4.0], 8)
    assert figure.axes[0].patches[0].get_data().values.tolist() == [3, 1, 4]


@pytest.mark.parametrize(("count", "prob"), [(1, 0.1), (20, 0.1), (333, 0.1), (5000, 0.2)])
def test_the_band_of_a_binomial_number(count, prob):
    assert binomial_band(count, prob) == tuple(stats.binom.ppf([0.05, 0.95], count, prob))


def test_an_answer_to_a_question_that_was_not_asked_has_no_scores():
    shown = told(ledger(said(), Known(0, None, True)), draw=True)
    listed, scores = tables(shown)  # of which there is the width alone
    assert plain(listed.rows[0][2]) == "not told" and [plain(cells[0])[:5] for cells in scores.rows] == [
        "Size ",
        "Width",
    ]
    assert len(tables(told(ledger(said(quantiles=["inf"] * len(P)), Known(0, None, True)), draw=True))) == 1
    assert not [block for block in shown if isinstance(block, Picture)]


def test_texts_are_kept_to_a_line():
    assert clean("a\x00b\x1b[31m\u2066 c\r\n d") == "a b [31m c d"
    assert len(clean("long " * 500)) <= LONGEST and clean("费用 نیم‌فاصله 👩‍💻") == "费用 نیم‌فاصله 👩‍💻"


# -------------------------------------------------------------------------------------------------- in the report

WORDS = f"What\u202e is\x07 it? {NASTY}"
FULL = ledger(
    said(
        0,
        quantity="cost",
        question=WORDS,
        label=NASTY,
        unit="USD_2023",
        above={"text": NASTY, "value": 1.0, "prob": 0.5},
    ),
    said(1, question="Open?"),
    Known(0, 9.0, True, source=f"{WORDS} https://example.org/x", text=f"9 {NASTY}"),
)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A study that runs in no time, with a ledger."""
    folder = write_study(
        tmp_path_factory.mktemp("record") / "small",
        prior("hours", "10 to 100") + prior("price", "1 to 3"),
        'def cost(hours, price):\n    """Cost []."""\n    return hours * price\n',
        'quantities = ["cost"]\nseed = 2\nfigures = ["calibration"]',
    )
    (folder / "reports/ledger.jsonl").write_bytes(FULL)
    return folder


@pytest.fixture(scope="module")
def page(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    assert main(["report", str(small), "--format", "html,md,json", "--out", str(out)]) == 0
    return out / "main.html"


def test_the_ledger_is_told_in_every_format_and_its_text_stays_text(page, small):
    shown = Page(page.read_text())
    ids = [attrs["id"] for tag, attrs in shown.tags if tag == "h2"]
    assert ids.index("record") + 1 == ids.index("assumptions")
    assert f"What is it? {NASTY}" in shown.text and "Open?" in shown.text
    assert not [tag for tag, _ in shown.tags if tag in ("b", "i", "img")]
    assert "\u202e" not in page.read_text() and "\x07" not in page.read_text()
    assert [attrs["aria-label"][:15] for tag, attrs in shown.tags if tag == "svg"] == ["Calibration of "]
    from markdown_it import MarkdownIt

    markdown = (page.parent / "main.md").read_text()
    assert "![Calibration of 1 forecast: " in markdown and (page.parent / "main-figures/calibration.svg").exists()
    again = Page(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))
    assert "*star* `tick` {{ no }}" in again.text
    assert not [tag for tag, _ in again.tags if tag in ("script", "b", "i", "title")]


def test_a_pdf_has_the_section_and_no_markup_of_the_ledger(small):
    pytest.importorskip("typst", reason="PDF needs typst (extra 'pdf')")
    from forecast.export import to_json
    from forecast.report.content import content
    from forecast.report.pdf import to_pdf, to_typst
    from forecast.report.subject import Subject
    from forecast.report.write import Call, arguments_of, report_of

    study = forecast.open_study(small)
    report = report_of(study, "main")
    result = study.run(**arguments_of(report, Call("main")))
    found = content(Subject(result, report, to_json(result), ledger=FULL))
    assert [block.name for block in found.blocks if isinstance(block, Heading)][:2] == ["record", "scores"]
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", to_typst(found))
    assert "alert" not in bare and "frac" not in bare and "Was it right" not in bare
    assert to_pdf(found) == to_pdf(found)


def test_the_report_gives_its_bytes_and_its_ledger_again(page, small, tmp_path, capsys):
    assert main(["report", str(page), "--out", str(tmp_path)]) == 0
    assert (tmp_path / "main.html").read_bytes() == page.read_bytes()
    capsys.readouterr()
    assert main(["run", str(page), "--json"]) == 0
    assert capsys.readouterr().out == (page.parent / "main.json").read_text()
    with unpacked(read(page)) as folder:
        assert (folder / "reports/ledger.jsonl").read_bytes() == FULL
    for command in (["ledger", "verify"], ["ledger", "list"], ["score"], ["score", "--json"]):
        spoken = []
        for place in (page, small):
            assert main([*command[:2], str(place)] if "--json" not in command else ["score", str(place), "--json"]) == 0
            spoken.append(capsys.readouterr().out.replace(str(page) + ": ", "").replace(f"{small}/", ""))
        assert spoken[0] == spoken[1] and spoken[0]
    assert main(["ledger", str(page)]) == 0
    assert main(["ledger", "verify", str(page), "--head", "ab"]) == 4
    assert main(["ledger", "verify", str(page), "--since", "HEAD"]) == 2


def test_a_recorded_forecast_changes_neither_the_study_nor_its_run(page, small, tmp_path):
    with_ledger = forecast.open_study(small).digest
    (small / "reports/ledger.jsonl").unlink()
    try:
        assert forecast.open_study(small).digest == with_ledger == read(page).run["study_hash"]
        assert main(["report", str(small), "--format", "html,json", "--out", str(tmp_path)]) == 0
    finally:
        (small / "reports/ledger.jsonl").write_bytes(FULL)
    assert (tmp_path / "main.json").read_bytes() == (page.parent / "main.json").read_bytes()
    assert 'id="record"' not in (tmp_path / "main.html").read_text()


@pytest.mark.parametrize("damage", [b"\xff\xfe\x00 not UTF-8 \xed\xa0\x80\n", edited(FULL, 0), FULL[:-9], b"\r\n"])
def test_a_broken_ledger_does_not_stop_the_report(small, tmp_path, damage, capsys):
    (small / "reports/ledger.jsonl").write_bytes(damage)
    try:
        assert main(["report", str(small), "--out", str(tmp_path)]) == 0
    finally:
        (small / "reports/ledger.jsonl").write_bytes(FULL)
    shown = Page((tmp_path / "main.html").read_text()).text
    assert ("The ledger is broken:" in shown) != ("last line is incomplete" in shown)
    with unpacked(read(tmp_path / "main.html")) as folder:
        assert (folder / "reports/ledger.jsonl").read_bytes() == damage
    assert main(["report", str(tmp_path / "main.html"), "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again/main.html").read_bytes() == (tmp_path / "main.html").read_bytes()
    assert main(["ledger", "verify", str(tmp_path / "main.html")]) == 4


def test_a_ledger_that_cannot_be_read_is_no_ledger_without_entries(small, tmp_path, capsys):
    file = small / "reports/ledger.jsonl"
    file.unlink()
    file.mkdir()
    try:
        assert main(["report", str(small), "--out", str(tmp_path)]) == 1
        assert "reports/ledger.jsonl: cannot be read" in capsys.readouterr().err
    finally:
        file.rmdir()
        file.write_bytes(FULL)


def test_a_page_with_what_no_file_can_hold_is_refused(tmp_path):
    page = blocks(Embedded("s", {"reports/main.md": "", "priors/x.toml": "x"}, "main", {}, {}))
    (tmp_path / "bad.html").write_text(page.replace('"priors/x.toml":"x"', '"priors/x.toml":"\\ud800"'))
    with pytest.raises(UsageError, match="carries no study"):
        read(tmp_path / "bad.html")


def test_one_figure_shows_all_forecasts(tmp_path, capsys):
    folder = make(tmp_path / "s", '\nquantities = ["cost"]\nfigures = ["calibration cost"]\n', "")
    assert main(["check", str(folder)]) == 3
    assert (
        "'calibration cost': one figure shows all forecasts of the ledger; write 'calibration'"
        in capsys.readouterr().err
    )


def test_a_real_ledger_from_record_to_report(small, tmp_path, capsys):
    """What the commands write is what the report reads."""
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(small, folder)
    (folder / "reports/ledger.jsonl").unlink()
    assert main(["record", "cost", str(folder), "--resolves", "2090-12-31", "--question", "Q?", "--draws", "8192"]) == 0
    made = capsys.readouterr().out.strip()
    assert main(["resolve", made, str(folder), "--value", "55", "--source", "S"]) == 0
    assert main(["report", str(folder), "--out", str(tmp_path)]) == 0
    shown = Page((tmp_path / "main.html").read_text()).text
    assert re.search(
        rf"Q\? cost; resolves 2090-12-31; recorded 20\d\d-\d\d-\d\d, {made}".replace("cost", "Cost"), shown
    )
    assert "1 forecast of this study is in its ledger" in shown and "1 outcome." in shown
    assert json.loads(json.dumps(read(tmp_path / "main.html").call))
