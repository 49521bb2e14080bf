"""Two estimates of one thing made into one, in the ways that papers use. They differ: see docs/claims.md."""

# A linear average (deployment_cost, averaged_cost_growth) takes a weighted mean in every world; errors partly cancel.
# A mixture (mixed_deployment_cost, historical_cost_growth) follows one estimate or the other in every world, so that it
# is as wide as both. A logarithmic pool multiplies the densities: it is narrow and sits where both agree, by the more
# certain of the two.

import numpy as np


def averaged_cost_growth(cost_growth_method1, cost_growth_method2, method1_weight):
    """Growth of training cost from 2009 to 2022, all systems: weighted average of two estimates [OOM/year].

    Source: Cottier 2023, Table 1 (both methods), averaged instead of mixed.
    """
    return method1_weight * cost_growth_method1 + (1 - method1_weight) * cost_growth_method2


def pooled_cost_growth(
    method1_mean, method1_sd, method2_mean, method2_sd, method1_weight, growth_precision, growth_score
):
    """Growth of training cost from 2009 to 2022, all systems: logarithmic pool of two estimates as normals [OOM/year].

    Source: Genest and Zidek 1986, Combining Probability Distributions (weighted geometric mean of densities).
    """
    first = method1_weight / method1_sd**2 * method1_mean
    second = (1 - method1_weight) / method2_sd**2 * method2_mean
    return (first + second) / growth_precision + growth_score / np.sqrt(growth_precision)


def growth_precision(method1_sd, method2_sd, method1_weight):
    """Precision of growth in the logarithmic pool of the two estimates [year**2/OOM**2]."""
    return method1_weight / method1_sd**2 + (1 - method1_weight) / method2_sd**2


def pooled_precision(coding_log_sd, twitter_log_sd, coding_weight):
    """Precision of the logarithm of cost in the logarithmic pool of the two deployment scenarios []."""
    return coding_weight / coding_log_sd**2 + (1 - coding_weight) / twitter_log_sd**2


def pooled_deployment_cost(
    coding_median, coding_log_sd, twitter_median, twitter_log_sd, coding_weight, pooled_precision, pool_score
):
    """Cost of the largest viable deployment: logarithmic pool of the two scenarios as lognormals [USD_2022].

    Source: Genest and Zidek 1986, Combining Probability Distributions (weighted geometric mean of densities).
    """
    coding = coding_weight / coding_log_sd**2 / pooled_precision
    center = np.log(coding_median / twitter_median) * coding
    return twitter_median * np.exp(center + pool_score / np.sqrt(pooled_precision))
