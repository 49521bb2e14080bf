"""The posterior of a trend by Hamiltonian Monte Carlo: PyMC's model, nutpie's sampler.

Every parameter is its prior's quantile function at a standard normal *score*, and the scores are what is sampled. So
priors are data (a mean and sd, or a table of the quantile function), like the rows: one compiled model serves every
series, length and prior of a shape, and the second fit costs a fraction of a second. Scores also make the geometry
benign, together with nutpie's low-rank mass matrix: kinked trends sample without divergences even where the kink is
weak.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from forecast.trend.likelihood import Values, values_of_scores
from forecast.trend.progress import Progress, clock
from forecast.trend.series import Array, Series
from forecast.trend.spec import SCORE_LIMIT, TrendSpec, is_normal, scores_to_values

_NODES = 1025
_STEP = 2 * SCORE_LIMIT / (_NODES - 1)
_compiled: dict[tuple[tuple[str, ...], int], Any] = {}


@dataclass(frozen=True, eq=False)
class Chains:
    """What a sampler returned.

    Parameters
    ----------
    scores : (chain, draw, parameter) array
        Normal scores of the parameters, in the order of ``spec.priors()``.
    group_lines : dict of (chain, draw, group) array
        ``group_level`` and ``group_growth``: level and growth of each group.
    stats : dict of (chain, draw) array
        ``diverging``, ``n_steps``, ``step_size``, ``energy`` as far as the sampler has them.
    sampler : str
        ``nutpie`` or ``pymc``.
    """

    scores: Array
    group_lines: dict[str, Array]
    stats: dict[str, Array]
    sampler: str


def sample(
    data: Series,
    spec: TrendSpec,
    seed: int,
    draws: int,
    target_accept: float = 0.9,
    progress: Progress | None = None,
    cache: Path | None = None,
    asked: str = "",
) -> Chains:
    """Sample the posterior of a trend.

    Parameters
    ----------
    data : Series
    spec : TrendSpec
        Of shape ``straight`` or ``kinked``; checked before.
    seed : int
        The same seed gives the same chains, with a cold cache and a warm one.
    draws : int
        Draws of each chain, after ``spec.tune`` tuning steps.
    target_accept : float
        Acceptance that the step size is tuned to; nearer 1 is more careful and slower.
    progress : callable, optional
        Told what happens and how far it is (0 to 1).
    cache : Path, optional
        Folder in which compiled code persists; only heeded by the first fit of a process.
    asked : str, optional
        The shape that the chains are for, which is what is told: the model of a kinked trend serves a straight one too.

    Returns
    -------
    Chains
        Sampled by nutpie, or by PyMC's own sampler where nutpie is not installed.
    """
    say = progress or (lambda text, share: None)
    columns, start = _columns(data, spec), _start(data, spec)
    shape = _shape(data, spec)
    if shape not in _compiled:
        with clock(f"compiling the model of {_told(spec, asked or spec.shape)} (once)", say):
            _compiled[shape] = _compile(shape, columns, cache)
    model, compiled = _compiled[shape]
    if compiled is None:
        return _sample_pymc(model, columns, spec, seed, draws, target_accept, say)
    import nutpie

    total = spec.chains * (spec.tune + draws)

    def report(states: list[Any]) -> None:
        say("sampling", sum(state.finished_draws for state in states) / total)

    result = nutpie.sample(
        compiled.with_data(**columns),
        draws=draws,
        tune=spec.tune,
        chains=spec.chains,
        cores=min(spec.chains, os.cpu_count() or 1),
        seed=seed,
        init_mean=start,
        adaptation="low_rank",
        target_accept=target_accept,
        save_warmup=False,
        progress_bar=False,
        progress_callback=report if progress else None,
        progress_rate=200,
    )
    say("sampling", 1.0)
    return _chains(result, spec, "nutpie")


def values_of_chains(chains: Chains, spec: TrendSpec, every: int = 1) -> Values:
    """Parameters of the draws, chain after chain, keeping every `every`-th; groups as deviations.

    Returns
    -------
    dict of (draw,) array, and (draw, group) for ``group_level`` and ``group_growth``
    """
    scores = chains.scores[:, ::every]
    values = values_of_scores(spec, scores.reshape(-1, scores.shape[-1]))
    for name, lines in chains.group_lines.items():
        kept = lines[:, ::every].reshape(-1, lines.shape[-1])
        values[name] = kept - values[name.removeprefix("group_")][:, None]
    return values


def _told(spec: TrendSpec, shape: str) -> str:
    told = {"straight": "a straight trend", "kinked": "a kinked trend", "average": "a straight or kinked trend"}[shape]
    groups = " over groups" if spec.group_level is not None or spec.group_growth is not None else ""
    return f"{told}{groups} with {'normal' if spec.noise == 'normal' else 'Student-t'} scatter"


def _shape(data: Series, spec: TrendSpec) -> tuple[tuple[str, ...], int]:
    """What a compiled model is specific to; everything else is data."""
    grouped = tuple(name for name in ("group_level", "group_growth") if getattr(spec, name) is not None)
    return tuple(spec.priors()), len(data.groups) if grouped else 0


def _columns(data: Series, spec: TrendSpec) -> dict[str, Any]:
    """The data of the compiled model: rows and priors."""
    priors = list(spec.priors().values())
    score = np.linspace(-SCORE_LIMIT, SCORE_LIMIT, _NODES)
    location, scale = np.zeros(len(priors)), np.zeros(len(priors))
    table = np.zeros((len(priors), _NODES))
    for i, prior in enumerate(priors):
        if is_normal(prior):
            location[i] = float(prior.mean())
            scale[i] = 0.0 if prior.family == "point" else float(prior.sd())
        else:
            table[i] = scores_to_values(prior, score)
    columns = {"t": data.t, "y": data.y, "se": data.se, "se_t": data.se_t, "level_year": np.array(spec.level_year)}
    rise: Array = np.asarray(np.gradient(table, axis=1, edge_order=2))
    columns |= {"location": location, "scale": scale, "table": table.ravel(), "rise": rise.ravel()}
    if spec.group_level is not None or spec.group_growth is not None:
        columns["member"] = data.group_index()
    return columns


def _start(data: Series, spec: TrendSpec) -> Array:
    """Where chains start: least squares for level and growth, the priors' middles for the rest."""
    growth, level = np.polyfit(data.t - spec.level_year, data.y, 1)
    fitted = {"level": level, "growth": growth}
    scores = [
        np.clip((fitted[name] - float(prior.mean())) / float(prior.sd()), -4, 4)
        if name in fitted and is_normal(prior) and prior.family != "point"
        else 0.0
        for name, prior in spec.priors().items()
    ]
    groups = [fitted[name.removeprefix("group_")] for name in spec.priors() if name.startswith("group_")]
    return np.concatenate([scores, np.repeat(groups, len(data.groups))])


