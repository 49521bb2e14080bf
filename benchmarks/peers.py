"""The workloads in other tools' own terms: plain numpy, squigglepy, Squiggle in Node, compiled C.

Each peer gives the 5, 50 and 95% points of every output, output after output in the order of ``references.json``.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks.truth import (
    BOTEC,
    CHAIN,
    DEPLOYMENT,
    HOUR,
    PROBS,
    RANK_CORRELATION,
    SERVICE,
    SHARE,
    YEARS,
    Z_90,
    logs,
    references,
)

HERE = Path(__file__).parent
SQUIGGLE = "@quri/squiggle-lang@0.10.0"
WORKLOADS = ("botec", "training_chain", "deployment_ratio")
PEARSON = 2 * math.sin(math.pi * RANK_CORRELATION / 6)


@dataclass(frozen=True)
class Answer:
    """What one run of a peer gave.

    Parameters
    ----------
    values : ndarray (output, prob)
    cpu, wall : float
        Seconds of CPU and of time, start-up and imports left out.
    memory : float
        Peak of the process in MiB, where the peer runs in one of its own.
    """

    values: np.ndarray
    cpu: float
    wall: float
    memory: float = 0.0


@dataclass(frozen=True)
class Peer:
    """A tool that answers a workload.

    Parameters
    ----------
    name : str
    answer : callable
        ``(workload, samples, seed) -> Answer``.
    workloads : tuple of str
        Those that it can answer.
    close : callable
        Ends what it started.
    """

    name: str
    answer: Callable[[str, int, int], Answer]
    workloads: tuple[str, ...] = WORKLOADS
    close: Callable[[], None] = field(default=lambda: None)


def _quantiles(outputs: list[np.ndarray]) -> np.ndarray:
    return np.array([np.quantile(output, PROBS) for output in outputs])


def _chain(draw: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Twenty years of cost, and the year in which the path crosses: what numpy users write."""
    training_cost = (
        draw["training_compute"] / (draw["peak_throughput"] * draw["utilisation"]) * draw["chip_hour_price"] / HOUR
    )
    growth = draw["compute_growth"] - draw["price_performance_growth"]
    years = YEARS[:, None].astype(float)
    run_cost = training_cost * draw["overhead"] * 10 ** (growth * (years - YEARS[0]))
    reached = run_cost >= draw["threshold"]
    after = np.argmax(reached, axis=0)
    world = np.arange(run_cost.shape[1])
    before = np.maximum(after - 1, 0)
    start, end = run_cost[before, world], run_cost[after, world]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing_year = YEARS[before] + np.log(draw["threshold"] / start) / np.log(end / start)
    crossing_year[~reached[-1]] = np.inf
    crossing_year[reached[0]] = -np.inf
    return [training_cost, *run_cost, crossing_year]


