"""The starter study against arithmetic done apart from it, and against what its sources print."""

from __future__ import annotations

import ast
import math
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, stats

import forecast

ROOT = Path(__file__).resolve().parents[1]
HOURS, DAYS = 8766.0, 365.25  # in a year
FALSE_ALARM = 1e-5  # chance that one comparison with draws fails although the study is right
Z95 = stats.norm.ppf(0.95)


@pytest.fixture(scope="module")
def study():
    return forecast.open_study(ROOT)


def one(study, name, year=None, **given):
    """A quantity in a scenario that leaves nothing uncertain."""
    years = None if year is None else [2022, year]
    result = study.run(
        quantities=[name if year is None else f"{name}@{year}"], given=given, draws=64, seed=1, years=years
    )
    draws = np.unique(result.at(name, year))
    assert draws.size == 1, f"{name} is uncertain in this scenario"
    return float(draws[0])


def check(result, name, expected, detects, prob=0.9):
    """Both ends and the median agree with exact values; the run is long enough to see errors of the size `detects`."""
    found = result.interval(name, prob=prob)
    errors = [found.mcse_low, found.mcse_median, found.mcse_high]
    # The error is estimated from 8 scramblings: 7 degrees of freedom.
    reach = stats.t.ppf(1 - FALSE_ALARM / 2, 7) * np.array(errors)
    assert np.all(reach < detects), f"too few draws to see an error of {detects}: {reach}"
    assert np.all(
        np.abs(np.array([found.low, found.median, found.high]) - expected) <= reach + 1e-12 * np.abs(expected)
    )


def lognormal(low, high):
    """Mean and standard deviation of the logarithm, from the 90% interval."""
    return math.log(low * high) / 2, math.log(high / low) / (2 * Z95)


def card(low, high):
    """The same, from the ends that a Guesstimate card shows."""

    def ends(sigma):
        below, above = 0.1 * stats.norm.cdf(sigma / 2), 0.9 + 0.1 * stats.norm.cdf(sigma / 2)
        return stats.norm.ppf(below), stats.norm.ppf(above)

    sigma = optimize.brentq(lambda s: s * (ends(s)[1] - ends(s)[0]) - math.log(high / low), 0.01, 5)
    return math.log(low) - sigma * ends(sigma)[0], sigma


# Lohn 2023


@pytest.mark.parametrize(("price", "hours", "compute"), [("on_demand", 24.4e6, 1.43e25), ("reserved", 69.1e6, 4.06e25)])
def test_what_a_hundred_million_dollars_buys(study, price, hours, compute):
    given = {"chip_hour_price": price, "utilisation": "lohn"}
    by_hand = 100e6 / ({"on_demand": 32.77, "reserved": 11.57}[price] / 8)
    assert one(study, "budget_chip_hours", **given) == pytest.approx(by_hand, rel=1e-9)
    assert one(study, "budget_compute", **given) == pytest.approx(by_hand * 3600 * 163e12, rel=1e-6)
    assert by_hand == pytest.approx(hours, rel=2e-3)  # as printed, to three digits
    assert by_hand * 3600 * 163e12 == pytest.approx(compute, rel=4e-3)


@pytest.mark.parametrize(("price", "parameters"), [("on_demand", 327e9), ("reserved", 550e9)])
def test_compute_optimal_parameters_of_that_budget(study, price, parameters):
    assert one(study, "budget_optimal_parameters", chip_hour_price=price, utilisation="lohn") == pytest.approx(
        parameters, rel=3e-3
    )


