"""Outputs on which evenly spread points have little to gain: they must not lose."""

import numpy as np


def sine(a, b, c, d):
    """Sine of a sum that spans several periods []."""
    return np.sin(2 * (a + b + c + d))


def total_loss(small_count, large_count, loss):
    """Losses of a random number of events []."""
    return (small_count + large_count) * loss


def largest(a, b, c, d):
    """Largest of four []."""
    return np.maximum(np.maximum(a, b), np.maximum(c, d))


def either(a, b, c, d):
    """One of two things, by which of two others is larger []."""
    return np.where(a > b, np.exp(c), 1 + d**2)
