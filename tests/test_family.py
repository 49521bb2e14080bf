"""Every family's quantile function, distribution function and density against independent arithmetic.

A quantile x of the normal score z is judged by how far its probability is from Phi(z), divided by the density: that
is the error of x, and needs no second inversion. Tolerances: 1e-10 relative in the body, 1e-8 in
tails of 1e-12 (the tests ask for 1e-11 everywhere).
"""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
import scipy.special as ss
import scipy.stats as sts

from forecast.distribution import shapes, tabulated
from forecast.distribution.family import FAMILIES
from forecast.distribution.fitting import card_fit
from forecast.distribution.marginal import truncated
from forecast.distribution.mixture import mixture
from forecast.distribution.table import REACH, Table
from forecast.special import ndtr, ndtri, normal_score

RELATIVE = 1e-11
TAIL = -float(ndtri(1e-12))
Z = np.unique(np.concatenate([np.linspace(-8.9, 8.9, 179), [-TAIL, TAIL, -0.001, 0.001], np.linspace(-1, 1, 41)]))
COARSE = [-8.9, -TAIL, -5.0, -3.3, -2.0, -1.1, -0.37, -0.001, 0.01, 0.4, 1.14, 2.0, 3.2, 4.5, 6.0, TAIL, 8.9]


def quantile_error(marginal, z, cdf, sf, pdf, absolute=0.0):
    """Largest relative error of the quantiles at scores ``z``."""
    z = np.asarray(z)
    x = marginal.from_normal(z)
    seen = (np.abs(x) > 1e-290) & (np.abs(x) < 1e290)
    assert seen.any()
    miss = np.where(z < 0, cdf(x) - ss.ndtr(z), ss.ndtr(-z) - sf(x))[seen]
    with np.errstate(divide="ignore"):
        error = np.abs(miss) / pdf(x[seen])
    # where no double lies between x and the end of the support, x is exact
    return float(np.max(np.maximum(error - absolute - 3e-16 * np.abs(x[seen]), 0.0) / np.abs(x[seen])))


def test_closed_forms():
    with mp.workdps(30):
        p = np.array([float(mp.ncdf(z)) for z in Z])
        q = np.array([float(mp.ncdf(-z)) for z in Z])
        exponent = np.array([float(-mp.log1p(-mp.ncdf(z)) if z < 0 else -mp.log(mp.ncdf(-z))) for z in Z])
    expected = {
        shapes.normal(3.0, 2.0): 3.0 + 2.0 * Z,
        shapes.lognormal(3.0, 2.0): 3.0 * np.exp(2.0 * Z),
        shapes.uniform(-1.0, 5.0): -1.0 + 6.0 * p,
        shapes.loguniform(2.0, 50.0): 2.0 * 25.0**p,
        shapes.exponential(3.0): 3.0 * exponent,
        shapes.pareto(2.0, 1.5): 2.0 * np.exp(exponent / 1.5),
        shapes.triangular(0.0, 1.0, 5.0): np.where(p < 0.2, np.sqrt(5.0 * p), 5.0 - np.sqrt(20.0 * q)),
        shapes.triangular(0.0, 0.0, 1.0): -np.expm1(-0.5 * exponent),
    }
    for marginal, x in expected.items():
        np.testing.assert_allclose(marginal.from_normal(Z), x, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("shape", [0.01, 0.1, 0.5, 1.0, 3.0, 100.0, 1e4])
def test_gamma(shape):
    cdf, sf, pdf = (lambda x: ss.gammainc(shape, x)), (lambda x: ss.gammaincc(shape, x)), sts.gamma(shape).pdf
    assert quantile_error(tabulated.gamma(shape, 1.0), Z, cdf, sf, pdf) < RELATIVE


def gamma_lower(a, x):
    """Regularised lower incomplete gamma function by its series, in mpmath."""
    a, x = mp.mpf(a), mp.mpf(float(x))
    term = total = mp.mpf(1)
    n = 0
    while term > total * mp.mpf(10) ** -32:
        n += 1
        term *= x / (a + n)
        total += term
    return total * mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1))


