"""Reading published CSV files: every version of the header, every trap met in the files, and the real files."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import os
import random
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.errors import ForecastError, StudyError, UsageError
from forecast.importer import Selection, import_file, import_series, load_format, write_series
from forecast.importer.cells import day, number, read_sheet, same, tidy
from forecast.importer.layout import recognise
from forecast.importer.select import bound

ROOT = Path(__file__).parents[1]
EPOCH = load_format(ROOT / "priors" / "formats" / "epoch.toml")

# The published headers, column for column.
HEADERS = {
    "2022-09 notable": """
        System | Domain | Task | Organization(s) | Organization Categorization | Author(s) | Publication date | Year |
        Reference | Link | Citations | Inclusion criteria | Parameters | Training compute (FLOPs) | Training dataset |
        Training dataset size (datapoints) | Hidden layers | Inference compute (FLOPs) | Training time (hours) |
        Equivalent training time (hours) | Inference time (ms) | Training dataset size (GB) | Approach | Dense or sparse
        model | Training objective | Training cost (2020 USD) | Architecture | Compute Sponsor Categorization
    """,
    "2023-03 all": """
        System | Domain | Task | Organization(s) | Organization Categorization | Author(s) | Publication date | Year |
        Reference | Link | Citations | Inclusion criteria | Inclusion criteria met | Parameters | Training compute
        (FLOPs) | Training dataset | Training dataset size (datapoints) | Hidden layers | Inference compute (FLOPs) |
        Training time (hours) | Equivalent training time (hours) | Inference time (ms) | Training dataset size (GB) |
        Approach | Dense or sparse model | Training objective | Training cost (2020 USD) | Self-supervised training |
        Architecture | Compute Sponsor Categorization | Abstract
    """,
    "2023-12 full view": """
        System | Domain | Task | Authors | Notability criteria | Notability criteria notes | Open-source | Link |
        Citations | Reference | Publication date | Organization | Organization categorization | Parameters | Parameters
        notes | Training compute (FLOP) | Training compute notes | Training dataset | Training dataset notes | Training
        dataset size (datapoints) | Dataset size notes | Epochs | Inference compute (FLOP) | Inference compute notes |
        Training time (hours) | Training time notes | Training hardware | Name of the hardware (from Training hardware)
        | Approach | Training compute cost (2020 USD) | Compute cost notes | Compute sponsor categorization | Confidence
        | Abstract | Last modified | Created By | Benchmark data | Exclude | Country (from Organization) | Organization
        (from Organization) | Base model | Finetune compute (FLOP) | Finetune compute notes | Authors by country |
        Hardware quantity | Hardware utilization | Training cost trends
    """,
    "2024-07-06 notable": """
        System | Domain | Task | Organization | Authors | Publication date | Reference | Link | Notability criteria |
        Notability criteria notes | Parameters | Training compute (FLOP) | Training compute notes | Training dataset
        size (datapoints) | Training hardware | Confidence | Model accessibility | Hardware quantity | Hardware
        utilization | Country (from Organization) | Organization categorization | Parameters notes | Training dataset
        notes | Dataset size notes | Compute sponsor categorization | Abstract | Finetune compute notes | Citations |
        Training time notes | Training time (hours) | Inference compute (FLOP) | Inference compute notes | Base model |
        Finetune compute (FLOP) | Training dataset | Training compute cost (2020 USD) | Compute cost notes | Epochs |
        Batch size | Batch size notes
    """,
    "2024-07-16 notable": """
        System | Domain | Organization | Authors | Publication date | Reference | Link | Notability criteria |
        Notability criteria notes | Parameters | Parameters notes | Training compute (FLOP) | Training compute notes |
        Training dataset | Training dataset size (datapoints) | Dataset size notes | Abstract | Confidence | Epochs |
        Model accessibility | Country (from Organization) | Organization categorization | Training dataset notes |
        Training time (hours) | Training time notes | Training hardware | Finetune compute notes | Hardware quantity |
        Hardware utilization | Base model | Citations | Compute cost notes | Finetune compute (FLOP) | Training compute
        cost (2023 USD) | Batch size | Batch size notes
    """,
    "2024-07-16 large-scale": """
        System | Domain | Task | Organization | Authors | Publication date | Reference | Link | Parameters | Parameters
        notes | Training compute (FLOP) | Training compute notes | Training dataset | Training dataset size (datapoints)
        | Dataset size notes | Abstract | Confidence | Model accessibility | Code accessibility | Accessibility notes |
        Country (from Organization) | Organization categorization (from Organization) | Training dataset notes | Dataset
        accessibility | Training hardware | Finetune compute notes | Hardware quantity | Citations
    """,
    "2025-02 notable": """
        Model | Domain | Organization | Organization categorization | Country (from Organization) | Authors |
        Publication date | Reference | Link | Citations | Notability criteria | Notability criteria notes | Parameters |
        Parameters notes | Training compute (FLOP) | Training compute notes | Training dataset | Training dataset notes
        | Training dataset size (datapoints) | Dataset size notes | Epochs | Training time (hours) | Training time notes
        | Training hardware | Hardware quantity | Hardware utilization | Training compute cost (2023 USD) | Compute cost
        notes | Confidence | Abstract | Base model | Finetune compute (FLOP) | Finetune compute notes | Batch size |
        Batch size notes | Model accessibility | Training code accessibility | Inference code accessibility |
        Accessibility notes | Frontier model | Training power draw (W) | Training compute estimation method
    """,
    "2026-04 frontier": """
        Model | Publication date | Organization | Training compute (FLOP) | Training compute notes | Domain | Task |
        Link | Parameters | Parameters notes | Authors | Notability criteria | Notability criteria notes | Model
        accessibility | Citations | Reference | Training dataset | Training dataset notes | Dataset size notes | Epochs
        | Training time (hours) | Training time notes | Training hardware | Compute cost notes | Confidence | Abstract |
        Country (of organization) | Base model | Finetune compute (FLOP) | Finetune compute notes | Hardware quantity |
        Hardware utilization (MFU) | Training data center | Batch size | Batch size notes | Training chip-hours |
        Training code accessibility | Accessibility notes | Training compute cost (2023 USD) | Training dataset size |
        Utilization notes | Estimated over 1e25 FLOP | Power per GPU | Base model compute | API prices | Inference code
        accessibility | Numerical format | Frontier model | Training power draw (W) | FLOP/$ | Hardware release date |
        Training compute estimation method | Post-training compute (FLOP) | Post-training compute notes | Model versions
        (benchmarks) | Maybe over 1e25 FLOP | Hardware utilization (HFU) | Training compute cost (cloud) | Training
        compute cost (upfront) | Training dataset size (total) | Open model weights?
    """,
    "2026-07 notable": """
        Model | Organization | Publication date | Domain | Task | Parameters | Parameters notes | Training compute
        (FLOP) | Training compute notes | Training dataset | Training dataset size (total) | Dataset size notes |
        Confidence | Link | Reference | Citations | Authors | Abstract | Organization categorization | Country (of
        organization) | Notability criteria | Notability criteria notes | Epochs | Training time (hours) | Training time
        notes | Training hardware | Hardware quantity | Hardware utilization (MFU) | Training compute cost (2023 USD) |
        Compute cost notes | Training power draw (W) | Base model | Finetune compute (FLOP) | Finetune compute notes |
        Batch size | Batch size notes | Model accessibility | Training code accessibility | Inference code accessibility
        | Accessibility notes | Numerical format | Frontier model | Hardware acquisition cost | Hardware utilization
        (HFU) | Training compute cost (cloud) | Training compute cost (upfront) | Open model weights?
    """,
    "2026-04 hardware": """
        Hardware name | Manufacturer | Type | Notes | Release date | Release price (USD) | Tensor-FP16/BF16 performance
        (FLOP/s) | FP8 performance (FLOP/s) | FP4 performance (FLOP/s) | Memory (bytes) | Memory bandwidth (byte/s) |
        Intranode bandwidth (byte/s) | Internode bandwidth (bit/s) | TDP (W) | FP64 (double precision) performance
        (FLOP/s) | FP32 (single precision) performance (FLOP/s) | TF32 (TensorFloat-32) performance (FLOP/s) | FP16
        (half precision) performance (FLOP/s) | INT16 performance (OP/s) | INT8 performance (OP/s) | INT4 performance
        (OP/s) | Foundry | Die Size (mm^2) | Base clock (MHz) | Boost clock (MHz) | Memory clock (MHz) | Memory bus
        (bit) | Tensor cores | Process size (nm) | Transistors (millions) | Link to datasheet | Source for the price |
        ML models | Last modified | Max performance | Energy efficiency | Total processing performance (bit-OP/s) |
        Price-performance | ML OP/s
    """,
    "hardware prices 2025-08": """
        Price source | Price date | Hardware model | Manufacturer | Vendor | Location | Price per chip-hour (on-demand)
        | Price per chip-hour (1-year CUD) | Price per chip-hour (3-year CUD) | Price (hardware purchase) | Notes |
        Cloud GPU description | Number of GPUs
    """,
    "hardware prices 1.0.0": """
        Price source | Price date | Hardware model | Manufacturer (from Hardware model) | Vendor | Location | Price per
        chip-hour (on-demand) | Price per chip-hour (1-year CUD) | Price per chip-hour (3-year CUD) | Price (hardware
        purchase) | Notes
    """,
    "2026-05 all": """
        Model | Domain | Task | Organization | Authors | Publication date | Reference | Link | Citations | Notability
        criteria | Notability criteria notes | Parameters | Parameters notes | Training compute (FLOP) | Training
        compute notes | Training dataset size (total) | Dataset size notes | Training time (hours) | Training time notes
        | Training hardware | Approach | Confidence | Abstract | Epochs | WikiText and Penn Treebank data | Model
        accessibility | Country (of organization) | Base model | Finetune compute (FLOP) | Finetune compute notes |
        Hardware quantity | Hardware utilization (MFU) | Last modified | Training cloud compute vendor | Training data
        center | Archived links | Batch size | Batch size notes | Organization categorization | Foundation model |
        Training compute lower bound | Training compute upper bound | Training chip-hours | Training code accessibility
        | Accessibility notes | Possibly over 1e23 FLOP | Training compute cost (2023 USD) | Utilization notes |
        Numerical format | Frontier model | Training power draw (W) | Training compute estimation method | Hugging Face
        developer id | Post-training compute (FLOP) | Post-training compute notes | Hardware utilization (HFU) | Open
        model weights?
    """,
}
HEADERS = {name: " ".join(text.split()).split(" | ") for name, text in HEADERS.items()}
NOTABLE = "2024-07-16 notable"
# A row in the words of any version: the first of these headers that a version has takes the value.
WORDS = {
    "name": ("Model", "System", "Hardware name", "Hardware model"),
    "date": ("Publication date", "Release date", "Price date"),
    "organization": ("Organization", "Organization(s)"),
    "criteria": ("Notability criteria", "Inclusion criteria"),
    "domain": ("Domain",),
    "confidence": ("Confidence",),
    "frontier": ("Frontier model",),
    "compute": ("Training compute (FLOP)", "Training compute (FLOPs)"),
    "cost": (
        "Training compute cost (2020 USD)",
        "Training compute cost (2023 USD)",
        "Training cost (2020 USD)",
    ),
    "on_demand": ("Price per chip-hour (on-demand)",),
    "price": ("Release price (USD)",),
    "fp32": ("FP32 (single precision) performance (FLOP/s)",),
}


def sheet(header, *rows, bom=False, newline="\n"):
    """Text of a CSV file; a row is a mapping of words (see WORDS) or of headers to cells."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=newline)
    writer.writerow(header)
    for row in rows:
        cells = dict.fromkeys(header, "")
        for word, cell in row.items():
            found = [name for name in WORDS.get(word, (word,)) if name in cells]
            if found:
                cells[found[0]] = cell
        writer.writerow(cells.values())
    return ("\ufeff" if bom else "") + out.getvalue()


