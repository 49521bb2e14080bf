"""People: who can run a model, and what staff, feedback and labels cost."""


def people_able_to_run(us_graduates, us_population, world_population, top_share, able_share):
    """People in the world able to run a GPT-3-like model by themselves [person].

    Source: Cottier 2022, appendix "Talent pool".
    """
    return us_graduates / us_population * world_population * top_share * able_share


def twitter_labour_cost(twitter_staff, staff_salary, deployment_work_time):
    """Labour to deploy the Twitter scenario [USD_2022].

    Source: Cottier 2022, "Talent requirements and labor cost".
    """
    return twitter_staff * staff_salary * deployment_work_time


def coding_labour_cost(coding_staff, staff_salary, deployment_work_time):
    """Labour to deploy the coding-assistant scenario [USD_2022].

    Source: Cottier 2022, "Talent requirements and labor cost".
    """
    return coding_staff * staff_salary * deployment_work_time


def feedback_labour_cost(feedback_time, feedback_wage):
    """Cost of the human feedback that trained InstructGPT [USD_2023].

    Source: The Future of AI Is Expensive, 2023, section 3c.
    """
    return feedback_time * feedback_wage


def feedback_share(feedback_labour_cost, gpt3_training_cost):
    """Human feedback for InstructGPT over the training cost of GPT-3 [].

    Source: The Future of AI Is Expensive, 2023, section 3c.
    """
    return feedback_labour_cost / gpt3_training_cost


def labelling_spending(labelling_revenue, labelling_customers):
    """Spending on data labels by one large laboratory at one vendor [USD_2023/(year*laboratory)].

    Source: The Future of AI Is Expensive, 2023, section 3c.
    """
    return labelling_revenue / labelling_customers


def step_label_price(step_label_cost, step_labels):
    """Cost of one label of one step of a solution, by people trained in mathematics [USD_2023/label].

    Source: The Future of AI Is Expensive, 2023, section 3c.
    """
    return step_label_cost / step_labels


def labelled_solution_price(step_label_cost, labelled_solutions):
    """Cost of one solution labelled step by step [USD_2023/solution].

    Source: The Future of AI Is Expensive, 2023, section 3c.
    """
    return step_label_cost / labelled_solutions
