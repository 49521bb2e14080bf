"""What a sum of money buys: accelerator time, operations, parameters."""

import numpy as np


def budget_chip_hours(training_budget, chip_hour_price):
    """Accelerator time that the training budget rents [chip*hour].

    Source: Lohn 2023, Appendix A.
    """
    return training_budget / chip_hour_price


def budget_compute(budget_chip_hours, training_throughput):
    """Training compute that the budget rents [FLOP].

    Source: Lohn 2023, Appendix A.
    """
    return budget_chip_hours * training_throughput


def budget_optimal_parameters(budget_compute, chinchilla_ratio):
    """Parameters of the compute-optimal model for the compute that the budget rents [parameter].

    Source: Lohn 2023, Appendix A, with the ratio that its printed pairs imply.
    """
    return np.sqrt(budget_compute / chinchilla_ratio)


def budget_parameters(training_budget, one_dollar, one_parameter, chinchilla_level, chinchilla_slope):
    """Parameters of the compute-optimal model for the budget, straight from dollars [parameter].

    Source: Lohn 2023, Appendix B, equations A1 and A2 (logarithms to base 10).
    """
    return one_parameter * 10 ** (chinchilla_level + chinchilla_slope * np.log10(training_budget / one_dollar))


def gpt3_rented_cost(gpt3_chips, gpt3_duration, chip_hour_price):
    """Cost of training GPT-3 on the reference accelerator, at rental prices [USD_2023].

    Source: Lohn 2023, note 10.
    """
    return gpt3_chips * gpt3_duration * chip_hour_price


def trillion_parameter_cost(trillion_parameter_compute, training_throughput, chip_hour_price):
    """Rented cost of training a compute-optimal model of a trillion parameters [USD_2023].

    Source: Lohn 2023, note 11.
    """
    return trillion_parameter_compute / training_throughput * chip_hour_price
