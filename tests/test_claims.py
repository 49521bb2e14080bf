"""Published claims of the starter study: all evaluated, known errors flagged by computation, none that checks nothing."""

from __future__ import annotations

import json
import math
import os
import random
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, stats

import forecast
from forecast.claims import choose, evaluate_claim, evaluate_claims
from forecast.claims.claim import POINTS
from forecast.claims.decode import CARD, decode
from forecast.claims.files import read_claim_file, read_claims
from forecast.claims.text import BEGIN, markdown, table, tally, to_json
from forecast.cli import main
from forecast.distribution import parse
from forecast.errors import ForecastError, StudyError, UsageError
from forecast.graph import ancestors
from forecast.trend.series import decimal_year

Z95 = stats.norm.ppf(0.95)
ROOT = Path(__file__).resolve().parents[1]
NUMBERS = {"L": 18, "E": 7, "F": 13, "D": 13, "K": 10}  # claims of each document


@pytest.fixture(scope="module")
def study():
    return forecast.open_study(ROOT)


def with_input(claim, name, value):
    """The claim with another value of one of its inputs."""
    return replace(claim, given={**claim.given, name: value})


@pytest.fixture(scope="module")
def results(study):
    """Every claim on the study's own tables, whatever the environment holds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FORECAST_DATA", raising=False)
        return {result.claim.id: result for result in evaluate_claims(study, read_claims(ROOT))}


def test_every_claim_of_every_document_is_evaluated(results):
    found = {name.partition(".")[0] for name in results}
    assert found == {f"{letter}{i}" for letter, last in NUMBERS.items() for i in range(1, last + 1)}


def test_every_verdict_is_as_expected(results):
    assert [result.claim.id for result in results.values() if not result.as_expected] == []


def test_evidence_changes_no_claim(study, results):
    """A claim is about what a document's own inputs give; an observation of any of them is not one of those."""
    seen = study.observe("training_cost", "60M to 120M", source="a newspaper", date="2024-03-01")
    open_ones = [result.claim for result in results.values() if result.claim.reading not in POINTS][:12]
    assert any(claim.reading == "consistent" for claim in open_ones)
    claims = [*open_ones, results["L7"].claim]
    assert [r.ours for r in evaluate_claims(seen, claims)] == [r.ours for r in evaluate_claims(study, claims)]


def test_what_is_said_of_each_claim(results):
    for result in results.values():
        claim = result.claim
        assert claim.sentence and claim.source and claim.document.title
        assert claim.note or result.verdict == "holds" or claim.id in ("D6.b", "D7.c", "D9.c", "K6.b", "K9.c"), (
            "a difference is explained"
        )
        assert claim.tolerance == "" or len(claim.because) >= 6


