"""The design of possible worlds: which normal scores every uncertain input takes in every world.

A world is a position (chain, draw). Every marginal is a function of one normal score, so the whole design is one
array of normal scores. Worlds come from Sobol points, scrambled `Design.chains` times independently: the spread of
those replicates is the Monte Carlo error of every result. ``method="mc"`` draws independent worlds instead.

Sources: Joe and Kuo, "Constructing Sobol sequences with better two-dimensional projections" (2008), for the direction
numbers; Matousek, "On the L2-discrepancy for anchored boxes" (1998), for the random linear matrix scramble.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from forecast.special import ndtri

INPUT_BITS = 32  # a chain holds at most 2**32 draws
OUTPUT_BITS = 52  # (k + 1/2) / 2**52 is exact in a float64, symmetric about 1/2 and never 0 or 1
MOST_COORDINATES = 21_201  # of the direction numbers
_ONE = 0x3FF << OUTPUT_BITS  # exponent bits of a float64 in [1, 2)
_CHUNK = 2_048  # independent draws that share a key; part of what a seed means, so never to be tuned
FIT = 0.85  # share of an output's variance that a line must explain before its direction is aimed at
_NOTHING = 1e-13  # an entry of a rotation that is rounding alone: a zero spares two passes over the worlds
_CACHED = 16_384  # numbers worked on at a time, so that temporaries stay in cache


# Primitive polynomials (their bits are the coefficients) and initial direction numbers of coordinates 2 to 40, from the
# file new-joe-kuo-6 of Joe and Kuo (2008). They spare most studies the reading of scipy's file with all of them.
_FIRST: tuple[tuple[int, tuple[int, ...]], ...] = (
    (3, (1,)), (7, (1, 3)), (11, (1, 3, 1)), (13, (1, 1, 1)), (19, (1, 1, 3, 3)), (25, (1, 3, 5, 13)),
    (37, (1, 1, 5, 5, 17)), (41, (1, 1, 5, 5, 5)), (47, (1, 1, 7, 11, 19)), (55, (1, 1, 5, 1, 1)),
    (59, (1, 1, 1, 3, 11)), (61, (1, 3, 5, 5, 31)), (67, (1, 3, 3, 9, 7, 49)), (91, (1, 1, 1, 15, 21, 21)),
    (97, (1, 3, 1, 13, 27, 49)), (103, (1, 1, 1, 15, 7, 5)), (109, (1, 3, 1, 15, 13, 25)),
    (115, (1, 1, 5, 5, 19, 61)), (131, (1, 3, 7, 11, 23, 15, 103)), (137, (1, 3, 7, 13, 13, 15, 69)),
    (143, (1, 1, 3, 13, 7, 35, 63)), (145, (1, 3, 5, 9, 1, 25, 53)), (157, (1, 3, 1, 13, 9, 35, 107)),
    (167, (1, 3, 1, 5, 27, 61, 31)), (171, (1, 1, 5, 11, 19, 41, 61)), (185, (1, 3, 5, 3, 3, 13, 69)),
    (191, (1, 1, 7, 13, 1, 19, 1)), (193, (1, 3, 7, 5, 13, 19, 59)), (203, (1, 1, 3, 9, 25, 29, 41)),
    (211, (1, 3, 5, 13, 23, 1, 55)), (213, (1, 3, 7, 3, 13, 59, 17)), (229, (1, 3, 1, 3, 5, 53, 69)),
    (239, (1, 1, 5, 5, 23, 33, 13)), (241, (1, 1, 7, 7, 1, 61, 123)), (247, (1, 1, 7, 9, 13, 61, 49)),
    (253, (1, 3, 3, 5, 3, 55, 33)), (285, (1, 3, 1, 15, 31, 13, 49, 245)), (299, (1, 3, 5, 15, 31, 59, 63, 97)),
    (301, (1, 3, 1, 11, 11, 11, 77, 249)),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Design:
    """What fixes every world: equal designs give equal worlds, draw by draw.

    Parameters
    ----------
    inputs : tuple of str
        Names of the uncertain inputs; each has one normal score per world.
    seed : int
        Non-negative seed.
    method : {"qmc", "mc"}
        Scrambled Sobol points, or independent draws.
    chains : int
        Number of independent replicates.
    mixing : ndarray (input, coordinate) or None
        Rows have length one: input scores are ``mixing @ coordinates``. It carries dependence
        (`forecast.dependence.factor`) and rotation (`aimed`). None: one coordinate per input.
    given : mapping of str to ndarray (chain, particle)
        Inputs whose scores are not the design's own but these, over and over: draws of a posterior.
    """

    inputs: tuple[str, ...]
    seed: int
    method: Literal["qmc", "mc"] = "qmc"
    chains: int = 8
    mixing: np.ndarray | None = None
    given: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def coordinates(self) -> int:
        """Number of independent coordinates behind the inputs."""
        return len(self.inputs) if self.mixing is None else self.mixing.shape[1]


def scores(design: Design, start: int, stop: int) -> np.ndarray:
    """Normal scores of the draws start to stop - 1 of every chain.

    The numbers of a draw depend on the design alone, bit for bit: not on the block that asks for them, nor on how
    many inputs come after. So draws 0 to 2**(m+1) begin with draws 0 to 2**m. Blocks that start at a multiple of
    their own power-of-two length are the fastest.

    Parameters
    ----------
    design : Design
        The design.
    start, stop : int
        Half-open range of draws, ``0 <= start <= stop <= 2**32``.

    Returns
    -------
    ndarray (input, chain, draw)
        Standard normal scores. With ``"qmc"`` none lies beyond 8.3; the 52-bit resolution of the points does not
        limit the tails.

    Examples
    --------
    >>> z = scores(Design(("price", "growth"), seed=1), 0, 1024)
    >>> z.shape
    (2, 8, 1024)
    >>> bool(abs(z.mean()) < 1e-3)
    True
    """
    if not 0 <= start <= stop <= 1 << INPUT_BITS:
        raise ValueError(f"draws {start} to {stop} lie outside 0 to 2**{INPUT_BITS}; ask for fewer draws")
    mixing = np.eye(len(design.inputs)) if design.mixing is None else design.mixing
    if design.given:
        mixing = np.where(np.isin(design.inputs, list(design.given))[:, None], 0.0, mixing)
    used = np.flatnonzero(mixing.any(axis=0)).tolist()
    columns = (_sobol if design.method == "qmc" else _independent)(design, used, start, stop)
    out = np.empty((len(design.inputs), design.chains, stop - start))
    term = np.empty(out.shape[1:])
    begun: set[int] = set()
    # Elementwise sums instead of a matrix product: BLAS orders its sums by block shape and thread count.
    for coordinate, score in zip(used, columns, strict=True):
        for row in np.flatnonzero(mixing[:, coordinate]).tolist():
            if row not in begun:
                np.multiply(score, mixing[row, coordinate], out=out[row])
                begun.add(row)
            else:
                out[row] += np.multiply(score, mixing[row, coordinate], out=term)
    for row, name in enumerate(design.inputs):
        if name in design.given:
            particles = design.given[name]
            np.take(particles, np.arange(start, stop) % particles.shape[1], axis=1, out=out[row])
    return out


def aimed(design: Design, pilot: np.ndarray, outputs: np.ndarray, follows: np.ndarray | None = None) -> Design:
    """The design turned so that the directions which decide the outputs lie on the best Sobol coordinates.

    Sobol points fill the space of their first coordinates most evenly. Independent normal scores stay independent
    normal scores under rotation, so aiming changes the error of a result and not what it estimates, provided that
    the pilot comes from another seed than the design.

    The normal scores of each output are regressed on the coordinates. Outputs that fit well (adjusted R² of `FIT`
    or more: products, powers, sums of them) are aimed at: their directions, those of fewest inputs first and each
    orthogonal to the ones before, become coordinates. Kinks, steps and choices live on the axes and would lose by
    rotation, so the coordinates of every output that fits badly stay as they are, put in order of importance.

    Parameters
    ----------
    design : Design
        The design; returned as it is unless its method is ``"qmc"``.
    pilot : ndarray (coordinate, world)
        Scores of the coordinates (not of the inputs), about 512 worlds.
    outputs : ndarray (output, world)
        What came of them; infinities are ordered.
    follows : ndarray (output, coordinate) of bool, optional
        Which coordinates an output can depend on; all of them if left out. Knowing this spares coordinates of no
        consequence, and lets a well-fitted output be aimed at beside a badly fitted one of other inputs.

    Returns
    -------
    Design
        Same inputs, seed, method and chains; another mixing.
    """
    if design.method != "qmc" or design.coordinates < 2:
        return design
    follows = np.ones((len(outputs), len(pilot)), dtype=bool) if follows is None else follows
    loads, fits = _regressed(pilot, outputs, follows)
    kept = follows[~fits].any(axis=0)
    directions: list[np.ndarray] = []
    aims = np.where(kept, 0.0, loads[fits])
    norm = np.maximum((aims**2).sum(axis=1, keepdims=True), 1e-300)
    for aim in aims[np.argsort(-((aims**2 / norm) ** 2).sum(axis=1), kind="stable")]:
        rest = aim - sum(((direction @ aim) * direction for direction in directions), np.zeros(len(aim)))
        if np.linalg.norm(rest) > 0.1:
            directions.append(rest / np.linalg.norm(rest))
    turn = _completed(np.array(directions).reshape(-1, len(pilot)), loads)
    turn = turn[:, np.argsort(-np.round((loads @ turn) ** 2, 12).sum(axis=0), kind="stable")]
    mixing = turn if design.mixing is None else design.mixing @ turn
    return replace(design, mixing=np.where(np.abs(mixing) < _NOTHING, 0.0, mixing))


def _regressed(pilot: np.ndarray, outputs: np.ndarray, follows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slopes (output, coordinate) of the outputs' normal scores, without those that are noise, and which fit well."""
    worlds = pilot.shape[1]
    loads, fits = np.zeros(follows.shape), np.zeros(len(outputs), dtype=bool)
    solvers: dict[bytes, np.ndarray] = {}  # many outputs follow from the same coordinates: a quantity in each year
    for row, (output, follow) in enumerate(zip(outputs, follows, strict=True)):
        degrees = worlds - 1 - int(follow.sum())
        if degrees < worlds // 2 or output.min() == output.max():
            continue
        # Outputs of a formula rarely tie; where they do, any order of the tied only lowers the fit.
        score = ndtri((np.argsort(np.argsort(output, kind="stable"), kind="stable") + 0.5) / worlds)
        inverse = solvers.get(follow.tobytes())
        if inverse is None:
            inverse = solvers[follow.tobytes()] = np.linalg.pinv(pilot[follow].T)
        slopes = (inverse * score).sum(axis=1)
        unexplained = float(((score - slopes @ pilot[follow]) ** 2).mean() / (score**2).mean()) * worlds / degrees
        slopes[np.abs(slopes) < 2 * np.sqrt(unexplained / worlds)] = 0
        loads[row, follow] = slopes
        fits[row] = unexplained <= 1 - FIT
    return loads, fits


