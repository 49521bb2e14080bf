"""Aiming the best coordinates at what decides the outputs: where it gains, where it must not lose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecast.quantile import quantiles
from forecast.worlds import Design, scores
from forecast.worlds.rotation import aimed

NAMES = tuple(f"x{i}" for i in range(12))

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


def test_rounding_does_not_choose_the_rotation() -> None:
    # Products leave nothing to explain beyond their directions: which axes complete the basis must not be left to chance.
    pilot = _pilot(5)
    loads = np.array([LOADS, np.eye(12)[3], LOADS + np.eye(12)[1], np.eye(12)[2] + np.eye(12)[3]])
    noise = np.random.default_rng(1).standard_normal(pilot.shape)
    one, other = (aimed(Design(NAMES, 1), z, np.exp(loads @ z)).mixing for z in (pilot, pilot * (1 + 1e-15 * noise)))
    assert one is not None and other is not None
    np.testing.assert_allclose(one, other, atol=1e-11)
    np.testing.assert_allclose(one @ one.T, np.eye(12), atol=1e-10)


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
