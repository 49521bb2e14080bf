"""A measurement that could be made: what of, how precise, and what it would say in every world."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

import numpy as np

from forecast.distribution import format_number, parse_number
from forecast.errors import UsageError
from forecast.result import Forecast
from forecast.sampling import request_of
from forecast.special import ndtri
from forecast.study import threshold
from forecast.worlds import Design, scores

_WRITTEN = re.compile(
    r"^\s*(?P<name>[\w@.]+)\s*(?:±|\+-|\+/-)\s*(?P<size>.+?)\s*(?:\(\s*(?P<level>[\d.]+\s*%?)\s*\))?\s*$"
)
WIDER = 10.0  # a measurement so many times wider than what is known is refused


@dataclass(frozen=True)
class Measurement:
    """A proposed measurement.

    Parameters
    ----------
    text : str
        As written.
    quantity : str
        What would be measured: any quantity, given or derived, ``name`` or ``name@year``.
    half : float
        Half-width of the measurement's interval: in log10 if `relative`, else in the quantity's unit.
    relative : bool
    level : float
        Probability inside that interval.
    size : str
        The size as written, which may have a unit of its own.
    """

    text: str
    quantity: str
    half: float
    relative: bool
    level: float
    size: str

    @property
    def sd(self) -> float:
        """Standard deviation of the error: of log10 if relative, else in the quantity's unit."""
        return self.half / float(ndtri(np.array([0.5 + self.level / 2]))[0])


def read_measurement(text: str) -> Measurement:
    """Read ``NAME ± SIZE``, with a size in %, OOM or the quantity's unit; a 90% interval unless ``(95%)`` follows.

    Examples
    --------
    >>> read_measurement("utilisation ± 10%").relative
    True
    """
    found = _WRITTEN.match(text)
    if found is None:
        raise UsageError(f"--measure: is not NAME ± SIZE ({text}); write 'utilisation ± 10%' or 'cost ± 0.3 OOM (95%)'")
    size, level = found["size"].strip(), 0.9
    if found["level"]:
        level = parse_number(found["level"].strip(), "--measure")
        if not 0 < level < 1:
            raise UsageError(f"--measure: the level is not between 0 and 1 ({found['level']}); write (95%)")
    if size.endswith("%"):
        share = parse_number(size, "--measure")
        half, relative = math.log10(1 + share) if share > 0 else 0.0, True
    elif size.endswith("OOM"):
        half, relative = parse_number(size.removesuffix("OOM").strip(), "--measure"), True
    else:
        half, relative = parse_number(size.partition(" ")[0], "--measure"), False
    if half <= 0:
        raise UsageError(f"--measure: the precision is not positive ({text}); write 'utilisation ± 10%'")
    return Measurement(text.strip(), found["name"], half, relative, level, size)


def measured(forecast: Forecast, text: str, draws: int) -> tuple[Measurement, np.ndarray]:
    """A measurement, and what it would say (chain, draw) in the first draws of each chain.

    Raises
    ------
    UsageError
        The text cannot be read, or a share is asked of a quantity that is not positive.
    """
    found = read_measurement(text)
    try:
        request = request_of(found.quantity)
        forecast.study.definition(request.name)
        values = forecast.at(request.name, request.year)[:, :draws]
    except UsageError as problem:
        raise UsageError(f"--measure: {problem}") from None
    unit = forecast.study.labels[request.name]
    if not found.relative and " " in found.size:
        found = replace(found, half=threshold(forecast.study.units, found.size, unit, "--measure"))
    _heed_size(found, values, unit)
    # The Sobol coordinate after all those of the run: another scrambling of one of these would depend on it.
    after = forecast.design.coordinates
    mixing = np.eye(1, after + 1, after)
    design = Design(("error",), forecast.design.seed, forecast.design.method, forecast.design.chains, mixing)
    error = scores(design, 0, draws)[0] * found.sd
    if not found.relative:
        return found, np.where(np.isfinite(values), values + error, values)
    if values.min() <= 0:
        raise UsageError(
            f"--measure: {request.name} is not positive, so a share says nothing ({text}); give the size in [{unit}]"
        )
    return found, np.log10(values) + error


def _heed_size(found: Measurement, values: np.ndarray, unit: str) -> None:
    """A measurement far wider than what is known already is a slip, such as ± 10 for ± 10%."""
    scaled = values[values > 0] if found.relative else values[np.isfinite(values)]
    if not scaled.size:
        return
    low, high = np.quantile(np.log10(scaled) if found.relative else scaled, [0.05, 0.95])
    if found.half > WIDER * (high - low) / 2 > 0:
        ends = " to ".join(format_number(10.0**x if found.relative else x) for x in (low, high))
        slip = not found.relative and " " not in found.size
        hint = f"; did you mean {found.quantity} ± {found.size}%?" if slip else ""
        raise UsageError(
            f"--measure: {found.text} is far wider than what is known already, {ends}"
            f"{f' {unit}' if unit else ''} (90%): it would tell nothing{hint}"
        )