def test_equation_a1_is_the_line_through_table_3_of_hoffmann(study):
    parameters = np.array([0.4e9, 1e9, 10e9, 67e9, 175e9, 280e9, 520e9, 1e12, 10e12])
    compute = np.array([1.92e19, 1.21e20, 1.23e22, 5.76e23, 3.85e24, 9.90e24, 3.43e25, 1.27e26, 1.30e28])
    dollars = compute / 163e12 / 3600 * 11.57 / 8
    slope, level = np.polyfit(np.log10(dollars), np.log10(parameters), 1)
    assert one(study, "chinchilla_slope") == pytest.approx(slope, abs=5e-4)
    assert one(study, "chinchilla_level") == pytest.approx(level, abs=5e-3)
    ratio = compute / parameters**2
    low, high = (study.run(quantities=["chinchilla_ratio"], given={"chinchilla_ratio": "hoffmann"}, draws=2**14, seed=1)
                 .quantile("chinchilla_ratio", [0.05, 0.95]).value)  # fmt: skip
    assert (low, high) == pytest.approx((ratio.min(), ratio.max()), rel=2e-3)


def test_parameters_for_dollars(study):
    assert one(study, "budget_parameters") == pytest.approx(10 ** (7.77 + 0.498 * 8), rel=1e-9)
    assert one(study, "budget_parameters", training_budget=10 ** ((12 - 7.77) / 0.498)) == pytest.approx(1e12, rel=1e-9)


def test_trillion_parameters_cost_more_than_is_printed(study):
    found = one(study, "trillion_parameter_cost", chip_hour_price="on_demand", utilisation="lohn")
    assert found == pytest.approx(1.27e26 / 163e12 / 3600 * 32.77 / 8, rel=1e-6)
    assert found == pytest.approx(886e6, rel=2e-3)
    assert found / 649e6 > 1.3  # the document's own inputs do not give its $649 million


def test_gpt3_rented(study):
    found = one(study, "gpt3_rented_cost", chip_hour_price="on_demand")
    assert found == pytest.approx(1024 * HOURS / 12 * 32.77 / 8, rel=1e-9)
    assert found == pytest.approx(3e6, rel=0.03)


def test_inference_cost_in_right_units(study):
    by_hand = 1000 * 2 * 10 ** (7.77 + 0.498 * 8) / 2e12 * (11.57 / 8) / 3600
    assert one(study, "inference_cost", chip_hour_price="reserved") == pytest.approx(by_hand, rel=1e-9)
    assert by_hand == pytest.approx(2.35e-5 * math.sqrt(100e6), rel=0.04)  # the document rounds the exponent to 0.5
    rounded = one(study, "inference_cost", chip_hour_price="reserved", chinchilla_slope=0.5)
    assert rounded == pytest.approx(2.35e-5 * math.sqrt(100e6), rel=0.01)
    printed = one(study, "inference_cost", chip_hour_price="reserved", chinchilla_slope=0.5, memory_bandwidth=0.002)
    assert printed == pytest.approx(1000 * rounded, rel=1e-9)  # 2 GB/s, as printed, is wrong by a factor of 1,000


def test_what_inference_costs_follow_from(study):
    cost = one(study, "inference_cost", chip_hour_price="reserved")
    assert one(study, "inference_cost_recovery", chip_hour_price="reserved") == pytest.approx(0.12 / cost, rel=1e-9)
    assert one(study, "breakeven_tokens", chip_hour_price="reserved") == pytest.approx(100e6 / cost * 1000, rel=1e-9)
    assert one(study, "inference_cost_multiple") == pytest.approx(100**0.498, rel=1e-9)
    assert one(study, "inference_cost", chip_hour_price="reserved", served_share="gpt4_rumour") == pytest.approx(
        0.44 * cost, rel=1e-9
    )
    assert one(study, "measured_inference_cost") == pytest.approx(1000 * 64 * 1.9 * 1.449 / 3600 / 64, rel=1e-9)
    assert one(study, "measured_inference_cost") == pytest.approx(0.76, abs=0.005)


@pytest.mark.parametrize(("dollars", "printed"), [(10e6, 0.64), (100e6, 0.74), (1e12, 0.91)])
def test_pass_rate_goes_through_the_printed_points(study, dollars, printed):
    assert one(study, "pass_rate", training_budget=dollars) == pytest.approx(printed, abs=2e-5)