@pytest.mark.parametrize("shape", [0.001, 0.1, 1e6])
def test_gamma_in_many_digits(shape):
    with mp.workdps(40):
        marginal = tabulated.gamma(shape, 1.0)
        scores = COARSE[:: 6 if shape > 1e3 else 1]
        for z, x in zip(scores, marginal.from_normal(np.array(scores)), strict=True):
            if x < 1e-290:
                continue
            miss = gamma_lower(shape, x) - mp.ncdf(z)
            density = mp.exp((shape - 1) * mp.log(x) - x - mp.loggamma(shape))
            assert abs(miss / density / x) < RELATIVE, z
            assert marginal.tails(np.array([x]))[0][0] == pytest.approx(float(gamma_lower(shape, x)), rel=1e-10)
            assert marginal.log_density(np.array([x]))[0] == pytest.approx(
                float(mp.log(density)), rel=1e-12, abs=1e-9 if shape > 1e3 else 1e-12
            )


@pytest.mark.parametrize(
    ("a", "b"),
    [(0.05, 30.0), (30.0, 0.05), (0.01, 0.01), (0.001, 1.0), (0.5, 0.5), (1.0, 1.0), (2.0, 5.0), (1e3, 2.0), (1e6, 1e6),
     (0.3, 1e4)],
)  # fmt: skip
def test_beta(a, b):
    cdf, sf = (lambda x: ss.betainc(a, b, x)), (lambda x: ss.betaincc(a, b, x))
    log_beta = ss.betaln(a, b) if max(a, b) < 1e5 else None

    def pdf(x):
        if log_beta is None:
            return np.exp(tabulated.beta(a, b).log_density(x))
        return np.exp(ss.xlogy(a - 1, x) + ss.xlog1py(b - 1, -x) - log_beta)

    assert quantile_error(tabulated.beta(a, b), Z, cdf, sf, pdf) < RELATIVE


@pytest.mark.parametrize("df", [0.3, 1.0, 1.5, 2.0, 4.0, 30.0, 1e6])
def test_student_t(df):
    marginal = tabulated.student_t(df, 0.0, 1.0)

    def tail(x):
        return 0.5 * ss.betainc(0.5 * df, 0.5, df / (df + x * x))

    def middle(x):  # P(0 < T < |x|)
        return 0.5 * ss.betainc(0.5, 0.5 * df, x * x / (df + x * x))

    pdf = sts.t(df).pdf
    outer = Z[np.abs(Z) > 1]
    # the reference rounds its argument df / (df + x²), which costs it df/2 units in the last place
    assert quantile_error(marginal, outer, tail, tail, pdf) < max(RELATIVE, 0.5 * df * 2.2e-16)
    z = Z[np.abs(Z) <= 1]
    x = marginal.from_normal(z)
    np.testing.assert_allclose(middle(x), 0.5 * ss.erf(np.abs(z) / math.sqrt(2)), rtol=1e-12, atol=1e-18)
    np.testing.assert_array_equal(np.sign(x), np.sign(z))
    np.testing.assert_allclose(tabulated.student_t(df, 7.0, 3.0).from_normal(z), 7.0 + 3.0 * x, rtol=1e-14)


def test_pert_is_a_scaled_beta():
    a, b = 1 + 4 / 9, 1 + 32 / 9
    np.testing.assert_allclose(
        tabulated.pert(1.0, 2.0, 10.0, 4.0).from_normal(Z), 1 + 9 * tabulated.beta(a, b).from_normal(Z), rtol=1e-14
    )
    assert tabulated.pert(1.0, 2.0, 10.0, 4.0).mean() == pytest.approx((1 + 4 * 2 + 10) / 6)


