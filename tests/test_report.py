"""Reports: their order, their numbers, their safety, their bytes, and the study inside them."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import warnings
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="reports have figures (extra 'plots')")

import forecast
from forecast.cli import main
from forecast.errors import StudyError, UsageError
from forecast.export import to_json
from forecast.report.csv import to_csv
from forecast.report.embedded import read
from forecast.report.write import Call, arguments_of, report_of, write_report
from tests.studies import write_study

ROOT = Path(__file__).resolve().parents[1]
NASTY = "<script>alert(1)</script></title><b>x</b> & $x^2$ \\frac{1}{2} #strong[no] | *star* `tick` {{ no }}"


def table(name: str, dist: str, unit: str = "", label: str = "", **fields: str) -> str:
    words = {"label": label or name, "dist": dist, "unit": unit, "source": "made up", **fields}
    return f"[{name}]\n" + "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in words.items())


PRIORS = (
    table("hours", "1M to 3M", "hour", label="Hours of the run", note=NASTY)
    + table("price", "1 to 4", "USD_2023/hour", label="=HYPERLINK(1)", source=NASTY)
    + table("start", "10M to 100M", "USD_2023")
    + table("growth", "normal 0.1 to 0.3", "OOM/year")
    + table("start_year", "2024", "year")
    + table("goal", "1B", "USD_2023")
    + '[[dependence]]\nbetween = ["start", "growth"]\nrank_correlation = 0\nband = true\nnote = "unknown"\n'
    + """
[cost_trend]
label = "Costs seen"
trend = "straight"
series = "evidence/costs.csv"
unit = "USD_2023"
level_year = 2018
level = "normal 2 to 10"
growth = "normal -1 to 1"
scatter = "0.1 to 1"
source = "made up"
"""
)
UNITS = '[currency.USD]\nindex = "cpi.csv"\nyear = 2023\nsource = "BLS"\n'
MODEL = '''
from forecast import first_crossing


def cost(hours, price):
    """Cost of <i>the</i> run [USD_2023].

    Source: "somebody", 2023
    """
    return hours * price  # </script>


def path(year, start, growth, start_year):
    """Cost by year [USD_2023]."""
    return start * 10 ** (growth * (year - start_year))


def crossing(year, path, goal):
    """Year in which the cost exceeds the goal [year]."""
    return first_crossing(year, path, goal)


def seen_cost(cost_trend):
    """Cost by the trend [USD_2023]."""
    return cost_trend
'''
REPORT = """
title = "Costs & <b>more</b>"
quantities = ["cost", "path@2030", "crossing", "seen_cost@2026"]
headline = ["cost", "crossing"]
years = "2024 to 2040"
seed = 3
date = "2 January 2026"
thresholds = { cost = ["5M USD_2023"] }
"""
TEXT = f"""
# Costs & <b>more</b>

