"""Error and cost of one tool after another, interleaved so that whatever else the machine does strikes all alike."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.peers import Answer
from benchmarks.truth import Reference


@dataclass(frozen=True)
class Runs:
    """Repeated runs of one tool on one workload with one number of samples.

    Parameters
    ----------
    errors : list of ndarray (output, prob)
        Estimate minus truth, run by run.
    cpu, wall : list of float
        Seconds of CPU and of time, run by run.
    """

    errors: list[np.ndarray] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    @property
    def rmse(self) -> np.ndarray:
        """Root mean square error (output, prob) over the runs."""
        return np.sqrt(np.mean(np.square(self.errors), axis=0))


def interleaved(
    tools: Mapping[str, Callable[[int], Answer]],
    truth: np.ndarray,
    seeds: Iterable[int],
    times: Mapping[str, int] | None = None,
) -> dict[str, Runs]:
    """Run every tool with each seed in turn: once, or as often as `times` says."""
    found = {name: Runs() for name in tools}
    for seed in seeds:
        for name, tool in tools.items():
            for _ in range((times or {}).get(name, 1)):
                answer = tool(seed)
                found[name].errors.append(answer.values - truth)
                found[name].cpu.append(answer.cpu)
                found[name].wall.append(answer.wall)
    return found


@dataclass(frozen=True)
class Cost:
    """What a process took: CPU seconds of each repeat, and its peak memory.

    Parameters
    ----------
    cpu : tuple of float
    memory : float
        MiB.
    """

    cpu: tuple[float, ...]
    memory: float


# A process inherits the peak memory of the one it was forked from, so a small one stands between.
LAUNCHER = """
import os, sys
child = os.fork()
if not child:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
"""


def processes(commands: Mapping[str, Sequence[str | Path]], repeats: int, cwd: Path) -> dict[str, Cost]:
    """Run every command once in each of the repeats, in turn; with compiled files, as an installed program has them."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    cpu: dict[str, list[float]] = {name: [] for name in commands}
    memory = dict.fromkeys(commands, 0.0)
    for _ in range(repeats):
        for name, command in commands.items():
            launched = [sys.executable, "-I", "-S", "-c", LAUNCHER, *map(str, command)]
            done = subprocess.run(launched, capture_output=True, text=True, cwd=cwd, env=environment, check=True)
            code, seconds, peak = done.stdout.split()
            if code != "0":
                raise RuntimeError(f"{name} failed: {done.stderr[-500:]}")
            cpu[name].append(float(seconds))
            memory[name] = max(memory[name], float(peak))
    return {name: Cost(tuple(cpu[name]), memory[name]) for name in commands}


def ratio(above: Sequence[float], below: Sequence[float], factor: float = 1.0) -> tuple[float, float]:
    """Ratio of two costs: of the least, and of the medians."""
    return factor * min(above) / min(below), factor * float(np.median(above) / np.median(below))


def efficiencies(runs: Runs, reference: Reference, draws: int) -> np.ndarray:
    """Squared error over that of as many plain draws, at each output-quantile that draws can be wrong about."""
    unsure = reference.slopes > 0
    found: np.ndarray = (runs.rmse[unsure] / reference.plain_rmse(draws)[unsure]) ** 2
    return found