@pytest.mark.parametrize(
    ("marginal", "reference"),
    [(shapes.poisson(0.01), sts.poisson(0.01)), (shapes.poisson(1.0), sts.poisson(1)), (shapes.poisson(30.0), sts.poisson(30)),
     (shapes.poisson(1e4), sts.poisson(1e4)), (shapes.binomial(10.0, 0.3), sts.binom(10, 0.3)),
     (shapes.binomial(1e6, 0.2), sts.binom(10**6, 0.2)), (shapes.binomial(1e6, 1e-6), sts.binom(10**6, 1e-6)),
     (shapes.bernoulli(0.3), sts.bernoulli(0.3))],
)  # fmt: skip
def test_counts_step_exactly_where_the_probability_does(marginal, reference):
    x = marginal.from_normal(Z)
    # the smallest x with F(x) >= Phi(z), told from the smaller tail; 1e-9 is left to the reference's own rounding
    slack = 1e-9
    p, q = ss.ndtr(Z), ss.ndtr(-Z)
    with np.errstate(invalid="ignore"):
        assert np.all(np.where(Z < 0, reference.cdf(x) >= p * (1 - slack), reference.sf(x) <= q * (1 + slack)))
        assert np.all(np.where(Z < 0, reference.cdf(x - 1) < p * (1 + slack), reference.sf(x - 1) > q * (1 - slack)))
    values = np.unique(x)
    lower, upper = marginal.tails(values)
    np.testing.assert_allclose(lower, reference.cdf(values), rtol=1e-9)
    np.testing.assert_allclose(upper[upper > 0], reference.sf(values)[upper > 0], rtol=1e-9)
    np.testing.assert_allclose(np.exp(marginal.log_density(values)), reference.pmf(values), rtol=1e-9)
    assert marginal.mean() == pytest.approx(reference.mean()) and marginal.sd() == pytest.approx(reference.std())
    assert marginal.log_density(np.array([0.5]))[0] == -np.inf


def test_a_million_expected_events_in_many_digits():
    marginal = shapes.poisson(1e6)
    with mp.workdps(40):
        for k in (993_000.0, 999_999.0, 1_000_000.0, 1_006_800.0):
            upper = gamma_lower(k + 1, 1e6)
            lower = 1 - upper
            found = marginal.tails(np.array([k]))
            assert abs(found[0][0] / lower - 1) < 1e-11 and abs(found[1][0] / upper - 1) < 1e-11
            edge = normal_score(float(lower), float(upper))
            steps = marginal.from_normal(np.array([edge - 1e-9, edge + 1e-9]))
            np.testing.assert_array_equal(steps, [k, k + 1])


@pytest.mark.parametrize("name", ["gamma", "beta", "student_t", "pert"])
def test_beyond_the_table_quantiles_are_solved_for(name):
    marginal = {
        "gamma": tabulated.gamma(2.0, 1.0), "beta": tabulated.beta(2.0, 5.0),
        "student_t": tabulated.student_t(3.0, 0.0, 1.0), "pert": tabulated.pert(0.0, 1.0, 3.0, 4.0),
    }[name]  # fmt: skip
    z = np.array([-36.0, -20.0, -9.01, -8.99, 8.99, 9.01, 20.0, 36.0])
    x = marginal.from_normal(z)
    assert np.all(np.diff(x) >= 0)
    low = marginal.tails(x[:4])[0]
    np.testing.assert_allclose(low, ndtr(z[:4]), rtol=1e-11)
    if name in ("gamma", "student_t"):
        np.testing.assert_allclose(marginal.tails(x[4:])[1], ndtr(-z[4:]), rtol=1e-11)
    across = marginal.from_normal(np.array([REACH - 1e-12, REACH + 1e-12]))
    assert across[1] == pytest.approx(across[0], rel=1e-9)


