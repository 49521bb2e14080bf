"""The design of worlds: points against scipy, equidistribution, invariance, aiming."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import qmc

from forecast.quantile import quantiles
from forecast.worlds import INPUT_BITS, Design, aimed, direction_numbers, scores, sobol_points
from tests.statistical import assert_mean

NAMES = tuple(f"x{i}" for i in range(12))


def _points(design: Design, draws: int) -> np.ndarray:
    return ndtr(scores(design, 0, draws))


@pytest.mark.parametrize("dimensions", [1, 2, 40, 41, 300])  # up to 40 from the table here, beyond from scipy's file
def test_unscrambled_points_are_scipys(dimensions: int) -> None:
    # scipy goes through the points in Gray code order, and takes 0 where ours are centred in cells of 2**-52.
    count = 1_024
    expected = qmc.Sobol(dimensions, scramble=False, bits=INPUT_BITS).random(count)
    index = np.arange(count)
    found = np.empty((dimensions, 1, count))
    for row, numbers in enumerate(direction_numbers(dimensions)):
        sobol_points(numbers[None] << np.uint64(52 - INPUT_BITS), np.zeros(1, dtype=np.uint64), 0, count, found[row])
    assert np.array_equal(found[:, 0, index ^ index >> 1].T - 2.0**-53, expected)


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


def test_the_extreme_points_are_finite_and_symmetric() -> None:
    out = np.empty((2, 1))
    none, all_bits = np.uint64(0), np.uint64((1 << 52) - 1)
    sobol_points(np.zeros((2, INPUT_BITS), dtype=np.uint64), np.array([none, all_bits]), 0, 1, out)
    assert out[0, 0] == 2.0**-53 and out[1, 0] == 1 - 2.0**-53


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


def test_sobol_points_import_neither_scipy_nor_numpy_random() -> None:
    code = (
        "import sys; from forecast.worlds import Design, scores; scores(Design(('a',), 1), 0, 8);"
        "print([m for m in ('scipy', 'numpy.random', 'zipfile') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# ---- aiming

LOADS = np.array([0.8, 0.5, 0.4, 0.6, 0.3, 0.2, 0.7, 0.1, 0.35, 0.25, 0.0, 0.0])


def _product(z: np.ndarray) -> np.ndarray:
    return np.exp(np.tensordot(LOADS, z, 1))


def _maximum(z: np.ndarray) -> np.ndarray:
    return z[:5].max(axis=0)


def _pilot(seed: int) -> np.ndarray:
    return scores(Design(NAMES, seed, chains=1), 0, 512)[:, 0]


def _variance(output: object, turned: bool, method: str = "qmc") -> np.ndarray:
    found = []
    for seed in range(24):
        design = Design(NAMES, seed, method)  # type: ignore[arg-type]
        if turned:
            pilot = _pilot(seed + 1_000)
            design = aimed(design, pilot, output(pilot)[None])  # type: ignore[operator]
        found.append(quantiles(output(scores(design, 0, 512)), [0.05, 0.5, 0.95]).value)  # type: ignore[operator]
    return np.var(found, axis=0)


def test_aiming_at_a_product_gains_and_turns_by_an_orthogonal_matrix() -> None:
    pilot = _pilot(5)
    turned = aimed(Design(NAMES, 1), pilot, _product(pilot)[None])
    assert turned.mixing is not None
    assert np.allclose(turned.mixing @ turned.mixing.T, np.eye(12), atol=1e-12)
    assert abs(turned.mixing[:, 0] @ LOADS) / np.linalg.norm(LOADS) > 0.99
    # At least 20 times less variance; measured 100 to 1,000. F(23, 23) reaches 20 by chance with 1e-10.
    assert (_variance(_product, True) * 20 < _variance(_product, False)).all()


HOSTILE = {
    "sine of a sum": lambda z: np.sin(2 * z[:6].sum(axis=0)),
    "maximum": _maximum,
    "count": lambda z: (z[:8] > 0.5).sum(axis=0) + 0.01 * z[8],
    "if else": lambda z: np.where(z[0] > 0.3, np.exp(z[1]), z[2] + z[3] - 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_aiming_does_not_hurt_what_is_hostile_to_it(name: str) -> None:
    # The true ratio is at most 1.1; F(23, 23) turns that into more than 6.5 by chance with 1e-5.
    assert (_variance(HOSTILE[name], True) <= 6.5 * _variance(HOSTILE[name], False, "mc")).all()


def test_coordinates_of_a_badly_fitted_output_are_only_reordered() -> None:
    pilot = _pilot(5)
    turned = aimed(Design(NAMES, 1), pilot, _maximum(pilot)[None])
    assert turned.mixing is not None
    assert (np.sort(turned.mixing, axis=0)[-1] == 1).all() and np.count_nonzero(turned.mixing) == 12
    assert set(np.argmax(turned.mixing, axis=0)[:5]) == set(range(5))


def test_knowing_what_an_output_follows_lets_others_be_aimed_at() -> None:
    pilot = _pilot(5)
    outputs = np.array([np.exp(pilot[:6].sum(axis=0)), pilot[6:].max(axis=0)])
    follows = np.array([[True] * 6 + [False] * 6, [False] * 6 + [True] * 6])
    apart = aimed(Design(NAMES, 1), pilot, outputs, follows)
    together = aimed(Design(NAMES, 1), pilot, outputs)
    assert apart.mixing is not None and together.mixing is not None
    assert np.count_nonzero(apart.mixing[:6]) > 12 and np.count_nonzero(apart.mixing[6:]) == 6
    assert np.count_nonzero(together.mixing) == 12


def test_aiming_keeps_dependence_and_leaves_plain_monte_carlo_alone() -> None:
    mixing = np.eye(12)
    mixing[1, :2] = 0.6, 0.8
    design = Design(NAMES, 1, mixing=mixing)
    coordinates = _pilot(5)
    turned = aimed(design, coordinates, _product(np.tensordot(mixing, coordinates, 1))[None])
    assert turned.mixing is not None and np.allclose(turned.mixing @ turned.mixing.T, mixing @ mixing.T)
    plain = replace(design, method="mc")
    assert aimed(plain, coordinates, _product(coordinates)[None]) is plain


def test_aiming_survives_constants_infinities_and_too_small_a_pilot() -> None:
    pilot = _pilot(5)
    never = np.where(pilot[0] > 2, np.inf, pilot[0] + pilot[1])
    turned = aimed(Design(NAMES, 1), pilot, np.array([np.zeros(512), never]))
    assert turned.mixing is not None and np.isfinite(turned.mixing).all()
    small = aimed(Design(NAMES, 1), pilot[:, :16], _product(pilot[:, :16])[None])
    assert small.mixing is not None and np.count_nonzero(small.mixing) == 12
