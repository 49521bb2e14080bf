# Everything from a fresh clone: `make forecast` runs the main job, `make test` the tests. Nothing has to be installed
# before: setup finds Python 3.12 to 3.14 (or fetches one), and fills .venv with what requirements.txt pins.

PYTHONDONTWRITEBYTECODE := # compiled files make the command line start several times faster
export PYTHONDONTWRITEBYTECODE

.PHONY: forecast test test-fast bench lint pins setup clean

forecast: setup ## run the starter study: table to the terminal, result and report to build/forecast
	@.venv/bin/forecast run --out build/forecast --report

test: setup ## every test
	.venv/bin/python -m pytest -n 2 --dist loadfile

test-fast: setup ## the tests that take seconds
	.venv/bin/python -m pytest -n 2 --dist loadfile -m "not slow"

bench: setup ## speed and precision side by side with other tools
	.venv/bin/python -m benchmarks

lint: setup
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

pins: setup ## newest versions that pyproject.toml allows, into requirements.txt
	.venv/bin/uv pip compile -q --upgrade --all-extras --python-version 3.12 --no-header --no-annotate \
	  pyproject.toml -o requirements.txt

setup:
	@scripts/setup.sh

clean: ## everything but .venv
	rm -rf build dist .pytest_cache .hypothesis .ruff_cache .mypy_cache
	find forecast models tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
