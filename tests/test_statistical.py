"""The assertions on random results: their two error rates, on cases where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.statistical import assert_mean, assert_share

RNG_SEED = 20231


def _fails(draws: np.ndarray, expected: float, detects: float, false_alarm: float) -> str:
    try:
        assert_mean(draws, expected, detects=detects, false_alarm=false_alarm)
    except AssertionError as error:
        return str(error)
    return ""


def test_a_correct_mean_fails_as_often_as_stated() -> None:
    rng = np.random.default_rng(RNG_SEED)
    alarms = sum(bool(_fails(rng.standard_normal((8, 50)), 0.0, 10.0, 0.05)) for _ in range(2_000))
    assert_share(alarms, 2_000, 0.05, 0.05)


def test_an_error_that_matters_fails_as_often_as_promised() -> None:
    rng = np.random.default_rng(RNG_SEED)
    caught = passed_check = 0
    for _ in range(500):
        draws = 0.1 + rng.standard_normal(20_000)
        message = _fails(draws, 0.0, 0.1, 1e-6)
        passed_check += not message.startswith("too few")
        caught += message.startswith("mean")
    assert passed_check == 500
    assert_share(caught, 500, 0.99, 1.0)


def test_too_few_draws_fail_even_where_the_mean_is_right() -> None:
    with pytest.raises(AssertionError, match="too few draws: they detect an error of"):
        assert_mean(np.random.default_rng(RNG_SEED).standard_normal((8, 10)), 0.0, detects=0.1)


def test_chains_count_as_the_independent_unit() -> None:
    # Draws repeated inside a chain carry no more information than one: 8 numbers, however many draws.
    one = np.random.default_rng(RNG_SEED).standard_normal((8, 1))
    assert _fails(np.repeat(one, 10_000, axis=1), 0.0, 1.0, 1e-6).startswith("too few")


def test_share_knows_its_bounds() -> None:
    assert_share(950, 1_000, 0.93, 0.97)
    with pytest.raises(AssertionError, match="880 of 1000"):
        assert_share(880, 1_000, 0.93, 0.97)
