"""ArviZ: have chains converged, which model predicts better, and the record of a fit as a DataTree."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from forecast.trend.series import Array

_TREE_GROUPS = ("posterior", "posterior_predictive", "log_likelihood", "sample_stats", "observed_data", "constant_data")


@dataclass(frozen=True)
class Convergence:
    """R-hat and effective sample sizes of one parameter (rank-normalised; Vehtari et al. 2021)."""

    rhat: float
    ess_bulk: float
    ess_tail: float


@dataclass(frozen=True, eq=False)
class Loo:
    """Leave-one-out cross-validation by Pareto-smoothed importance sampling (Vehtari, Gelman, Gabry 2017).

    Parameters
    ----------
    elpd : float
        Expected log predictive density of all rows.
    se : float
        Its standard error.
    row : (row,) array
        Each row's part.
    pareto_k : (row,) array
        Above 0.7 a row's part is unreliable.
    """

    elpd: float
    se: float
    row: Array
    pareto_k: Array


def convergence(draws: Mapping[str, Array]) -> dict[str, Convergence]:
    """Convergence of each parameter.

    Parameters
    ----------
    draws : mapping of (chain, draw) or (chain, draw, …) arrays
        Parameters that do not vary are left out.

    Returns
    -------
    dict of Convergence
        Parameters with further axes as ``name[0]``, ``name[1]``, …
    """
    from arviz_stats.base import array_stats

    found = {}
    for name, value in draws.items():
        flat = np.asarray(value, dtype=float).reshape(*value.shape[:2], -1)
        for i in range(flat.shape[-1]):
            column = flat[..., i]
            if np.ptp(column) == 0:
                continue
            found[name if value.ndim == 2 else f"{name}[{i}]"] = Convergence(
                float(array_stats.rhat(column, chain_axis=0, draw_axis=1)),
                float(array_stats.ess(column, chain_axis=0, draw_axis=1, method="bulk")),
                float(array_stats.ess(column, chain_axis=0, draw_axis=1, method="tail", prob=(0.05, 0.95))),
            )
    return found


def loo(log_likelihood: Array) -> Loo:
    """PSIS-LOO of a model.

    Parameters
    ----------
    log_likelihood : (chain, draw, row) array

    Returns
    -------
    Loo
    """
    import arviz_base
    import arviz_stats

    tree = arviz_base.from_dict(
        {"posterior": {"none": log_likelihood[..., 0]}, "log_likelihood": {"y": log_likelihood}}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # high Pareto k is returned, and reported by the caller
        result = arviz_stats.loo(tree, pointwise=True)
    return Loo(
        float(result.elpd),
        float(result.se),
        np.asarray(result.elpd_i.values, dtype=float),
        np.asarray(result.pareto_k.values, dtype=float),
    )


def loo_difference(first: Loo, second: Loo) -> tuple[float, float]:
    """elpd of `first` less `second`, and the standard error of the difference (from the rows' differences)."""
    row = first.row - second.row
    return float(row.sum()), float(np.sqrt(len(row) * row.var(ddof=1)))


def make_tree(
    groups: Mapping[str, Mapping[str, Any]],
    dims: Mapping[str, list[str]],
    coords: Mapping[str, Any],
    provenance: Mapping[str, Any],
    every: int = 1,
) -> Any:
    """A DataTree with ArviZ's group names.

    Parameters
    ----------
    groups : mapping
        Group name to variables; those with draws are (chain, draw, …).
    dims, coords : mapping
        Names of the further axes of each variable, and their labels.
    provenance : mapping
        Plain JSON values; stored as one text on the root, as netCDF has no nested attributes.
    every : int
        Of the draws, those that the groups with a value for each row have: every so many.

    Returns
    -------
    xarray.DataTree
        Without times of creation: the same input gives the same bytes.
    """
    import arviz_base

    given = {name: dict(groups[name]) for name in _TREE_GROUPS if groups.get(name)}
    tree = arviz_base.from_dict(given, dims=dict(dims), coords=dict(coords))
    for name in ("posterior_predictive", "log_likelihood"):
        if every > 1 and name in given:
            tree[name].dataset = tree[name].to_dataset().assign_coords(draw=every * tree[name].draw)
    for node in tree.subtree:
        node.attrs = {}
    tree.attrs = {"provenance": json.dumps(provenance, sort_keys=True, allow_nan=False)}
    return tree


def write_tree(tree: Any, path: Path) -> None:
    """Write a DataTree to netCDF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tree.to_netcdf(path, engine="h5netcdf")


def power_sensitivity(draws: Array, log_density: Array) -> float:
    """How far draws move when a part of their density is raised to a power a little above or below 1.

    Parameters
    ----------
    draws : (chain, draw) array
        Of a posterior.
    log_density : (chain, draw) array
        Logarithm of that part (a prior, or a likelihood) at each draw.

    Returns
    -------
    float
        Cumulative Jensen-Shannon distance by log2 of the power (arviz-stats); 0 if the part is the same everywhere.
    """
    import arviz_base
    import arviz_stats

    if np.ptp(draws) == 0 or np.ptp(log_density) == 0:
        return 0.0
    # Equal densities, as inside a bound, make no tail to smooth: they are told apart by less than matters.
    apart = 1e-9 * np.ptp(log_density) * (np.arange(log_density.size) / log_density.size).reshape(log_density.shape)
    tree = arviz_base.from_dict({"posterior": {"x": draws}, "log_prior": {"part": log_density + apart}})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ties and short tails, of which the number itself says enough
        found = arviz_stats.psense(tree, group="prior")
    return float(found["x"])
