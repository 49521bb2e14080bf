"""A whole study, text to figures: closed forms, laws, and what must not change a result."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import forecast
import forecast.errors
from forecast.cli import main
from tests.studies import prior, write_study

SE = 5.0  # standard errors: a false alarm once in 1.7 million figures
Z = 1.6448536269514722


def lognormal(low: float, high: float) -> tuple[float, float]:
    """Mean and standard deviation of the logarithm, from a 90% interval."""
    return (math.log(low) + math.log(high)) / 2, (math.log(high) - math.log(low)) / (2 * Z)


def assert_quantiles(found, exact, width=None) -> None:
    """Ends and median within `SE` Monte Carlo standard errors of the exact ones, and these errors small."""
    width = exact[2] - exact[0] if width is None else width
    for value, error, true in zip(
        (found.low, found.median, found.high), (found.mcse_low, found.mcse_median, found.mcse_high), exact, strict=True
    ):
        assert error < 0.01 * width, "too few worlds to tell"
        assert abs(value - true) <= SE * error + 1e-12 * abs(true)


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    folder = tmp_path_factory.mktemp("product")
    return write_study(
        folder,
        prior("hours", "1M to 50M", "chip*hour") + prior("price", "1.4 to 4.1", "USD/(chip*hour)") + prior("share", "lognormal(median=0.3, sigma=0.4)"),
        '''
        def cost(hours, price, share):
            """Cost of it all [USD]."""
            return hours * price / share


        def nothing(cost):
            """Difference of a thing and itself [USD]."""
            return cost - cost


        def square(centred):
            """Square of a thing [USD**2]."""
            return centred * centred


        def centred(cost, hours, price):
            """A thing of both signs [USD]."""
            return cost - 3 * hours * price
        ''',
        'quantities = ["cost", "nothing", "square"]',
        files={
            "priors/units.toml": '[count]\nchip = "accelerator"\n[currency.USD]\nindex = "cpi.csv"\nyear = 2023\nsource = "BLS"\n',
            "priors/cpi.csv": "year,index\n2020,258.811\n2023,304.702\n",
        },
    )  # fmt: skip


def test_a_product_of_lognormals_is_exact_from_text_to_json(product, capsys):
    assert main(["run", str(product), "--json", "-q", "cost"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "forecast.run/1"
    cost = found["quantities"]["cost"]
    assert cost["unit"] == "USD_2023"
    mean = lognormal(1e6, 50e6)[0] + lognormal(1.4, 4.1)[0] - math.log(0.3)
    sd = math.sqrt(lognormal(1e6, 50e6)[1] ** 2 + lognormal(1.4, 4.1)[1] ** 2 + 0.4**2)
    exact = [math.exp(mean + z * sd) for z in (-Z, 0, Z)]
    for key, true in zip(("low", "median", "high"), exact, strict=True):
        assert abs(cost[key] - true) <= SE * cost["mcse"][key]
        assert cost["mcse"][key] < 0.005 * (exact[2] - exact[0])
    assert abs(cost["mean"] - math.exp(mean + sd * sd / 2)) <= SE * cost["mcse"]["mean"]


def test_a_quantity_less_itself_is_nothing(product):
    result = forecast.open_study(product).run()
    assert not result.values("nothing").any()
    assert (result.values("square") >= 0).all()


@pytest.mark.parametrize("correlation", [-1.0, -0.5, 0.0, 0.7, 1.0])
def test_correlated_inputs_have_the_closed_form(tmp_path, correlation):
    """u / v * u has log sd sqrt(σ²(5 − 4ρ)), with ρ the correlation of the logarithms."""
    study = forecast.open_study(
        write_study(
            tmp_path,
            prior("u", "lognormal(median=2, sigma=0.6)") + prior("v", "lognormal(median=3, sigma=0.6)")
            + f'[[dependence]]\nbetween = ["u", "v"]\nrank_correlation = {correlation}\n',
            '''
            def ratio(u, v):
                """Ratio []."""
                return u / v * u
            ''',
            'quantities = ["ratio"]',
        )
    )  # fmt: skip
    pearson = 2 * math.sin(math.pi * correlation / 6)
    sd = 0.6 * math.sqrt(5 - 4 * pearson)
    exact = [4 / 3 * math.exp(z * sd) for z in (-Z, 0, Z)]
    assert_quantiles(study.run().interval("ratio"), exact)
    assert_quantiles(study.run(method="mc", draws=1 << 19).interval("ratio"), exact)


def test_a_crossing_year_of_log_linear_growth(tmp_path):
    """Start lognormal, growth known: the year is normal. Start known, growth normal: its reciprocal is."""
    study = forecast.open_study(
        write_study(
            tmp_path,
            prior("start", "1M to 100M") + prior("growth", "0.25", "OOM/year") + prior("year_zero", "2020", "year") + prior("goal", "1e10"),
            '''
            from forecast import first_crossing


            def path(year, start, growth, year_zero):
                """Path []."""
                return start * 10 ** (growth * (year - year_zero))


            def crossing(year, path, goal):
                """Crossing [year]."""
                return first_crossing(year, path, goal)
            ''',
            'quantities = ["crossing"]\nyears = "2015 to 2100"',
        )
    )  # fmt: skip
    sd = 2 / (2 * Z) / 0.25
    assert_quantiles(study.run().interval("crossing"), [2032 - Z * sd, 2032, 2032 + Z * sd])
    result = study.run(given={"growth": "normal 0.1 to 0.3", "start": 1e7})
    sd = 0.2 / (2 * Z)
    assert_quantiles(result.interval("crossing"), [2020 + 3 / g for g in (0.3, 0.2, 0.1)])
    never = result.prob_above("crossing", 2100.0)
    exact = stats.norm.cdf((3 / 80 - 0.2) / sd)
    assert abs(float(never.value) - exact) <= SE * float(never.mcse)


def test_crossing_quantiles_beyond_the_horizon_say_never(tmp_path):
    folder = write_study(
        tmp_path,
        prior("growth", "normal(mean=0.1, sd=0.1)", "OOM/year") + prior("year_zero", "2020", "year"),
        '''
        from forecast import first_crossing


        def path(year, growth, year_zero):
            """Path []."""
            return 10 ** (growth * (year - year_zero))


        def crossing(year, path):
            """Crossing [year]."""
            return first_crossing(year, path, 1000.0)
        ''',
        'quantities = ["crossing"]\nyears = "2020 to 2100"',
    )
    result = forecast.open_study(folder).run()
    found = result.interval("crossing")
    assert math.isinf(found.high)
    assert abs(found.median - 2050) <= SE * found.mcse_median
    for year, growth in ((2040, 3 / 20), (2060, 3 / 40), (2100, 3 / 80)):
        crossed = result.crossed_by("crossing", year)
        assert abs(float(crossed.value) - stats.norm.sf((growth - 0.1) / 0.1)) <= SE * float(crossed.mcse)


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("normal(mean=0, sd=1) within 0.5 and 2", stats.truncnorm(0.5, 2)),
        ("normal(mean=0, sd=1) within 4 and inf", stats.truncnorm(4, np.inf)),
        ("uniform(low=2, high=5)", stats.uniform(2, 3)),
        ("beta(a=2, b=5)", stats.beta(2, 5)),
        ("gamma(shape=2, scale=3)", stats.gamma(2, scale=3)),
        ("mixture(point(0), 1 to 3, weights=[0.04, 0.96])", None),
    ],
)
def test_truncation_and_families_through_a_whole_study(tmp_path, text, exact):
    study = forecast.open_study(
        write_study(
            tmp_path,
            prior("x", text),
            '''
            def y(x):
                """The same []."""
                return 2.0 * x
            ''',
            'quantities = ["y"]',
        )
    )
    found = study.run(draws=1 << 15).interval("y")
    if exact is None:
        mean, sd = lognormal(1, 3)
        quantiles = [2 * math.exp(mean + sd * stats.norm.ppf((p - 0.04) / 0.96)) for p in (0.05, 0.5, 0.95)]
    else:
        quantiles = 2 * exact.ppf([0.05, 0.5, 0.95])
    assert_quantiles(found, quantiles)


def test_a_guesstimate_card_is_inverted(tmp_path):
    """Card (55M, 1500M): sigma 0.987, median 238M, mean 387M, from its definition solved apart from the project."""
    from scipy.optimize import brentq

    ratio = math.log(1500 / 55)

    def card_ratio(s):
        return s * (stats.norm.ppf(0.9 + 0.1 * stats.norm.cdf(s / 2)) - stats.norm.ppf(0.1 * stats.norm.cdf(s / 2)))

    sigma = brentq(lambda s: card_ratio(s) - ratio, 0.1, 3)
    median = 55e6 / math.exp(sigma * stats.norm.ppf(0.1 * stats.norm.cdf(sigma / 2)))
    assert abs(sigma - 0.987) < 5e-4
    assert abs(median - 238e6) < 5e5
    study = forecast.open_study(
        write_study(tmp_path, prior("cost", "card(mean=380M, low=55M, high=1.5B)"), "", 'quantities = ["cost"]')
    )
    assert_quantiles(study.run().interval("cost"), [median * math.exp(z * sigma) for z in (-Z, 0, Z)])


# Laws


@settings(max_examples=15)
@given(
    st.floats(1e-3, 1e3),
    st.floats(1.2, 50.0),
    st.sampled_from([("kWh", "MWh", 1e3), ("USD_2023", "kUSD_2023", 1e3), ("day", "hour", 1 / 24)]),
)
def test_scaling_a_unit_scales_the_interval(tmp_path_factory, low, ratio, units):
    folder = tmp_path_factory.mktemp("units")
    small, large, factor = units
    extra = {
        "priors/units.toml": '[currency.USD]\nindex = "cpi.csv"\nyear = 2023\nsource = "BLS"\n',
        "priors/cpi.csv": "year,index\n2023,304.702\n",
    }
    model = 'def y(x):\n    """Y [{}]."""\n    return x * 1.0\n'
    found = []
    for unit in (small, large):
        study = write_study(
            folder / unit,
            prior("x", f"{low!r} to {low * ratio!r}", small),
            model.format(unit),
            'quantities = ["y"]',
            extra,
        )
        found.append(forecast.open_study(study).run(draws=8192).interval("y"))
    for key in ("low", "median", "high"):
        assert math.isclose(getattr(found[0], key), getattr(found[1], key) * factor, rel_tol=1e-12)


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    return forecast.open_study(
        write_study(
            tmp_path_factory.mktemp("chain"),
            prior("a", "1 to 10") + prior("b", "normal 2 to 3") + prior("c", "beta(a=2, b=3)") + prior("d", "poisson(mean=3)")
            + prior("e", "mixture(0.5 to 1, 10 to 20)") + '[[dependence]]\nbetween = ["a", "b"]\nrank_correlation = 0.5\n',
            '''
            import numpy as np


            def smooth(a, b, c):
                """Smooth []."""
                return a * b + c


            def kinked(smooth, d):
                """Kinked []."""
                return np.maximum(smooth, 4 * d)


            def path(year, kinked, e):
                """Path []."""
                return kinked + e * (year / year.min()) ** 50
            ''',
            'quantities = ["smooth", "kinked", "path@2030"]\nyears = "2020 to 2035"',
        )
    )  # fmt: skip


@given(st.floats(0.05, 0.9), st.floats(0.05, 0.9))
@settings(max_examples=25)
def test_a_narrower_probability_lies_inside(chain, one, other):
    result = chain.run(draws=4096)
    small, large = (result.interval("kinked", prob=p) for p in sorted((one, other)))
    slack = 3 * (small.mcse_low + small.mcse_high)
    assert large.low <= small.low + slack
    assert small.high <= large.high + slack


def test_the_graph_equals_the_functions_composed_by_hand(chain):
    result = chain.run(draws=4096)
    a, b, c, d, e = (result.values(name) for name in "abcde")
    kinked = np.maximum(a * b + c, 4 * d)
    years = np.arange(2020.0, 2036.0)[:, None, None]
    np.testing.assert_array_equal(result.values("kinked"), kinked)
    np.testing.assert_array_equal(result.values("path"), kinked + e * (years / 2020) ** 50)
    array = result["path"]
    assert array.dims == ("chain", "draw", "year")
    assert array.attrs == {"units": "", "long_name": "Path"}
    np.testing.assert_array_equal(array.sel(year=2030), result.at("path", 2030))
    assert result["path@2030"].dims == ("chain", "draw")
    np.testing.assert_array_equal(result["path@2030"], result.at("path", 2030))


@given(st.integers(1, 30000), st.integers(1, 4), st.sampled_from(["qmc", "mc"]))
@settings(max_examples=12)
def test_the_same_seed_gives_the_same_bytes_for_any_block_and_threads(chain, block, threads, method):
    usual = chain.run(draws=1 << 14, method=method)
    other = chain.run(draws=1 << 14, method=method, block=block, threads=threads)
    for name in ("smooth", "kinked", "path", "a", "e"):
        assert usual.values(name).tobytes() == other.values(name).tobytes()


def test_another_seed_gives_other_worlds(chain):
    assert (
        chain.run(draws=1024, seed=1).values("smooth").tobytes()
        != chain.run(draws=1024, seed=2).values("smooth").tobytes()
    )


def test_an_unrelated_prior_changes_nothing_beyond_its_monte_carlo_error(tmp_path):
    model = '''
    def y(a, b):
        """Y []."""
        return a * b
    '''
    base = prior("a", "1 to 10") + prior("b", "2 to 3")
    one = forecast.open_study(write_study(tmp_path / "one", base, model, 'quantities = ["y"]')).run()
    two = forecast.open_study(
        write_study(tmp_path / "two", prior("z", "5 to 9") + base, model, 'quantities = ["y"]')
    ).run()
    for key in ("low", "median", "high"):
        error = math.hypot(getattr(one.interval("y"), f"mcse_{key}"), getattr(two.interval("y"), f"mcse_{key}"))
        assert abs(getattr(one.interval("y"), key) - getattr(two.interval("y"), key)) <= SE * error


def test_a_quantity_that_was_not_asked_for_comes_from_the_same_worlds(chain):
    result = chain.run(["smooth"], draws=2048)
    np.testing.assert_array_equal(result.values("kinked"), np.maximum(result.values("smooth"), 4 * result.values("d")))


def test_the_default_run_meets_the_precision_it_promises(chain):
    result = chain.run(precision=0.002)
    assert result.met
    for name in ("smooth", "kinked", "path@2030"):
        found = result.interval(name)
        assert max(found.mcse_low, found.mcse_high) <= 0.002 * (found.high - found.low)


def test_a_scenario_replaces_priors_and_functions_alike(chain):
    result = chain.run(given={"a": 2, "kinked": "10 to 20"}, draws=1024)
    assert (result.values("a") == 2).all()
    assert dict(result.study.replaced) == {"a": "2", "kinked": "10 to 20"}
    assert 9 < result.interval("kinked").low < 11
    assert dict(chain.replaced) == {}


@pytest.mark.parametrize(
    ("value", "odd"),
    [(40, True), ("30 to 60", True), (-0.1, True), (0.4, False), ("normal 0.2 to 1.2", False), (1, False)],
)
def test_a_scenario_where_its_prior_cannot_be_is_noted(tmp_path, value, odd):
    model = 'def double(share):\n    """Double []."""\n    return 2 * share\n'
    study = write_study(tmp_path, prior("share", "beta 20% to 50%"), model, 'quantities = ["double"]')
    notes = forecast.open_study(study).given({"share": value}, "--set").notes
    assert bool(notes) == odd and all("outside what its prior allows (0 to 1)" in note for note in notes)


def test_plain_and_quasi_monte_carlo_agree(chain):
    plain, quasi = chain.run(method="mc", draws=1 << 17), chain.run()
    for name in ("smooth", "kinked", "path@2030"):
        one, other = plain.interval(name), quasi.interval(name)
        for key in ("low", "median", "high"):
            error = math.hypot(getattr(one, f"mcse_{key}"), getattr(other, f"mcse_{key}"))
            assert abs(getattr(one, key) - getattr(other, key)) <= SE * error


def test_squigglepy_objects_are_taken_where_texts_are(chain):
    import squigglepy as sq

    by_object = chain.run(given={"a": sq.to(1, 10)}, draws=1024).values("a")
    np.testing.assert_allclose(by_object, chain.run(given={"a": "1 to 10"}, draws=1024).values("a"), rtol=1e-14)


# The Python interface


def test_every_public_name_is_there():
    for name in forecast.__all__:
        assert getattr(forecast, name) is not None


def test_a_forecast_and_an_interval_say_what_they_are(chain):
    result = chain.run(draws=4096, seed=7)
    first, *lines = repr(result).splitlines()
    assert first == f"<Forecast of {chain.name}: 4,096 worlds, qmc, seed 7>"
    assert [line.split(":")[0].strip() for line in lines] == ["smooth", "kinked", "path@2030"]
    found = result.interval("smooth")
    assert lines[0] == f"  smooth: {found}"
    low, high = str(found).split(" (median")[0].split(" to ")
    assert abs(float(low) - found.low) < 0.1 and abs(float(high) - found.high) < 0.2
    assert str(found).endswith(", 90% credible")


def test_the_mean_of_a_heavy_tail_warns(chain):
    result = chain.run(given={"smooth": "pareto(low=1, alpha=1.2)", "kinked": "normal(mean=3, sd=1)"}, draws=8192)
    with pytest.warns(RuntimeWarning, match=r"smooth has a heavy tail.*; use the median"):
        result.mean("smooth")
    mean = result.mean("kinked")  # no warning, which would be an error here
    assert abs(mean.value - 3) <= SE * mean.mcse
    from forecast.export import to_json

    told = to_json(result)["quantities"]
    assert (told["smooth"]["heavy_tailed"], told["kinked"]["heavy_tailed"]) == (True, False)


def test_a_year_is_asked_for_alike_everywhere(chain):
    result = chain.run(draws=4096, seed=7)
    np.testing.assert_array_equal(result.at("path@2030"), result.at("path", 2030))
    assert result.interval("path@2030") == result.interval("path", year=2030)
    for one, other in (
        (result.quantile("path@2030", 0.5), result.quantile("path", 0.5, 2030)),
        (result.prob_above("path@2030", 20), result.prob_above("path", 20, 2030)),
        (result.mean("path@2030"), result.mean("path", 2030)),
    ):
        assert (one.value, one.mcse) == (other.value, other.mcse)


@pytest.mark.parametrize("seed", [1 << 63, 1 << 70])
def test_a_seed_too_large_is_told(chain, seed):
    with pytest.raises(forecast.errors.UsageError, match=r"seed has more than 63 bits \(\d+\); give a whole number"):
        chain.run(seed=seed)
    assert chain.run(["smooth"], seed=(1 << 63) - 1, draws=64).draws == 8


@pytest.mark.parametrize(
    ("text", "unit", "odd"),
    [
        ("5% to 20%", "OOM/year", True),
        ("uniform(low=5%, high=20%)", "doubling/year", True),
        ("0.05 to 0.2 (80%)", "OOM/year", False),
        ("quantiles(5%=0.1, 50%=0.2, 95%=0.5)", "OOM/year", False),
        ("5% to 20%", "1/year", False),
    ],
)
def test_a_percentage_in_orders_of_magnitude_is_noted(tmp_path, text, unit, odd):
    model = f'def double(growth):\n    """Double [{unit}]."""\n    return 2 * growth\n'
    notes = forecast.open_study(
        write_study(tmp_path, prior("growth", text, unit), model, 'quantities = ["double"]')
    ).notes
    assert bool(notes) == odd and all("not growth by" in note for note in notes)


@pytest.mark.parametrize("years", [2027, "2027"])
def test_a_year_that_is_no_list_is_told(chain, years):
    with pytest.raises(forecast.errors.UsageError, match=r"years is not a list of years \(.*\); give \[2027\]"):
        chain.run(years=years)


def test_what_is_certain_has_no_limit_of_probability(product):
    study = forecast.open_study(product)
    for total, above in ((3e9, 1.0), (1e8, 0.0)):
        result = study.run(["cost"], given={"cost": total})
        found = result.prob_above("cost", 1e9)
        assert (float(found.value), float(found.mcse), float(result.crossed_by("cost", 1e9).value)) == (
            above,
            0,
            1 - above,
        )
    uncertain = study.run(["cost"], draws=64).prob_above("cost", 1e30)
    assert float(uncertain.value) == 0 and float(uncertain.mcse) > 0


def test_what_is_infinite_in_every_world_is_told_with_its_cause(tmp_path, capsys):
    study = write_study(
        tmp_path,
        prior("x", "1 to 2") + prior("start", "2030", "year"),
        '''
        def nothing(x):
            """Nothing []."""
            return 0 * x


        def ratio(x, nothing):
            """Divided by nothing []."""
            return x / nothing


        def more(ratio):
            """More []."""
            return ratio + 1


        def pace(x, start, year):
            """Pace [1/year]."""
            return x / (year - start)


        def late(start, nothing):
            """A year that never comes [year]."""
            return start / nothing


        def often(x):
            """Infinite in some worlds []."""
            return np.where(x > 1.4, np.inf, x)
        '''.replace("\n        def nothing", "\n        import numpy as np\n\n\n        def nothing", 1),
        'quantities = ["more", "pace", "late", "often", "x"]\nyears = "2029 to 2031"',
    )
    remedy = "see that nothing is divided by zero or grows beyond all numbers"
    assert main(["run", str(study)]) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"note: models/model.py:10 ratio: makes more infinite in every world; {remedy}",
        f"note: models/model.py:20 pace: makes pace infinite in every world at 2030; {remedy}",
    ]
    assert main(["run", str(study), "-q", "pace@2031", "-q", "x"]) == 0
    assert capsys.readouterr().err == ""
