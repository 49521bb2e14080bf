"""The normal distribution function and its relatives, against 40-digit arithmetic."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.special import log_ndtr, ndtr, ndtr_pair, ndtri, ndtri_exp, normal_score

RELATIVE = 2e-15
SCORES = np.concatenate([
    np.linspace(-37.4, 8.2, 457), np.random.default_rng(5).normal(size=200),
    [-1e-300, -1e-9, 1e-9, 0.5, -0.5, 6.0, -6.0, -5.9999999, -6.0000001],
])  # fmt: skip


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(40):
        yield


def worst(found, expected) -> float:
    return max(float(abs(mp.mpf(float(f)) / e - 1)) for f, e in zip(found, expected, strict=True))


def test_ndtr_to_the_smallest_normal_double():
    assert worst(ndtr(SCORES), [mp.ncdf(mp.mpf(float(z))) for z in SCORES]) < RELATIVE


def test_ndtr_pair_is_accurate_in_the_small_tail_and_adds_up():
    lower, upper = ndtr_pair(SCORES)
    np.testing.assert_array_equal(lower, ndtr(SCORES))
    np.testing.assert_array_equal(upper, ndtr(-SCORES))
    assert np.abs(lower + upper - 1).max() < 3e-16


def test_log_ndtr_on_both_sides():
    expected = [mp.log(mp.ncdf(z)) if z < 0 else mp.log1p(-mp.ncdf(-z)) for z in map(float, SCORES)]
    assert worst(log_ndtr(SCORES), expected) < RELATIVE
    far = mp.mpf(-1e6)
    expected = -far * far / 2 - mp.log(-far) - mp.log(2 * mp.pi) / 2 - 1 / far**2
    assert worst([log_ndtr(-1e6)], [expected]) < RELATIVE


def test_ndtri_inverts_in_forty_digits():
    p = np.concatenate([10.0 ** -np.linspace(0.001, 307, 300), np.random.default_rng(6).random(200),
                        [0.075, 0.925, 0.5 - 1e-10]])  # fmt: skip
    for prob, z in zip(p, ndtri(p), strict=True):
        exact, at = mp.mpf(float(prob)), mp.mpf(float(z))
        small = min(exact, 1 - exact)
        tail = mp.ncdf(-abs(at))
        miss = (tail - small) / mp.npdf(at)  # how far the score is off
        assert abs(miss) < RELATIVE * abs(at), prob


def test_ndtri_exp_inverts_log_ndtr():
    y = np.array([-1e-20, -1e-3, -0.6, -0.69, -0.7, -1.0, -2.5, -2.6, -30.0, -600.0, -676.0, -700.0, -1e4, -1e10])
    np.testing.assert_allclose(log_ndtr(ndtri_exp(y)), y, rtol=5e-14)  # rounding z alone moves log Phi by z² eps
    np.testing.assert_allclose(ndtri_exp(np.array([-5005.524208694205])), -100.0, rtol=1e-15)


def test_limits():
    np.testing.assert_array_equal(ndtri([0.0, 1.0, 0.5]), [-np.inf, np.inf, 0.0])
    assert np.isnan(ndtri([-0.1, 1.1, np.nan])).all()
    np.testing.assert_array_equal(ndtr([-np.inf, np.inf]), [0.0, 1.0])
    np.testing.assert_array_equal(log_ndtr([-np.inf, np.inf]), [-np.inf, 0.0])
    np.testing.assert_array_equal(ndtri_exp([-np.inf, 0.0]), [-np.inf, np.inf])
    assert np.isnan([ndtr(np.nan), log_ndtr(np.nan)]).all()
    assert ndtri(5e-324) == pytest.approx(-38.4674, abs=1e-4)


def test_scalars_shapes_and_empty_arrays():
    assert isinstance(ndtr(0.3), float)
    assert ndtri(np.full((2, 3), 0.3)).shape == (2, 3)
    assert log_ndtr(np.empty(0)).shape == (0,)
    strided = np.linspace(-3, 3, 20)[::2]
    np.testing.assert_array_equal(ndtr(strided), [ndtr(float(z)) for z in strided])


@pytest.mark.parametrize("function", [ndtr, log_ndtr, ndtri, ndtri_exp])
def test_a_value_does_not_depend_on_its_place(function):
    z = np.random.default_rng(7).normal(size=3001) * 3
    x = {ndtri: ndtr(z), ndtri_exp: log_ndtr(z)}.get(function, z)
    whole = function(x)
    alone = np.array([function(v) for v in x[:200]])
    np.testing.assert_array_equal(whole[:200], alone)
    for offset in range(1, 9):
        np.testing.assert_array_equal(
            function(x[offset : offset + 1000 + offset]), whole[offset : offset + 1000 + offset]
        )


@settings(max_examples=200, deadline=None)
@given(st.floats(-37, 37), st.floats(-37, 37))
def test_order_and_symmetry(a, b):
    low, high = sorted((a, b))
    assert ndtr(low) <= ndtr(high)
    assert normal_score(*ndtr_pair(a)) == pytest.approx(a, rel=1e-14, abs=3e-16)
    assert ndtri(ndtr(-abs(a))) == pytest.approx(-abs(a), rel=1e-14, abs=3e-16)