@pytest.fixture
def read(tmp_path):
    """Import the text of a file; options as `import_series` and `Selection`."""

    def read(text, **options):
        path = tmp_path / "file.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        fields = ("start", "end", "where", "record", "record_of", "top")
        selection = Selection(**{key: options.pop(key) for key in fields if key in options})
        return import_series(path, EPOCH, selection=selection, **options)

    return read


def system(name, when="2020-01-01", compute="1e20", **more):
    return {"name": name, "date": when, "compute": compute, **more}


def names(report):
    return list(report.series.column("name"))


# ---------------------------------------------------------------------------------------------------------- versions
@pytest.mark.parametrize("version", HEADERS)
def test_every_version_is_recognised_from_its_header_in_any_order(version):
    header = HEADERS[version]
    layout = recognise(EPOCH, tuple(header), "file.csv")
    assert layout.version == version
    assert not any("columns" in note for note in layout.notes), "the width is the published one"
    shuffled = random.Random(version).sample(header, len(header))
    assert recognise(EPOCH, tuple(shuffled), "file.csv").version == version


def test_the_files_of_august_2024_have_a_frontier_flag_and_still_say_system():
    header = (*HEADERS[NOTABLE], "Frontier model", "Training power draw (W)")
    assert recognise(EPOCH, header, "file.csv").version == "2024-08 notable"


