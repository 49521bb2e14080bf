"""Hardware per dollar: what memory, bandwidth and power cost on a data-centre accelerator and on a gaming GPU."""


def accelerator_memory_price(chip_purchase_price, chip_memory):
    """Dollars for a gigabyte of memory of a data-centre accelerator [USD_2023/gigabyte]."""
    return chip_purchase_price / chip_memory


def gaming_memory_price(gaming_gpu_price, gaming_gpu_memory):
    """Dollars for a gigabyte of memory of the best gaming GPU [USD_2023/gigabyte]."""
    return gaming_gpu_price / gaming_gpu_memory


def accelerator_bandwidth_price(chip_purchase_price, memory_bandwidth):
    """Dollars for a TB/s of memory bandwidth of a data-centre accelerator [USD_2023*second/terabyte]."""
    return chip_purchase_price / memory_bandwidth


def gaming_bandwidth_price(gaming_gpu_price, gaming_gpu_bandwidth):
    """Dollars for a TB/s of memory bandwidth of the best gaming GPU [USD_2023*second/terabyte]."""
    return gaming_gpu_price / gaming_gpu_bandwidth


def accelerator_link_price(chip_purchase_price, accelerator_link_bandwidth):
    """Dollars for a GB/s of bandwidth between data-centre accelerators [USD_2023*second/gigabyte]."""
    return chip_purchase_price / accelerator_link_bandwidth


def accelerator_power_price(chip_purchase_price, accelerator_rated_power):
    """Dollars for a watt of rated power of a data-centre accelerator [USD_2023/watt]."""
    return chip_purchase_price / accelerator_rated_power


def gaming_power_price(gaming_gpu_price, gaming_gpu_power):
    """Dollars for a watt of rated power of the best gaming GPU [USD_2023/watt]."""
    return gaming_gpu_price / gaming_gpu_power


def accelerator_price_ratio(chip_purchase_price, gaming_gpu_price):
    """Price of a data-centre accelerator over that of the best gaming GPU []."""
    return chip_purchase_price / gaming_gpu_price


def low_precision_speedup(h100_low_precision_throughput, h100_single_precision_throughput):
    """8-bit throughput of the H100 over its traditional 32-bit throughput [].

    Source: Report on Frontier Model Training, 2023, "Different Types of FLOPs".
    """
    return h100_low_precision_throughput / h100_single_precision_throughput


def gaming_speed_ratio(gaming_gpu_throughput, low_precision_throughput):
    """8-bit throughput of the best gaming GPU over that of the reference accelerator [].

    Source: Report on Frontier Model Training, 2023, "Why ML GPUs Cost So Much".
    """
    return gaming_gpu_throughput / low_precision_throughput