DENSITIES = [
    (shapes.normal(1.0, 2.0), sts.norm(1, 2)), (shapes.lognormal(3.0, 0.7), sts.lognorm(0.7, scale=3)),
    (shapes.uniform(1.0, 3.0), sts.uniform(1, 2)), (shapes.loguniform(1.0, 30.0), sts.loguniform(1, 30)),
    (shapes.triangular(0.0, 1.0, 5.0), sts.triang(0.2, 0, 5)), (shapes.exponential(3.0), sts.expon(0, 3)),
    (shapes.pareto(3.0, 2.5), sts.pareto(2.5, scale=3)), (tabulated.gamma(0.3, 2.0), sts.gamma(0.3, scale=2)),
    (tabulated.gamma(40.0, 2.0), sts.gamma(40, scale=2)), (tabulated.beta(0.4, 3.0), sts.beta(0.4, 3)),
    (tabulated.student_t(4.0, 1.0, 2.0), sts.t(4, 1, 2)), (tabulated.pert(0.0, 1.0, 4.0, 4.0), sts.beta(2, 4, 0, 4)),
]  # fmt: skip


@pytest.mark.parametrize(("marginal", "reference"), DENSITIES)
def test_densities_tails_and_moments(marginal, reference):
    x = np.concatenate([reference.ppf([1e-6, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999]), [-0.7, 1e4]])
    np.testing.assert_allclose(marginal.log_density(x), reference.logpdf(x), rtol=1e-10, atol=1e-11)
    lower, upper = marginal.tails(x)
    np.testing.assert_allclose(lower, reference.cdf(x), rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(upper, reference.sf(x), rtol=1e-9, atol=1e-300)
    assert marginal.mean() == pytest.approx(reference.mean(), rel=1e-12)
    assert marginal.sd() == pytest.approx(reference.std(), rel=1e-10)
    assert marginal.support == pytest.approx(reference.support())


def test_moments_that_do_not_exist():
    assert math.isnan(tabulated.student_t(1.0, 0.0, 1.0).mean()) and math.isnan(tabulated.student_t(1.0, 0.0, 1.0).sd())
    assert tabulated.student_t(1.5, 4.0, 1.0).mean() == 4.0 and math.isinf(tabulated.student_t(1.5, 4.0, 1.0).sd())
    assert math.isinf(shapes.pareto(1.0, 1.0).mean()) and math.isinf(shapes.pareto(1.0, 2.0).sd())
    assert truncated(tabulated.student_t(1.0, 0.0, 1.0), 0.0, math.inf).mean() == math.inf
    assert truncated(tabulated.student_t(1.0, 0.0, 1.0), -math.inf, 0.0).mean() == -math.inf
    cauchy = truncated(tabulated.student_t(1.0, 0.0, 1.0), 0.0, 2.0)
    assert cauchy.mean() == pytest.approx(0.5 * math.log(5) / math.atan(2), rel=1e-12)


@pytest.mark.parametrize(
    ("low", "high"), [(-1.0, 2.0), (0.5, math.inf), (10.0, math.inf), (-20.0, -19.0), (30.0, 31.0)]
)
def test_truncated_normal(low, high):
    marginal = truncated(shapes.normal(0.0, 1.0), low, high)
    z = np.array(COARSE)
    x = marginal.from_normal(z)
    assert np.all((x >= low) & (x <= high)) and np.all(np.diff(x) >= 0)
    with mp.workdps(60):
        flip = -1 if low > 0 else 1  # in the upper tail, 1 - Phi has the digits
        a, b = flip * mp.ncdf(flip * low), flip * mp.ncdf(flip * high)
        for score, value in zip(z, x, strict=True):
            share = (flip * mp.ncdf(flip * mp.mpf(float(value))) - a) / (b - a)
            goal = mp.ncdf(mp.mpf(float(score)))
            density = mp.npdf(mp.mpf(float(value))) / (b - a)
            assert abs((share - goal) / density) < 1e-14 * abs(value) + 1e-15, score
    reference = sts.truncnorm(low, high)
    inside = x[4:-4]
    np.testing.assert_allclose(marginal.log_density(inside), reference.logpdf(inside), rtol=1e-9)
    np.testing.assert_allclose(marginal.tails(inside)[0], ndtr(z[4:-4]), rtol=1e-9)
    assert marginal.mean() == pytest.approx(float(reference.mean()), rel=1e-9)
    assert marginal.sd() == pytest.approx(float(reference.std()), rel=1e-5)


@pytest.mark.parametrize(
    ("marginal", "low", "high", "between"),
    [
        (shapes.normal(0.0, 1.0), 0.0, math.inf, lambda x: mp.erf(x / mp.sqrt(2)) / 2),
        (shapes.normal(0.0, 1.0), -math.inf, 0.0, lambda x: mp.erf(x / mp.sqrt(2)) / 2),
        (shapes.normal(-3.0, 1.0), 0.0, 5.0, lambda x: mp.ncdf(-3) - mp.ncdf(-3 - x)),
        (shapes.uniform(-1.0, 5.0), 0.0, 2.0, lambda x: x / 6),
        (tabulated.student_t(1.0, 0.0, 1.0), 0.0, math.inf, lambda x: mp.atan(x) / mp.pi),
        (mixture([shapes.normal(0.0, 1.0), shapes.normal(0.0, 3.0)], [0.5, 0.5]), -math.inf, 0.0,
         lambda x: (mp.erf(x / mp.sqrt(2)) + mp.erf(x / mp.sqrt(18))) / 4),
    ],
    ids=["half normal", "its mirror image", "tail", "uniform", "half Cauchy", "mixture"],
)  # fmt: skip
def test_a_bound_at_zero_keeps_the_digits_beside_it(marginal, low, high, between):
    """Close to a bound of 0 the value is as small as its probability; both are relatively exact down to 1e-15."""
    made = truncated(marginal, low, high)
    sign = 1 if low == 0 else -1
    z = np.array([-8.0, -TAIL, -5.0, -3.72, -3.71, -3.0, -1.0])
    x = made.from_normal(sign * z)
    assert np.all(np.diff(sign * x) > 0)
    found = made.tails(x)[0 if sign > 0 else 1]
    with mp.workdps(40):
        whole = between(mp.mpf(min(high if sign > 0 else -low, 1e40)))
        for score, value, share in zip(z, x, found, strict=True):
            exact = between(mp.mpf(float(sign * value))) / whole
            assert abs(exact / mp.ncdf(score) - 1) < (1e-8 if score < -7 else 1e-10)
            assert abs(share / exact - 1) < 1e-9


def test_truncation_never_piles_mass_on_a_bound():
    marginal = truncated(shapes.lognormal(1.0, 1.0), 0.5, 4.0)
    z = ndtri((np.arange(20_000) + 0.5) / 20_000)
    x = marginal.from_normal(z)
    assert np.count_nonzero((x == 0.5) | (x == 4.0)) == 0
    reference = sts.lognorm(1).ppf(sts.lognorm(1).cdf(0.5) + (np.arange(20_000) + 0.5) / 20_000
                                   * (sts.lognorm(1).cdf(4) - sts.lognorm(1).cdf(0.5)))  # fmt: skip
    np.testing.assert_allclose(x, reference, rtol=1e-12)


MIXTURES = {
    "botec": ([shapes.point(0.0), shapes.point(1.0), shapes.lognormal(3**0.5, 0.334), shapes.lognormal(20**0.5, 0.489)],
              [0.6, 0.2, 0.1, 0.1]),
    "gap": ([shapes.uniform(0.0, 1.0), shapes.uniform(2.0, 3.0)], [0.5, 0.5]),
    "far modes": ([shapes.normal(0.0, 1.0), shapes.normal(100.0, 1.0)], [0.3, 0.7]),
    "modes ten sd apart": ([shapes.normal(0.0, 1.0), shapes.normal(10.0, 1.0)], [0.5, 0.5]),
    "scales": ([shapes.lognormal(1e-8, 0.5), shapes.lognormal(1e8, 0.5)], [1 - 1e-6, 1e-6]),
    "needle": ([shapes.normal(0.0, 1.0), shapes.normal(0.0, 1e-6)], [0.5, 0.5]),
    "singular after an atom": ([shapes.point(0.0), tabulated.beta(0.05, 30.0)], [0.5, 0.5]),
    "kinks and tails": ([tabulated.student_t(1.5, 0.0, 1.0), shapes.pareto(1.0, 1.5), shapes.triangular(0.0, 1.0, 5.0)],
                        [0.2, 0.3, 0.5]),
    "count and smooth": ([shapes.poisson(3.0), shapes.lognormal(2.0, 0.3)], [0.5, 0.5]),
    "nested": ([mixture([shapes.point(0.0), shapes.exponential(2.0)], [0.2, 0.8]), tabulated.gamma(0.1, 3.0)], [0.5, 0.5]),
}  # fmt: skip


@pytest.mark.parametrize("name", MIXTURES)
def test_mixtures_invert_their_distribution_function(name):
    parts, weights = MIXTURES[name]
    marginal = mixture(parts, weights)
    z = np.sort(np.concatenate([np.random.default_rng(8).normal(size=4000), Z]))
    x = marginal.from_normal(z)
    assert np.all(np.diff(x) >= -1e-15 * np.abs(x[1:]))
    # x is right to 1e-10 if the scores of x (1 - 1e-10) and x (1 + 1e-10) enclose z
    room = 1e-10 * np.abs(x) + (0.0 if marginal.support[0] >= 0 else 1e-14)
    rounding = 4e-15 * (1 + np.abs(z))
    assert np.all(normal_score(*marginal.tails(x - room - 5e-324)) <= z + rounding)
    assert np.all(normal_score(*marginal.tails(x + room)) >= z - rounding)
    lower = sum(w * part.tails(x)[0] for part, w in zip(parts, weights, strict=True))
    np.testing.assert_allclose(marginal.tails(x)[0], lower, rtol=1e-13)
    beyond = np.array([-30.0, -12.0, 12.0, 30.0])
    assert np.all(np.diff(np.concatenate([marginal.from_normal(beyond[:2]), x, marginal.from_normal(beyond[2:])])) >= -1e-300
                  - 1e-15 * np.abs(np.append(np.append(x[:2], x), x[-1:])))  # fmt: skip


def test_atoms_of_a_mixture_are_exact():
    marginal = mixture(*MIXTURES["botec"])
    z = ndtri((np.arange(100_000) + 0.5) / 100_000)
    x = marginal.from_normal(z)
    assert np.count_nonzero(x == 0.0) == 60_000
    below = float(0.1 * MIXTURES["botec"][0][2].tails(np.array([1.0]))[0][0]
                  + 0.1 * MIXTURES["botec"][0][3].tails(np.array([1.0]))[0][0])  # fmt: skip
    assert np.count_nonzero(x == 1.0) == 20_000
    assert np.count_nonzero((x > 0) & (x < 1)) == pytest.approx(1e5 * below, abs=1)
    np.testing.assert_allclose(marginal.log_density(np.array([0.0, 1.0])), np.log([0.6, 0.2]))
    assert marginal.mean() == pytest.approx(
        0.2 + 0.1 * 3**0.5 * math.exp(0.334**2 / 2) + 0.1 * 20**0.5 * math.exp(0.489**2 / 2)
    )


def test_a_mixture_of_one_shape_is_that_shape():
    marginal = mixture([shapes.lognormal(3.0, 0.5), shapes.lognormal(3.0, 0.5)], [0.25, 0.75])
    np.testing.assert_allclose(marginal.from_normal(Z), 3.0 * np.exp(0.5 * Z), rtol=1e-11)
    assert marginal.sd() == pytest.approx(shapes.lognormal(3.0, 0.5).sd())


def test_a_stored_table_gives_the_same_bits():
    for make in (lambda s=None: tabulated.gamma(0.7, 2.0, s), lambda s=None: mixture(*MIXTURES["botec"], s)):
        fresh = make()
        again = make(Table.from_json(fresh.table().to_json()))
        np.testing.assert_array_equal(fresh.from_normal(Z), again.from_normal(Z))


def test_card_is_the_published_guesstimate():
    for (low, high), (sigma, median, mean) in {
        (55.0, 1500.0): (0.987, 238, 387), (0.26, 8.4): (1.036, 1.20, 2.05), (1.3, 56.0): (1.118, 6.70, 12.5),
    }.items():  # fmt: skip
        family, fit = card_fit(low, high)
        assert family == "lognormal"
        assert fit["sigma"] == pytest.approx(sigma, abs=5e-4)
        assert fit["median"] == pytest.approx(median, rel=3e-3)
        marginal = shapes.lognormal(**fit)
        assert marginal.mean() == pytest.approx(mean, rel=3e-3)
        # the definition: 10th percentile of the draws below the mean, 90th of those above
        below = float(marginal.tails(np.array([marginal.mean()]))[0][0])
        found = marginal.from_normal(ndtri(np.array([0.1 * below, below + 0.9 * (1 - below)])))
        np.testing.assert_allclose(found, [low, high], rtol=1e-12)


@pytest.mark.parametrize("name", [n for n, f in FAMILIES.items() if f.interval])
@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.99])
def test_an_interval_is_met(name, level):
    family = FAMILIES[name]
    for low, high in ((0.2, 0.6), (0.01, 0.9), (0.4, 0.41)):
        marginal = family.marginal(**family.interval(low, high, level))
        found = marginal.from_normal(ndtri(np.array([0.5 - level / 2, 0.5 + level / 2])))
        np.testing.assert_allclose(found, [low, high], rtol=1e-11)