@pytest.mark.parametrize("version", [name for name in HEADERS if "hardware" not in name])
def test_compute_and_group_columns_of_every_models_version(version, read):
    when = "28/05/2020" if version[:7] in ("2022-09", "2023-03") else "2020-05-28"
    row = system("GPT-3", when, "3.14E+23", organization="OpenAI", domain="Language")
    report = read(sheet(HEADERS[version], row))
    assert report.value == "training_compute [FLOP]"
    assert report.series.column("date") == ("2020-05-28",)
    assert float(report.series.column("training_compute")[0]) == 3.14e23
    assert report.series.column("organization") == ("OpenAI",)
    assert report.series.column("domain") == ("Language",)
    assert version in report.series.column("source")[0] and "Epoch AI" in report.series.column("source")[0]


@pytest.mark.parametrize("version", [name for name in HEADERS if "hardware" not in name])
def test_dollars_keep_the_year_of_the_header(version, read):
    years = {text.partition("cost (")[2][:4] for text in HEADERS[version] if "cost (20" in text}
    when = "28/05/2020" if version[:7] in ("2022-09", "2023-03") else "2020-05-28"
    text = sheet(HEADERS[version], system("GPT-3", when, cost="$4,324,883.50"))
    if not years:
        with pytest.raises(StudyError, match=r"no column for 'cost'.*choose one of compute"):
            read(text, value="cost")
        return
    (year,) = years
    report = read(text, value="cost")
    assert report.value == f"training_cost [USD_{year}]"
    assert report.series.column("training_cost") == ("4324883.5",)
    assert any(f"prices of {year}" in note for note in report.notes)
    other = 2020 if year == "2023" else 2023
    with pytest.raises(UsageError, match=f"stated in prices of {year}, not of {other}"):
        read(text, value="cost", price_year=other)


def test_two_dollar_years_in_one_file_must_be_chosen_between(read):
    header = [*HEADERS[NOTABLE], "Training compute cost (2020 USD)"]
    row = system("A") | {"Training compute cost (2020 USD)": "100", "Training compute cost (2023 USD)": "118"}
    with pytest.raises(StudyError, match=r"several years \(2020, 2023\); choose one"):
        read(sheet(header, row), value="cost")
    report = read(sheet(header, row), value="cost", price_year=2020)
    assert report.value == "training_cost [USD_2020]" and report.series.column("training_cost") == ("100.0",)
    report = read(sheet(header, row), value="cost", price_year=2023)
    assert report.value == "training_cost [USD_2023]" and report.series.column("training_cost") == ("118.0",)


def test_dollars_without_a_year_are_asked_about_and_never_guessed(read):
    text = sheet(HEADERS["2026-07 notable"], system("A") | {"Training compute cost (cloud)": "5,000,000"})
    with pytest.raises(StudyError, match=r"does not say in the prices of which year; .*price_year"):
        read(text, value="cost_cloud")
    report = read(text, value="cost_cloud", price_year=2023)
    assert report.value == "training_cost_cloud [USD_2023]" and any("as asked" in note for note in report.notes)
    beside = read(text, also=["cost_cloud"], price_year=2024).series
    assert beside.header[3] == "training_cost_cloud [USD_2024]" and beside.column("training_cost_cloud") == (
        "5000000.0",
    )
    with pytest.raises(StudyError, match="in the prices of which year"):
        read(text, also=["cost_cloud"])