def test_pass_rate_is_refitted_from_the_printed_points(study):
    goal = -np.log([0.64, 0.74, 0.91])

    def gap(constants):
        level, exponent, floor = constants
        return level * np.array([0.1, 1, 1e4]) ** -exponent + floor - goal

    level, exponent, floor = optimize.fsolve(gap, [0.3, 0.2, 0.05], xtol=1e-12)
    found = [one(study, f"pass_rate_{name}") for name in ("level", "exponent", "floor")]
    assert found == pytest.approx([level, exponent, floor], abs=6e-6)
    needed = 1e8 * ((-math.log(0.944) - found[2]) / found[0]) ** (-1 / found[1])
    assert one(study, "pass_rate_cost") == pytest.approx(needed, rel=1e-9)
    assert needed > 1e15  # "over a quadrillion dollars"
    assert one(study, "pass_rate_cost", target_pass_rate="95%") == math.inf  # above the curve's ceiling
    assert one(study, "pass_rate", training_budget=1e9) == pytest.approx(0.80, abs=0.015)  # "only about 80%"


# Report on Frontier Model Training


def test_shares_of_a_clusters_price(study):
    assert one(study, "server_gpu_share") == pytest.approx(195_000 / 227_010, rel=1e-9)
    assert 1 - one(study, "server_gpu_share") == pytest.approx(0.14, abs=0.005)
    assert one(study, "built_up_gpu_share") == pytest.approx(195_000 / ((269_010 - 42_000) * 5 / 4), rel=1e-9)
    assert one(study, "built_up_gpu_share") == pytest.approx(0.70, abs=0.02)
    assert one(study, "reported_staff_share") == pytest.approx(89.31 / (89.31 + 416.45), rel=1e-9)
    assert one(study, "reported_staff_share") == pytest.approx(0.18, abs=0.005)


def test_hardware_for_gpt4(study):
    given = {"cluster_chips": 25_000, "chip_purchase_price": 15_000, "gpu_share": "70%"}
    assert one(study, "hardware_purchase", **given) == pytest.approx(25_000 * 15_000 / 0.7, rel=1e-9)
    assert one(study, "hardware_purchase", **given) == pytest.approx(500e6, rel=0.1)
    power = {**given, "electricity_price": "cheap", "chip_power": 0.9}
    assert one(study, "creation_energy_cost", **power) == pytest.approx(25_000 * 0.9 * HOURS * 0.05, rel=1e-9)
    assert one(study, "reported_energy_share", **power) == pytest.approx(0.02, abs=0.005)


def test_dollars_for_throughput(study):
    assert one(study, "accelerator_low_precision_price", chip_purchase_price=15_000) == pytest.approx(24.04, abs=0.005)
    assert one(study, "accelerator_throughput_price", chip_purchase_price=15_000) == pytest.approx(48.08, abs=0.005)
    assert one(study, "gaming_gpu_advantage", chip_purchase_price=15_000) == pytest.approx(10, rel=0.1)


def test_equivalents_of_the_reference_run(study):
    assert one(study, "interconnect_traffic") == pytest.approx(5e15 * 0.5 * 90 * 86_400 / 1e21, rel=1e-9)
    assert one(study, "interconnect_traffic") == pytest.approx(19.4, abs=0.05)
    assert one(study, "interconnect_internet_ratio") == pytest.approx(19.44 / 3.5, rel=1e-9)
    assert one(study, "console_equivalents", training_compute=2e25) == pytest.approx(250_200, rel=1e-4)
    assert one(study, "console_share", training_compute=2e25) < 0.01
    assert one(study, "training_text_size") == pytest.approx(26, rel=1e-9)
    assert one(study, "laptops_for_text") == pytest.approx(26_000 / 256, rel=1e-9)
    given = {"gpu_share": "70%", "chip_purchase_price": 15_000, "chip_power": 0.9}
    assert one(study, "supercomputer_power", **given) == pytest.approx(100e9 * 0.7 / 15_000 * 0.9 / 1e6, rel=1e-9)


