"""Shapley effects, first-order and total indices of a fitted surrogate, valid for inputs that depend on one another.

The share of variance that a set S of inputs explains is ``c(S) = Var E[Y | S] / Var Y``. First-order and total indices
are ``c({i})`` and ``1 - c(all but i)``; the Shapley effect of i is the mean of ``c(S + i) - c(S)`` over all orders in
which inputs can become known (Owen 2014; Song, Nelson and Staum 2016; Owen and Prieur 2017). It is never negative, and
the effects sum to what the surrogate explains, however the inputs depend on one another.

Every c(S) is a quadratic form in the coefficients. It is estimated by products of the coefficients of *different*
chains, whose errors are independent, so that noise does not add up to an effect; its standard error comes from leaving
out each chain in turn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from forecast.quantile import mcse_of, student_factor
from forecast.sensitivity.chaos import Block, gram
from forecast.sensitivity.surrogate import CERTAIN, Surrogate

Array = np.ndarray

MOST_EXACT = 9  # dependent inputs up to which all their subsets are looked at
_ROUNDING = 1e-6  # relative error of the functions' orthonormality
PARTS = 4  # of the chains, whose spread is the error of a dependence that is known by worlds
ORDERS = 192  # random orders beyond that, half of them the reverse of the others


@dataclass(frozen=True, eq=False)
class Indices:
    """Shares of the answer's variance by player, with standard errors.

    Parameters
    ----------
    first, total, shapley : ndarray (player,)
    first_se, total_se, shapley_se : ndarray (player,)
    unexplained, unexplained_se : float
        Share that the surrogate does not explain: it belongs to interactions or steps that it cannot see, and can
        add to any total index. Its fair part is contained in the standard errors.
    """

    first: Array
    first_se: Array
    total: Array
    total_se: Array
    shapley: Array
    shapley_se: Array
    unexplained: float
    unexplained_se: float


def indices(surrogate: Surrogate) -> Indices:
    """First-order, total and Shapley indices of a surrogate.

    Examples
    --------
    >>> from forecast.sensitivity.chaos import Inputs
    >>> from forecast.sensitivity.surrogate import fit
    >>> from forecast.worlds import Design, scores
    >>> z = scores(Design(("a", "b"), seed=1), 0, 1024)
    >>> found = indices(fit(3 * z[0] + 4 * z[1], z, Inputs.plain(["a", "b"])))
    >>> found.shapley.round(6).tolist()
    [0.36, 0.64]
    """
    block = None if surrogate.block is None else surrogate.sites[surrogate.block]
    if not isinstance(block, Block) or block.sample is None or len(surrogate.coefficients) < 8:
        return _indices(surrogate)
    # Where the dependence is known by worlds alone, its own error: what every other pair of chains makes of it.
    parts = [_indices(surrogate, slice(part, None, PARTS)) for part in range(PARTS)]
    found = _indices(surrogate)

    def error(kind: str) -> Array:
        spread = np.array([getattr(one, kind) for one in parts]).T
        return np.asarray(np.hypot(getattr(found, f"{kind}_se"), mcse_of(spread)))

    return replace(found, first_se=error("first"), total_se=error("total"), shapley_se=error("shapley"))


def _indices(surrogate: Surrogate, worlds: slice = slice(None)) -> Indices:
    """The indices, of a posterior's dependence as some of its chains have it."""
    count, chains = len(surrogate.inputs.players), len(surrogate.coefficients)
    first, total, shapley = np.zeros((3, count, chains, chains))
    spread = np.zeros(count)  # variance of each Shapley numerator over random orders
    if count == 1:  # the answer follows from nothing else
        one, sure = np.ones(1), np.zeros(1)
        return Indices(one, sure, one, sure, one, sure, 0.0, 0.0)
    everything = np.zeros((chains, chains))
    for players, game in _games(surrogate, worlds):
        full = game.full
        everything += full
        for player in players:
            total[player] += full
            if len(players) == 1 and not game.members:
                first[player] += full
        if not game.members:
            for player in players:
                shapley[player] += full / len(players)
            continue
        for member, product in game.without().items():
            total[member] += full - product
        if not players:
            for member, product in game.alone().items():
                first[member] += product
        for player, (share, noise) in game.shapley(players).items():
            shapley[player] += share
            spread[player] += noise
    variance = _leaving_out(everything[None])[:, 0]
    variance = variance + np.array(
        [np.delete(surrogate.residual, c).mean() for c in range(chains)] + [surrogate.residual.mean()]
    )
    if variance[-1] <= 0:
        zero, unknown = np.zeros(count), np.zeros(count)
        return Indices(zero, unknown, zero, unknown, zero, unknown, 0.0, 0.0)
    values, errors = [], []
    for numerator in (first, total, shapley):
        ratios = _leaving_out(numerator) / variance[:, None]
        values.append(ratios[-1])
        errors.append(jackknife(ratios[:-1]))
    explained = _leaving_out(everything[None]) / variance[:, None]
    missing = max(0.0, 1 - float(explained[-1, 0]))
    # With few worlds a good fit to them can be a bad one where none fell: then its variance is not theirs.
    strayed = 0.0
    if surrogate.variance is not None:
        seen = float(surrogate.variance.mean())
        strayed = max(0.0, abs(float(variance[-1]) - seen) - float(mcse_of(surrogate.variance))) / seen
    # What is unexplained may be anybody's: by what each input is known to have, and an equal part of what is not known.
    part = np.maximum(values[1], 0) + (missing + strayed) / count
    weight = part / max(float(part.sum()), 1e-300)
    found = 1 - missing - float(values[0].sum())  # interactions, of independent inputs
    with_it = np.clip((values[1] - values[0]) / found, 0, 1) if found > missing else np.zeros(count)
    unseen = CERTAIN**2 / 2 * missing / surrogate.worlds  # an effect as small as this is not let in
    errors[2] = np.sqrt(errors[2] ** 2 + spread / variance[-1] ** 2)
    # What is unexplained is interactions in the main: an interaction of i may have a variance of the order of the
    # geometric mean of V_i and the rest, a missing part of its own effect one of the order of V_i.
    shares = (weight, np.maximum(np.sqrt(weight), with_it), np.sqrt(weight))
    first_se, total_se, shapley_se = (
        np.sqrt(error**2 + ((missing + strayed) * share) ** 2 + unseen**2 + (_ROUNDING * value) ** 2)
        for error, share, value in zip(errors, shares, values, strict=True)
    )
    return Indices(
        values[0], first_se, values[1], total_se, values[2], shapley_se, missing, float(jackknife(explained[:-1])[0])
    )


