"""The decoder finds the reading that made a triple, and none where there is none."""

from __future__ import annotations

import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

import forecast
from forecast.claims.decode import LARGEST_NOISE, decode, table
from forecast.claims.triple import read_triple
from forecast.cli import main
from forecast.distribution import parse
from forecast.errors import UsageError
from tests.studies import prior, write_study

Z95 = stats.norm.ppf(0.95)
CARD, MEDIAN, MEAN, NORMAL = (
    "Guesstimate card, lognormal", "5% and 95%, lognormal, middle is the median", "5% and 95%, lognormal, middle is the mean",
    "5% and 95%, normal (a card of a normal is the same)",
)  # fmt: skip


def values(found):
    triple = found.triple
    return triple.middle.value, triple.low.value, triple.high.value


def best(text):
    found = decode(text).fitting
    return found[0].name if found else None


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("380M (55M to 1.5B)", CARD),
        ("$2M (260K to 8.4M)", CARD),
        ("12% (1.3 to 56%)", CARD),
        ("$13 million (4 million to 36 million)", None),
        ("5000 (100 to 45,000)", None),
        ("0.49 (0.37 to 0.56)", None),
        ("0.2 (90% CI: 0.1 to 0.3)", NORMAL),
        ("0.51 (0.45 to 0.57)", NORMAL),
        ("2040 (2033 to 2062)", None),
        ("$13M [4M, 36M]", None),
        ("0.2 OOM/yr (0.1 to 0.3)", NORMAL),
    ],
)
def test_published_triples(text, reading):
    assert best(text) == reading


@pytest.mark.parametrize("sigma", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("reading", [CARD, MEDIAN, MEAN])
def test_every_reading_is_recognised_where_it_made_the_figures(sigma, reading):
    mean = 100 * math.exp(sigma**2 / 2)
    low, high = 100 * math.exp(-Z95 * sigma), 100 * math.exp(Z95 * sigma)
    if reading == CARD:
        low = 100 * math.exp(sigma * stats.norm.ppf(0.1 * stats.norm.cdf(sigma / 2)))
        high = 100 * math.exp(sigma * stats.norm.ppf(0.9 + 0.1 * stats.norm.cdf(sigma / 2)))
    middle = 100.0 if reading == MEDIAN else mean
    found = decode(f"{middle:.6f} ({low:.6f} to {high:.6f})")
    assert found.fitting[0].name == reading
    assert abs(found.fitting[0].misfit) < 1e-6


def test_a_normal_is_recognised_with_any_sign():
    found = decode(f"1.0000 ({1 - Z95:.4f} to {1 + Z95:.4f})")
    assert found.fitting[0].name == NORMAL
    assert found.fitting[0].text.startswith("normal -0.6")


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    reading=st.sampled_from([CARD, MEDIAN, MEAN, NORMAL]),
    level=st.sampled_from([90, 80, 95]),
    log10_median=st.floats(-3, 12),
    sigma=st.floats(0.15, 2.5),
    digits=st.integers(2, 5),
)
def test_a_reading_fits_what_it_printed_however_it_was_rounded(reading, level, log10_median, sigma, digits):
    """Two digits or more of middle and ends of a distribution: the leeway covers all that rounding can do to them."""
    median, tail = 10**log10_median, stats.norm.ppf(0.5 + level / 200)
    middle = median * (1 if reading == MEDIAN else math.exp(sigma**2 / 2))
    low, high = median * math.exp(-tail * sigma), median * math.exp(tail * sigma)
    if reading == CARD:
        level, inner = 90, 0.1 * stats.norm.cdf(sigma / 2)
        low, high = (median * math.exp(sigma * stats.norm.ppf(p)) for p in (inner, 0.9 + inner))
    elif reading == NORMAL:
        low, middle, high = median * (1 - sigma), median, median * (1 + sigma)
    printed_as = " ".join(f"{x:.{digits - 1}e};" for x in (middle, low, high))
    try:
        found = decode(f"{printed_as} {level}% CI")
    except UsageError:
        assert not low < middle < high  # the mean of a very wide lognormal lies above its ends
        return
    family = reading.replace("5% and 95%", "{:g}% and {:g}%".format(*found.triple.tails))
    family = family if level == 90 else family.replace(" (a card of a normal is the same)", "")
    assert {r.name: r.fits for r in found.readings}[family]


