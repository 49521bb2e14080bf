"""From compute, hardware and prices to the cost of training runs by year, and the year they become unaffordable."""

from forecast import first_crossing


def training_cost(training_compute, peak_throughput, utilisation, chip_hour_price):
    """Cost of accelerator time for the run at the start [USD]."""
    return training_compute / (peak_throughput * utilisation) * chip_hour_price


def run_cost(year, training_cost, overhead, compute_growth, price_performance_growth, start_year):
    """Money for the largest run, by year [USD]."""
    return training_cost * overhead * 10 ** ((compute_growth - price_performance_growth) * (year - start_year))


def crossing_year(year, run_cost, threshold):
    """Year in which the largest run costs more than anybody would spend [year]."""
    return first_crossing(year, run_cost, threshold)
