"""The table of a run: what it says of probabilities and dependence, and how it fits its width."""

from __future__ import annotations

import numpy as np
import pytest

import forecast
from forecast.columns import broken, lined_up, width_of, wrapped
from forecast.listing import listing
from forecast.quantile import Estimate, prob_of
from forecast.text import _aligned, chance, probability, table
from tests.studies import prior, write_study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return forecast.open_study(
        write_study(
            tmp_path_factory.mktemp("text") / "study",
            prior("start", "100 to 1000", "kWh") + prior("growth", "normal 0.1 to 0.3", "OOM/year") + prior("start_year", "2025", "year")
            + '[[dependence]]\nbetween = ["start", "growth"]\nrank_correlation = 0\nband = true\n',
            '''
            def path(year, start, growth, start_year):
                """Energy of all the machines that this study is about, in a rather long sentence [kWh]."""
                return start * 10 ** (growth * (year - start_year))
            ''',
            'quantities = ["path@2025", "path@2030"]\nyears = "2025 to 2030"\nthresholds = { path = ["1e12 kWh", "0 kWh"] }',
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("hits", "of", "text"),
    [
        (0, 16384, "< 0.02%"),
        (0, 64, "< 5%"),
        (16384, 16384, "> 99.98%"),
        (64, 64, "> 95%"),
        (1, 2**20, "< 0.0004%"),
        (0, 3000, "< 0.1%"),
    ],
)
def test_a_probability_that_the_worlds_cannot_tell_from_none_is_told_by_its_limit(hits, of, text):
    event = np.zeros(of, dtype=bool)
    event[:hits] = True
    assert probability(prob_of(event.reshape(8, -1))) == text


def test_a_probability_that_the_worlds_can_tell_is_told_with_the_digits_of_its_error():
    assert probability(Estimate(np.array(0.5234), np.array(0.0004))) == "52.3%"
    assert probability(Estimate(np.array(0.0), np.array(0.0))) == "0%"
    assert chance("P(> 1)", "5%") == "P(> 1) = 5%" and chance("P(> 1)", "< 5%") == "P(> 1) < 5%"


def test_the_band_is_told_where_dependence_matters_and_nowhere_else(study):
    lines = table(study.run(draws=8192), 140).splitlines()
    at = next(i for i, line in enumerate(lines) if "sentence, 2030" in line)
    band = [i for i, line in enumerate(lines) if "over the dependence of start and growth (here 0): at -1: " in line]
    assert len(band) == 1 and band[0] > at  # in 2025 growth has done nothing yet
    assert "at +1: " in lines[band[0]]


def test_probabilities_beyond_the_worlds(study):
    text = table(study.run(draws=8192))
    assert "P(> 1e12 kWh) < 0.04%; P(> 0 kWh) > 99.96%" in text


def test_a_time_in_years_is_no_crossing_year(tmp_path):
    """Lives and dates before the axis are not "already" there; constants of constants are quantities too."""
    study = forecast.open_study(
        write_study(
            tmp_path / "years",
            prior("life", "3 to 6", "year") + prior("date", "2021", "year") + prior("rate", "1 to 2", "1/year"),
            '''
            from forecast import first_crossing


            def three():
                """Three []."""
                return 3


            def nothing(three):
                """Nothing []."""
                return three - three


            def crossing(year, rate, date):
                """Crossing [year]."""
                return first_crossing(year, rate * (year - date), 1 + 0 * rate * date)
            ''',
        )
    )
    text = table(study.run(["life", "date", "nothing", "crossing"], years=range(2025, 2030), draws=1024))
    assert text.count("already by 2025") == 1 and "not by" not in text
    assert study.run(["nothing"], draws=64).interval("nothing").high == 0


@pytest.mark.parametrize("columns", [110, 80, 60, 40])
def test_lines_are_no_wider_than_asked(study, columns):
    widest = max(map(len, table(study.run(draws=1024), columns).splitlines()))
    assert widest <= max(columns, 66)  # figures, their error and the unit are never broken


def test_pictures_give_way_to_labels(study):
    result = study.run(draws=1024)
    assert "█" in table(result, 110) and "█" not in table(result, 70)


def test_the_list_of_a_study_goes_file_by_file(study):
    lines = listing(study).splitlines()
    assert lines[0] == "study: 3 priors, 0 trends, 1 function, 0 observations, 1 report. No problems found."
    assert lines.index("priors/priors.toml: what is believed") < lines.index("models/model.py: what follows")
    at = lines.index("  growth [OOM/year]  growth")
    assert lines[at + 1 : at + 4] == [
        "      normal 0.1 to 0.3",
        "      source: made up for a test",
        "      used by path",
    ]
    assert "      used by report main" in lines


def test_wide_characters_take_two_columns():
    rows = [("", "5%", "50%", "x"), ("Cost", "1", "22", ""), ("訓練の費用", "1", "22", ""), ("é" * 3, "1", "22", "")]
    for lines in (_aligned(rows, 60), lined_up([row[:3] for row in rows])):
        assert len({width_of(line.rstrip()) for line in lines[1:]}) == 1
    assert all(width_of(line) <= 18 for line in broken("訓練の費用 " * 8 + "費" * 40, 20))


@pytest.mark.parametrize("length", range(60, 80))
def test_wrapped_lines_are_no_wider_with_their_indent(length):
    assert max(map(width_of, wrapped("   " + ("word " * length)[:length], 20))) <= 20
