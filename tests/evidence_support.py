"""Small studies with evidence whose posterior is known, or that are hard in one way each, for the tests of updating."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from forecast.fits import Record, record_of
from forecast.result import Forecast
from forecast.study import Study, open_study
from forecast.trend.posterior import along_first_component
from tests.studies import prior, write_study

SOURCE = {"source": "made up for a test", "date": "2024-03-01"}


def study_of(folder: Path, priors: str, models: str = "", extra: str = "") -> Study:
    """Open a small study; `extra` is TOML for the priors file."""
    first = priors.split("]")[0].strip("[")
    report = f'title = "test"\nquantities = ["{first}"]\nyears = [2025, 2030]\nseed = 7\n'
    return open_study(write_study(folder, priors + extra, models, report))


def posterior(study: Study, rung: str = "auto", names: tuple[str, ...] = (), draws: int = 65_536) -> Forecast:
    """Run a study with evidence by a rung; the names are its priors where left out."""
    return study.run(names or list(study.priors), rung=rung, draws=draws)


def moments(result: Forecast, name: str, year: float | None = None, log: bool = False) -> tuple[float, float, float]:
    """Mean and standard deviation of a quantity over chains, and the standard error of the mean from their spread."""
    draws = result.at(name, year)
    draws = np.log(draws) if log else draws
    by_chain = draws.mean(axis=1)
    return float(draws.mean()), float(draws.std()), float(by_chain.std(ddof=1) / np.sqrt(len(by_chain)))


# name: (priors, models, observations), each observation (quantity, fields)
GRAPHS: dict[str, tuple[str, str, list[tuple[str, dict[str, object]]]]] = {
    "sum": (
        prior("a", "normal(mean=0, sd=1)") + prior("b", "normal(mean=1, sd=2)"),
        'def c(a, b):\n    """Sum []."""\n    return a + b\n',
        [("c", {"value": "normal(mean=3, sd=0.5)"})],
    ),
    "product": (
        prior("a", "1 to 10") + prior("b", "0.5 to 2"),
        'def c(a, b):\n    """Product []."""\n    return a * b\n',
        [("c", {"value": "2 to 4"})],
    ),
    "path": (
        prior("start", "10 to 100") + prior("growth", "normal 0.1 to 0.3", "OOM/year") + prior("base", "2025", "year"),
        'def path(year, start, growth, base):\n    """Path []."""\n    return start * 10 ** (growth * (year - base))\n',
        [("path@2030", {"value": "100 to 300"}), ("path@2027", {"at_most": 120, "error": "20%"})],
    ),
    "gamma and beta": (
        prior("a", "gamma(shape=3, scale=2)") + prior("b", "beta(a=2, b=3)"),
        'def c(a, b):\n    """Share of a []."""\n    return a * b\n',
        [("c", {"value": "1 to 2"}), ("b", {"value": "beta(a=4, b=3)"})],
    ),
    "truncated": (
        prior("a", "normal(mean=0, sd=2) within 0.5 and 3") + prior("b", "student_t(df=4, loc=0, scale=1)"),
        'def c(a, b):\n    """Sum []."""\n    return a + b\n',
        [("c", {"value": "normal(mean=2, sd=0.4)"})],
    ),
    "mixture": (
        prior("a", "mixture(normal(mean=-2, sd=0.5), normal(mean=2, sd=0.8), weights=[0.4, 0.6])") + prior("b", "uniform(low=0, high=2)"),
        'def c(a, b):\n    """Sum []."""\n    return a + b\n',
        [("c", {"value": "normal(mean=1, sd=1)"})],
    ),
    "correlated": (
        prior("a", "1 to 10") + prior("b", "normal(mean=0, sd=1)")
        + '\n[[dependence]]\nbetween = ["a", "b"]\nrank_correlation = 0.6\n',
        'def c(a, b):\n    """Difference []."""\n    return np.log(a) - b\n',
        [("a", {"value": "5 to 9"})],
    ),
    "kinked": (
        prior("a", "normal(mean=0, sd=1)") + prior("b", "exponential(mean=2)"),
        'def c(a, b):\n    """Larger one []."""\n    return np.maximum(a, 0) + np.sqrt(b)\n',
        [("c", {"value": "normal(mean=2.5, sd=0.3)"})],
    ),
    "elicited": (
        prior("a", "quantiles(5%=1, 50%=3, 95%=20)") + prior("b", "triangular(low=0, mode=1, high=3)"),
        'def c(a, b):\n    """Sum []."""\n    return a + b\n',
        [("c", {"value": "6 to 10"})],
    ),
    "pert and pareto": (
        prior("a", "pert(low=0, mode=2, high=5)") + prior("b", "pareto(low=1, alpha=3)"),
        'def c(a, b):\n    """Product []."""\n    return a * b\n',
        [("c", {"at_least": 4, "error": 0.5})],
    ),
    "discrete": (
        prior("flag", "bernoulli(p=30%)") + prior("a", "normal(mean=0, sd=1)") + prior("b", "normal(mean=3, sd=1)"),
        'def c(flag, a, b):\n    """Either []."""\n    return np.where(flag > 0, a, b)\n',
        [("c", {"value": "normal(mean=1.2, sd=0.7)"})],
    ),
}  # fmt: skip
SMOOTH = [name for name in GRAPHS if name != "discrete"]


LINE = (5.0, 0.1, 0.4, 0.05)  # mean and sd of level in 2018 and of growth, which are independent


def gaussian_trend(folder: Path) -> Study:
    """A study with a straight trend, whose posterior `with_draws` replaces by draws of a known one."""
    from tests.test_study_trends import MODEL, TREND, UNITS, costs

    priors = TREND + prior("goal", "1e9", "USD_2023") + prior("one_year", "1", "year")
    header = 'quantities = ["cost_trend_growth"]\nyears = "2015 to 2060"'
    return open_study(write_study(folder, priors, MODEL, header, UNITS | {"priors/evidence/costs.csv": costs()}))


def with_draws(study: Study, count: int, rng: np.random.Generator) -> Study:
    """The study as if its trend had been fitted to these posterior draws of level and growth."""
    known = record_of(study, "cost_trend")
    level, growth = (m + s * rng.standard_normal(count) for m, s in (LINE[:2], LINE[2:]))
    draws = {name: np.resize(values, count) for name, values in known.posterior.draws.items()}
    draws |= {"level": level, "growth_before": growth, "growth_after": growth, "change": np.zeros(count)}
    made = replace(known.posterior, draws=draws, order=along_first_component(draws))
    return replace(study, posteriors={"cost_trend": Record(made, known.provenance)})


def line_seen(study: Study, far: float, error: float) -> tuple[Study, np.ndarray, np.ndarray]:
    """The trend's line seen in 2030, `far` and with an `error` in its prior sd; exact posterior mean and covariance."""
    h, mean, cov = np.array([1.0, 12.0]), np.array(LINE[::2]), np.diag(np.square(LINE[1::2]))
    sd = math.sqrt(h @ cov @ h)
    y, e = float(h @ mean + far * sd), float(error * sd)
    gain = cov @ h / (h @ cov @ h + e * e)
    text = f"lognormal(median={10**y!r}, sigma={e * math.log(10)!r})"
    seen = study.observe("cost_trend@2030", text, **SOURCE)
    return seen, mean + gain * (y - h @ mean), cov - np.outer(gain, h @ cov)


def graph(folder: Path, name: str) -> Study:
    """One of `GRAPHS`, with its evidence."""
    priors, models, seen = GRAPHS[name]
    study = study_of(folder, priors, "import numpy as np\n\n\n" + models)
    for quantity, fields in seen:
        study = study.observe(quantity, **fields, **SOURCE)  # type: ignore[arg-type]
    return study