def test_prices_of_the_day_carry_the_year_of_each_row(read):
    rows = [
        {"name": "V100", "date": "2018-05-08", "on_demand": "2.48"},
        {"name": "V100", "date": "2023-05-08", "on_demand": "1.10"},
    ]
    for version in ("hardware prices 1.0.0", "hardware prices 2025-08"):
        report = read(sheet(HEADERS[version], *rows))
        assert report.value == "price_on_demand [USD/(chip*hour)]"
        assert report.series.column("dollar_year") == ("2018", "2023")
        assert any("each row's own year" in note for note in report.notes)
        with pytest.raises(UsageError, match="leave the option price_year out"):
            read(sheet(HEADERS[version], *rows), price_year=2023)


def test_price_performance_is_the_quotient_of_two_columns_of_the_same_row(read):
    rows = [
        {"name": "Tesla V100", "date": "2017-06-21", "price": "11458", "fp32": "1.57e13"},
        {"name": "No price", "date": "2018-01-01", "fp32": "1e13"},
        {"name": "Given away", "date": "2018-01-01", "price": "0", "fp32": "1e13"},
    ]
    report = read(sheet(HEADERS["2026-04 hardware"], *rows), value="price_performance_fp32")
    assert report.value == "price_performance_fp32 [FLOP/(s*USD)]" and report.series.column("dollar_year") == ("2017",)
    assert float(report.series.column("price_performance_fp32")[0]) == pytest.approx(1.57e13 / 11458)
    assert report.dropped == {"no price performance fp32": 2}


def test_a_header_of_no_known_version_is_read_by_name_with_a_note(read):
    report = read(sheet(["Publication date", "Training compute (FLOP)", "Model"], system("A")))
    assert names(report) == ["A"] and report.version == "unlisted version of models"
    assert any("none of the known versions" in note for note in report.notes)


def test_unknown_columns_are_ignored_and_a_new_width_is_only_a_note(read):
    header = ["Mystery", *HEADERS[NOTABLE], "Another (42)"]
    report = read(sheet(header, system("A") | {"Mystery": "=SUM(A1)"}))
    assert report.version == NOTABLE and "SUM" not in report.series.to_csv()
    assert any("the header has 38 columns" in note for note in report.notes)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (["Models", "Publication date", "Training compute (FLOP)"], r"no column for 'name'.*did you mean 'Models'\?"),
        (["Model", "Publication dates", "Training compute (FLOP)"], r"'date'.*did you mean 'Publication dates'\?"),
        (["a", "b", "c"], r"no column for 'name' .*found: 'a', 'b', 'c'\); is this one of the files of"),
        (["Model", "Model", "Publication date"], r"two columns are called 'Model'; keep one"),
    ],
)
def test_a_missing_required_column_is_pointed_at(header, message, read):
    with pytest.raises(StudyError, match=message):
        read(",".join(header) + "\n" + ",".join("x" * len(header)) + "\n")


# ------------------------------------------------------------------------------------------------------------- cells
def test_byte_order_mark_crlf_trailing_spaces_and_padding_rows(read):
    rows = [system("  GPT-2  (1.5B) ", " 2019-02-14 ", " 4.3e21 "), {}, {"confidence": "Unknown"}]
    text = sheet(HEADERS[NOTABLE], *rows, bom=True, newline="\r\n")
    report = read(text.replace("System,Domain,", "System , Domain,", 1))
    assert report.version == NOTABLE and report.series.rows[0][:3] == ("2019-02-14", "GPT-2 (1.5B)", "4.3e+21")
    assert (report.read, report.used, dict(report.dropped)) == (3, 1, {"no name": 2})


def test_commas_quotes_and_line_breaks_inside_quoted_cells(read):
    notes = 'He said "1,000"\r\nand then\n\nmore, much more' + "x" * 200_000  # longer than the csv module's own limit
    row = system("A\nB", organization="Google, DeepMind", domain="Language,Vision") | {"Training compute notes": notes}
    report = read(sheet(HEADERS[NOTABLE], row, system("C")))
    assert names(report) == ["A B", "C"]
    assert report.series.column("organization")[0] == "Google, DeepMind"
    assert csv.field_size_limit() == 131_072, "the limit of other users of the csv module is left alone"


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1e24", 1e24),
        ("6.30000000001e+24", 6.30000000001e24),
        ("$2,166.22", 2166.22),
        ("$ 1,234,567", 1234567.0),
        ("12400000000.0", 12.4e9),
        ("+5.", 5.0),
        (".5", 0.5),
        ("-3", -3.0),
        ("0", 0.0),
        ("\u00a01e5 ", 1e5),
        ("", None),
        ("   ", None),
        ("N/A", None),
        ("NaN", None),
        ("Infinity", None),
        ("\u2013", None),
    ],
)
def test_numbers(cell, value):
    assert number(cell, EPOCH.blank, EPOCH.prefix) == value


NOT_NUMBERS = ["1.000,5", "12,34", "1,2345", "1e20-1e21", "~5", "5M", "1_000", "0x10", "1e999", "e5", ".", "$", "1 2"]
NOT_NUMBERS += ["\u0663", "5%", "__import__('os')", "=1+1", "2*3", "True"]


@pytest.mark.parametrize("cell", NOT_NUMBERS)
def test_cells_that_are_not_plain_numbers_are_never_guessed(cell):
    with pytest.raises(ValueError, match=r"."):
        number(cell, EPOCH.blank, EPOCH.prefix)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_written_by_python_is_read_back_exactly(x):
    assert number(repr(x), ()) == x


@given(st.integers(0, 10**18))
def test_thousands_commas(n):
    assert number(f"${n:,}", (), ("$",)) == float(n)


def test_unreadable_and_non_positive_values_are_counted_apart_with_examples(read):
    cells = ["1e20", "", "NaN", "Infinity", "about 1e21", "1.000,5", "0", "-1e20"]
    report = read(sheet(HEADERS[NOTABLE], *(system(f"S{i}", compute=cell) for i, cell in enumerate(cells))))
    assert report.used == 1
    assert report.dropped == {
        "no training compute": 3,
        "training compute not readable": 2,
        "training compute not positive": 2,
    }
    assert "training compute not readable in 2 rows (line 6: 'about 1e21', line 7: '1.000,5')" in report.notes