@pytest.mark.parametrize(
    "text",
    [
        "380M (55M to 1.5B)",
        "12% (1.3 to 56%)",
        "0.2 (\u22120.1 to 0.5)",
        "5000 (80% CI: 100 to 45,000)",
        "2040 (2033 to 2062)",
    ],
)
def test_what_is_to_be_pasted_works_and_gives_the_ends_back(tmp_path, text):
    """Pasted into a prior, the study opens and the prior has the ends where the reading puts them."""
    found = decode(text)
    texts = list(dict.fromkeys(reading.text for reading in found.readings)) + [found.advised]
    write_study(tmp_path, "".join(prior(f"belief_{i}", text) for i, text in enumerate(texts)), "")
    study = forecast.open_study(tmp_path)
    for i, pasted in enumerate(texts):
        made = study.priors[f"belief_{i}"].distribution
        tails = [p / 100 for p in found.triple.tails]
        if pasted.startswith("card"):
            sigma = card_sigma(found.triple.low.value, found.triple.high.value)
            tails = [0.1 * stats.norm.cdf(sigma / 2), 0.9 + 0.1 * stats.norm.cdf(sigma / 2)]
        assert made.quantile(tails) == pytest.approx(values(found)[1:], rel=1e-3, abs=1e-9)


def card_sigma(low, high):
    """Sigma of the lognormal with such a card, from its definition."""

    def gap(sigma):
        inner = 0.1 * stats.norm.cdf(sigma / 2)
        return sigma * (stats.norm.ppf(0.9 + inner) - stats.norm.ppf(inner)) - math.log(high / low)

    return optimize.brentq(gap, 1e-3, 10)


def test_misfit_by_hand():
    """(55, 1500) has its lognormal median at 287, 28% (in logarithms) from 380."""
    found = {reading.name: reading for reading in decode("380M (55M to 1.5B)").readings}
    assert found[MEDIAN].misfit == pytest.approx(math.log(380 / math.sqrt(55 * 1500)), rel=1e-6)
    assert found[CARD].middle == pytest.approx(387e6, rel=2e-3)
    assert [reading.fits for reading in found.values()].count(True) == 1


@pytest.mark.parametrize(
    "text",
    [
        "$160K (88 to 260)",
        "$160K (88K to 260K)",
        "160k, 88k, 260k",
        "$160K (90% CI: 88K to 260K)",
        "160K [88K - 260K]",
        "160k (88k-260k)",
        "$160k ($88k-$260k) for GPT-3",
        "160 thousand (88 thousand-260 thousand)",
        "160K USD (88K USD to 260K USD)",
        "$160 thousand (90% interval: 88 thousand – 260 thousand)",
    ],
)
def test_ways_of_printing_a_triple(text):
    found = decode(text)
    assert values(found) == (160e3, 88e3, 260e3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("380M (55M to 1.5B)", (380e6, 55e6, 1.5e9)),
        ("$13M [4M, 36M]", (13e6, 4e6, 36e6)),
        ("3m (1m-9m)", (3e6, 1e6, 9e6)),
        ("3bn (1bn-9bn)", (3e9, 1e9, 9e9)),
        ("0.2 OOM/yr (0.1 to 0.3)", (0.2, 0.1, 0.3)),
        ("12% (1.3 to 56%)", (0.12, 0.013, 0.56)),
        ("20 % (10 % \u2212 68 %)", (0.2, 0.1, 0.68)),
        ("20% (CI: 10% to 68%)", (0.2, 0.1, 0.68)),
        ("12% [1.3% to 56%]", (0.12, 0.013, 0.56)),
        ("2040 (2033\u20132062)", (2040, 2033, 2062)),
        ("0.2 (\u22120.1 to 0.5)", (0.2, -0.1, 0.5)),
        ("\u22125 (\u22129\u2013\u22122)", (-5, -9, -2)),
        ("-5 (-9 - -2)", (-5, -9, -2)),
        ("-5 -9 -2", (-5, -9, -2)),
        ("5 (2 - 9)", (5, 2, 9)),
        ("5 (2-9)", (5, 2, 9)),
        ("5,000 [100; 45,000]", (5e3, 100, 45e3)),
        ("5000, 100, 45,000", (5e3, 100, 45e3)),
        ("$380m ($55m \u2014 $1.5bn)", (380e6, 55e6, 1.5e9)),
        ("$380\u202fmillion (55 to 1,500)", (380e6, 55e6, 1.5e9)),
        ("median 380M, 90% CI 55M \u2026 1.5B USD_2021", (380e6, 55e6, 1.5e9)),
        ("¥380 Million (55 MILLION to 1.5 Bn)", (380e6, 55e6, 1.5e9)),
        ("GPT-3: $3M (1\u20135M)", (3e6, 1e6, 5e6)),
        ("1.3\u00d710^9 (10\u2078 to 10\u00b9\u2070)", (1.3e9, 1e8, 1e10)),
        # A letter that is printed once counts where it brings the ends closest together.
        ("$3M (2 to 4M)", (3e6, 2e6, 4e6)),
        ("2 (1 to 3M)", (2e6, 1e6, 3e6)),
        ("5000 (100 to 45K)", (5e3, 100, 45e3)),
        ("$160K (88,000 to 260,000)", (160e3, 88e3, 260e3)),
        ("0.12 (1.3% to 56%)", (0.12, 0.013, 0.56)),
    ],
)
def test_ways_of_typing_a_triple(text, expected):
    assert values(decode(text)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("0.2 (0.1 to 0.3)", 90),
        ("0.2 (95% CI: 0.1 to 0.3)", 95),
        ("0.2 (80% credible interval 0.1 to 0.3)", 80),
        ("0.2 (CI 80%: 0.1\u20130.3)", 80),
        ("0.2 (p2.5 0.1, p97.5 0.3)", 95),
        ("3 (25th percentile 2, 75th percentile 4)", 50),
        ("12% (90%: 1.3 to 56%)", 90),
        ("20% range 10% to 68%", 90),
    ],
)
def test_level_of_the_interval(text, level):
    assert read_triple(text).level == level
    assert decode(text).advised.startswith("normal") is not text.startswith(("12%", "20%"))


