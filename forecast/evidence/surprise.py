"""How surprising an observation is: before it is used, and given all other evidence."""

from __future__ import annotations

import math

import numpy as np

from forecast.evidence.likelihood import Term, log_likelihood
from forecast.evidence.observation import Observation

Array = np.ndarray
LITTLE = 0.1  # of an error's variance must come from elsewhere, before the rest can disagree with a measurement


def prior_predictive(seen: Observation, term: Term, x: Array) -> float:
    """How surprising an observation is before it is used: small means that belief and evidence are in conflict.

    Parameters
    ----------
    seen : Observation
    term : Term
        Its likelihood.
    x : ndarray (...)
        Prior worlds of the quantity, equally weighted.

    Returns
    -------
    float
        For a measurement the two-sided probability that one made in a prior world, with the stated error, is as far
        out or farther on its side; for a bound the prior probability of meeting it.
    """
    with np.errstate(all="ignore"):
        if seen.value is None:
            return float(np.exp(log_likelihood(term, x)).mean())
        if term.kind == "equal":
            return float((log_likelihood(term, x) == 0).mean())
        value = seen.value.resolved()
        y = x / term.factor
        # The error is mirrored: a measurement lies below what was seen as often as the true value lies above it.
        below, above = float(value.sf(y).mean()), float(value.cdf(y).mean())
        return min(1.0, 2 * min(below, above))


def given_the_rest(term: Term, x: Array) -> float:
    """How surprising a measurement is given all other evidence: small means that observations disagree.

    Leaving one measurement with a normal error out of a normal posterior needs no second posterior: with posterior
    mean m and variance v of the true value, the measurement y with error e has been predicted by the rest with
    z = (y - m) / sqrt(e^2 - v) (Cook and Weisberg, "Residuals and Influence in Regression", 1982, section 2.2).

    Parameters
    ----------
    term : Term
        The likelihood of one measurement.
    x : ndarray (world,)
        Posterior worlds of the quantity, equally weighted.

    Returns
    -------
    float
        Two-sided p-value; NaN for what is no measurement with a normal error, or where the rest says little.
    """
    if term.kind != "normal":
        return math.nan
    with np.errstate(all="ignore"):
        u = np.log(x) if term.scale == "log" else x
    room = term.error**2 - float(u.var())
    if not room > LITTLE * term.error**2:
        return math.nan
    z = (term.centre - float(u.mean())) / math.sqrt(room)
    return math.erfc(abs(z) / math.sqrt(2))
