"""The normal distribution function, its logarithm and its inverse, in numpy alone.

Importing ``scipy.special`` costs more CPU than a whole forecast, and these four functions stand on the hot path of
every draw. Each value of the result depends on its own argument only, never on the length or the alignment of the
array, so that blocks and threads cannot change a result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # what typing needs costs a hundredth of importing numpy
    import numpy.typing as npt

type Array = npt.NDArray[np.float64]

# Mills-type ratio R(a) = Phi(-a) exp(a²/2): rational in a on [0, 6], a R(a) rational in 1/a² beyond. Weighted least
# squares in 60-digit arithmetic, lowest power first; relative error 2e-17 and 4e-18 before rounding.
_NEAR = 6.0
_NEAR_TOP = (
    0.5, 0.5710256436187684, 0.32822954526949116, 0.11624055090778555, 0.026983690483669606, 0.004076715173950175,
    0.000371183524736936, 1.579797886870161e-05, 1.177904979915882e-12,
)  # fmt: skip
_NEAR_BOTTOM = (
    1.0, 1.9399358480403985, 1.7043039526385613, 0.8883125087868037, 0.3015345279564464, 0.06856651359385639,
    0.010258541192920816, 0.0009304127670740084, 3.959985758961809e-05,
)  # fmt: skip
_FAR_TOP = (
    0.3989422804014327, 17.604555721552686, 247.85132786047947, 1288.984698412029, 2103.5941301223947,
    485.4661851517503,
)  # fmt: skip
_FAR_BOTTOM = (
    1.0, 45.12807713396088, 663.3992234539497, 3774.0204826076656, 7628.672512528051, 3681.0305993825777,
)  # fmt: skip

# Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics 37 (1988), PPND16;
# lowest power first.
_MIDDLE_TOP = (
    3.3871328727963666080, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
    4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
)  # fmt: skip
_MIDDLE_BOTTOM = (
    1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
    3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3,
)  # fmt: skip
_SIDE_TOP = (
    1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
    1.27045825245236838258, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4,
)  # fmt: skip
_SIDE_BOTTOM = (
    1.0, 2.05319162663775882187, 1.67638483018380384940, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
    1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9,
)  # fmt: skip
_END_TOP = (
    6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 2.96560571828504891230e-1,
    2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
)  # fmt: skip
_END_BOTTOM = (
    1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
    7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15,
)  # fmt: skip

_HIGH_BITS = np.uint64(0xFFFFFFFFF8000000)
_LOG_HALF = -math.log(2.0)
_LOG_SIDE = math.log(0.075)


def _polynomial(coefficients: Sequence[float], x: Array) -> Array:
    """Horner's rule, lowest power first."""
    out = x * coefficients[-1]
    for c in coefficients[-2:0:-1]:
        out += c
        out *= x
    out += coefficients[0]
    return out


def _ratio(top: Sequence[float], bottom: Sequence[float], x: Array) -> Array:
    out = _polynomial(top, x)
    out /= _polynomial(bottom, x)
    return out


def _mills(a: Array) -> Array:
    """``Phi(-a) exp(a²/2)`` for ``a >= 0``."""
    out = _ratio(_NEAR_TOP, _NEAR_BOTTOM, np.minimum(a, _NEAR))
    far = np.flatnonzero(a > _NEAR)
    if far.size:
        b = a[far]
        out[far] = _ratio(_FAR_TOP, _FAR_BOTTOM, 1.0 / (b * b)) / b
    return out


def _flat(x: npt.ArrayLike) -> tuple[Array, tuple[int, ...]]:
    values = np.asarray(x, dtype=np.float64)
    return np.ascontiguousarray(values).reshape(-1), values.shape


def _lower_tail(a: Array, mills: Array | None = None) -> Array:
    """``Phi(-a)`` for ``a >= 0``, flat."""
    a = np.minimum(a, 40.0)  # beyond, Phi(-a) is 0 in double precision; keeps infinity out of the arithmetic
    # exp(-a²/2) would lose a²/2 units in the last place: the square is taken in two parts instead
    high = (a.view(np.uint64) & _HIGH_BITS).view(np.float64)
    low = a - high
    low *= a + high
    low *= -0.5
    high *= high
    high *= -0.5
    out = np.exp(high, out=high)
    out *= _mills(a) if mills is None else mills
    out *= _polynomial((1.0, 1.0, 0.5, 1.0 / 6.0), low)  # exp(low), low < 3e-5
    return out


