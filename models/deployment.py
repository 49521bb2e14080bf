"""What it costs to deploy a GPT-3-like model widely, against what it costs to develop one."""

import numpy as np


def node_throughput(node_chips, peak_throughput, inference_utilisation, forward_operations, bloom_parameters):
    """Tokens that one server running BLOOM generates [megatoken/(day*node)].

    Source: Cottier 2022, appendix "Cost: $240 for 150 million words" (prints the result, 200 million tokens a day).
    """
    return node_chips * peak_throughput * inference_utilisation / (forward_operations * bloom_parameters)


def node_words(node_throughput, words_per_token):
    """English words that one server running BLOOM generates [megaword/(day*node)].

    Source: Cottier 2022, appendix "Cost: $240 for 150 million words".
    """
    return node_throughput * words_per_token


def node_cost(node_price):
    """Cost of running one server with BLOOM for a day [USD_2022/(day*node)]."""
    return node_price


def served_token_cost(node_price, node_throughput):
    """Cost of tokens from a rented server running BLOOM [USD_2022/kilotoken]."""
    return node_price / node_throughput


def words_per_dollar(words_per_token, served_token_cost):
    """English words per dollar from a rented server running BLOOM [word/USD_2022]."""
    return words_per_token / served_token_cost


def api_words_per_dollar(words_per_token, api_price):
    """English words per dollar from GPT-3 by OpenAI's API [word/USD_2022].

    Source: Cottier 2022, note 32.
    """
    return words_per_token / api_price


def twitter_tokens(tweets, tweet_share, tokens_per_tweet):
    """Tokens to generate in the Twitter scenario [megatoken/day]."""
    return tweets * tweet_share * tokens_per_tweet


def twitter_daily_cost(twitter_tokens, served_token_cost):
    """Cost of compute in the Twitter scenario, per day [USD_2022/day].

    Source: Cottier 2022, scenario 1.
    """
    return twitter_tokens * served_token_cost


def twitter_cost(twitter_daily_cost, deployment_period):
    """Cost of compute in the Twitter scenario over the deployment period [USD_2022].

    Source: Cottier 2022, scenario 1.
    """
    return twitter_daily_cost * deployment_period


def twitter_api_daily_cost(twitter_tokens, api_price):
    """Cost of the Twitter scenario with GPT-3 by OpenAI's API, per day [USD_2022/day].

    Source: Cottier 2022, scenario 1.
    """
    return twitter_tokens * api_price


def twitter_api_cost(twitter_api_daily_cost, deployment_period):
    """Cost of the Twitter scenario with GPT-3 by OpenAI's API over the deployment period [USD_2022].

    Source: Cottier 2022, scenario 1.
    """
    return twitter_api_daily_cost * deployment_period


def twitter_nodes(twitter_tokens, node_throughput):
    """Servers running BLOOM that the Twitter scenario keeps busy [node]."""
    return twitter_tokens / node_throughput


def coding_tokens(developers, developer_requests, tokens_per_request, working_day_share):
    """Tokens to generate in the coding-assistant scenario, averaged over all days [megatoken/day]."""
    return developers * developer_requests * tokens_per_request * working_day_share


def coding_cost(coding_tokens, served_token_cost, deployment_period):
    """Cost of compute in the coding-assistant scenario over the deployment period [USD_2022].

    Source: Cottier 2022, scenario 2.
    """
    return coding_tokens * served_token_cost * deployment_period


def coding_nodes(coding_tokens, node_throughput):
    """Servers running a GPT-3-sized model that the coding-assistant scenario keeps busy [node]."""
    return coding_tokens / node_throughput


def deployment_cost(coding_cost, twitter_cost, coding_weight):
    """Deployment cost: weighted average of two scenarios [USD_2022].

    Source: Cottier 2022, "Combining the scenarios".
    """
    return coding_weight * coding_cost + (1 - coding_weight) * twitter_cost


def mixed_deployment_cost(coding_cost, twitter_cost, largest_is_coding):
    """Deployment cost: in every world one scenario or the other [USD_2022]."""
    return np.where(largest_is_coding > 0, coding_cost, twitter_cost)


def deployment_ratio(deployment_cost, development_cost):
    """Deployment cost / development cost [].

    Source: Cottier 2022, "Combining the scenarios".
    """
    return deployment_cost / development_cost


def mixed_deployment_ratio(mixed_deployment_cost, development_cost):
    """Deployment cost / development cost, with one scenario or the other in every world []."""
    return mixed_deployment_cost / development_cost


def judged_deployment_cost(judged_deployment_ratio, development_cost):
    """Cost of the largest viable deployment by the author's final judgement of December 2022 [USD_2022].

    Source: Cottier 2022, "Combining the scenarios".
    """
    return judged_deployment_ratio * development_cost


def revised_deployment_ratio(inference_share):
    """Deployment cost / development cost of the most successful models, as revised in February 2023 [].

    Source: Cottier 2022, edit of 25 February 2023, for the direction; inference as a share of compute for the size.
    """
    return inference_share / (1 - inference_share)


def popular_api_cost(api_words, words_per_token, served_token_cost, deployment_period):
    """Cost of serving as many words as GPT-3's API did in March 2021 over the deployment period [USD_2022]."""
    return api_words / words_per_token * served_token_cost * deployment_period
