"""Every figure in one run, as one table: printed, and written to ``build/benchmarks.md``.

All ratios come from runs that take turns, so that whatever else the machine does strikes all alike. CPU seconds count;
of repeated runs the least and the median are told.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.measure import Cost, Runs, efficiencies, interleaved, processes, ratio
from benchmarks.peers import (
    HERE,
    Peer,
    c_peer,
    engine_peer,
    numpy_peer,
    squiggle_peer,
    squigglepy_arithmetic_peer,
    squigglepy_peer,
)
from benchmarks.truth import Reference, references

ROOT = HERE.parent
BUILD = ROOT / "build"
MILLION = 1_000_000
ERROR_SAMPLES = 20_000  # at which the error of plain sampling is taken; its variance goes with 1 / n
SEEDS = 128
COSTS = 5  # repeats of what takes seconds
COVERAGE_SEEDS = 500
HOSTILE_SEEDS = 300
WORLDS = 8_192
EXACT = 1e-9  # relative error of what the draws leave no doubt about
REPEATS = 15  # of whole processes
HEAVY = ("training_chain", "deployment_ratio")
TITLES = {
    "botec": "time to BOTEC",
    "training_chain": "training-cost chain",
    "deployment_ratio": "deployment ratio",
    "hostile": "hostile set",
}
# error per CPU second against a peer: what we aim at
AIMS = {("training_chain", "squigglepy"): 100, ("deployment_ratio", "squigglepy"): 100, ("training_chain", "Squiggle"): 1000, ("deployment_ratio", "Squiggle"): 300}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Parameters
    ----------
    figure, workload, least, median, target : str
    verdict : str
        ``yes`` or ``no``, or nothing where there is no target.
    """

    figure: str
    workload: str
    least: str
    median: str
    target: str = ""
    verdict: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything; 0 whatever the figures are."""
    parser = argparse.ArgumentParser(
        prog="benchmarks", description="Speed and precision beside other tools, as ratios in one run."
    )
    parser.add_argument("--only", choices=tuple(TITLES), action="append", help="a workload (repeatable; default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer seeds and repeats, to see whether it runs")
    options = parser.parse_args(arguments)
    wanted = options.only or list(TITLES)
    share = 0.25 if options.quick else 1.0
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    studies = BUILD / "benchmarks"
    shutil.copytree(HERE / "workloads", studies, dirs_exist_ok=True)  # so that what they remember stays out of the tree
    notes: list[str] = []
    peers = [numpy_peer(), squigglepy_peer(), squigglepy_arithmetic_peer()]
    for found in (squiggle_peer(BUILD), c_peer(BUILD / "benchmarks")):
        notes += [found] if isinstance(found, str) else []
        peers += [] if isinstance(found, str) else [found]
    rows: list[Row] = []
    try:
        for workload, reference in references().items():
            if workload in wanted:
                rows += _equal_error(workload, reference, peers, studies, share, notes)
    finally:
        for peer in peers:
            peer.close()
    if "hostile" in wanted:
        rows += _hostile(studies, round(HOSTILE_SEEDS * share))
    text = _markdown(rows, notes)
    BUILD.mkdir(exist_ok=True)
    (BUILD / "benchmarks.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


def _equal_error(
    workload: str, reference: Reference, peers: Sequence[Peer], studies: Path, share: float, notes: list[str]
) -> list[Row]:
    """Everything about one workload."""
    import forecast

    title = TITLES[workload]
    ours, mc = engine_peer(studies), engine_peer(studies, method="mc")
    worlds = _as_precise(ours, workload, reference, round(SEEDS * share))
    notes.append(
        f"{title}: {worlds:,} worlds are as precise as {MILLION:,} plain draws, or more, at every output and quantile."
    )
    present = [peer for peer in peers if workload in peer.workloads]
    _say(f"{title}: errors")
    answers = {peer.name: partial(peer.answer, workload, ERROR_SAMPLES) for peer in present}
    default = forecast.open_study(studies / workload).run()
    usual = default.draws * default.design.chains
    answers |= {"forecast": partial(ours.answer, workload, worlds), "usual": partial(ours.answer, workload, usual)}
    errors = interleaved(answers, reference.values, range(1, 1 + round(SEEDS * share)))
    _say(f"{title}: costs")
    answers = {peer.name: partial(peer.answer, workload, MILLION) for peer in present}
    answers |= {"forecast": partial(ours.answer, workload, worlds), "usual": partial(ours.answer, workload, usual)}
    answers |= {"mc": partial(mc.answer, workload, MILLION)}
    often = {"forecast": 4, "usual": 4}
    costs = interleaved(answers, reference.values, range(1, 1 + max(2, round(COSTS * share))), often)
    worst = float(efficiencies(errors["forecast"], reference, worlds).max())
    notes.append(f"{title}: our squared error is at most {worst:.3f} of that of as many plain draws; that of peers is")
    rows = []
    for peer in present:
        # Peers draw plainly, so where their error differs from output to output that is chance: the mean is taken.
        mean = float(efficiencies(errors[peer.name], reference, ERROR_SAMPLES).mean())
        notes[-1] += f" {mean:.2f} ({peer.name})"
        factor = mean / MILLION / (worst / worlds)
        least, median = ratio(costs[peer.name].cpu, costs["forecast"].cpu, factor)
        aim = AIMS.get((workload, peer.name))
        rows.append(_row(f"error per CPU second against {peer.name}", title, least, median, aim, at_least=True))
        factor = mean / MILLION / (float(efficiencies(errors["usual"], reference, usual).max()) / usual)
        least, median = ratio(costs[peer.name].cpu, costs["usual"].cpu, factor)
        rows.append(
            _row(f"the same with the {usual:,} worlds of default precision: {peer.name}", title, least, median, None)
        )
    aim = 0.5 if workload in HEAVY else None
    figure = "plain Monte Carlo mode, 1e6 draws: CPU against plain numpy"
    rows.append(_row(figure, title, *ratio(costs["mc"].cpu, costs["numpy"].cpu), aim))
    rows += _processes(workload, worlds, studies, max(3, round(REPEATS * share)), present)
    rows += _coverage(workload, reference, round(COVERAGE_SEEDS * share))
    labels = {
        "forecast": f"forecast, {worlds:,} worlds",
        "usual": f"forecast, {usual:,} worlds",
        "mc": f"forecast --method mc, {MILLION:,} draws",
    }
    for name, runs in costs.items():
        label = labels.get(name, f"{name}, {MILLION:,} samples")
        for kind, seconds in (("CPU", runs.cpu), ("time", runs.wall)):
            rows.append(
                Row(
                    f"{kind} to all quantiles: {label}",
                    title,
                    _milliseconds(min(seconds)),
                    _milliseconds(float(np.median(seconds))),
                )
            )
    return rows


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:,.1f} ms" if seconds < 0.1 else f"{1e3 * seconds:,.0f} ms"


def _errors(peer: Peer, workload: str, samples: int, reference: Reference, first: int, seeds: int) -> list[np.ndarray]:
    return [peer.answer(workload, samples, seed).values - reference.values for seed in range(first, first + seeds)]


def _as_precise(ours: Peer, workload: str, reference: Reference, seeds: int) -> int:
    """The least power of two of worlds that is as precise as a million plain draws, at every output and quantile.

    A root mean square over some seeds is itself uncertain by 1 / sqrt(2 seeds) of it, which is allowed for.
    """
    _say(f"{TITLES[workload]}: worlds for the precision of {MILLION:,} plain draws")
    worlds = 1_024
    while worlds < 1 << 20:
        rmse = Runs(_errors(ours, workload, worlds, reference, 1_000, seeds)).rmse
        if (rmse <= (1 + (2 * seeds) ** -0.5) * reference.plain_rmse(MILLION)).all():
            return worlds
        worlds *= 2
    return worlds


def _processes(workload: str, worlds: int, studies: Path, repeats: int, present: Sequence[Peer]) -> list[Row]:
    _say(f"{TITLES[workload]}: whole processes")
    run = [Path(sys.executable).with_name("forecast"), "run", studies / workload]
    commands: dict[str, Sequence[str | Path]] = {
        "numpy": [sys.executable, "-c", "import numpy"],
        "equal": [*run, "--draws", str(worlds)],
        "default": run,
        "mc": [*run, "--draws", str(MILLION), "--method", "mc"],
    }
    processes(commands, 1, ROOT)  # what is remembered and compiled is there from now on
    quick = {name: commands[name] for name in ("numpy", "equal", "default")}
    cost = processes(quick, repeats, ROOT)
    names = [peer.name for peer in present if peer.name in ("numpy", "squigglepy")]
    once = {name: [sys.executable, "-m", "benchmarks.one", name, workload, str(MILLION)] for name in names}
    memory = cost | {f"{name}, {MILLION:,} samples": found for name, found in processes(once, 1, ROOT).items()}
    memory |= {"mc": processes({"mc": commands["mc"]}, 1, ROOT)["mc"]}
    for peer in present:
        answer = peer.answer(workload, MILLION, 1)
        memory |= {f"{peer.name}, {MILLION:,} samples": Cost((answer.cpu,), answer.memory)} if answer.memory else {}
    labels = {"numpy": "import numpy", "equal": f"forecast run, {worlds:,} worlds", "default": "forecast run, default precision", "mc": f"forecast run --method mc, {MILLION:,} draws"}  # fmt: skip
    title, heavy = TITLES[workload], workload in HEAVY
    rows = [
        _row(
            f"whole `forecast run`, {worlds:,} worlds: CPU against `import numpy`",
            title,
            *ratio(cost["equal"].cpu, cost["numpy"].cpu),
            2 if heavy else None,
        ),
        _row(
            "whole `forecast run`, default precision: CPU against `import numpy`",
            title,
            *ratio(cost["default"].cpu, cost["numpy"].cpu),
            None,
        ),
    ]
    rows += [
        Row(f"peak memory, MiB: {labels.get(name, name)}", title, f"{found.memory:.0f}", "")
        for name, found in memory.items()
    ]
    return rows


def _coverage(workload: str, reference: Reference, seeds: int) -> list[Row]:
    """How often the stated 95% Monte Carlo interval holds the truth."""
    _say(f"{TITLES[workload]}: coverage")
    import forecast

    study = forecast.open_study(BUILD / "benchmarks" / workload)
    hits, told = np.zeros((2, *reference.values.shape))
    for seed in range(seeds):
        result = study.run(draws=WORLDS, seed=10_000 + seed)
        for row, (output, truth) in enumerate(zip(reference.outputs, reference.values, strict=True)):
            found = result.interval(output, prob=0.9)
            values, errors = (found.low, found.median, found.high), (found.mcse_low, found.mcse_median, found.mcse_high)
            # What is known to all digits has nothing but rounding left to cover.
            told[row] += np.array(errors) > EXACT * np.abs(truth)
            hits[row] += (np.abs(values - truth) <= 1.959964 * np.array(errors)) & (errors > EXACT * np.abs(truth))
    doubtful = told > seeds / 2
    share = 100 * hits[doubtful] / told[doubtful]
    text = f"{share.mean():.1f}% ({share.min():.1f} to {share.max():.1f})"
    figure = (
        f"stated 95% Monte Carlo intervals cover, {seeds} seeds: mean (least and most) over the {share.size} "
        f"output-quantiles that are not exact"
    )
    target = ("93 to 97%", _yes(93 <= share.mean() <= 97)) if workload in HEAVY else ("", "")
    return [Row(figure, TITLES[workload], text, "", *target)]


def _hostile(studies: Path, seeds: int) -> list[Row]:
    """Variance of the estimates against plain Monte Carlo with as many worlds and the same estimator."""
    _say("hostile set")
    import forecast

    study = forecast.open_study(studies / "hostile")
    outputs = study.main.quantities
    variance = {}
    for method in ("qmc", "mc"):
        estimates = []
        for seed in range(seeds):
            result = study.run(draws=WORLDS, seed=seed, method=method)
            intervals = [result.interval(output, prob=0.9) for output in outputs]
            estimates.append([(interval.low, interval.median, interval.high) for interval in intervals])
        variance[method] = np.var(estimates, axis=0)
    share = variance["qmc"] / variance["mc"]
    return [
        _row(
            f"variance of the quantiles of `{output}` against plain Monte Carlo (worst of 5, 50, 95%)",
            "hostile set",
            float(one.max()),
            None,
            1.5,
        )
        for output, one in zip(outputs, share, strict=True)
    ]


def _row(figure: str, title: str, least: float, median: float | None, aim: float | None, at_least: bool = False) -> Row:
    told = [_times(value) for value in (least, median) if value is not None]
    if aim is None:
        return Row(figure, title, told[0], told[1] if median is not None else "")
    sign = "≥" if at_least else "≤"
    return Row(
        figure,
        title,
        told[0],
        told[1] if median is not None else "",
        f"{sign} {aim:g}x",
        _yes(least >= aim if at_least else least <= aim),
    )


def _times(value: float) -> str:
    if value > MILLION:
        return "> 1,000,000x"  # the error is that of rounding, or nearly
    return f"{value:.3g}x" if value < 100 else f"{value:,.0f}x"


def _yes(met: bool) -> str:
    return "yes" if met else "no"


def _markdown(rows: Sequence[Row], notes: Sequence[str]) -> str:
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, {platform.machine()}"
    lines = ["# Benchmarks", "", f"One run on {versions}. Ratios of the least and of the median of repeated runs that took turns; how they are taken: docs/benchmarks.md.", ""]  # fmt: skip
    head = Row("figure", "workload", "of the least", "of the medians", "target", "met")
    ordered = sorted(rows, key=lambda row: (not row.target, row.figure.startswith(("CPU", "time", "peak"))))
    for row in (head, Row("---", "---", "---:", "---:", "---", "---"), *ordered):
        lines.append(f"| {row.figure} | {row.workload} | {row.least} | {row.median} | {row.target} | {row.verdict} |")
    return "\n".join([*lines, "", *(f"- {note}" for note in notes), ""])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
