"""What a conclusion rests on: power-scaling of the priors and of each observation (by ArviZ).

Kallioinen, Paananen, Bürkner and Vehtari, "Detecting and diagnosing prior and likelihood sensitivity with
power-scaling" (2024). A prior raised to a power is one whose normal scores are a little wider or narrower about the
same median; an observation raised to a power counts a little more or less. The number is how far the posterior moves
(cumulative Jensen-Shannon distance by log2 of the power); from 0.05 on it is worth a word. An exact value or a sharp
bound stays what it is whatever the power, so of those the number says nothing, and the verdict says that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecast.columns import lined_up
from forecast.evidence.likelihood import log_likelihood
from forecast.evidence.observed import observed
from forecast.evidence.parts import parts_of
from forecast.fits import all_behind
from forecast.sampling import copula, request_of, uncertain_inputs
from forecast.trend.diagnostics import power_sensitivity
from forecast.worlds import scores

if TYPE_CHECKING:
    from forecast.result import Forecast

Array = np.ndarray
NOTABLE = 0.05
_DRAWS = 512  # of each chain


@dataclass(frozen=True)
class Sensitivity:
    """How far a quantity's posterior moves with its priors and with each observation.

    Parameters
    ----------
    name : str
    prior : float
        Of all priors that it follows from, together.
    evidence : float
        Of all observations together.
    each : dict of str to float
        Of each observation, by id.
    verdict : str
    """

    name: str
    prior: float
    evidence: float
    each: dict[str, float]
    verdict: str


def sensitivity(result: Forecast, names: Sequence[str] | None = None) -> tuple[Sensitivity, ...]:
    """Power-scaling sensitivity of reported quantities.

    Parameters
    ----------
    result : Forecast
        Of a study with evidence.
    names : sequence of str, optional
        ``name`` or ``name@year``; the run's requests where left out.
    """
    study, count = result.study, min(_DRAWS, result.draws)
    inputs = uncertain_inputs(study)
    order = [result.design.inputs.index(name) for name in inputs]
    z = scores(result.design, 0, count)[order]
    # Scores that depend on each other have independent coordinates behind them.
    coordinates = np.einsum("cn,nkd->ckd", np.linalg.pinv(copula(study, inputs)), z)
    logs: dict[str, Array] = {}
    of_part: dict[str, set[str]] = {}
    sharp: list[set[str]] = []  # inputs of what no power changes: exact values and bounds without an error
    for part in parts_of(study):
        seen = observed(study, part)
        own = np.array([z[inputs.index(name)].reshape(-1) for name in part.inputs])
        values = seen.values(own)
        for item in part.observations:
            if item.id in seen.each:
                logs[item.id] = log_likelihood(seen.each[item.id], values[item.target]).reshape(z.shape[1:])
                of_part[item.id] = set(part.inputs)
            if item.id not in seen.each or seen.each[item.id].sharp:
                sharp.append(set(part.inputs))
    mixing = copula(study, inputs)
    found = []
    for text in names if names is not None else _texts(result):
        request = request_of(text)
        own_names = all_behind(study, [request.name])
        used = (mixing[[name in own_names for name in inputs]] != 0).any(axis=0)
        draws = result.at(request.name, request.year)[:, :count]
        if not np.isfinite(draws).all():
            finite = draws[np.isfinite(draws)]
            if not finite.size:
                continue
            draws = np.clip(draws, finite.min() - 1, finite.max() + 1)
        if np.ptp(draws) == 0:
            found.append(Sensitivity(text, 0.0, 0.0, {}, "known exactly"))
            continue
        prior = power_sensitivity(draws, -0.5 * (coordinates[used] ** 2).sum(axis=0))
        each = {id: power_sensitivity(draws, log) for id, log in logs.items() if own_names & of_part[id]}
        together = power_sensitivity(draws, np.sum([logs[id] for id in each], axis=0)) if each else 0.0
        found.append(
            Sensitivity(text, prior, together, each, _verdict(prior, together, any(own_names & s for s in sharp)))
        )
    return tuple(found)


def _texts(result: Forecast) -> list[str]:
    return [str(r) for r in result.requests if r.year is not None or not result.has_years(r.name)]


def _verdict(prior: float, evidence: float, sharp: bool) -> str:
    if evidence < NOTABLE and sharp:
        return "rests on the priors, within what is sharply known"
    if evidence < NOTABLE:
        return "rests on the priors alone" if prior >= NOTABLE else "moved by neither"
    return "priors and evidence both matter" if prior >= NOTABLE else "carried by the evidence"


def table(found: Sequence[Sensitivity]) -> str:
    """The sensitivities as aligned text."""
    rows = [("Sensitivity (power-scaling)", "priors", "evidence", "")]
    rows += [(s.name, f"{s.prior:.2f}", f"{s.evidence:.2f}", s.verdict) for s in found]
    return "\n".join(lined_up(rows, left=(0, 3)))
