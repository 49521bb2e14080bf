"""The benchmark compares like with like: one model, told in several tools, held against one reference."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import forecast
from benchmarks.measure import Runs, efficiencies, interleaved, ratio
from benchmarks.peers import (
    PEARSON,
    WORKLOADS,
    Answer,
    Peer,
    c_peer,
    engine_peer,
    numpy_draws,
    numpy_peer,
    squigglepy_arithmetic_peer,
    squigglepy_peer,
)
from benchmarks.truth import CHAIN, DEPLOYMENT, PROBS, RANK_CORRELATION, SERVICE, SHARE, Reference, computed, references
from forecast.distribution import parse
from tests.statistical import assert_share

FOLDER = Path(__file__).parent.parent / "benchmarks" / "workloads"
SAMPLES = 20_000
FALSE_ALARM = 5.0  # standard errors: 6e-7 a figure, of which there are about 300


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workloads")
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    return folder


@pytest.mark.parametrize("workload", WORKLOADS)
def test_stored_references_are_what_the_formulas_give(workload: str) -> None:
    stored, anew = references()[workload], computed(workload)
    assert stored.outputs == tuple(anew["quantiles"])
    np.testing.assert_allclose(stored.values, list(anew["quantiles"].values()), rtol=1e-9)
    np.testing.assert_allclose(stored.slopes, list(anew["slopes"].values()), rtol=1e-5)


def test_references_hold_against_plain_draws_of_another_kind() -> None:
    # P(output <= reference), counted; the formulas of the references and of the draws have nothing in common.
    rng = np.random.default_rng(20_260)
    for workload, reference in references().items():
        for output, values, slopes in zip(
            numpy_draws(workload, 400_000, rng), reference.values, reference.slopes, strict=True
        ):
            for prob, value in zip(np.array(PROBS)[slopes > 0], values[slopes > 0], strict=True):
                # A share of as many draws strays by FALSE_ALARM standard errors once in two million.
                slack = FALSE_ALARM * np.sqrt(prob * (1 - prob) / output.size)
                assert abs((output <= value).mean() - prob) < slack, f"{workload} {prob}"


def test_inputs_of_the_peers_are_the_studys(studies: Path) -> None:
    for workload, intervals in (("training_chain", CHAIN), ("deployment_ratio", DEPLOYMENT)):
        study = forecast.open_study(studies / workload)
        for name, (low, high) in intervals.items():
            family = "normal" if name.endswith("growth") else "lognormal"
            assert study.priors[name].distribution == parse(f"{family} {low!r} to {high!r}", name), name
        uncertain = {name for name, prior in study.priors.items() if prior.distribution.family != "point"}
        assert uncertain - set(intervals) <= {"inference_utilisation", "service_time"}
    priors = forecast.open_study(studies / "deployment_ratio").priors
    assert priors["inference_utilisation"].distribution == parse(f"beta(a={SHARE[0]}, b={SHARE[1]})", "")
    parts = ", ".join(f"{low} to {high}" for _, (low, high) in SERVICE)
    weights = [weight for weight, _ in SERVICE]
    assert priors["service_time"].distribution == parse(f"mixture({parts}, weights={weights})", "")


def test_the_correlated_pair_is_the_same_everywhere(studies: Path) -> None:
    (declared,) = forecast.open_study(studies / "deployment_ratio").dependences
    assert declared.between == ("users", "tokens_per_user")
    assert declared.rank_correlation == RANK_CORRELATION
    squiggle = (FOLDER.parent / "squiggle" / "deployment_ratio.squiggle").read_text(encoding="utf-8")
    assert f"part = {PEARSON!r} " in squiggle


def _agree(answer: Answer, reference: Reference, samples: int) -> None:
    sure = reference.slopes == 0
    assert np.array_equal(answer.values[sure], reference.values[sure])
    error = np.abs(answer.values - reference.values)[~sure] / reference.plain_rmse(samples)[~sure]
    # With 20,000 draws quantiles are normal about the truth to well within the slack.
    assert error.max() < FALSE_ALARM


PEERS = [numpy_peer(), squigglepy_peer(), squigglepy_arithmetic_peer()]


@pytest.mark.parametrize(("peer", "workload"), [(peer, workload) for peer in PEERS for workload in peer.workloads])
def test_peers_in_python_give_the_reference(peer: Peer, workload: str) -> None:
    _agree(peer.answer(workload, SAMPLES, 1), references()[workload], SAMPLES)


@pytest.mark.parametrize("workload", WORKLOADS)
def test_the_peer_in_c_gives_the_reference(tmp_path: Path, workload: str) -> None:
    peer = c_peer(tmp_path)
    if isinstance(peer, str):
        pytest.skip(peer)
    _agree(peer.answer(workload, SAMPLES, 1), references()[workload], SAMPLES)


@pytest.mark.parametrize("method", ["qmc", "mc"])
@pytest.mark.parametrize("workload", WORKLOADS)
def test_the_engine_gives_the_reference(studies: Path, workload: str, method: str) -> None:
    _agree(engine_peer(studies, method=method).answer(workload, SAMPLES, 1), references()[workload], SAMPLES)


def test_the_stated_error_covers_the_reference(studies: Path) -> None:
    # One output of each workload, at the quantile that its inputs make hardest.
    seeds = 100
    for workload, output in (("training_chain", "crossing_year"), ("deployment_ratio", "deployment_ratio")):
        study = forecast.open_study(studies / workload)
        reference = references()[workload]
        truth = reference.values[reference.outputs.index(output)][2]
        hits = 0
        for seed in range(seeds):
            found = study.run([output], draws=2_048, seed=seed).interval(output, prob=0.9)
            hits += abs(found.high - truth) <= 1.959964 * found.mcse_high
        assert_share(hits, seeds, 0.93, 0.97)


def test_hostile_outputs_are_estimated_alike_by_both_methods(studies: Path) -> None:
    study = forecast.open_study(studies / "hostile")
    smart, plain = (study.run(draws=16_384, seed=3, method=method) for method in ("qmc", "mc"))
    for output in study.main.quantities:
        one, other = smart.interval(output), plain.interval(output)
        for end in ("low", "median", "high"):
            error = np.hypot(getattr(one, f"mcse_{end}"), getattr(other, f"mcse_{end}"))
            # Errors from eight replicates have seven degrees of freedom: 7 of them happen once in 5,000.
            assert abs(getattr(one, end) - getattr(other, end)) <= 7 * error, f"{output} {end}"


def test_what_ratios_mean() -> None:
    tools = {
        "a": lambda seed: Answer(np.array([[float(seed), 2.0]]), seed, seed),
        "b": lambda seed: Answer(np.zeros((1, 2)), 1, 1),
    }
    runs = interleaved(tools, np.array([[0.0, 2.0]]), [1, 2, 3], {"b": 2})
    assert runs["a"].cpu == [1, 2, 3]
    assert len(runs["b"].cpu) == 6
    assert runs["a"].rmse.tolist() == [[np.sqrt(14 / 3), 0.0]]
    assert ratio([2.0, 4.0, 9.0], [1.0, 1.0, 8.0], 3.0) == (6.0, 12.0)
    reference = Reference(("x",), np.zeros((1, 3)), np.array([[0.0, 2.0, 0.0]]))
    plain = reference.plain_rmse(100)
    assert plain.tolist() == [[0.0, 0.1, 0.0]]  # 2 * sqrt(0.25 / 100)
    twice = Runs(errors=[2 * plain, -2 * plain])
    assert efficiencies(twice, reference, 100).tolist() == pytest.approx([4.0])