# The Future of AI Is Expensive


def test_labour_and_progress(study):
    assert one(study, "feedback_labour_cost") == pytest.approx(600_000, rel=1e-9)
    assert one(study, "feedback_share") == pytest.approx(0.17, abs=0.005)
    assert one(study, "mmlu_cost_escalation") == pytest.approx(400, rel=0.05)
    assert one(study, "step_label_price", step_label_cost="4M") == pytest.approx(5, rel=1e-9)
    assert one(study, "labelled_solution_price", step_label_cost="3M") == pytest.approx(40, rel=1e-9)
    assert one(study, "labelling_spending", labelling_revenue="375M") == pytest.approx(62.5e6, rel=1e-9)
    halving = 8 * 12 * math.log(2) / math.log(44)
    assert one(study, "training_efficiency_doubling_time", efficiency_period=8) == pytest.approx(halving, rel=1e-9)


# Cottier 2022

SERVER = {"inference_utilisation": 200e6 * 2 * 176e9 / (8 * 312e12 * 86_400)}  # what 200 million tokens a day takes


def test_one_instance_of_bloom(study):
    assert one(study, "node_throughput", **SERVER) == pytest.approx(200, rel=1e-9)
    assert one(study, "node_cost") == pytest.approx(240, rel=1e-9)
    assert one(study, "node_words", **SERVER) == pytest.approx(150, rel=1e-9)
    assert one(study, "words_per_dollar", **SERVER) == pytest.approx(150e6 / 240, rel=1e-9)
    assert 150e6 / one(study, "api_words_per_dollar") == pytest.approx(4000, rel=1e-9)
    assert one(study, "bloom_weights_size") == pytest.approx(352, rel=1e-9)
    assert 352e9 / 2**30 == pytest.approx(329, rel=0.005)  # the printed 329 GB are binary


def test_deployment_scenarios(study):
    tweets = {**SERVER, "tokens_per_tweet": 5100 / 0.02 * 1000 / 6.7e6}
    assert one(study, "twitter_api_cost", **tweets) == pytest.approx(5100 * DAYS, rel=1e-9)
    assert one(study, "twitter_api_cost", **tweets) == pytest.approx(1.9e6, rel=0.03)
    assert one(study, "twitter_daily_cost", **tweets) == pytest.approx(306, rel=1e-3)  # printed: 450
    code = {**SERVER, "developer_requests": 200, "tokens_per_request": 30, "working_day_share": 0.65}
    tokens = 1e6 * 200 * 30 * 0.65
    assert one(study, "coding_cost", **code) == pytest.approx(tokens / 200e6 * 240 * DAYS, rel=1e-9)
    assert one(study, "coding_nodes", **code) == pytest.approx(tokens / 200e6, rel=1e-9)
    both = {**tweets, **code}
    cost = 0.6 * tokens / 200e6 * 240 * DAYS + 0.4 * 5100 / 0.02 * 1000 / 200e6 * 240 * DAYS
    assert one(study, "deployment_cost", **both) == pytest.approx(cost, rel=1e-9)
    assert one(study, "deployment_ratio", **both, development_cost="13M") == pytest.approx(cost / 13e6, rel=1e-9)
    assert one(study, "mixed_deployment_cost", **both, largest_is_coding=0) == pytest.approx(306 * DAYS, rel=1e-3)
    assert one(study, "judged_deployment_cost", judged_deployment_ratio="20%", development_cost="13M") == pytest.approx(
        2.6e6
    )
    assert one(study, "revised_deployment_ratio", inference_share="80%") == pytest.approx(4, rel=1e-9)


