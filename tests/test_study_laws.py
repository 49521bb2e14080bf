"""Laws that hold of every study: what is unrelated changes nothing, and neither does another unit for the same thing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import forecast
from tests.studies import prior, write_study

SE = 5.0  # standard errors: a false alarm once in 1.7 million figures
ENDS = ("low", "median", "high")
UNITS = {
    "priors/units.toml": '[count]\nchip = "accelerator"\ntoken = "token"\nword = "word"\n'
    '[currency.USD]\nindex = "cpi.csv"\nyear = 2023\nsource = "BLS"\n',
    "priors/cpi.csv": "year,index\n2020,258.811\n2021,270.970\n2022,292.655\n2023,304.702\n",
}
TEXTS = st.sampled_from(
    ["5 to 9", "normal -1 to 1", "beta(a=2, b=3)", "poisson(mean=3)", "mixture(1, 2 to 3, weights=[0.4, 0.6])", "7"]
)


@settings(max_examples=10)
@given(others=st.lists(TEXTS, min_size=1, max_size=4), first=st.booleans(), draws=st.sampled_from([4096, 8192]))
def test_unrelated_priors_change_no_other_quantity_beyond_its_monte_carlo_error(tmp_path_factory, others, first, draws):
    folder = tmp_path_factory.mktemp("unrelated")
    model = 'def y(a, b):\n    """Y []."""\n    return a * b + b\n\n\ndef z(c0):\n    """Z []."""\n    return c0 * 2\n'
    base = prior("a", "1 to 10") + prior("b", "2 to 3")
    more = "".join(prior(f"c{i}", text) for i, text in enumerate(others))
    found = []
    for name, text in (("one", base + prior("c0", "1")), ("two", more + base if first else base + more)):
        study = forecast.open_study(write_study(folder / name, text, model, 'quantities = ["y"]'))
        found.append(study.run(draws=draws).interval("y"))
    for key in ENDS:
        error = math.hypot(*(getattr(interval, f"mcse_{key}") for interval in found))
        assert abs(getattr(found[0], key) - getattr(found[1], key)) <= SE * error
        assert error < 0.05 * (found[0].high - found[0].low), "too few worlds to tell"


@settings(max_examples=10)
@given(
    st.floats(1e-2, 1e6),
    st.floats(1.5, 20.0),
    st.sampled_from(
        [
            ("USD_2020/(chip*hour)", "USD_2023/(chip*hour)", 304.702 / 258.811),
            ("USD_2022", "kUSD_2021", 270.970 / 292.655 / 1000),
            ("GiB", "GB", 2**30 / 1e9),
            ("token/second", "Mtoken/day", 86400 / 1e6),
            ("doubling/year", "OOM/year", math.log10(2)),
        ]
    ),
)
def test_the_unit_in_which_a_belief_is_written_changes_nothing(tmp_path_factory, low, ratio, units):
    folder = tmp_path_factory.mktemp("written")
    one, other, factor = units
    model = f'def y(x):\n    """Y [{other}]."""\n    return x + x\n'
    found = []
    for name, unit, scale in (("one", one, 1.0), ("two", other, factor)):
        text = prior("x", f"{low * scale!r} to {low * ratio * scale!r}", unit)
        study = forecast.open_study(write_study(folder / name, text, model, 'quantities = ["y"]', UNITS))
        found.append(study.run(draws=4096).interval("y"))
    for key in ENDS:
        assert getattr(found[0], key) == pytest.approx(getattr(found[1], key), rel=1e-9)