def test_days():
    assert day("2020-05-28", ["yyyy-mm-dd"]) == date(2020, 5, 28)
    assert day("03/04/2020", ["dd/mm/yyyy"]) == date(2020, 4, 3)
    assert day(" 3/4/2020 ", ["yyyy-mm-dd", "dd/mm/yyyy"]) == date(2020, 4, 3)
    assert day("", ["yyyy-mm-dd"]) is None
    for text in ["03/04/2020", "2020-13-01", "2021-02-29", "20200528", "2020-W01-1", "May 2020", "44000"]:
        with pytest.raises(ValueError, match=r"."):
            day(text, ["yyyy-mm-dd"])


def test_day_first_dates_are_read_only_in_the_versions_that_have_them(read):
    rows = [system("A", "03/04/2020"), system("B", "2020-04-05"), system("C", ""), system("D", "31/02/2020")]
    old = read(sheet(HEADERS["2022-09 notable"], *rows))
    assert old.series.column("date") == ("2020-04-03", "2020-04-05")
    assert old.dropped == {"no date": 1, "date not readable": 1}
    new = read(sheet(HEADERS[NOTABLE], *rows))
    assert names(new) == ["B"] and new.dropped == {"no date": 1, "date not readable": 2}


def test_month_first_dates_are_refused_because_others_would_be_misread_in_silence(read):
    with pytest.raises(StudyError, match=r"file.csv:3: the day has the month first \('05/28/2020'\)"):
        read(sheet(HEADERS["2023-03 all"], system("A", "03/04/2020"), system("B", "05/28/2020")))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"\n\n , \n", "the file is empty"),
        (b"PK\x03\x04rest", "spreadsheet or an archive"),
        ("Model,é\n".encode("latin-1"), r"not UTF-8 text \(byte 0xe9 at position 6\)"),
        ("Model,Publication date".encode("utf-16"), "not UTF-8 text"),
        (b"Model;Publication date\nA;2020-01-01\n", "the columns are separated by ';'"),
        (b'Model,Publication date\nA,"2020-01-01\nB,2021-01-01\n', r"file.csv:2: the row that starts here is not CSV"),
        (b"Model,Publication date\nA,2020-01-01,more\n", r"file.csv:2: 3 cells under 2 headers; quote"),
    ],
)
def test_files_that_are_not_such_csv_are_refused_with_a_way_out(data, message, read):
    with pytest.raises(StudyError, match=message):
        read(data)


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=60),
    st.sampled_from([b"", b"Model,Publication date,Training compute (FLOP)\n", b"Hardware name,Release date\n"]),
)
def test_any_bytes_end_in_a_report_or_an_error_that_is_told_in_a_line(tmp_path_factory, data, header):
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes(header + data)
    with contextlib.suppress(ForecastError):
        import_series(path, EPOCH)


def test_a_missing_file_is_told_in_a_line(tmp_path):
    with pytest.raises(StudyError, match="cannot be read"):
        import_series(tmp_path / "none.csv", EPOCH)


def test_short_rows_are_completed_and_said(tmp_path):
    path = tmp_path / "short.csv"
    path.write_text("a,b,c\n1,2\n\n1,2,3,,\n", newline="")
    found = read_sheet(path)
    assert found.rows == ((2, ("1", "2", "")), (4, ("1", "2", "3")))
    assert found.notes == ("1 rows have fewer cells than the header; the missing ones are read as blank",)


def test_same_name():
    assert same("GPT\u20113  175B") == same("gpt-3\u00a0175b") != same("GPT-3 175")


# --------------------------------------------------------------------------------------------------------- selection
def test_duplicates_one_row_is_kept_by_the_stated_rule(read):
    rows = [
        system("A", "2020-01-01", "", confidence="Confident"),
        system(" a ", "2020-03-01", "3e20", confidence="Speculative"),
        system("A", "2020-02-01", "2e20", confidence="Likely"),
        system("A", "2020-02-02", "9e20", confidence="Likely"),
        system("B", "2020-01-01"),
        system("B", "2020-01-01", organization="Elsewhere"),
    ]
    for order in (rows, rows[::-1]):
        report = read(sheet(HEADERS[NOTABLE], *order))
        assert report.series.column("training_compute") == ("1e+20", "1e+20", "2e+20")
        assert report.dropped == {"repeats another row": 3}
        assert any("'A' stands in 4 rows, which differ (2e+20, 3e+20, 9e+20)" in note for note in report.notes)
        assert any("1 names are kept more than once because organization differs (b)" in note for note in report.notes)


def test_prices_of_one_chip_are_no_duplicates_unless_everything_is_equal(read):
    row = {"name": "V100", "date": "2018-05-08", "on_demand": "2.48", "Vendor": "Google Cloud"}
    report = read(sheet(HEADERS["hardware prices 1.0.0"], row, row, row | {"Location": "Europe"}))
    assert report.used == 2 and report.dropped == {"repeats another row": 1}


def test_rows_marked_wrong_or_excluded_are_left_out_unless_asked_for(read):
    rows = [system("A", confidence="Wrong"), system("B", confidence="Likely"), system("C", Exclude="checked")]
    report = read(sheet(HEADERS["2023-12 full view"], *rows))
    assert names(report) == ["B"] and report.dropped == {"confidence is Wrong": 1, "exclude is checked": 1}
    report = read(sheet(HEADERS["2023-12 full view"], *rows), where=["confidence=Wrong,Likely"])
    assert names(report) == ["A", "B"]


