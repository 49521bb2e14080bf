"""Settings for every test: the same examples on every run, and no display."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")

# Derandomised, so that a failure comes with a change of the code; no deadline, so that a busy machine is not a failure.
settings.register_profile("forecast", derandomize=True, deadline=None)
settings.load_profile("forecast")
