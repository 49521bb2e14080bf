"""Rounding by the Monte Carlo error, and the rule for when draws are enough."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.distribution.number import read_number
from forecast.quantile import Estimate
from forecast.summary import DIGITS, precise_enough, round_interval, round_to_error


@pytest.mark.parametrize(
    ("value", "mcse", "text"),
    [
        (1.5432e9, 4e6, "1.54B"),
        (1.5432e9, 9e7, "1.5B"),
        (1.5432e9, 2e8, "2B"),
        (0.00421, 0.0002, "0.004"),
        (0.3, 5.0, "0.3"),
        (12.5, math.inf, "10"),
        (12.5, math.nan, "10"),
        (999_999, 1.0, "1.00M"),
        (9_999.6, 0.1, "10.0k"),
        (9.999, 0.001, "10.0"),
        (2034.23, 0.02, "2034"),
        (2034.23, 3.0, "2030"),
        (2.13456e25, 1e22, "2.13e25"),
        (1.2e-7, 1e-9, "1.20e-7"),
        (-55.5, 0.3, "-56"),
        (0.0, 0.0, "0"),
        (0.0, 0.1, "0.0"),
        (5.0, 0.0, "5"),
        (3.14159, 0.0, "3.14"),
        (120e6, 0.0, "120M"),
        (math.inf, 0.0, "inf"),
        (-math.inf, math.inf, "-inf"),
    ],
)
def test_only_supported_digits_are_shown(value: float, mcse: float, text: str) -> None:
    assert round_to_error(value, mcse) == text


@pytest.mark.parametrize(
    ("values", "mcses", "unit", "texts"),
    [
        ([2034.21, 2039.98, 2055.73], [0.02, 0.01, 0.04], "year", ["2034.2", "2040.0", "2055.7"]),
        ([2034.21, 2039.98, 2055.73], [0.02, 0.01, 0.2], "year", ["2034.2", "2040.0", "2056"]),
        ([2034.21, 2039.98, math.inf], [0.02, 0.01, 0.0], "year", ["2034.2", "2040.0", "inf"]),
        ([20_340, 20_400, 20_560], [1.0, 1.0, 1.0], "year", ["20340", "20400", "20560"]),
        ([55.31e6, 288.4e6, 1.4972e9], [6e4, 2e5, 4e6], "USD", ["55.3M", "288M", "1.50B"]),
        ([55.31e6, 288.4e6, 1.4972e9], [6e4, 2e5, 4e7], "USD", ["55.3M", "288M", "1.5B"]),
        ([-0.312, 0.2, 1.21], [0.001] * 3, "", ["-0.31", "0.20", "1.21"]),
        ([-1.5e9, -2e6, -1e5], [1e6, 1e3, 1e2], "", ["-1.50B", "-2.00M", "-100k"]),
        ([12e6, 15e6, 21e6], [1e4] * 3, "", ["12.0M", "15.0M", "21.0M"]),
        ([0.0, 4.0, 12.0], [0.0] * 3, "", ["0", "4", "12"]),
        ([5.0, 5.0, 5.0], [0.0] * 3, "", ["5", "5", "5"]),
        ([math.inf], [0.0], "year", ["inf"]),
    ],
)
def test_an_interval_is_rounded_on_one_scale(
    values: list[float], mcses: list[float], unit: str, texts: list[str]
) -> None:
    assert round_interval(values, mcses, unit) == texts


magnitudes = st.builds(lambda m, e: m * 10.0**e, st.floats(1, 9.999), st.integers(-30, 30))


@given(st.builds(lambda x, sign: x * sign, magnitudes, st.sampled_from([1, -1])), st.floats(1e-6, 0.5))
def test_rounding_loses_no_more_than_it_says(value: float, relative: float) -> None:
    mcse = abs(value) * relative
    text = round_to_error(value, mcse)
    read = read_number(text)
    assert read is not None
    # Half a unit of the last digit: of the third significant digit, or of the digit just above the error.
    assert abs(read - value) <= max(0.5 * 10 * mcse, 0.5 * 10 ** (1 - DIGITS) * abs(value)) * 1.000001
    assert len(re.sub(r"e.*|[^0-9]", "", text).lstrip("0")) <= max(DIGITS, 4)


@given(st.lists(magnitudes, min_size=3, max_size=3).map(sorted), st.floats(1e-6, 0.3))
def test_rounding_keeps_an_interval_in_order(values: list[float], relative: float) -> None:
    read = [read_number(text) for text in round_interval(values, [relative * v for v in values])]
    assert None not in read and read == sorted(read)  # type: ignore[type-var]


def _ends(low: float, high: float, mcse_low: float, mcse_high: float) -> Estimate:
    return Estimate(np.array([low, high]), np.array([mcse_low, mcse_high]))


def test_an_end_is_precise_below_half_a_percent_of_the_width() -> None:
    assert precise_enough(_ends(10, 20, 0.05, 0.05), 14)
    assert not precise_enough(_ends(10, 20, 0.0501, 0.05), 14)
    assert not precise_enough(_ends(10, 20, 0.05, 0.0501), 14)
    assert precise_enough(_ends(10, 20, 0.09, 0.09), 14, tolerance=0.01)
    assert precise_enough(_ends(3, 3, 0, 0), 3)


def test_a_low_end_far_below_the_high_end_must_be_known_by_its_own_measure() -> None:
    # 0.5% of the width of 1 to 1,000 is 5: an end of 1 +- 5 is not known at all. In logarithms it is 3.5%.
    assert not precise_enough(_ends(1, 1_000, 1.0, 1.0), 30)
    assert precise_enough(_ends(1, 1_000, 0.03, 1.0), 30)


def test_infinite_ends_are_precise_without_doubt_only() -> None:
    assert precise_enough(_ends(2030, math.inf, 0.04, 0.0), 2040)
    assert not precise_enough(_ends(2030, math.inf, 0.06, 0.0), 2040)
    assert not precise_enough(_ends(2030, math.inf, 0.04, math.inf), 2040)
    assert precise_enough(_ends(math.inf, math.inf, 0.0, 0.0), math.inf)
    assert not precise_enough(_ends(2030, math.inf, 0.04, math.inf), math.inf)