def ndtr(z: npt.ArrayLike) -> Array:
    """Normal distribution function.

    Parameters
    ----------
    z : array_like, shape (...)
        Normal scores.

    Returns
    -------
    ndarray, shape (...)
        ``P(Z <= z)``, with a relative error below 1e-15 down to the smallest normal double (``z`` about -37).

    Examples
    --------
    >>> float(ndtr(0.0))
    0.5
    """
    flat, shape = _flat(z)
    out = _lower_tail(np.abs(flat))
    np.subtract(1.0, out, out=out, where=flat > 0)
    return out.reshape(shape)[()]


def ndtr_pair(z: npt.ArrayLike) -> tuple[Array, Array]:
    """Both tails of the normal distribution, ``(P(Z <= z), P(Z > z))``, each accurate where it is small.

    Examples
    --------
    >>> lower, upper = ndtr_pair(10.0)
    >>> float(lower), float(upper)
    (1.0, 7.619853024160527e-24)
    """
    flat, shape = _flat(z)
    small = _lower_tail(np.abs(flat))
    large = 1.0 - small
    below = flat < 0
    lower, upper = np.where(below, small, large), np.where(below, large, small)
    return lower.reshape(shape)[()], upper.reshape(shape)[()]


def log_ndtr(z: npt.ArrayLike) -> Array:
    """Logarithm of the normal distribution function, accurate in both tails (relative error about 1e-15).

    Examples
    --------
    >>> float(log_ndtr(-100.0))
    -5005.524208694205
    """
    flat, shape = _flat(z)
    a = np.abs(flat)
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        mills = _mills(a)
        out = np.log1p(-_lower_tail(a, mills))
        left = np.flatnonzero(flat < 0)
        if left.size:
            b = a[left]
            out[left] = np.log(mills[left]) - 0.5 * b * b
    return out.reshape(shape)[()]


def _tail_score(r: Array) -> Array:
    """``-ndtri(p)`` for ``r = sqrt(-log p)``, p < 0.075."""
    out = _ratio(_SIDE_TOP, _SIDE_BOTTOM, r - 1.6)
    end = np.flatnonzero(r > 5.0)
    if end.size:
        out[end] = _ratio(_END_TOP, _END_BOTTOM, r[end] - 5.0)
    return out


def ndtri(p: npt.ArrayLike) -> Array:
    """Inverse of the normal distribution function (Wichura 1988, AS 241).

    Parameters
    ----------
    p : array_like, shape (...)
        Probabilities; 0 and 1 give minus and plus infinity, anything outside [0, 1] gives NaN.

    Returns
    -------
    ndarray, shape (...)
        Normal scores, with a relative error of about 1e-15.

    Examples
    --------
    >>> round(float(ndtri(0.975)), 12)
    1.95996398454
    """
    flat, shape = _flat(p)
    q = flat - 0.5
    r = q * q
    np.subtract(0.180625, r, out=r)
    tail = np.flatnonzero(~(r >= 0))
    out = _ratio(_MIDDLE_TOP, _MIDDLE_BOTTOM, r)
    out *= q
    if tail.size:
        b = flat[tail]
        with np.errstate(divide="ignore", invalid="ignore"):
            small = np.minimum(b, 1.0 - b)
            score = _tail_score(np.sqrt(-np.log(small)))
        score[small == 0] = np.inf
        out[tail] = np.copysign(score, q[tail])
        out[tail[np.isnan(small)]] = np.nan
    return out.reshape(shape)[()]


def ndtri_exp(log_p: npt.ArrayLike) -> Array:
    """Inverse of `log_ndtr`: the normal score whose probability has the logarithm ``log_p``.

    Examples
    --------
    >>> float(ndtri_exp(-5005.524208694205))
    -100.0
    """
    flat, shape = _flat(log_p)
    with np.errstate(all="ignore"):
        out = np.asarray(np.where(flat > _LOG_HALF, -ndtri(-np.expm1(flat)), ndtri(np.exp(flat))))
        tail = np.flatnonzero((flat < _LOG_SIDE) & np.isfinite(flat))
        if tail.size:
            y = flat[tail]
            r = np.sqrt(-y)
            z = np.where(r < 26.0, -_tail_score(np.minimum(r, 26.0)), -math.sqrt(2.0) * r)
            for _ in range(5 if np.any(r >= 26.0) else 1):
                z -= (log_ndtr(z) - y) * _mills(-z) * math.sqrt(2.0 * math.pi)  # Newton: d log Phi/dz = phi / Phi
            out[tail] = z
    return out.reshape(shape)[()]


def normal_score(lower: npt.ArrayLike, upper: npt.ArrayLike) -> Array:
    """Normal score of a value from both its tail probabilities, taken from the smaller one.

    Examples
    --------
    >>> round(float(normal_score(1.0, 1e-30)), 9)
    11.464024688
    """
    low, up = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
    score = ndtri(np.minimum(low, up))
    return np.where(low <= up, score, -score)[()]
