"""A surrogate of the answer: a sparse sum of orthonormal functions of its inputs, fitted to the run's own worlds.

Functions of one input, of two and of three are searched for those that what is left still correlates with (batchwise
orthogonal matching pursuit), and all that were chosen are fitted by least squares, in each chain alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from forecast.chaos import Block, Inputs, Site

Array = np.ndarray
Term = tuple[tuple[int, int], ...]  # (site, function) pairs, sites ascending

CERTAIN = 4.0  # standard errors of a coefficient that is let in
MOST_TERMS = 240
WORLDS_A_TERM = 12  # in each chain, so that its own fit is good
FEW = 4  # functions of each input that are tried in pairs, before the pairs that matter get all theirs
_ROUNDS = 8
_NOTHING = 1e-12  # of the variance, left to explain


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
        Variance that is left in each chain, corrected for the number of terms.
    level : float
        The constant.
    worlds : int
    """

    inputs: Inputs
    sites: tuple[Site | Block, ...]
    block: int | None
    terms: tuple[Term, ...]
    coefficients: Array
    residual: Array
    level: float
    worlds: int

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
            from forecast.chaos import normalised_hermite

            block = self.sites[self.block]
            assert isinstance(block, Block)
            coefficients = np.zeros((1, len(block)))
            for term, value in zip(self.terms, mean, strict=True):
                if len(term) == 1 and term[0][0] == self.block:
                    coefficients[0, term[0][1]] = value
            load = block.loads[self.inputs.dependent.index(own[0])]
            powers = normalised_hermite(scores[0], 12)
            for degree, tensor in block.tensors(coefficients).items():
                for _ in range(degree):
                    tensor = tensor @ load
                total += float(tensor[0]) * powers[degree]
            return total
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
        sites.append(Block(inputs.correlation[np.ix_(inputs.dependent, inputs.dependent)]))
    search = _Search(target, flat, inputs, tuple(sites), block)
    terms, coefficients, residual = search.run()
    return Surrogate(inputs, tuple(sites), block, tuple(terms), coefficients, residual, float(target.mean()), chains * draws)


