from __future__ import annotations

import numpy as np
import pytest

from forecast.errors import StudyError
from forecast.trend.series import decimal_year, iso_date, near_record, series, top_per_year


def test_rows_are_sorted_with_everything_that_belongs_to_them():
    data = series("s", [2020, 2018, 2019], [3, 1, 2], se=[0.3, 0.1, 0.2], group=["c", "a", "b"], label=["C", "A", "B"])
    assert (
        data.t.tolist() == [2018, 2019, 2020] and data.y.tolist() == [1, 2, 3] and data.se.tolist() == [0.1, 0.2, 0.3]
    )
    assert data.group == ("a", "b", "c") and data.label == ("A", "B", "C")
    kept = data.take(np.array([True, False, True]))
    assert kept.group == ("a", "c") and kept.label == ("A", "C") and kept.t.tolist() == [2018, 2020]
    assert kept.group_index().tolist() == [0, 1] and kept.name == "s"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"t": [2018, 2019], "y": [1]}, "s: y has 1 rows, the dates 2; give one for each row"),
        (
            {"t": [2018, 2019], "y": [1, np.nan]},
            "s row 2: y is not a finite number (nan); correct or leave out the row",
        ),
        ({"t": [18, 2019], "y": [1, 2]}, "s row 1: the date is not a plausible year (18); give decimal years"),
        ({"t": [2018], "y": [1], "se": [-0.1]}, "s row 1: se is negative (-0.1); write 0 where none is known"),
        ({"t": [2018, 2019], "y": [1, 2], "group": ["a"]}, "s: group has 1 rows, the dates 2; give one for each row"),
    ],
)
def test_a_bad_row_is_named(columns, message):
    with pytest.raises(StudyError, match="^" + message.replace("(", r"\(").replace(")", r"\)") + "$"):
        series("s", **columns)


def test_every_bad_row_is_told_at_once():
    with pytest.raises(StudyError) as caught:
        series("s", [2018, 3000], [np.inf, 1], se=[0, -1])
    assert len(caught.value.problems) == 3


def test_dates_become_decimal_years():
    assert decimal_year("2024-12-31") == 2024 + 365 / 366
    assert decimal_year("2023-12-31") == 2023 + 364 / 365
    assert decimal_year("2023") == decimal_year("2023-01") == decimal_year("2023-01-01") == 2023
    assert decimal_year("9999-12-31") == 9999 + 364 / 365 and decimal_year("2000-12-31") == 2000 + 365 / 366
    assert decimal_year("1900-03-01") == 1900 + 59 / 365
    wrongs = (
        "31/12/2023",
        "2023-13-01",
        "",
        "2023-02-30",
        "2023-01-01-01",
        "20_23",
        "２０２３",
        "0000",
        "20230101",
        "+2023",
    )
    for wrong in wrongs:
        with pytest.raises(StudyError, match="not an ISO date"):
            decimal_year(wrong)


def test_decimal_years_become_dates_again():
    from datetime import date

    for day in range(date(2019, 12, 20).toordinal(), date(2021, 1, 10).toordinal()):
        text = date.fromordinal(day).isoformat()
        assert iso_date(decimal_year(text)) == text
    assert iso_date(9999.99999) == "9999-12-31" and iso_date(2020.0) == "2020-01-01"


def test_the_record_is_that_of_earlier_dates_only():
    # The second and third rows share a date: neither is held against the other.
    data = series("s", [2018, 2019, 2019, 2020, 2021], [3.0, 1.99, 6.0, 4.99, 5.0])
    assert near_record(data, 0.1).tolist() == [True, False, True, False, True]
    assert near_record(data, 1.0).tolist() == [True, False, True, False, False]
    with pytest.raises(StudyError, match="must be above 0"):
        near_record(data, 0)


def test_the_highest_rows_of_a_year():
    data = series("s", [2018.0, 2018.5, 2018.9, 2019.0], [1, 3, 2, 0])
    assert top_per_year(data, 1).tolist() == [False, True, False, True]
    assert top_per_year(data, 2).tolist() == [False, True, True, True]
