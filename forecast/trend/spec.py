"""What is believed of a trend before its series is seen: shape, kind of scatter, priors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np

from forecast.distribution import Distribution
from forecast.errors import Problem, StudyError, nearest
from forecast.trend.series import Array, Series

# Of the code that fits: to be raised whenever the same declaration gives other draws, or a record that one kept before
# cannot stand for.
REVISION = 2
SHAPES = ("straight", "kinked", "average")
NOISES = ("normal", "student_t")
ROUTES = ("auto", "exact", "pymc")
# Posterior draws of a fit that does not say how many. The standard error of the 5% quantile of a normal posterior is
# 0.64 / sqrt(draws) of its 90% interval's width: 32,000 independent draws keep it below the 0.5% that worlds are drawn
# to, and cost a twentieth of a second. Chains pay for each draw.
EXACT_DRAWS, CHAIN_DRAWS = 32_000, 4_000
# Scores beyond this many standard deviations of a prior are cut: a posterior there contradicts its prior.
SCORE_LIMIT = 8.0
# Student-t noise (`forecast.trend.noise`) is accurate from here on, and the mean excess needs more than 1.
LEAST_DOF = 2.0


@dataclass(frozen=True)
class TrendSpec:
    """The declaration of a log-linear trend.

    ``y = level + growth * (t - level_year) + change * bend(t) + scatter * noise`` in log10 units, with
    ``bend(t) = max(t - kink, 0) - max(level_year - kink, 0)``, so that `level` is the mean line's height in
    `level_year` and `growth` its slope before the kink, whichever shape is fitted.

    Parameters
    ----------
    shape : str
        ``straight``, ``kinked``, or ``average``: both, weighted by their posterior model probabilities.
    level_year : float
        Year to which the prior of `level` refers; within 50 years of the series.
    level, growth, scatter : Distribution
        Priors: log10 value, OOM/year, OOM (scatter positive).
    change, kink : Distribution, optional
        Priors of the change of growth (OOM/year) and of its year; for ``kinked`` and ``average``.
    noise : str
        ``normal`` or ``student_t``.
    dof : Distribution, optional
        Prior of the degrees of freedom, at least 2; for ``student_t``. A point fixes it.
    group_level, group_growth : Distribution, optional
        Prior of the standard deviation between groups of level (OOM) and growth (OOM/year); a hierarchy over the
        series' groups where given.
    kink_prob : float
        Prior probability that there is a kink, for ``average``.
    route : str
        ``exact``, ``pymc``, or ``auto``: exact wherever it can be.
    rate_years : float
        Systems arrive in future as they did in the last so many years of the series (for the running record).
    draws : int
        Posterior draws kept in all; 0 leaves their number to the route (`settled`).
    chains, tune : int
        In how many chains, and tuning steps of each chain (PyMC).
    """

    shape: str
    level_year: float
    level: Distribution
    growth: Distribution
    scatter: Distribution
    change: Distribution | None = None
    kink: Distribution | None = None
    noise: str = "normal"
    dof: Distribution | None = None
    group_level: Distribution | None = None
    group_growth: Distribution | None = None
    kink_prob: float = 0.5
    route: str = "auto"
    rate_years: float = 3.0
    draws: int = 0
    chains: int = 4
    tune: int = 1000

    @property
    def kinked(self) -> bool:
        """Whether a kink is part of the shape."""
        return self.shape != "straight"

    def priors(self) -> dict[str, Distribution]:
        """The priors in use by parameter name, in the order in which every route keeps them."""
        names = ["level", "growth", *(["change", "kink"] if self.kinked else []), "scatter"]
        names += ["dof"] if self.noise == "student_t" else []
        names += [name for name in ("group_level", "group_growth") if getattr(self, name) is not None]
        return {name: getattr(self, name) for name in names}

    def describe(self) -> dict[str, object]:
        """Every field as plain JSON values, priors as their canonical text; equal for equal specs."""
        return {
            item.name: value.canonical() if isinstance(value, Distribution) else value
            for item in fields(self)
            if (value := getattr(self, item.name)) is not None
        }


def is_normal(prior: Distribution) -> bool:
    """Whether a prior is an untruncated normal or a point, which the exact route can integrate."""
    return prior.family in ("normal", "point") and tuple(prior.bounds) == (-np.inf, np.inf)


def scores_to_values(prior: Distribution, score: Array) -> Array:
    """Values of a prior at normal scores, any shape; scores are cut at ±8."""
    return np.asarray(prior.from_normal(np.clip(score, -SCORE_LIMIT, SCORE_LIMIT)), dtype=float)


def choose_route(spec: TrendSpec, data: Series) -> str:
    """The route that fits this series: ``exact`` wherever the integral is closed, else ``pymc``."""
    if spec.route != "auto":
        return spec.route
    return "pymc" if any(_only_pymc(spec, data)) else "exact"


def settled(spec: TrendSpec, data: Series) -> TrendSpec:
    """The declaration with its number of draws: where it is left open, it depends on the route that fits the series."""
    if spec.draws:
        return spec
    return replace(spec, draws=EXACT_DRAWS if choose_route(spec, data) == "exact" else CHAIN_DRAWS)


def series_hash(data: Series) -> str:
    """SHA-256 of everything in a series that a fit sees."""
    digest = hashlib.sha256()
    for column in (data.t, data.y, data.se, data.se_t):
        digest.update(np.ascontiguousarray(column).tobytes())
    digest.update("\0".join(data.group).encode())
    return digest.hexdigest()


def fit_key(data: Series, spec: TrendSpec, seed: int) -> str:
    """The hash under which a fit is kept: equal if and only if series, declaration, seed and `REVISION` are."""
    text = json.dumps([REVISION, series_hash(data), settled(spec, data).describe(), seed], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def check(spec: TrendSpec, data: Series, place: str) -> None:
    """Refuse a declaration that cannot be fitted to this series.

    Parameters
    ----------
    spec : TrendSpec
    data : Series
    place : str
        Where the trend is declared, for the errors: ``priors/cost.toml [spending]``.

    Raises
    ------
    StudyError
        With every problem found: of the words, of the priors, of the series.
    """
    problems = [*_wrong_words(spec, place)]
    if not problems:
        found = settled(spec, data)
        problems = [*_wrong_draws(found, place), *_wrong_priors(spec, place), *_wrong_rows(spec, data, place)]
    if not problems and spec.route == "exact":
        problems = list(_only_pymc(spec, data, place))
    if problems:
        raise StudyError(problems)


def _wrong_words(spec: TrendSpec, place: str) -> Iterator[Problem]:
    for key, word, known in (
        ("trend", spec.shape, SHAPES), ("noise", spec.noise, NOISES), ("route", spec.route, ROUTES)
    ):  # fmt: skip
        if word not in known:
            hint = nearest(word, known)
            yield Problem(
                place, f"{key} is {word!r}", f"write one of {', '.join(known)}" + (f" ({hint})" if hint else "")
            )
    needed = ["change", "kink"] if spec.kinked else []
    needed += ["dof"] if spec.noise == "student_t" else []
    for name in needed:
        if getattr(spec, name) is None:
            yield Problem(
                place, f"no prior of {name!r}", f'write {name} = "…", a {spec.shape} {spec.noise} trend has one'
            )
    if not 0 < spec.kink_prob < 1:
        yield Problem(
            place, f"kink_prob is not between 0 and 1 ({spec.kink_prob})", "write the prior probability of a kink"
        )
    if not spec.rate_years > 0:
        yield Problem(place, f"rate_years is not above 0 ({spec.rate_years})", "write a number of years")


def _wrong_draws(spec: TrendSpec, place: str) -> Iterator[Problem]:
    if spec.draws < 400 or spec.chains < 1 or spec.draws % spec.chains:
        yield Problem(
            place, f"{spec.draws} draws in {spec.chains} chains", "ask for at least 400, a multiple of the chains"
        )


def _wrong_priors(spec: TrendSpec, place: str) -> Iterator[Problem]:
    least = {"scatter": 0.0, "group_level": 0.0, "group_growth": 0.0, "dof": LEAST_DOF}
    for name, prior in spec.priors().items():
        if prior.is_discrete and prior.family != "point":
            yield Problem(place, f"the prior of {name} is discrete ({prior.text})", "use a continuous one, or a number")
        elif name in least and not _stays_above(prior, least[name]):
            low = f"{least[name]:g}"
            yield Problem(
                place,
                f"the prior of {name} reaches below {low} ({prior.text})",
                f"add 'within {low} and inf', or write a positive interval",
            )


def _stays_above(prior: Distribution, least: float) -> bool:
    low = float(scores_to_values(prior, np.array(-SCORE_LIMIT)))
    return low >= least if least else low > 0


def _wrong_rows(spec: TrendSpec, data: Series, place: str) -> Iterator[Problem]:
    where = f"{place}, series {data.name}"
    need = 5 if spec.kinked else 3
    if len(data) < need:
        yield Problem(where, f"{len(data)} rows are left for a {spec.shape} trend", f"select at least {need}")
        return
    if np.ptp(data.t) == 0:
        yield Problem(
            where, f"all {len(data)} rows have the same date ({data.t[0]:.2f})", "a trend needs several dates"
        )
        return
    if not abs(spec.level_year - data.t.mean()) <= 50:
        yield Problem(
            where,
            f"level_year is {spec.level_year:g}, the rows are of {data.t[0]:.0f} to {data.t[-1]:.0f}",
            "refer the level to a year near the rows",
        )
    design = np.stack([np.ones(len(data)), data.t - data.t.mean()], axis=1)
    fitted = design @ np.linalg.lstsq(design, data.y, rcond=None)[0]
    exact = np.abs(data.y - fitted).max() <= 1e-9 * max(1.0, np.abs(data.y).max())
    if exact and not data.se.any() and spec.scatter.family != "point":
        what = "have the same value" if np.ptp(data.y) == 0 else "lie exactly on a line"
        yield Problem(
            where,
            f"all rows {what}, so the scatter cannot be learnt",
            "check the values, or state their errors (se)",
        )
    if (spec.group_level is not None or spec.group_growth is not None) and len(data.groups) < 2:
        yield Problem(
            where,
            f"a hierarchy over {len(data.groups)} {'group' if len(data.groups) == 1 else 'groups'}",
            "name a column with at least two groups",
        )


def _only_pymc(spec: TrendSpec, data: Series, place: str = "") -> Iterator[Problem]:
    """What keeps a fit off the exact route."""
    remedy = 'write route = "pymc"'
    if spec.noise != "normal":
        yield Problem(place, "the exact route has normal scatter only", f'{remedy}, or noise = "normal"')
    if data.se_t.any():
        yield Problem(place, "the exact route takes dates as known (the series has errors in t)", remedy)
    if spec.group_level is not None or spec.group_growth is not None:
        yield Problem(place, "the exact route has no groups", remedy)
    for name in ("level", "growth", *(["change"] if spec.kinked else [])):
        prior = getattr(spec, name)
        if not is_normal(prior):
            yield Problem(
                place,
                f"the exact route needs a normal prior of {name} ({prior.text})",
                f"write it as 'normal LOW to HIGH', or {remedy}",
            )