def test_mean_and_sd_are_met():
    for name, mean, sd in (("lognormal", 3.0, 2.0), ("gamma", 3.0, 2.0), ("beta", 0.3, 0.1)):
        marginal = FAMILIES[name].marginal(**FAMILIES[name].canonical({"mean": mean, "sd": sd}))
        assert (marginal.mean(), marginal.sd()) == pytest.approx((mean, sd), rel=1e-12)
    student = FAMILIES["student_t"].canonical({"df": 5.0, "mean": 3.0, "sd": 2.0})
    assert tabulated.student_t(**student).sd() == pytest.approx(2.0)


def test_quantiles_are_honoured_and_normals_recovered():
    points = ((0.05, 1.0), (0.3, 2.0), (0.5, 3.0), (0.95, 20.0))
    marginal = FAMILIES["quantiles"].marginal(points)
    found = marginal.from_normal(ndtri(np.array([p for p, _ in points])))
    np.testing.assert_allclose(found, [x for _, x in points], rtol=1e-14)
    x = marginal.from_normal(Z)
    assert np.all(np.diff(x) > 0)
    z = normal_score(*marginal.tails(x))
    np.testing.assert_allclose(z, Z, rtol=1e-12, atol=1e-14)
    grid = np.linspace(0.01, 300, 400_001)
    mass = np.trapezoid(np.exp(marginal.log_density(grid)), grid)
    expected = marginal.tails(grid[-1:])[0][0] - marginal.tails(grid[:1])[0][0]
    assert mass == pytest.approx(expected, rel=1e-6)
    probs = np.array([0.1, 0.5, 0.8])
    for make in (shapes.normal(-3.0, 2.0), shapes.lognormal(3.0, 0.4)):
        again = shapes.quantiles(tuple(probs), tuple(map(float, make.from_normal(ndtri(probs)))))
        np.testing.assert_allclose(again.from_normal(Z), make.from_normal(Z), rtol=1e-12, atol=1e-13)
        assert again.mean() == pytest.approx(make.mean(), rel=1e-11)
        assert again.sd() == pytest.approx(make.sd(), rel=1e-9)
