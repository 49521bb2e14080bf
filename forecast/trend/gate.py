"""Whether the chains of a fit may be believed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from forecast.trend.diagnostics import Convergence, convergence
from forecast.trend.pymc import Chains
from forecast.trend.spec import TrendSpec

MOST_RHAT = 1.01
LEAST_ESS = 400


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


def worst_of(gates: Iterable[Gate]) -> Gate:
    """One gate for several fits: the worst figure of each kind."""
    gates = list(gates)
    weakest = min(gates, key=lambda gate: min(gate.ess_bulk, gate.ess_tail))
    return Gate(
        max(gate.rhat for gate in gates),
        min(gate.ess_bulk for gate in gates),
        min(gate.ess_tail for gate in gates),
        sum(gate.divergences for gate in gates),
        weakest.worst,
    )