# What the documents' own inputs give, by arithmetic done here: of every flagged claim that has a closed form.
C_ON_DEMAND = 100e6 / (32.77 / 8) * 3600 * 163e12
C_RESERVE = 100e6 / (11.57 / 8) * 3600 * 163e12
A2_AT_100M = 10 ** (7.77 + 0.498 * 8)
RUN_UTILISATION = 2e25 / (25_000 * 312e12 * 90 * 86_400)
CLUSTER = 25_000 * 15_000 / 0.7 + 89.31e6 + 25_000 * 0.9 * 8766 * 0.05  # hardware, staff, electricity
ERRORS = {
    "L3.c": A2_AT_100M,
    "L4.a": math.sqrt(C_ON_DEMAND / 134),
    "L4.b": math.sqrt(C_RESERVE / 134),
    "L6.a": A2_AT_100M,
    "L6.c": 10 ** ((12 - 7.77) / 0.498),
    "L7": 1.27e26 / 163e12 / 3600 * 32.77 / 8,  # printed: 649e6
    "L9.a": 1000 * 2 * 10**7.77 / 2e9 * 1.446 / 3600,  # printed: 2.35e-5, a thousandth
    "L12.b": 500 * 2 / 220,
    "L13.b": 1000 * 64 * 1.9 * 1.449 / 3600 / 64 / 64,
    "L14.f": 1 / (1 - math.log(0.74)),
    "L17.c": 540e9 / 110e6,
    "E1.f": (150 / 3.6) ** 0.25,
    "E2.c": 100 * (63.4 / 53.9 - 1),
    "E2.d": 100 * (69.3 / 63.4 - 1),
    "E2.f": 25e6 - 6.5e6,
    "E4": 375e6 / 6,
    "E7.b": 530 / 1.5,
    "E7.c": 60e6 / 540e9,
    "E7.e": 3.14e23 / math.sqrt(0.79e21 * 1.26e22),
    "E7.f": math.sqrt(0.79e21 * 1.26e22 / 5.8e18 / 9.2e19),
    "F1.a": CLUSTER,
    "F4.b": 1 - 195_000 / ((269_010 - 42_000) * 5 / 4),
    "F9.a": 13e12 * 2 / 256e9,
    "F10.c": 2e25 / (10.28e12 * 90 * 86_400) / 38.4e6 / RUN_UTILISATION,
    "D5.b": math.sqrt(260e3 * 8.4e6),  # the median of a lognormal lies midway between its ends, in logarithms
    "D7.c": math.sqrt(0.013 * 0.56),
    "D8.b": math.sqrt(4e6 * 36e6),
    "D9.b": 0.2 * 13e6,
    "D9.d": 0.2 * 13e6,
    "D9.f": 5.0,
    "D9.g": 0.8 / 0.2,
    "D10.b": math.sqrt(100 * 45_000),
    "D11.c": 20 * 100e3 / 4 / 2e6,
    "D12.b": 312 / 125,
    "D13.a": 352.0,
    "K5.b": 0.7 * 0.51 + 0.3 * 0.43,
    "K6.a": 0.12,
    "K6.b": 0.58,
    "K7.b": math.sqrt(55e6 * 1.5e9),
}
SAMPLED = {"E1.d", "E1.h", "E6.c", "D3.a", "D6.b", "D6.c", "D6.d", "D7.a", "D8.a", "D9.c", "K5.c", "K9.a", "K9.c"}


def test_every_flagged_claim_is_computed_here_too(results):
    """By arithmetic, but for sums and mixtures that have no closed form, a price index, and what other tests compute."""
    assert {name for name, result in results.items() if result.verdict == "flagged"} == ERRORS.keys() | SAMPLED


@pytest.mark.parametrize("name", ERRORS)
def test_errors_in_the_documents_are_flagged_with_what_the_inputs_give(results, name):
    result = results[name]
    assert result.verdict == "flagged"
    quantile = 1e-3 if len(result.ours) == 3 else 1e-6  # a median of 32,768 worlds of a Sobol sequence, or a point
    assert result.ours[0] == pytest.approx(ERRORS[name], rel=quantile)


@pytest.mark.parametrize("name", sorted(SAMPLED & {"D6.b", "D6.c", "D7.a", "D8.a", "K9.a", "K9.c"}))
def test_scenarios_without_a_closed_form_agree_with_plain_sampling(results, name):
    """The same scenario in 400,000 plain draws: five standard errors of a figure leave one false alarm in a million."""
    rng, n, parts = np.random.default_rng(20231), 20_000, 20

    def lognormal(low, high):
        sigma = optimize.brentq(
            lambda s: (
                s * np.subtract(*stats.norm.ppf([0.9 + 0.1 * stats.norm.cdf(s / 2), 0.1 * stats.norm.cdf(s / 2)]))
                - math.log(high / low)
            ),
            1e-3,
            10,
        )
        score = rng.standard_normal(n)
        return low * np.exp(sigma * (score - stats.norm.ppf(0.1 * stats.norm.cdf(sigma / 2)))), score

    def scenario():
        coding, twitter = lognormal(260e3, 8.4e6)[0], lognormal(88e3, 260e3)[0]
        if name == "D6.b":
            return card_of((coding + twitter) / 2)
        if name == "D6.c":
            return card_of(np.where(rng.random(n) < 0.6, coding, twitter))
        if name.startswith("D"):
            development = lognormal(4e6, 36e6)[0]
            return card_of(development if name == "D8.a" else (0.6 * coding + 0.4 * twitter) / development)
        start, score = lognormal(55e6, 1.5e9)
        growth = 0.2 + 0.1 / Z95 * (rng.standard_normal(n) if name == "K9.a" else -score)
        when = np.where(growth > 0, 2025 + np.log10(233e9 / start) / np.where(growth > 0, growth, 1), np.inf)
        return np.quantile(when, [0.5, 0.05, 0.95], method="nearest")

    def card_of(draws):
        mean = draws.mean()
        return mean, np.quantile(draws[draws <= mean], 0.1), np.quantile(draws[draws > mean], 0.9)

    found = np.array([scenario() for _ in range(parts)])
    error = found.std(axis=0, ddof=1) / math.sqrt(parts)
    assert np.all(
        np.abs(found.mean(axis=0) - results[name].ours)
        < 5 * error + 1e-3 * np.abs(results[name].ours) * (name[0] == "D")
    )


