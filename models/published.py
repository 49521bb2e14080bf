"""Further figures that the source documents derive: sizes, costs and people by their own short formulas."""

import numpy as np


def parameters_budget(target_parameters, one_dollar, one_parameter, chinchilla_level, chinchilla_slope):
    """Budget that trains a compute-optimal model of the target size, straight from parameters [USD_2023].

    Source: Lohn 2023, Appendix B, equation A2 solved for dollars.
    """
    return one_dollar * 10 ** ((np.log10(target_parameters / one_parameter) - chinchilla_level) / chinchilla_slope)


def early_trend_compute(gpt3_training_compute, gpt3_parameters, target_parameters, early_scaling_exponent):
    """Training compute of a model of the target size on the trend that led to GPT-3 [FLOP].

    Source: Kaplan et al. 2020 (parameters grow as a power of compute), through GPT-3.
    """
    return gpt3_training_compute * (target_parameters / gpt3_parameters) ** (1 / early_scaling_exponent)


def early_trend_cost(early_trend_compute, training_throughput, chip_hour_price):
    """Rented cost of training a model of the target size on the trend that led to GPT-3 [USD_2023]."""
    return early_trend_compute / training_throughput * chip_hour_price


def bloom_rented_cost(bloom_chip_hours, chip_hour_price):
    """Cost of training BLOOM on the reference accelerator, at rental prices [USD_2023]."""
    return bloom_chip_hours * chip_hour_price


def inference_saving(dense_parameters, expert_parameters, dense_bytes, served_bytes):
    """How many times cheaper inference gets with fewer parameters read and fewer bytes for each [].

    Source: Lohn 2023, "Cost of Operation".
    """
    return dense_parameters * dense_bytes / (expert_parameters * served_bytes)


def reduced_inference_cost(inference_cost, inference_saving):
    """Cost of generating tokens after such a saving [USD_2023/kilotoken].

    Source: Lohn 2023, "Cost of Operation".
    """
    return inference_cost / inference_saving


def commitment_discount(on_demand_price, reserve_price):
    """How many times the price of a three-year commitment the price on demand is [].

    Source: Lohn 2023, note 11.
    """
    return on_demand_price / reserve_price


def mean_pass_rate(pass_rate, pass_rate_shape):
    """Mean pass rate over problems whose -log pass rates are gamma distributed around the typical one [].

    The typical pass rate is a geometric mean over problems, so the mean is never below it. Source: OpenAI 2023 (the
    mean of -log pass rate); moment generating function of the gamma distribution.
    """
    return (1 - np.log(pass_rate) / pass_rate_shape) ** -pass_rate_shape


def second_gpt_gap(gpt1_date, gpt2_date):
    """Time between GPT-1 and GPT-2 [day]."""
    return gpt2_date - gpt1_date


def third_gpt_gap(gpt2_date, gpt3_date):
    """Time between GPT-2 and GPT-3 [day]."""
    return gpt3_date - gpt2_date


def fourth_gpt_gap(gpt3_date, gpt4_date):
    """Time between GPT-3 and GPT-4 [day]."""
    return gpt4_date - gpt3_date


def fifth_gpt_gap(gpt4_date, gpt5_date):
    """Time between GPT-4 and GPT-5 [day]."""
    return gpt5_date - gpt4_date


def next_gpt_gap(second_gpt_gap, fourth_gpt_gap):
    """Time from GPT-4 to GPT-5 if the gaps go on growing as they did [day].

    Source: Lohn 2023, "Slowing growth" (two steps took the gap from 250 to 1,000 days).
    """
    return fourth_gpt_gap * np.sqrt(fourth_gpt_gap / second_gpt_gap)


def lesser_downloads(bert_downloads, xlmr_downloads):
    """Monthly downloads of the less popular of the two most popular language models [1/month]."""
    return np.minimum(bert_downloads, xlmr_downloads)


def size_gap(largest_parameters, popular_parameters):
    """How many times larger the largest known model is than a popular one []."""
    return largest_parameters / popular_parameters


def generation_cost_multiple(first_generation_cost, last_generation_cost, generation_steps):
    """How many times the cost of a model the next one costs, on average over the steps [].

    Source: The Future of AI Is Expensive, 2023, section 2.
    """
    return (last_generation_cost / first_generation_cost) ** (1 / generation_steps)


def model_cost_step(dearer_model_cost, cheaper_model_cost):
    """How much more one model cost to train than another [USD_2023]."""
    return dearer_model_cost - cheaper_model_cost