Cost: {{{{ cost.interval }}}}, `{{{{ cost.median }}}}`; never {{{{ crossing.never }}}}, by 2030 {{{{ crossing.by 2030 }}}}, above 10M
{{{{ cost.prob_above 10M USD_2023 }}}}. {NASTY.replace("{{ no }}", "")} [bad](javascript:alert(1)) [good](https://example.org)
![picture](https://example.org/x.png)

| a | b |
| --- | --- |
| {{{{ path@2030.low }}}} | {{{{ seed }}}} |
"""
EVIDENCE = '[bill]\nquantity = "cost"\nvalue = "3M to 6M"\nunit = "USD_2023"\ndate = "2025-06-01"\nsource = "a <b>newspaper</b>"\n'


def costs() -> str:
    rng = np.random.default_rng(5)
    t = np.sort(rng.uniform(2012, 2024, 30))
    y = 10 ** (5 + 0.4 * (t - 2018) + 0.3 * rng.standard_normal(30))
    rows = [f"{int(year)}-{1 + int(12 * (year % 1)):02d},{value:.6g},made up" for year, value in zip(t, y, strict=True)]
    return "\n".join(["date,cost [USD_2023],source", *rows]) + "\n"


def make(folder: Path, report: str = REPORT, text: str = TEXT, **files: str) -> Path:
    texts = {
        "priors/units.toml": UNITS,
        "priors/cpi.csv": "year,index\n2020,100\n2023,120\n",
        "priors/evidence/costs.csv": costs(),
        "priors/evidence/seen.toml": EVIDENCE,
        "reports/main.md": f"+++{report}+++\n{text}",
    }
    return write_study(folder, PRIORS, MODEL, files={**texts, **files})


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make(tmp_path_factory.mktemp("reports") / "costs")


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    file = tmp_path_factory.mktemp("scenarios") / "cheap.toml"
    file.write_text('title = "Cheap <i>hours</i>"\n[set]\nprice = "0.5 to 2"\n')
    return file


@pytest.fixture(scope="module")
def written(study, scenario, tmp_path_factory):
    """The report in every format, by the command line."""
    folder = tmp_path_factory.mktemp("written")
    formats = "html,md,csv,json,nc"
    assert main(["report", str(study), "--format", formats, "--out", str(folder), "--scenario", str(scenario)]) == 0
    return folder


class Page(HTMLParser):
    """A page as a tree would see it: tags in order, balance, text outside scripts and styles."""

    EMPTY = {"meta", "br", "hr", "link", "img", "input"}

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def page(written):
    return Page((written / "main.html").read_text())


def test_sections_come_in_the_order_that_a_reader_needs(page, written):
    headings = [attrs["id"] for tag, attrs in page.tags if tag == "h2" and "id" in attrs]
    assert headings == [
        "years",
        "when",
        "chances",
        "drivers",
        "fits",
        "evidence",
        "scenarios",
        "dependence",
        "assumptions",
        "provenance",
    ]
    text = (written / "main.html").read_text()
    assert text.index('class="lead"') < text.index("<table") < text.index('id="years"')
    assert (
        "with 90% probability" in page.text[: page.text.index("Key figures")]
        and "it does not happen by 2040" in page.text[: page.text.index("Key figures")]
    )
    assert "2 January 2026" in page.text


def test_every_figure_is_there_with_words_for_those_who_cannot_see_it(page):
    pictures = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert all(len(attrs["aria-label"]) > 40 and attrs["role"] == "img" for attrs in pictures)
    names = " ".join(attrs["aria-label"] for attrs in pictures)
    for kind in (
        "Fan chart",
        "Probability of",
        "50 dots",
        "Tornado",
        "Fitted trend",
        "Prior against posterior",
        "by scenario",
        "rank correlation",
    ):
        assert kind in names, kind


def test_marks_take_their_colours_from_where_they_stand(written):
    """A style sheet for the dark reaches each use of a mark, but not the copy of the mark that it shows."""
    text = (written / "main.html").read_text()
    marks = re.findall(r"<defs><path [^>]*></defs>", text)
    assert marks and not [mark for mark in marks if " stroke=" in mark or " fill=" in mark]
    assert re.search(r'<use [^>]*fill="#ffffff" stroke="#0b5fa5"', text)


def test_tables_have_headers_and_ids_are_unique(page):
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in page.tags if tag == "th")
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = [attrs["href"][1:] for tag, attrs in page.tags if tag == "a" and attrs.get("href", "").startswith("#")]
    assert set(links) <= set(ids)


def test_nothing_is_fetched_and_nothing_runs(page, written):
    text = (written / "main.html").read_text()
    policy = next(
        attrs["content"]
        for tag, attrs in page.tags
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    for tag, attrs in page.tags:
        assert not {"src", "srcset", "style", "onclick", "onload", "onerror", "background", "poster"} & set(attrs), (
            tag,
            attrs,
        )
        assert tag not in {"img", "iframe", "object", "embed", "link", "form", "base"}
        if tag == "script":
            assert attrs["type"] == "application/json"
        if tag == "use":
            assert attrs["href"].startswith("#")
        if tag == "a":
            assert attrs["href"].startswith(("#", "https://example.org"))
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style and "@import" not in style


def test_text_that_looks_like_markup_stays_text(page, written):
    assert "<script>alert(1)</script></title><b>x</b> & $x^2$" in page.text
    assert (
        "Costs & <b>more</b>" in page.text and "Cheap <i>hours</i>" in page.text and "a <b>newspaper</b>" in page.text
    )
    assert [tag for tag, _ in page.tags if tag in ("b", "i")] == []
    markdown = (written / "main.md").read_text()
    from markdown_it import MarkdownIt

    again = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    shown = Page(again)
    assert "<script>alert(1)</script>" in shown.text and "*star*" in shown.text
    assert not [tag for tag, _ in shown.tags if tag in ("script", "b", "i", "title")]


def number(text: str) -> tuple[float, float]:
    """A printed number and half a unit of its last digit."""
    match = re.fullmatch(r"(-?[\d.]+)(?:e(-?\d+))?([kMBT]?)", text)
    assert match, text
    power = int(match[2] or 0) + {"": 0, "k": 3, "M": 6, "B": 9, "T": 12}[match[3]]
    digits = len(match[1].partition(".")[2])
    return float(match[1]) * 10.0**power, 0.5000001 * 10.0 ** (power - digits)


def test_every_key_figure_is_that_of_the_json_rounded(written):
    record = json.loads((written / "main.json").read_text())
    rows = re.findall(
        r"<tr>(.*?)</tr>", (written / "main.html").read_text()[: (written / "main.html").read_text().index("<nav")]
    )
    cells = [[re.sub("<.*?>", "", cell) for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row)] for row in rows][1:]
    found = []
    for entry in record["quantities"].values():
        found += list(entry["by_year"].values()) if "by_year" in entry else [entry]
    assert len(found) == len(cells) == 4
    for row, figures in zip(cells, found, strict=True):
        for text, key in zip(row[1:4], ("low", "median", "high"), strict=True):
            if text.startswith(("after", "by")):
                assert figures[key] in ("inf", "-inf")
                continue
            value, half = number(text)
            # A last digit of 0 may have been rounded away with the others: tens of millions are no more precise.
            trailing = len(text.rstrip("kMBT")) - len(text.rstrip("kMBT").rstrip("0")) if "." not in text else 0
            assert abs(value - figures[key]) <= half * 10**trailing


def test_template_fields_are_filled_in_and_rounded_alike(page, study):
    result = forecast.open_study(study).run()
    assert f"never {100 * float(result.prob_above('crossing', 2040).value):.1f}"[:9] in page.text
    low = page.text[page.text.index("Cost: ") + 6 :].split(" to ")[0]
    assert abs(number(low)[0] - result.interval("cost").low) < 2 * number(low)[1] * 10


def test_running_the_report_gives_its_json_and_its_bytes_again(written, tmp_path, capsys):
    file = written / "main.html"
    assert main(["run", str(file), "--json"]) == 0
    assert capsys.readouterr().out == (written / "main.json").read_text()
    assert main(["report", str(file), "--out", str(tmp_path)]) == 0
    assert (tmp_path / "main.html").read_bytes() == file.read_bytes()


def test_the_same_study_and_seed_give_the_same_bytes(study, scenario, written, tmp_path):
    formats = "html,md,csv,json,nc"
    assert main(["report", str(study), "--format", formats, "--out", str(tmp_path), "--scenario", str(scenario)]) == 0
    files = sorted(path.relative_to(written) for path in written.rglob("*") if path.is_file())
    assert len(files) > 10
    for file in files:
        assert (tmp_path / file).read_bytes() == (written / file).read_bytes(), file


def test_a_run_writes_the_same_report_in_passing(tmp_path, capsys):
    report = f'{REPORT}figures = ["fan path"]\n'
    study = make(tmp_path / "study", report, "", **{"priors/evidence/seen.toml": ""})
    assert main(["run", str(study), "--out", str(tmp_path / "run"), "--report"]) == 0
    assert capsys.readouterr().err.rstrip().endswith("main.html")
    assert main(["report", str(study), "--out", str(tmp_path / "report")]) == 0
    assert (tmp_path / "run/main.html").read_bytes() == (tmp_path / "report/main.html").read_bytes()
    assert main(["run", str(study), "--report"]) == 2


def test_the_study_in_a_report_is_the_study(written, study):
    carried = read(written / "main.html")
    assert carried.files["models/model.py"] == (study / "models/model.py").read_text()
    assert carried.files["priors/evidence/costs.csv"] == costs()
    assert carried.run == json.loads((written / "main.json").read_text())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"priors/priors.toml":', '"../priors.toml":'),
        ('"priors/priors.toml":', '"priors/../../x.toml":'),
        ('"name":"costs"', '"name":".."'),
        ('"schema":"forecast.report/1"', '"schema":"forecast.report/9"'),
        ('id="study"', 'id="nothing"'),
    ],
)
def test_a_report_that_was_tampered_with_is_refused(written, tmp_path, old, new):
    text = (written / "main.html").read_text()
    assert old in text
    (tmp_path / "bad.html").write_text(text.replace(old, new))
    with pytest.raises(UsageError):
        read(tmp_path / "bad.html")


def test_csv_has_raw_numbers_units_and_no_formulas(written):
    text = (written / "main.csv").read_bytes().decode()
    assert text.endswith("\r\n") and "\n" not in text.replace("\r\n", "")
    rows = list(csv.DictReader(io.StringIO(text), strict=True))
    record = json.loads((written / "main.json").read_text())
    cost = next(row for row in rows if row["quantity"] == "cost")
    assert float(cost["low"]) == record["quantities"]["cost"]["low"] and cost["unit"] == "USD_2023"
    assert float(cost["prob_above"]) == record["quantities"]["cost"]["prob_above"]["5M USD_2023"]
    assert next(row for row in rows if row["quantity"] == "path")["year"] == "2030"
    formulas = {"schema": "", "quantities": {"x": {**record["quantities"]["cost"], "label": "=1+1", "unit": '@"a", b'}}}
    row = next(csv.DictReader(io.StringIO(to_csv(formulas)), strict=True))
    assert row["label"] == "'=1+1" and row["unit"] == '\'@"a", b'


def test_netcdf_opens_in_arviz_with_its_group_names(written):
    arviz = pytest.importorskip("arviz")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = arviz.from_netcdf(written / "main.nc")
    assert {"chain", "draw"} <= set(tree["posterior"]["cost"].dims)


def test_emphasis_in_markdown_is_parted_from_what_follows():
    from markdown_it import MarkdownIt

    from forecast.report.blocks import Strong
    from forecast.report.markdown import _spans

    text = _spans((Strong("Cost: "), "64 points, ", Strong("2 to 3"), " a year"))
    assert MarkdownIt().renderInline(text) == "<strong>Cost:</strong> 64 points, <strong>2 to 3</strong> a year"


def test_markdown_has_its_figures_beside_it(written):
    text = (written / "main.md").read_text()
    pictures = re.findall(r"\]\((main-figures/[^)]+\.svg)\)", text)
    assert len(pictures) >= 8 and all((written / picture).read_text().startswith("<?xml") for picture in pictures)


def test_scenarios_are_compared_in_the_same_worlds(study, scenario):
    from forecast.report.scenarios import Scenario, compared, read_scenario

    opened = forecast.open_study(study)
    result = opened.with_evidence(()).run(["cost", "crossing"])
    same, halved = compared(result, [Scenario("same", {"price": "1 to 4"}), Scenario("half", {"price": "0.5 to 2"})])[
        :2
    ]
    assert (same.difference.low, same.difference.high, same.ratio.low, same.ratio.high) == (0, 0, 1, 1)
    assert halved.ratio.low == pytest.approx(0.5) == halved.ratio.high
    assert all(
        one.difference.low == one.difference.high == 0 for one in compared(result, [read_scenario(scenario)])[1:]
    )
    # A derived quantity that becomes a prior gets worlds of its own; with evidence, each scenario is told of it.
    for known in (opened.with_evidence(()), opened):
        base = known.run(["cost", "crossing"])
        new = compared(base, [Scenario("derived", {"cost": "1M to 3M"})])[0]
        found = known.given({"cost": "1M to 3M"}).run(["cost"]).interval("cost")
        assert new.found.median == pytest.approx(found.median, rel=0.02)
        assert new.found.high == pytest.approx(found.high, rel=0.05)


def percentage(text: str, value: float) -> bool:
    """Whether a printed probability is the value rounded, or a limit beyond it."""
    if text[0] in "<>":
        limit = float(text[1:].strip().rstrip("%")) / 100
        return value <= limit if text[0] == "<" else value >= limit
    digits = len(text.rstrip("%").partition(".")[2])
    return abs(float(text.rstrip("%")) - 100 * value) <= 0.5000001 * 10.0**-digits


def test_every_probability_is_that_of_the_json_rounded(written, page):
    record = json.loads((written / "main.json").read_text())
    never, above = record["quantities"]["crossing"]["never"], record["quantities"]["cost"]["prob_above"]["5M USD_2023"]
    text = page.text
    for pattern, value in (
        (r"With ([\d.]+%) probability it does not happen by 2040", never),
        (r"not by 2040: ((?:[<>] )?[\d.]+%)", never),
        (r"never ([\d.]+%), by 2030", never),
        (r"more than 5M USD_2023: ([\d.]+%)", above),
        (r"exceeds 5 million with ([\d.]+%) probability", above),
        (r"exceed 5M USD_2023; the probability is ([\d.]+%)", above),
    ):
        found = re.findall(pattern, text)
        assert found, pattern
        assert all(percentage(one, value) for one in found), (pattern, found, value)
    assert percentage("< 0.02%", 0.0001) and not percentage("5.2%", 0.0526) and not percentage("< 0.02%", 0.001)


NUMBER = re.compile(r"\d[\d,.]*\d|\d")


def test_html_and_pdf_tell_the_same_numbers(study, scenario):
    """Each number, as often as it stands there: text, tables, captions, figures, code."""
    from forecast.report.pdf import to_typst

    told = content_of(study, scenario)
    html = Counter(NUMBER.findall(Page(_html(told)).text))
    html.subtract(NUMBER.findall(told.title))  # stands in the head as well
    pictures = re.findall(r"<svg.*?</svg>", _html(told), flags=re.DOTALL)
    words = [word for svg in pictures for word in ElementTree.fromstring(svg).itertext()]
    body = re.sub(r'alt: "(?:[^"\\]|\\.)*"', "", to_typst(told))  # for those who cannot see: not in the text
    body = body[body.index("#heading(level: 1") :]
    literals = [_unquoted(text) for text in re.findall(r'"((?:[^"\\]|\\.)*)"', body) if "<svg" not in text]
    captions = re.findall(r"#strong\[(?:Figure|Table) (\d+)\.\]", body)
    pdf = Counter(NUMBER.findall(" ".join([*literals, *words])) + captions)
    assert sum(html.values()) > 300
    assert {n: c for n, c in html.items() if c} == dict(pdf)


def _unquoted(literal: str) -> str:
    return literal.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler) is not installed")
def test_what_can_be_read_in_the_pdf_is_what_the_json_says(study, tmp_path):
    pytest.importorskip("typst", reason="PDF needs typst (extra 'pdf')")
    assert main(["report", str(study), "--format", "html,pdf", "--out", str(tmp_path)]) == 0
    text = subprocess.run(["pdftotext", "-layout", tmp_path / "main.pdf", "-"], capture_output=True, text=True).stdout
    html = (tmp_path / "main.html").read_text()
    rows = re.findall(r"<tr>(.*?)</tr>", html[: html.index("<nav")])[1:]
    for row in rows:
        cells = [re.sub("<.*?>", "", cell) for cell in re.findall(r"<td.*?>(.*?)</td>", row)]
        assert re.search(r"\s+".join(map(re.escape, cells)), text), cells
    assert "<script>alert(1)</script></title>" in " ".join(text.split()) and "$x^2$" in text and "=HYPERLINK(1)" in text


@pytest.mark.parametrize(
    ("header", "text", "message"),
    [
        (
            "",
            "{{ cots.interval }}",
            "reports/main.md:9: field 'cots.interval' is of no reported quantity; did you mean 'cost'?",
        ),
        ("", "{{ cost.intervall }}", "reports/main.md:9: there is no field 'cost.intervall'; did you mean 'interval'?"),
        (
            "",
            "{{ cost.by 2030 }}",
            "reports/main.md:9: field 'cost.by 2030': cost is no crossing year; use {{ quantity.prob_above VALUE }}",
        ),
        ('figures = ["fann"]', "", "reports/main.md header: there is no figure 'fann'; did you mean 'fan'?"),
        (
            'figures = ["crossing cost"]',
            "",
            "reports/main.md header: figure 'crossing cost': cost is no crossing year; write 'dots' or 'histogram'",
        ),
        (
            'figures = ["trend cost_trnd"]',
            "",
            "reports/main.md header: figure 'trend cost_trnd': there is no trend 'cost_trnd'; did you mean 'cost_trend'?",
        ),
        (
            'figures = ["scenarios price"]',
            "",
            "reports/main.md header: figure 'scenarios price': 'price' is not among the quantities; add it to quantities",
        ),
        (
            'figures = ["shift cost"]',
            "",
            "reports/main.md header: figure 'shift cost': one figure shows all that the evidence moved; write 'shift'",
        ),
        (
            'figures = ["fan pth"]',
            "",
            "reports/main.md header: figure 'fan pth': there is no quantity 'pth'; did you mean 'path'?",
        ),
        (
            'thresholds = { "path@2030" = ["1B USD_2023"] }',
            "",
            "reports/main.md header: a threshold counts in every year ('path@2030'); write 'path'",
        ),
        (
            'headline = ["price"]',
            "",
            "reports/main.md header: the headline 'price' is not among the quantities; add it to quantities",
        ),
    ],
)
def test_a_wrong_template_says_where_and_what_to_do(tmp_path, header, text, message, capsys):
    report = f'\nquantities = ["cost", "crossing", "path@2030"]\nyears = "2024 to 2040"\nseed = 3\n{header or "prob = 0.9"}\n\n'
    folder = make(tmp_path / "study", report, f"\n{text}\n", **{"priors/evidence/seen.toml": ""})
    for words in (["report", str(folder), "--out", str(tmp_path / "out")], ["check", str(folder)]):
        assert main(words) == 3
        assert capsys.readouterr().err == f"error: {message}\n"
    assert not (tmp_path / "out").exists()


def test_every_mistake_of_a_template_is_told_at_once(tmp_path, capsys):
    report = f'{REPORT}figures = ["fann", "dots cost 1 parsec"]\n'
    text = "\n{{ cots.low }} {{ crossing.by soon }}\n{{ path@2050.low }} {{ cost.prob_above 1 hour }} {{ sead }}\n"
    folder = make(tmp_path / "study", report, text)
    assert main(["check", str(folder)]) == 3
    told = capsys.readouterr().err.splitlines()
    assert main(["report", str(folder), "--out", str(tmp_path / "out")]) == 3
    assert capsys.readouterr().err.splitlines() == told and len(told) == 7
    for words in (
        "'fann'; did you mean 'fan'?",
        "parsec",
        ":12: field 'cots.low'",
        "names no year (soon)",
        "path@2050.low",
        "[hour] cannot be shown in [USD_2023]",
        "'sead'; did you mean 'seed'?",
    ):
        assert any(words in line for line in told), words


def test_only_the_figures_that_are_asked_for(tmp_path):
    report = '\nquantities = ["cost"]\nseed = 3\nyears = "2024 to 2030"\nfigures = ["dots cost 4M USD_2023", "fan path", "histogram cost"]\n'
    folder = make(tmp_path / "study", report, "", **{"priors/evidence/seen.toml": ""})
    assert main(["report", str(folder), "--out", str(tmp_path)]) == 0
    text = (tmp_path / "main.html").read_text()
    labels = re.findall(r'aria-label="([^"]+)" viewBox', text)
    assert [label.split(" of ")[0] for label in labels] == ["Fan chart", "50 dots", "Histogram"]
    assert "4M USD_2023" in labels[1]
    assert 'id="drivers"' not in text and 'id="fits"' not in text and 'id="evidence"' not in text


def test_a_report_tells_its_own_thresholds(tmp_path):
    other = (
        '+++\nquantities = ["cost"]\nseed = 3\nyears = "2024 to 2030"\nthresholds = { cost = ["7M USD_2023"] }\n+++\n'
    )
    folder = make(tmp_path / "study", **{"priors/evidence/seen.toml": "", "reports/other.md": other})
    assert main(["report", "other", str(folder), "--out", str(tmp_path)]) == 0
    shown = Page((tmp_path / "other.html").read_text()).text
    assert "more than 7M USD_2023" in shown and "more than 5M" not in shown and "7 million with" in shown


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["report", "nothing"], 2, "the study has no report 'nothing'"),
        (["report", "--format", "docx"], 2, "--format: there is no format 'docx'"),
        (["report", "--scenario", "none.toml"], 3, "none.toml: cannot be read"),
        (["plot", "cost", "--kind", "fan", "--out", "{tmp}/a.svg"], 2, "cost has no year axis"),
        (["plot", "cost", "--out", "{tmp}/a.gif"], 2, "--out: a figure cannot be written as '.gif'"),
        (["plot", "cots", "--out", "{tmp}/a.svg"], 2, "the study has no quantity 'cots'; did you mean 'cost'?"),
        (["run", "{tmp}/none.html"], 1, "none.html: cannot be read"),
    ],
)
def test_wrong_commands(study, tmp_path, monkeypatch, capsys, words, code, message):
    monkeypatch.chdir(study)
    assert main([word.format(tmp=tmp_path) for word in words]) == code
    assert message in capsys.readouterr().err


def test_plot_writes_a_figure_of_each_kind(study, tmp_path):
    for number_, (quantity, kind) in enumerate(
        [
            ("path", "fan"),
            ("crossing", "crossing"),
            ("cost", "dots"),
            ("cost", "histogram"),
            ("cost", "tornado"),
            ("path", "auto"),
            ("path@2030", "band"),
        ]
    ):
        file = tmp_path / f"{number_}.svg"
        assert main(["plot", quantity, str(study), "--kind", kind, "--out", str(file), "--draws", "8192"]) == 0
        assert file.read_text().rstrip().endswith("</svg>")


def test_results_draw_themselves_in_notebooks(study):
    result = forecast.open_study(study).run(draws=4096)
    drawn = {name: len(result.plot.fan(name).axes[0].lines[-1].get_xdata()) for name in ("seen_cost", "cost_trend")}
    assert drawn == {"seen_cost": 30, "cost_trend": 30}  # a function that passes a trend on shows its data too
    assert result.plot.fan("path").axes and result.plot.dots("cost", "5M USD_2023").axes
    shown = Page(result._repr_html_())
    assert "Cost of <i>the</i> run" in shown.text and ("th", {"scope": "row"}) in shown.tags
    with pytest.raises(UsageError, match="no year axis"):
        result.plot.fan("cost")


def test_pdf_has_the_same_figures_and_the_same_bytes(study, scenario):
    pytest.importorskip("typst", reason="PDF needs typst (extra 'pdf')")
    from forecast.report.pdf import to_pdf, to_typst

    told = content_of(study, scenario)
    source = to_typst(told)
    key = re.findall(r'#strong\("([^"]+)"\)', source)
    assert key[0] in Page(_html(told)).text
    # Everything in the source that is not a string literal is ours: no text of the study can be markup.
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", source)
    assert "alert" not in bare and "HYPERLINK" not in bare and "frac" not in bare
    first = to_pdf(told)
    assert first.startswith(b"%PDF") and first == to_pdf(told)


def content_of(study, scenario):
    from forecast.report.content import content
    from forecast.report.scenarios import read_scenario
    from forecast.report.subject import Subject

    opened = forecast.open_study(study)
    report = report_of(opened, "main")
    result = opened.run(**arguments_of(report, Call("main")))
    return content(Subject(result, report, to_json(result), (read_scenario(scenario),)))


def _html(told):
    from forecast.report.html import to_html

    return to_html(told, None)


def test_without_typst_the_hint_names_the_extra(study, tmp_path, monkeypatch, capsys):
    import sys

    monkeypatch.setitem(sys.modules, "typst", None)
    assert main(["report", str(study), "--format", "pdf", "--out", str(tmp_path)]) == 1
    assert "pip install 'ai-cost-forecast[pdf]'" in capsys.readouterr().err


def test_a_failed_report_leaves_nothing(study, tmp_path):
    opened = forecast.open_study(study)
    report = report_of(opened, "main")
    result = opened.run(**arguments_of(report, Call("main")))
    with pytest.raises(UsageError):
        write_report(result, report, Call("main"), ["html", "docx"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(StudyError):
        from forecast.report.scenarios import read_scenario

        (tmp_path / "bad.toml").write_text("price = 3\n")
        read_scenario(tmp_path / "bad.toml")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_is_told_of_what_takes_long_and_nobody_else(monkeypatch):
    import time

    from forecast.commands import shared

    for stream, expected in ((Terminal(), "drawing …"), (io.StringIO(), "")):
        monkeypatch.setattr("sys.stderr", stream)
        monkeypatch.setattr(shared, "PATIENCE", 0.01)
        with shared.waiting("drawing"):
            while stream.isatty() and not stream.getvalue():  # however busy the machine
                time.sleep(0.01)
        assert expected in stream.getvalue() and bool(expected) == stream.getvalue().endswith("\r\033[K")
    quick = Terminal()
    monkeypatch.setattr("sys.stderr", quick)
    monkeypatch.setattr(shared, "PATIENCE", 60.0)
    with shared.waiting("drawing"):
        pass
    assert quick.getvalue() == ""


def test_the_answer_of_what_is_certain_or_nearly_so(tmp_path):
    priors = table("rare", "mixture(point(0), 1 to 10, weights=[0.97, 0.03])") + table("sure", "3")
    priors += table("start", "2024", "year") + table("growth", "0.1 to 0.3", "1/year")
    model = (
        '''
from forecast import first_crossing


def mostly(rare):
    """Mostly nothing []."""
    return rare


def certain(sure):
    """A certainty []."""
    return sure * 1.0


def path(year, growth, start):
    """Path []."""
    return 10 ** (growth * (year - start))


def never(year, path):
    """Never []."""
    return first_crossing(year, path, 1e300)


def always(year, path):
    """Always []."""
    return first_crossing(year, path, 1e-9)


def soon(year, path):
    """Soon []."""
    return first_crossing(year, path, 10.0)
'''.replace("Never []", "Never [year]")
        .replace("Always []", "Always [year]")
        .replace("Soon []", "Soon [year]")
    )
    names = ["mostly", "certain", "never", "always", "soon"]
    report = f'quantities = {json.dumps(names)}\nheadline = {json.dumps(names)}\nyears = "2024 to 2040"\nseed = 1\n'
    folder = write_study(tmp_path / "s", priors, model, f'{report}thresholds = {{ mostly = ["0"] }}\nfigures = []')
    assert main(["report", str(folder), "--out", str(tmp_path)]) == 0
    lead = Page((tmp_path / "main.html").read_text()).text.partition("Table 1")[0]
    for sentence in (
        r"Mostly nothing: 0(\.0+)? with at least 90% probability\. It exceeds 0 with 3\.0% probability\.",
        r"A certainty: 3 , the same in every world that was drawn\.",
        r"Never: with more than 99\.\d+% probability it does not happen by 2040\.",
        r"Always: with more than 99\.\d+% probability it had happened by 2024\.",
        r"Soon: 202\d\.\d+ to 203\d\.\d+ with 90% probability; the median is 20\d\d\.\d+ ?\. With .* does not happen by 2040\.",
    ):
        assert re.search(sentence, lead), (sentence, lead)


def test_every_problem_of_every_scenario_is_told(study, scenario, tmp_path, capsys):
    (tmp_path / "bad.toml").write_text("[sett]\nprice = 1\n")
    (tmp_path / "twin.toml").write_text(scenario.read_text())
    files = [scenario, tmp_path / "twin.toml", tmp_path / "bad.toml", tmp_path / "none.toml"]
    words = [word for file in files for word in ("--scenario", str(file))]
    assert main(["report", str(study), "--out", str(tmp_path / "out"), *words]) == 3
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 3 and "another scenario is called 'Cheap <i>hours</i>' too; give it a title" in told[0]
    assert "is not a scenario" in told[1] and "cannot be read" in told[2]
    assert not (tmp_path / "out").exists()


def test_a_quantity_of_many_years_has_a_figure_of_each_kind_once(tmp_path):
    report = '\nquantities = ["path"]\nseed = 3\nyears = "2024 to 2060"\nthresholds = { path = ["5B USD_2023"] }\n'
    folder = make(tmp_path / "study", report, "", **{"priors/evidence/seen.toml": ""})
    (tmp_path / "fast.toml").write_text("[set]\ngrowth = 0.3\n")
    words = ["--scenario", str(tmp_path / "fast.toml"), "--format", "md", "--draws", "8192"]
    assert main(["report", str(folder), "--out", str(tmp_path), *words]) == 0
    shown = re.findall(r"!\[(.*?) of", (tmp_path / "main.md").read_text())
    assert sorted(shown) == ["50 dots", "Fan chart", "Intervals", "Tornado chart"]


def test_a_mean_that_cannot_be_trusted_says_so(tmp_path):
    priors = table("wide", "lognormal(median=1, sigma=3)") + table("narrow", "lognormal(median=1, sigma=0.3)")
    model = "".join(
        f'def {a}({b}):\n    """{a} []."""\n    return {b}\n\n\n' for a, b in (("x", "wide"), ("y", "narrow"))
    )
    folder = write_study(tmp_path / "s", priors, model, 'quantities = ["x", "y"]\nseed = 1\nfigures = []')
    (folder / "reports/main.md").write_text(
        (folder / "reports/main.md").read_text() + "X {{ x.mean }}, Y {{ y.mean }}."
    )
    assert main(["report", str(folder), "--format", "md", "--out", str(tmp_path)]) == 0
    assert re.search(
        r"X [\d\\.k]+ \\\(a heavy tail: rely on the median\\\), Y 1\\\.0\d*\.", (tmp_path / "main.md").read_text()
    )


def test_a_trend_is_drawn_by_name(tmp_path):
    report = '\nquantities = ["seen_cost@2026"]\nseed = 3\nyears = "2024 to 2030"\nfigures = ["trend cost_trend"]\n'
    folder = make(tmp_path / "study", report, "", **{"priors/evidence/seen.toml": ""})
    assert main(["report", str(folder), "--format", "md", "--out", str(tmp_path)]) == 0
    assert re.findall(r"!\[(.*?) of", (tmp_path / "main.md").read_text()) == ["Fitted trend"]
