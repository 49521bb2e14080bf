"""Sobol points: direction numbers against scipy, the ends of their range, and what they import."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import qmc

from forecast.worlds.sobol import INPUT_BITS, direction_numbers, sobol_points


@pytest.mark.parametrize("dimensions", [1, 2, 40, 41, 300])  # up to 40 from the table here, beyond from scipy's file
def test_unscrambled_points_are_scipys(dimensions: int) -> None:
    # scipy goes through the points in Gray code order, and takes 0 where ours are centred in cells of 2**-52.
    count = 1_024
    expected = qmc.Sobol(dimensions, scramble=False, bits=INPUT_BITS).random(count)
    index = np.arange(count)
    found = np.empty((dimensions, 1, count))
    for row, numbers in enumerate(direction_numbers(dimensions)):
        sobol_points(numbers[None] << np.uint64(52 - INPUT_BITS), np.zeros(1, dtype=np.uint64), 0, count, found[row])
    assert np.array_equal(found[:, 0, index ^ index >> 1].T - 2.0**-53, expected)


def test_the_extreme_points_are_finite_and_symmetric() -> None:
    out = np.empty((2, 1))
    none, all_bits = np.uint64(0), np.uint64((1 << 52) - 1)
    sobol_points(np.zeros((2, INPUT_BITS), dtype=np.uint64), np.array([none, all_bits]), 0, 1, out)
    assert out[0, 0] == 2.0**-53 and out[1, 0] == 1 - 2.0**-53


def test_sobol_points_import_neither_scipy_nor_numpy_random() -> None:
    code = (
        "import sys; from forecast.worlds import Design, scores; scores(Design(('a',), 1), 0, 8);"
        "print([m for m in ('scipy', 'numpy.random', 'zipfile') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