def _completed(directions: np.ndarray, loads: np.ndarray) -> np.ndarray:
    """An orthogonal matrix that starts with the directions (direction, coordinate) and leaves the other axes alone."""
    count = loads.shape[1]
    turned = np.flatnonzero(directions.any(axis=0))
    still = np.flatnonzero(~directions.any(axis=0))
    inside = directions[:, turned]
    left = np.abs(loads[:, turned] - loads[:, turned] @ inside.T @ inside).sum(axis=0)
    # The axes with the most left to explain complete the basis; the last ones turn out dependent and are dropped.
    axes = np.eye(len(turned))[:, np.argsort(-left, kind="stable")]
    basis = np.linalg.qr(np.hstack([inside.T, axes]))[0][:, : len(turned)]
    matrix = np.zeros((count, count))
    matrix[np.ix_(turned, np.arange(len(turned)))] = basis
    matrix[still, np.arange(len(turned), count)] = 1
    return matrix


def _sobol(design: Design, used: Sequence[int], start: int, stop: int) -> Iterator[np.ndarray]:
    """A (chain, draw) array of normal scores for each used coordinate in turn, overwritten by the next."""
    directions, shifts = _scramble(design.seed, design.chains, design.coordinates)
    out = np.empty((design.chains, stop - start))
    flat = out.reshape(-1)
    for coordinate in used:
        sobol_points(directions[coordinate], shifts[coordinate], start, stop, out)
        for first in range(0, flat.size, _CACHED):
            flat[first : first + _CACHED] = ndtri(flat[first : first + _CACHED])
        yield out


