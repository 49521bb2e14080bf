"""The design of worlds: equidistribution, independence, invariance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from forecast.worlds import Design, scores
from forecast.worlds.sobol import INPUT_BITS
from tests.statistical import assert_mean

NAMES = tuple(f"x{i}" for i in range(12))


def _points(design: Design, draws: int) -> np.ndarray:
    return ndtr(scores(design, 0, draws))


@pytest.mark.parametrize("bits", [0, 3, 8, 13])
def test_every_coordinate_of_every_chain_has_one_point_in_each_elementary_interval(bits: int) -> None:
    points = _points(Design(NAMES, seed=7), 1 << bits)
    cells = np.sort((points * (1 << bits)).astype(int), axis=-1)
    assert (cells == np.arange(1 << bits)).all()


def test_the_first_two_coordinates_fill_every_elementary_rectangle() -> None:
    x, y = _points(Design(("a", "b"), seed=3), 256)
    for bits in range(9):
        cells = (x * (1 << bits)).astype(int) * (256 >> bits) + (y * (256 >> bits)).astype(int)
        assert (np.sort(cells, axis=-1) == np.arange(256)).all()


def test_scores_are_standard_normal_over_seeds() -> None:
    z = np.array([scores(Design(("a", "b"), seed, chains=1), 0, 8)[:, 0] for seed in range(4_000)])
    first, second = z[:, 0, :3], z[:, 1, :3]
    for draw in range(3):  # each point alone is uniform, which the average over a net would hide
        assert_mean(first[:, draw], 0.0, detects=0.15)
        assert_mean(first[:, draw] ** 2, 1.0, detects=0.2)
        assert_mean(first[:, draw] * second[:, draw], 0.0, detects=0.15)


def test_independent_draws_of_chains_inputs_and_seeds_are_unrelated() -> None:
    z = [scores(Design(NAMES[:3], seed, "mc"), 0, 4_096).reshape(24, -1) for seed in (1, 2)]
    correlation = np.corrcoef(np.concatenate(z))[np.triu_indices(48, 1)]
    assert np.abs(correlation).max() < 5.5 / np.sqrt(4_096)  # 1,128 pairs at 4e-8 each: false alarms below 1e-4


def test_scramblings_of_chains_and_of_neighbouring_seeds_are_unrelated() -> None:
    # Not draw by draw in one scrambling (two nets in the same order resemble each other), but over scramblings.
    z = np.array([scores(Design(("a", "b"), seed, chains=2), 5, 6)[..., 0] for seed in range(6_000)])
    first, second = z[:, :, 0], z[:, :, 1]
    for coordinate in range(2):
        assert_mean(first[:, coordinate] * second[:, coordinate], 0.0, detects=0.12)
        assert_mean(first[1:, coordinate] * first[:-1, coordinate], 0.0, detects=0.12)
        assert_mean(np.sign(first[:, coordinate]) * second[:, coordinate] ** 2, 0.0, detects=0.2)


@given(
    st.sampled_from(["qmc", "mc"]),
    st.booleans(),
    st.integers(0, 5_000),
    st.lists(st.integers(1, 3_000), min_size=1, max_size=4),
)
def test_blocks_do_not_change_a_bit(method: str, mixed: bool, start: int, sizes: list[int]) -> None:
    mixing = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0] if mixed else None
    design = Design(NAMES[:4], 11, method, chains=2, mixing=mixing)  # type: ignore[arg-type]
    edges = start + np.cumsum([0, *sizes])
    parts = [scores(design, int(a), int(b)) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    assert np.concatenate(parts, axis=-1).tobytes() == scores(design, start, int(edges[-1])).tobytes()


@pytest.mark.parametrize("method", ["qmc", "mc"])
def test_later_inputs_more_chains_and_more_draws_leave_the_first_alone(method: str) -> None:
    few = scores(Design(NAMES[:2], 5, method, chains=2), 0, 100)  # type: ignore[arg-type]
    many = scores(Design(NAMES, 5, method, chains=4), 0, 1_000)  # type: ignore[arg-type]
    assert np.array_equal(many[:2, :2, :100], few)


def test_far_draws_are_reachable_and_no_score_is_infinite() -> None:
    last = scores(Design(NAMES, 1), (1 << INPUT_BITS) - 64, 1 << INPUT_BITS)
    assert np.isfinite(last).all()
    with pytest.raises(ValueError, match="lie outside"):
        scores(Design(NAMES, 1), 0, (1 << INPUT_BITS) + 1)


def test_mixing_makes_the_declared_correlation_and_equal_rows_equal_scores() -> None:
    mixing = np.array([[1.0, 0.0], [0.6, 0.8], [-0.6, -0.8]])
    z = scores(Design(NAMES[:3], 2, mixing=mixing), 0, 4_096)
    assert np.array_equal(z[1], -z[2])
    assert_mean(z[0] * z[1], 0.6, detects=0.01)
    assert_mean(z[1] ** 2, 1.0, detects=0.01)


def test_no_coordinates_and_no_draws() -> None:
    assert scores(Design((), 1), 0, 8).shape == (0, 8, 8)
    assert scores(Design(("a",), 1), 4, 4).shape == (1, 8, 0)
    assert scores(Design(("a",), 1, "mc"), 4, 4).shape == (1, 8, 0)