def _deployment(draw: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    run = (
        draw["training_compute"]
        / (draw["peak_throughput"] * draw["training_utilisation"])
        * draw["chip_hour_price"]
        / HOUR
    )
    development = run * (1 + draw["experiments"]) + draw["staff_cost"]
    tokens = draw["users"] * draw["tokens_per_user"] * draw["service_time"]
    chip_hours = tokens * draw["parameters"] * 2 / (draw["peak_throughput"] * draw["inference_utilisation"]) / HOUR
    deployment = chip_hours * draw["chip_hour_price"] * draw["serving_overhead"]
    return [development, deployment, deployment / development]


def numpy_draws(workload: str, samples: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Draws of every output, by numpy alone."""
    if workload == "botec":
        few, many = (np.exp(mu + sigma * rng.standard_normal(samples)) for mu, sigma in map(logs, BOTEC))
        return [
            np.choose(rng.choice(4, samples, p=[0.6, 0.2, 0.1, 0.1]), [np.zeros(samples), np.ones(samples), few, many])
        ]
    if workload == "training_chain":
        draw = {}
        for name, (low, high) in CHAIN.items():
            if name.endswith("growth"):
                draw[name] = rng.normal((low + high) / 2, (high - low) / (2 * Z_90), samples)
            else:
                draw[name] = rng.lognormal(*logs((low, high)), samples)
        return _chain(draw)
    draw = {
        name: rng.lognormal(*logs(ends), samples)
        for name, ends in DEPLOYMENT.items()
        if name not in ("users", "tokens_per_user")
    }
    score = rng.standard_normal((2, samples))
    score[1] = PEARSON * score[0] + math.sqrt(1 - PEARSON**2) * score[1]
    for name, one in zip(("users", "tokens_per_user"), score, strict=True):
        mu, sigma = logs(DEPLOYMENT[name])
        draw[name] = np.exp(mu + sigma * one)
    draw["inference_utilisation"] = rng.beta(*SHARE, samples)
    (weight, first), (_, second) = SERVICE
    draw["service_time"] = np.where(
        rng.random(samples) < weight, rng.lognormal(*logs(first), samples), rng.lognormal(*logs(second), samples)
    )
    return _deployment(draw)


def _numpy(workload: str, samples: int, seed: int) -> Answer:
    start, wall = process_time(), perf_counter()
    values = _quantiles(numpy_draws(workload, samples, np.random.default_rng(seed)))
    return Answer(values, process_time() - start, perf_counter() - wall)


def _squigglepy(workload: str, samples: int, seed: int) -> Answer:
    import squigglepy as sq

    def drawn(distribution: Any) -> np.ndarray:
        return np.asarray(sq.sample(distribution, samples, verbose=False))

    sq.set_seed(seed)
    start, wall = process_time(), perf_counter()
    if workload == "botec":
        mixture = sq.mixture(
            [sq.const(0), sq.const(1), *(sq.to(*ends) for ends in BOTEC)], weights=[0.6, 0.2, 0.1, 0.1]
        )
        outputs = [drawn(mixture)]
    elif workload == "training_chain":
        growth = {name: sq.norm(*ends) for name, ends in CHAIN.items() if name.endswith("growth")}
        inputs = {name: growth.get(name) or sq.to(*ends) for name, ends in CHAIN.items()}
        outputs = _chain({name: drawn(distribution) for name, distribution in inputs.items()})
    else:
        inputs = {name: sq.to(*ends) for name, ends in DEPLOYMENT.items()}
        pair = sq.correlate((inputs["users"], inputs["tokens_per_user"]), PEARSON)
        inputs["users"], inputs["tokens_per_user"] = pair
        inputs["inference_utilisation"] = sq.beta(*SHARE)
        inputs["service_time"] = sq.mixture(
            [sq.to(*ends) for _, ends in SERVICE], weights=[weight for weight, _ in SERVICE]
        )
        outputs = _deployment({name: drawn(distribution) for name, distribution in inputs.items()})
    values = _quantiles(outputs)
    return Answer(values, process_time() - start, perf_counter() - wall)


def engine_peer(studies: Path, draws: Mapping[str, int] | None = None, method: str = "qmc") -> Peer:
    """`forecast` itself, on opened studies.

    Parameters
    ----------
    studies : pathlib.Path
        Folder of study folders.
    draws : mapping of str to int, optional
        Worlds for each workload, instead of the samples asked for.
    method : {"qmc", "mc"}
    """
    import forecast

    opened = {name: forecast.open_study(studies / name) for name in WORKLOADS}
    outputs = {name: reference.outputs for name, reference in references().items()}

    def answer(workload: str, samples: int, seed: int) -> Answer:
        start, wall = process_time(), perf_counter()
        result = opened[workload].run(draws=(draws or {}).get(workload, samples), seed=seed, method=method)
        intervals = [result.interval(output, prob=0.9) for output in outputs[workload]]
        values = np.array([(interval.low, interval.median, interval.high) for interval in intervals])
        return Answer(values, process_time() - start, perf_counter() - wall)

    return Peer("forecast" if method == "qmc" else f"forecast, {method}", answer)


def numpy_peer() -> Peer:
    """numpy as its users write it: whole arrays, default generator, `np.quantile`."""
    return Peer("numpy", _numpy)


def squigglepy_peer() -> Peer:
    """squigglepy draws the inputs, numpy does the rest (squigglepy's own arithmetic draws a shared input anew)."""
    return Peer("squigglepy", _squigglepy)


def _squigglepy_arithmetic(workload: str, samples: int, seed: int) -> Answer:
    import squigglepy as sq

    sq.set_seed(seed)
    start, wall = process_time(), perf_counter()
    inputs = {name: (sq.norm if name.endswith("growth") else sq.to)(*ends) for name, ends in CHAIN.items()}
    hardware = inputs["peak_throughput"] * inputs["utilisation"]
    training_cost = inputs["training_compute"] / hardware * inputs["chip_hour_price"] / HOUR
    first_cost = training_cost * inputs["overhead"]
    growth = inputs["compute_growth"] - inputs["price_performance_growth"]
    run_cost = [
        first_cost * sq.dist_fn(growth, fn=lambda g, year=year: 10 ** (g * float(year))) for year in YEARS - YEARS[0]
    ]
    crossing_year = sq.dist_fn(inputs["threshold"] / first_cost, fn=np.log10) / growth + int(YEARS[0])
    outputs = [training_cost, *run_cost, crossing_year]
    values = _quantiles([np.asarray(sq.sample(output, samples, verbose=False)) for output in outputs])
    return Answer(values, process_time() - start, perf_counter() - wall)


def squigglepy_arithmetic_peer() -> Peer:
    """squigglepy's own arithmetic, each output sampled by itself.

    Every mention of an input is drawn anew, so it is right only where an output mentions each input once: in the
    chain, but not in the ratio.
    """
    return Peer("squigglepy's own arithmetic", _squigglepy_arithmetic, ("training_chain",))


def squiggle_peer(build: Path) -> Peer | str:
    """Squiggle in one Node process; or why it is not there."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return "Squiggle is left out: there is no Node here (node and npm)"
    folder = build / "node"
    if not (folder / "node_modules" / "@quri" / "squiggle-lang").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", SQUIGGLE]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"Squiggle is left out: npm could not install {SQUIGGLE} ({(done.stderr.strip().splitlines() or ['no message'])[-1]})"
    server = subprocess.Popen(
        [node, "--max-old-space-size=8192", HERE / "squiggle" / "serve.mjs", folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def answer(workload: str, samples: int, seed: int) -> Answer:
        assert server.stdin and server.stdout
        path = str(HERE / "squiggle" / f"{workload}.squiggle")
        server.stdin.write(json.dumps({"path": path, "samples": samples, "seed": seed}) + "\n")
        server.stdin.flush()
        told = json.loads(server.stdout.readline())
        return Answer(np.array(told["values"], dtype=float), told["cpu"], told["wall"], told["memory"])

    def close() -> None:
        assert server.stdin
        server.stdin.close()
        server.wait()

    return Peer("Squiggle", answer, close=close)


def c_peer(build: Path) -> Peer | str:
    """``peers.c``, compiled; or why it is not there."""
    compiler = shutil.which("gcc")
    if not compiler:
        return "C is left out: there is no gcc here"
    program = build / "peers.out"
    build.mkdir(parents=True, exist_ok=True)
    # Not -ffast-math: infinity is an answer here.
    command = [compiler, "-O3", "-march=native", "-fno-math-errno", "-o", program, HERE / "peers.c", "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"C is left out: gcc failed ({done.stderr.strip().splitlines()[-1]})"

    def answer(workload: str, samples: int, seed: int) -> Answer:
        command = [program, workload, str(samples), str(seed)]
        *values, seconds = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        return Answer(np.array(values, dtype=float).reshape(-1, len(PROBS)), float(seconds), float(seconds))

    return Peer("C (gcc -O3)", answer)
