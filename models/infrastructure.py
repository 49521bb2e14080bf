"""Power, traffic and consumer equivalents of training runs and supercomputers."""


def cluster_power(cluster_chips, chip_power):
    """Power that the reference run's cluster draws [megawatt]."""
    return cluster_chips * chip_power


def run_energy(chip_hours, chip_power):
    """Electricity that the final training run takes [gigawatt*hour]."""
    return chip_hours * chip_power


def supercomputer_power(supercomputer_budget, cluster_price_per_chip, chip_power):
    """Power that a supercomputer of the stated price draws [gigawatt].

    Source: Report on Frontier Model Training, 2023, "Growth" of energy use.
    """
    return supercomputer_budget / cluster_price_per_chip * chip_power


def installed_chips(accelerator_revenue, accelerator_revenue_share, chip_purchase_price):
    """Data-centre accelerators sold in three years, from their maker's revenue [chip]."""
    return accelerator_revenue * accelerator_revenue_share / chip_purchase_price


def ml_electricity_share(installed_chips, chip_power, us_electricity):
    """Power of three years' data-centre accelerators over the electricity use of the United States [].

    Source: Report on Frontier Model Training, 2023, "AI Energy Use and Heat Signatures".
    """
    return installed_chips * chip_power / us_electricity


def interconnect_traffic(interconnect_bandwidth, interconnect_use, reported_run_duration):
    """Data moved between accelerators during the reference run [zettabyte].

    Source: Report on Frontier Model Training, 2023, note on interconnect.
    """
    return interconnect_bandwidth * interconnect_use * reported_run_duration


def interconnect_internet_ratio(interconnect_traffic, consumer_internet_traffic, internet_period):
    """Data moved between accelerators over the consumer internet traffic of a year [].

    Source: Report on Frontier Model Training, 2023, note on interconnect.
    """
    return interconnect_traffic / (consumer_internet_traffic * internet_period)


def console_equivalents(training_compute, console_throughput, console_utilisation, reported_run_duration):
    """Game consoles that would give the reference run's compute in its time [device].

    Source: Report on Frontier Model Training, 2023, note on the PlayStation 5.
    """
    return training_compute / (console_throughput * console_utilisation * reported_run_duration)


def console_share(console_equivalents, consoles_sold):
    """Those consoles as a share of all sold []."""
    return console_equivalents / consoles_sold


def training_text_size(reported_training_tokens, bytes_per_token):
    """Size of the reference run's training text [terabyte].

    Source: Report on Frontier Model Training, 2023, note on training text.
    """
    return reported_training_tokens * bytes_per_token


def laptops_for_text(training_text_size, laptop_storage):
    """Cheapest laptops that would store the reference run's training text [device].

    Source: Report on Frontier Model Training, 2023, note on training text.
    """
    return training_text_size / laptop_storage
