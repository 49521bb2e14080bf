"""Marginal likelihood from posterior draws by bridge sampling."""

from __future__ import annotations

import numpy as np

from forecast.errors import GateError
from forecast.quantile import mcse_of
from forecast.trend.likelihood import log_likelihood, values_of_scores
from forecast.trend.pymc import Chains
from forecast.trend.series import Array, Series
from forecast.trend.spec import TrendSpec

_RUNS = 8  # stretches of the chains, whose spread is the error of what is averaged over them


def log_evidence(chains: Chains, data: Series, spec: TrendSpec, seed: int, most: int = 8000) -> tuple[float, float]:
    """Log marginal likelihood of the rows under a sampled trend.

    Meng and Wong, "Simulating ratios of normalizing constants via a simple identity" (1996): a normal is fitted to
    the first half of every chain and the bridge iterated between it and the second half, on the scale of the scores.

    Parameters
    ----------
    chains : Chains
    data : Series
    spec : TrendSpec
        The one the chains were sampled with.
    seed : int
        Of the draws from the normal.
    most : int
        Draws used at most (thinned evenly).

    Returns
    -------
    value, mcse : float
        And its Monte Carlo standard error: the relative error of a bridge (Frühwirth-Schnatter, "Estimating marginal
        likelihoods for mixture and Markov switching models using bridge sampling techniques", 2004), with batch means
        for the part of the chains.

    Raises
    ------
    GateError
        When the iteration does not settle.
    """
    theta = np.concatenate([chains.scores, *chains.group_lines.values()], axis=-1)
    # A parameter with a point prior has a score of which the rows say nothing; it integrates to 1.
    half = theta.shape[1] // 2
    fit, rest = (part.reshape(-1, theta.shape[-1]) for part in (theta[:, :half], theta[:, half:]))
    rest = rest[:: max(1, -(-len(rest) // most))]
    center, factor = fit.mean(0), np.linalg.cholesky(np.atleast_2d(np.cov(fit.T)))
    rng = np.random.default_rng(seed)
    proposed = center + rng.standard_normal(rest.shape) @ factor.T
    ratio = [
        log_posterior(points, data, spec, tuple(chains.group_lines)) - _log_normal(points, center, factor)
        for points in (rest, proposed)
    ]
    shift = float(np.median(ratio[0]))
    l1, l2 = (np.exp(np.clip(part - shift, -700, 700)) for part in ratio)
    r = 1.0
    for _ in range(1000):
        before = r
        r = float(np.mean(l2 / (0.5 * l2 + 0.5 * r)) / np.mean(1 / (0.5 * l1 + 0.5 * r)))
        if abs(np.log(r / before)) < 1e-10:
            over = l2 / (0.5 * l2 + 0.5 * r)  # independent draws
            under = 1 / (0.5 * l1 + 0.5 * r)  # chain after chain
            runs = np.array([run.mean() for run in np.array_split(under, _RUNS)])
            error = np.hypot(over.std() / np.sqrt(len(over)) / over.mean(), mcse_of(runs) / under.mean())
            return float(np.log(r) + shift), float(error)
    raise GateError("bridge sampling does not settle; draw more, or compare the shapes on the exact route")


def log_posterior(theta: Array, data: Series, spec: TrendSpec, grouped: tuple[str, ...]) -> Array:
    """Log of prior times likelihood at scores and group lines, shape (draw,).

    Parameters
    ----------
    theta : (draw, coordinate) array
        Scores of ``spec.priors()``, then the lines of each group in `grouped`.
    data : Series
    spec : TrendSpec
    grouped : tuple of str
        ``group_level`` and ``group_growth`` as far as they are there.
    """
    count = len(spec.priors())
    scores = theta[:, :count]
    values = values_of_scores(spec, scores)
    total = -0.5 * (scores**2).sum(1) - count / 2 * np.log(2 * np.pi)
    for i, name in enumerate(grouped):
        size = len(data.groups)
        lines = theta[:, count + i * size : count + (i + 1) * size]
        off = lines - values[name.removeprefix("group_")][:, None]
        sd = values[f"{name}_sd"][:, None]
        total = total + (-0.5 * (off / sd) ** 2 - np.log(sd) - 0.5 * np.log(2 * np.pi)).sum(1)
        values[name] = off
    return np.asarray(total + log_likelihood(values, data, spec).sum(1))


def _log_normal(points: Array, center: Array, factor: Array) -> Array:
    white = np.linalg.solve(factor, (points - center).T)
    constant = np.log(np.diag(factor)).sum() + len(center) / 2 * np.log(2 * np.pi)
    return np.asarray(-0.5 * (white**2).sum(0) - constant)
