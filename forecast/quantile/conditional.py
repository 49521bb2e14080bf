"""Quantiles that know the inputs' scores: an output is integrated along one direction of them instead of drawn.

Near its p-quantile an output Y rises, more or less, along one direction b of its inputs' normal scores z. The index
``I = b·z / |b|`` is standard normal, whatever is left of z: so for any score s that depends on that rest alone,
``P(I <= s)`` is the mean of ``Phi(s)``, and

    P(Y <= t)  =  mean of  1[Y <= t] - 1[I <= s(rest)] + Phi(s(rest)).

Where s is the score at which Y passes t, the first two terms cancel, and what is left to average is smooth in the rest.
This is conditional Monte Carlo, or preintegration, as a control variate (Hsu and Nelson, "Control variates for quantile
estimation", Management Science 36, 1990; Griewank, Kuo, Leövey and Sloan, "High dimensional integration of kinks and
jumps: smoothing by preintegration", Journal of Computational and Applied Mathematics 344, 2018). A kink, a jump or a
poor direction makes s worse, which the spread of the chains shows; it makes the mean no less right.

A product follows one direction everywhere: s is the same in every world. Any other output is evaluated again in worlds
that are moved along the direction to where they should pass t, by the secant method.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from forecast.quantile.direction import Moved, Normals, directions, index_along
from forecast.quantile.mcse import Estimate, mcse_of
from forecast.quantile.order_statistics import FEWEST, near_of, read_off, spacing, span_of, unseen
from forecast.special import ndtr, ndtri

TRIAL, ENOUGH = 64, 512  # draws of a chain that are moved: to see whether it is worth while, and before all are
POINTS = 128  # draws of a chain that a direction is fitted to, at most
STEPS = 4  # of the secant method, at most: evaluations of an output elsewhere
WRONG = 0.1  # worlds that may be left on the wrong side
AROUND = 0.5  # scores on either side, over which an output's direction and its slope are taken
LEAST = 1e-6  # scores between two worlds, for their secant to be free of rounding
FASTER = 30.0  # times that slope: steeper or flatter in one world is not believed
REACH = 3.0  # scores that a world is moved in one step, at most
FARTHEST = 8.0  # score that a world is moved to, at most
ALIKE = 4.0  # times that chains may by chance be more alike than they should be
AGREE = 8.0  # standard errors by which the plain estimate may differ
EVEN = math.sqrt(1 / 12)  # worlds that each chain counts too many or too few however alike they are, as all strata do
CALM = 0.25  # share of what no world shows, below which an error is too small for more worlds to matter
MANY = 32  # quantiles of an output, beyond which worlds are not moved for each
EXACT = 1e-9  # relative error beyond which nobody needs more precision
GAIN = 0.5  # share of the error to which an estimate must bring it, so that chance alone does not choose it


def put_right(
    draws: np.ndarray,
    probs: Sequence[float] | np.ndarray,
    near: Sequence[np.ndarray],
    smooth: np.ndarray,
    normals: Normals,
    found: Estimate,
) -> None:
    """Put estimates that know the inputs' scores in the place of plain ones, where they are clearly better.

    Parameters
    ----------
    draws : ndarray (output, chain, draw)
    probs : sequence of float
    near : sequence of ndarray (output, chain, rank)
        Order statistics near each quantile.
    smooth : ndarray (prob, output) of bool
        Those that can be put right: without ties or gaps nearby.
    normals : Normals
    found : Estimate (prob, output)
        Plain estimates, which better ones overwrite.
    """
    count = normals.scores.shape[-1]
    spans = [span_of(count, prob) for prob in probs]
    wanted = smooth & normals.follows.any(axis=1) & np.array([[span.stop - span.start >= FEWEST] for span in spans])
    some = np.flatnonzero(wanted.any(axis=0))
    if not some.size:
        return
    fewer = count < draws.shape[-1]
    draws = draws[some, :, :count]
    near = near_of(draws, spans) if fewer else [part[some] for part in near]
    wanted, its, plain = wanted[:, some], normals.of(some.tolist()), Estimate(found.value[:, some], found.mcse[:, some])
    floor = np.array([unseen(part) for part in near])
    worlds = []
    for row, part in enumerate(near):
        inside, whole = _inside(draws, part)
        worlds.append(inside)
        wanted[row] &= whole
    if fewer:  # what no world shows of fewer worlds must not be more than the error of all
        wanted &= floor <= plain.mcse
    _take_better(plain, wanted, *_along_one(draws, probs, worlds, wanted, its, floor), floor, draws.shape[1])
    for column in range(some.size) if its.moved else ():
        value, mcse = plain.value[:, column], plain.mcse[:, column]
        least = floor[:, column] / (GAIN if fewer else 1)
        rows = np.flatnonzero(wanted[:, column] & (mcse > np.maximum(least, EXACT * np.abs(value))))
        if 0 < rows.size <= MANY:
            one = Estimate(value[rows], mcse[rows])
            apart = np.array([spacing(near[row][[column]])[0] for row in rows.tolist()])
            better = _by_moving(draws[column], np.asarray(probs)[rows], one, its.of([column]), apart)
            _take_better(one, np.ones(rows.size, dtype=bool), *better, draws.shape[1])
            value[rows], mcse[rows] = one.value, one.mcse
    found.value[:, some], found.mcse[:, some] = plain.value, plain.mcse


def _inside(draws: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which draws of each chain are those of a window of order statistics, (output, chain, rank), and whether they are.

    Where others tie with them, the first draws stand in.
    """
    outputs, chains, size = draws.shape
    ranks = near.shape[-1]
    inside = (draws >= near[..., :1]) & (draws <= near[..., -1:]) if ranks else np.zeros(draws.shape, dtype=bool)
    whole = (inside.sum(axis=-1) == ranks).all(axis=-1)
    inside[~whole] = np.arange(size) < ranks
    return (np.flatnonzero(inside) % size).reshape(outputs, chains, ranks), whole