def test_rules_by_name(read):
    rows = [
        system("A", criteria="Highly cited", domain="Language,Vision", frontier="True", confidence="Confident"),
        system("B", criteria=" ", domain="Games", confidence="Likely"),
        system("C", criteria="SOTA improvement", domain="vision", frontier="False"),
    ]
    text = sheet(HEADERS["2025-02 notable"], *rows)
    for where, kept in [
        (["notable"], ["A", "C"]),
        (["frontier"], ["A"]),
        (["domain=Vision"], ["A", "C"]),
        (["domain = language , Games"], ["A", "B"]),
        (["confidence=Confident,Likely"], ["A", "B"]),
        (["notable", "domain=Vision", "frontier"], ["A"]),
    ]:
        report = read(text, where=where)
        assert names(report) == kept and report.used + sum(report.dropped.values()) == 3
    assert read(text, where=["domain=Games"]).dropped == {"domain not Games": 2}
    with pytest.raises(UsageError, match=r"no rule 'notabel'; did you mean 'notable'\?"):
        read(text, where=["notabel"])
    with pytest.raises(UsageError, match=r"no row has domain 'Langauge'; did you mean 'Language'\?"):
        read(text, where=["domain=Langauge"])
    with pytest.raises(UsageError, match="takes values; write domain=A,B"):
        read(text, where=["domain"])
    with pytest.raises(UsageError, match="takes no values"):
        read(text, where=["frontier=True"])
    with pytest.raises(UsageError, match=r"cannot tell 'frontier': it has no column 'Frontier model'"):
        read(sheet(HEADERS[NOTABLE], *rows), where=["frontier"])


def test_dates_are_inclusive_and_may_be_years_or_months(read):
    text = sheet(HEADERS[NOTABLE], *(system(d, d) for d in ("2009-12-31", "2010-01-01", "2010-06-30", "2010-07-01")))
    assert names(read(text, start="2010", end="2010-06")) == ["2010-01-01", "2010-06-30"]
    assert read(text, start="2010-01-02", end="2010-06-30").dropped == {
        "before 2010-01-02": 2,
        "after 2010-06-30": 1,
    }
    assert bound("2012-02", last=True) == date(2012, 2, 29) and bound("2012", last=True) == date(2012, 12, 31)
    with pytest.raises(UsageError, match="not a day"):
        read(text, start="01/01/2010")
    with pytest.raises(UsageError, match="backwards"):
        read(text, start="2011", end="2010")
    with pytest.raises(StudyError, match=r"no row is left of 4 \(4 before 2030-01-01\); widen"):
        read(text, start="2030")


def test_fraction_of_the_record_at_the_time(read):
    rows = [
        system("first", "2010-01-01", "1e20"),
        system("exactly a tenth", "2011-01-01", "1e19"),
        system("record", "2012-01-01", "1e22", cost="5"),
        system("same day as the record", "2012-01-01", "1e20"),
        system("just below", "2013-01-01", "9.99e20", cost="1"),
        system("above", "2014-01-01", "1.1e21", cost="7"),
        system("not notable, not the record", "2013-06-01", "1e26", criteria=""),
    ]
    rows = [{"criteria": "Highly cited"} | row for row in rows]
    text = sheet(HEADERS[NOTABLE], *rows[::-1])
    report = read(text, where=["notable"], record=0.1)
    assert set(names(report)) == {"first", "exactly a tenth", "record", "same day as the record", "above"}
    assert report.dropped == {"not notable": 1, "below 10% of the highest training compute before": 1}
    # The record counts also where it lies before the first date, or has not the value of the series.
    assert names(read(text, where=["notable"], record=0.1, start="2013")) == ["above"]
    report = read(text, value="cost", where=["notable"], record=0.1, record_of="compute")
    assert names(report) == ["record", "above"]
    assert set(names(read(text, value="cost", where=["notable"], record=0.1))) == {"record", "just below", "above"}
    for bad in (0.0, -1.0, 1.5, math.nan):
        with pytest.raises(UsageError, match="record must be a fraction"):
            read(text, record=bad)
    with pytest.raises(UsageError, match="record_of needs"):
        read(text, record_of="compute")


def test_top_of_each_year_comes_last(read):
    rows = [system(f"{y}-{i}", f"{y}-0{i}-01", f"{i}e20") for y in (2019, 2020) for i in range(1, 6)]
    text = sheet(HEADERS[NOTABLE], *rows)
    assert names(read(text, top=2)) == ["2019-4", "2019-5", "2020-4", "2020-5"]
    assert names(read(text, top=2, end="2020-03")) == ["2019-4", "2019-5", "2020-2", "2020-3"]
    assert read(text, top=2).dropped == {"not among the top 2 of its year": 6}
    with pytest.raises(UsageError, match="top must be at least 1"):
        read(text, top=0)


def test_errors_by_confidence_and_further_fields(read):
    rows = [
        system("A", confidence="Confident", Parameters="1.75e11"),
        system("B", "2021-01-01", confidence=""),
    ]
    report = read(sheet(HEADERS[NOTABLE], *rows), errors="confidence", also=["parameters", "hardware"])
    assert report.series.header[:5] == ("date", "name", "training_compute [FLOP]", "log10_se", "parameters [parameter]")
    assert "hardware" in report.series.header and report.series.header[-1] == "source"
    # 1.645 is the 95% point of the normal distribution: a factor of 3 either way is then a 90% interval.
    assert float(report.series.column("log10_se")[0]) == pytest.approx(math.log10(3) / 1.645, abs=5e-4)
    assert float(report.series.column("log10_se")[1]) == pytest.approx(math.log10(30) / 1.645, abs=5e-4)
    assert report.series.column("parameters") == ("175000000000.0", "")
    for options, message in [
        ({"errors": "confidense"}, r"did you mean 'confidence'\?"),
        ({"errors": "confidence", "value": "cost"}, "are stated for compute, parameters, dataset_size, not for 'cost'"),
        ({"also": ["hardwear"]}, r"did you mean 'hardware'\?"),
        ({"value": "compte"}, r"no number 'compte'; did you mean 'compute'\?"),
        ({"value": "domain"}, "no number 'domain'"),
    ]:
        with pytest.raises(UsageError, match=message):
            read(sheet(HEADERS[NOTABLE], *rows), **options)


