"""The distribution for Metaculus validates whatever the forecast is, and is the forecast's where the rules leave room."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecast.cli import main
from forecast.errors import UsageError
from forecast.report.exchange import BINS, LEAST, POINTS, Range, allowed, cdf_of, problems
from tests.studies import prior, write_study


def refused(cdf, open_low, open_high):
    """The rules once more, as Metaculus states them, apart from `problems`."""
    steps = np.round(np.diff(cdf), 10)
    good = len(cdf) == 201 and steps.min() >= 5e-5 and steps.max() <= 0.2
    good &= 0.001 <= cdf[0] < 1 if open_low else cdf[0] == 0
    return not (good and (0 < cdf[-1] <= 0.999 if open_high else cdf[-1] == 1))


draws = st.one_of(
    st.lists(st.floats(-10, 10), min_size=1, max_size=40),
    st.lists(st.sampled_from([-np.inf, -10.0, -1.0, 0.0, 0.005, 1.0, 3.0, 10.0, np.inf]), min_size=1, max_size=12),
    st.floats(-1, 3).map(lambda x: [x] * 5),
)


@settings(max_examples=200)
@given(draws, st.booleans(), st.booleans(), st.sampled_from([None, -2.0, 5.0]))
def test_every_forecast_validates(values, open_low, open_high, zero):
    question = Range(-1.0, 3.0, zero, open_low, open_high)
    array = np.array(values)
    try:
        cdf = cdf_of(array, question)
    except UsageError as error:
        assert "beyond the question's closed bounds" in str(error)
        inside = ((array >= -1) & (array <= 3)).any()
        assert not inside and not (open_low and (array < -1).any()) and not (open_high and (array > 3).any())
        return
    assert problems(cdf, open_low, open_high) == [] and not refused(cdf, open_low, open_high)


def test_a_smooth_forecast_is_hardly_changed():
    x = stats.norm(1, 0.5).ppf((np.arange(100_000) + 0.5) / 100_000)
    question = Range(-1.0, 3.0, open_low=True, open_high=True)
    assert np.abs(cdf_of(x, question) - stats.norm(1, 0.5).cdf(question.places())).max() < 0.011  # 200 least steps: 1%


def test_a_closed_bound_takes_out_what_lies_beyond():
    x = stats.norm(0, 1).ppf((np.arange(100_000) + 0.5) / 100_000)
    cdf = cdf_of(x, Range(0.0, 5.0))
    half = stats.halfnorm().cdf(np.linspace(0, 5, POINTS))
    assert np.abs(cdf - half).max() < 0.011


def test_never_goes_above_an_open_bound():
    x = np.r_[np.linspace(2025.0, 2059.0, 600), np.full(400, np.inf)]
    assert cdf_of(x, Range(2025.0, 2060.0, open_high=True))[-1] == pytest.approx(0.6, abs=0.01)


def test_a_point_is_as_narrow_as_the_rules_allow():
    cdf = cdf_of(np.full(10, 0.5), Range(0.0, 1.0))
    steps = np.diff(cdf)
    assert (steps > 10 * LEAST).sum() == 5 and abs(int(np.argmax(steps)) - BINS // 2) <= 3


def test_equal_steps_stay_equal():
    assert np.allclose(np.diff(allowed(np.full(BINS, 1 / BINS), 0, 0, False, False)), 1 / BINS, atol=1e-9)


def test_a_logarithmic_question_has_metaculus_places():
    places = Range(1.0, 1000.0, zero=0.0).places()
    assert places[[0, 100, 200]] == pytest.approx([1, 10**1.5, 1000])
    assert (np.diff(places) > 0).all()


def test_places_of_a_date_question_are_equally_spaced_in_days():
    from datetime import date, timedelta

    places = Range(2024.0, 2028.0, dates=True).places()
    assert places[0] == 2024 and places[-1] == 2028
    start, days = date(2024, 1, 1), (date(2028, 1, 1) - date(2024, 1, 1)).days
    for i in (40, 100, 160):
        day = start + timedelta(days=days * i / 200)
        length = 366 if day.year % 4 == 0 else 365
        passed = (day - date(day.year, 1, 1)).days + (days * i / 200) % 1
        assert places[i] == pytest.approx(day.year + passed / length, abs=1e-9)
    # By the end of a leap year more than a quarter of four years has passed.
    assert np.interp(2025.0, places, np.linspace(0, 1, POINTS)) == pytest.approx(366 / 1461, abs=1e-4)
    assert np.diff(Range(2024.0, 2028.0, zero=2020.0, dates=True).places()).min() > 0


@pytest.mark.parametrize("question", [Range(3, 1), Range(0, np.inf), Range(1, 3, zero=2), Range(1, 3, zero=1)])
def test_a_range_without_sense_is_refused(question):
    with pytest.raises(UsageError):
        cdf_of(np.ones(3), question)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exchange")
    model = '''
from forecast import first_crossing


def path(year, growth, start):
    """Path []."""
    return 10 ** (growth * (year - start))


def crossing(year, path, goal):
    """Crossing [year]."""
    return first_crossing(year, path, goal)
'''
    priors = prior("growth", "0.05 to 0.3", "1/year") + prior("start", "2024", "year") + prior("goal", "100")
    return write_study(
        folder, priors, model, 'quantities = ["crossing", "path@2030"]\nyears = "2024 to 2100"\nseed = 2'
    )


def export(study, *words):
    return main(["export", str(study), "--metaculus", *words])


def test_dates_and_numbers_on_the_command_line(study, tmp_path, capsys):
    assert export(study, "crossing", "--min", "2025-01-01", "--max", "2060-07-01", "--open-upper") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["range_min"], found["range_max"]) == ("2025-01-01", "2060-07-01")
    assert problems(np.array(found["continuous_cdf"]), False, True) == []
    file = tmp_path / "cdf.json"
    assert (
        export(study, "path@2030", "--min", "1", "--max", "1k", "--zero-point", "0", "--open-lower", "--out", str(file))
        == 0
    )
    assert problems(np.array(json.loads(file.read_text())["continuous_cdf"]), True, False) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["crossing", "--min", "2025-01-01"], "--max is missing"),
        (["crossing", "--min", "2025-13-01", "--max", "2060"], "not an ISO date"),
        (["path", "--min", "1", "--max", "5"], "ask for one year"),
        (["pth", "--min", "1", "--max", "5"], "did you mean 'path'?"),
        (["crossing", "--min", "2060", "--max", "2030"], "the range does not ascend"),
    ],
)
def test_wrong_questions(study, capsys, words, message):
    assert export(study, *words) == 2
    assert message in capsys.readouterr().err
