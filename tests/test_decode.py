"""The decoder finds the reading that made a triple, and none where there is none."""

from __future__ import annotations

import json
import math

import pytest
from scipy import stats

from forecast.claims.decode import decode, table
from forecast.cli import main
from forecast.distribution import parse
from forecast.errors import UsageError

Z95 = stats.norm.ppf(0.95)
CARD, MEDIAN, MEAN, NORMAL = (
    "Guesstimate card, lognormal", "5% and 95%, lognormal, middle is the median", "5% and 95%, lognormal, middle is the mean",
    "5% and 95%, normal (a card of a normal is the same)",
)  # fmt: skip


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


def test_what_is_to_be_pasted_parses_and_gives_the_ends_back():
    for reading in decode("380M (55M to 1.5B)").readings:
        made = parse(reading.text, "test")
        if reading.name != CARD:
            assert made.quantile([0.05, 0.95]) == pytest.approx((55e6, 1.5e9), rel=1e-6)


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
        "160K USD (88K USD to 260K USD)",
        "$160 thousand (90% interval: 88 thousand – 260 thousand)",
    ],
)
def test_ways_of_printing_a_triple(text):
    found = decode(text)
    assert (found.middle.value, found.low.value, found.high.value) == (160e3, 88e3, 260e3)


@pytest.mark.parametrize("text", ["380M", "380M (1.5B to 55M)", "many (some to more)", "1 (2 to 3)", "1 (1 to 1)"])
def test_what_is_no_triple(text):
    with pytest.raises(UsageError, match="write"):
        decode(text)


def test_units_are_passed_over():
    found = decode("0.51 OOMs/year (90% CI: 0.45 to 0.57 OOMs/year)")
    assert (found.middle.value, found.low.value, found.high.value) == (0.51, 0.45, 0.57)
    found = decode("5e3 people (1e2 to 4.5e4)")
    assert (found.middle.value, found.low.value, found.high.value) == (5e3, 1e2, 4.5e4)


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
