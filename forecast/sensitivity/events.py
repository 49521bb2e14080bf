"""Shares of the variance of an event, such as a cost above a limit: through a surrogate of what the event is read off.

An indicator is no sum of smooth functions, but the quantity behind it often is. A surrogate of the quantity, with the
probability of the event given its value, foretells the event in worlds of which some inputs are drawn anew, given the
others. For an event Y with a probability p, a set S of inputs that are kept and all else drawn anew (Y'),
``Cov(Y, Y') = Var E[Y | S]`` (Sobol', "Sensitivity estimates for nonlinear mathematical models", 1993). Only worlds in
which the event occurs count, so that a rare one costs no more. Inputs kept one after the other, in random orders, give
Shapley effects (Castro, Gomez and Tejada, "Polynomial calculation of the Shapley value based on sampling", 2009).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast.sensitivity.chaos import Block, Inputs
from forecast.sensitivity.shapley import Indices, jackknife
from forecast.sensitivity.surrogate import Surrogate, Term, fit

Array = np.ndarray
type Functions = Array | dict[int, Array]  # of one site (function, world), or those in use
_CHUNK = 512  # worlds with one order of the inputs
_FREE = 8  # members of a block with which half as many worlds are looked at
_MOST_AGAIN = 64  # times that a world of a rare event is used
_POOR = 0.05  # of the event's variance, not foretold by way of the quantity: then another way is tried too


@dataclass(frozen=True, eq=False)
class Foretold:
    """The probability of an event by the value of a surrogate, never falling: isotonic regression on the worlds.

    Parameters
    ----------
    surrogate : Surrogate
    knots, probs : ndarray (knot,)
        Values of the surrogate, and the probability there; between two of them it is linear.
    rare : ndarray (chain, draw)
        Whether the event occurs, or whether it does not: what is rarer.
    sign : float
        -1 where it is that it does not.
    missing : float
        Share of the event's variance that the surrogate does not foretell.
    """

    surrogate: Surrogate
    knots: Array
    probs: Array
    rare: Array
    sign: float
    missing: float

    def prob(self, values: Array) -> Array:
        """Probability of `rare` by values of the surrogate."""
        return np.asarray(np.interp(self.sign * values, self.knots, self.probs))


def foretold(surrogate: Surrogate, event: Array, scores: Array) -> Foretold:
    """What a surrogate of a quantity says of an event that is the likelier, the larger the quantity.

    Parameters
    ----------
    surrogate : Surrogate
    event : ndarray (chain, draw)
        1 or 0.
    scores : ndarray (coordinate, chain, draw)
    """
    sign = 1.0 if event.mean() <= 0.5 else -1.0
    rare = event if sign > 0 else 1 - event
    values = sign * _Worlds(surrogate, scores.reshape(len(scores), -1)).total()
    knots, probs = _isotonic(values, rare.reshape(-1))
    found = np.interp(values, knots, probs)
    left = float(((rare.reshape(-1) - found) ** 2).mean() / rare.var())
    return Foretold(surrogate, knots, probs, rare, sign, min(1.0, left))


def best_foretold(target: Array, event: Array, scores: Array, inputs: Inputs) -> Foretold:
    """What is said best of an event: by a surrogate of the quantity, or else of what is close to the threshold.

    Parameters
    ----------
    target : ndarray (chain, draw)
        The quantity on the scale of its surrogate, finite.
    event : ndarray (chain, draw)
        1 where it exceeds the threshold, else 0.
    scores : ndarray (coordinate, chain, draw)
    inputs : Inputs
    """
    best = foretold(fit(target, scores, inputs), event, scores)
    if best.missing > _POOR:
        # A quantity with steps, atoms or tails is simpler where nothing but the side of the threshold counts.
        other = foretold(fit(event, scores, inputs), event, scores)
        best = min(best, other, key=lambda one: one.missing)
    return best


def event_indices(of: Foretold, scores: Array) -> Indices:
    """First-order, total and Shapley indices of an event.

    Parameters
    ----------
    of : Foretold
        Whose surrogate has a Gaussian copula.
    scores : ndarray (coordinate, chain, draw)

    Examples
    --------
    >>> from forecast.sensitivity.chaos import Inputs
    >>> from forecast.sensitivity.surrogate import fit
    >>> from forecast.worlds import Design, scores
    >>> z = scores(Design(("a", "b"), seed=1), 0, 4096)
    >>> y = z[0] + z[1]
    >>> found = event_indices(foretold(fit(y, z, Inputs.plain(["a", "b"])), (y > 0) * 1.0, z), z)
    >>> found.first.round(1).tolist(), found.total.round(1).tolist()  # 1/3 and 2/3
    ([0.3, 0.3], [0.7, 0.7])
    """
    surrogate, rare = of.surrogate, of.rare
    count, chains = len(surrogate.inputs.players), len(rare)
    if count == 1:
        one, sure = np.ones(1), np.zeros(1)
        return Indices(one, sure, one, sure, one, sure, 0.0, 0.0)
    # What is drawn anew is part of the method, not of a run: the same for every quantity and seed.
    generator = np.random.default_rng(20231)
    worlds = _Worlds(surrogate, scores.reshape(len(scores), -1))
    # Whatever is known of a block, all its functions have to be evaluated anew: then fewer worlds have to do.
    members = len(surrogate.inputs.dependent) if worlds.block is not None else 0
    most = max(2 * _CHUNK, rare.shape[1] * _FREE // (_FREE + members))
    sums, looked_at = np.zeros((3, count, chains)), 0
    for chain in range(chains):
        places = chain * rare.shape[1] + np.flatnonzero(rare[chain])
        if not len(places):
            continue
        again = min(_MOST_AGAIN, max(2, -(-rare.shape[1] // len(places))))
        chosen = np.concatenate([generator.permutation(places) for _ in range(again)])[:most]
        looked_at += len(chosen)
        for first in range(0, len(chosen), _CHUNK):
            found = _kept(of, worlds, chosen[first : first + _CHUNK], generator)
            sums[..., chain] += found * (len(places) / len(chosen))
    occurs = rare.sum(axis=1)
    left_out = np.array([np.arange(chains) != c for c in range(chains)] + [np.ones(chains, dtype=bool)])
    ratios = np.array(
        [sums[..., kept].sum(axis=-1) / (occurs[kept].sum() * (1 - rare[kept].mean())) for kept in left_out]
    )
    errors = jackknife(ratios[:-1])
    first_, total, shapley = ratios[-1]
    # What is not foretold may be anybody's, as in `forecast.sensitivity.shapley`.
    unseen = 1 / looked_at  # what happens in fewer worlds may not have happened in any
    part = np.maximum(total, 0) + of.missing / count
    weight = part / part.sum()
    first_se, total_se, shapley_se = (
        np.sqrt(error**2 + (of.missing * share) ** 2 + unseen**2)
        for error, share in zip(errors, (weight, np.sqrt(weight), np.sqrt(weight)), strict=True)
    )
    return Indices(first_, first_se, total, total_se, shapley, shapley_se, of.missing, 0.0)


def _kept(of: Foretold, worlds: _Worlds, chosen: Array, generator: np.random.Generator) -> Array:
    """Sums (3, player) over worlds of what keeping an input adds: it alone, it after all others, in random orders."""
    players = range(len(of.surrogate.inputs.players))
    other = generator.integers(0, worlds.size, len(chosen))

    def prob(kept: Sequence[int]) -> float:
        return float(of.prob(state.keep(kept)).sum())

    state = _Mixed(worlds, chosen, other)
    out = np.zeros((3, len(players)))
    nothing = prob(())
    for player in players:
        out[0, player] = prob((player,)) - nothing
    everything = prob(players)
    for player in players:
        out[1, player] = everything - prob([p for p in players if p != player])
    order = generator.permutation(len(players)).tolist()
    for path in (order, order[::-1]):
        before = nothing
        for length, player in enumerate(path, 1):
            now = everything if length == len(path) else prob(path[:length])
            out[2, player] += (now - before) / 2
            before = now
    return out


class _Worlds:
    """The functions of a surrogate that count, in its worlds."""

    def __init__(self, surrogate: Surrogate, scores: Array) -> None:
        self.surrogate, self.size = surrogate, scores.shape[1]
        self.mean = surrogate.coefficients.mean(axis=0)
        used: dict[int, int] = {}
        for term in surrogate.terms:
            for site, function in term:
                used[site] = max(used.get(site, 0), function + 1)
        inputs = surrogate.inputs
        self.in_block = sorted({f for term in surrogate.terms for site, f in term if site == surrogate.block})
        self.values: dict[int, Array] = {
            site: surrogate.sites[site].values(scores[inputs.single[site]], most)
            for site, most in used.items()
            if site != surrogate.block
        }
        self.block: Block | None = None
        self._spans: dict[tuple[int, ...], Array] = {}
        if surrogate.block in used:
            block = surrogate.sites[surrogate.block]
            assert isinstance(block, Block)
            self.block = block
            self.latent = np.linalg.pinv(block.loads, rcond=1e-8) @ scores[list(inputs.dependent)]

    def span(self, members: tuple[int, ...]) -> Array:
        """Directions that the scores of some members of the block span; kept, as most sets are asked for again."""
        if members not in self._spans:
            assert self.block is not None
            self._spans[members] = self.block.span(members)
        return self._spans[members]

    def of_block(self, latent: Array) -> dict[int, Array]:
        """The block's functions in use (world,) by their place, of its independent coordinates (coordinate, world)."""
        assert self.block is not None
        return dict(zip(self.in_block, self.block.some(latent, self.in_block), strict=True))

    def total(self) -> Array:
        """The surrogate (world,) in its worlds, less its constant."""
        values: dict[int, Functions] = dict(self.values)
        if self.block is not None and self.surrogate.block is not None:
            values[self.surrogate.block] = self.of_block(self.latent)
        total = np.zeros(self.size)
        for term, coefficient in zip(self.surrogate.terms, self.mean, strict=True):
            total += _product(term, values, coefficient)
        return total


