"""Speed and precision beside other tools, as ratios in one run: ``python -m benchmarks`` (or ``make bench``)."""