def test_two_intervals_of_one_figure(results):
    """Cottier 2022 prints 1M to 6.6M and 950K to 6.2M for 20% (10 to 68%) of $13M."""
    for name in ("D9.b", "D9.d"):
        assert results[name].verdict == "flagged"
        assert results[name].ours == pytest.approx((2.6e6, 1.3e6, 8.84e6), rel=1e-6)
    assert results["D9.c"].verdict == "flagged"
    assert results["D9.e"].verdict == "holds"  # 5 times


def test_dependence_of_the_crossing_year_is_shown_on_both_sides(results):
    assert results["K9.a"].ours == pytest.approx((2040.0, 2034.2, 2055.7), abs=0.1)
    assert results["K9.b"].ours == pytest.approx((2040.0, 2032.6, 2061.9), abs=0.1)
    assert (results["K9.a"].verdict, results["K9.b"].verdict) == ("flagged", "holds")


def test_ways_of_combining_differ(results):
    width = {
        name: results[name].ours[2] - results[name].ours[1] for name in ("K5.a", "K5.b", "K5.c", "D6.a", "D6.c", "D6.d")
    }
    assert width["K5.b"] < width["K5.c"] < width["K5.a"]
    assert width["K5.b"] < 0.6 * width["K5.a"]
    sds = {
        1: 0.12 / 2 / Z95,
        2: 0.18 / 2 / Z95,
    }  # of two normals, whose pool is a normal again: weighted precisions add
    precision = 0.7 / sds[1] ** 2 + 0.3 / sds[2] ** 2
    center = (0.7 * 0.51 / sds[1] ** 2 + 0.3 * 0.43 / sds[2] ** 2) / precision
    ends = [center + x * Z95 / math.sqrt(precision) for x in (-1, 1)]  # a card of a normal is its 5% and 95% points
    assert results["K5.c"].ours == pytest.approx((center, *ends), abs=5e-4)
    assert results["K5.c"].verdict == "flagged"
    assert width["D6.d"] < width["D6.a"] < width["D6.c"]
    assert [results[name].verdict for name in ("K5.a", "K5.b", "D6.a", "D6.c", "D6.d")] == [
        "holds",
        "flagged",
        "holds",
        "flagged",
        "flagged",
    ]


def test_superseded_by_computation(study, results):
    assert {name for name, result in results.items() if result.verdict == "superseded"} == {"D9.a", "L16.d"}
    late = results["L16.d"].claim
    came = {"gpt4_date": 2023.1973, "gpt5_date": 2023.1973 + 2000 / 365.25}
    assert evaluate_claim(study, replace(late, later=replace(late.later, given=came))).verdict == "holds"


def test_units_are_checked(study, results):
    """A byte is not a GiB: the same claim in the other unit has the other verdict."""
    in_bytes, in_gib = results["D13.a"], results["D13.b"]
    assert in_bytes.ours[0] / in_gib.ours[0] == pytest.approx(2**30 / 1e9)
    wrong = with_input(results["D1.a"].claim, "node_price", "10 USD_2022/node")
    with pytest.raises(StudyError, match="node_price"):
        evaluate_claim(study, wrong)


