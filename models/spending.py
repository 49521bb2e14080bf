"""Growth of spending on the largest training run, and the years in which it crosses thresholds."""

import numpy as np

from forecast import first_crossing


def projected_run_cost(year, start_cost, cost_growth, start_year):
    """Cost of the largest training run [USD_2021].

    Source: Cottier 2023, summary point 3.
    """
    return start_cost * 10 ** (cost_growth * (year - start_year))


def crossing_year(year, projected_run_cost, spending_threshold):
    """Year the largest run's cost exceeds the spending threshold [year].

    Source: Cottier 2023, summary point 3.
    """
    return first_crossing(year, projected_run_cost, spending_threshold)


def billion_dollar_year(year, projected_run_cost, billion_threshold):
    """Year in which the largest run's cost exceeds $1 billion [year]."""
    return first_crossing(year, projected_run_cost, billion_threshold)


def ten_billion_dollar_year(year, projected_run_cost, ten_billion_threshold):
    """Year in which the largest run's cost exceeds $10 billion [year]."""
    return first_crossing(year, projected_run_cost, ten_billion_threshold)


def hundred_billion_dollar_year(year, projected_run_cost, hundred_billion_threshold):
    """Year in which the largest run's cost exceeds $100 billion [year]."""
    return first_crossing(year, projected_run_cost, hundred_billion_threshold)


def kinked_run_cost(year, start_cost, early_cost_growth, late_cost_growth, start_year, slowdown_year):
    """Cost of the largest training run, by year, with slower growth from the slowdown on [USD_2021]."""
    before = np.minimum(year, slowdown_year) - np.minimum(start_year, slowdown_year)
    after = np.maximum(year, slowdown_year) - np.maximum(start_year, slowdown_year)
    return start_cost * 10 ** (early_cost_growth * before + late_cost_growth * after)


def kinked_crossing_year(year, kinked_run_cost, spending_threshold):
    """Year in which the largest run's cost exceeds the spending threshold if growth slows down [year]."""
    return first_crossing(year, kinked_run_cost, spending_threshold)


def gdp(year, start_gdp, gdp_growth, gdp_year):
    """Gross domestic product of the United States, by year [USD_2021/year]."""
    return start_gdp * 10 ** (gdp_growth * (year - gdp_year))


def spending_cap(gdp, largest_gdp_share, spending_period):
    """Most that one training run may cost without outgrowing the economy, by year [USD_2021]."""
    return largest_gdp_share * gdp * spending_period


def capped_run_cost(projected_run_cost, spending_cap):
    """Cost of the largest training run, by year, held below a share of the economy [USD_2021]."""
    return np.minimum(projected_run_cost, spending_cap)


def capped_crossing_year(year, capped_run_cost, spending_threshold):
    """Year in which the largest run's cost exceeds the spending threshold if the economy caps it [year]."""
    return first_crossing(year, capped_run_cost, spending_threshold)


def run_share_of_gdp(projected_run_cost, gdp, spending_period):
    """Cost of the largest training run as a share of that year's gross domestic product, by year []."""
    return projected_run_cost / (gdp * spending_period)


def gdp_share_crossing_year(year, run_share_of_gdp, gdp_share_threshold):
    """Year in which the largest run's cost exceeds the stated share of that year's gross domestic product [year]."""
    return first_crossing(year, run_share_of_gdp, gdp_share_threshold)


def largest_run_compute(projected_run_cost, compute_per_dollar_path):
    """Compute of the largest training run, by year, if it is rented at that year's price-performance [FLOP]."""
    return projected_run_cost * compute_per_dollar_path


def largest_run_cost(training_cost_trend_record):
    """Cost of the largest training run so far, from the fitted trend [USD_2021]."""
    return training_cost_trend_record


def trend_crossing_year(year, largest_run_cost, spending_threshold):
    """Year the fitted trend's largest run exceeds the spending threshold [year]."""
    return first_crossing(year, largest_run_cost, spending_threshold)


def cost_growth_by_difference(compute_growth, price_performance_growth):
    """Growth of training cost as growth of compute less growth of price-performance [OOM/year].

    Source: Cottier 2023, note 2 of the summary (Method 1 in short).
    """
    return compute_growth - price_performance_growth


def fitted_growth_method1(all_compute_trend_growth, price_performance_trend_growth):
    """Growth of training cost as fitted growth of compute less fitted growth of price-performance [OOM/year].

    Source: Cottier 2023, Method 1, on the study's own tables.
    """
    return all_compute_trend_growth - price_performance_trend_growth


def fitted_growth_method2(owned_cost_trend_growth):
    """Growth of training cost as fitted to the costs of single systems on owned hardware [OOM/year].

    Source: Cottier 2023, Method 2, on the study's own tables.
    """
    return owned_cost_trend_growth


def fitted_cost_growth(fitted_growth_method1, fitted_growth_method2, method1_holds):
    """Growth of training cost as a weighted mixture of both fitted methods [OOM/year].

    Source: Cottier 2023, note 10 of the summary (the mixture), on the study's own tables.
    """
    return np.where(method1_holds > 0, fitted_growth_method1, fitted_growth_method2)


def cost_doubling_time(cost_growth):
    """Time in which the cost of the largest training run doubles, infinite where it does not grow [month]."""
    return np.log10(2) / np.maximum(cost_growth, 0 * np.abs(cost_growth))


def historical_cost_growth(cost_growth_method1, cost_growth_method2, method1_holds):
    """Growth of training cost from 2009 to 2022, all systems, as a mixture of two estimates [OOM/year].

    Source: Cottier 2023, Table 1 (both methods, all systems).
    """
    return np.where(method1_holds > 0, cost_growth_method1, cost_growth_method2)


def naive_run_cost(year, minerva_cost, historical_cost_growth, minerva_date):
    """Cost of the largest training run, by year, from the dearest known run at the historical growth [USD_2021].

    Source: Cottier 2023, summary (the naive extrapolation).
    """
    return minerva_cost * 10 ** (historical_cost_growth * (year - minerva_date))


def naive_crossing_year(year, naive_run_cost, spending_threshold):
    """Year in which the naive extrapolation exceeds the spending threshold [year].

    Source: Cottier 2023, summary (the naive extrapolation).
    """
    return first_crossing(year, naive_run_cost, spending_threshold)
