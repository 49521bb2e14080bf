"""Size and performance of models against compute and dollars."""

import numpy as np


def compute_optimal_parameters(training_compute, chinchilla_ratio):
    """Parameters of the compute-optimal dense model for the reference run's compute [parameter].

    Source: Hoffmann et al. 2022, Table 3 (parameters grow as the square root of compute).
    """
    return np.sqrt(training_compute / chinchilla_ratio)


def compute_optimal_tokens(training_compute, compute_optimal_parameters, training_operations):
    """Training tokens of the compute-optimal dense model for the reference run's compute [token].

    Source: Kaplan et al. 2020, section 2.1 (training takes six operations for each parameter and token).
    """
    return training_compute / (training_operations * compute_optimal_parameters)


def pass_rate(training_budget, gpt4_training_cost, pass_rate_level, pass_rate_exponent, pass_rate_floor):
    """Typical pass rate on programming problems after training for the budget (geometric mean over problems) [].

    Source: Lohn 2023, Figure 2 and notes 16 to 18; OpenAI 2023: the mean of -log(pass rate) is a power law in compute.
    """
    return np.exp(-(pass_rate_level * (training_budget / gpt4_training_cost) ** -pass_rate_exponent + pass_rate_floor))


def largest_run_pass_rate(projected_run_cost, gpt4_training_cost, pass_rate_level, pass_rate_exponent, pass_rate_floor):
    """Typical pass rate on programming problems of the largest run, by year, if only money improves it [].

    Source: Lohn 2023, Figure 2.
    """
    return np.exp(
        -(pass_rate_level * (projected_run_cost / gpt4_training_cost) ** -pass_rate_exponent + pass_rate_floor)
    )


def pass_rate_cost(target_pass_rate, gpt4_training_cost, pass_rate_level, pass_rate_exponent, pass_rate_floor):
    """Training cost at which scaling alone reaches the target pass rate, infinite above the curve's ceiling [USD_2023].

    Source: Lohn 2023, note 21.
    """
    excess = -np.log(target_pass_rate) - pass_rate_floor
    reachable = excess > 0
    multiple = (np.where(reachable, excess, 1.0) / pass_rate_level) ** (-1 / pass_rate_exponent)
    return gpt4_training_cost * np.where(reachable, multiple, np.inf)


def mmlu_cost_early(early_mmlu_cost, early_mmlu_gain):
    """Dollars for one per cent of relative gain on MMLU, GPT-2 to GPT-3 [USD_2023/percent].

    Source: The Future of AI Is Expensive, 2023, section 2.
    """
    return early_mmlu_cost / early_mmlu_gain


def mmlu_cost_late(late_mmlu_cost, late_mmlu_gain):
    """Dollars for one per cent of relative gain on MMLU, PaLM 2 to GPT-4 [USD_2023/percent].

    Source: The Future of AI Is Expensive, 2023, section 2.
    """
    return late_mmlu_cost / late_mmlu_gain


def mmlu_cost_escalation(mmlu_cost_early, mmlu_cost_late):
    """How many times as many dollars a per cent of relative gain on MMLU costs after three years []."""
    return mmlu_cost_late / mmlu_cost_early