def test_a_claim_cannot_read_as_a_point_what_is_uncertain(study, results):
    claim = replace(results["L1.a"].claim, given={})
    with pytest.raises(StudyError, match="uncertain: chip_hour_price"):
        evaluate_claim(study, claim)


# ---------------------------------------------------------------------- mutation: does a claim check anything?

# The smallest change of an input that matters: the one that moves a figure from where it is to just beyond what agrees
# with the printed one (its digits, or a stated tolerance). It follows from that room and from how strongly the figure
# depends on the input, measured by a change of 1%; a twentieth is added because that dependence need not be a line or a power.
NUMBER = re.compile(
    r"(?<![\w.(])\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?[kKMBT%]?(?![\w%]*=)|(?<==)\d[\d,]*(?:\.\d+)?[kKMBT%]?"
)
LIMIT = 5.0  # an input that may change fivefold and nothing is said is not checked
STEPS = (1.02, 1.05, 1.1, 1.2, 1.3, 1.5, 1.75, 2, 2.5, 3, 4, LIMIT)  # for a bound, or an interval that has to hold it


def scaled(value, factor):
    if not isinstance(value, str):
        return value * factor
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return decimal_year(value) * factor
    if re.fullmatch(r"[\d.,e+*/-]+[kKMBT%]?(\s+[A-Za-z(1]\S*)?", value.strip()):
        return f"{factor!r}*{value.strip()}"
    parts = re.split(r"(\(\d+%\))", value)  # the level of an interval stays
    return "".join(
        part if part.startswith("(") and part.endswith("%)") else NUMBER.sub(lambda m: times(m[0], factor), part)
        for part in parts
    )


def times(text, factor):
    return repr(forecast_number(text) * factor)


def forecast_number(text):
    from forecast.distribution.number import parse_number

    return parse_number(text, "test")


def mutants(claim):
    """Each input of a claim, with a function that gives the claim with that input scaled."""
    for name, value in claim.given.items():
        yield name, lambda f, name=name, value=value: with_input(claim, name, scaled(value, f))
    for name, values in claim.ends.items():
        yield (
            name,
            lambda f, name=name, values=values: replace(
                claim, ends={**claim.ends, name: tuple(scaled(v, f) for v in values)}
            ),
        )
    if claim.dependence and claim.dependence["rank_correlation"]:
        yield (
            "dependence",
            lambda f: replace(
                claim,
                dependence={**claim.dependence, "rank_correlation": claim.dependence["rank_correlation"] / (1 + f)},
            ),
        )


def enough(study, result, mutant):
    """Factors on an input that should move a figure just beyond what agrees, smallest first; steps for a bound."""
    claim = result.claim
    compared = (*POINTS, "median", "mean", "5% to 95%", "mean and 5% to 95%", "Guesstimate card")
    if claim.reading not in compared or claim.tolerance.startswith("factor"):
        return [factor for step in STEPS for factor in (step, 1 / step)]
    bumped = evaluate_claim(study, mutant(1.01)).ours
    factors = []
    for old, new, figure, slack in zip(result.ours, bumped, claim.published, result.tolerance, strict=True):
        if abs(new - old) <= 1e-9 * slack:
            continue
        for bound in (figure.value - slack, figure.value + slack):
            factors.append(1 + (bound - old) / (new - old) * 0.01)  # as if the figure were linear in the input
            if min(old, new, bound) > 0:
                factors.append(1.01 ** (math.log(bound / old) / math.log(new / old)))  # … or a power of it
    beyond = [factor**1.05 * (1 + math.copysign(1e-6, factor - 1)) for factor in factors if factor > 0]
    return sorted((f for f in beyond if 1 / LIMIT <= f <= LIMIT), key=lambda f: abs(math.log(f)))


def turned(study, result, mutant):
    """The smallest change of an input that matters, if it turns the verdict."""
    for factor in enough(study, result, mutant):
        try:
            if evaluate_claim(study, mutant(factor)).verdict != result.verdict:
                return max(factor, 1 / factor)
        except StudyError:  # a share above 1 cannot be drawn
            continue
    return None


