"""The small example that `forecast new --minimal` makes: file by file, a study to write over."""

# One of everything that most studies need: a prior of each kind, a path by year, a crossing, a report.
MINIMAL = {
    "priors/main.toml": """\
# What is believed. "LOW to HIGH" is a 90% credible interval: the truth lies outside it one time in ten.
# Write over these and add tables; `forecast check` says what is missing. What is counted and paid in is declared in
# units.toml.

[power]
label  = "Power that the machines draw at the start"
dist   = "100 to 300"
unit   = "kW"
source = "Made up: say who says so, and where; or that it is your own judgement"

[power_growth]
label  = "Growth of that power"
dist   = "normal 0.05 to 0.2"
unit   = "OOM/year"
source = "Made up"
note   = "An OOM (order of magnitude) is a factor of ten: 0.3 OOM/year doubles every year."

[start_year]
label  = "Year of the start"
dist   = 2025
unit   = "year"
source = "Made up"

[power_limit]
label  = "Power that the building can supply"
dist   = "1,000"
unit   = "kW"
source = "Made up"
[power_limit.alternative.uncertain]
dist   = "700 to 1,500"
source = "Made up"
""",
    "models/main.py": '''\
"""How quantities follow from one another: each function is one, and its parameters are those it follows from."""

from forecast import first_crossing


def power_path(year, power, power_growth, start_year):
    """Power that the machines draw [kW]."""
    return power * 10 ** (power_growth * (year - start_year))


def yearly_energy(power_path):
    """Energy that the machines take [MWh/year]."""
    return power_path  # a power is an energy per time: units take care of themselves


def limit_year(year, power_path, power_limit):
    """Year in which the machines need more power than there is [year]."""
    return first_crossing(year, power_path, power_limit)
''',
    "reports/main.md": """\
+++
title = "Power for the machines"
quantities = ["power_path@2030", "yearly_energy@2030", "limit_year"]
years = "2025 to 2060"
prob = 0.9
thresholds = { power_path = ["500 kW"] }
+++
# Power for the machines

The machines need more power than there is in {{ limit_year.interval }}, with {{ prob }} probability.
""",
}
