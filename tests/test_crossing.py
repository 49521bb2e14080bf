"""First crossings: closed forms, and the answers "never" and "already"."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forecast.crossing import first_crossing

YEARS = np.arange(2020.0, 2061.0).reshape(-1, 1)


@given(
    st.lists(st.floats(0.01, 2.0), min_size=1, max_size=5),
    st.floats(1e-3, 1e9),
    st.floats(1.0001, 1e12),
)
def test_exponential_growth_has_its_closed_form(growth, start, multiple):
    rate = np.array(growth)
    path = start * 10.0 ** (rate * (YEARS - 2020))
    found = first_crossing(YEARS, path, start * multiple)
    exact = 2020 + np.log10(multiple) / rate
    inside = exact <= 2060 - 1e-9
    np.testing.assert_allclose(found[inside], exact[inside], rtol=0, atol=1e-8)
    assert np.all(np.isinf(found[exact > 2060 + 1e-9]))


def test_the_spacing_of_the_years_does_not_matter():
    coarse = np.array([[2020.0], [2027.0], [2060.0]])
    path = lambda year: 10.0 ** (0.1 * (year - 2020))  # noqa: E731
    fine = first_crossing(YEARS, path(YEARS), 50.0)
    np.testing.assert_allclose(first_crossing(coarse, path(coarse), 50.0), fine, atol=1e-9)


def test_a_kink_is_crossed_on_its_own_slope():
    path = 10.0 ** (0.5 * np.minimum(YEARS - 2020, 5) + 0.1 * np.maximum(YEARS - 2025, 0))
    np.testing.assert_allclose(first_crossing(YEARS, path, 10.0**3.0), [2030.0])


def test_never_and_already_are_infinities():
    path = np.stack([np.full(41, 1.0), np.linspace(5, 6, 41), np.linspace(1, 5, 41)], axis=1)
    np.testing.assert_array_equal(first_crossing(YEARS, path, 5.0), [np.inf, -np.inf, 2060.0])


def test_only_the_first_crossing_counts():
    path = np.array([[1.0], [10.0], [1.0], [100.0]])
    np.testing.assert_allclose(first_crossing(np.array([[0.0], [1], [2], [3]]), path, 10.0), [1.0])


def test_an_uncertain_threshold_that_moves():
    threshold = 100.0 * 10.0 ** (0.05 * (YEARS - 2020)) * np.array([1.0, 10.0])
    path = 10.0 ** (0.3 * (YEARS - 2020))
    np.testing.assert_allclose(first_crossing(YEARS, path, threshold), [2020 + 2 / 0.25, 2020 + 3 / 0.25])


def test_values_that_are_not_positive_are_joined_by_straight_lines():
    path = np.array([[-1.0], [3.0]])
    np.testing.assert_allclose(first_crossing(np.array([[2020.0], [2024.0]]), path, 0.0), [2021.0])


def test_infinite_paths_and_thresholds():
    year = np.array([[2020.0], [2021.0]])
    # A path that grows without bound within the year crosses right at its start: the limit of ever steeper growth.
    np.testing.assert_array_equal(first_crossing(year, np.array([[1.0], [np.inf]]), 2.0), [2020.0])
    np.testing.assert_array_equal(first_crossing(year, np.array([[1.0], [5.0]]), np.inf), [np.inf])


def test_a_path_without_uncertainty_broadcasts():
    found = first_crossing(YEARS, 10.0 ** (0.1 * (YEARS - 2020)), np.array([10.0, 100.0]))
    np.testing.assert_allclose(found, [2030.0, 2040.0])