def _take_better(
    found: Estimate, where: np.ndarray, value: np.ndarray, error: np.ndarray, floor: np.ndarray, chains: int
) -> None:
    """Put other estimates, whose error is at least `floor`, in the place of these where they are clearly better."""
    better = where & (error < GAIN * _error_of_plain(found.value, found.mcse, value, chains))
    found.value[better] = value[better]
    found.mcse[better] = np.maximum(error, floor)[better]


def _error_of_plain(value: np.ndarray, mcse: np.ndarray, better: np.ndarray, chains: int) -> np.ndarray:
    """Error of plain estimates: of it their chains tell, and so does how far they lie from what may be better ones."""
    error = np.hypot(math.sqrt(1 - 1 / chains) * mcse, (better - value) / math.sqrt(chains))
    most: np.ndarray = np.minimum(error, ALIKE * mcse)
    return most


def _along_one(
    draws: np.ndarray,
    probs: Sequence[float] | np.ndarray,
    worlds: Sequence[np.ndarray],
    wanted: np.ndarray,
    normals: Normals,
    floor: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Estimates (prob, output) if the score at which an output passes a quantile is the same in all worlds.

    One direction for all of an output's quantiles is enough for a product. Their MCSE is 0 if the output then is a
    smooth function of the index, to within what no world shows (`floor`), and infinite otherwise.
    """
    shape = len(probs), len(draws)
    value, mcse = np.zeros(shape), np.full(shape, np.inf)
    rows, some = np.flatnonzero(wanted.any(axis=1)), np.flatnonzero(wanted.any(axis=0))
    some = some[wanted[np.ix_(rows, some)].all(axis=0)]
    if not some.size:
        return value, mcse
    draws, worlds = draws[some], [inside[some] for inside in worlds]
    direction = directions(
        draws, np.concatenate([worlds[row] for row in rows.tolist()], axis=-1), normals.of(some.tolist())
    )
    index = index_along(direction, normals.scores)
    for row in rows.tolist():
        goal = float(ndtri(np.array([probs[row]]))[0])
        x, y = (np.take_along_axis(array, worlds[row], -1) for array in (index, draws))
        value[row, some], misses = read_off(x, y, goal)
        wrong = (draws <= value[row, some, None, None]) != (index < goal)
        exact = (misses < floor[row, some]) & ~wrong.any(axis=(1, 2))
        mcse[row, some] = np.where(exact, 0.0, np.inf)
    return value, mcse


def _by_moving(
    draws: np.ndarray, probs: np.ndarray, plain: Estimate, normals: Normals, apart: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimates of one output (chain, draw), by moving each world to where it passes them: (prob,) each.

    With few worlds first, then more, until their error is a small share of what as many worlds do not show. How far
    neighbours of one chain are `apart` tells of the density.

    Returns
    -------
    tuple of ndarray (prob,)
        The estimates, their errors, and what as many worlds do not show.
    """
    own = normals.follows[0]
    z, correlation = normals.scores[own], normals.correlation[np.ix_(own, own)]
    its = Normals(z, correlation, np.ones((1, len(z)), dtype=bool))
    (chains, count), order = draws.shape, np.argsort(draws, axis=-1)
    ends = (count * ndtr(ndtri(probs) + np.array([[-AROUND], [AROUND]]))).round().astype(int)
    ends = ends.clip(np.isneginf(draws).sum(axis=-1).max(), (draws < np.inf).sum(axis=-1).min())
    value, errors, floor = plain.value.copy(), np.full(len(probs), np.inf), np.zeros(len(probs))
    rows = np.flatnonzero(ends[1] - ends[0] >= FEWEST)
    if not rows.size:
        return value, errors, floor
    ways = np.zeros((len(probs), chains, len(z)))
    for row in rows:
        first, last = ends[:, row]
        inside = order[:, first : last : -(-(last - first) // POINTS)]
        ways[row] = directions(draws[None], inside[None], its)[0]
    indices, along = index_along(ways, z), ways @ correlation
    for size in [size for size in (TRIAL, ENOUGH) if size < count] + [count]:
        found = _moved_to(
            value[rows], probs[rows], draws[:, :size], indices[rows, :, :size], along[rows], z, normals.moved[0]
        )
        if found is None:
            break
        by_chain, distance = found
        middle = by_chain.mean(axis=1)
        floor[rows] = apart[rows] * EVEN / math.sqrt(chains) * count / size
        with np.errstate(all="ignore"):
            # What a probability is off means as much in values as the density says, of which the order statistics
            # tell too: where theirs is lower, by theirs; and how far it is from the goal is known no better than both.
            rarer = apart[rows] * count / distance
            unsure = np.maximum(np.abs(np.log(rarer)), rarer - 1)
            error = np.hypot(mcse_of(by_chain) * np.maximum(rarer, 1), np.abs(middle - value[rows]) * unsure)
            agrees = np.abs(middle - plain.value[rows]) <= AGREE * np.hypot(plain.mcse[rows], error)
            # In a gap between values all chains count alike, and not as many worlds as there should be.
            below = (draws <= middle[:, None, None]).mean(axis=-1)
            even = np.hypot(mcse_of(below), EVEN / math.sqrt(chains) / count)
            agrees &= np.abs(below.mean(axis=-1) - probs[rows]) <= AGREE * even
            # Evenly spread worlds bring the error of what is smooth down by as much as there are more of them.
            known = _error_of_plain(plain.value[rows], plain.mcse[rows], middle, chains)
            good = agrees & (error * size / count < known)
        value[rows], errors[rows] = middle, np.where(good, error, np.inf)
        rows = rows[good & ((size < ENOUGH) | (error > CALM * floor[rows]))]
        if not rows.size:
            break
    return value, errors, floor


def _moved_to(
    goals: np.ndarray,
    probs: np.ndarray,
    draws: np.ndarray,
    index: np.ndarray,
    along: np.ndarray,
    z: np.ndarray,
    moved: Moved,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Quantiles by chain (prob, chain) of one output (chain, draw), from how probable it is to be below some goals.

    Parameters
    ----------
    goals, probs : ndarray (prob,)
        Values near the quantiles, and what quantiles they are.
    draws : ndarray (chain, draw)
    index : ndarray (prob, chain, draw)
    along : ndarray (prob, chain, input)
        How far the inputs' scores move with the index.
    z : ndarray (input, chain, draw)
        Scores of the inputs, of as many draws or more.
    moved : callable
        As in `Normals`.

    Returns
    -------
    tuple of ndarray (prob, chain) and (prob,), or None
        The quantiles, NaN where the output does not rise with the index, and how fast they move with their probability.
        None where the output cannot be evaluated elsewhere.
    """
    logs = bool((draws > 0).all() and (goals > 0).all())
    known = ndtri(probs)[:, None, None]
    with np.errstate(all="ignore"):
        y, goal = (np.log(draws), np.log(goals)) if logs else (draws, goals)
        goal = goal[:, None, None]
        rise = _slopes(y, index, known)
        slope, score = (np.broadcast_to(array, index.shape).copy() for array in (rise, known))
        rows, last, before = np.arange(len(probs)), index, None
        place = np.repeat(z[:, None, :, : draws.shape[-1]], len(probs), axis=1)
        slant = np.moveaxis(along, -1, 0)[..., None]
        for _ in range(STEPS):
            place += slant * (score[rows] - last)
            value = moved(place)
            if value is None:
                return None
            value, last = np.log(value) if logs else value, score[rows]
            if before is not None:
                run = last - before[1]
                secant = (value - before[0]) / run
                believed = (secant > rise[rows] / FASTER) & (secant < rise[rows] * FASTER) & (np.abs(run) > LEAST)
                slope[rows] = np.where(believed, secant, slope[rows])
            step = np.clip((goal[rows] - value) / slope[rows], -REACH, REACH)
            step[np.isnan(step)] = 0.0
            score[rows] = np.clip(last + step, -FARTHEST, FARTHEST)
            # The next step would be about the square of this one: how many worlds are on the wrong side yet?
            density = np.exp(-0.5 * score[rows] ** 2)
            more = (density * step**2).sum(axis=(1, 2)) > WRONG
            if before is not None and not more.all():
                rows, last, place, slant, value = rows[more], last[more], place[:, more], slant[:, more], value[more]
            before = value, last
            if not rows.size:
                break
        prob = (y <= goal).mean(axis=-1) - (index <= score).mean(axis=-1) + ndtr(score).mean(axis=-1)
        prob = np.clip(prob, 1e-9, 1 - 1e-9)
        # Probability by value, as slope of the score of a normal output: exact for a product.
        density = (np.exp(-0.5 * score**2) / slope).mean(axis=(1, 2))
        density /= np.exp(-0.5 * ndtri(prob.mean(axis=-1)) ** 2)
        found = goal[..., 0] - (ndtri(prob) - known[..., 0]) / density[:, None]
        distance = np.sqrt(2 * np.pi) * np.exp(0.5 * known[:, 0, 0] ** 2) / density
        distance = distance * np.exp(goal[:, 0, 0]) if logs else distance
        by_chain: np.ndarray = np.where(rise[..., 0] > 0, np.exp(found) if logs else found, np.nan)
        return by_chain, distance


def _slopes(y: np.ndarray, index: np.ndarray, known: np.ndarray) -> np.ndarray:
    """How fast an output (chain, draw) rises with its indices (prob, chain, draw) near known scores: (prob, 1, 1)."""
    here = (np.abs(index - known) < AROUND) & np.isfinite(y)
    count = np.maximum(here.sum(axis=(1, 2), keepdims=True), 1)
    finite = np.where(np.isfinite(y), y, 0.0)

    def mean(x: np.ndarray) -> np.ndarray:
        found: np.ndarray = (x * here).sum(axis=(1, 2), keepdims=True) / count
        return found

    off = (index - mean(index)) * here
    slope: np.ndarray = (off * finite).sum(axis=(1, 2), keepdims=True) / (off**2).sum(axis=(1, 2), keepdims=True)
    return slope
