"""A surrogate of the answer: a sparse sum of orthonormal functions of its inputs, fitted to the run's own worlds.

Functions of one input, of two and of three are searched for those that what is left still correlates with (batchwise
orthogonal matching pursuit), and all that were chosen are fitted by least squares, in each chain alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast.sensitivity.chaos import Block, Inputs, Site

Array = np.ndarray
Term = tuple[tuple[int, int], ...]  # (site, function) pairs, sites ascending

CERTAIN = 4.0  # standard errors of a coefficient that is let in
MOST_TERMS = 160
WORLDS_A_TERM = 12  # in each chain, so that its own fit is good
FEW = 3  # functions of each input that are tried in pairs, before the pairs that matter get all theirs
_MOST_IN_TRIPLES, _MOST_PAIRS, _MANY = 6, 8, 11
_ROUNDS, _BATCH = 24, 80
_WAITS = 0.1  # a term waits for those more than ten times as strong
_NOTHING = 1e-5  # of the variance, left to explain


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A fitted sum of orthonormal functions.

    Parameters
    ----------
    inputs : Inputs
    sites : tuple of Site or Block
        One for each independent coordinate, then the block if there is one.
    block : int or None
        Position of the block among the sites.
    terms : tuple of Term
    coefficients : ndarray (chain, term)
        Fitted in each chain alone: the chains' errors are independent.
    residual : ndarray (chain,)
        Mean square of what is left in each chain of a fit to all others.
    level : float
        The constant.
    worlds : int
    variance : ndarray (chain,), optional
        Of the answer itself, in each chain: what the coefficients have to add up to.
    """

    inputs: Inputs
    sites: tuple[Site | Block, ...]
    block: int | None
    terms: tuple[Term, ...]
    coefficients: Array
    residual: Array
    level: float
    worlds: int
    variance: Array | None = None

    def players_of(self, site: int) -> int:
        """The player that a single site's coordinate belongs to."""
        return self.inputs.player[self.inputs.single[site]]

    def curve(self, player: int, scores: Array) -> Array:
        """Conditional mean (world,) of the answer given one player's normal scores (coordinate, world), less its mean.

        `scores` has a row for each of the player's coordinates, in order.
        """
        own = [c for c, p in enumerate(self.inputs.player) if p == player]
        mean = self.coefficients.mean(axis=0)
        total = np.zeros(scores.shape[1])
        if self.block is not None and own[0] in self.inputs.dependent:
            block = self.sites[self.block]
            assert isinstance(block, Block)
            coefficients = np.zeros(len(block))
            for term, value in zip(self.terms, mean, strict=True):
                if len(term) == 1 and term[0][0] == self.block:
                    coefficients[term[0][1]] = value
            return block.projected(coefficients, scores, [self.inputs.dependent.index(c) for c in own])
        row = {self.inputs.single.index(c): r for r, c in enumerate(own)}
        values = {}
        for site, r in row.items():
            values[site] = self.sites[site].values(scores[r])
        for term, value in zip(self.terms, mean, strict=True):
            if all(site in row for site, _ in term):
                product = np.full(scores.shape[1], value)
                for site, function in term:
                    product = product * values[site][function]
                total += product
        return total


def fit(target: Array, scores: Array, inputs: Inputs) -> Surrogate:
    """Fit a surrogate.

    Parameters
    ----------
    target : ndarray (chain, draw)
        The answer, finite.
    scores : ndarray (coordinate, chain, draw)
        Normal scores of the inputs.
    inputs : Inputs

    Returns
    -------
    Surrogate
    """
    chains, draws = target.shape
    flat = scores.reshape(len(scores), -1)
    sites: list[Site | Block] = [Site(inputs.features[c]) for c in inputs.single]
    block = None
    if inputs.dependent:
        block = len(sites)
        place = list(inputs.dependent)
        joint = Block(inputs.correlation[np.ix_(place, place)])
        sites.append(joint)
    search = _Search(target, flat, inputs, tuple(sites), block)
    terms, coefficients, residual = search.run()
    if inputs.joint:
        used = sorted({function for term in terms for site, function in term if site == block})
        joint.shown_by(scores[place], used)
    level = float(target.mean())
    variance = ((target - level) ** 2).mean(axis=1)
    return Surrogate(inputs, tuple(sites), block, tuple(terms), coefficients, residual, level, chains * draws, variance)


