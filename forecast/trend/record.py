"""The record of a fit: draws, evidence, convergence, provenance, and all of it as a DataTree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forecast.trend.diagnostics import make_tree
from forecast.trend.gate import Gate
from forecast.trend.likelihood import Values, log_likelihood, replicate
from forecast.trend.posterior import Posterior
from forecast.trend.series import Array, Series
from forecast.trend.spec import TrendSpec, fit_key, series_hash

__all__ = ["Fit", "fit_key", "series_hash", "tree_of", "versions"]


DRAWS_OF_ROWS = 1000  # of each chain, of what a record keeps for each row


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
    log_evidence_mcse : dict of float
        Monte Carlo standard errors of these; 0 on the exact route.
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
    log_evidence_mcse: dict[str, float]
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
            "log_evidence_mcse": self.log_evidence_mcse,
            "kinked_prob": self.kinked_prob,
            "gate": gate | {"divergences": self.gate.divergences, "failures": self.gate.failures()},
            "accepted": self.accepted,
            "notes": list(self.notes),
            "versions": versions(self.route),
        }


def tree_of(fit: Fit) -> Any:
    """The record of a fit as an ArviZ DataTree, the same groups for both routes.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    xarray.DataTree
        ``posterior``, ``posterior_predictive`` (the series drawn again at its dates), ``log_likelihood``,
        ``observed_data``, ``constant_data``, ``sample_stats`` (PyMC), provenance as JSON on the root. What has a value
        for each row is kept for some thousand draws of each chain, evenly spread and labelled by their ``draw``.
    """
    chains, rows = fit.spec.chains, len(fit.data)
    posterior = fit.posterior
    rng = np.random.default_rng(np.random.SeedSequence(fit.seed).spawn(4)[3])
    again = replicate(fit.values, fit.data, fit.spec, rng).reshape(chains, -1, rows)
    every = max(1, again.shape[1] // DRAWS_OF_ROWS)
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
            # Single precision: seven digits of draws, in half the file.
            "posterior_predictive": {"y": again[:, ::every].astype(np.float32)},
            "log_likelihood": {"y": fit.log_likelihood()[:, ::every].astype(np.float32)},
            "sample_stats": fit.stats,
            "observed_data": {"y": fit.data.y},
            "constant_data": constant,
        },
        dims,
        coords,
        fit.provenance(),
        every,
    )


def versions(route: str) -> dict[str, str]:
    """Versions of the packages that a route's numbers depend on."""
    from importlib.metadata import version

    return {name: version(name) for name in (("numpy",) if route == "exact" else ("numpy", "pymc", "pytensor", route))}