def _compile(shape: tuple[tuple[str, ...], int], columns: dict[str, Any], cache: Path | None) -> tuple[Any, Any]:
    """PyMC model and nutpie's compiled one (None without nutpie)."""
    configure(cache)
    import pymc as pm
    import pytensor.tensor as pt

    names, groups = shape
    with pm.Model() as model:
        given = {key: pm.Data(key, value) for key, value in columns.items()}
        score = pm.Normal("score", 0, 1, shape=len(names))
        values = given["location"] + given["scale"] * score + _interpolate(pt, score, given["table"], given["rise"])
        value = {name: values[i] for i, name in enumerate(names)}
        level, growth = value["level"], value["growth"]
        if "group_level" in names:
            level = pm.Normal("group_level", level, value["group_level"], shape=groups)[given["member"]]
        if "group_growth" in names:
            growth = pm.Normal("group_growth", growth, value["group_growth"], shape=groups)[given["member"]]
        t, level_year = given["t"], given["level_year"]
        line, slope = level + growth * (t - level_year), growth
        if "kink" in names:
            kink = value["kink"]
            line += value["change"] * (pt.maximum(t - kink, 0) - pt.maximum(level_year - kink, 0))
            slope = growth + value["change"] * (t > kink)
        scale = pt.sqrt(value["scatter"] ** 2 + given["se"] ** 2 + (slope * given["se_t"]) ** 2)
        if "dof" in names:
            pm.StudentT("row", nu=value["dof"], mu=line, sigma=scale, observed=given["y"])
        else:
            pm.Normal("row", mu=line, sigma=scale, observed=given["y"])
    try:
        import nutpie
    except ImportError:
        return model, None
    return model, nutpie.compile_pymc_model(model)