def _independent(design: Design, used: Sequence[int], start: int, stop: int) -> Iterator[np.ndarray]:
    """As `_sobol`, from generators keyed by chain and by chunk of draws, each drawing coordinate after coordinate."""
    chunks = range(start // _CHUNK, -(-stop // _CHUNK))
    keys = [[(design.seed, chain, chunk) for chunk in chunks] for chain in range(design.chains)]
    generators = [[np.random.Generator(np.random.SFC64(np.random.SeedSequence(key))) for key in row] for row in keys]
    asked = slice(start - chunks.start * _CHUNK, stop - chunks.start * _CHUNK)
    out = np.empty((design.chains, len(chunks) * _CHUNK))
    for coordinate in range(used[-1] + 1 if used else 0):
        for chain, row in enumerate(generators):
            for chunk, generator in enumerate(row):
                generator.standard_normal(out=out[chain, chunk * _CHUNK : (chunk + 1) * _CHUNK])
        if coordinate in used:
            yield out[:, asked]


def sobol_points(directions: np.ndarray, shifts: np.ndarray, start: int, stop: int, out: np.ndarray) -> None:
    """Fill `out` (chain, draw) with the points start to stop - 1 of one coordinate, in (0, 1).

    Points are counted in natural order (scipy counts in Gray code; every aligned block of 2**m holds the same points).

    Parameters
    ----------
    directions : ndarray (chain, bit) of uint64
        Direction numbers, `OUTPUT_BITS` wide.
    shifts : ndarray (chain,) of uint64
        Digital shift.
    start, stop : int
        Half-open range of points.
    out : ndarray (chain, draw)
        Receives the points.
    """
    words = out.view(np.uint64)
    for first, size in _aligned_blocks(start, stop):
        block = words[:, first - start : first - start + size]
        block[:, 0] = shifts | np.uint64(_ONE)
        for bit in range(size.bit_length() - 1, INPUT_BITS):
            if first >> bit & 1:
                block[:, 0] ^= directions[:, bit]
        for bit in range(size.bit_length() - 1):
            half = 1 << bit
            np.bitwise_xor(block[:, :half], directions[:, bit, None], out=block[:, half : 2 * half])
    out -= 1 - 2.0 ** -(OUTPUT_BITS + 1)  # exact: [1, 2) to the centres of the 2**52 cells of (0, 1)


def _aligned_blocks(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Cut a range into blocks of a power of two that start at a multiple of their size: (start, size)."""
    while start < stop:
        size = 1 << ((stop - start).bit_length() - 1)
        if start:
            size = min(size, start & -start)
        yield start, size
        start += size


@lru_cache(maxsize=4)
def _scramble(seed: int, chains: int, coordinates: int) -> tuple[np.ndarray, np.ndarray]:
    """Directions (coordinate, chain, bit) and shifts (coordinate, chain) of the scrambled sequences."""
    raw = _words(seed, chains, coordinates * (INPUT_BITS + 1))
    raw = raw.reshape(chains, coordinates, INPUT_BITS + 1).swapaxes(0, 1) >> np.uint64(64 - OUTPUT_BITS)
    # Lower triangular matrix with ones on the diagonal; column i is a word whose leading bit is bit i.
    lead = np.uint64(1) << np.arange(OUTPUT_BITS - 1, OUTPUT_BITS - 1 - INPUT_BITS, -1, dtype=np.uint64)
    columns = raw[:, :, :INPUT_BITS] & (lead - np.uint64(1)) | lead
    plain = direction_numbers(coordinates)
    directions = np.zeros((coordinates, chains, INPUT_BITS), dtype=np.uint64)
    for bit in range(INPUT_BITS):
        has = (plain >> np.uint64(INPUT_BITS - 1 - bit) & np.uint64(1))[:, None, :]
        directions ^= has * columns[:, :, bit, None]
    for array in (directions, raw):
        array.flags.writeable = False
    return directions, raw[:, :, INPUT_BITS]


def _words(seed: int, chains: int, count: int) -> np.ndarray:
    """Random words (chain, word) of uint64: SplitMix64 (Steele, Lea and Flood 2014), a stream for each chain.

    Not `numpy.random`, whose import costs a tenth of numpy's own; the Sobol path needs a few thousand words.
    """

    def mix(word: np.ndarray) -> np.ndarray:
        word = (word ^ word >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        word = (word ^ word >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        mixed: np.ndarray = word ^ word >> np.uint64(31)
        return mixed

    step = np.uint64(0x9E3779B97F4A7C15)
    streams = mix(mix(np.array([seed], dtype=np.uint64)) + np.arange(1, chains + 1, dtype=np.uint64) * step)
    return mix(streams[:, None] + np.arange(1, count + 1, dtype=np.uint64) * step)


@lru_cache(maxsize=4)
def direction_numbers(coordinates: int) -> np.ndarray:
    """Sobol direction numbers of Joe and Kuo (2008), without importing scipy.

    Parameters
    ----------
    coordinates : int
        How many coordinates, at most 21,201.

    Returns
    -------
    ndarray (coordinate, bit) of uint64
        32-bit numbers; the point of index i is the exclusive or of those whose bit is set in i.
    """
    if coordinates > MOST_COORDINATES:
        raise ValueError(f"{coordinates} coordinates asked, {MOST_COORDINATES} exist; use method='mc'")
    rows = _FIRST[: max(0, coordinates - 1)] if coordinates <= len(_FIRST) + 1 else _packaged(coordinates)
    numbers = np.empty((coordinates, INPUT_BITS), dtype=np.uint64)
    numbers[:1] = 1
    for row, (polynomial, initial) in enumerate(rows, start=1):
        numbers[row] = _recurrence(polynomial, initial)
    numbers <<= np.arange(INPUT_BITS - 1, -1, -1, dtype=np.uint64)
    numbers.flags.writeable = False
    return numbers


def _packaged(coordinates: int) -> list[tuple[int, Sequence[int]]]:
    """Polynomials and initial numbers of all coordinates but the first, from the file that scipy packages."""
    from importlib.util import find_spec

    spec = find_spec("scipy")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("scipy, which packages the Sobol direction numbers, is not installed; install scipy")
    path = os.path.join(spec.submodule_search_locations[0], "stats", "_sobol_direction_numbers.npz")
    with open(path, "rb") as file:
        archive = file.read()
    polynomials = _columns(archive, b"poly.npy", 1)[0, 1:coordinates].tolist()
    degree = max(map(int.bit_length, polynomials), default=1) - 1
    initial = _columns(archive, b"vinit.npy", max(degree, 1))[:, 1:coordinates].T.tolist()
    return list(zip(polynomials, initial, strict=True))


def _columns(archive: bytes, name: bytes, count: int) -> np.ndarray:
    """The first columns (column, row) of an array stored column by column in an npz archive.

    Only as much is unpacked as is needed: numpy.load would cost ten times the CPU, a tenth of importing numpy.
    """
    import zlib
    from io import BytesIO

    # In a member's header the name follows the lengths of itself and of an extra field, and the data follow both.
    at = archive.index(name)
    start = at + len(name) + int.from_bytes(archive[at - 2 : at], "little")
    member = zlib.decompressobj(-zlib.MAX_WBITS)
    head = BytesIO(member.decompress(archive[start:], 4_096))
    np.lib.format.read_magic(head)
    shape, by_column, kind = np.lib.format.read_array_header_1_0(head)
    if len(shape) > 1 and not by_column:
        raise ImportError(f"scipy's {name.decode()} is not stored column by column; install scipy 1.18")
    size = shape[0] * kind.itemsize * count
    rest = head.read()
    data = rest + member.decompress(member.unconsumed_tail, max(1, size - len(rest)))
    return np.frombuffer(data[:size], dtype=kind).reshape(count, shape[0])


def _recurrence(polynomial: int, initial: Sequence[int]) -> list[int]:
    degree = polynomial.bit_length() - 1
    terms = [k for k in range(1, degree + 1) if polynomial >> (degree - k) & 1]
    numbers = list(initial[:degree])
    for bit in range(degree, INPUT_BITS):
        number = numbers[bit - degree]
        for k in terms:
            number ^= numbers[bit - k] << k
        numbers.append(number)
    return numbers[:INPUT_BITS]