def test_published_scenarios_combine_as_a_weighted_average(study):
    """The weight 0.6 gives the printed combination; a mixture does not."""
    given = {
        "coding_cost": "card(mean=2M, low=0.26M, high=8.4M)",
        "twitter_cost": "card(mean=0.16M, low=0.088M, high=0.26M)",
    }
    result = study.run(quantities=["deployment_cost", "mixed_deployment_cost"], given=given, draws=2**16, seed=2)

    def shown(name):
        draws = result.values(name).ravel()
        mean = draws.mean()
        return mean, np.quantile(draws[draws < mean], 0.1), np.quantile(draws[draws > mean], 0.9)

    assert shown("deployment_cost") == pytest.approx((1.3e6, 230e3, 5.2e6), rel=0.06)
    assert shown("mixed_deployment_cost")[1] < 130e3


def test_people_and_staff(study):
    assert one(study, "people_able_to_run", able_share="1%") == pytest.approx(2e6 / 335e6 * 8e9 * 1e-4, rel=1e-9)
    assert one(study, "people_able_to_run", able_share="1%") == pytest.approx(5000, rel=0.05)
    assert one(study, "twitter_labour_cost") == pytest.approx(250_000, rel=1e-9)
    assert one(study, "coding_labour_cost") == pytest.approx(500_000, rel=1e-9)


def test_deployment_ratio_by_integration(study):
    """Against two-dimensional Gauss-Hermite integration: the other inputs are lognormal factors of the ratio."""
    # The share of working days is fixed: everything else is lognormal.
    throughput, spread = lognormal(0.20, 0.53)
    throughput += math.log(8 * 312e12 * 86_400 / (2 * 176e9))
    requests, words, tweets = lognormal(50, 1000), lognormal(10, 100), lognormal(28.4, 49.3)
    development, wide = card(4e6, 36e6)
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    code = 1e6 * 0.65 * np.exp(requests[0] + words[0] + math.hypot(requests[1], words[1]) * nodes)
    text = 6.7e6 * np.exp(tweets[0] + tweets[1] * nodes)
    tokens = np.log(0.6 * code[:, None] + 0.4 * text[None, :])
    center = tokens + math.log(240 * DAYS) - throughput - development
    scale = math.hypot(spread, wide)

    def below(ratio):
        return weights @ stats.norm.cdf((math.log(ratio) - center) / scale) @ weights

    expected = [optimize.brentq(lambda r, p=p: below(r) - p, 1e-5, 1e3) for p in (0.05, 0.5, 0.95)]
    result = study.run(quantities=["deployment_ratio"], given={"working_day_share": 0.65}, draws=2**18, seed=3)
    check(result, "deployment_ratio", expected, detects=[0.002, 0.005, 0.1])
    assert result.prob_above("deployment_ratio", 1.0).value == pytest.approx(1 - below(1.0), abs=0.002)


# Cottier 2023


@pytest.mark.parametrize(("correlation", "printed"), [(0, (2034.2, 2040.0, 2055.7)), (1, (2032.6, 2040.0, 2061.9))])
def test_crossing_year(study, correlation, printed):
    """The log of cost in a year is a sum of normals, and growth is positive in all but 5 worlds of 10,000."""
    mean, sd = (x / math.log(10) for x in card(55e6, 1.5e9))
    slope, spread = 0.2, 0.1 / Z95

    def crossed(year):
        time = year - 2025
        scale = math.sqrt(sd**2 + (spread * time) ** 2 + 2 * correlation * sd * spread * time)
        return stats.norm.cdf((mean + slope * time - math.log10(233e9)) / scale)

    expected = [optimize.brentq(lambda y, p=p: crossed(y) - p, 2025, 2200) for p in (0.05, 0.5, 0.95)]
    assert expected == pytest.approx(printed, abs=0.06)
    varied = study.with_dependence(("start_cost", "cost_growth"), correlation)
    result = varied.run(quantities=["crossing_year"], draws=2**18, seed=4)
    check(result, "crossing_year", expected, detects=[0.05, 0.05, 0.3])
    assert result.crossed_by("crossing_year", 2100.0).value == pytest.approx(crossed(2100), abs=0.001)