class _Search:
    """The state of one search: functions evaluated so far, terms let in, and what is left."""

    def __init__(
        self, target: Array, scores: Array, inputs: Inputs, sites: tuple[Site | Block, ...], block: int | None
    ) -> None:
        self.chains, self.draws = target.shape
        self.target = (target - target.mean()).reshape(-1)
        self.scores, self.inputs, self.sites, self.block = scores, inputs, sites, block
        self.most = max(2, min(MOST_TERMS, self.draws // WORLDS_A_TERM))
        self.terms: list[Term] = []
        self.columns = np.empty((self.most + 1, self.chains, self.draws))
        self.columns[0] = 1
        self.gram = np.zeros((self.chains, self.most + 1, self.most + 1))
        self.moment = np.zeros((self.chains, self.most + 1))
        self._functions: dict[tuple[int, int], Array] = {}

    def functions(self, site: int, count: int) -> Array:
        """The first functions (function, world) of a site, in single precision: for the search only."""
        count = min(count, len(self.sites[site]))
        known = self._functions.get((site, 0))
        if known is None or len(known) < count:
            known = self._evaluate(site, count).astype(np.float32)
            self._functions[site, 0] = known
        return known[:count]

    def _evaluate(self, site: int, count: int) -> Array:
        if site == self.block:
            return self.sites[site].values(self.scores[list(self.inputs.dependent)], count)
        return self.sites[site].values(self.scores[self.inputs.single[site]], count)

    def run(self) -> tuple[list[Term], Array, Array]:
        self._admit_moments(0)
        left, variance = self.target, float((self.target**2).mean())
        stage = 1  # few functions of each input, all functions, pairs, triples
        for _ in range(_ROUNDS):
            size = float(np.sqrt((left**2).mean()))
            if size**2 <= _NOTHING * variance or len(self.terms) >= self.most:
                break
            rest = (left / size).astype(np.float32)
            found = self._mains(rest, stage > 1)
            if stage > 2:
                found |= self._pairs(rest)
            if stage > 3:
                found |= self._triples(rest)
            fresh = {term: t for term, t in found.items() if t > CERTAIN and term not in self.terms}
            if not fresh:
                stage += 1
                if stage > 4:
                    break
                continue
            # What is large now may explain what is small now: the small ones wait until their turn.
            least = _WAITS * max(fresh.values())
            best = [term for term in sorted(fresh, key=lambda term: (-fresh[term], term)) if fresh[term] > least]
            self._admit(best[: min(self.most - len(self.terms), _BATCH)])
            left = self._left()
        return self._fitted()

    def _mains(self, rest: Array, all_functions: bool) -> dict[Term, float]:
        active = {site for term in self.terms for site, _ in term}
        found: dict[Term, float] = {}
        for site in range(len(self.sites)):
            every = site == self.block or all_functions and site in active
            values = self.functions(site, len(self.sites[site]) if every else FEW)
            strength = np.abs(values @ rest) / np.sqrt((values * values) @ (rest * rest))
            found.update({((site, f),): float(strength[f]) for f in np.flatnonzero(strength > CERTAIN).tolist()})
        return found

    def _pairs(self, rest: Array) -> dict[Term, float]:
        """Products of the first few functions of all pairs of sites, and of all functions of the strongest pairs."""
        few = {s: self.functions(s, self._few(s)) for s in range(len(self.sites))}
        found = _products(few, few, rest)
        weight = self._weights(2)
        for one, other in sorted(weight, key=lambda pair: -weight[pair])[:_MOST_PAIRS]:
            first, second = (self.functions(site, self._many(site)) for site in (one, other))
            found |= _products({one: first}, {other: second}, rest)
        return found

    def _weights(self, size: int) -> dict[tuple[int, ...], float]:
        """Variance of the terms of so many sites, by their sites."""
        weight: dict[tuple[int, ...], float] = {}
        for term, value in zip(self.terms, self._pooled()[1:], strict=True):
            if len(term) == size:
                sites = tuple(site for site, _ in term)
                weight[sites] = weight.get(sites, 0.0) + float(value) ** 2
        return weight

    def _triples(self, rest: Array) -> dict[Term, float]:
        """Products of three functions of sites that interact in pairs."""
        weight: dict[int, float] = {}
        for pair, variance in self._weights(2).items():
            for site in pair:
                weight[site] = weight.get(site, 0.0) + variance
        chosen = sorted(sorted(weight, key=lambda site: -weight[site])[:_MOST_IN_TRIPLES])
        few = {s: self.functions(s, min(self._few(s), FEW)) for s in chosen}
        found: dict[Term, float] = {}
        for first in chosen:
            after = {s: values for s, values in few.items() if s > first}
            for function, values in enumerate(few[first] if len(after) > 1 else ()):
                products = _products(after, after, rest * values)
                found.update({((first, function), *term): t for term, t in products.items()})
        return found

    def _few(self, site: int) -> int:
        chosen = self.sites[site]
        if isinstance(chosen, Block):
            return chosen.up_to_degree(2) if len(chosen.loads) <= 10 else chosen.up_to_degree(1)
        return min(FEW, len(chosen))

    def _many(self, site: int) -> int:
        chosen = self.sites[site]
        return chosen.up_to_degree(3) if isinstance(chosen, Block) else min(_MANY, len(chosen))

    def _admit(self, terms: Sequence[Term]) -> None:
        first = len(self.terms) + 1
        exact: dict[int, Array] = {}
        for term in terms:
            for site, _ in term:
                if site not in exact:
                    wanted = max(f for t in terms for s, f in t if s == site) + 1
                    exact[site] = self._evaluate(site, wanted)
            product = exact[term[0][0]][term[0][1]]
            for site, function in term[1:]:
                product = product * exact[site][function]
            self.terms.append(term)
            self.columns[len(self.terms)] = product.reshape(self.chains, self.draws)
        self._admit_moments(first)

    def _admit_moments(self, first: int) -> None:
        last = len(self.terms) + 1
        target = self.target.reshape(self.chains, self.draws)
        by_chain = np.swapaxes(self.columns[:last], 0, 1)
        for chain in range(self.chains):
            products = by_chain[chain, first:] @ by_chain[chain].T
            self.gram[chain, first:last, :last] = products
            self.gram[chain, :last, first:last] = products.T
            self.moment[chain, first:last] = by_chain[chain, first:] @ target[chain]

    def _pooled(self) -> Array:
        last = len(self.terms) + 1
        return _solved(self.gram[:, :last, :last].sum(axis=0), self.moment[:, :last].sum(axis=0))

    def _left(self) -> Array:
        last = len(self.terms) + 1
        return np.asarray(self.target - self._pooled() @ self.columns[:last].reshape(last, -1))

    def _fitted(self) -> tuple[list[Term], Array, Array]:
        last = len(self.terms) + 1
        target = self.target.reshape(self.chains, self.draws)
        coefficients, residual = np.empty((self.chains, last)), np.empty(self.chains)
        gram, moment = self.gram[:, :last, :last], self.moment[:, :last]
        for chain in range(self.chains):
            coefficients[chain] = _solved(gram[chain], moment[chain])
            # What the other chains do not foretell of this one: what was fitted to chance alone does not count.
            others = _solved(gram.sum(axis=0) - gram[chain], moment.sum(axis=0) - moment[chain])
            left = target[chain] - others @ self.columns[:last, chain]
            residual[chain] = (left @ left) / self.draws
        return self.terms, coefficients[:, 1:], residual


def _solved(gram: Array, moment: Array) -> Array:
    """Least squares by the normal equations: the functions are nearly orthonormal, so these are well conditioned."""
    ridge = 1e-12 * np.trace(gram) / len(gram)
    return np.asarray(np.linalg.solve(gram + ridge * np.eye(len(gram)), moment))


def _products(one: dict[int, Array], other: dict[int, Array], rest: Array) -> dict[Term, float]:
    """Products of functions of two different sites that are correlated for sure with what is left: t values by term."""
    left = [(site, f) for site, values in one.items() for f in range(len(values))]
    right = [(site, f) for site, values in other.items() for f in range(len(values))]
    if not left or not right:
        return {}
    first = np.concatenate(list(one.values()))
    second = first if one is other else np.concatenate(list(other.values()))
    strength = np.abs((first * rest) @ second.T) / np.sqrt((rest * rest).sum())
    found: dict[Term, float] = {}
    for i, j in zip(*(axis.tolist() for axis in np.nonzero(strength > CERTAIN)), strict=True):
        if left[i][0] < right[j][0]:
            product = first[i] * second[j] * rest
            found[left[i], right[j]] = abs(float(product.sum())) / float(np.sqrt((product * product).sum()))
    return found
