"""Shares of the variance of an event: closed forms, coverage of the errors, what a surrogate cannot see."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

import forecast
from forecast.sensitivity.chaos import Inputs
from forecast.sensitivity.events import best_foretold, event_indices
from forecast.sensitivity.shapley import Indices
from forecast.worlds import Design, scores
from tests.statistical import assert_share
from tests.studies import prior, write_study
from tests.test_sensitivity import SE, explained_by, shapley_of

LOADS = np.array([1.0, 0.7, 0.3])
FREE = np.eye(3)
TIED = np.array([[1.0, 0.6, 0.0], [0.6, 1.0, -0.3], [0.0, -0.3, 1.0]])


def exceeded(loads: np.ndarray, correlation: np.ndarray, prob: float) -> Callable[[tuple[int, ...]], float]:
    """Var E[event | z_S] over the variance of the event that loads · z exceeds its quantile of 1 - prob.

    Given z_S the sum is normal, with a share r of its variance in the mean: E[E[event | z_S]²] is the bivariate normal
    probability, of correlation r, that two such sums exceed the threshold.
    """
    share = explained_by(loads, correlation)
    whole, threshold = float(loads @ correlation @ loads), float(stats.norm.isf(prob))

    def worth(known: tuple[int, ...]) -> float:
        r = share(known) / whole
        if r < 1e-12 or r > 1 - 1e-12:
            return float(r > 0.5)

        def both(u: float) -> float:
            return float(stats.norm.pdf(u) * stats.norm.sf((threshold - math.sqrt(r) * u) / math.sqrt(1 - r)) ** 2)

        return (quad(both, -10, 10, limit=300, epsabs=1e-13)[0] - prob**2) / (prob * (1 - prob))

    return worth


def exact_indices(loads: np.ndarray, correlation: np.ndarray, prob: float) -> np.ndarray:
    """First-order, total and Shapley indices (kind, input)."""
    worth, count = exceeded(loads, correlation, prob), len(loads)
    first = [worth((i,)) for i in range(count)]
    total = [1 - worth(tuple(j for j in range(count) if j != i)) for i in range(count)]
    return np.array([first, total, shapley_of(count, worth)])


def found_of(
    function: Callable[[np.ndarray], np.ndarray], threshold: float, correlation: np.ndarray, seed: int, draws: int
) -> Indices:
    names = tuple(f"x{i}" for i in range(len(correlation)))
    z = scores(Design(names, seed, "qmc", mixing=np.linalg.cholesky(correlation)), 0, draws)
    y = function(z)
    inputs = Inputs.plain(names, correlation)
    return event_indices(best_foretold(y, (y > threshold).astype(float), z, inputs), z)


def in_errors(found: Indices, exact: np.ndarray) -> np.ndarray:
    values = np.array([found.first, found.total, found.shapley])
    return (values - exact) / np.array([found.first_se, found.total_se, found.shapley_se])


@pytest.mark.parametrize("prob", [0.5, 0.01, 0.98])
@pytest.mark.parametrize("correlation", [FREE, TIED], ids=["independent", "correlated"])
def test_a_threshold_of_a_normal_sum(correlation, prob):
    threshold = math.sqrt(LOADS @ correlation @ LOADS) * float(stats.norm.isf(prob))
    found = found_of(lambda z: np.tensordot(LOADS, z, 1), threshold, correlation, 3, 8192)
    assert (np.abs(in_errors(found, exact_indices(LOADS, correlation, prob))) < SE).all()
    assert max(found.first_se.max(), found.total_se.max(), found.shapley_se.max()) < 0.02
    assert found.unexplained < 1e-3
    assert abs(found.shapley.sum() - 1) < 0.02


@pytest.mark.parametrize(("correlation", "prob"), [(FREE, 0.5), (FREE, 0.01), (TIED, 0.5), (TIED, 0.01)], ids=str)
def test_errors_of_an_event_cover_at_their_rate(correlation, prob):
    """Of 50 seeds, 95% within 1.96 standard errors for each index, give or take what 8 chains know of their spread."""
    threshold = math.sqrt(LOADS @ correlation @ LOADS) * float(stats.norm.isf(prob))
    exact = exact_indices(LOADS, correlation, prob)
    errors = np.array(
        [
            in_errors(found_of(lambda z: np.tensordot(LOADS, z, 1), threshold, correlation, seed, 2048), exact)
            for seed in range(50)
        ]
    )
    for row in np.abs(errors).reshape(50, -1).T:  # within a seed they go together
        assert_share(int((row < 1.96).sum()), 50, 0.92, 0.98, false_alarm=1e-4)
    assert (np.sqrt((errors**2).mean(axis=0)) > 0.3).all(), "the errors are vacuous"


def test_a_quantity_with_a_kink_leaves_something_that_is_in_the_errors():
    """Max of two inputs with a third: no smooth function; integrated on a grid."""
    u = stats.norm.ppf((np.arange(200) + 0.5) / 200)

    def answer(z: np.ndarray) -> np.ndarray:
        return np.maximum(z[0], z[1]) + 0.5 * np.abs(z[2])

    grid = answer(np.array(np.meshgrid(u, u, u, indexing="ij"))) > 1.2

    def worth(known: tuple[int, ...]) -> float:
        rest = tuple(i for i in range(3) if i not in known)
        return float(grid.mean(axis=rest).var() / grid.var()) if known else 0.0

    first = [worth((i,)) for i in range(3)]
    total = [1 - worth(tuple(j for j in range(3) if j != i)) for i in range(3)]
    exact = np.array([first, total, shapley_of(3, worth)])
    for seed in range(5):
        found = found_of(answer, 1.2, FREE, seed, 4096)
        assert 0 < found.unexplained < 0.15
        assert (np.abs(in_errors(found, exact)) < 4).all()
        assert max(found.total_se.max(), found.shapley_se.max()) < 0.15
        assert (found.shapley > 1.96 * found.shapley_se).all()


def test_the_event_of_a_study(tmp_path):
    """First-order shares are what knowing an input takes off the Brier score; none that matters is noise."""
    model = 'def ratio(a, b, c):\n    """Ratio []."""\n    return a * b / c\n'
    names = {"a": 1.0, "b": 0.7, "c": 0.3}
    priors = "".join(prior(name, f"lognormal(median=1, sigma={sd})") for name, sd in names.items())
    folder = write_study(tmp_path / "rare", priors, model)
    result = forecast.open_study(folder).run(["ratio"], draws=32_768, seed=5)
    threshold = math.exp(math.sqrt(LOADS @ LOADS) * float(stats.norm.isf(0.01)))
    answer = result.sensitivity("ratio", above=threshold)
    exact = exact_indices(np.array([1.0, 0.7, -0.3]), FREE, 0.01)
    for i, name in enumerate(names):
        effect = answer[name]
        for kind, figure in enumerate((effect.first, effect.total, effect.shapley)):
            assert abs(figure.value - exact[kind, i]) < SE * figure.se
            assert kind == 0 or not figure.in_noise
        assert abs(effect.first.value - effect.learning.score_percent.value / 100) < SE * math.hypot(
            effect.first.se, effect.learning.score_percent.se / 100
        )
