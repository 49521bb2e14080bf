"""Whether our figures agree with printed ones: to the printed digits, to a stated tolerance, or within a bound."""

from __future__ import annotations

import math
from collections.abc import Sequence

from forecast.claims.claim import Claim
from forecast.claims.printed import Printed
from forecast.distribution.number import parse_number


def tolerances(claim: Claim) -> tuple[float, ...]:
    """The largest difference that agrees, for each published figure: as stated, or half a unit of its last digit.

    Parameters
    ----------
    claim : Claim

    Returns
    -------
    tuple of float
        In the unit of the published figures.

    Raises
    ------
    StudyError
        The stated tolerance is no number.
    """
    return tuple(_stated(claim, figure) for figure in claim.published)


def _stated(claim: Claim, figure: Printed) -> float:
    if not claim.tolerance or claim.tolerance.startswith("factor"):
        return figure.half
    value = abs(parse_number(claim.tolerance, f"{claim.place} tolerance"))
    return value * abs(figure.value) if claim.tolerance.endswith("%") else value


def agrees(claim: Claim, ours: Sequence[float], tolerance: Sequence[float]) -> bool:
    """Whether our figures agree with the published ones, as the claim reads them.

    Parameters
    ----------
    claim : Claim
    ours : sequence of float
        In the unit of the published figures.
    tolerance : sequence of float
        `tolerances` of the claim.
    """
    published = [figure.value for figure in claim.published]
    if claim.reading == "more than":
        return ours[0] > published[0]
    if claim.reading == "less than":
        return ours[0] < published[0]
    if claim.reading == "between":
        return published[0] <= ours[0] <= published[1]
    if claim.reading == "consistent":
        return _consistent(published, ours)
    if claim.tolerance.startswith("factor"):
        factor = parse_number(claim.tolerance.removeprefix("factor").strip(), f"{claim.place} tolerance")
        pairs = zip(ours, published, strict=False)
        return all(x > 0 and p > 0 and max(x / p, p / x) <= factor for x, p in pairs)
    return all(
        math.isfinite(x) and abs(x - p) <= slack * (1 + 1e-9)
        for x, p, slack in zip(ours, published, tolerance, strict=False)
    )


def _consistent(published: Sequence[float], ours: Sequence[float]) -> bool:
    """A published figure lies in our 90% interval; a range overlaps it; a published interval holds our middle."""
    if len(ours) == 1:
        ours = (ours[0],) * 3
    if len(published) == 1:
        return ours[1] <= published[0] <= ours[2]
    if len(published) == 2:
        return published[0] <= ours[2] and ours[1] <= published[1]
    return published[1] <= ours[0] <= published[2]
