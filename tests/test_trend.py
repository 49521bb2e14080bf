"""The record of a fit: what it holds, keeps and refuses."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pytest
import xarray
from scipy.stats import norm

from forecast.errors import GateError, StudyError, UsageError
from forecast.trend import fit as trend
from forecast.trend import pymc as trend_pymc
from forecast.trend.curve import mean_line, new_system, running_record
from forecast.trend.diagnostics import Convergence, convergence, loo, loo_difference, write_tree
from forecast.trend.fit import fit
from forecast.trend.gate import Gate, gate_from
from forecast.trend.likelihood import log_likelihood
from forecast.trend.noise import noise_table
from forecast.trend.posterior import Posterior, along_first_component, make_posterior
from forecast.trend.pymc import Chains
from forecast.trend.record import fit_key, series_hash, tree_of
from forecast.trend.spec import CHAIN_DRAWS, EXACT_DRAWS, settled
from tests.trend_support import LEVEL_YEAR, made_up, spec

DATA = made_up(np.random.default_rng(1))
FIT = fit("spending", DATA, spec("average"), 1)


def test_an_unfit_declaration_is_refused_before_anything_is_fitted():
    with pytest.raises(StudyError, match=r"^priors/a.toml \[x\]: kink_prob is not between 0 and 1"):
        fit("x", DATA, spec("average", kink_prob=2.0), 1, place="priors/a.toml [x]")


def test_growth_after_is_growth_before_and_its_change():
    draws = FIT.posterior.draws
    np.testing.assert_allclose(draws["growth_after"], draws["growth_before"] + draws["change"])
    assert set(np.unique(draws["kinked"])) <= {0.0, 1.0}
    assert not draws["change"][draws["kinked"] == 0].any()
    assert np.isfinite(draws["kink"]).all()
    straight = fit("s", DATA, spec("straight"), 1).posterior
    assert "kink" not in straight.draws and "kinked" not in straight.draws
    assert np.array_equal(straight.draws["growth_before"], straight.draws["growth_after"])


def test_the_rate_of_arrival_is_that_of_the_last_years():
    recent = int((DATA.t > DATA.t[-1] - 3).sum())
    rate = FIT.posterior.draws["rate"]
    # Gamma with shape rows + 1/2: mean and sd to 4.4 standard errors.
    assert abs(rate.mean() - (recent + 0.5) / 3) < 4.4 * np.sqrt(recent + 0.5) / 3 / np.sqrt(4000)
    # The sd of 4,000 draws of a gamma, whose excess kurtosis is 6 / shape.
    assert rate.std() == pytest.approx(
        np.sqrt(recent + 0.5) / 3, rel=4.4 * np.sqrt((0.5 + 1.5 / (recent + 0.5)) / 4000)
    )
    assert abs(np.corrcoef(rate, FIT.posterior.draws["growth_after"])[0, 1]) < 4.4 / np.sqrt(4000)


def test_a_world_chooses_its_draw_along_the_first_component():
    posterior = FIT.posterior
    every = posterior.choose((np.arange(4000) + 0.5) / 4000)
    assert sorted(every) == list(range(4000))
    assert posterior.choose(np.array([0.0, 1.0])).tolist() == [every[0], every[-1]]
    line = posterior.lines(every)
    far = mean_line(line, np.array([2040.0]))[0]
    # Neighbours are alike: what differs between neighbours is a small part of what differs at all.
    assert np.var(np.diff(far)) < 0.5 * 2 * np.var(far)
    growth = posterior.draws["growth_after"]
    assert np.corrcoef(np.arange(4000), growth[posterior.order])[0, 1] > 0.3
    assert along_first_component({"growth_after": np.ones(3), "level": np.ones(3)}).tolist() == [0, 1, 2]


def test_draws_of_one_world_belong_together():
    posterior = FIT.posterior
    index = np.array([5, 5, 17])
    line = posterior.lines(index)
    assert line.level[0] == line.level[1] == posterior.draws["level"][5]
    assert line.growth[2] == posterior.draws["growth_before"][17] and line.kink[2] == posterior.draws["kink"][17]


def grouped() -> Posterior:
    """A posterior with two groups, written down."""
    n = 1000
    rng = np.random.default_rng(2)
    data = replace(DATA, group=tuple("ab"[i % 2] for i in range(60)))
    values = {
        key: np.full(n, value) for key, value in {"level": 6.0, "growth": 0.5, "change": 0.0, "scatter": 0.3}.items()
    }
    values |= {"group_level_sd": np.full(n, 2.0), "group_growth_sd": np.full(n, 0.1)}
    values |= {"group_level": np.tile([1.0, -1.0], (n, 1)), "group_growth": np.tile([0.0, 0.2], (n, 1))}
    return make_posterior("g", data, spec("straight", group_level="0.1 to 4", group_growth="0.01 to 0.4"), values, rng)


def test_groups_have_lines_records_and_arrivals_of_their_own():
    posterior = grouped()
    years = np.array([LEVEL_YEAR, LEVEL_YEAR + 1])
    assert mean_line(posterior.lines(), years)[:, 0].tolist() == [6.0, 6.5]
    np.testing.assert_allclose(mean_line(posterior.lines(group="a"), years)[:, 0], [7.0, 7.5])
    np.testing.assert_allclose(mean_line(posterior.lines(group="b"), years)[:, 0], [5.0, 5.7])
    new = posterior.lines(np.arange(2), group_scores=np.array([[1.0, -1.0], [0.0, 2.0]]))
    np.testing.assert_allclose(mean_line(new, years), [[8.0, 4.0], [8.5, 4.7]])
    a, b, both = posterior.lines(group="a"), posterior.lines(group="b"), posterior.lines()
    assert len(a.record_t) == len(b.record_t) == 30 and len(both.record_t) == 60
    np.testing.assert_allclose(a.rate + b.rate, both.rate)
    with pytest.raises(UsageError, match=r"trend g has no group 'c' \(groups: a, b\)"):
        posterior.lines(group="c")
    with pytest.raises(UsageError, match="no group 'a'"):
        FIT.posterior.lines(group="a")


def test_one_group_is_a_trend_of_its_own():
    posterior = grouped()
    own, years, scores = posterior.of("b"), np.array([2024.0, 2030.0]), np.linspace(-2, 2, 1000)
    for curve in (new_system, running_record):
        np.testing.assert_array_equal(
            curve(own.lines(), years, scores), curve(posterior.lines(group="b"), years, scores)
        )
    assert set(own.draws["growth_after"]) == {0.7} and not own.group_draws and len(own.record_t) == 30
    assert posterior.of("") is posterior
    with pytest.raises(UsageError, match="no group 'c'"):
        posterior.of("c")


@pytest.mark.parametrize("kind", ["plain", "grouped", "student"])
def test_a_posterior_is_kept_in_a_file(kind, tmp_path):
    posterior = {"plain": FIT.posterior, "grouped": grouped()}.get(kind, FIT.posterior)
    if kind == "student":
        posterior = replace(posterior, table=noise_table(np.linspace(2, 40, 4000)))
    first, second = tmp_path / "a.npz", tmp_path / "b.npz"
    posterior.save(first)
    time.sleep(0.01)
    loaded = Posterior.load(first)
    loaded.save(second)
    assert first.read_bytes() == second.read_bytes()
    index, scores = posterior.choose(np.linspace(0, 1, 50)), np.linspace(-3, 3, 50)
    a, b = (new_system(item.lines(index), np.array([2030.0]), scores) for item in (posterior, loaded))
    assert np.array_equal(a, b)
    assert loaded.name == posterior.name and loaded.record_group == posterior.record_group


def test_the_tree_has_arviz_groups_and_survives_a_file(tmp_path):
    tree = tree_of(FIT)
    groups = set(tree.children)
    assert groups == {"posterior", "posterior_predictive", "log_likelihood", "observed_data", "constant_data"}
    assert dict(tree["posterior"].sizes) == {"chain": 4, "draw": 1000}
    assert tree["log_likelihood"]["y"].shape == tree["posterior_predictive"]["y"].shape == (4, 1000, 60)
    assert np.array_equal(tree["posterior"]["kink"].values.ravel(), FIT.posterior.draws["kink"])
    assert np.array_equal(tree["observed_data"]["y"].values, DATA.y)
    path = tmp_path / "build" / "fit.nc"
    write_tree(tree, path)
    with xarray.open_datatree(path, engine="h5netcdf") as file:
        back = file.load()
    assert back.identical(tree)
    told = json.loads(back.attrs["provenance"])
    assert told["route"] == "exact" and told["seed"] == 1 and told["accepted"] is False
    assert told["spec"]["kink"] and told["series"]["rows"] == 60 and told["series"]["hash"] == series_hash(DATA)
    assert told["kinked_prob"] == FIT.kinked_prob and told["versions"]["numpy"] == np.__version__


def test_the_same_fit_gives_the_same_bytes(tmp_path):
    paths = [tmp_path / "a.nc", tmp_path / "b.nc"]
    for path in paths:
        write_tree(tree_of(fit("spending", DATA, spec("average"), 1)), path)
        time.sleep(1.1)  # a time of creation would differ
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_predictive_draws_are_of_the_series_itself():
    """Replicated series scatter around the line as the rows do: errors of measurement included."""
    noisy = made_up(np.random.default_rng(3), rows=200, change=0.0, scatter=0.2, se=0.5)
    result = fit("x", noisy, spec("straight"), 1)
    again = tree_of(result)["posterior_predictive"]["y"].values.reshape(-1, 200)
    assert again.std(0).mean() == pytest.approx(np.hypot(0.2, 0.5), rel=0.1)
    below = (again < noisy.y).mean(0)
    assert 0.3 < below.mean() < 0.7


def test_a_record_keeps_what_it_has_for_each_row_for_a_thousand_draws_of_a_chain():
    whole = fit("x", DATA, spec(draws=32_000), 1)
    tree = tree_of(whole)
    assert tree["posterior"]["level"].shape == (4, 8000)
    for group in ("posterior_predictive", "log_likelihood"):
        assert tree[group]["y"].shape == (4, 1000, 60) and tree[group]["draw"].values.tolist() == [*range(0, 8000, 8)]
    kept = tree["log_likelihood"]["y"].sel(draw=2400).values
    np.testing.assert_allclose(kept, whole.log_likelihood()[:, 2400], rtol=1e-6)


def test_the_number_of_draws_follows_from_the_route_where_it_is_left_open():
    dated = replace(DATA, se_t=np.full(60, 0.1))
    for declared, data, count in (
        (spec(draws=0), DATA, 32_000),
        (spec(draws=0), dated, 4000),
        (spec(draws=800), DATA, 800),
    ):
        assert settled(declared, data).draws == count
        assert fit_key(data, declared, 1) == fit_key(data, replace(declared, draws=count), 1)
    assert len(fit("x", DATA, spec(draws=0), 1).posterior) == 32_000
    with pytest.raises(StudyError, match="32000 draws in 3 chains"):
        fit("x", DATA, spec(draws=0, chains=3), 1)


def test_exact_draws_know_the_ends_of_an_interval_to_what_worlds_are_drawn_to():
    """Of a normal posterior: sqrt(p (1 - p) / draws) / density, as a part of the width of the 90% interval."""
    end = norm.ppf(0.95)
    error = np.sqrt(0.05 * 0.95 / EXACT_DRAWS) / norm.pdf(end) / (2 * end)
    assert error < 0.005 < error * np.sqrt(EXACT_DRAWS / CHAIN_DRAWS)


def test_a_key_changes_with_whatever_enters():
    key = fit_key(DATA, spec(), 1)
    assert key == fit_key(replace(DATA, name="other", source="elsewhere"), spec(), 1)
    others = [
        fit_key(DATA, spec(), 2),
        fit_key(DATA, spec("average"), 1),
        fit_key(DATA, spec(change="normal(mean=0, sd=0.4)"), 1),
        fit_key(replace(DATA, y=DATA.y + 1e-9), spec(), 1),
        fit_key(replace(DATA, se=np.full(60, 0.1)), spec(), 1),
        fit_key(DATA, spec(draws=8000), 1),
    ]
    assert len({key, *others}) == 7


def test_a_kink_prior_beyond_the_rows_is_noted():
    assert fit("x", DATA, spec(), 1).notes == ()
    outside = fit("x", DATA, spec(kink="uniform(low=2012, high=2032)"), 1)
    assert len(outside.notes) == 1 and "of the kink's prior lies outside the rows" in outside.notes[0]


# ---- the gate ----


def chains(rng, mean=0.0, n=1000):
    return rng.standard_normal((4, n)) + np.reshape(mean, (-1, 1))


def test_good_chains_pass_and_bad_ones_are_told_apart():
    rng = np.random.default_rng(4)
    good = convergence({"a": chains(rng), "b": chains(rng)})
    assert gate_from(good, 0).failures() == []
    apart = convergence({"a": chains(rng), "b": chains(rng, mean=[0, 0, 0, 1.0])})
    told = gate_from(apart, 0)
    assert told.worst == "b" and any("R-hat is" in line for line in told.failures())
    slow = np.cumsum(0.05 * rng.standard_normal((4, 1000)), axis=1)
    slow -= slow.mean(1, keepdims=True)
    assert any(
        "effective draws of b" in line for line in gate_from(convergence({"a": chains(rng), "b": slow}), 0).failures()
    )
    assert gate_from(good, 3).failures() == ["3 divergences (none)"]


@pytest.mark.parametrize(
    ("gate", "failures"),
    [
        (Gate(1.0099, 401, 401, 0), 0),
        (Gate(1.0101, 401, 401, 0), 1),
        (Gate(1.0, 399, 401, 0), 1),
        (Gate(1.0, 401, 399, 0), 1),
        (Gate(1.0, 401, 401, 1), 1),
        (Gate(np.nan, 401, 401, 0), 1),
        (Gate(1.2, 10, 10, 7), 4),
    ],
)
def test_the_gate_stands_at_its_limits(gate, failures):
    assert len(gate.failures()) == failures


def test_a_chain_that_never_moves_is_not_converged():
    stuck = {"a": Convergence(np.nan, np.nan, np.nan), "b": Convergence(1.0, 4000, 4000)}
    told = gate_from(stuck, 0)
    assert told.worst == "a" and len(told.failures()) == 3


def test_a_fit_behind_the_gate_is_refused_and_can_be_accepted(monkeypatch):
    """The sampler is replaced by one that returns chains which disagree."""
    rng = np.random.default_rng(5)
    declared = spec("kinked", route="pymc", draws=1600)
    calls = []

    def sampler(data, own, seed, draws, target_accept, progress, cache, asked):
        calls.append((draws, target_accept))
        scores = 0.1 * rng.standard_normal((4, draws, 5)) + np.array([0, 0, 0, 1.0])[:, None, None]
        return Chains(scores, {}, {"diverging": np.zeros((4, draws), dtype=bool)}, "nutpie")

    monkeypatch.setattr(trend, "sample", sampler)
    with pytest.raises(
        GateError, match=r"trend x \(kinked\) has not converged: R-hat is .*accept it with --accept"
    ) as caught:
        fit("x", DATA, declared, 1)
    assert caught.value.exit_code == 4
    # Drawn longer and in smaller steps before giving up.
    assert calls == [(400, 0.9), (1600, 0.95), (1600, 0.99), (6400, 0.995)]
    accepted = fit("x", DATA, declared, 1, accept=True)
    assert accepted.accepted and accepted.provenance()["accepted"] is True
    assert json.dumps(accepted.provenance(), allow_nan=False) and accepted.provenance()["gate"]["failures"]
    assert len(accepted.posterior) == 1600


def test_loo_agrees_with_leaving_rows_out():
    """PSIS-LOO of a straight line against fitting without each row."""
    data = made_up(np.random.default_rng(6), rows=15, change=0.0)
    declared = spec("straight", draws=8000)
    whole = fit("x", data, declared, 1)
    found = loo(whole.log_likelihood())
    exact = []
    for i in range(15):
        rest, one = data.take(np.arange(15) != i), data.take(np.array([i]))
        part = fit("x", rest, declared, 1)
        exact.append(np.log(np.exp(log_likelihood(part.values, one, declared)).mean()))
    np.testing.assert_allclose(found.row, exact, atol=0.15)
    assert found.elpd == pytest.approx(sum(exact), abs=0.3)
    difference, se = loo_difference(found, found)
    assert difference == 0 and se == 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"shape": "kinked"}, "a kinked trend with normal scatter"),
        ({"shape": "straight"}, "a straight trend with normal scatter"),
        ({"shape": "average"}, "a straight or kinked trend with normal scatter"),
        (
            {"shape": "straight", "group_level": "0.1 to 1", "change": None},
            "a straight trend over groups with normal scatter",
        ),
        (
            {"shape": "average", "noise": "student_t", "dof": "3 to 20 within 2 and inf"},
            "a straight or kinked trend with Student-t scatter",
        ),
    ],
)
def test_what_is_compiled_is_told_by_the_shape_that_was_asked_for(changes, told, monkeypatch):
    """The kinked model serves a straight trend too, which is no matter of whoever waits for it."""
    monkeypatch.setattr(trend_pymc, "_compiled", {})

    def stop(shape, columns, cache):
        raise KeyboardInterrupt

    monkeypatch.setattr(trend_pymc, "_compile", stop)
    data = replace(made_up(np.random.default_rng(7)), group=("a", "b") * 30)
    said = []
    with pytest.raises(KeyboardInterrupt):
        fit("x", data, spec(**changes, route="pymc"), 1, progress=lambda text, share: said.append(text))
    assert set(said) == {f"compiling the model of {told} (once)"}
