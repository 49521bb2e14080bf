from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from forecast.trend import fit as trend
from forecast.trend.compare import compare, default_dates
from forecast.trend.exact import fit_exact
from forecast.trend.least_squares import kinked_line, straight_line
from forecast.trend.text import comparison_table
from tests.trend_support import made_up, spec


def measures(data, **options):
    result = compare("x", data, spec("average"), 1, **options)
    return result, {item.name: item for item in result.measures}


def test_a_clear_kink_wins_by_every_measure_that_can_see_it():
    data = made_up(np.random.default_rng(1), rows=100, change=-0.7)
    result, found = measures(data)
    assert set(found) == {"AIC", "BIC", "log evidence", "PSIS-LOO elpd", "leave-future-out CRPS"}
    assert all(item.difference > 0 for item in found.values())
    assert found["PSIS-LOO elpd"].difference > 3 * found["PSIS-LOO elpd"].se > 0
    assert result.kinked_prob > 0.999
    straight, kinked = straight_line(data), kinked_line(data)
    assert found["AIC"].difference == pytest.approx(straight.aic - kinked.aic)
    assert found["BIC"].difference == pytest.approx(straight.bic - kinked.bic)
    assert found["log evidence"].difference == pytest.approx(
        result.kinked.log_evidence["kinked"] - result.straight.log_evidence["straight"]
    )


def test_without_a_kink_no_measure_claims_one():
    data = made_up(np.random.default_rng(2), rows=80, change=0.0)
    result, found = measures(data, as_of=[2017.0, 2019.0], horizon=2.0)
    assert found["log evidence"].difference < 0 and result.kinked_prob < 0.5
    assert abs(found["PSIS-LOO elpd"].difference) < 4 * found["PSIS-LOO elpd"].se + 3
    assert found["BIC"].difference < 0
    assert "2 dates" in found["leave-future-out CRPS"].note
    assert np.isnan(found["AIC"].se)


def test_dates_to_score_from_leave_rows_on_both_sides():
    data = made_up(np.random.default_rng(3), rows=20)
    for when in default_dates(data):
        assert (data.t < when).sum() >= 6 and (data.t >= when).sum() >= 1


@pytest.mark.parametrize(("rows", "known"), [(5, {"log evidence", "PSIS-LOO elpd"}), (6, {"AIC", "BIC", "log evidence", "PSIS-LOO elpd"}), (7, None)])  # fmt: skip
def test_few_rows_are_compared_by_what_they_are_enough_for(rows, known):
    data = made_up(np.random.default_rng(4), rows=rows)
    result, found = measures(data)
    assert set(found) == (known or {"AIC", "BIC", "log evidence", "PSIS-LOO elpd", "leave-future-out CRPS"})
    table = comparison_table(
        {"kinked_prob": result.kinked_prob, "measures": [asdict(item) | {"se": None} for item in result.measures]}
    )
    assert ("By AIC alone" in table) == (rows > 5)


def test_without_an_evidence_the_other_measures_stand(monkeypatch):
    monkeypatch.setattr(trend, "fit_exact", lambda *a: replace(fit_exact(*a), log_evidence=None))
    result, found = measures(made_up(np.random.default_rng(5), rows=20))
    assert result.kinked_prob is None and "log evidence" not in found and "AIC" in found
    assert "not known, as the chains give no evidence" in comparison_table({"kinked_prob": None, "measures": []})
