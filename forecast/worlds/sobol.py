"""Scrambled Sobol points, in numpy alone: direction numbers, random linear matrix scramble and digital shift.

Sources: Joe and Kuo, "Constructing Sobol sequences with better two-dimensional projections" (2008), for the direction
numbers; Matousek, "On the L2-discrepancy for anchored boxes" (1998), for the scramble.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

INPUT_BITS = 32  # a chain holds at most 2**32 draws
OUTPUT_BITS = 52  # (k + 1/2) / 2**52 is exact in a float64, symmetric about 1/2 and never 0 or 1
MOST_COORDINATES = 21_201  # of the direction numbers
_ONE = 0x3FF << OUTPUT_BITS  # exponent bits of a float64 in [1, 2)

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
def scramble(seed: int, chains: int, coordinates: int) -> tuple[np.ndarray, np.ndarray]:
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