# -------------------------------------------------------------------------------------------------------- properties
cells = st.sampled_from(
    ["1e20", "2.5e21", "6.30000000001e+24", "", "NaN", "Infinity", "$1,234", "0", "about 5", "7e22"]
)
days = st.sampled_from(["2012-01-01", "2015-06-30", "2015-07-01", "2020-02-29", "", "1/2/2020", "2020-13-01"])
labels = st.sampled_from(["A", " A ", "B", "C", "D", "E", "", "F\nG", 'H "quoted", comma'])
rows_of = st.lists(
    st.fixed_dictionaries(
        {
            "name": labels,
            "date": days,
            "compute": cells,
            "criteria": st.sampled_from(["", "Highly cited"]),
            "confidence": st.sampled_from(["", "Confident", "Wrong", "Likely"]),
        }
    ),
    max_size=12,
)
choices = st.sampled_from(
    [Selection(), Selection(where=("notable",)), Selection(record=0.1), Selection(start="2013", top=1)]
)


@settings(max_examples=60, deadline=None)
@given(rows_of, choices, st.randoms(use_true_random=False))
def test_order_of_columns_and_rows_changes_nothing_and_every_row_is_accounted_for(
    tmp_path_factory, rows, selection, shuffle
):
    folder = tmp_path_factory.getbasetemp()
    header = HEADERS[NOTABLE]
    results = []
    for names, body in [(header, rows), (shuffle.sample(header, len(header)), shuffle.sample(rows, len(rows)))]:
        path = folder / "shuffled.csv"
        path.write_text(sheet(names, *body), newline="")
        try:
            results.append(import_series(path, EPOCH, selection=selection))
        except StudyError as error:
            assert "no row is left" in str(error)
            results.append(None)
    one, other = results
    if one is None or other is None:
        assert one is other
        return
    assert one.series == other.series and dict(one.dropped) == dict(other.dropped)
    assert one.read == len(rows) == one.used + sum(one.dropped.values())
    assert all(float(x) > 0 for x in one.series.column("training_compute"))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=8).filter(lambda s: tidy(s)), st.floats(1e-300, 1e300)), min_size=1))
def test_round_trip_of_any_name_and_value(tmp_path_factory, pairs):
    folder = tmp_path_factory.getbasetemp()
    path, out = folder / "names.csv", folder / "out.csv"
    rows = [system(f"{i} {name}", compute=repr(x)) for i, (name, x) in enumerate(pairs)]
    path.write_text(sheet(HEADERS[NOTABLE], *rows, newline="\r\n"), encoding="utf-8", newline="")
    report = import_series(path, EPOCH)
    write_series(report.series, out, overwrite=True)
    with out.open(encoding="utf-8", newline="") as stream:
        found = {row["name"]: float(row["training_compute [FLOP]"]) for row in csv.DictReader(stream)}
    assert found == {tidy(f"{i} {name}"): x for i, (name, x) in enumerate(pairs)}


# ----------------------------------------------------------------------------------------------------------- writing
def test_writing_is_in_one_step_and_never_replaces_something_else_unasked(read, tmp_path, monkeypatch):
    series = read(sheet(HEADERS[NOTABLE], system("A"))).series
    other = read(sheet(HEADERS[NOTABLE], system("B"))).series
    out = tmp_path / "series.csv"
    assert write_series(series, out) is True
    assert write_series(series, out) is False, "the same again is no change"
    with pytest.raises(UsageError, match="holds something else"):
        write_series(other, out)
    assert out.read_text() == series.to_csv()

    def fails(self, target):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fails)
        with pytest.raises(UsageError, match="No space left"):
            write_series(other, out, overwrite=True)
    assert out.read_text() == series.to_csv() and sorted(p.name for p in tmp_path.iterdir()) == [
        "file.csv",
        "series.csv",
    ]
    assert write_series(other, out, overwrite=True) is True and out.read_text() == other.to_csv()
    with pytest.raises(UsageError, match="cannot be written"):
        write_series(other, tmp_path / "no" / "folder.csv")


def test_import_into_a_study(tmp_path):
    file, out = tmp_path / "models.csv", tmp_path / "series.csv"
    rows = [system("A", "2010-01-01", criteria="x"), system("B", "2023-12-01", criteria="x"), system("C", "2012-01-01")]
    file.write_text(sheet(HEADERS[NOTABLE], *rows))
    report = import_file(ROOT, "epoch", file, out, preset="lohn-2023")
    assert names(report) == ["A"] and out.read_text() == report.series.to_csv()
    assert names(import_file(ROOT, "epoch", file, preset="lohn-2023", end="2024", where=None)) == ["A", "B"]
    assert names(import_file(ROOT, "epoch", file, where="notable", also="parameters")) == ["A", "B"]
    text = str(report)
    assert "3 rows read, 1 used for training_compute [FLOP]" in text and "1 dropped: not notable" in text
    for arguments, message in [
        ({"format_name": "epohc"}, r"no format 'epohc' .*did you mean 'epoch'\?"),
        ({"preset": "lon-2023"}, r"did you mean 'lohn-2023'\?"),
        ({"begin": "2010"}, "unknown option 'begin'"),
    ]:
        with pytest.raises(UsageError, match=message):
            import_file(ROOT, **{"format_name": "epoch", "file": file} | arguments)