def benchmark_gain(benchmark_score, earlier_benchmark_score):
    """Relative gain on a benchmark over an earlier model [percent].

    Source: The Future of AI Is Expensive, 2023, section 2.
    """
    return benchmark_score / earlier_benchmark_score - 1


def size_ratio(larger_parameters, smaller_parameters):
    """Parameters of one model over those of another []."""
    return larger_parameters / smaller_parameters


def compute_ratio(larger_compute, smaller_compute):
    """Training compute of one model over that of another []."""
    return larger_compute / smaller_compute


def step_label_labour_cost(step_labels, step_label_time, step_label_wage):
    """Cost of a data set of step-by-step labels, from the time that people take [USD_2023]."""
    return step_labels * step_label_time * step_label_wage


def reported_total_spending(reported_computing_spending, reported_staff_spending):
    """Computing, data and staff in the spending that OpenAI was reported to project for 2022 [USD_2022]."""
    return reported_computing_spending + reported_staff_spending


def reported_hardware_share(reported_staff_share, reported_energy_share):
    """What staff and electricity leave for hardware in the spending reported for 2022 [].

    Source: Report on Frontier Model Training, 2023, "Granular Analysis".
    """
    return 1 - reported_staff_share - reported_energy_share


def energy_over_hardware(chip_hour_energy_cost, creation_period, cluster_price_per_chip):
    """Electricity while the model is created, over the purchase of the cluster []."""
    return chip_hour_energy_cost * creation_period / cluster_price_per_chip


def server_other_share(server_gpu_share):
    """Share of everything but accelerators in the price of one server without its maker's markup []."""
    return 1 - server_gpu_share


def cluster_other_share(built_up_gpu_share):
    """Share of everything but accelerators in a cluster's price [].

    Source: Report on Frontier Model Training, 2023, note on the relevant maths, as printed.
    """
    return 1 - built_up_gpu_share


def rented_cluster_cost(cluster_chips, reported_run_duration, chip_hour_price):
    """Cost of renting the reference run's cluster for the run as reported [USD_2023]."""
    return cluster_chips * reported_run_duration * chip_hour_price


def node_period_cost(node_cost, deployment_period):
    """Cost of running one server with BLOOM over the deployment period [USD_2022/node]."""
    return node_cost * deployment_period


def api_text_cost(text_words, words_per_token, api_price):
    """Cost of a text by OpenAI's API [USD_2022].

    Source: Cottier 2022, note 32.
    """
    return text_words / words_per_token * api_price


def development_over_twitter(development_cost, twitter_cost):
    """Cost of development over that of the Twitter scenario []."""
    return development_cost / twitter_cost


def development_over_coding(development_cost, coding_cost):
    """Cost of development over that of the coding-assistant scenario []."""
    return development_cost / coding_cost


def development_over_deployment(judged_deployment_ratio):
    """Cost of development over that of the largest viable deployment, as judged in December 2022 []."""
    return 1 / judged_deployment_ratio


def coding_labour_share(coding_labour_cost, coding_cost):
    """Labour over compute in the coding-assistant scenario []."""
    return coding_labour_cost / coding_cost


def chip_speed_factor(peak_throughput, v100_throughput):
    """Peak 16-bit throughput of the reference accelerator over that of the V100 []."""
    return peak_throughput / v100_throughput


def chip_memory_factor(chip_memory, v100_memory):
    """Memory of the reference accelerator over that of the V100: V100s needed in place of one, to hold a model []."""
    return chip_memory / v100_memory


def model_downloads(monthly_downloads, download_period):
    """Downloads of a model's weights since its release [].

    Source: Cottier 2022, appendix "Talent pool".
    """
    return monthly_downloads * download_period


def explained_factor(memory_footprint_factor, chip_speed_factor, chip_memory_factor):
    """How many times dearer the Twitter scenario is on the assumptions that another study seems to have made [].

    Source: Cottier 2022, appendix on Twitter, comparing with Buchanan et al. 2021.
    """
    return memory_footprint_factor * chip_speed_factor * chip_memory_factor


def buchanan_ratio(buchanan_cost, twitter_cost):
    """Buchanan and others' cost of the Twitter scenario over Cottier's []."""
    return buchanan_cost / twitter_cost


def cost_growth_shortfall(compute_growth, cost_growth_by_difference):
    """How much slower cost grows than compute, by the difference of growth rates [OOM/year].

    Source: Cottier 2023, note 2 of the summary.
    """
    return compute_growth - cost_growth_by_difference
