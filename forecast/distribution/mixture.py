"""Mixtures: one quantile function for several distributions, gaps, atoms and all.

The quantile function is cut where it is not smooth (at the atoms and kinks of the components, and where there is
nothing between two of them), and each piece is fitted by polynomials on cells that are halved until the fit is exact
to about 1e-12. Between two far modes the function is nearly a step and cells become very small; cells of less than
1e-13 of the score are left as they are.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np

from forecast.distribution.marginal import Invalid, Marginal, discrete, log_phi, within_reach
from forecast.distribution.table import FIT_DEGREE, REACH, Map, Table, chebyshev, fit
from forecast.special import Array, normal_score

Tails = Callable[[Array], tuple[Array, Array]]

_TOLERANCE = 2e-13
_EPSILON = 2.2e-16
_LEAST = 1e-300
_MOST = 1e300  # a quantile beyond is not told from it
_MOST_ATOMS = 20_000
_MOST_CELLS = 4_000
_HALVES = np.array([0.0, 0.5, 1.0])
_GRADED = np.append(0.0, 0.5 ** np.arange(8.0, -1.0, -1.0))  # towards an end where the function may be singular


def mixture(parts: Sequence[Marginal], weights: Sequence[float], stored: Table | None = None) -> Marginal:
    """A mixture as one marginal.

    Parameters
    ----------
    parts : sequence of Marginal
    weights : sequence of float
        Positive, adding up to 1.
    stored : Table, optional
        The table of an earlier, equal mixture.
    """
    weight = np.array(weights) / math.fsum(weights)
    atoms = _atoms(parts, weight)
    if all(part.is_discrete for part in parts):
        return discrete(*atoms)
    support = (min(p.support[0] for p in parts), max(p.support[1] for p in parts))
    kinks = tuple(sorted({k for p in parts for k in p.kinks}))
    heaviness = (min(p.heaviness[0] for p in parts), min(p.heaviness[1] for p in parts))

    def tails(x: Array) -> tuple[Array, Array]:
        lower, upper = np.zeros(x.shape), np.zeros(x.shape)
        for part, w in zip(parts, weight, strict=True):
            down, up = part.tails(x)
            lower += w * down
            upper += w * up
        return lower, upper

    def log_smooth(x: Array) -> Array:
        out = np.full(x.shape, -np.inf)
        for part, w in zip(parts, weight, strict=True):
            if part.is_discrete:
                continue
            here = part.log_density(x)
            if part.atoms[0].size:
                here = np.where(np.isin(x, part.atoms[0]), -np.inf, here)
            out = np.logaddexp(out, math.log(w) + here)
        return out

    def log_density(x: Array) -> Array:
        out = log_smooth(x)
        if atoms[0].size:
            at = np.minimum(np.searchsorted(atoms[0], x), atoms[0].size - 1)
            out = np.where(atoms[0][at] == x, np.log(atoms[1][at]), out)
        return out

    def solve_far(z: Array) -> Array:
        return _solve_anywhere(z, parts, tails)

    positive = support[0] >= 0

    @functools.cache
    def table() -> Table:
        return stored or _tabulate(parts, tails, log_smooth, np.union1d(kinks, atoms[0]), positive)

    def near(z: Array) -> Array:
        with np.errstate(over="ignore", under="ignore"):
            return table()(z, _exp if positive else None)

    def mean() -> float:
        with np.errstate(invalid="ignore"):
            return float(np.sum(weight * np.array([p.mean() for p in parts])))

    def sd() -> float:
        means, sds = np.array([p.mean() for p in parts]), np.array([p.sd() for p in parts])
        centre = mean()
        if not math.isfinite(centre):
            return math.nan if math.isnan(centre) else math.inf
        return math.sqrt(float(np.sum(weight * (sds**2 + (means - centre) ** 2))))

    return Marginal(
        within_reach(near, solve_far), tails, log_density, support, mean, sd, kinks, atoms,
        heaviness=heaviness, table=table,
    )  # fmt: skip


def _exp(y: Array) -> Array:
    return np.exp(y, out=y)


def _atoms(parts: Sequence[Marginal], weight: Array) -> tuple[Array, Array]:
    values = np.array(
        sorted({x for p in parts for x in p.atoms[0].tolist()}), dtype=np.float64
    )  # np.unique would import numpy.ma
    masses = np.zeros(values.size)
    for part, w in zip(parts, weight, strict=True):
        masses[np.searchsorted(values, part.atoms[0])] += w * part.atoms[1]
    if values.size > _MOST_ATOMS and not all(p.is_discrete for p in parts):
        keep = masses > 1e-20
        if np.count_nonzero(keep) > _MOST_ATOMS:
            raise Invalid(
                f"a mixture of continuous values and {values.size:,} separate values",
                "replace the count by a normal with its mean and sd",
            )
    return values, masses


def _solve_anywhere(z: Array, parts: Sequence[Marginal], tails: Tails) -> Array:
    """The quantile of any mixture, by bisection over the floating-point numbers themselves."""
    ends = np.array([part.from_normal(z) for part in parts])
    low, high = _lattice(ends.min(axis=0)) - 1, _lattice(ends.max(axis=0))
    for _ in range(66):
        middle = (low >> 1) + (high >> 1) + (low & high & 1)
        enough = normal_score(*tails(_unlattice(middle))) >= z
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        if np.all(high - low <= 1):
            break
    return _unlattice(high)


def _lattice(x: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Integers in the order of floating-point numbers."""
    bits = (np.asarray(x, dtype=np.float64) + 0.0).view(np.int64)
    return np.where(bits < 0, np.int64(-(2**63)) - bits, bits)


