"""Dated series to joint posterior draws of a trend: two routes, one posterior, one record."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from forecast.diagnostics import Convergence, convergence, make_tree
from forecast.distribution import parse
from forecast.errors import GateError
from forecast.trend_bridge import log_evidence
from forecast.trend_exact import fit_exact
from forecast.trend_likelihood import Values, log_likelihood, replicate
from forecast.trend_posterior import Posterior, make_posterior
from forecast.trend_pymc import Chains, Progress, sample, values_of_chains
from forecast.trend_series import Array, Series
from forecast.trend_spec import TrendSpec, check, choose_route

MOST_RHAT = 1.01
LEAST_ESS = 400
# Before a fit is refused it is drawn longer and in smaller steps: (factor, target acceptance). The extra draws are
# thinned away.
_ATTEMPTS = ((1, 0.9), (4, 0.98), (16, 0.98))


@dataclass(frozen=True)
class Gate:
    """How well the chains of a fit converged.

    Parameters
    ----------
    rhat, ess_bulk, ess_tail : float
        The worst of all parameters (of both shapes, for an average).
    divergences : int
    worst : str
        The parameter with the fewest effective draws.
    """

    rhat: float
    ess_bulk: float
    ess_tail: float
    divergences: int
    worst: str = ""

    def failures(self) -> list[str]:
        """What keeps the fit from being believed, in words; empty for a good one."""
        found = []
        if not self.rhat <= MOST_RHAT:
            found.append(f"R-hat is {self.rhat:.3f} (at most {MOST_RHAT})")
        for kind, ess in (("bulk", self.ess_bulk), ("tail", self.ess_tail)):
            if not ess >= LEAST_ESS:
                found.append(f"{ess:.0f} effective draws of {self.worst} ({kind}; at least {LEAST_ESS})")
        if self.divergences:
            found.append(f"{self.divergences} divergences (none)")
        return found


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted trend.

    Parameters
    ----------
    posterior : Posterior
        What a forecast needs; numpy arrays only.
    data : Series
    spec : TrendSpec
    route : str
        ``exact``, ``nutpie`` or ``pymc``.
    log_evidence : dict of float
        Log marginal likelihood of ``straight``, ``kinked`` or both, as far as they were fitted and computed.
    kinked_prob : float, optional
        Posterior probability that there is a kink, for an average.
    gate : Gate
    accepted : bool
        Whether a gate that failed was overridden.
    notes : tuple of str
        What a reader should know: a kink's prior outside the rows, and the like.
    stats : dict of (chain, draw) array
        The sampler's own; empty on the exact route.
    seed : int
    """

    posterior: Posterior
    data: Series
    spec: TrendSpec
    route: str
    log_evidence: dict[str, float]
    kinked_prob: float | None
    gate: Gate
    accepted: bool
    notes: tuple[str, ...]
    stats: dict[str, Array]
    seed: int

    @property
    def values(self) -> Values:
        """Parameters under the names of the likelihood."""
        draws = self.posterior.draws
        values = {
            key: value for key, value in draws.items() if key not in ("rate", "kinked", "growth_before", "growth_after")
        }
        return values | {"growth": draws["growth_before"]} | self.posterior.group_draws

    def log_likelihood(self) -> Array:
        """Log density of each row, (chain, draw, row)."""
        return log_likelihood(self.values, self.data, self.spec).reshape(self.spec.chains, -1, len(self.data))

    def provenance(self) -> dict[str, Any]:
        """Where the fit comes from, as plain JSON values."""
        gate = {"rhat": self.gate.rhat, "ess_bulk": self.gate.ess_bulk, "ess_tail": self.gate.ess_tail}
        return {
            "trend": self.posterior.name,
            "spec": self.spec.describe(),
            "series": {
                "name": self.data.name,
                "rows": len(self.data),
                "source": self.data.source,
                "hash": series_hash(self.data),
            },
            "route": self.route,
            "seed": self.seed,
            "log_evidence": self.log_evidence,
            "kinked_prob": self.kinked_prob,
            "gate": gate | {"divergences": self.gate.divergences, "failures": self.gate.failures()},
            "accepted": self.accepted,
            "notes": list(self.notes),
            "versions": versions(self.route),
        }


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
    >>> from forecast.trend_series import series
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
            parts[shape] = _pymc_part(name, data, own, int(fits.integers(2**31)), accept, progress, cache)
    evidences = {shape: part.log_evidence for shape, part in parts.items() if part.log_evidence is not None}
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
        kinked_prob=kinked_prob,
        gate=_worst([part.gate for part in parts.values()]),
        accepted=any(part.gate.failures() for part in parts.values()),
        notes=_notes(data, spec),
        stats=parts[shapes[-1]].stats,
        seed=seed,
    )


def kink_probability(log_evidence: dict[str, float], prior: float) -> float:
    """Posterior probability that there is a kink, from both evidences and its prior probability."""
    odds = log_evidence["kinked"] - log_evidence["straight"] + np.log(prior / (1 - prior))
    return float(1 / (1 + np.exp(-np.clip(odds, -700, 700))))


@dataclass(frozen=True, eq=False)
class _Part:
    """One shape, fitted by one route."""

    values: Values
    log_evidence: float | None
    gate: Gate
    sampler: str
    stats: dict[str, Array]


