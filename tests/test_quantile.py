"""Quantiles, means and probabilities: exact cases, infinities, ties, weights, and laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from scipy.special import ndtri

from forecast.quantile import (
    Z_95,
    card,
    heavy_tailed,
    means,
    prob_above,
    prob_finite,
    prob_of,
    quantiles,
    student_factor,
)
from forecast.worlds import Design, scores

PROBS = [0.05, 0.5, 0.95]
Z = scores(Design(("a", "b"), seed=1), 0, 4_096)


@pytest.mark.parametrize("chains", [2, 3, 4, 5, 8, 9, 16, 33, 64])
def test_student_factor_is_scipys(chains: int) -> None:
    assert math.isclose(student_factor(chains), stats.t.ppf(0.975, chains - 1) / Z_95, rel_tol=1e-12)


def test_a_lognormal_has_its_quantiles() -> None:
    found = quantiles(np.exp(Z[0]), PROBS)
    assert (np.abs(found.value / np.exp(ndtri(PROBS)) - 1) < 1e-3).all()
    # Half a world is left open, however alike the chains are.
    half = 0.5 / Z[0].size * np.exp(ndtri(PROBS)) / stats.norm.pdf(ndtri(PROBS))
    assert (np.abs(found.mcse / half - 1) < 0.5).all()


@pytest.mark.parametrize("method", ["qmc", "mc"])
@pytest.mark.parametrize("chance", [0.045, 0.05, 0.055])
@pytest.mark.parametrize("draws", [256, 512])  # without and with a window of many ranks
def test_a_gap_at_the_quantile_is_told_by_the_error(method: str, chance: float, draws: int) -> None:
    """With a chance of about 5% an event adds 10: at 95%, chains lie on either side of the gap."""
    hits = 0
    exact = 10 + ndtri((0.95 - (1 - chance)) / chance) if chance > 0.05 else ndtri(0.95 / (1 - chance))
    for seed in range(200):
        z = scores(Design(("a", "b", "c"), seed, method), 0, draws)
        event = (z[1] + z[2]) / math.sqrt(2) > ndtri(1 - chance)
        found = quantiles(z[0] + 10.0 * event, [0.95])
        hits += chance == 0.05 or abs(found.value[0] - exact) <= 2 * found.mcse[0]
        assert chance != 0.05 or found.mcse[0] > 0.1 or not 4 < found.value[0] < 7
    assert hits >= 180


def test_few_draws_give_the_mean_of_hazens_quantiles() -> None:
    draws = np.random.default_rng(1).standard_normal((4, 200))
    found = quantiles(draws, [0.1])
    by_chain = np.quantile(draws, 0.1, axis=1, method="hazen")
    assert math.isclose(found.value[0], by_chain.mean())
    assert math.isclose(found.mcse[0], by_chain.std(ddof=1) / 2 * student_factor(4))


def test_ties_give_the_value_itself_and_no_error_inside_an_atom() -> None:
    counts = np.floor(Z[0] + 10.3)  # jumps at 10, 38, 76 and 96%
    found = quantiles(counts, PROBS)
    assert found.value.tolist() == [8.0, 10.0, 11.0] and found.mcse.tolist() == [0.0, 0.0, 0.0]
    constant = quantiles(np.full((8, 64), 2.5), PROBS)
    assert constant.value.tolist() == [2.5] * 3 and constant.mcse.tolist() == [0.0] * 3


def test_the_edge_of_an_atom_is_uncertain() -> None:
    at_the_edge = np.where(Z[0] + Z[1] < 0, 0.0, 1.0)
    assert quantiles(at_the_edge, [0.5]).mcse[0] > 0.4
    assert quantiles(at_the_edge, [0.45]).mcse[0] == 0


def test_a_quantile_beside_the_edge_of_an_atom_favours_neither_side() -> None:
    """P(X <= 7) is 0.9489 for a Poisson of 4: the 95% point is 8, which 8,192 draws cannot tell from 7 for sure."""
    rng = np.random.default_rng(5)
    found = [quantiles(rng.poisson(4, (8, 1024)).astype(float), [0.95]) for _ in range(100)]
    values = np.array([estimate.value[0] for estimate in found])
    assert set(values) <= {7.0, 8.0}
    beyond = stats.binom.sf(math.ceil(0.95 * 8192) - 1, 8192, stats.poisson.cdf(7, 4))  # as many draws of 7 or less
    assert (
        stats.binom.cdf((values == 7).sum(), 100, beyond) > 1e-6 < stats.binom.sf((values == 7).sum() - 1, 100, beyond)
    )
    assert np.mean([abs(estimate.value[0] - 8) <= 1.96 * estimate.mcse[0] for estimate in found]) > 0.9


def test_the_edge_of_an_atom_is_a_value_that_occurs() -> None:
    # Sobol points put exactly half of a fair coin on either side: the median by definition is the lower side.
    coin = np.where(Z[0] > 0, 7.0, 4.0)
    assert quantiles(coin, [0.5]).value[0] == 4.0
    thirds = np.repeat([1.0, 2.0, 3.0], 80)[None] * np.ones((8, 1))
    assert quantiles(thirds, [1 / 3, 2 / 3, 0.34]).value.tolist() == [1.0, 2.0, 2.0]
    half = np.where(Z[0] > 0, np.inf, Z[0])  # never by the horizon, in exactly half of the worlds
    assert quantiles(half, [0.5]).value[0] == half[half < 0].max()


def test_a_kink_is_not_smoothed_over() -> None:
    kink = ndtri(0.95)
    draws = np.where(Z[0] < kink, Z[0], kink + 6 * (Z[0] - kink))
    found = quantiles(draws, [0.95])
    assert abs(found.value[0] - kink) <= 3 * found.mcse[0]


def test_infinities_are_ordered() -> None:
    years = np.where(Z[0] > ndtri(0.9), np.inf, 2030 + Z[0])
    found = quantiles(years, PROBS)
    assert found.value[2] == np.inf and found.mcse[2] == 0
    assert np.isfinite(found.value[:2]).all() and np.isfinite(found.mcse[:2]).all()
    crossed = quantiles(-years, PROBS)
    assert crossed.value[0] == -np.inf and crossed.mcse[0] == 0
    all_never = quantiles(np.full((8, 64), np.inf), PROBS)
    assert (all_never.value == np.inf).all() and (all_never.mcse == 0).all()


def test_a_quantile_at_the_edge_of_never_is_a_number_of_unknown_error() -> None:
    years = np.where(Z[0] + Z[1] > math.sqrt(2) * ndtri(0.95), np.inf, Z[0] + Z[1])
    found = quantiles(years, [0.95, 0.94])
    assert not np.isnan(found.value).any()
    assert found.mcse[0] == np.inf
    assert math.isclose(found.value[1], math.sqrt(2) * ndtri(0.94), abs_tol=0.02)


def test_beyond_the_draws_the_error_is_unknown() -> None:
    found = quantiles(np.random.default_rng(1).standard_normal((8, 32)), [0.0001])
    assert found.mcse[0] == np.inf


def test_a_single_chain_has_no_known_error() -> None:
    draws = Z[0][:1]
    assert quantiles(draws, [0.5]).mcse[0] == np.inf
    assert means(draws).mcse == np.inf


def test_a_leading_axis_changes_nothing() -> None:
    years = np.array([np.exp(Z[0]), np.floor(Z[1] * 3), np.where(Z[0] > 1, np.inf, Z[0]), Z[0] + Z[1]])
    together = quantiles(years, PROBS)
    for row, one in enumerate(years):
        alone = quantiles(one, PROBS)
        assert np.array_equal(together.value[:, row], alone.value)
        assert np.array_equal(together.mcse[:, row], alone.mcse)
    assert means(years[:2]).value.shape == (2,)


finite = st.floats(-1e6, 1e6)
with_infinities = st.one_of(finite, st.sampled_from([np.inf, -np.inf, 0.0, 1.0]))


@given(arrays(float, (4, 64), elements=with_infinities))
def test_quantiles_ascend_stay_inside_the_draws_and_are_never_nan(draws: np.ndarray) -> None:
    found = quantiles(draws, [0.1, 0.3, 0.5, 0.7, 0.9])
    assert not np.isnan(found.value).any() and not np.isnan(found.mcse).any()
    assert (found.value >= draws.min()).all() and (found.value <= draws.max()).all()
    assert (found.mcse >= 0).all()


@given(st.floats(0.001, 1000), st.sampled_from([0.1, 0.5, 0.9]))
def test_scaling_a_unit_scales_quantile_and_error(factor: float, prob: float) -> None:
    cost = np.exp(Z[0] + 0.3 * Z[1])
    one, other = quantiles(cost, [prob]), quantiles(cost * factor, [prob])
    assert np.isclose(one.value * factor, other.value, rtol=1e-9)
    assert np.isclose(one.mcse * factor, other.mcse, rtol=1e-4)


@given(st.permutations(range(8)))
def test_the_order_of_chains_and_draws_does_not_matter(order: list[int]) -> None:
    cost = np.exp(Z[0] + Z[1])
    one, other = quantiles(cost, PROBS), quantiles(cost[order][:, ::-1], PROBS)
    assert np.allclose(one.value, other.value, rtol=1e-12) and np.allclose(one.mcse, other.mcse, rtol=1e-9)


# ---- weights


def test_equal_weights_are_no_weights_for_means_and_probabilities() -> None:
    weights = np.full(Z[0].shape, 3.0)
    for plain, weighted in ((means(Z[0]), means(Z[0], weights)), (prob_above(Z[0], 1), prob_above(Z[0], 1, weights))):
        assert np.isclose(plain.value, weighted.value, atol=1e-14) and np.isclose(plain.mcse, weighted.mcse)


def test_weights_move_the_quantiles_where_theory_says() -> None:
    weights = np.exp(Z[0] - 0.5)  # a standard normal weighted so is normal about 1
    found = quantiles(Z[0], PROBS, weights)
    assert (np.abs(found.value - 1 - ndtri(PROBS)) <= 3 * found.mcse).all() and (found.mcse < 0.02).all()


def test_worlds_of_weight_zero_do_not_exist() -> None:
    weights = (Z[0] < 1).astype(float)
    broken = np.where(Z[0] < 1, Z[0], np.inf)
    assert quantiles(broken, [0.999], weights).value[0] < 1
    assert means(broken, weights).value < 0


# ---- means, probabilities, cards


def test_means_of_infinite_draws() -> None:
    half = np.where(Z[0] > 0, np.inf, 1.0)
    assert means(half).value == np.inf and means(half).mcse == np.inf
    assert np.isnan(means(np.where(Z[0] > 0, np.inf, -np.inf)).value)


def test_no_event_in_n_draws_leaves_three_over_n() -> None:
    for event, value in ((np.zeros((8, 1000), dtype=bool), 0), (np.ones((8, 1000), dtype=bool), 1)):
        found = prob_of(event)
        assert found.value == value and math.isclose(1.96 * found.mcse, 3 / 8000, rel_tol=1e-4)


def test_probabilities() -> None:
    threshold = Z[1]
    found = prob_above(Z[0], threshold)
    assert abs(found.value - 0.5) <= 3 * found.mcse and found.mcse < 0.01
    never = prob_finite(np.where(Z[0] > ndtri(0.75), np.inf, 0.0))
    assert abs(never.value - 0.75) <= 3 * never.mcse and never.mcse < 1e-3


@pytest.mark.parametrize(
    ("draws", "heavy"),
    [
        (Z[0], False),
        (np.exp(0.5 * Z[0]), False),
        (2034 + np.exp(0.5 * Z[0]), False),
        (np.exp(2.5 * Z[0]), True),
        (2034 - np.exp(2.5 * Z[0]), True),
        (1e6 + Z[0] / Z[1], True),
        (np.where(Z[0] > 2, np.inf, Z[0]), True),
        (np.full((8, 512), 3.0), False),
        (np.floor(Z[0]), False),
    ],
    ids=["normal", "lognormal 0.5", "shifted", "lognormal 2.5", "lower tail", "Cauchy", "never", "constant", "counts"],
)
def test_heavy_tails_are_flagged(draws: np.ndarray, heavy: bool) -> None:
    assert heavy_tailed(draws) == heavy


def test_the_card_of_a_lognormal() -> None:
    # Closed form: mean exp(mu + s**2 / 2); its ends are quantiles at 0.1 Phi(s / 2) and 1 - 0.1 Phi(-s / 2).
    sigma = 0.8
    below = stats.norm.cdf(sigma / 2)
    expected = np.exp([sigma**2 / 2, sigma * ndtri(0.1 * below), sigma * ndtri(1 - 0.1 * (1 - below))])
    found = card(np.exp(sigma * Z[0]))
    assert (np.abs(found.value - expected) <= 4 * found.mcse).all() and (found.mcse < 0.01).all()
    assert card(np.full((8, 64), 2.0)).value.tolist() == [2.0] * 3