def test_growth_rates(study):
    given = {"compute_growth": 0.7, "price_performance_growth": 0.12}
    assert one(study, "cost_growth_by_difference", **given) == pytest.approx(
        0.58, rel=1e-9
    )  # printed: 0.51, "about 0.2 lower"
    result = study.run(quantities=["historical_cost_growth", "price_performance_doubling_time"], draws=2**16, seed=5)
    low, high = result.quantile("historical_cost_growth", [0.05, 0.95]).value
    assert (low, result.mean("historical_cost_growth").value, high) == pytest.approx((0.37, 0.49, 0.56), abs=0.01)
    doubling = result.quantile("price_performance_doubling_time", [0.025, 0.5, 0.975]).value
    assert doubling == pytest.approx((2.24, 2.46, 2.72), abs=0.02)
    mixture = study.run(quantities=["cost_growth"], given={"cost_growth": "all_systems"}, draws=2**16, seed=5)
    assert mixture.quantile("cost_growth", [0.05, 0.95]).value == pytest.approx((low, high), abs=0.003)


@pytest.mark.parametrize(("growth", "printed"), [(0.49, 2032), (0.37, 2036), (0.56, 2031)])
def test_naive_crossing_year_by_end_points(study, growth, printed):
    result = study.run(quantities=["naive_crossing_year"], given={"historical_cost_growth": growth}, draws=64, seed=1)
    found = result.at("naive_crossing_year").ravel()[0]
    assert found == pytest.approx(2022.49 + math.log10(233e9 / 3.27e6) / growth, abs=1e-6)
    assert found == pytest.approx(printed, abs=0.6)


def crossing(study, name, **given):
    result = study.run(quantities=[name], given=given, draws=64, seed=1)
    return float(result.at(name).ravel()[0])


def test_thresholds_slowdown_and_cap_by_hand(study):
    start = {"start_cost": 1e9, "cost_growth": 0.2}
    assert crossing(study, "crossing_year", **start) == pytest.approx(2025 + math.log10(233) / 0.2, abs=1e-6)
    inflation = (
        304.702 / 270.970
    )  # consumer prices 2023 over 2021: the start is in dollars of 2021, $10B in those of 2023
    tenfold = math.log10(10 / inflation) / 0.2
    assert crossing(study, "ten_billion_dollar_year", **start) == pytest.approx(2025 + tenfold, abs=1e-6)
    assert crossing(study, "hundred_billion_dollar_year", **start) == pytest.approx(2030 + tenfold, abs=1e-6)
    slow = {"start_cost": 1e9, "early_cost_growth": 0.2, "late_cost_growth": 0.05, "slowdown_year": 2030}
    assert crossing(study, "kinked_crossing_year", **slow) == pytest.approx(2030 + math.log10(23.3) / 0.05, abs=1e-6)
    assert crossing(study, "kinked_crossing_year", **{**slow, "late_cost_growth": 0.01}) == math.inf
    early = {**slow, "slowdown_year": 2020}  # slow from the start on, which keeps its cost
    assert one(study, "kinked_run_cost", 2025, **early) == pytest.approx(1e9, rel=1e-9)
    assert crossing(study, "kinked_crossing_year", **early) == pytest.approx(2025 + math.log10(233) / 0.05, abs=1e-6)
    cap = {**start, "largest_gdp_share": 0.005, "gdp_growth": 0.01}
    assert crossing(study, "capped_crossing_year", **cap) == pytest.approx(2021 + math.log10(2) / 0.01, abs=1e-6)
    share = {
        **start,
        "gdp_growth": 0.01,
    }  # 1% of a growing economy: the gap closes at the difference of the growth rates
    expected = 2025 + math.log10(233e9 * 10**0.04 / 1e9) / (0.2 - 0.01)
    assert crossing(study, "gdp_share_crossing_year", **share) == pytest.approx(expected, abs=1e-6)


def test_cost_that_does_not_grow_never_doubles(study):
    assert one(study, "cost_doubling_time", cost_growth=0.2) == pytest.approx(12 * math.log10(2) / 0.2, rel=1e-9)
    assert one(study, "cost_doubling_time", cost_growth=-0.1) == math.inf
    assert crossing(study, "crossing_year", start_cost=1e9, cost_growth=-0.1) == math.inf