def configure(cache: Path | None) -> None:
    """Import PyTensor with exact floating point, and with its compiled code in `cache`.

    With fast maths, fresh and cached code differ in the last bit and the same seed gives other chains. Some of its
    functions read the setting when they are imported, so it has to be made before.
    """
    if "pytensor" not in sys.modules:
        flags = [flag for flag in os.environ.get("PYTENSOR_FLAGS", "").split(",") if flag]
        given = {flag.split("=")[0].strip() for flag in flags}
        if "numba__fastmath" not in given:
            flags.append("numba__fastmath=False")
        if cache is not None and "base_compiledir" not in given:
            cache.mkdir(parents=True, exist_ok=True)
            flags.append(f"base_compiledir={cache.resolve()}")
        os.environ["PYTENSOR_FLAGS"] = ",".join(flags)
    import pytensor

    pytensor.config.numba__fastmath = False
    with suppress(OSError):  # the folder may have been deleted since, for that is always safe
        (Path(pytensor.config.base_compiledir) / "numba").mkdir(parents=True, exist_ok=True)


def _interpolate(pt: Any, score: Any, table: Any, rise: Any) -> Any:
    """Cubic Hermite interpolation of each parameter's quantile function at its normal score; constant beyond."""
    place = (pt.clip(score, -SCORE_LIMIT, SCORE_LIMIT * (1 - 1e-12)) + SCORE_LIMIT) / _STEP
    node = pt.floor(place)
    f = place - node
    at = pt.cast(node, "int64") + _NODES * np.arange(int(score.type.shape[0]))
    return (
        table[at] * (1 + 2 * f) * (1 - f) ** 2
        + table[at + 1] * f**2 * (3 - 2 * f)
        + rise[at] * f * (1 - f) ** 2
        - rise[at + 1] * f**2 * (1 - f)
    )


def _sample_pymc(
    model: Any, columns: dict[str, Any], spec: TrendSpec, seed: int, draws: int, target_accept: float, say: Progress
) -> Chains:
    """PyMC's own sampler, which compiles anew for each fit."""
    import pymc as pm

    with clock("compiling and sampling with PyMC (install nutpie to be faster)", say), model:
        pm.set_data(columns)
        result = pm.sample(
            draws=draws,
            tune=spec.tune,
            chains=spec.chains,
            cores=1,
            random_seed=seed,
            nuts_sampler="pymc",
            target_accept=max(target_accept, 0.95),
            progressbar=False,
            compute_convergence_checks=False,
            quiet=True,
        )
    return _chains(result, spec, "pymc")


def _chains(result: Any, spec: TrendSpec, sampler: str) -> Chains:
    posterior, stats = result["posterior"], result["sample_stats"]
    groups = [name for name in ("group_level", "group_growth") if getattr(spec, name) is not None]
    kept = [name for name in ("diverging", "n_steps", "step_size", "energy", "logp") if name in stats]
    return Chains(
        scores=np.asarray(posterior["score"].values),
        group_lines={name: np.asarray(posterior[name].values) for name in groups},
        stats={name: np.asarray(stats[name].values) for name in kept},
        sampler=sampler,
    )
