"""Quantiles integrated along a direction of the scores: exact ones, dependence, and what must not change or break."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

import forecast
from forecast.dependence import factor
from forecast.quantile import quantiles, quantiles_of_each
from forecast.quantile.direction import Moved, Normals
from forecast.worlds import Design, scores
from tests.statistical import assert_share
from tests.studies import prior, write_study

PROBS = [0.05, 0.5, 0.95]
NAMES = ("a", "b", "c")
Z = scores(Design(NAMES, seed=3), 0, 1024)
LOADS = np.array([0.5, -1.0, 0.25])


def _normals(
    outputs: int, z: np.ndarray = Z, correlation: np.ndarray | None = None, moved: Sequence[Moved] = ()
) -> Normals:
    inputs = len(z)
    correlation = np.eye(inputs) if correlation is None else correlation
    return Normals(z, correlation, np.ones((outputs, inputs), dtype=bool), moved)


@pytest.mark.parametrize("correlation", [-1.0, -0.5, 0.7, 1.0])
def test_dependence_between_inputs_is_known(correlation: float) -> None:
    mixing = factor(NAMES, {("a", "b"): correlation}).factor
    z = scores(Design(NAMES, seed=3, mixing=mixing), 0, 1024)
    sd = np.sqrt(LOADS @ mixing @ mixing.T @ LOADS)
    found = quantiles(np.exp(np.tensordot(LOADS, z, 1)), PROBS, normals=_normals(1, z, mixing @ mixing.T))
    np.testing.assert_allclose(found.value, np.exp(sd * ndtri(PROBS)), rtol=1e-11)


def test_the_output_need_not_be_positive_nor_rise_with_its_inputs() -> None:
    sd = np.linalg.norm(LOADS)
    outputs: list[tuple[Moved, np.ndarray]] = [
        (lambda z: 3 - np.tensordot(LOADS, z, 1), 3 + sd * ndtri(PROBS)),
        (lambda z: -np.exp(np.tensordot(LOADS, z, 1)), -np.exp(sd * ndtri([0.95, 0.5, 0.05]))),
        (lambda z: np.tensordot(LOADS, z, 1) ** 3, (sd * ndtri(PROBS)) ** 3),
    ]
    for output, exact in outputs:
        found = quantiles(output(Z)[None], PROBS, normals=_normals(1, moved=[output]))
        np.testing.assert_allclose(found.value[:, 0], exact, atol=1e-6 * (exact[2] - exact[0]))
        # What 8,192 worlds do not show is left open, also where nothing is wrong.
        assert (found.mcse > 0).all() and (found.mcse < 4e-3 * (exact[2] - exact[0])).all()


def test_atoms_infinities_and_constants_are_left_alone() -> None:
    years = np.where(Z[0] > ndtri(0.9), np.inf, 2030 + Z[0])
    for draws in (years, np.floor(3 * Z[0]), np.full(Z[0].shape, 2.5), np.where(Z[0] > 0, 1.0, 0.0)):
        plain, found = quantiles(draws, PROBS), quantiles(draws, PROBS, normals=_normals(1))
        tied = ~np.isclose(plain.mcse, found.mcse)
        assert not tied[2] and (found.mcse <= plain.mcse).all()
    found = quantiles(years, PROBS, normals=_normals(1))
    assert found.value[2] == np.inf
    np.testing.assert_allclose(found.value[:2], 2030 + ndtri([0.05, 0.5]), atol=1e-9)


def test_what_an_output_does_not_follow_is_left_out_of_its_direction() -> None:
    draws = np.array([np.exp(Z[0]), np.exp(Z[1] + Z[2])])
    apart = Normals(Z, np.eye(3), np.array([[True, False, False], [False, True, True]]))
    found = quantiles(draws, PROBS, normals=apart)
    np.testing.assert_allclose(found.value.T, np.exp([ndtri(PROBS), np.sqrt(2) * ndtri(PROBS)]), rtol=1e-11)
    nothing = Normals(Z, np.eye(3), np.zeros((2, 3), dtype=bool))
    assert np.array_equal(quantiles(draws, PROBS, normals=nothing).value, quantiles(draws, PROBS).value)


def test_several_outputs_together_are_as_each_alone() -> None:
    draws = [np.exp(Z[0]), Z[1] / (3 + 0.1 * Z[2]), np.maximum(Z[0], Z[1])]
    together = list(quantiles_of_each(draws, PROBS, _normals(3)))
    for one, found in zip(draws, together, strict=True):
        alone = quantiles(one, PROBS, normals=_normals(1))
        np.testing.assert_allclose(found.value, alone.value, rtol=1e-12)


@pytest.mark.parametrize("draws", [512, 4096])
def test_long_and_short_chains_find_a_product_too(draws: int) -> None:
    z = scores(Design(NAMES, seed=3), 0, draws)
    found = quantiles(np.exp(np.tensordot(LOADS, z, 1)), [0.5], normals=_normals(1, z))
    assert abs(found.value[0] - 1) < 1e-11


def test_many_quantiles_at_once() -> None:
    probs = np.linspace(0.01, 0.99, 99)
    found = quantiles(np.exp(Z[0]), probs, normals=_normals(1))
    inner = (probs > 0.05) & (probs < 0.95)
    np.testing.assert_allclose(found.value[inner], np.exp(ndtri(probs[inner])), rtol=1e-11)


@pytest.mark.parametrize("rare", [3.0, 3.5, 4.0])
def test_what_hardly_any_world_shows_is_left_open(rare: float) -> None:
    """An output is one normal score, but in a world of 700 to 30,000, where it is out of reach."""
    prob = ndtr(-rare)
    exact = ndtri(np.array(PROBS) / (1 - prob))
    hits = np.zeros(3)
    for seed in range(100):
        z = scores(Design(("a", "b"), seed), 0, 1024)
        found = quantiles(np.where(z[1] > rare, 100.0, z[0]), PROBS, normals=_normals(1, z))
        hits += np.abs(found.value - exact) <= 4 * found.mcse
    assert (hits >= 90).all()  # without what is left open: 10 at the lowest


@pytest.mark.parametrize("steepness", [0.2, 5.0])
@pytest.mark.parametrize("place", [0.94, 0.95, 0.955])
def test_a_kink_beside_the_quantile_is_no_hindrance(steepness: float, place: float) -> None:
    kink, goal = ndtri(place), ndtri(0.95)

    def output(z: np.ndarray) -> np.ndarray:
        line = np.tensordot([0.6, 0.48, 0.64], z, 1)
        return np.where(line > kink, kink + steepness * (line - kink), line)

    exact = goal if goal < kink else kink + steepness * (goal - kink)
    hits, squares = 0, np.zeros(2)
    for seed in range(100):
        z = scores(Design(NAMES, seed), 0, 1024)
        draws = output(z)
        plain, found = quantiles(draws, [0.95]), quantiles(draws[None], [0.95], normals=_normals(1, z, moved=[output]))
        hits += abs(found.value[0, 0] - exact) <= 2 * found.mcse[0, 0]
        squares += [(plain.value[0] - exact) ** 2, (found.value[0, 0] - exact) ** 2]
    assert_share(hits, 100, 0.93, 1.0)
    assert 20 * squares[1] < squares[0]


def test_no_direction_and_a_wrong_one_make_nothing_wrong() -> None:
    """The identity holds for every score that worlds are moved to, so that where none is right nothing is gained."""
    grid, step = ndtri((np.arange(100_000) + 0.5) / 100_000), float(ndtr(-1.0))
    outputs: list[tuple[Moved, Callable[[float], float]]] = [
        # The phase has a standard deviation of 6.9: as good as uniform.
        (lambda z: np.sin(4 * z.sum(axis=0)), lambda x: 0.5 + float(np.arcsin(np.clip(x, -1, 1))) / np.pi),
        (lambda z: np.abs(z[0]) + 0.3 * z[1], lambda x: float(ndtr((x - np.abs(grid)) / 0.3).mean())),
        (lambda z: z[0] + 3.0 * (z[1] > 1.0), lambda x: float((1 - step) * ndtr(x) + step * ndtr(x - 3))),
    ]
    moved = [output for output, _ in outputs]
    exact = np.array([[brentq(lambda x, p=p, cdf=cdf: cdf(x) - p, -9, 9) for _, cdf in outputs] for p in PROBS])
    hits, above = np.zeros(exact.shape), np.zeros(exact.shape)
    for seed in range(200):
        z = scores(Design(NAMES, seed), 0, 512)
        draws = np.array([output(z) for output in moved])
        found = quantiles(draws, PROBS, normals=_normals(len(outputs), z, moved=moved))
        hits += np.abs(found.value - exact) <= 2 * found.mcse
        above += found.value > exact
    for hit, higher in zip(hits.ravel(), above.ravel(), strict=True):
        assert_share(int(hit), 200, 0.93, 1.0)
        assert_share(int(higher), 200, 0.4, 0.6)


def test_an_output_that_has_no_value_elsewhere_is_left_alone() -> None:
    draws = np.exp(Z[0]) + np.exp(0.5 * Z[1])
    plain = quantiles(draws[None], PROBS)
    for moved in (lambda z: None, lambda z: np.full(z.shape[1:], np.inf), lambda z: np.zeros(z.shape[1:])):
        found = quantiles(draws[None], PROBS, normals=_normals(1, moved=[moved]))
        assert np.array_equal(found.value, plain.value) and np.array_equal(found.mcse, plain.mcse)


def test_a_single_chain_and_few_draws_do_without() -> None:
    for z in (Z[:, :1], Z[:, :, :16], Z[:, :2, :64]):
        draws = np.exp(z[0])
        plain, found = quantiles(draws, PROBS), quantiles(draws, PROBS, normals=_normals(1, z))
        assert np.isfinite(found.value).all() and (found.mcse <= plain.mcse).all()


def test_a_study_of_products_is_exact(tmp_path) -> None:
    study = forecast.open_study(
        write_study(
            tmp_path,
            prior("hours", "1M to 50M") + prior("price", "1.4 to 4.1") + prior("share", "uniform(low=0.2, high=0.4)"),
            '''
            def cost(hours, price):
                """Cost []."""
                return hours * price


            def part(share):
                """Part []."""
                return 1 - share
            ''',
            'quantities = ["cost", "part"]',
        )
    )
    sd = np.hypot(np.log(50), np.log(4.1 / 1.4)) / (2 * ndtri(0.95))
    middle = np.sqrt(1e6 * 50e6 * 1.4 * 4.1)
    result = study.run(draws=8192)
    for prob in (0.9, 0.5):
        found, z = result.interval("cost", prob), ndtri(0.5 + prob / 2)
        exact = middle * np.exp([-z * sd, 0, z * sd])
        np.testing.assert_allclose([found.low, found.median, found.high], exact, rtol=1e-10)
        # 8,192 worlds cannot vouch for what happens in one of 20,000: a distance of half a world is left.
        assert 1e-4 * found.high < found.mcse_high < 2e-3 * found.high
    part = result.interval("part")
    np.testing.assert_allclose([part.low, part.median, part.high], [0.61, 0.7, 0.79], rtol=1e-5)
    assert study.run().draws == 1024  # nothing is left to be gained by more worlds
    plain = study.run(draws=8192, method="mc").interval("cost")
    assert plain.mcse_high > 1e-3 * plain.high  # plain Monte Carlo stays plain
    assert abs(ndtr((np.log(plain.high) - np.log(middle)) / sd) - 0.95) < 0.02


def test_evidence_on_an_input_leaves_the_others_to_be_integrated(tmp_path) -> None:
    seen = '[seen]\nquantity = "hours"\nvalue = "6M to 10M"\nsource = "made up"\ndate = 2025-01-01\n'
    study = forecast.open_study(
        write_study(
            tmp_path,
            prior("hours", "1M to 50M") + prior("price", "1.4 to 4.1") + prior("staff", "1M to 9M"),
            '''
            def cost(hours, price, staff):
                """Cost []."""
                return hours * price + staff
            ''',
            'quantities = ["cost"]',
            files={"priors/evidence/seen.toml": seen},
        )
    )
    better = 0
    for seed in range(8):
        result = study.run(draws=8192, seed=seed)
        plain, found = quantiles(result.values("cost"), PROBS), result.quantile("cost", PROBS)
        assert (np.abs(found.value - plain.value) <= 6 * np.hypot(found.mcse, plain.mcse)).all()
        better += int((found.mcse < 0.5 * plain.mcse).sum())
    assert better >= 12  # of 24: what evidence moved is drawn, as ever; what it left alone is integrated


def test_a_model_that_fails_elsewhere_is_drawn(tmp_path) -> None:
    study = forecast.open_study(
        write_study(
            tmp_path,
            prior("level", "normal(mean=0, sd=1)") + prior("noise", "normal(mean=0, sd=1)"),
            '''
            import numpy as np


            def depth(level, noise):
                """Depth [].

                Source: made up for a test.
                """
                return np.sqrt(level + noise + 8.0)
            ''',
            'quantities = ["depth"]',
        )
    )
    result = study.run(draws=8192, seed=1)  # worlds that are moved far down have no square root
    exact = np.sqrt(8 + np.sqrt(2) * ndtri(PROBS))
    found = result.quantile("depth", PROBS)
    assert (np.abs(found.value - exact) <= 5 * found.mcse).all()


def test_years_that_depend_on_each_other_cost_precision_and_nothing_else(tmp_path) -> None:
    """A world is moved at one year alone, where a record over the years cannot be evaluated."""
    study = forecast.open_study(
        write_study(
            tmp_path,
            prior("start", "1 to 9")
            + prior("swing", "uniform(low=0, high=4)", "1/year")
            + prior("base", "2 to 5")
            + prior("first", "2020", "year"),
            '''
            import numpy as np


            def cost(year, start, swing, base, first):
                """Cost []."""
                return base + start * (1 + np.sin(swing * (year - first)))


            def record(cost):
                """Highest cost so far []."""
                return np.maximum.accumulate(cost, axis=0)
            ''',
            'quantities = ["record@2026"]\nyears = [2020, 2022, 2024, 2026, 2028]',
        )
    )
    long = quantiles(study.run(draws=1 << 20, method="mc", seed=1).at("record", 2026.0), PROBS)
    hits = np.zeros(3)
    for seed in range(100):
        found = study.run(draws=8192, seed=seed).quantile("record@2026", PROBS)
        hits += np.abs(found.value - long.value) <= 2 * np.hypot(found.mcse, long.mcse)
    for hit in hits:
        assert_share(int(hit), 100, 0.93, 1.0)


def test_fewer_worlds_do_not_vouch_for_more(tmp_path) -> None:
    """A product, but in one world of 10,000 a disaster, which the worlds that are looked at need not show."""
    study = forecast.open_study(
        write_study(
            tmp_path,
            prior("need", "lognormal(median=1, sigma=1.12)")
            + prior("price", "lognormal(median=1, sigma=0.3)")
            + prior("hit", "bernoulli(p=0.0001)"),
            '''
            import numpy as np


            def spend(need, price, hit):
                """Spending []."""
                return np.where(hit > 0, 1000.0, need * price)
            ''',
            'quantities = ["spend"]',
        )
    )
    exact = np.exp(np.hypot(1.12, 0.3) * ndtri(0.95 / 0.9999))
    hits = 0
    for seed in range(40):
        found = study.run(draws=131_072, seed=seed).quantile("spend", 0.95)
        hits += int(abs(found.value[0] - exact) <= 2 * found.mcse[0])
    assert_share(hits, 40, 0.93, 1.0)


def test_chains_that_agree_by_chance_do_not_end_the_search() -> None:
    """The highest of three costs makes the upper end, and few worlds show it."""
    sigma, middle = np.log([9, 14, 15]) / (2 * ndtri(0.95)), np.log([3, np.sqrt(3.5), np.sqrt(60)])

    def total(z: np.ndarray) -> np.ndarray:
        return sum(np.exp(m + s * one) for m, s, one in zip(middle, sigma, z, strict=True))

    exact, hits = 37.38232, 0  # by Gauss and Legendre's quadrature over two of the three
    for seed in range(300):
        z = scores(Design(NAMES, seed), 0, 1024)
        found = quantiles(total(z)[None], [0.95], normals=_normals(1, z, moved=[total]))
        hits += abs(found.value[0, 0] - exact) <= 2 * found.mcse[0, 0]
    assert_share(hits, 300, 0.93, 1.0)


@pytest.mark.parametrize("noise", [0.02, 0.05])
def test_nothing_is_moved_into_a_gap_where_no_world_is(noise: float) -> None:
    def steps(z: np.ndarray) -> np.ndarray:
        return np.round(4 * (z[0] + z[1])) + noise * z[2]

    for seed in range(60):
        z = scores(Design(NAMES, seed), 0, 1024)
        draws = steps(z)[None]
        plain, found = quantiles(draws, PROBS), quantiles(draws, PROBS, normals=_normals(1, z, moved=[steps]))
        assert (np.abs(found.value - plain.value) <= 6 * np.hypot(plain.mcse, found.mcse)).all()
        below = (draws[0] <= found.value[:, :1, None]).mean(axis=(1, 2))
        assert (np.abs(below - PROBS) <= 0.01).all()


def test_worlds_are_moved_in_blocks(tmp_path) -> None:
    path = write_study(
        tmp_path,
        prior("a", "1 to 9") + prior("b", "0.5 to 7"),
        '''
        import numpy as np


        def total(a, b):
            """Total []."""
            if np.size(a) > 2_000:
                raise ValueError("too many worlds at a time")
            return a + b
        ''',
        'quantities = ["total"]',
    )
    study = forecast.open_study(path)
    low, high = (study.run(draws=8192, block=block, seed=1).quantile("total", PROBS) for block in (512, 1024))
    assert np.array_equal(low.value, high.value) and np.array_equal(low.mcse, high.mcse)
    plain = quantiles(study.run(draws=8192, block=512, seed=1).values("total"), PROBS)
    assert (low.mcse < 0.5 * plain.mcse).all()
