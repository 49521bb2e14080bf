"""Price-performance of accelerators and how it grows."""

import numpy as np


def compute_per_dollar(training_throughput, chip_hour_price):
    """Training compute that a dollar rents on the reference accelerator [FLOP/USD_2023]."""
    return training_throughput / chip_hour_price


def compute_per_dollar_path(year, compute_per_dollar, price_performance_growth, price_year):
    """Training compute that a dollar rents, by year [FLOP/USD_2023].

    Source: Hobbhahn and Besiroglu 2022 for the growth.
    """
    return compute_per_dollar * 10 ** (price_performance_growth * (year - price_year))


def price_performance_doubling_time(price_performance_growth):
    """Time in which the operations per second bought with a dollar double [year]."""
    return np.log10(2) / price_performance_growth


def accelerator_price_performance(peak_throughput, chip_purchase_price):
    """Peak 16-bit operations per second bought with a dollar, data-centre accelerator [GFLOP/(second*USD_2023)]."""
    return peak_throughput / chip_purchase_price


def accelerator_throughput_price(chip_purchase_price, peak_throughput):
    """Dollars for a 16-bit TFLOP/s of a data-centre accelerator [USD_2023*second/TFLOP].

    Source: Report on Frontier Model Training, 2023, "Why ML GPUs Cost So Much".
    """
    return chip_purchase_price / peak_throughput


def accelerator_low_precision_price(chip_purchase_price, low_precision_throughput):
    """Dollars for an 8-bit TFLOP/s of a data-centre accelerator [USD_2023*second/TFLOP].

    Source: Report on Frontier Model Training, 2023, "Why ML GPUs Cost So Much".
    """
    return chip_purchase_price / low_precision_throughput


def gaming_low_precision_price(gaming_gpu_price, gaming_gpu_throughput):
    """Dollars for an 8-bit TFLOP/s of the best gaming GPU [USD_2023*second/TFLOP]."""
    return gaming_gpu_price / gaming_gpu_throughput


def gaming_gpu_advantage(accelerator_low_precision_price, gaming_low_precision_price):
    """How many times as much an 8-bit operation per second costs on a data-centre accelerator as on a gaming GPU []."""
    return accelerator_low_precision_price / gaming_low_precision_price


def training_efficiency_growth(efficiency_gain, efficiency_period):
    """Growth of the compute efficiency of training to a fixed performance [OOM/year].

    Source: The Future of AI Is Expensive, 2023, section 1, after OpenAI's study of AlexNet.
    """
    return np.log10(efficiency_gain) / efficiency_period


def training_efficiency_doubling_time(training_efficiency_growth):
    """Time in which the compute that training to a fixed performance takes halves [month]."""
    return np.log10(2) / training_efficiency_growth


def tpu_price_growth(early_tpu_price, late_tpu_price, tpu_price_period):
    """Growth of the rental price of Google's current TPU (negative: it falls) [OOM/year].

    Source: The Future of AI Is Expensive, 2023, section 1.
    """
    return np.log10(late_tpu_price / early_tpu_price) / tpu_price_period