class _Search:
    """The state of one search: functions evaluated so far, terms let in, and what is left."""

    def __init__(self, target: Array, scores: Array, inputs: Inputs, sites: tuple[Site | Block, ...], block: int | None) -> None:
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
        left = self.target
        variance = float((left**2).mean())
        promising: set[tuple[int, ...]] = set()
        for turn in range(_ROUNDS):
            size = float(np.sqrt((left**2).mean()))
            if size**2 <= _NOTHING * variance or len(self.terms) >= self.most:
                break
            rest = (left / size).astype(np.float32)
            found = self._mains(rest, FEW + 2 if turn == 0 else None)
            if turn:
                pairs = self._pairs(rest, promising)
                found |= pairs
                promising |= {tuple(site for site, _ in term) for term in pairs if len(term) == 2}
                if turn > 1:
                    found |= self._triples(rest, promising)
            fresh = {term: t for term, t in found.items() if t > CERTAIN and term not in self.terms}
            if turn and not fresh:
                break
            best = sorted(fresh, key=lambda term: (-fresh[term], term))
            # After the first terms the threshold falls with what is left, so a batch is no larger than what is in already.
            self._admit(best[: min(self.most - len(self.terms), 40 + len(self.terms))])
            left = self._left()
        return self._fitted()

    def _mains(self, rest: Array, count: int | None) -> dict[Term, float]:
        active = {site for term in self.terms for site, _ in term}
        found = {}
        for site in range(len(self.sites)):
            wanted = len(self.sites[site]) if site in active or site == self.block or count is None else count
            moments = np.abs(self.functions(site, wanted) @ rest) / np.sqrt(len(rest))
            found.update({((site, f),): float(t) for f, t in enumerate(moments)})
        return found

    def _pairs(self, rest: Array, promising: Iterable[tuple[int, ...]]) -> dict[Term, float]:
        """Products of the first few functions of all pairs of sites, and of all functions of promising pairs."""
        few = {s: self.functions(s, self._few(s)) for s in range(len(self.sites))}
        labels = [(site, f) for site, values in few.items() for f in range(len(values))]
        stacked = np.concatenate(list(few.values())) if few else np.empty((0, len(rest)), np.float32)
        products = _weighted_products(stacked, stacked, rest)
        found: dict[Term, float] = {}
        high, low = np.nonzero(np.tril(np.abs(products) > CERTAIN * np.sqrt(len(rest))))
        for i, j in zip(high.tolist(), low.tolist(), strict=True):
            if labels[i][0] != labels[j][0]:
                found[tuple(sorted((labels[i], labels[j])))] = float(abs(products[i, j])) / np.sqrt(len(rest))
        for pair in {tuple(site for site, _ in term) for term in found} | set(promising):
            one, other = (self.functions(s, self.sites[s].up_to_degree(3) if isinstance(self.sites[s], Block) else len(self.sites[s])) for s in pair)  # type: ignore[union-attr]
            table = np.abs(_weighted_products(one, other, rest)) / np.sqrt(len(rest))
            for i, j in zip(*(axis.tolist() for axis in np.nonzero(table > CERTAIN)), strict=True):
                found[tuple(sorted(((pair[0], i), (pair[1], j))))] = float(table[i, j])
        return found

    def _triples(self, rest: Array, promising: Iterable[tuple[int, ...]]) -> dict[Term, float]:
        """Products of three functions of sites that interact in pairs."""
        weight: dict[int, float] = {}
        for term, value in zip(self.terms, self._pooled()[1:], strict=True):
            if len(term) > 1:
                for site, _ in term:
                    weight[site] = weight.get(site, 0.0) + float(value) ** 2
        chosen = sorted(weight, key=lambda site: -weight[site])[:8]
        if len(chosen) < 3:
            return {}
        few = {s: self.functions(s, min(self._few(s), 4 if len(chosen) < 7 else 3)) for s in sorted(chosen)}
        labels = [(site, f) for site, values in few.items() for f in range(len(values))]
        stacked = np.concatenate(list(few.values()))
        found: dict[Term, float] = {}
        for place, label in enumerate(labels):
            after = [k for k in range(len(labels)) if labels[k][0] > label[0]]
            if not after:
                continue
            products = _weighted_products(stacked[after], stacked[after], rest * stacked[place])
            high, low = np.nonzero(np.tril(np.abs(products) > CERTAIN * np.sqrt(len(rest))))
            for i, j in zip(high.tolist(), low.tolist(), strict=True):
                one, other = labels[after[i]], labels[after[j]]
                if one[0] != other[0]:
                    found[tuple(sorted((label, one, other)))] = float(abs(products[i, j])) / np.sqrt(len(rest))
        return found

    def _few(self, site: int) -> int:
        chosen = self.sites[site]
        if isinstance(chosen, Block):
            return chosen.up_to_degree(2) if len(chosen.loads) <= 10 else chosen.up_to_degree(1)
        return min(FEW, len(chosen))

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
        return np.asarray(np.linalg.lstsq(self.gram[:, :last, :last].sum(axis=0), self.moment[:, :last].sum(axis=0), rcond=1e-10)[0])

    def _left(self) -> Array:
        last = len(self.terms) + 1
        return self.target - self._pooled() @ self.columns[:last].reshape(last, -1)

    def _fitted(self) -> tuple[list[Term], Array, Array]:
        last = len(self.terms) + 1
        target = self.target.reshape(self.chains, self.draws)
        coefficients, residual = np.empty((self.chains, last)), np.empty(self.chains)
        for chain in range(self.chains):
            found = np.linalg.lstsq(self.gram[chain, :last, :last], self.moment[chain, :last], rcond=1e-12)[0]
            coefficients[chain] = found
            left = target[chain] - found @ self.columns[:last, chain]
            residual[chain] = (left @ left) / max(1, self.draws - last)
        return self.terms, coefficients[:, 1:], residual


def _weighted_products(one: Array, other: Array, weight: Array) -> Array:
    """Sums over worlds of weight * one_i * other_j, (i, j)."""
    return np.asarray((one * weight) @ other.T)
