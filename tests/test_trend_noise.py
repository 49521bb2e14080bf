from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from forecast.trend.noise import noise_excess, noise_table, noise_value


def test_normal_noise_is_the_score_and_its_survival_the_normal_one():
    x = np.linspace(-6, 6, 25)
    survival, excess = noise_excess(x, None)
    assert noise_value(x, None) is x
    np.testing.assert_allclose(survival, stats.norm.sf(x), rtol=1e-12)
    np.testing.assert_allclose(excess, stats.norm.pdf(x) - x * stats.norm.sf(x), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("dof", [2.0, 2.7, 4.0, 8.0, 30.0, 1e6])
def test_student_noise_has_the_quantiles_of_student_t(dof):
    table = noise_table(np.array([dof]))
    score = np.concatenate([np.linspace(-8, 8, 161)])[:, None]
    value = noise_value(score, table)
    # As a score: scipy's probability of the value, on the side where it is small.
    back = np.sign(score) * -stats.norm.ppf(stats.t.sf(np.abs(value), dof))
    np.testing.assert_allclose(back, score, atol=5e-4)
    assert (np.diff(value[:, 0]) > 0).all()


@pytest.mark.parametrize("dof", [2.0, 3.3, 6.0, 40.0])
def test_student_excess_is_the_integral_of_its_survival(dof):
    table = noise_table(np.array([dof]))
    x = np.array([-3.0, -0.5, 0.0, 1.0, 2.5, 5.0])[:, None]
    survival, excess = noise_excess(x, table)
    np.testing.assert_allclose(survival[:, 0], stats.t.sf(x[:, 0], dof), rtol=2e-3)
    exact = [integrate.quad(stats.t(dof).sf, float(low), np.inf)[0] for low in x[:, 0]]
    np.testing.assert_allclose(excess[:, 0], exact, rtol=5e-3)


def test_each_draw_has_its_own_degrees_of_freedom():
    dof = np.array([3.0, 30.0])
    both = noise_value(np.full((1, 2), 2.0), noise_table(dof))[0]
    alone = [noise_value(np.full((1, 1), 2.0), noise_table(np.array([d])))[0, 0] for d in dof]
    np.testing.assert_allclose(both, alone, rtol=1e-12)
    assert both[0] > both[1] > 2