def test_ends_bound_what_the_text_says_they_bound():
    """0.2 (0.1 to 0.3) as a 95% interval is a normal with sd 0.1/1.96, and what is pasted says so."""
    found = decode("0.2 (95% CI: 0.1 to 0.3)")
    made = parse(found.advised, "test")
    assert made.sd() == pytest.approx(0.1 / stats.norm.ppf(0.975), rel=1e-9)
    assert made.quantile([0.025, 0.975]) == pytest.approx((0.1, 0.3), rel=1e-9)
    assert not any("card" in reading.name for reading in found.readings)
    none = decode("5000 (80% CI: 100 to 45,000)")
    assert none.advised == "quantiles(10%=100, 50%=5000, 90%=45k)"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("380M", "1 figure in it"),
        ("", "0 figures"),
        ("380M (55M to 1.5B) in 2025", "4 figures"),
        ("many (some to more)", "0 figures"),
        ("380M (1.5B to 55M)", "does not lie between"),
        ("1 (2 to 3)", "does not lie between"),
        ("1 (1 to 1)", "does not lie between"),
        ("100 (100 to 200)", "does not lie between"),
        ("1,5 (0,5 to 3,2)", "comma that does not part thousands"),
        ("380M \u00b1 20M", "does not say what \u00b1 spans"),
        ("3 (90% CI 1 to 9, 95% CI 1 to 12)", "more than one level"),
        ("0.2 (100% CI: 0.1 to 0.3)", "interval of 100%"),
        ("0.2 (p5 0.1, p90 0.3)", "do not lie alike"),
        ("1e400 (1 to 2)", "beyond any size"),
    ],
)
def test_what_is_no_triple(text, told):
    with pytest.raises(UsageError, match="write|give") as error:
        decode(text)
    assert told in str(error.value)


def test_whatever_is_typed_ends_in_a_table_or_in_advice():
    rng = random.Random(20231)
    bits = [
        "380M",
        "55M",
        "1.5B",
        "(",
        "]",
        " to ",
        "-",
        "\u2212",
        "\u2013",
        " ",
        "%",
        "90% CI",
        "$",
        "1e5",
        "0",
        "-3",
        "5,000",
    ]
    bits += [
        ";",
        ".",
        "p5",
        "OOM/yr",
        "\u00b1",
        "\u00d710^8",
        "million",
        "\u0663",
        "\u00bd",
        "nan",
        "\n",
        '"',
        "10\u2078",
        "1/2",
    ]
    read = 0
    for _ in range(1000):
        text = "".join(rng.choice(bits) for _ in range(rng.randint(1, 12)))
        if rng.random() < 0.5:
            text = "380M (55M to 1.5B)"[: rng.randint(3, 18)] + text
        try:
            assert "To paste" in table(decode(text))
            read += 1
        except UsageError:
            pass
    assert read >= 5


def test_a_card_of_any_width_has_a_leeway_that_means_something():
    assert (
        max(reading.slack for reading in decode("1e9 (1 to 1e15)").readings if reading.step == "") < 2 * LARGEST_NOISE
    )


def test_units_are_passed_over():
    found = decode("0.51 OOMs/year (90% CI: 0.45 to 0.57 OOMs/year)")
    assert values(found) == (0.51, 0.45, 0.57)
    found = decode("5e3 people (1e2 to 4.5e4)")
    assert values(found) == (5e3, 1e2, 4.5e4)


def test_command_line(capsys):
    assert main(["decode", "380M (55M to 1.5B)"]) == 0
    out = capsys.readouterr().out
    assert 'dist = "card(mean=380M, low=55M, high=1.5B)"' in out
    assert main(["decode", "5000 (100 to 45,000)", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["dist"] == "quantiles(5%=100, 50%=5000, 95%=45k)"
    assert not any(reading["fits"] for reading in data["readings"])
    assert main(["decode", "nothing"]) == 2


def test_table_says_when_readings_cannot_be_told_apart():
    assert "cannot tell them apart" in table(decode("0.51 (0.45 to 0.57)"))
    assert "none fits" in table(decode("5000 (100 to 45,000)"))
