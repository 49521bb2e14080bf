"""One run of one tool in a process of its own, for its memory: ``python -m benchmarks.one TOOL WORKLOAD SAMPLES``."""

from __future__ import annotations

import sys

from benchmarks.peers import numpy_peer, squigglepy_peer

if __name__ == "__main__":
    tool, workload, samples = sys.argv[1:]
    {"numpy": numpy_peer, "squigglepy": squigglepy_peer}[tool]().answer(workload, int(samples), 1)
