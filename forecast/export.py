"""A forecast to JSON and NetCDF."""

from __future__ import annotations

import json
import os
import platform
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from forecast import __version__
from forecast.distribution.number import json_number
from forecast.files import write_atomically
from forecast.graph import YEAR, ancestors
from forecast.quantile.mean import heavy_tailed, prob_above
from forecast.result import Forecast
from forecast.run import bands

SCHEMA = "forecast.run/1"
MOST_DRAWS = 1024  # of each chain in a NetCDF file: the first 1,024 Sobol points are balanced by themselves


def to_json(forecast: Forecast) -> dict[str, Any]:
    """A forecast as the documented JSON object (see docs/json.md).

    Parameters
    ----------
    forecast : Forecast

    Returns
    -------
    dict
        Of strings, numbers, lists and dicts; infinity is the string "inf" or "-inf".
    """
    quantities: dict[str, Any] = {}
    for name in dict.fromkeys(request.name for request in forecast.requests):
        definition = forecast.study.definition(name)
        entry: dict[str, Any] = {
            "label": definition.label,
            "unit": forecast.study.labels[name],
            "prob": forecast.prob,
        }
        if forecast.has_years(name):
            asked = [r.year for r in forecast.requests if r.name == name]
            years = forecast.years if None in asked else [year for year in asked if year is not None]
            entry["by_year"] = {f"{year:g}": _figures(forecast, name, year) for year in years}
        else:
            entry.update(_figures(forecast, name, None))
        quantities[name] = entry
    over = bands(forecast)
    for text, band in over.items():
        name, _, year = text.partition("@")
        place = quantities[name]["by_year"][year] if year else quantities[name]
        place["dependence_band"] = {
            f"{rho:g}": {k: json_number(getattr(i, k)) for k in ("low", "median", "high")} for rho, i in band.items()
        }
    return {"schema": SCHEMA, **provenance(forecast), "notes": list(forecast.study.notes), "quantities": quantities}


def provenance(forecast: Forecast) -> dict[str, Any]:
    """What a forecast was computed from, and how: enough to run it again."""
    return {
        **({"evidence": forecast.update.provenance()} if forecast.update else {}),
        "study": forecast.study.name,
        "study_hash": forecast.study.digest,
        "seed": forecast.design.seed,
        "draws": forecast.draws * forecast.design.chains,
        "chains": forecast.design.chains,
        "method": forecast.design.method,
        "precise": forecast.met,
        "years": list(forecast.years),
        "given": dict(forecast.study.replaced),
        "dependence": [
            {"between": list(d.between), "rank_correlation": d.rank_correlation} for d in forecast.study.dependences
        ],
        "versions": {"forecast": __version__, "numpy": np.__version__, "python": platform.python_version()},
    }


def _figures(forecast: Forecast, name: str, year: float | None) -> dict[str, Any]:
    interval = forecast.interval(name, year=year)
    draws = forecast.at(name, year)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # heavy_tailed says it
        average = forecast.mean(name, year)
    figures: dict[str, Any] = {
        "low": json_number(interval.low),
        "median": json_number(interval.median),
        "high": json_number(interval.high),
        "mean": json_number(float(average.value)),
        "heavy_tailed": bool(heavy_tailed(draws)),
        "mcse": {
            "low": json_number(interval.mcse_low),
            "median": json_number(interval.mcse_median),
            "high": json_number(interval.mcse_high),
            "mean": json_number(float(average.mcse)),
        },
        "never": float(prob_above(draws, np.finfo(float).max).value),
        "already": float(prob_above(-draws, np.finfo(float).max).value),
    }
    if year is None and forecast.is_crossing(name):
        figures["crossed_by"] = {f"{y:g}": float(forecast.crossed_by(name, y).value) for y in forecast.years}
    thresholds = forecast.study.thresholds.get(name, {})
    if thresholds:
        figures["prob_above"] = {text: float(prob_above(draws, value).value) for text, value in thresholds.items()}
    return figures


def write_json(forecast: Forecast, path: Path) -> None:
    """Write `to_json` to a file, atomically."""
    write_atomically(path, (json.dumps(to_json(forecast), indent=1, ensure_ascii=False) + "\n").encode())


def write_netcdf(forecast: Forecast, path: Path, names: Iterable[str] | None = None) -> None:
    """Write the reported quantities and all they follow from, with joint draws, as NetCDF that xarray and ArviZ open.

    Parameters
    ----------
    forecast : Forecast
    path : pathlib.Path
        The group ``posterior`` holds one variable a quantity, dims ``(chain, draw[, year])``; the root attribute
        ``provenance`` is a JSON text. At most 1,024 draws of each chain are kept.
    names : iterable of str, optional
        Other quantities instead.
    """
    import xarray

    wanted = ancestors((r.name for r in forecast.requests) if names is None else names, forecast.study.functions) - {
        YEAR
    }
    variables = forecast.first([name for name in forecast.study.names if name in wanted], MOST_DRAWS)
    tree = xarray.DataTree.from_dict({"posterior": xarray.Dataset(variables)})
    tree.attrs["provenance"] = json.dumps(provenance(forecast), sort_keys=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        tree.to_netcdf(temporary, engine="h5netcdf")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
