"""What a model costs to serve against what it cost to develop."""


def run_cost(training_compute, peak_throughput, training_utilisation, chip_hour_price):
    """Cost of accelerator time for the final training run [USD]."""
    return training_compute / (peak_throughput * training_utilisation) * chip_hour_price


def development_cost(run_cost, experiments, staff_cost):
    """Cost of the final run, the experiments before it and staff [USD]."""
    return run_cost * (1 + experiments) + staff_cost


def tokens_served(users, tokens_per_user, service_time):
    """Tokens served in all [token]."""
    return users * tokens_per_user * service_time


def deployment_cost(
    tokens_served,
    parameters,
    compute_per_token,
    peak_throughput,
    inference_utilisation,
    chip_hour_price,
    serving_overhead,
):
    """Cost of serving the model [USD]."""
    chip_hours = tokens_served * parameters * compute_per_token / (peak_throughput * inference_utilisation)
    return chip_hours * chip_hour_price * serving_overhead


def deployment_ratio(deployment_cost, development_cost):
    """Deployment cost / development cost []."""
    return deployment_cost / development_cost