def _exact_part(data: Series, spec: TrendSpec, rng: np.random.Generator) -> _Part:
    result = fit_exact(data, spec, spec.kinked, rng, spec.draws)
    values = dict(result.draws)
    if not spec.kinked:
        del values["kink"]
    n = float(spec.draws)
    return _Part(values, result.log_evidence, Gate(1.0, n, n, 0), "exact", {})


def _pymc_part(
    name: str, data: Series, spec: TrendSpec, seed: int, accept: bool, progress: Progress | None, cache: Path | None
) -> _Part:
    own = spec
    if spec.shape == "straight" and spec.change is not None and spec.kink is not None:
        # The compiled kinked model with a change of 0 is the straight one: one compilation serves both.
        own = replace(spec, shape="kinked", change=parse(0, "change"))
    each = spec.draws // spec.chains
    for longer, target_accept in _ATTEMPTS:
        chains = sample(data, own, seed, each * longer, target_accept, progress, cache)
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
    values = values_of_chains(chains, own, longer)
    if spec.shape == "straight":
        values.pop("kink", None)
    stats = {key: value[:, ::longer] for key, value in chains.stats.items()}
    try:
        evidence = log_evidence(chains, data, own, seed)
    except GateError:
        evidence = None  # the draws stand without it; only an average cannot do without
    return _Part(values, evidence, gate, chains.sampler, stats)


def gate_of(chains: Chains, spec: TrendSpec) -> Gate:
    """Convergence of sampled chains, over the scores of all parameters and the groups' lines."""
    names = list(spec.priors())
    draws = {name: chains.scores[..., i] for i, name in enumerate(names)} | chains.group_lines
    found = convergence(draws)
    return gate_from(found, int(chains.stats["diverging"].sum()) if "diverging" in chains.stats else 0)


def gate_from(found: dict[str, Convergence], divergences: int) -> Gate:
    """The worst figures of all parameters; NaN (a chain that never moved) counts as failed."""
    worst = min(found, key=lambda name: min(np.nan_to_num(found[name].ess_bulk), np.nan_to_num(found[name].ess_tail)))
    rhat = max(np.nan_to_num(item.rhat, nan=np.inf) for item in found.values())
    bulk, tail = (
        min(np.nan_to_num(getattr(item, kind)) for item in found.values()) for kind in ("ess_bulk", "ess_tail")
    )
    return Gate(float(rhat), float(bulk), float(tail), divergences, worst)


def _worst(gates: list[Gate]) -> Gate:
    weakest = min(gates, key=lambda gate: min(gate.ess_bulk, gate.ess_tail))
    return Gate(
        max(gate.rhat for gate in gates),
        min(gate.ess_bulk for gate in gates),
        min(gate.ess_tail for gate in gates),
        sum(gate.divergences for gate in gates),
        weakest.worst,
    )


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


def tree_of(fit: Fit) -> Any:
    """The record of a fit as an ArviZ DataTree, the same groups for both routes.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    xarray.DataTree
        ``posterior``, ``posterior_predictive`` (the series drawn again at its dates), ``log_likelihood``,
        ``observed_data``, ``constant_data``, ``sample_stats`` (PyMC), provenance as JSON on the root.
    """
    chains, rows = fit.spec.chains, len(fit.data)
    posterior = fit.posterior
    rng = np.random.default_rng(np.random.SeedSequence(fit.seed).spawn(4)[3])
    again = replicate(fit.values, fit.data, fit.spec, rng).reshape(chains, -1, rows)
    split = {
        key: value.reshape(chains, -1, *value.shape[1:])
        for key, value in (posterior.draws | posterior.group_draws).items()
    }
    dims = {"y": ["row"], "t": ["row"], "se": ["row"], "se_t": ["row"]}
    dims |= {key: ["group"] for key in posterior.group_draws}
    coords = {"group": list(fit.data.groups)} if posterior.group_draws else {}
    constant: dict[str, Any] = {"t": fit.data.t, "se": fit.data.se, "se_t": fit.data.se_t}
    return make_tree(
        {
            "posterior": split,
            "posterior_predictive": {"y": again},
            "log_likelihood": {"y": fit.log_likelihood()},
            "sample_stats": fit.stats,
            "observed_data": {"y": fit.data.y},
            "constant_data": constant,
        },
        dims,
        coords,
        fit.provenance(),
    )


def series_hash(data: Series) -> str:
    """SHA-256 of everything in a series that a fit sees."""
    digest = hashlib.sha256()
    for column in (data.t, data.y, data.se, data.se_t):
        digest.update(np.ascontiguousarray(column).tobytes())
    digest.update("\0".join(data.group).encode())
    return digest.hexdigest()


def versions(route: str) -> dict[str, str]:
    """Versions of the packages that a route's numbers depend on."""
    from importlib.metadata import version

    return {name: version(name) for name in (("numpy",) if route == "exact" else ("numpy", "pymc", "pytensor", route))}


def fit_key(data: Series, spec: TrendSpec, seed: int) -> str:
    """The hash under which a fit is kept: equal if and only if series, declaration and seed are.

    Versions of code are not part of it; whoever keeps fits adds the engine's own.
    """
    text = json.dumps([series_hash(data), spec.describe(), seed], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