def _leaving_out(products: Array) -> Array:
    """Means over pairs of different chains of products (…, chain, chain): (chains + 1, …), each left out, then none."""
    chains = products.shape[-1]
    whole, diagonal = products.sum(axis=(-1, -2)), np.diagonal(products, axis1=-2, axis2=-1)
    rows = products.sum(axis=-1) + products.sum(axis=-2)
    less = [
        (whole - rows[..., c] + diagonal[..., c] - diagonal.sum(axis=-1) + diagonal[..., c])
        / ((chains - 1) * (chains - 2))
        for c in range(chains)
    ]
    return np.array([*less, (whole - diagonal.sum(axis=-1)) / (chains * (chains - 1))])


def jackknife(left_out: Array) -> Array:
    """Standard error from estimates (chain, …) that leave out one chain each, widened for the number of chains."""
    chains = len(left_out)
    spread = ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0) * (chains - 1) / chains
    return np.asarray(np.sqrt(spread) * student_factor(chains))


@dataclass(frozen=True, eq=False)
class _Game:
    """What a set of single players, all of them known, explain together with some members of the block.

    Parameters
    ----------
    full : ndarray (chain, chain)
        Products of coefficients when all is known.
    members : tuple of int
        Players in the block; empty if the block has no part in it.
    rows : tuple of tuple of int
        For each of them, its places in the block.
    block : Block or None
    tensors : dict of int to ndarray
        By degree.
    coefficients : ndarray (group, chain, function) or None
        Instead, where the block's dependence is a posterior's.
    worlds : slice
        The chains of that posterior that count.
    """

    full: Array
    members: tuple[int, ...] = ()
    rows: tuple[tuple[int, ...], ...] = ()
    block: Block | None = None
    tensors: dict[int, Array] | None = None
    coefficients: Array | None = None
    worlds: slice = slice(None)

    def worth(self, known: tuple[int, ...]) -> Array:
        """Products (chain, chain) when these members of the block are known."""
        assert self.block is not None
        if self.block.sample is not None:
            assert self.coefficients is not None
            members = [row for i in known for row in self.rows[i]]
            return self.block.sample.worth(self.coefficients, members, self.worlds)
        assert self.tensors is not None
        products = gram(self.tensors, self.block.span([row for i in known for row in self.rows[i]]))
        return products.sum(axis=0)

    def without(self) -> dict[int, Array]:
        """For each member, products when all others are known."""
        everyone = range(len(self.members))
        return {p: self.worth(tuple(j for j in everyone if j != i)) for i, p in enumerate(self.members)}

    def alone(self) -> dict[int, Array]:
        """For each member, products when it alone is known."""
        return {p: self.worth((i,)) for i, p in enumerate(self.members)}

    def shapley(self, singles: frozenset[int]) -> dict[int, tuple[Array, float]]:
        """Each player's Shapley value (chain, chain), and its variance over random orders (0 if all were looked at)."""
        size, extra = len(self.members), len(singles)
        if size <= MOST_EXACT:
            return self._exact(singles, size, extra)
        return self._sampled(singles, size, extra)

    def _exact(self, singles: frozenset[int], size: int, extra: int) -> dict[int, tuple[Array, float]]:
        worth = {s: self.worth(s) for k in range(size + 1) for s in combinations(range(size), k)}
        everyone = math.factorial(size + extra)
        found: dict[int, tuple[Array, float]] = {}
        for i, player in enumerate(self.members):
            share = np.zeros_like(self.full)
            for known, product in worth.items():
                if i not in known:
                    weight = math.factorial(len(known) + extra) * math.factorial(size - len(known) - 1) / everyone
                    share += weight * (worth[tuple(sorted((*known, i)))] - product)
            found[player] = share, 0.0
        if singles:
            share = np.zeros_like(self.full)
            for known, product in worth.items():
                share += math.factorial(len(known) + extra - 1) * math.factorial(size - len(known)) / everyone * product
            found.update(dict.fromkeys(singles, (share, 0.0)))
        return found

    def _sampled(self, singles: frozenset[int], size: int, extra: int) -> dict[int, tuple[Array, float]]:
        # The orders are part of the method, not of a run: the same for every quantity and seed.
        generator = np.random.default_rng(20231)
        shares = np.zeros((ORDERS, size + 1, *self.full.shape))
        # In an order of the block alone, all single players come before position s with this probability.
        before = [math.comb(s + extra, extra) / math.comb(size + extra, extra) for s in range(size + 1)]
        for turn in range(0, ORDERS, 2):
            order = generator.permutation(size)
            for row, path in ((turn, order), (turn + 1, order[::-1])):
                gains = self._gains(path)
                known = np.zeros_like(self.full)
                for s, (member, gain) in enumerate(zip(path, gains, strict=True)):
                    if singles:
                        shares[row, size] += known * before[s] / (s + extra)
                    shares[row, member] = gain * before[s]
                    known = known + gain
                if singles:
                    shares[row, size] += known / (size + extra)
        mean = shares.mean(axis=0)
        pairs = shares.reshape(ORDERS // 2, 2, *shares.shape[1:]).mean(axis=1).mean(axis=(-1, -2))
        noise = pairs.var(axis=0, ddof=1) / (ORDERS // 2)
        found = {player: (mean[i], float(noise[i])) for i, player in enumerate(self.members)}
        found.update({player: (mean[size], float(noise[size])) for player in singles})
        return found

    def _gains(self, order: Array) -> list[Array]:
        """What each member adds (chain, chain) when members become known in this order."""
        assert self.block is not None and self.tensors is not None
        directions: list[Array] = []
        added = []  # directions that each member adds; none where it is known already
        for member in order:
            first = len(directions)
            for row in self.rows[member]:
                rest = self.block.loads[row].copy()
                for direction in directions:
                    rest -= (rest @ direction) * direction
                size = float(np.linalg.norm(rest))
                if size > 1e-7:
                    directions.append(rest / size)
            added.append(range(first, len(directions)))
        turn = np.array(directions).T
        adds = np.zeros((len(directions), *self.full.shape))
        for degree, tensor in self.tensors.items():
            for _ in range(degree):
                tensor = np.tensordot(tensor, turn, axes=([tensor.ndim - degree], [0]))
            last = np.indices(tensor.shape[-degree:]).max(axis=0).reshape(-1)
            flat = tensor.reshape(*tensor.shape[:-degree], -1)
            for place in range(len(directions)):
                part = flat[..., last == place]
                adds[place] += (part @ np.swapaxes(part, -1, -2)).sum(axis=0)
        return [adds[list(new)].sum(axis=0) for new in added]


def _games(surrogate: Surrogate, worlds: slice) -> list[tuple[frozenset[int], _Game]]:
    """The terms by the set of single players in them, with and without the block kept apart by their tensors."""
    block = None if surrogate.block is None else surrogate.sites[surrogate.block]
    assert block is None or isinstance(block, Block)
    block_terms: dict[frozenset[int], dict[tuple[tuple[int, int], ...], dict[int, Array]]] = {}
    alone: dict[tuple[tuple[int, int], ...], Array] = {}
    for column, term in enumerate(surrogate.terms):
        single = tuple((site, f) for site, f in term if site != surrogate.block)
        players = frozenset(surrogate.players_of(site) for site, _ in single)
        value = surrogate.coefficients[:, column]
        inside = [f for site, f in term if site == surrogate.block]
        if inside:
            block_terms.setdefault(players, {}).setdefault(single, {})[inside[0]] = value
            if single and block is not None and block.sample is not None:  # functions need not have a mean of zero
                alone[single] = alone.get(single, np.zeros(len(value))) + block.sample.mean[inside[0]] * value
        else:
            alone[single] = alone.get(single, np.zeros(len(value))) + value
    plain: dict[frozenset[int], Array] = {}
    for single, value in alone.items():
        players = frozenset(surrogate.players_of(site) for site, _ in single)
        plain[players] = plain.get(players, np.zeros((len(value), len(value)))) + np.outer(value, value)
    games = [(players, _Game(full)) for players, full in plain.items()]
    if block is None or not block_terms:
        return games
    owners = [surrogate.inputs.player[c] for c in surrogate.inputs.dependent]
    members = tuple(dict.fromkeys(owners))
    rows = tuple(tuple(place for place, owner in enumerate(owners) if owner == player) for player in members)
    for players, groups in block_terms.items():
        chains = len(surrogate.coefficients)
        coefficients = np.zeros((len(groups), chains, len(block)))
        for row, functions in enumerate(groups.values()):
            for function, value in functions.items():
                coefficients[row, :, function] = value
        if block.sample is not None:
            full = block.sample.worth(coefficients, [row for own in rows for row in own], worlds)
            games.append((players, _Game(full, members, rows, block, None, coefficients, worlds)))
            continue
        full = np.einsum("gcf,gdf->cd", coefficients, coefficients)
        games.append((players, _Game(full, members, rows, block, block.tensors(coefficients))))
    return games
