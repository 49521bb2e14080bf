"""The design of possible worlds: which normal scores every uncertain input takes in every world.

A world is a position (chain, draw). Every marginal is a function of one normal score, so the whole design is one
array of normal scores. Worlds come from Sobol points, scrambled `Design.chains` times independently: the spread of
those replicates is the Monte Carlo error of every result. ``method="mc"`` draws independent worlds instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np

from forecast.special import ndtri
from forecast.worlds.sobol import INPUT_BITS, scramble, sobol_points

_CHUNK = 2_048  # independent draws that share a key; part of what a seed means, so never to be tuned
_CACHED = 16_384  # numbers worked on at a time, so that temporaries stay in cache
_FIRST = 8_192  # worlds whose scores are kept


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
        (`forecast.dependence.factor`) and rotation (`forecast.worlds.rotation.aimed`). None: one coordinate per input.
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
    out = np.empty((len(design.inputs), design.chains, stop - start))
    term = np.empty(out.shape[1:])
    some = mixing != 0
    # A coordinate that is one input's score as it stands is made in its place.
    alone = (mixing == 1) & (some.sum(axis=1, keepdims=True) == 1) & (some.sum(axis=0) == 1)
    places = {coordinate: out[row] for row, coordinate in np.argwhere(alone).tolist()}
    columns = _sobol if design.method == "qmc" else _independent
    begun: set[int] = set()
    # Elementwise sums instead of a matrix product: BLAS orders its sums by block shape and thread count.
    for coordinate, score in zip(used, columns(design, used, start, stop, places), strict=True):
        if score is places.get(coordinate):
            continue
        for row in np.flatnonzero(some[:, coordinate]).tolist():
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


def _sobol(
    design: Design, used: Sequence[int], start: int, stop: int, places: Mapping[int, np.ndarray]
) -> Iterator[np.ndarray]:
    """A (chain, draw) array of normal scores for each used coordinate in turn: in its place, or soon overwritten."""
    if start == 0 and design.chains * stop <= _FIRST:
        for coordinate in used:
            yield _first(design.seed, design.chains, design.coordinates, coordinate, stop)
        return
    spare = np.empty((design.chains, stop - start))
    for coordinate in used:
        out = places.get(coordinate, spare)
        _fill(out, design.seed, design.chains, design.coordinates, coordinate, start)
        yield out


def _fill(out: np.ndarray, seed: int, chains: int, coordinates: int, coordinate: int, start: int) -> None:
    directions, shifts = scramble(seed, chains, coordinates)
    sobol_points(directions[coordinate], shifts[coordinate], start, start + out.shape[1], out)
    flat = out.reshape(-1)
    for first in range(0, flat.size, _CACHED):
        flat[first : first + _CACHED] = ndtri(flat[first : first + _CACHED])


@lru_cache(maxsize=64)  # 4 MiB
def _first(seed: int, chains: int, coordinates: int, coordinate: int, stop: int) -> np.ndarray:
    """Scores (chain, draw) of a coordinate's first draws, which a run asks for more than once."""
    out = np.empty((chains, stop))
    _fill(out, seed, chains, coordinates, coordinate, 0)
    out.flags.writeable = False
    return out


def _independent(
    design: Design, used: Sequence[int], start: int, stop: int, places: Mapping[int, np.ndarray]
) -> Iterator[np.ndarray]:
    """As `_sobol`, from generators keyed by chain and by chunk of draws, each drawing coordinate after coordinate."""
    chunks = range(start // _CHUNK, -(-stop // _CHUNK))
    keys = [[(design.seed, chain, chunk) for chunk in chunks] for chain in range(design.chains)]
    generators = [[np.random.Generator(np.random.SFC64(np.random.SeedSequence(key))) for key in row] for row in keys]
    asked = slice(start - chunks.start * _CHUNK, stop - chunks.start * _CHUNK)
    spare = np.empty((2, design.chains, len(chunks) * _CHUNK))
    whole = spare.shape[2] == stop - start
    for coordinate in range(0, used[-1] + 1 if used else 0, 2):
        pair = [places.get(coordinate + offset, spare[offset]) if whole else spare[offset] for offset in (0, 1)]
        for uniform in pair:
            for chain, row in enumerate(generators):
                for chunk, generator in enumerate(row):
                    generator.random(out=uniform[chain, chunk * _CHUNK : (chunk + 1) * _CHUNK])
        wanted = [offset for offset in (0, 1) if coordinate + offset in used]
        for first in range(0, spare[0].size if wanted else 0, _CACHED):
            _to_normal(*(uniform.reshape(-1)[first : first + _CACHED] for uniform in pair))
        for offset in wanted:
            yield pair[offset] if whole else pair[offset][:, asked]


def _to_normal(first: np.ndarray, second: np.ndarray) -> None:
    """Two arrays of uniform numbers in [0, 1), overwritten by normal ones.

    Box and Muller, "A note on the generation of random normal deviates", Annals of Mathematical Statistics 29 (1958).
    Sine and cosine come from the tangent t of half the angle, which numpy has vectorised: ``2 t / (1 + t²)`` and
    ``2 / (1 + t²) - 1``.
    """
    twice = np.subtract(1.0, first, out=first)  # the radius, from (0, 1]
    np.log(twice, out=twice)
    twice *= -8.0
    np.sqrt(twice, out=twice)
    second *= math.pi
    tangent = np.tan(second, out=second)
    share = tangent * tangent
    share += 1.0
    np.divide(twice, share, out=share)
    twice *= 0.5
    np.subtract(share, twice, out=first)
    tangent *= share
