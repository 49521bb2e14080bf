"""Means and probabilities of draws, each with its Monte Carlo standard error, and where a mean deserves no trust."""

from __future__ import annotations

import numpy as np

from forecast.quantile.mcse import Z_95, Estimate, mcse_of


def means(draws: np.ndarray, weights: np.ndarray | None = None) -> Estimate:
    """Means with their Monte Carlo standard errors; `heavy_tailed` says where these deserve no trust.

    Parameters
    ----------
    draws : ndarray (..., chain, draw)
        Values without NaN. The mean of draws of which some are infinite is infinite (NaN if of both signs), and
        its error 0 or unknown (``inf``).
    weights : ndarray (chain, draw), optional
        As in `quantiles`.

    Returns
    -------
    Estimate (...)
        Means in the unit of the draws.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        if weights is None:
            by_chain = draws.mean(axis=-1)
            value = by_chain.mean(axis=-1)
            mcse = mcse_of(by_chain)
        else:
            share = weights / weights.sum()
            # A draw of weight zero is no draw: 0 * inf must not become NaN.
            terms = np.multiply(draws, share, out=np.zeros(draws.shape), where=share > 0)
            value = terms.sum(axis=(-2, -1))
            # Linearised ratio: each chain's share of the error of sum(w x) / sum(w).
            mcse = mcse_of(draws.shape[-2] * (terms.sum(axis=-1) - value[..., None] * share.sum(axis=-1)))
    return Estimate(value, np.where(np.isfinite(value), mcse, np.inf))


def prob_of(event: np.ndarray, weights: np.ndarray | None = None, *, bound: bool = True) -> Estimate:
    """Probability of an event with its Monte Carlo standard error.

    Parameters
    ----------
    event : ndarray (..., chain, draw) of bool
        Whether it happens in each world.
    weights : ndarray (chain, draw), optional
        As in `quantiles`.
    bound : bool
        Never claim less than the rule of three: after N draws without (or with nothing but) the event, 1.96 MCSE is
        3 / N, the 95% limit of its probability (N is the effective number of weighted draws).

    Returns
    -------
    Estimate (...)
        Probabilities in [0, 1].

    Examples
    --------
    >>> never = prob_of(np.zeros((8, 1000), dtype=bool))
    >>> float(never.value), round(float(Z_95 * never.mcse), 6)
    (0.0, 0.000375)
    """
    found = means(event, weights)
    size = event.shape[-2] * event.shape[-1] if weights is None else weights.sum() ** 2 / (weights**2).sum()
    return Estimate(np.clip(found.value, 0, 1), np.maximum(found.mcse, 3 / size / Z_95) if bound else found.mcse)


def prob_above(draws: np.ndarray, threshold: float | np.ndarray, weights: np.ndarray | None = None) -> Estimate:
    """P(draws > threshold); the threshold may be uncertain itself, an array that broadcasts with the draws."""
    return prob_of(draws > threshold, weights)


def prob_finite(draws: np.ndarray, weights: np.ndarray | None = None) -> Estimate:
    """P(draws are finite): that a year comes at all."""
    return prob_of(np.isfinite(draws), weights)


def heavy_tailed(draws: np.ndarray) -> np.ndarray:
    """Where a tail is so heavy that the mean converges slowly and its error bar cannot be trusted.

    Hill's estimate of the tail index ("A simple general approach to inference about the tail of a distribution",
    1975) from the top and bottom 1% of distances to the median: heavy where it is below 2, as in a distribution
    without variance. A lognormal looks so from a sigma of about 1.2 on.

    Parameters
    ----------
    draws : ndarray (..., chain, draw)
        Values without NaN; infinite draws make a tail heavy.

    Returns
    -------
    ndarray (...) of bool
        Whether the mean deserves a warning.
    """
    ordered = np.sort(draws.reshape(*draws.shape[:-2], -1), axis=-1)
    count = ordered.shape[-1]
    top = max(8, count // 100)
    if count <= 2 * top:
        return np.zeros(draws.shape[:-2], dtype=bool)
    middle = ordered[..., count // 2, None]
    heavy = ~np.isfinite(ordered[..., (0, -1)]).all(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        for far in (ordered[..., -top - 1 :] - middle, (middle - ordered[..., : top + 1])[..., ::-1]):
            hill = np.log(far[..., 1:] / far[..., :1]).mean(axis=-1)
            heavy |= (far[..., 0] > 0) & (hill > 0.5)
    return heavy