class _Mixed:
    """Some worlds with some inputs kept and all others drawn anew given these, from other worlds."""

    def __init__(self, worlds: _Worlds, chosen: Array, other: Array) -> None:
        self.worlds = worlds
        self.terms = worlds.surrogate.terms
        self.ways: list[dict[int, Functions]] = [
            {site: values[:, rows] for site, values in worlds.values.items()} for rows in (other, chosen)
        ]
        if worlds.block is not None:
            self.latents = [worlds.latent[:, rows] for rows in (other, chosen)]
        self.using: dict[int, list[int]] = {}
        for place, term in enumerate(self.terms):
            for site, _ in term:
                self.using.setdefault(site, []).append(place)
        self.members: tuple[int, ...] | None = None
        self.now = dict(self.ways[0])
        self.kept = dict.fromkeys(self.now, False)
        self.parts = np.zeros((len(self.terms), len(chosen)))
        self.stale = set(range(len(self.terms)))

    def keep(self, players: Sequence[int]) -> Array:
        """The surrogate (world,) with the scores of these players kept."""
        surrogate, kept = self.worlds.surrogate, set(players)
        for site, before in self.kept.items():
            wanted = surrogate.players_of(site) in kept
            if wanted != before:
                self.now[site], self.kept[site] = self.ways[wanted][site], wanted
                self.stale.update(self.using[site])
        block = self.worlds.block
        if block is not None and surrogate.block is not None:
            owners = [surrogate.inputs.player[c] for c in surrogate.inputs.dependent]
            members = tuple(row for row, owner in enumerate(owners) if owner in kept)
            if members != self.members:
                directions = self.worlds.span(members)
                new, old = self.latents
                latent = new + directions @ (directions.T @ (old - new))
                self.now[surrogate.block], self.members = self.worlds.of_block(latent), members
                self.stale.update(self.using[surrogate.block])
        for place in self.stale:
            self.parts[place] = _product(self.terms[place], self.now, self.worlds.mean[place])
        self.stale.clear()
        return np.asarray(self.parts.sum(axis=0))


def _product(term: Term, values: dict[int, Functions], coefficient: float) -> Array:
    (site, function), *rest = term
    product = coefficient * values[site][function]
    for site, function in rest:
        product = product * values[site][function]
    return np.asarray(product)


def _isotonic(values: Array, event: Array) -> tuple[Array, Array]:
    """The likeliest probability that never falls with the value, by pooling neighbours that do: knots and probs."""
    order = np.argsort(values, kind="stable")
    x, y = values[order], event[order]
    levels, starts = np.unique(x, return_index=True)
    sizes = np.diff([*starts, len(y)])
    means = np.add.reduceat(y, starts) / sizes
    pools: list[list[float]] = []  # mean, worlds, first and last value
    for level, mean, size in zip(levels.tolist(), means.tolist(), sizes.tolist(), strict=True):
        pools.append([mean, size, level, level])
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            m, n, _, last = pools.pop()
            pool = pools[-1]
            pool[0], pool[1], pool[3] = (pool[0] * pool[1] + m * n) / (pool[1] + n), pool[1] + n, last
    knots = np.array([end for _, _, first, last in pools for end in (first, last)])
    return knots, np.repeat([pool[0] for pool in pools], 2)
