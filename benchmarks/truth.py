"""What the quantiles of the workloads really are, from closed forms and integrals; kept in ``references.json``.

``python -m benchmarks.truth`` writes the file anew. A log-normal input is described by the mean and standard deviation
of its logarithm; products are then sums of normals, and what is left (a sum of two costs, a beta share, a mixture) is
integrated over its normal scores by the trapezoidal rule, whose error on such integrands is below rounding.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import brentq
from scipy.special import betaincinv, ndtr, ndtri

PROBS = (0.05, 0.5, 0.95)
FILE = Path(__file__).with_name("references.json")
YEARS = np.arange(2025, 2045)

DELTA = 1e-4  # of the numerical derivative by probability

Quantiles = dict[str, list[float]]  # by output

Z_90 = float(ndtri(0.95))
STEP = 0.25
SCORES = np.arange(-8.5, 8.5 + STEP / 2, STEP)
WEIGHTS = STEP * np.exp(-0.5 * SCORES**2) / math.sqrt(2 * math.pi)

BOTEC = ((1.0, 3.0), (2.0, 10.0))
# 90% intervals of the inputs; a log-normal unless said otherwise. tests/test_benchmarks.py holds them against priors/.
CHAIN = {
    "training_compute": (1e26, 6e26),
    "compute_growth": (0.4, 0.6),  # normal
    "peak_throughput": (8e14, 1.4e15),
    "utilisation": (0.3, 0.5),
    "chip_hour_price": (1.5, 4.0),
    "price_performance_growth": (0.1, 0.145),  # normal
    "overhead": (1.2, 4.0),
    "threshold": (1e11, 1e12),
}
DEPLOYMENT = {
    "training_compute": (1e25, 6e25),
    "peak_throughput": (8e14, 1.4e15),
    "training_utilisation": (0.3, 0.5),
    "chip_hour_price": (1.5, 4.0),
    "experiments": (0.5, 4.0),
    "staff_cost": (2e7, 2e8),
    "users": (2e7, 3e8),
    "tokens_per_user": (2e5, 2e6),
    "parameters": (5e10, 3e11),
    "serving_overhead": (1.1, 2.0),
}
SERVICE = ((0.4, (0.3, 0.8)), (0.6, (1.0, 3.0)))  # weight and 90% interval of each part
SHARE = (4, 12)  # a and b of the beta share that inference attains
RANK_CORRELATION = 0.5  # of users and tokens_per_user
HOUR = 3600.0


def logs(interval: tuple[float, float]) -> tuple[float, float]:
    """Mean and standard deviation of the logarithm of a log-normal, from its 90% interval."""
    low, high = map(math.log, interval)
    return (low + high) / 2, (high - low) / (2 * Z_90)


def botec(probs: Sequence[float] = PROBS) -> Quantiles:
    """Atoms of 0.6 at 0 and 0.2 at 1; the rest solved for."""

    def below(x: float) -> float:
        parts = [float(ndtr((math.log(x) - mu) / sigma)) for mu, sigma in map(logs, BOTEC)]
        return 0.6 + 0.2 * (x >= 1) + 0.1 * sum(parts)

    def quantile(prob: float) -> float:
        if prob < 0.6:
            return 0.0
        return float(brentq(lambda x: below(x) - prob, 1e-3, 1e3, xtol=1e-13))

    return {"result": [quantile(prob) for prob in probs]}


def training_chain(probs: Sequence[float] = PROBS) -> Quantiles:
    """Closed forms: costs are log-normal, and a crossing by t is a normal being positive.

    Growth is negative with a probability below 1e-9, which is left out.
    """
    mean = {name: logs(interval) for name, interval in CHAIN.items() if not name.endswith("growth")}
    low, high = (np.array(CHAIN[name]) for name in ("compute_growth", "price_performance_growth"))
    growth = float(low.mean() - high.mean())
    growth_variance = (np.ptp(low) ** 2 + np.ptp(high) ** 2) / (2 * Z_90) ** 2
    signs = {"training_compute": 1, "peak_throughput": -1, "utilisation": -1, "chip_hour_price": 1}
    cost = sum(sign * mean[name][0] for name, sign in signs.items()) - math.log(HOUR)
    variance = sum(mean[name][1] ** 2 for name in signs)
    found = {"training_cost": np.exp(cost + math.sqrt(variance) * ndtri(probs)).tolist()}
    cost, variance = cost + mean["overhead"][0], variance + mean["overhead"][1] ** 2
    for t, year in enumerate(YEARS.tolist()):
        spread = math.sqrt(variance + growth_variance * (t * math.log(10)) ** 2)
        found[f"run_cost@{year}"] = np.exp(cost + growth * t * math.log(10) + spread * ndtri(probs)).tolist()
    gap, gap_variance = cost - mean["threshold"][0], variance + mean["threshold"][1] ** 2

    def crossed(t: float) -> float:
        return float(
            (gap + growth * t * math.log(10)) / math.sqrt(gap_variance + growth_variance * (t * math.log(10)) ** 2)
        )

    found["crossing_year"] = [
        float(YEARS[0] + brentq(lambda t, p=p: crossed(t) - ndtri(p), 0, 60, xtol=1e-13)) for p in probs
    ]
    return found


def deployment_ratio(probs: Sequence[float] = PROBS) -> Quantiles:
    """Integrals over the scores of experiments, the share attained in service, and staff against the run."""
    mu, sigma = ({name: logs(interval)[i] for name, interval in DEPLOYMENT.items()} for i in (0, 1))
    pearson = 2 * math.sin(math.pi * RANK_CORRELATION / 6)  # of a Gaussian copula with this rank correlation
    run = (
        mu["training_compute"]
        - mu["peak_throughput"]
        - mu["training_utilisation"]
        + mu["chip_hour_price"]
        - math.log(HOUR)
    )
    run_variance = sum(
        sigma[n] ** 2 for n in ("training_compute", "peak_throughput", "training_utilisation", "chip_hour_price")
    )
    served = ("users", "tokens_per_user", "parameters", "serving_overhead", "chip_hour_price")
    serve = sum(mu[name] for name in served) - mu["peak_throughput"] + math.log(2 / HOUR)
    serve_variance = sum(sigma[name] ** 2 for name in (*served, "peak_throughput"))
    serve_variance += 2 * pearson * sigma["users"] * sigma["tokens_per_user"]
    shared = sigma["chip_hour_price"] ** 2 + sigma["peak_throughput"] ** 2  # covariance of run and service
    # service: (weight, mean, variance of log service time)
    service = [(weight, *logs(interval)) for weight, interval in SERVICE]
    share = np.log(betaincinv(*map(float, SHARE), ndtr(SCORES)))
    experiments = np.exp(mu["experiments"] + sigma["experiments"] * SCORES)
    against = mu["staff_cost"] - run + math.sqrt(run_variance + sigma["staff_cost"] ** 2) * SCORES  # log (staff / run)
    against_variance = run_variance + sigma["staff_cost"] ** 2
    all_costs = np.log1p(experiments[:, None] + np.exp(against))  # log (development / run): (experiments, against)

    def solved(below: Callable[[float], float], low: float, high: float) -> list[float]:
        return [math.exp(brentq(lambda x, p=p: below(x) - p, low, high, xtol=1e-13)) for p in probs]

    # Given log (staff / run), log run and log (service / run) are normal.
    slope = -run_variance / against_variance
    rest = math.sqrt(run_variance - run_variance**2 / against_variance)
    run_given = run + slope * (against - against.dot(WEIGHTS))

    def development(x: float) -> float:
        return float(WEIGHTS @ ndtr((x - all_costs - run_given) / rest) @ WEIGHTS)

    def deployment(x: float) -> float:
        return sum(
            weight * float(WEIGHTS @ ndtr((x + share - serve - log_time) / math.sqrt(serve_variance + spread**2)))
            for weight, log_time, spread in service
        )

    covariance = run_variance - shared  # of (service - run) and (staff - run)
    drift = covariance / against_variance * (against - against.dot(WEIGHTS))

    def ratio(x: float) -> float:
        total = 0.0
        for weight, log_time, spread in service:
            variance = serve_variance + spread**2 + run_variance - 2 * shared - covariance**2 / against_variance
            middle = serve + log_time - run + drift
            for part, score in zip(share, WEIGHTS, strict=True):
                total += (
                    weight
                    * score
                    * float(WEIGHTS @ ndtr((x + part + all_costs - middle) / math.sqrt(variance)) @ WEIGHTS)
                )
        return total

    return {
        "development_cost": solved(development, math.log(1e5), math.log(1e12)),
        "deployment_cost": solved(deployment, math.log(1e3), math.log(1e14)),
        "deployment_ratio": solved(ratio, math.log(1e-8), math.log(1e8)),
    }


TRUTHS: dict[str, Callable[..., Quantiles]] = {
    "botec": botec,
    "training_chain": training_chain,
    "deployment_ratio": deployment_ratio,
}


@dataclass(frozen=True)
class Reference:
    """What a workload's estimates are held against.

    Parameters
    ----------
    outputs : tuple of str
    values : ndarray (output, prob)
        True quantiles.
    slopes : ndarray (output, prob)
        Their derivative by probability: times ``sqrt(p (1 - p) / n)`` it is the error of n plain draws.
    """

    outputs: tuple[str, ...]
    values: np.ndarray
    slopes: np.ndarray

    def plain_rmse(self, draws: int) -> np.ndarray:
        """Root mean square error (output, prob) of plain Monte Carlo."""
        prob = np.array(PROBS)
        error: np.ndarray = self.slopes * np.sqrt(prob * (1 - prob) / draws)
        return error


def references() -> dict[str, Reference]:
    """The stored references, by workload."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        name: Reference(
            tuple(entry["quantiles"]),
            np.array(list(entry["quantiles"].values())),
            np.array(list(entry["slopes"].values())),
        )
        for name, entry in stored.items()
    }


def computed(name: str) -> dict[str, Quantiles]:
    """A workload's quantiles and their slopes, worked out anew."""
    truth = TRUTHS[name]
    below, above = (truth([prob + sign * DELTA for prob in PROBS]) for sign in (-1, 1))
    slopes = {output: ((np.array(above[output]) - below[output]) / (2 * DELTA)).tolist() for output in above}
    return {"quantiles": truth(), "slopes": slopes}


def _rounded(figures: Quantiles, digits: int) -> Quantiles:
    """Without the digits that the root finder leaves to chance, so that the file is the same wherever it is written."""
    return {name: [float(f"{value:.{digits}g}") for value in values] for name, values in figures.items()}


def write() -> None:
    stored = {}
    for name, truth in TRUTHS.items():
        found = computed(name)
        stored[name] = {
            "how": " ".join((truth.__doc__ or "").split()),
            "probs": PROBS,
            "quantiles": _rounded(found["quantiles"], 11),
            "slopes": _rounded(found["slopes"], 6),
        }
    FILE.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
