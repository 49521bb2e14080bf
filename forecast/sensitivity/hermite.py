"""Hermite polynomials of normal scores, orthogonal under the normal distribution."""

from __future__ import annotations

import math

import numpy as np

Array = np.ndarray


def hermite(score: Array, degree: int) -> Array:
    """Hermite polynomials (degree, world), He_0 = 1, He_1 = z, He_2 = z² - 1, …"""
    rows = [np.ones_like(score), score]
    for k in range(1, degree):
        rows.append(score * rows[k] - k * rows[k - 1])
    return np.array(rows[: degree + 1])


def normalised_hermite(score: Array, degree: int) -> Array:
    """Hermite polynomials of variance one."""
    return hermite(score, degree) / np.sqrt([math.factorial(k) for k in range(degree + 1)])[:, None]
