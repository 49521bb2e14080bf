"""Gaussian copula: exact perfect dependence, declared rank correlations, repairs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from forecast.dependence import factor, nearest_correlation, rank_correlation, score_correlation
from forecast.worlds import Design, scores
from tests.statistical import assert_mean

correlations = st.one_of(st.sampled_from([-1.0, 0.0, 1.0]), st.floats(-1, 1))


@pytest.mark.parametrize("rank", [-0.9, -0.3, 0.5, 0.95])
def test_draws_have_the_declared_rank_correlation(rank: float) -> None:
    found = factor(["a", "b"], {("a", "b"): rank})
    z = scores(Design(("a", "b"), 1, chains=32, mixing=found.factor), 0, 2_048)
    ranks = rankdata(z, axis=-1) / 2_048 - 0.5
    assert_mean(12 * ranks[0] * ranks[1], rank, detects=0.01)


@pytest.mark.parametrize("rank", [-1, 1])
def test_perfect_dependence_is_exact_to_the_bit(rank: int) -> None:
    found = factor(["a", "b", "c"], {("c", "a"): rank, ("b", "c"): 0.4})
    z = scores(Design(("a", "b", "c"), 1, mixing=found.factor), 0, 1_000)
    assert np.array_equal(z[2], rank * z[0])
    assert found.changes == {}
    # What is said of one of two inputs that move as one holds for the other.
    assert math.isclose(found.factor[0] @ found.factor[1], rank * score_correlation(0.4))


@pytest.mark.parametrize("rank", [-1.0, -0.5, 0.0, 0.5, 1.0])
def test_conversions_are_exact_at_the_points_that_matter(rank: float) -> None:
    assert math.isclose(rank_correlation(score_correlation(rank)), rank, abs_tol=1e-15)
    assert score_correlation(rank) == rank or abs(rank) == 0.5


@given(st.lists(correlations, min_size=10, max_size=10))
def test_any_declaration_gives_a_factor_of_what_it_says_it_used(ranks: list[float]) -> None:
    names = ["a", "b", "c", "d", "e"]
    pairs = dict(zip([(a, b) for i, a in enumerate(names) for b in names[i + 1 :]], ranks, strict=True))
    found = factor(names, pairs)
    product = found.factor @ found.factor.T
    assert np.allclose(np.diag(product), 1, atol=1e-12)
    for (one, other), rank in pairs.items():
        before, after = found.changes.get((one, other), (rank, rank))
        assert before == rank
        used = product[names.index(one), names.index(other)]
        # At +-1 an error of 1e-12 in the correlation is one of 1e-6 in nothing but the rounding of the factor.
        assert math.isclose(used, score_correlation(after), abs_tol=5e-5)
    sizes = [abs(before - after) for before, after in found.changes.values()]
    assert sizes == sorted(sizes, reverse=True)


def test_the_repair_is_highams_example_and_optimal() -> None:
    asked = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    near = nearest_correlation(asked)
    # Higham (2002), section 4.
    assert np.allclose(near, [[1, 0.7607, 0.1573], [0.7607, 1, 0.7607], [0.1573, 0.7607, 1]], atol=5e-5)
    rng = np.random.default_rng(1)
    distance = np.linalg.norm(near - asked)
    for _ in range(200):
        rows = np.linalg.cholesky(near + 1e-9 * np.eye(3)) + 0.05 * rng.standard_normal((3, 3))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        assert np.linalg.norm(rows @ rows.T - asked) >= distance - 1e-7


def test_an_impossible_matrix_is_repaired_and_reported_largest_change_first() -> None:
    found = factor(["a", "b", "c"], {("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): -0.2})
    sizes = [abs(before - after) for before, after in found.changes.values()]
    assert len(sizes) == 3 and sizes == sorted(sizes, reverse=True) and 0.1 < sizes[0] < 0.3
    assert found.changes["a", "c"][0] == -0.2 < found.changes["a", "c"][1]
    assert np.linalg.eigvalsh(found.factor @ found.factor.T)[0] > -1e-9


def test_contradictory_perfect_dependence_is_repaired_too() -> None:
    found = factor(["a", "b", "c"], {("a", "b"): 1, ("b", "c"): 1, ("a", "c"): -1})
    assert {pair: round(after, 3) for pair, (_, after) in found.changes.items()} == {
        ("a", "b"): 0.483, ("b", "c"): 0.483, ("a", "c"): -0.483,
    }  # fmt: skip


def test_two_statements_about_one_group_are_averaged_and_reported() -> None:
    found = factor(["a", "b", "c"], {("a", "b"): -1, ("a", "c"): 0.5, ("b", "c"): 0.5})
    assert found.changes == {("a", "c"): (0.5, 0.0), ("b", "c"): (0.5, 0.0)}


def test_independent_inputs_keep_a_coordinate_of_their_own() -> None:
    found = factor(["a", "b", "c"], {("a", "c"): 0.5})
    assert np.count_nonzero(found.factor[1]) == 1 and np.count_nonzero(found.factor[:, 1]) == 1
    assert np.array_equal(factor(["a", "b"], {}).factor, np.eye(2))
    assert factor([], {}).factor.shape == (0, 0)
