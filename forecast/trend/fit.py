"""Dated series to joint posterior draws of a trend: two routes, one posterior, one record."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from forecast.distribution import parse
from forecast.errors import GateError
from forecast.trend.bridge import log_evidence
from forecast.trend.exact import fit_exact
from forecast.trend.gate import Gate, gate_of, worst_of
from forecast.trend.likelihood import Values
from forecast.trend.posterior import make_posterior
from forecast.trend.progress import Progress
from forecast.trend.pymc import sample, values_of_chains
from forecast.trend.record import Fit
from forecast.trend.series import Array, Series
from forecast.trend.spec import TrendSpec, check, choose_route, settled

# Before a fit is refused it is drawn longer and in smaller steps: (factor, target acceptance). The extra draws are
# thinned away.
_ATTEMPTS = ((1, 0.9), (4, 0.95), (4, 0.99), (16, 0.995))


def fit(
    name: str,
    data: Series,
    spec: TrendSpec,
    seed: int,
    accept: bool = False,
    progress: Progress | None = None,
    cache: Path | None = None,
    place: str = "",
) -> Fit:
    """Fit a trend to a series.

    Parameters
    ----------
    name : str
        Name of the trend.
    data : Series
    spec : TrendSpec
    seed : int
        The same seed, series and spec give the same draws.
    accept : bool
        Keep a fit that has not converged; the record says so.
    progress : callable, optional
        Called with what happens and how far it is (0 to 1); PyMC only.
    cache : Path, optional
        Where compiled code persists; PyMC only.
    place : str, optional
        Where the trend is declared, for the errors.

    Returns
    -------
    Fit

    Raises
    ------
    StudyError
        When the declaration cannot be fitted to the series.
    GateError
        When chains have R-hat above 1.01, fewer than 400 effective draws or divergences, even when drawn longer.

    Examples
    --------
    >>> from forecast.distribution import parse
    >>> from forecast.trend.series import series
    >>> rng = np.random.default_rng(1)
    >>> t = np.linspace(2012, 2023, 60)
    >>> data = series("runs", t, 6 + 0.5 * (t - 2018) + 0.4 * rng.standard_normal(60))
    >>> prior = {key: parse(text, key) for key, text in
    ...          {"level": "normal 3 to 9", "growth": "normal -1 to 1", "scatter": "0.1 to 2"}.items()}
    >>> trend = fit("runs", data, TrendSpec("straight", 2018.0, **prior), seed=1)
    >>> bool(abs(trend.posterior.draws["growth_after"].mean() - 0.5) < 0.1)
    True
    """
    check(spec, data, place or name)
    spec = settled(spec, data)
    route = choose_route(spec, data)
    # One stream for each use, so that no change in one moves another.
    fits, choice, extra = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3))
    shapes = ("straight", "kinked") if spec.shape == "average" else (spec.shape,)
    parts: dict[str, _Part] = {}
    for shape in shapes:
        own = replace(spec, shape=shape)
        if route == "exact":
            parts[shape] = _exact_part(data, own, fits)
        else:
            parts[shape] = _pymc_part(name, data, own, int(fits.integers(2**31)), accept, progress, cache, spec.shape)
    evidences = {shape: part.log_evidence for shape, part in parts.items() if part.log_evidence is not None}
    errors = {shape: parts[shape].evidence_mcse for shape in evidences}
    kinked_prob = None
    values = parts[shapes[-1]].values
    if spec.shape == "average":
        if len(evidences) < 2:
            raise GateError(
                f"trend {name}: the evidence of a shape cannot be computed from its chains (bridge sampling does not "
                "settle); raise draws, choose one shape, or use normal scatter, which has an exact evidence"
            )
        kinked_prob = kink_probability(evidences, spec.kink_prob)
        values = _mix(parts["straight"].values, values, kinked_prob, spec, choice)
    return Fit(
        posterior=make_posterior(name, data, spec, values, extra),
        data=data,
        spec=spec,
        route="exact" if route == "exact" else parts[shapes[-1]].sampler,
        log_evidence=evidences,
        log_evidence_mcse=errors,
        kinked_prob=kinked_prob,
        gate=worst_of(part.gate for part in parts.values()),
        accepted=any(part.gate.failures() for part in parts.values()),
        notes=_notes(data, spec),
        stats=parts[shapes[-1]].stats,
        seed=seed,
    )


def kink_probability(log_evidence: dict[str, float], prior: float) -> float:
    """Posterior probability that there is a kink, from both evidences and its prior probability."""
    odds = log_evidence["kinked"] - log_evidence["straight"] + np.log(prior / (1 - prior))
    return float(1 / (1 + np.exp(-np.clip(odds, -700, 700))))


def kink_probability_mcse(prob: float, log_evidence_mcse: dict[str, float]) -> float:
    """Monte Carlo standard error of `kink_probability`: a probability changes by p (1 - p) with its log odds."""
    return float(prob * (1 - prob) * np.hypot(log_evidence_mcse["straight"], log_evidence_mcse["kinked"]))


@dataclass(frozen=True, eq=False)
class _Part:
    """One shape, fitted by one route."""

    values: Values
    log_evidence: float | None
    gate: Gate
    sampler: str
    stats: dict[str, Array]
    evidence_mcse: float = 0.0


def _exact_part(data: Series, spec: TrendSpec, rng: np.random.Generator) -> _Part:
    result = fit_exact(data, spec, spec.kinked, rng, spec.draws)
    values = dict(result.draws)
    if not spec.kinked:
        del values["kink"]
    n = float(spec.draws)
    return _Part(values, result.log_evidence, Gate(1.0, n, n, 0), "exact", {})


def _pymc_part(
    name: str,
    data: Series,
    spec: TrendSpec,
    seed: int,
    accept: bool,
    progress: Progress | None,
    cache: Path | None,
    asked: str,
) -> _Part:
    own = spec
    if spec.shape == "straight" and spec.change is not None and spec.kink is not None:
        # The compiled kinked model with a change of 0 is the straight one: one compilation serves both.
        own = replace(spec, shape="kinked", change=parse(0, "change"))
    each = spec.draws // spec.chains
    for longer, target_accept in _ATTEMPTS:
        chains = sample(data, own, seed, each * longer, target_accept, progress, cache, asked)
        gate = gate_of(chains, own)
        failures = gate.failures()
        if not failures:
            break
    if failures and not accept:
        advice = 'check the rows and priors (a kink nobody can see? use trend = "average" with normal scatter)'
        raise GateError(
            f"trend {name} ({spec.shape}) has not converged: {'; '.join(failures)}; {advice}, raise draws and tune, "
            "or accept it with --accept, which is recorded"
        )
    if longer > 1:  # of the draws that are kept, none counts for more than itself
        gate = replace(gate, ess_bulk=min(gate.ess_bulk, spec.draws), ess_tail=min(gate.ess_tail, spec.draws))
    values = values_of_chains(chains, own, longer)
    if spec.shape == "straight":
        values.pop("kink", None)
    stats = {key: value[:, ::longer] for key, value in chains.stats.items()}
    evidence, error = None, 0.0
    with suppress(GateError):  # the draws stand without it; only an average cannot do without
        evidence, error = log_evidence(chains, data, own, seed)
    return _Part(values, evidence, gate, chains.sampler, stats, error)


def _mix(straight: Values, kinked: Values, prob: float, spec: TrendSpec, rng: np.random.Generator) -> Values:
    """Draws of the average: each comes from the kinked posterior with the model's probability."""
    assert spec.kink is not None
    bent = rng.random(spec.draws) < prob
    prior_kink = np.asarray(spec.kink.quantile(rng.random(spec.draws)), dtype=float)
    blank = straight | {"kink": prior_kink}
    mixed = {
        key: np.where(bent if value.ndim == 1 else bent[:, None], value, blank[key]) for key, value in kinked.items()
    }
    return mixed | {"kinked": bent.astype(float)}


def _notes(data: Series, spec: TrendSpec) -> tuple[str, ...]:
    if not spec.kinked or spec.kink is None:
        return ()
    inside = spec.kink.cdf(data.t[-1]) - spec.kink.cdf(data.t[0])
    outside = 1 - float(inside)
    if outside < 0.05:
        return ()
    return (f"{outside:.0%} of the kink's prior lies outside the rows ({data.t[0]:.1f} to {data.t[-1]:.1f})",)
