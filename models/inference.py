"""What it costs to run a trained model, and how fast it runs."""

import numpy as np


def served_parameters(budget_parameters, served_share):
    """Parameters read for each token by the model that the budget trains [parameter].

    Source: Lohn 2023, "Cost of Operation" and equation A2.
    """
    return budget_parameters * served_share


def inference_cost(served_parameters, bytes_per_parameter, memory_bandwidth, tokens_per_read, chip_hour_price):
    """Cost of generating tokens when reading the parameters from memory is the bottleneck [USD_2023/kilotoken].

    Source: Lohn 2023, Appendix B, equations A3 and A4, with the bandwidth in its right unit (2 TB/s, not 2 GB/s).
    """
    return served_parameters * bytes_per_parameter / (memory_bandwidth * tokens_per_read) * chip_hour_price


def inference_cost_recovery(gpt4_api_price, inference_cost):
    """Share of the inference cost that the price charged for GPT-4 recovers [].

    Source: Lohn 2023, "Cost of Operation".
    """
    return gpt4_api_price / inference_cost


def breakeven_tokens(training_budget, inference_cost):
    """Tokens after which generating them has cost as much as training the model [token]."""
    return training_budget / inference_cost


def inference_cost_multiple(training_spend_multiple, chinchilla_slope):
    """How many times the inference cost rises when spending on training rises by the stated multiple [].

    Source: Lohn 2023, "Cost of Operation" (the square root is the slope of equation A1, rounded).
    """
    return training_spend_multiple**chinchilla_slope


def measured_inference_cost(palm_chips, palm_latency, tpu_hour_price, palm_tokens, palm_batch):
    """Cost of generating tokens as measured for PaLM on TPU v4 [USD_2023/kilotoken].

    Source: Lohn 2023, note 27, after Pope et al. 2022.
    """
    return palm_chips * palm_latency * tpu_hour_price / (palm_tokens * palm_batch)


def compute_bound_throughput(node_chips, peak_throughput, inference_utilisation, forward_operations, served_parameters):
    """Tokens per second of one server if arithmetic is the bottleneck [token/(second*node)]."""
    return node_chips * peak_throughput * inference_utilisation / (forward_operations * served_parameters)


def memory_bound_throughput(node_chips, memory_bandwidth, tokens_per_read, bytes_per_parameter, served_parameters):
    """Tokens per second of one server if reading the parameters is the bottleneck [token/(second*node)]."""
    return node_chips * memory_bandwidth * tokens_per_read / (bytes_per_parameter * served_parameters)


def token_throughput(compute_bound_throughput, memory_bound_throughput):
    """Tokens per second of one server with the budget's model, by its tighter bottleneck [token/(second*node)]."""
    return np.minimum(compute_bound_throughput, memory_bound_throughput)


def balanced_batch(peak_throughput, inference_utilisation, forward_operations, memory_bandwidth, bytes_per_parameter):
    """Tokens per reading of the parameters at which arithmetic and memory take the same time [token]."""
    return peak_throughput * inference_utilisation * bytes_per_parameter / (forward_operations * memory_bandwidth)


def bloom_weights_size(bloom_parameters, bytes_per_parameter):
    """Memory that the weights of BLOOM take [gigabyte].

    Source: Cottier 2022, "BLOOM can be downloaded by anyone" (its 329 GB are binary: 328 GiB).
    """
    return bloom_parameters * bytes_per_parameter


def chips_for_weights(served_parameters, bytes_per_parameter, chip_memory):
    """Accelerators needed to hold the weights of the budget's model [chip]."""
    return served_parameters * bytes_per_parameter / chip_memory
