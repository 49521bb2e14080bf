"""Conditioning by NUTS: PyMC on the normal scores behind the observed quantities, through the second reading."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecast.errors import GateError, StudyError
from forecast.evidence.observed import Observed
from forecast.evidence.parts import Part
from forecast.evidence.symbolic import Symbol, no_gradient, values
from forecast.evidence.symbolic_twins import log_likelihood
from forecast.fits import Say
from forecast.study import Study
from forecast.trend.diagnostics import convergence
from forecast.trend.pymc import configure

Array = np.ndarray
CHAINS, TUNE, DRAWS = 8, 500, 1000
RHAT, ESS, TARGET = 1.01, 400.0, 0.9


def model_of(study: Study, part: Part, seen: Observed) -> Any:
    """The PyMC model of one part: coordinates ``v``, standard normal, and a potential for each term of the likelihood.

    Returns
    -------
    pymc.Model

    Raises
    ------
    StudyError
        The likelihood has no gradient; the reason is named.
    """
    _refuse_without_gradient(study, part, seen)
    configure(study.path / "build" / "compiled")
    import pymc as pm
    import pytensor.tensor as pt

    coordinates = part.spread.shape[1]
    with pm.Model() as model:
        v = pm.Normal("v", 0, 1, shape=coordinates)
        # Sums written out: PyTensor takes minutes to compile a matrix product.
        rows = []
        for i in range(len(part.inputs)):
            used = np.flatnonzero(part.spread[i])
            rows.append(float(part.centre[i]) + sum((float(part.spread[i, j]) * v[int(j)] for j in used), 0.0 * v[0]))
        z = pt.stack(rows)[:, None]
        found = {}
        for years, targets in seen.axes.items():
            quantities = values(study, part.inputs, z, [target.partition("@")[0] for target in targets], years)
            for target in targets:
                name, _, year = target.partition("@")
                value = quantities[name]
                x = value.variable if isinstance(value, Symbol) else pt.as_tensor_variable(value)
                found[target] = x[years.index(float(year)) if x.type.shape[0] != 1 else 0] if year else x
        for i, term in enumerate(seen.terms):
            pm.Potential(f"seen_{i}", log_likelihood(term, found[term.target]).sum())
    return model


def _refuse_without_gradient(study: Study, part: Part, seen: Observed) -> None:
    if reason := no_gradient(study, part, seen):
        raise StudyError.at(
            ", ".join(item.id for item in part.observations),
            f"cannot be conditioned on by NUTS: {reason}",
            "use the rung 'smc', or leave it to 'auto'",
        )


def sample(study: Study, part: Part, seen: Observed, seed: int, say: Say | None = None) -> tuple[Array, dict[str, Any]]:
    """Posterior draws of a part's coordinates.

    Parameters
    ----------
    study : Study
    part : Part
    seen : Observed
    seed : int
    say : callable, optional

    Returns
    -------
    v : ndarray (coordinate, chain, draw)
    details : dict
        ``rhat``, ``ess``, ``divergences``, ``sampler``.

    Raises
    ------
    GateError
        The chains have not converged.
    """
    _refuse_without_gradient(study, part, seen)
    if say:
        say("compiling the model for NUTS (some 15 s)", 0.0)
    model = model_of(study, part, seen)
    draws, divergences, sampler = _sample(model, seed)
    found = convergence({"v": np.moveaxis(draws, 0, -1)})
    rhat = max((c.rhat for c in found.values()), default=1.0)
    ess = min((min(c.ess_bulk, c.ess_tail) for c in found.values()), default=float(draws[0].size))
    if rhat > RHAT or ess < ESS or divergences:
        raise GateError(
            f"NUTS has not converged on {', '.join(item.id for item in part.observations)} (R-hat {rhat:.3f}, "
            f"ESS {ess:.0f}, {divergences} divergences); use the rung 'smc'"
        )
    return draws, {"rhat": rhat, "ess": ess, "divergences": divergences, "sampler": sampler}


def _sample(model: Any, seed: int) -> tuple[Array, int, str]:
    try:
        import nutpie
    except ImportError:
        import pymc as pm

        with model:
            tree = pm.sample(
                DRAWS,
                tune=TUNE,
                chains=CHAINS,
                cores=1,
                random_seed=seed,
                progressbar=False,
                target_accept=TARGET,
                compute_convergence_checks=False,
            )
        sampler = "pymc"
    else:
        compiled = nutpie.compile_pymc_model(model)
        tree = nutpie.sample(
            compiled,
            draws=DRAWS,
            tune=TUNE,
            chains=CHAINS,
            cores=2,
            seed=seed,
            target_accept=TARGET,
            save_warmup=False,
            progress_bar=False,
        )
        sampler = "nutpie"
    v = np.asarray(tree["posterior"]["v"].values, dtype=float)
    diverging = tree["sample_stats"]["diverging"].values
    return np.ascontiguousarray(np.moveaxis(v, -1, 0)), int(np.sum(diverging)), sampler
