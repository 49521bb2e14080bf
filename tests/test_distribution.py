"""Text to distribution and back: numbers, intervals, families, bounds, objects, and what each bad text is told."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecast.distribution import Distribution, format_number, parse, parse_number
from forecast.errors import StudyError
from forecast.special import ndtr, ndtri

PLACE = "priors/cost.toml [start_cost]"


def said(text) -> str:
    with pytest.raises(StudyError) as error:
        parse(text, PLACE)
    assert len(error.value.problems) == 1
    message = str(error.value)
    assert message.startswith(f"{PLACE}: ")
    return message.removeprefix(f"{PLACE}: ")


BAD = [
    ("", "the text of a distribution is empty; write a number, LOW to HIGH, or a family such as normal(mean=0, sd=1)"),
    ("6e25 to 2e25", "the interval runs downwards (6e25 to 2e25); write the low end first"),
    ("3 to 3", "the interval has no width (3 to 3); write point(3) for a fixed value"),
    ("1 to", "'1 to' ends too early; write an interval as LOW to HIGH, both plain numbers"),
    ("to 3", "'to 3' ends too early; write a number, LOW to HIGH, or a family such as normal(mean=0, sd=1)"),
    ("1 to 2 to 3", "an interval has two ends ('1 to 2 to 3'); write quantiles(5%=, 50%=, 95%=) for three figures"),
    ("1-3", "cannot read '1-3' at '-3'; write an interval as 1 to 3"),
    ("1 – 3", "cannot read '1 – 3' at '–'; write an interval as 1 to 3"),
    ("1..3", "cannot read the number '1..3'; write an interval as 1 to 3"),
    ("5 ± 1", "cannot read '5 ± 1' at '±'; write normal(mean=, sd=) or LOW to HIGH"),
    ("5 +/- 1", "cannot read '5 +/- 1' at '+/-'; write normal(mean=, sd=) or LOW to HIGH"),
    (
        "1.000,5",
        "cannot read the number '1.000,5': a point or a comma too many; write the decimals after a point, and thousands as 1_000 or 1,000",
    ),
    (
        "1.000.000",
        "cannot read the number '1.000.000': a point or a comma too many; write the decimals after a point, and thousands as 1_000 or 1,000",
    ),
    (
        "12,34",
        "cannot read the number '12,34': commas separate groups of three digits; write the decimals after a point, as in 1.5",
    ),
    (
        "1,00 to 2",
        "cannot read the number '1,00': commas separate groups of three digits; write the decimals after a point, as in 1.5",
    ),
    ("5X", "cannot read the number '5X': unknown suffix 'X'; use k, M, B, T or %, and put the unit into 'unit'"),
    ("5 million", "cannot read the number '5 million': unknown suffix 'million'; write 5M"),
    ("5m", "cannot read the number '5m': unknown suffix 'm'; write 5M, if million is meant"),
    ("1.5bn to 3bn", "cannot read the number '1.5bn': unknown suffix 'bn'; write 1.5B"),
    ("1 M to 2 M", "cannot read the number '1 M'; write 1M without a space"),
    (
        "1 to 3 USD",
        "cannot read '1 to 3 USD' at 'USD'; leave the unit out: a prior names it in 'unit', and everywhere else it is the quantity's own",
    ),
    (
        "5 apples",
        "cannot read '5 apples' at 'apples'; leave the unit out: a prior names it in 'unit', and everywhere else it is the quantity's own",
    ),
    ("1e", "cannot read the number '1e': unknown suffix 'e'; use k, M, B, T or %, and put the unit into 'unit'"),
    ("0.4 +- 0.02", "cannot read '0.4 +- 0.02' at '+-'; write normal(mean=, sd=) or LOW to HIGH"),
    (
        "2 USD/hour",
        "cannot read '2 USD/hour' at 'USD/hour'; "
        "leave the unit out: a prior names it in 'unit', and everywhere else it is the quantity's own",
    ),
    ("2 * 3", "a distribution is not a formula ('2 * 3'); put the arithmetic into a model function"),
    ("1 to 3 + 2", "a distribution is not a formula ('1 to 3 + 2'); put the arithmetic into a model function"),
    ("norm(1, 3)", "unknown family 'norm'; did you mean 'normal'?"),
    ("norm(mean=1, sd=3)", "unknown family 'norm'; did you mean 'normal'?"),
    ("normall(mean=1, sd=3)", "unknown family 'normall'; did you mean 'normal'?"),
    ("normal(0, 2)", "normal takes its parameters by keyword (normal(0, 2)); write normal(mean=0, sd=2)"),
    ("normal(mean=0)", "normal is given by mean, sd (found mean); write normal(mean=0, sd=1)"),
    ("normal(mean=0, sigma=1)", "normal has no parameter 'sigma'; it takes mean, sd"),
    ("normal(mean=0, sdd=1)", "normal has no parameter 'sdd'; did you mean 'sd'? (it takes mean, sd)"),
    ("normal(mean=0, sd=-1)", "sd must be above 0 (-1); write a positive number"),
    ("normal(mean=0, mean=1, sd=2)", "normal has mean twice; give mean once"),
    (
        "normal(mean=0, sd=1 to 2)",
        "the sd of normal is not a number; parameters are plain numbers; nest only in mixture(A, B)",
    ),
    ("normal(mean=0, sd=1", "the brackets do not match ('normal(mean=0, sd=1'); close every bracket that is opened"),
    ("normal", "cannot read 'normal'; write a number, LOW to HIGH, or a family such as normal(mean=0, sd=1)"),
    (
        "lognormal -1 to 3",
        "the low end of a lognormal must be above 0 (-1); write a positive low end, or normal LOW to HIGH",
    ),
    ("lognormal(median=0, sigma=1)", "median must be above 0 (0); write a positive number"),
    (
        "uniform 1 to 3",
        "'uniform 1 to 3' could mean its ends or its 90% interval; write uniform(low=1, high=3), or uniform 1 to 3 (90%)",
    ),
    ("uniform(low=3, high=1)", "low must be below high (low 3, high 1); write them in rising order"),
    ("uniform(1, 3)", "uniform takes its parameters by keyword (uniform(1, 3)); write uniform(low=1, high=3)"),
    ("loguniform(low=0, high=1)", "low must be above 0 (0); write a positive number"),
    ("triangular 1 to 3", "triangular has no interval (triangular 1 to 3); write triangular(low=, mode=, high=)"),
    ("triangular(low=1, mode=7, high=5)", "mode must not be above high (mode 7, high 5); write them in rising order"),
    ("pert(1, 2, 5)", "pert takes its parameters by keyword (pert(1, 2, 5)); write pert(low=1, mode=2, high=5)"),
    ("beta 20% to 160%", "an interval of a beta lies between 0 and 1 (0.2 to 1.6); write shares such as 20% to 60%"),
    ("beta(mean=50%, sd=60%)", "no beta with mean 0.5 has an sd of 0.6; write an sd below 0.5"),
    ("beta(a=0, b=1)", "a must be above 0 (0); write a positive number"),
    ("beta(mean=2, sd=1)", "the mean of a beta lies between 0 and 1 (2); write a share such as 30%"),
    ("gamma -1 to 3", "the low end of a gamma must be above 0 (-1); write a positive low end, or normal LOW to HIGH"),
    ("gamma(shape=1)", "gamma is given by shape, scale or mean, sd (found shape); write gamma(shape=2, scale=3)"),
    (
        "student_t 1 to 3",
        "student_t has no interval (student_t 1 to 3); write student_t(df=4, loc=, scale=), since an interval leaves df open",
    ),
    ("student_t(df=2, mean=0, sd=1)", "Student's t has an sd only for df above 2 (2); give loc and scale instead"),
    ("exponential 1 to 3", "exponential has no interval (exponential 1 to 3); write exponential(mean=)"),
    ("bernoulli(0.3)", "bernoulli takes its parameters by keyword (bernoulli(0.3)); write bernoulli(p=0.3)"),
    ("bernoulli(p=30)", "p must lie between 0 and 1 (30); write a probability such as 30%"),
    (
        "poisson(mean=1e12)",
        "a count of 1T with an sd of 1M is too wide to tell single values apart; write normal(mean=1T, sd=1M)",
    ),
    ("poisson(mean=0)", "mean must be above 0 (0); write a positive number"),
    ("binomial(n=2.5, p=0.5)", "n must be a whole number of trials (2.5); write n=1 or more"),
    ("discrete({0: 0.5, 1: 0.6})", "the probabilities add up to 1.1; make them add up to 1"),
    ("discrete({0: 0.5, 0: 0.5})", "the value 0 stands twice; give each value once"),
    ("discrete([0, 1])", "discrete takes values with their probabilities; write discrete({0: 0.3, 1: 0.7})"),
    ("discrete({})", "discrete has no values; write discrete({0: 0.3, 1: 0.7})"),
    (
        "discrete({1,000: 0.5, 2: 0.5})",
        "'1,000' could be one number or several; write 1000, or a space after the comma",
    ),
    ("point()", "point is given by x (found nothing); write point(3)"),
    ("mixture()", "mixture takes distributions and their weights; write mixture(A, B, weights=[0.7, 0.3])"),
    ("mixture(1 to 3, 2 to 5, weights=[0.5])", "mixture has 2 parts and 1 weights; give one weight for each part"),
    ("mixture(1 to 3, 2 to 5, weights=[0.5, 0.6])", "the weights add up to 1.1; make them add up to 1"),
    ("mixture(1 to 3, 2 to 5, weight=[0.5, 0.5])", "mixture has no parameter 'weight'; did you mean 'weights'?"),
    (
        "mixture(1 to 3, 2 to 5, weights=0.5)",
        "the weights of a mixture are a list; write mixture(A, B, weights=[0.7, 0.3])",
    ),
    ("mixture(1 to 3, 2 to 5, weights=[-0.5, 1.5])", "a weight must not be negative (-0.5); write weights from 0 to 1"),
    ("mixture(1,200 to 3,000)", "'1,200' could be one number or several; write 1200, or a space after the comma"),
    ("mixture 1 to 3", "mixture has no interval (mixture 1 to 3); write mixture(A, B, weights=[0.7, 0.3])"),
    ("quantiles(5%=1)", "1 quantile is not enough; give two or more, as in quantiles(5%=1, 50%=3, 95%=20)"),
    (
        "quantiles(5%=3, 50%=1)",
        "the quantiles do not rise (5% is 3, 50% is 1); write a higher value for a higher level",
    ),
    (
        "quantiles(0%=1, 50%=2)",
        "a quantile's level must lie between 0% and 100% (0%); write levels such as 5%, 50% and 95%; bounds go into 'within LOW and HIGH'",
    ),
    ("quantiles(low=1, high=2)", "quantiles takes levels with their values; write quantiles(5%=1, 50%=3, 95%=20)"),
    ("quantiles(5%=1, 5%=2)", "the level 5% stands twice; give each level once"),
    (
        "card(mean=9, low=2, high=5)",
        "the mean of a card lies between its low and its high (9); check the three figures",
    ),
    (
        "card(55M, 1.5B)",
        "card takes its parameters by keyword (card(55M, 1.5B)); write card(mean=387M, low=55M, high=1.5B)",
    ),
    ("1 to 3 (120%)", "an interval's level must lie between 0% and 100% (1.2); write (80%) or (0.8)"),
    ("1 to 3 (80)", "an interval's level must lie between 0% and 100% (80); write (80%) or (0.8)"),
    ("1 to 3 within 5 and 2", "the bounds run downwards (5 and 2); write the low bound first"),
    ("1 to 3 within 2 and 2", "the bounds leave no room (2 and 2); write point(x) for a fixed value"),
    (
        "1 to 3 within 1e9 and 2e9",
        "the bounds 1B and 2B hold no probability of the lognormal (90% interval 1 to 3); widen the bounds",
    ),
    (
        "normal(mean=0, sd=1) within 40 and inf",
        "the bounds 40 and inf hold no probability of the normal (90% interval -1.64 to 1.64); widen the bounds",
    ),
    (
        "1 to 3 within 2",
        "'1 to 3 within 2' ends too early; write bounds as 'within LOW and HIGH' (inf and -inf are allowed)",
    ),
    ("1 to inf", "not a finite number (inf); infinity only stands in 'within LOW and HIGH'"),
    ("inf", "not a finite number (inf); infinity only stands in 'within LOW and HIGH'"),
    ("nan", "cannot read 'nan'; write a number, LOW to HIGH, or a family such as normal(mean=0, sd=1)"),
    ("about 5", "cannot read 'about 5'; write a number, LOW to HIGH, or a family such as normal(mean=0, sd=1)"),
    (
        "55M to 1.5B FLOP",
        "cannot read '55M to 1.5B FLOP' at 'FLOP'; leave the unit out: a prior names it in 'unit', and everywhere else it is the quantity's own",
    ),
    (
        "1 to 3; import os",
        "cannot read '1 to 3; import os' at ';'; write a number, LOW to HIGH, or a family such as normal(mean=0, sd=1)",
    ),
    (
        "__import__('os')",
        "cannot read '__import__('os')' at ''os')'; write a number, LOW to HIGH, or a family such as normal(mean=0, sd=1)",
    ),
    (
        "discrete({a: 1})",
        "cannot read 'discrete({a: 1})' at 'a:'; write a number, LOW to HIGH, or a family such as normal(mean=0, sd=1)",
    ),
    ("1 to 1e400", "not a finite number (inf); infinity only stands in 'within LOW and HIGH'"),
    (
        "lognormal(mean=1,sd=1e200)",
        "the figures are too large or too small to compute with (lognormal(mean=1,sd=1e200)); write it in a smaller or a larger unit",
    ),
    ("normal -1e308 to 1e308", "the mean of normal overflows; write smaller numbers, or another unit"),
    (None, "not a distribution (NoneType); write a number, LOW to HIGH, or a family such as normal(mean=0, sd=1)"),
    (True, "not a distribution (bool); write a number, LOW to HIGH, or a family such as normal(mean=0, sd=1)"),
    ([1], "not a distribution (list); write a number, LOW to HIGH, or a family such as normal(mean=0, sd=1)"),
    (math.nan, "not a finite number (nan); write a number between -1.8e308 and 1.8e308"),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[repr(text) for text, _ in BAD])
def test_what_a_bad_text_is_told(text, message):
    assert said(text) == message


def test_the_table_of_bad_texts_is_long_and_every_message_has_a_way_out():
    assert len(BAD) >= 35
    assert all("; " in message for _, message in BAD)


@pytest.mark.parametrize(
    ("text", "value"),
    [("55M", 55e6), ("1.5B", 1.5e9), ("2T", 2e12), ("3k", 3e3), ("3K", 3e3), ("$380M", 380e6), ("30%", 0.3), ("1e26", 1e26),
     ("1_000_000", 1e6), ("1,000,000", 1e6), ("1,234.5", 1234.5), ("-3", -3.0), ("-$3", -3.0), ("$-3M", -3e6), ("−3", -3.0),
     (".5", 0.5), ("0.1%", 0.001), ("1.5e-3", 0.0015), ("2.1e3k", 2.1e6), (" 7 ", 7.0), (7, 7.0), (2.5, 2.5), (np.float64(2), 2.0)],
)  # fmt: skip
def test_numbers(text, value):
    assert parse_number(text, PLACE) == value
    assert parse(text, PLACE) == parse(value, PLACE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,00",
        "1.000,5",
        "1__0",
        "_1",
        "1_",
        "1e",
        "5 %%",
        "1 2",
        "--3",
        "0x10",
        "inf",
        "nan",
        "1e999",
        "$",
        None,
        True,
        [1],
    ],
)
def test_what_is_not_a_number(text):
    with pytest.raises(StudyError, match=r"here: .*; "):
        parse_number(text, "here")


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(55e6, 3, "55M"), (1.5e9, 3, "1.5B"), (2.13e25, 2, "2.1e25"), (0.3, 3, "0.3"), (0, 3, "0"), (-1234567, 3, "-1.23M"),
     (2034.23, 3, "2034"), (2034.23, 5, "2034.2"), (9999.7, 3, "10k"), (12345, 3, "12.3k"), (999_999, 3, "1M"), (1e15, 3, "1e15"),
     (0.000123, 3, "0.000123"), (0.0000123, 3, "1.23e-5"), (1.0, 3, "1"), (100.0, 1, "100"), (1234567.0, None, "1.234567M"),
     (0.1 + 0.2, None, "0.30000000000000004"), (math.inf, 3, "inf"), (1e-300, 3, "1e-300"), (9.996, 3, "10")],
)  # fmt: skip
def test_format_number(value, digits, text):
    assert format_number(value, digits) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_in_full_read_back(x):
    assert parse_number(format_number(x, None), PLACE) == x


@given(st.floats(1e-12, 1e18), st.integers(1, 9))
def test_rounded_numbers_are_close(x, digits):
    shown = parse_number(format_number(x, digits), PLACE)
    assert abs(shown / x - 1) <= 0.5000001 * 10.0 ** (1 - digits)


@pytest.mark.parametrize(
    ("text", "family", "ends", "level"),
    [("55M to 1.5B", "lognormal", (55e6, 1.5e9), 0.9), ("-1 to 3", "normal", (-1, 3), 0.9), ("0 to 3", "normal", (0, 3), 0.9),
     ("1 to 3 (80%)", "lognormal", (1, 3), 0.8), ("1 to 3 (0.5)", "lognormal", (1, 3), 0.5), ("normal 1 to 3", "normal", (1, 3), 0.9),
     ("normal 1 to 3 (50%)", "normal", (1, 3), 0.5), ("beta 20% to 60%", "beta", (0.2, 0.6), 0.9),
     ("gamma 1 to 10 (80%)", "gamma", (1, 10), 0.8), ("uniform 1 to 3 (90%)", "uniform", (1, 3), 0.9),
     ("loguniform 1 to 3 (90%)", "loguniform", (1, 3), 0.9), ("pareto 1 to 10", "pareto", (1, 10), 0.9),
     ("$380M to $1,000,000,000", "lognormal", (380e6, 1e9), 0.9), ("(1 to 3)", "lognormal", (1, 3), 0.9)],
)  # fmt: skip
def test_intervals_are_central(text, family, ends, level):
    made = parse(text, PLACE)
    assert made.family == family and made.text == text
    np.testing.assert_allclose(made.quantile([0.5 - level / 2, 0.5 + level / 2]), ends, rtol=1e-11, atol=1e-12)


SAME = [
    ("lognormal(mean=3, sd=2)", "lognormal(sd=2, mean=3)"),
    ("discrete({1: 50%, 0: 0.5})", "discrete({0: 0.5, 1: 0.5,})"),
    ("1 to 3", "lognormal  1 to  3 (90%)"),
    ("mixture(1 to 3, 5)", "mixture(1 to 3, point(5), weights=[0.5, 0.5])"),
    ("mixture(1 to 3, 5, weights=[1, 0])", "1 to 3"),
    ("1 to 3 within 0 and 5 within 1 and 9", "1 to 3 within 1 and 5"),
    ("quantiles(95%=9, 5%=1)", "quantiles(0.05=1,0.95=9)"),
    ("normal(mean=1,000, sd=2)", "normal(mean=1000, sd=2)"),
    ("pert(low=1, mode=2, high=5)", "pert(low=1, mode=2, high=5, lam=4)"),
    ("point(x=3)", "3"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equal_however_written(one, other):
    a, b = parse(one, "x"), parse(other, "y")
    assert a == b and hash(a) == hash(b) and a.canonical() == b.canonical() and a.text == one
    assert a != parse("7 to 8", "z")


DESCRIBED = {
    "55M to 1.5B": "lognormal, 90% interval 55M to 1.5B",
    "3": "exactly 3",
    "bernoulli(p=30%)": "bernoulli, 30% chance of 1, 90% interval 0 to 1",
    "card(mean=400M, low=55M, high=1.5B)": "lognormal from a card's low and high (its mean, 400M, is 3.3% above the fitted 387M), 90% interval 46.9M to 1.21B",
    "mixture(0, 1 to 3, weights=[30%, 70%])": "mixture (30% point, 70% lognormal), 90% interval 0 to 2.83",
    "1 to 3 within 0 and 2": "lognormal, 90% interval 0.939 to 1.94, truncated to 0 … 2",
}


@pytest.mark.parametrize("text", DESCRIBED)
def test_describe(text):
    assert parse(text, PLACE).describe() == DESCRIBED[text]


def test_what_the_documentation_writes_is_read():
    page = (Path(__file__).parent.parent / "docs" / "distributions.md").read_text(encoding="utf-8")
    rows = page.split("## Intervals")[1].split("##")[0].splitlines()
    texts = [row.split("`")[1] for row in rows if row.startswith("| `")]
    texts += re.findall(r"`((?:discrete|point|mixture|quantiles|card)\([^…]*?\))`", page)
    assert len(texts) >= 10
    for text in texts:
        parse(text, PLACE)
    shown = page.split("```python")[1].split("```")[0]
    names: dict = {}
    exec(shown, names)
    assert f"'{names['price'].describe()}'" in shown
    assert parse(names["price"].canonical(), PLACE) == names["price"]


def test_describe_tells_the_fit_error_of_quantiles():
    text = parse("quantiles(5%=1, 50%=3, 95%=20)", PLACE).describe()
    assert text.startswith("smooth curve through 3 quantiles (fit error ") and text.endswith("90% interval 1 to 20")
    assert float(text.split("fit error ")[1].split(")")[0]) < 1e-14


def test_a_card_resolves_to_what_it_was_drawn_from():
    card = parse("card(mean=387M, low=55M, high=1.5B) within 0 and 2B", PLACE)
    plain = card.resolved()
    assert plain.family == "lognormal" and plain.bounds == (0.0, 2e9)
    np.testing.assert_array_equal(card.quantile([0.1, 0.9]), plain.quantile([0.1, 0.9]))
    assert parse("card(mean=1, low=-2, high=5)", PLACE).resolved() == parse("normal -2 to 5", PLACE)


EVERY = [
    "3", "normal(mean=0, sd=1)", "1 to 3", "uniform(low=-1, high=3)", "loguniform(low=1, high=3)", "triangular(low=1, mode=2, high=5)",
    "pert(low=1, mode=2, high=5)", "beta(a=2, b=5)", "gamma(shape=0.4, scale=3)", "student_t(df=3, loc=1, scale=2)", "exponential(mean=3)",
    "pareto(low=1, alpha=2.5)", "bernoulli(p=0.3)", "poisson(mean=3)", "binomial(n=10, p=0.3)", "discrete({-1: 0.2, 3.5: 0.8})",
    "quantiles(5%=1, 50%=3, 95%=20)", "quantiles(5%=-1, 50%=3, 95%=20)", "card(mean=387, low=55, high=1500)",
    "mixture(0, 1, 1 to 3, 2 to 10, weights=[0.6, 0.2, 0.1, 0.1])", "mixture(mixture(0, 1 to 3), normal(mean=9, sd=1) within 8 and inf)",
    "1 to 3 within 1.5 and 2.5", "poisson(mean=3) within 1 and 4", "mixture(0, 1 to 3) within -1 and 2", "gamma(shape=2, scale=1) within 4 and inf",
    "mixture(bernoulli(p=0.5), poisson(mean=2))",
]  # fmt: skip


@pytest.mark.parametrize("text", EVERY)
def test_canonical_json_and_the_quantile_law(text):
    made = parse(text, PLACE)
    again = parse(made.canonical(), PLACE)
    assert again == made and again.canonical() == made.canonical()
    stored = Distribution.from_json(json.loads(json.dumps(made.to_json())))
    assert stored == made and stored.text == made.text
    z = np.sort(np.random.default_rng(9).normal(size=(40, 50)), axis=None).reshape(40, 50)
    x = made.from_normal(z)
    assert x.shape == (40, 50)
    np.testing.assert_array_equal(x, again.from_normal(z))
    np.testing.assert_array_equal(x, stored.from_normal(z))
    assert np.all(np.diff(x.reshape(-1)) >= -4e-16 * np.abs(x.reshape(-1)[1:]))
    low, high = made.support
    assert low <= x.min() and x.max() <= high
    # F(Q(p)) = p where there is no atom, and jumps over p at one
    p, slack = ndtr(z), 1e-11
    assert np.all(made.cdf(x) >= p - slack)
    assert np.all(made.cdf(x - 1e-9 * np.maximum(np.abs(x), 1e-3)) <= p + slack)
    np.testing.assert_allclose(made.cdf(x) + made.sf(x), 1.0, rtol=1e-12)
    if not made.is_discrete:
        np.testing.assert_allclose(made.quantile(p), x, rtol=1e-9, atol=1e-12)
    assert made.quantile(0.0) == low and made.quantile(1.0) == high
    assert made.from_normal(-np.inf) == low and made.from_normal(np.inf) == high
    assert np.isnan(made.quantile([-0.1, 1.1, np.nan])).all()


@pytest.mark.parametrize("text", [t for t in EVERY if t != "card(mean=387, low=55, high=1500)"])
def test_mean_and_sd_by_summing_the_quantile_function(text):
    made = parse(text, PLACE)
    # a midpoint rule over the score: exponentially accurate for smooth tails, first order at jumps
    step = 2e-5
    z = np.arange(-8.4, 8.4, step)
    weight = np.diff(ndtr(np.append(z, z[-1] + step) - step / 2))
    x = made.from_normal(z)
    mean = np.sum(weight * x)
    tolerance = 2e-4 if "pareto" not in text and "student" not in text else 2e-2
    assert made.mean() == pytest.approx(mean, rel=tolerance, abs=1e-4)
    assert made.sd() == pytest.approx(
        math.sqrt(np.sum(weight * (x - mean) ** 2)), rel=max(tolerance, 1e-3) if tolerance < 1e-2 else 0.4, abs=1e-4
    )


@pytest.mark.parametrize("text", EVERY)
def test_a_value_does_not_depend_on_its_place(text):
    made = parse(text, PLACE)
    z = np.random.default_rng(10).normal(size=1003)
    whole = made.from_normal(z)
    np.testing.assert_array_equal(whole[:30], [made.from_normal(v) for v in z[:30]])
    for cut in (1, 3, 8, 500):
        np.testing.assert_array_equal(np.concatenate([made.from_normal(z[:cut]), made.from_normal(z[cut:])]), whole)


numbers = st.floats(-1e12, 1e12, allow_nan=False).map(lambda x: float(f"{x:.12g}"))
positive = st.floats(1e-9, 1e12).map(lambda x: float(f"{x:.12g}"))


@st.composite
def texts(draw, depth=0):
    """Texts of any family, written in several ways."""
    kind = draw(
        st.sampled_from(
            [
                "interval",
                "normal",
                "lognormal",
                "uniform",
                "beta",
                "gamma",
                "student_t",
                "point",
                "pareto",
                "triangular",
                "quantiles",
                "card",
                "discrete",
            ]
            + ["mixture", "within"] * (depth < 2)
        )
    )
    if kind == "interval":
        low, high = sorted(draw(st.lists(numbers, min_size=2, max_size=2, unique=True)))
        if high - low < 1e-6 * abs(high):
            high = low + abs(low) + 1.0
        level = draw(st.sampled_from(["", " (80%)", " (0.5)"]))
        return f"{format_number(low, None)} to {format_number(high, None)}{level}"
    if kind == "mixture":
        parts = draw(st.lists(texts(depth + 1), min_size=2, max_size=3))
        return f"mixture({', '.join(parts)})"
    if kind == "within":
        low, high = sorted(draw(st.lists(st.integers(-50, 50), min_size=2, max_size=2, unique=True)))
        return f"normal(mean=0, sd=20) within {low} and {high}"
    if kind == "quantiles":
        values = sorted(draw(st.lists(positive, min_size=3, max_size=3, unique=True)))
        return f"quantiles({5}%={values[0]!r}, {50}%={values[1]!r}, {95}%={values[2]!r})"
    if kind == "triangular":
        low, mode, high = sorted(draw(st.lists(st.integers(-1000, 1000), min_size=3, max_size=3, unique=True)))
        return f"triangular(low={low}, mode={mode}, high={high})"
    if kind == "card":
        low = draw(positive)
        return f"card(mean={3 * low!r}, low={low!r}, high={9 * low!r})"
    if kind == "discrete":
        p = draw(st.integers(1, 99))
        return f"discrete({{{draw(numbers)!r}: {p}%, 2e12: {100 - p}%}})"
    if kind == "point":
        return f"point({draw(numbers)!r})"
    if kind == "uniform":
        low = draw(st.integers(-1000, 1000))
        return f"uniform(low={low}, high={low + draw(st.integers(1, 1000))})"
    mean, sd = draw(positive), draw(st.floats(0.05, 2.0)) * 1.0
    return {
        "normal": f"normal(mean={mean!r}, sd={mean * sd!r})",
        "lognormal": f"lognormal(mean={mean!r}, sd={mean * sd!r})",
        "gamma": f"gamma(mean={mean!r}, sd={mean * sd!r})",
        "beta": f"beta(a={sd * 10!r}, b={sd * 3!r})",
        "student_t": f"student_t(df={1 + sd!r}, loc={mean!r}, scale={mean!r})",
        "pareto": f"pareto(low={mean!r}, alpha={1 + sd!r})",
    }[kind]


@settings(max_examples=150)
@given(texts())
def test_text_to_distribution_to_text(text):
    made = parse(text, PLACE)
    again = parse(made.canonical(), PLACE)
    assert again == made and again.canonical() == made.canonical()


@settings(max_examples=40)
@given(texts(), st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_quantiles_do_not_fall_and_invert_the_distribution_function(text, p, q):
    made = parse(text, PLACE)
    low, high = sorted((p, q))
    x = made.quantile([low, high])
    assert x[0] <= x[1]
    assert made.cdf(x[0]) >= low - 1e-9 and made.cdf(np.nextafter(x[0], -np.inf)) <= low + 1e-9 + _resolution(
        made, x[0]
    )


def _resolution(made, x):
    """Probability between neighbouring doubles around x."""
    ulp = 4 * np.spacing(abs(x))
    return float(made.cdf(x + ulp) - made.cdf(np.nextafter(x - ulp, -np.inf))) if not made.is_discrete else 0.0


@settings(max_examples=60)
@given(st.floats(1e-6, 1e6), st.floats(1.01, 1e3), st.floats(1e-3, 1e3))
def test_scaling_an_interval_scales_every_quantile(low, ratio, factor):
    prob = np.linspace(0.01, 0.99, 9)
    one = parse(f"{low!r} to {low * ratio!r}", PLACE).quantile(prob)
    other = parse(f"{low * factor!r} to {low * ratio * factor!r}", PLACE).quantile(prob)
    np.testing.assert_allclose(other, factor * one, rtol=1e-11)


@settings(max_examples=30)
@given(texts())
def test_a_narrower_level_lies_inside(text):
    a, b, c, d = parse(text, PLACE).quantile([0.05, 0.25, 0.75, 0.95])
    assert a <= b <= c <= d


def test_truncation_tells_where_the_mass_is():
    made = parse("normal(mean=0, sd=1) within 3 and inf", PLACE)
    assert made.support == (3.0, math.inf) and made.bounds == (3.0, math.inf)
    assert made.cdf(3.0) == 0.0 and made.log_density(2.9) == -math.inf
    expected = -ndtri(ndtr(-3.0) * np.array([0.9, 0.5, 0.1]))
    np.testing.assert_allclose(made.quantile([0.1, 0.5, 0.9]), expected, rtol=1e-14)


def test_truncated_counts_keep_their_values():
    made = parse("poisson(mean=3) within 1 and 4", PLACE)
    assert made.is_discrete and made.support == (1.0, 4.0)
    pmf = np.array([3.0, 4.5, 4.5, 3.375])
    np.testing.assert_allclose(np.exp(made.log_density([1, 2, 3, 4])), pmf / pmf.sum())
    assert made.log_density(0) == -math.inf


def test_loading_needs_neither_grammar_nor_scipy():
    texts = [t for t in EVERY if "mixture" in t or "gamma" in t or "beta" in t or "student" in t]
    stored = json.dumps([parse(t, PLACE).to_json() for t in texts])
    script = (
        "import json, sys, numpy as np\n"
        "from forecast.distribution import Distribution\n"
        "for data in json.loads(sys.stdin.read()):\n"
        "    made = Distribution.from_json(data)\n"
        "    made.from_normal(np.linspace(-6, 6, 50)); made.describe(); made.mean()\n"
        "print([m for m in ('lark', 'scipy', 'squigglepy', 'pint', 'numpy.polynomial') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], input=stored, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]" and done.stderr == ""
    script = (
        "import sys, forecast.distribution as d; d.parse('gamma 1 to 3', 'x').cdf(2.0); print('scipy' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
    )


sq = pytest.importorskip("squigglepy")
OBJECTS = {
    "normal(mean=2, sd=0.5)": lambda: sq.norm(mean=2, sd=0.5),
    "normal 1 to 3": lambda: sq.norm(1, 3),
    "normal 1 to 3 (80%)": lambda: sq.norm(1, 3, credibility=80),
    "1 to 3": lambda: sq.to(1, 3),
    "-1 to 3": lambda: sq.to(-1, 3),
    "lognormal 1 to 3": lambda: sq.lognorm(1, 3),
    "lognormal(mean=3, sd=2)": lambda: sq.lognorm(lognorm_mean=3, lognorm_sd=2),
    "lognormal(median=1, sigma=0.5)": lambda: sq.invlognorm(norm_mean=0, norm_sd=0.5),
    "uniform(low=1, high=3)": lambda: sq.uniform(1, 3),
    "beta(a=2, b=5)": lambda: sq.beta(2, 5),
    "gamma(shape=2, scale=3)": lambda: sq.gamma(2, 3),
    "gamma(shape=1.5, scale=2)": lambda: sq.chisquare(3),
    "exponential(mean=3)": lambda: sq.exponential(3),
    "pareto(low=1, alpha=3)": lambda: sq.pareto(3),
    "triangular(low=1, mode=2, high=5)": lambda: sq.triangular(1, 2, 5),
    "pert(low=1, mode=2, high=5)": lambda: sq.pert(1, 2, 5),
    "pert(low=1, mode=2, high=5, lam=2)": lambda: sq.pert(1, 2, 5, lam=2),
    "bernoulli(p=0.3)": lambda: sq.bernoulli(0.3),
    "binomial(n=10, p=0.3)": lambda: sq.binomial(10, 0.3),
    "poisson(mean=3)": lambda: sq.poisson(3),
    "student_t(df=4, loc=0, scale=1)": lambda: sq.tdist(t=4),
    "discrete({0: 0.3, 1: 0.7})": lambda: sq.discrete({0: 0.3, 1: 0.7}),
    "discrete({1: 0.25, 2: 0.5, 4: 0.25})": lambda: sq.discrete([1, 2, 2, 4]),
    "discrete({1: 0.2, 5: 0.8})": lambda: sq.discrete([[0.2, 1], [0.8, 5]]),
    "3": lambda: sq.const(3),
    "mixture(normal 1 to 2, 7, weights=[0.25, 0.75])": lambda: sq.mixture([sq.norm(1, 2), 7], weights=[0.25, 0.75]),
    "mixture(0, 1 to 2, weights=[0.6, 0.4])": lambda: sq.zero_inflated(0.6, sq.to(1, 2)),
}


@pytest.mark.parametrize("text", OBJECTS)
def test_squigglepy_objects_are_read_by_their_parameters(text):
    thing = OBJECTS[text]()
    state = thing.__dict__.copy()
    made, expected = parse(thing, PLACE), parse(text, PLACE)
    assert made.family == expected.family
    prob = np.array([0.001, 0.1, 0.2, 0.35, 0.5, 0.65, 0.9, 0.999])
    np.testing.assert_allclose(made.quantile(prob), expected.quantile(prob), rtol=1e-11)
    assert parse(made.text, PLACE) == made and state == thing.__dict__


def test_squigglepy_clips_become_points_on_the_bounds():
    made = parse(sq.norm(-1, 3, lclip=0, rclip=2), PLACE)
    plain = parse("normal -1 to 3", PLACE)
    assert made.family == "mixture" and made.support == (0.0, 2.0)
    assert made.cdf(0.0) == pytest.approx(float(plain.cdf(0.0))) and np.exp(made.log_density(2.0)) == pytest.approx(
        float(plain.sf(2.0))
    )
    prob = np.linspace(0.001, 0.999, 101)
    np.testing.assert_allclose(made.quantile(prob), np.clip(plain.quantile(prob), 0.0, 2.0), rtol=1e-9, atol=1e-12)
    assert parse(sq.to(1, 3, lclip=-1), PLACE).family == "lognormal"
    whole = sq.mixture([sq.norm(1, 2), sq.norm(3, 4)], lclip=1.2)
    assert parse(whole, PLACE).support == (1.2, math.inf)


def test_squigglepy_objects_without_an_equivalent():
    told = {
        "a formula of squigglepy objects is not a distribution; give the parts as priors and the formula as a model function": sq.norm(
            1, 2
        )
        + 1,
        "squigglepy's GeometricDistribution has no equivalent here; write it as a text, or as discrete({...})": sq.geometric(
            0.1
        ),
        "squigglepy's tdist(1, 3) is not centred on its interval; write student_t(df=, loc=, scale=)": sq.tdist(1, 3),
        "squigglepy's LogTDistribution has no equivalent here; write it as a text, or as discrete({...})": sq.log_tdist(
            1, 3
        ),
        "squigglepy's DirichletDistribution has no equivalent here; write it as a text, or as discrete({...})": sq.dirichlet(
            [1, 2]
        ),
        "a squigglepy constant that is not a number ('a'); give a number": sq.discrete({"a": 0.5, "b": 0.5}),
    }
    for message, thing in told.items():
        assert said(thing) == message
    one, _ = sq.correlate((sq.norm(1, 2), sq.norm(3, 4)), 0.5)
    assert (
        said(one)
        == "a correlated squigglepy object (NormalDistribution); declare the correlation in [[dependence]] instead"
    )


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("normal(mean=0, sd=1) within 0 and inf", 0.5),
        ("normal(mean=0, sd=1) within 8 and 9", stats.norm.sf(8) - stats.norm.sf(9)),
        ("normal(mean=0, sd=1) within -9 and -8", stats.norm.sf(8) - stats.norm.sf(9)),
        ("normal(mean=0, sd=1) within -1 and 2", stats.norm.cdf(2) - stats.norm.cdf(-1)),
        ("poisson(mean=3) within -1 and 0", math.exp(-3)),
        ("poisson(mean=3) within 1 and 2", stats.poisson.pmf([1, 2], 3).sum()),
        ("mixture(0, normal(mean=0, sd=1) within 8 and inf, weights=[0.5, 0.5])", stats.norm.sf(8)),
        ("mixture(0, 1, weights=[0.3, 0.7]) within 0 and 0.5", 0.3),
        ("1 to 2", 1.0),
    ],
)
def test_how_much_bounds_keep(text, kept):
    assert parse(text, "x").kept == pytest.approx(kept, rel=1e-9)