SHARES = [name for name, prior in forecast.open_study(ROOT).priors.items()
          if re.match(r"(Share|Probability|What share)\b", prior.label)]  # fmt: skip


@pytest.mark.parametrize("name", SHARES)
def test_no_share_is_above_one(study, name):
    prior = study.priors[name]
    for belief in (prior.distribution, *(other.distribution for other in prior.alternatives)):
        ends = belief.quantile(np.array([1e-15, 1 - 1e-15])) * study.factors[name]
        assert 0 <= ends[0] and ends[1] <= 1


def test_uncertain_threshold(study):
    given = {"start_cost": 1e9, "cost_growth": 0.2, "spending_threshold": "uncertain"}
    result = study.run(quantities=["crossing_year"], given=given, draws=2**18, seed=6)
    check(
        result, "crossing_year", [2025 + math.log10(x) / 0.2 for x in (100, math.sqrt(54_300), 543)], detects=[0.02] * 3
    )


# The reference run on three bases


def test_training_cost_is_a_product_of_lognormals(study):
    parts = [lognormal(1e25, 4e25), lognormal(0.33, 0.52), lognormal(1.44625, 4.09625)]
    center = parts[0][0] - parts[1][0] + parts[2][0] - math.log(312e12 * 3600)
    scale = math.sqrt(sum(sigma**2 for _, sigma in parts))
    expected = np.exp(center + scale * stats.norm.ppf([0.05, 0.5, 0.95]))
    result = study.run(quantities=["training_cost"], given={"utilisation": "33% to 52%"}, draws=2**18, seed=7)
    check(result, "training_cost", expected, detects=0.02 * expected)


def test_owned_and_acquired_cost_by_hand(study):
    given = {"training_compute": 2e25, "utilisation": 0.4, "chip_purchase_price": 15_000, "gpu_share": 0.7}
    given |= {"hardware_life": 4, "hardware_use": 0.8, "chip_power": 0.9, "electricity_price": 0.05}
    given |= {"cluster_chips": 25_000, "staff_spending": 90e6}
    hours = 2e25 / (312e12 * 0.4) / 3600
    assert one(study, "chip_hours", **given) == pytest.approx(hours, rel=1e-9)
    assert one(study, "run_duration", **given) == pytest.approx(hours / 25_000 / 24, rel=1e-9)
    hourly = 15_000 / 0.7 / (4 * HOURS * 0.8) + 0.9 * 0.05
    assert one(study, "owned_training_cost", **given) == pytest.approx(hours * hourly, rel=1e-9)
    staff = 90e6 * 304.702 / 292.655  # dollars of 2022 in those of 2023
    acquired = 25_000 * 15_000 / 0.7 + staff + 25_000 * 0.9 * HOURS * 0.05
    assert one(study, "acquired_training_cost", **given) == pytest.approx(acquired, rel=1e-9)
    assert one(study, "acquired_staff_share", **given) == pytest.approx(staff / acquired, rel=1e-9)
    assert one(study, "cluster_power", **given) == pytest.approx(22.5, rel=1e-9)


def test_throughput_of_a_served_model(study):
    given = {"inference_utilisation": 0.3}
    memory = 8 * 2e12 / (2 * 10 ** (7.77 + 0.498 * 8))
    arithmetic = 8 * 312e12 * 0.3 / (2 * 10 ** (7.77 + 0.498 * 8))
    assert one(study, "memory_bound_throughput", **given) == pytest.approx(memory, rel=1e-9)
    assert one(study, "compute_bound_throughput", **given) == pytest.approx(arithmetic, rel=1e-9)
    assert one(study, "token_throughput", **given) == pytest.approx(memory, rel=1e-9)
    assert one(study, "token_throughput", **given, tokens_per_read=1000) == pytest.approx(arithmetic, rel=1e-9)
    assert one(study, "balanced_batch", **given) == pytest.approx(arithmetic / memory, rel=1e-9)