def _unlattice(i: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Array:
    return np.where(i < 0, np.int64(-(2**63)) - i, i).view(np.float64)


def _tabulate(parts: Sequence[Marginal], tails: Tails, log_smooth: Map, knots: Array, positive: bool) -> Table:
    """Cut at the knots, fit each smooth piece, put the cells and the atoms in order."""
    z_end = np.array([-REACH, REACH])
    x_end = np.clip(_solve_anywhere(z_end, parts, tails), -_MOST, _MOST)
    knots = knots[np.isfinite(knots)]
    before = normal_score(*tails(np.nextafter(knots, -np.inf)))
    after = normal_score(*tails(knots))
    inside = (after > -REACH) & (before < REACH)
    knots, before, after = knots[inside], np.maximum(before[inside], -REACH), np.minimum(after[inside], REACH)
    tiny = 8.0 * _EPSILON
    is_atom = after - before > tiny * (1.0 + np.abs(before))
    z0, x0 = np.append(-REACH, after), np.append(np.append(x_end[0], knots[:1]).min(), knots)
    z1, x1 = np.append(before, REACH), np.append(knots, np.append(x_end[1], knots[-1:]).max())
    smooth = z1 - z0 > tiny * (1.0 + np.abs(z0))
    grid = np.unique(np.concatenate([p.from_normal(np.arange(-REACH, REACH + 0.1, 0.5)) for p in parts]))
    grid = grid[np.abs(grid) < _MOST]
    at = normal_score(*tails(grid))
    left, right, bottom, top, edge = [], [], [], [], []
    for a, b, xa, xb in zip(z0[smooth], z1[smooth], x0[smooth], x1[smooth], strict=True):
        use = (grid > xa) & (grid < xb) & (at > a) & (at < b)
        cuts, where = np.concatenate([[a], at[use], [b]]), np.concatenate([[xa], grid[use], [xb]])
        wide = np.append(True, np.diff(cuts[:-1]) > 1e-13 * (1.0 + np.abs(cuts[:-2])))
        cuts, where = np.append(cuts[:-1][wide], b), np.append(where[:-1][wide], xb)
        left.append(cuts[:-1])
        right.append(cuts[1:])
        bottom.append(where[:-1])
        top.append(where[1:])
        ends = np.zeros(cuts.size - 1, dtype=int)
        ends[0] += a > -REACH
        ends[-1] += 2 * (b < REACH)
        edge.append(ends)
    cells = [np.concatenate(v) if v else np.empty(0) for v in (left, right, bottom, top, edge)]
    starts, origins, rows, atoms = _refine(cells, tails, log_smooth, positive)
    for b, a, value in zip(before[is_atom], after[is_atom], knots[is_atom], strict=True):
        row = np.zeros(FIT_DEGREE + 1)
        starts.append(np.array([b]))
        origins.append(np.array([0.5 * (a + b)]))
        rows.append(row[:, None])
        atoms.append(np.array([value]))
    start = np.concatenate(starts)
    order = np.argsort(start, kind="stable")
    values = np.concatenate(atoms)[order]
    return Table(
        np.ascontiguousarray(np.concatenate(rows, axis=1)[:, order]),
        np.concatenate(origins)[order],
        start[order][1:],
        values if is_atom.any() else None,
    )


def _refine(cells: list[Array], tails: Tails, log_smooth: Map, positive: bool) -> tuple[list[Array], ...]:
    """Halve cells until a polynomial fits; cells at a possibly singular end are graded towards it."""
    left, right, bottom, top, edge = cells
    to = np.log if positive else np.asarray
    if positive:
        bottom, top = np.maximum(bottom, _LEAST), np.maximum(top, _LEAST)
    bottom, top = to(bottom), to(top)
    nodes = chebyshev(FIT_DEGREE)[0]
    starts, origins, rows, atoms = [], [], [], []
    for turn in range(60):
        if left.size == 0:
            break
        half = 0.5 * (right - left)
        middle = left + half
        z = middle[:, None] + half[:, None] * nodes
        shape = z.shape
        low, high = np.repeat(bottom, nodes.size), np.repeat(top, nodes.size)
        start = low + (high - low) * np.tile(0.5 + 0.5 * nodes, middle.size)
        y, slope = _solve_inside(z.reshape(-1), low, high, start, tails, log_smooth, positive)
        y, slope = y.reshape(shape), slope.reshape(shape)
        rough = 16.0 * _EPSILON * (1.0 + np.abs(middle)) * np.median(slope, axis=1)  # what rounding the score does to y
        with np.errstate(over="ignore", invalid="ignore"):
            coefficients, error = fit(y, half, FIT_DEGREE)
        size = 1.0 if positive else np.abs(y).max(axis=1)
        small = half <= 5e-14 * (1.0 + np.abs(middle))
        good = (error <= _TOLERANCE * size + rough + _LEAST) | small
        if turn == 59 or (turn > 8 and good.size > _MOST_CELLS):  # figures beyond reason: monotone, if not exact
            small, good = ~good | small, np.ones_like(good)
        if np.any(small):  # no room for a polynomial: a straight line
            line = np.zeros((nodes.size, np.count_nonzero(small)))
            line[0] = 0.5 * (y[small, 0] + y[small, -1])
            line[1] = (y[small, -1] - y[small, 0]) / (2.0 * half[small])
            coefficients[:, small] = line
        starts.append(left[good])
        origins.append(middle[good])
        rows.append(coefficients[:, good])
        atoms.append(np.full(np.count_nonzero(good), np.nan))
        bad = np.flatnonzero(~good)
        pieces = [_split(left[i], right[i], int(edge[i])) for i in bad]
        if not pieces:
            break
        count = np.array([p.size - 1 for p in pieces])
        new_edge = np.zeros(count.sum(), dtype=int)
        first = np.cumsum(count) - count
        new_edge[first] |= edge[bad].astype(int) & 1
        new_edge[first + count - 1] |= edge[bad].astype(int) & 2
        left, right = np.concatenate([p[:-1] for p in pieces]), np.concatenate([p[1:] for p in pieces])
        # the ends of the new cells, from the known bracket of the old one
        low, high = np.repeat(bottom[bad], count), np.repeat(top[bad], count)
        share = (left - left[first].repeat(count)) / (right[first + count - 1] - left[first]).repeat(count)
        bottom, _ = _solve_inside(left, low, high, low + (high - low) * share, tails, log_smooth, positive)
        top = np.append(bottom[1:], high[-1:])
        bottom[first], top[first + count - 1] = low[first], high[first]
        edge = new_edge
    return starts, origins, rows, atoms


def _split(left: float, right: float, edge: int) -> Array:
    share = {0: _HALVES, 1: _GRADED, 2: 1.0 - _GRADED[::-1], 3: _HALVES}[edge]
    return left + (right - left) * share


def _solve_inside(
    z: Array, low: Array, high: Array, y: Array, tails: Tails, log_smooth: Map, positive: bool
) -> tuple[Array, Array]:
    """Newton's method on the score, kept within a bracket; also the slope of the value over the score."""
    y, low, high = y.copy(), low.copy(), high.copy()
    slope, close, last = np.zeros(z.shape), 1e-8 * (high - low), high - low
    active = np.arange(z.size)
    for _ in range(120):
        at, below, above = y[active], low[active], high[active]
        with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
            x = np.exp(at) if positive else at
            score = normal_score(*tails(x))
            log_rate = log_smooth(x) + (at if positive else 0.0)
            rate = np.exp(np.minimum(log_phi(score) - log_rate, 700.0))
            rate[~np.isfinite(rate)] = 0.0  # just outside the support
            miss = z[active] - score
            below, above = np.where(miss > 0, at, below), np.where(miss > 0, above, at)
            step = at + miss * rate
            inside = (step > below) & (step < above) & (np.abs(step - at) <= 0.5 * last[active])
            new = np.where(inside, step, 0.5 * (below + above))
        exact = np.abs(miss) <= 1.5e-15 * (1.0 + np.abs(score))
        done = exact | (inside & (np.abs(step - at) <= close[active]))  # the step taken last squares the error
        done |= above - below <= 2.0 * _EPSILON * np.maximum(np.abs(below), np.abs(above))
        low[active], high[active], slope[active], last[active] = below, above, rate, np.abs(new - at)
        y[active] = np.where(exact, at, new)
        active = active[~done]
        if active.size == 0:
            break
    return y, slope
