"""Time to BOTEC: a mixture, and nothing else."""


def result(effect):
    """Size of the effect [].

    Source: Sempere, Time to BOTEC, 2023.
    """
    return effect