# The study's text

PRINTED = {  # ends (and for a judgement its median) as printed, or as worked out from what is printed
    "utilisation": {0.05: 2e25 / (25_000 * 90 * 86_400 * 312e12), 0.95: 163 / 312},
    "chip_hour_price": {0.05: 11.57 / 8, 0.95: 32.77 / 8},
    "gpu_share": {0.05: 0.50, 0.95: 0.85},
    "cost_growth": {0.05: 0.1, 0.95: 0.3},
    "cost_growth_method1": {0.05: 0.45, 0.5: 0.51, 0.95: 0.57},
    "cost_growth_method2": {0.05: 0.34, 0.95: 0.52},
    "price_performance_growth": {0.025: math.log10(2) / 2.72, 0.975: math.log10(2) / 2.24},
    "judged_deployment_ratio": {0.05: 0.10, 0.5: 0.20, 0.95: 0.68},
    "tokens_per_tweet": {0.05: 3800 / 0.02 * 1000 / 6.7e6, 0.95: 6600 / 0.02 * 1000 / 6.7e6},
    "inference_utilisation": {0.5: SERVER["inference_utilisation"]},
    "labelling_revenue": {0.05: 350e6, 0.95: 400e6},
}


@pytest.mark.parametrize("name", PRINTED)
def test_intervals_are_the_printed_ones(study, name):
    distribution = study.priors[name].distribution
    found = [float(distribution.quantile(prob)) for prob in PRINTED[name]]
    assert found == pytest.approx(list(PRINTED[name].values()), rel=5e-3)


def priors_of_the_study():
    for path in sorted((ROOT / "priors").glob("*.toml")):
        if path.name != "units.toml":
            for name, table in tomllib.loads(path.read_text(encoding="utf-8")).items():
                if name != "dependence" and "trend" not in table:
                    yield pytest.param(table, id=name)


def trends_of_the_study():
    tables = tomllib.loads((ROOT / "priors/trends.toml").read_text(encoding="utf-8"))
    return [pytest.param(table, id=name) for name, table in tables.items()]


@pytest.mark.parametrize("table", trends_of_the_study())
def test_every_trend_names_its_table_and_calls_its_priors_judgements(table):
    assert (ROOT / "priors" / table["series"]).is_file()
    assert table["source"].startswith(f"{table['series']}: ")
    assert "judgements" in table["note"]
    assert not re.search(r"USD(?!_(19|20)\d\d)", table["unit"]), "dollars carry their year"


@pytest.mark.parametrize("table", list(priors_of_the_study()))
def test_every_prior_says_where_it_comes_from(table):
    for entry in [table, *table.get("alternative", {}).values()]:
        assert len(entry["source"]) > 15
        assert re.search(r"(19|20)\d\d|Judgement", entry["source"]), "a source has a year, or is a judgement"
        uncertain = not re.fullmatch(r"[-$\d.,_eE+]+[%kKMBT]?", str(entry["dist"]))
        if re.match(r"Judgement|Derived|Fitted", entry["source"]) and uncertain:
            assert re.search(r"[Jj]udgement|derived|implies|printed", entry["source"] + entry.get("note", ""))
        assert "shared/" not in str(entry)
    money = re.search(r"USD(?!_(19|20)\d\d)", table["unit"])
    assert not money, "dollars carry their year"
    assert table["label"][0].isupper() or table["label"][0].isdigit()


@pytest.mark.parametrize("path", sorted((ROOT / "models").glob("*.py")), ids=lambda path: path.stem)
def test_models_hold_no_conversion_factors(path):
    """Units are coherent, so the only numbers in a formula are 0, 1, 2 (of a doubling) and the base of a logarithm."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    numbers = {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, (int, float))
    }
    assert numbers <= {0, 1, 2, 10}
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= {"forecast"}, "model files do not import one another"