# ----------------------------------------------------------------------------------------------------------- formats
BODY = """
title = "T"
credit = "C"
[[version]]
name = "one"
kind = "k"
has = ["N"]
[kind.k]
label = "things"
value = "v"
[kind.k.field]
name = { headers = ["N"], required = true }
date = { headers = ["D"], required = true, type = "date" }
v = { headers = ["V ({year} EUR)"], unit = "EUR_{year}", price_year = "header" }
"""


def test_the_reader_knows_only_what_a_format_tells_it(tmp_path):
    (tmp_path / "f.toml").write_text(BODY)
    (tmp_path / "f.csv").write_text('N,D,V (1999 EUR)\nbread,1999-05-01,"1,100"\n')
    report = import_series(tmp_path / "f.csv", load_format(tmp_path / "f.toml"))
    assert report.series.header == ("date", "name", "v [EUR_1999]", "source")
    assert report.series.rows == (("1999-05-01", "bread", "1100.0", "C; one"),)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('value = "v"', 'value = "w"', r"\[kind.k\]: value is 'w'"),
        ("required = true }", "requird = true }", r"field.name: unknown key 'requird'; did you mean 'required'\?"),
        ('price_year = "header"', 'price_year = "headers"', r"field.v: price_year is 'headers'; did you mean 'header'"),
        ('type = "date"', 'type = "day"', r"field.date: type is 'day'"),
        ('kind = "k"', 'kind = "j"', r"\[\[version\]\] one: kind is 'j'; use one of k"),
        ('has = ["N"]', 'has = ["N"]\ndates = ["d/m/y"]', "dates is 'd/m/y'"),
        ('has = ["N"]', "", r"\[\[version\]\]: incomplete .*'has'"),
        ('credit = "C"', "", "incomplete .*'credit'"),
        ('title = "T"', "title = T", "not valid TOML"),
        ("required = true }", "required = true }\nw = 3", "not laid out as a format"),
        ('credit = "C"', 'credit = "C"\ncells = 3', "not laid out as a format"),
    ],
)
def test_a_mistake_in_a_format_is_pointed_at(old, new, message, tmp_path):
    path = tmp_path / "f.toml"
    path.write_text(BODY.replace(old, new, 1))
    with pytest.raises(StudyError, match=message):
        load_format(path)


def test_the_format_in_the_documentation_is_one(tmp_path):
    told = (ROOT / "docs" / "importing.md").read_text(encoding="utf-8").partition("## Formats")[2]
    text = told.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "bread.toml").write_text(text, encoding="utf-8")
    (tmp_path / "bread.csv").write_text(
        "Loaf,Price (2024 CHF),Day,Price today,Weight (kg)\nRye,CHF 4.20,01/02/2024,4,.5\n"
    )
    form = load_format(tmp_path / "bread.toml")
    report = import_series(tmp_path / "bread.csv", form, value="per_kg")
    assert report.series.rows[0][:4] == ("2024-02-01", "Rye", "8.0", "2024")


def test_units_of_the_format_are_units_of_the_study():
    from forecast.units import unit
    from forecast.units.files import read_units

    system = read_units(ROOT / "priors" / "units.toml")
    for kind in EPOCH.kinds.values():
        for name in kind.values:
            unit(system, kind.fields[name].unit.replace("{year}", "2023"), f"epoch.toml {kind.name}.{name}")


# -------------------------------------------------------------------------------------------------------- real files
DATA = os.environ.get("FORECAST_DATA")
real = pytest.mark.skipif(not DATA, reason="FORECAST_DATA names no folder with Epoch's files")


@real
def test_real_models_file():
    file = Path(DATA) / "epoch-notable-2024-07.csv"
    everything = import_file(ROOT, "epoch", file)
    assert (everything.version, everything.read, everything.used) == (NOTABLE, 810, 378)
    assert everything.dropped == {"no training compute": 432} and not everything.notes
    costs = import_file(ROOT, "epoch", file, value="cost")
    assert (costs.value, costs.used) == ("training_cost [USD_2023]", 157)


@real
def test_real_selections_of_cottier_and_lohn():
    file = Path(DATA) / "epoch-notable-2024-07.csv"
    cottier = import_file(ROOT, "epoch", file, start="2009-06-01", end="2022-07-31")
    assert cottier.used == 268
    assert cottier.series == import_file(ROOT, "epoch", file, preset="cottier-2023-method-1").series
    years = [date.fromisoformat(text).toordinal() / 365.25 for text in cottier.series.column("date")]
    slope = np.polyfit(years, np.log10([float(x) for x in cottier.series.column("training_compute")]), 1)[0]
    assert slope == pytest.approx(0.6072, abs=1e-4)
    lohn = import_file(ROOT, "epoch", file, where=["notable"], start="2010-01-01", end="2023-11-07", record=0.1)
    assert lohn.used == 70
    assert lohn.series == import_file(ROOT, "epoch", file, preset="lohn-2023").series


@real
def test_real_hardware_prices():
    file = Path(DATA) / "epoch-hardware-prices-2024-06.csv"
    rental, bought = (import_file(ROOT, "epoch", file, value=value) for value in ("on_demand", "purchase"))
    assert rental.version == "hardware prices 1.0.0" and rental.read == bought.read == 142
    assert (rental.used, bought.used) == (90, 51), "one purchase price stands twice, in every cell"
    assert rental.dropped == {"no price on demand": 51, "repeats another row": 1}
    assert set(rental.series.column("dollar_year")) <= {str(year) for year in range(2012, 2025)}
