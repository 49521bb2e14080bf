"""Evidence to posterior worlds, by the lowest rung of one ladder that holds.

1. *Weights*: prior worlds weighted by the likelihood (`forecast.evidence.psis`), where k-hat is below 0.7 and at least
   400 worlds remain effective; then resampled, so that all worlds stay equally weighted and all else goes on as before.
2. *Sequential Monte Carlo* (`forecast.evidence.smc`) over the touched inputs.
3. *NUTS* (`forecast.evidence.nuts`) where gradients exist and inputs are many, or where asked for.

The posterior is always computed from the priors and all the evidence, never from an earlier posterior, and observations
are used in an order of their own: two updates equal one with both, whatever came first, to the last bit.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np

from forecast import __version__
from forecast.errors import ChainsError, GateError, UsageError
from forecast.evidence.checks import certain, checked, impossible, p_values
from forecast.evidence.likelihood import log_likelihood, violation
from forecast.evidence.observed import Observed, observed
from forecast.evidence.parts import Part, parts_of
from forecast.evidence.psis import Weights, resampled, smoothed
from forecast.evidence.record import FORMAT, Conditioned, Update, load, save
from forecast.evidence.smc import temper
from forecast.fits import Say
from forecast.study import Study
from forecast.worlds import Design, scores

Array = np.ndarray
RUNGS = ("auto", "weights", "smc", "nuts")
KHAT, EFFECTIVE = 0.7, 400.0  # where weights stand
TRIAL, POOL = 4_096, 32_768  # prior worlds of each chain: to choose the rung, and to resample from
KEPT = 8_192  # posterior worlds of each chain by weights
PARTICLES, CHAINS = 2_048, 8  # of each chain by sequential Monte Carlo, and as many as a design has
LONG = 16  # years of a running record from which there are fewer particles
RHAT = 1.05  # between the chains of sequential Monte Carlo
MANY = 40  # touched inputs from which gradients pay


def condition(study: Study, seed: int, rung: str = "auto", say: Say | None = None) -> Update:
    """The posterior of everything that a study's evidence touches.

    Parameters
    ----------
    study : Study
    seed : int
    rung : {"auto", "weights", "smc", "nuts"}
        Force one; ``auto`` takes the lowest that holds.
    say : callable, optional
        Told what happens and how far it is.

    Returns
    -------
    Update

    Raises
    ------
    StudyError
        Evidence that is impossible or contradicts itself.
    GateError
        The rung asked for, or none, is good enough.
    """
    if rung not in RUNGS:
        raise UsageError(f"unknown rung '{rung}'; use {', '.join(RUNGS)}")
    parts, found = [], {seen.id: math.nan for seen in study.evidence}
    independent = parts_of(study)
    for part in independent:
        key = _key(study, part, seed, rung)
        known = _RECENT.get(key) or load(study.path, key)
        if known is None:
            known = _condition(study, part, seed, rung, say)
            if known[0].rung in ("smc", "nuts"):
                save(study.path, key, *known)
        _RECENT[key] = known
        while len(_RECENT) > max(16, 2 * len(independent)):
            _RECENT.pop(next(iter(_RECENT)))
        parts.append(known[0])
        found |= known[1]
    return Update(tuple(parts), found)


_RECENT: dict[str, tuple[Conditioned, dict[str, float]]] = {}


def _condition(study: Study, part: Part, seed: int, rung: str, say: Say | None) -> tuple[Conditioned, dict[str, float]]:
    """The posterior of one part, and the p-values of its observations."""
    seen = observed(study, part, say)
    seed = _own_seed(part, seed)
    coordinates = part.spread.shape[1]
    ids = tuple(item.id for item in part.observations)
    design = Design(tuple(map(str, range(coordinates))), seed, "qmc")
    if not seen.terms or coordinates == 0:
        log, found = _likelihood(part, seen, np.zeros((coordinates, 1)))
        if not np.isfinite(log[0]):
            raise impossible(part, seen, found)
        told = p_values(study, part, seen, found)
        if not part.inputs:
            nothing = np.zeros((0, 1, 1))
            return Conditioned(
                (), ids, "none", nothing, math.nan, math.nan, 0, 1.0, float(log[0]), certain(found)
            ), told
        v = scores(design, 0, KEPT if coordinates else 1) if coordinates else np.zeros((0, design.chains, 1))
        for chain in range(design.chains):  # in no order that points of other inputs have too
            v[:, chain] = v[:, chain, np.random.default_rng([seed, chain, 4]).permutation(v.shape[2])]
        fixed = _shaped(part, v)
        why = "exact observations of priors are solved for"
        return Conditioned(
            part.inputs, ids, "exact", fixed, math.nan, math.nan, 0, float(v[0].size if coordinates else 1), 0.0, why
        ), told
    pool = scores(design, 0, TRIAL)
    log, found = _likelihood(part, seen, pool.reshape(coordinates, -1))
    told = p_values(study, part, seen, found)
    weights = smoothed(log)
    common: dict[str, Any] = {"khat": weights.khat, "effective": weights.effective, "worlds": log.size}
    if np.isfinite(log).all() and np.ptp(log) < 1e-9:
        same = {target: x for target, x in found.items() if np.ptp(x) == 0}
        why = certain(same) if same else "no possible world agrees with it better than another"
        return Conditioned(
            part.inputs,
            ids,
            "none",
            _shaped(part, pool),
            **common,
            left=float(log.size),
            log_evidence=float(log[0]),
            why=why,
        ), told
    stands = weights.khat < KHAT and weights.effective >= EFFECTIVE
    said = f"k-hat {weights.khat:.2f}, {weights.effective:,.0f} of {log.size:,} worlds effective"
    if rung == "weights" and not stands:
        raise GateError(f"weights do not serve for {', '.join(ids)} ({said}); leave the rung to 'auto'")
    if rung == "weights" or (rung == "auto" and stands):
        return checked(study, part, seen, _by_weights(part, seen, design, ids, common, said, seed), say), told
    why = f"asked for ({said})" if rung != "auto" else f"weights do not serve: {said}"
    if rung == "nuts" or (rung == "auto" and coordinates > MANY and not _no_gradient(study, part, seen)):
        return checked(study, part, seen, _by_nuts(study, part, seen, ids, common, why, seed, say), say), told
    try:
        return checked(study, part, seen, _by_smc(part, seen, ids, common, why, seed, say), say), told
    except ChainsError as error:
        if rung == "smc" or _no_gradient(study, part, seen):
            raise
        found_by_nuts = _by_nuts(study, part, seen, ids, common, f"{why}; {error}", seed, say)
        return checked(study, part, seen, found_by_nuts, say), told


def _by_weights(
    part: Part, seen: Observed, design: Design, ids: tuple[str, ...], common: dict[str, Any], said: str, seed: int
) -> Conditioned:
    pool = scores(design, 0, POOL)
    coordinates, chains, _ = pool.shape
    log, _ = _likelihood(part, seen, pool.reshape(coordinates, -1))
    weights: Weights = smoothed(log)
    by_chain = weights.weight.reshape(chains, POOL)
    v = np.empty((coordinates, chains, KEPT))
    for chain in range(chains):
        # Along the coordinate that matters most, neighbours stand in for each other and resampling adds least noise.
        order = np.argsort(pool[_leading(pool[:, chain], by_chain[chain]), chain], kind="stable")
        chosen = resampled(by_chain[chain][order], KEPT, np.random.default_rng([seed, chain, 1]))
        v[:, chain] = pool[:, chain, order[chosen]]
    top = float(log.max())
    evidence = top + math.log(float(np.exp(log - top).mean()))
    left = 1 / (1 / weights.effective + 1 / (chains * KEPT))
    return Conditioned(
        part.inputs, ids, "weights", _shaped(part, v), **common, left=left, log_evidence=evidence, why=said
    )


def _leading(v: Array, weight: Array) -> int:
    """The coordinate that the weights moved most."""
    mean = v @ weight
    spread = np.sqrt(np.maximum(((v - mean[:, None]) ** 2) @ weight, 1e-12))
    return int(np.argmax(0.5 * (mean**2 + spread**2 - 1) - np.log(spread)))


def _by_smc(
    part: Part, seen: Observed, ids: tuple[str, ...], common: dict[str, Any], why: str, seed: int, say: Say | None
) -> Conditioned:
    coordinates, chains = part.spread.shape[1], CHAINS

    def target(v: Array) -> tuple[Array, Array]:
        found = seen.values(part.scores(v))
        log, far = np.zeros(v.shape[1]), np.zeros(v.shape[1])
        for term in seen.terms:
            x = found[term.target]
            here = log_likelihood(term, x)
            off = violation(term, x, here)
            far += off
            log += np.where(off > 0, 0.0, here)
        return log, far

    rhat = math.inf
    # A running record over many years costs some hundred times what other curves do.
    fewer = 2 if seen.records and seen.longest >= LONG else 0
    for turn in range(2):
        count = PARTICLES << (2 * turn) >> fewer
        runs = []
        for chain in range(chains):
            if say:
                say("sequential Monte Carlo", (chain + 0.5) / chains)
            runs.append(temper(target, coordinates, count, np.random.default_rng([seed, chain, 2, turn])))
        v = np.stack([run.v for run in runs], axis=1)
        within, between = v.var(axis=2).mean(axis=1), v.mean(axis=2).var(axis=1, ddof=1)
        rhat = float(np.sqrt(1 + between / np.maximum(within, 1e-300)).max())
        if rhat < RHAT:
            break
    else:
        raise ChainsError(
            f"{', '.join(ids)}: the chains of sequential Monte Carlo disagree (R-hat {rhat:.2f}); "
            "see whether observations contradict each other"
        )
    # A coordinate's own between-chain variance, against that of as many independent draws; the mean over coordinates.
    waste = max(1.0, float(np.mean(count * between / np.maximum(within, 1e-300))))
    logs = np.array([run.log_evidence for run in runs])
    evidence = float(logs.max() + np.log(np.exp(logs - logs.max()).mean()))
    rng = np.random.default_rng([seed, 3])
    v = np.stack([v[:, chain, rng.permutation(count)] for chain in range(chains)], axis=1)
    details = {"rhat": rhat, "steps": max(run.steps for run in runs), "moves": max(run.moves for run in runs)}
    return Conditioned(
        part.inputs,
        ids,
        "smc",
        _shaped(part, v),
        **common,
        left=chains * count / waste,
        log_evidence=evidence,
        why=why,
        details=details,
    )


def _by_nuts(
    study: Study,
    part: Part,
    seen: Observed,
    ids: tuple[str, ...],
    common: dict[str, Any],
    why: str,
    seed: int,
    say: Say | None,
) -> Conditioned:
    from forecast.evidence.nuts import sample

    v, details = sample(study, part, seen, seed, say)
    return Conditioned(
        part.inputs,
        ids,
        "nuts",
        _shaped(part, v),
        **common,
        left=details["ess"],
        log_evidence=math.nan,
        why=why,
        details=details,
    )


def _no_gradient(study: Study, part: Part, seen: Observed) -> str:
    from forecast.evidence.symbolic import no_gradient

    return no_gradient(study, part, seen)


def _likelihood(part: Part, seen: Observed, v: Array) -> tuple[Array, dict[str, Array]]:
    """Log likelihood (world,) of coordinates (coordinate, world), and the observed quantities, in blocks."""
    size = max(512, 131_072 // max(8, seen.longest))
    logs: list[Array] = []
    values: dict[str, list[Array]] = {target: [] for target in seen.targets}
    for first in range(0, v.shape[1], size):
        found = seen.values(part.scores(v[:, first : first + size]))
        logs.append(
            sum(
                (log_likelihood(term, found[term.target]) for term in seen.terms),
                np.zeros(min(size, v.shape[1] - first)),
            )
        )
        for target in seen.targets:
            values[target].append(found[target])
    return np.concatenate(logs), {target: np.concatenate(parts) for target, parts in values.items()}


def _shaped(part: Part, v: Array) -> Array:
    flat = part.scores(v.reshape(v.shape[0], math.prod(v.shape[1:])))
    return flat.reshape(len(part.inputs), *v.shape[1:])


def _own_seed(part: Part, seed: int) -> int:
    """A seed for one part: from the same one, independent parts would get worlds that go together."""
    return int.from_bytes(hashlib.blake2b(repr((seed, part.inputs)).encode(), digest_size=4).digest(), "little")


def _key(study: Study, part: Part, seed: int, rung: str) -> str:
    texts = [
        __version__, FORMAT, study.base, sorted(study.replaced.items()),
        [(d.between, d.rank_correlation) for d in study.dependences],
        part.inputs, [item.key() for item in part.observations], sorted(study.fit_keys.items()), study.axis,
        [item.year for item in study.evidence], seed, rung, TRIAL, POOL, KEPT, PARTICLES,
    ]  # fmt: skip
    return hashlib.blake2b(repr(texts).encode(), digest_size=16).hexdigest()
