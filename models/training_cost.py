"""What a training run costs, on three accounting bases: rented, owned, acquired."""

# The reference run is stated by its training compute (priors/training_cost.toml); a scenario replaces that prior.


def training_throughput(peak_throughput, utilisation):
    """Operations per second that one accelerator sustains in training [TFLOP/(second*chip)]."""
    return peak_throughput * utilisation


def chip_hours(training_compute, training_throughput):
    """Accelerator time of the final training run [chip*hour]."""
    return training_compute / training_throughput


def training_cost(chip_hours, chip_hour_price):
    """Cost of the final training run at rental prices [USD_2023]."""
    return chip_hours * chip_hour_price


def run_duration(chip_hours, cluster_chips):
    """Time that the final training run takes on the reference cluster [day]."""
    return chip_hours / cluster_chips


def cluster_price_per_chip(chip_purchase_price, gpu_share):
    """Purchase price of a training cluster per accelerator, servers and network included [USD_2023/chip].

    Source: Report on Frontier Model Training, 2023, "Hardware Cost Breakdown".
    """
    return chip_purchase_price / gpu_share


def chip_hour_energy_cost(chip_power, electricity_price):
    """Cost of the electricity that one accelerator draws in an hour [USD_2023/(chip*hour)]."""
    return chip_power * electricity_price


def owned_chip_hour_cost(cluster_price_per_chip, hardware_life, hardware_use, chip_hour_energy_cost):
    """Cost of an hour of an owned accelerator: write-off over the hours in use, and energy [USD_2023/(chip*hour)]."""
    return cluster_price_per_chip / (hardware_life * hardware_use) + chip_hour_energy_cost


def owned_training_cost(chip_hours, owned_chip_hour_cost):
    """Cost of the final training run on owned hardware [USD_2023]."""
    return chip_hours * owned_chip_hour_cost


def hardware_purchase(cluster_chips, cluster_price_per_chip):
    """Cost of buying the cluster that trains the reference run [USD_2023].

    Source: Report on Frontier Model Training, 2023, note on the sanity check of the total cost estimate.
    """
    return cluster_chips * cluster_price_per_chip


def creation_energy_cost(cluster_chips, chip_hour_energy_cost, creation_period):
    """Cost of electricity while the model is designed and trained [USD_2023]."""
    return cluster_chips * chip_hour_energy_cost * creation_period


def creation_staff_cost(staff_spending, creation_period):
    """Cost of staff while the model is designed and trained [USD_2023].

    Source: Report on Frontier Model Training, 2023, "Granular Analysis".
    """
    return staff_spending * creation_period


def acquired_training_cost(hardware_purchase, creation_staff_cost, creation_energy_cost):
    """Cost to create the model: hardware bought, staff, energy [USD_2023].

    Source: Report on Frontier Model Training, 2023, 'Defining "Cost"'.
    """
    return hardware_purchase + creation_staff_cost + creation_energy_cost


def acquired_hardware_share(hardware_purchase, acquired_training_cost):
    """Share of hardware in the acquired cost []."""
    return hardware_purchase / acquired_training_cost


def acquired_staff_share(creation_staff_cost, acquired_training_cost):
    """Share of staff in the acquired cost []."""
    return creation_staff_cost / acquired_training_cost


def acquired_power_share(creation_energy_cost, acquired_training_cost):
    """Share of electricity in the acquired cost []."""
    return creation_energy_cost / acquired_training_cost


def acquired_over_rented(acquired_training_cost, training_cost):
    """How many times the rented cost the acquired cost is []."""
    return acquired_training_cost / training_cost


def reported_staff_share(reported_staff_spending, reported_computing_spending):
    """Share of staff in the spending that OpenAI was reported to project for 2022 [].

    Source: Report on Frontier Model Training, 2023, "Granular Analysis" (which leaves other expenses out).
    """
    return reported_staff_spending / (reported_staff_spending + reported_computing_spending)


def reported_energy_share(creation_energy_cost, reported_staff_spending, reported_computing_spending):
    """Electricity of the reference cluster while the model is created, over the spending reported for 2022 [].

    Source: Report on Frontier Model Training, 2023, "Granular Analysis" and its note on power draw.
    """
    return creation_energy_cost / (reported_staff_spending + reported_computing_spending)


def server_gpu_share(server_gpu_price, server_price, server_markup):
    """Share of accelerators in the price of one server without its maker's markup [].

    Source: Report on Frontier Model Training, 2023, "Hardware Cost Breakdown"; one less it is the 14% of the document.
    """
    return server_gpu_price / (server_price - server_markup)


def built_up_gpu_share(server_gpu_share, interconnect_share):
    """Share of accelerators in a cluster's price, built up from one server and the network between servers [].

    Source: Report on Frontier Model Training, 2023, note on the relevant maths, read without its leading "1 -".
    """
    return server_gpu_share * (1 - interconnect_share)