def test_changing_an_input_turns_the_verdict(study, results, monkeypatch):
    monkeypatch.delenv("FORECAST_DATA", raising=False)
    turns, survivors = [], []
    for result in results.values():
        if result.verdict == "holds":
            for name, mutant in mutants(result.claim):
                factor = turned(study, result, mutant)
                if factor is None:
                    survivors.append(f"{result.claim.id} {name}")
                else:
                    turns.append(factor)
    share = len(turns) / (len(turns) + len(survivors))
    assert len(turns) > 200
    assert share >= 0.95, f"{share:.1%} turned; nothing noticed {survivors}"
    turns.sort()
    assert turns[len(turns) // 2] < 1.1, "half of them turn by a change of a tenth at most"
    assert turns[len(turns) * 9 // 10] < 2, "nine in ten by less than a double"


def test_a_claim_rests_on_what_it_states_and_on_no_belief_of_the_study(study, results):
    """Another belief about what a claim does not set leaves a point as it is: only units of A1 and a score are the study's."""
    for result in results.values():
        claim = result.claim
        if claim.reading == "consistent" or claim.fit:
            continue  # says in its note which of the study's beliefs it is compared with
        needed = ancestors([claim.quantity.partition("@")[0]], study.functions)
        own = {"one_dollar", "one_parameter", "pool_score", "growth_score", *claim.given, *claim.ends}
        for name in sorted(needed & study.priors.keys() - own):
            old = study.priors[name].distribution.quantile(0.5)
            shifted = evaluate_claim(study, with_input(claim, name, float(old) * 0.9))
            assert shifted.ours == pytest.approx(result.ours, rel=1e-9), f"{claim.id} rests on the study's {name}"


def test_constants_that_no_document_prints_are_what_its_printed_figures_imply(study):
    """A claim may not be tuned: each constant that was inferred is recomputed from the figures it was inferred from."""
    prior = {name: float(belief.distribution.quantile(0.5)) for name, belief in study.priors.items()}
    ratios = [1.43e25 / 327e9**2, 4.06e25 / 550e9**2]
    assert min(ratios) - 0.5 < prior["chinchilla_ratio"] < max(ratios) + 0.5

    low, mid, high = (-math.log(p) for p in (0.64, 0.74, 0.91))  # at $10M, $100M and $1T: a, k and c of a x**-k + c
    exponent = optimize.brentq(lambda k: (low - mid) * (1 - 10 ** (-4 * k)) - (mid - high) * (10**k - 1), 0.01, 2)
    level = (low - mid) / (10**exponent - 1)
    assert prior["pass_rate_exponent"] == pytest.approx(exponent, rel=1e-4)
    assert prior["pass_rate_level"] == pytest.approx(level, rel=1e-4)
    assert prior["pass_rate_floor"] == pytest.approx(mid - level, rel=1e-4)

    for name, ends in (("coding", (260e3, 8.4e6)), ("twitter", (88e3, 260e3))):
        made = parse(f"card(mean={ends[0] * 1.5}, low={ends[0]}, high={ends[1]})", "test")
        assert prior[f"{name}_median"] == pytest.approx(float(made.quantile(0.5)), rel=5e-3)
        spread = math.log(float(made.quantile(stats.norm.cdf(1))) / float(made.quantile(0.5)))
        assert prior[f"{name}_log_sd"] == pytest.approx(spread, rel=5e-3)


@pytest.mark.parametrize("name", ["D5.a", "D7.b", "D8.a", "K7.a"])
def test_a_published_card_is_held_to_what_the_decoder_allows(results, name):
    claim, figures = results[name].claim, [figure.text for figure in results[name].claim.published]
    card = next(r for r in decode(f"{figures[0]} ({figures[1]} to {figures[2]})").readings if r.name == CARD)
    assert claim.tolerance == f"{100 * card.slack:.1f}%"
    assert (results[name].verdict == "holds") is card.fits is (name != "D8.a")


@pytest.mark.parametrize(
    ("name", "input_name", "weights", "chosen"),
    [("D6.a", "coding_weight", [0.4, 0.5, 0.6, 0.7, 0.8], 0.6), ("K5.a", "method1_holds", [0.5, 0.6, 0.7, 0.8], 0.7)],
)
def test_only_the_weight_that_is_told_gives_the_printed_figures(study, results, name, input_name, weights, chosen):
    """Of round weights exactly one fits, so that a weight that is not printed can be inferred at all."""
    claim = results[name].claim

    def holds(weight):
        value = f"bernoulli(p={weight})" if input_name == "method1_holds" else weight
        return evaluate_claim(study, with_input(claim, input_name, value)).verdict == "holds"

    assert [weight for weight in weights if holds(weight)] == [chosen]


def test_no_claim_file_ends_in_a_traceback(study, monkeypatch):
    """Whatever stands in a field: a verdict, or a message that says where."""
    monkeypatch.delenv("FORECAST_DATA", raising=False)
    rng = random.Random(20231)
    files = [
        path.read_text(encoding="utf-8").split("[[claim]]") for path in sorted((ROOT / "reports/claims").glob("*"))
    ]
    odd = [
        "3",
        "true",
        "nan",
        "[]",
        "{}",
        "[1, 2, 3]",
        '["1", "2", "3"]',
        '""',
        '"x"',
        '"-5"',
        '"1/0"',
        '"1e308*1e308"',
    ]
    odd += [
        '"0"',
        '"5 parsec"',
        '"factor 0"',
        '"normal 1 to 2"',
        '"1 to 2 to 3"',
        '"projected_run_cost@1900"',
        "1979-01-01",
    ]
    refused = 0
    for _ in range(400):
        head, *blocks = rng.choice(files)
        block = rng.choice(blocks)
        old = rng.choice(re.findall(r'"[^"]*"|(?<== )[-\d.]+', block))
        problems = []
        claims = read_claim_file(
            "reports/claims/x.toml", f"{head}[[claim]]{block.replace(old, rng.choice(odd), 1)}", problems
        )
        try:
            evaluate_claims(study, claims)
        except ForecastError as error:
            assert "reports/claims/x.toml" in str(error)
            refused += 1
        refused += bool(problems)
    assert 200 < refused < 400


# ---------------------------------------------------------------------- what is shown


def test_json(results):
    data = to_json(tuple(results.values()), "study", "abc")
    assert json.loads(json.dumps(data)) == data
    by_id = {entry["id"]: entry for entry in data["claims"]}
    assert {"id", "published", "ours", "reading", "expected", "verdict"} <= by_id["L7"].keys()
    assert by_id["L7"]["published"] == 649e6
    assert by_id["K9.b"]["published"] == [2040, 2033, 2062]
    assert len(by_id["K9.b"]["ours"]) == 3


def test_table_and_tally(results):
    text = table(tuple(results.values()), notes=True)
    assert "$886.5M" in text and "note 11" in text and "all as expected" in text
    assert max(map(len, text.splitlines())) <= 100, "a terminal's width"
    wrong = replace(results["L7"], claim=replace(results["L7"].claim, expected="holds"))
    assert tally([wrong]) == "1 flagged; NOT as expected: L7"


def test_replication_report_holds_the_table_of_today(results):
    """`forecast claims --report reports/replication.md` writes it."""
    text = (ROOT / "reports" / "replication.md").read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].strip() == markdown(tuple(results.values())).strip()


def test_what_the_report_warns_of_is_flagged(results):
    head = (ROOT / "reports" / "replication.md").read_text(encoding="utf-8").partition(BEGIN)[0]
    warned = set(re.findall(r"\b[LEFDK]\d+\b", head.partition("Before citing")[2]))
    flagged = {name.partition(".")[0] for name, result in results.items() if result.verdict == "flagged"}
    listed = set("L7 L9 L3 L4 L13 L14 E7 F4 F9 F10 D9 D13 K6 K9".split())
    assert listed <= warned <= flagged


def test_markdown_leaves_no_text_to_act(results):
    claim = replace(results["L7"].claim, sentence="<b>x</b> | [a](javascript:b) `c`")
    text = markdown([replace(results["L7"], claim=claim)])
    assert "<b>" not in text and "\\[a\\]" in text and "\\|" in text


def test_choose_by_number_or_part():
    claims = read_claims(ROOT)
    assert [claim.id for claim in choose(claims, ["K9"])] == ["K9.a", "K9.b", "K9.c"]
    assert [claim.id for claim in choose(claims, ["K9.b", "L7"])] == ["K9.b", "L7"]
    assert len(choose(claims, [])) == len(claims)
    assert {claim.id[0] for claim in choose(claims, ["k"])} == {"K"}
    assert [claim.id for claim in choose(claims, ["k9.B"])] == ["K9.b"]
    with pytest.raises(UsageError, match="no claim has the id 'L99'.*\n.*'K77'; did you mean 'K7'"):
        choose(claims, ["L99", "L7", "K77"])


@pytest.mark.skipif(not os.environ.get("FORECAST_DATA"), reason="FORECAST_DATA names no folder with Epoch's files")
def test_trends_on_the_published_file(study):
    """Figures computed apart from this project on Epoch's file of July 2024."""
    wanted = ["K1", "K2", "K4", "L15"]
    found = {result.claim.id: result for result in evaluate_claims(study, choose(read_claims(ROOT), wanted))}
    assert found["K1"].ours == pytest.approx((0.485, 0.433, 0.540), abs=0.003)
    assert found["L15.a"].ours[0] == pytest.approx(math.exp(37.3 / 2), rel=0.05)
    assert found["L15.b"].ours[0] == pytest.approx(32.8, abs=0.06)
    assert "268 rows" in found["K1"].data and "70 rows" in found["L15.a"].data
    assert found["K2"].ours == pytest.approx((0.180, 0.059, 0.274), abs=0.006)  # ordinary least squares, apart
    assert "39 rows" in found["K2"].data and "18 rows" in found["K4"].data
    assert all(result.as_expected for result in found.values())
    # What the note of K3 says of the same file.
    method_2 = next(claim for claim in read_claims(ROOT) if claim.id == "K3")
    data = {"format": "epoch", "file": "epoch-notable-2024-07.csv", "preset": "cottier-2023-method-2"}
    fit = replace(method_2.fit, data={**data, "value": "training_cost"})
    other = evaluate_claim(study, replace(method_2, fit=fit))
    assert other.ours == pytest.approx((0.22, 0.11, 0.34), abs=0.006) and "112 rows" in other.data
    assert other.verdict == "flagged"


def test_without_the_published_file_the_table_of_the_study_stands_in(study, tmp_path, monkeypatch):
    claim = next(claim for claim in read_claims(ROOT) if claim.id == "K1")
    monkeypatch.setenv("FORECAST_DATA", str(tmp_path / "nowhere"))
    told = evaluate_claim(study, claim)
    assert told.data == "priors/evidence/training_runs.csv (FORECAST_DATA holds no epoch-notable-2024-07.csv), 81 rows"
    assert told.as_expected


def test_command_line(capsys):
    assert main(["claims", "L1", "L7", "--study", str(ROOT)]) == 0
    out = capsys.readouterr().out
    assert "24.41M" in out and "flagged" in out
    assert "on three-year reserve" in out, "who asks for some reads what they say"
    assert main(["claims", "K6", "--study", str(ROOT), "--json"]) == 0
    assert [entry["verdict"] for entry in json.loads(capsys.readouterr().out)["claims"]] == ["flagged", "flagged"]
    assert main(["claims", "Z1", "--study", str(ROOT)]) == 2


def test_a_report_holds_all_claims_or_is_left_alone(tmp_path, capsys):
    path = tmp_path / "report.md"
    path.write_text(f"# Claims\n\n{BEGIN}\n\nold\n")
    assert main(["claims", "L7", "--study", str(ROOT), "--report", str(path)]) == 2
    assert "leave out L7" in capsys.readouterr().err
    assert path.read_text().endswith("old\n")
    assert main(["claims", "--study", str(ROOT), "--report", str(path)]) == 0
    assert "| [L7](<https" in path.read_text() and path.read_text().startswith("# Claims\n")
    path.write_text("# no place for it\n")
    assert main(["claims", "--study", str(ROOT), "--report", str(path)]) == 2
    assert path.read_text() == "# no place for it\n"
