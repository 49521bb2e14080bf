#!/usr/bin/env bash
# Fill .venv with exactly what requirements.txt pins, and this project. Does nothing if that is already so.
#
# PYTHON=/path/to/python3.13 chooses the interpreter; without it Python 3.12 to 3.14 is looked for on PATH and under
# pyenv, and fetched with uv if there is none.
set -euo pipefail
cd "$(dirname "$0")/.."

state="$(cat requirements.txt pyproject.toml scripts/setup.sh | cksum) $PWD ${PYTHON:-}"
if [ -x .venv/bin/forecast ] && [ -x .venv/bin/python ] && [ "$(cat .venv/.state 2>/dev/null)" = "$state" ]; then
  exit 0
fi
say() { echo "setup: $*" >&2; }

is_right() { "$1" -c 'import sys, venv; sys.exit(not (3, 12) <= sys.version_info[:2] < (3, 15))' 2>/dev/null; }

find_python() {
  local candidate
  # pyenv puts names on PATH that do not run, so every candidate is run, not only looked up
  for candidate in "${PYTHON:-}" python3.12 python3.13 python3.14 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[2-4]*/bin/python3 python3 python; do
    if [ -n "$candidate" ] && command -v "$candidate" >/dev/null && is_right "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

fetch_python() {
  local uv
  say "no Python 3.12 to 3.14 found; fetching one with uv"
  if ! uv=$(command -v uv); then
    mkdir -p build
    { python3 -m venv build/uv && build/uv/bin/python -m pip install --quiet uv; } >&2 || return 1
    uv=build/uv/bin/uv
  fi
  "$uv" python install 3.12 >&2 && "$uv" python find --managed-python 3.12
}

if ! { [ -x .venv/bin/python ] && is_right .venv/bin/python && [ -z "${PYTHON:-}" ] && [ "$(tail -n1 .venv/.place 2>/dev/null)" = "$PWD" ]; }; then
  python=$(find_python) || python=$(fetch_python) || {
    say "this project needs Python 3.12, 3.13 or 3.14; install one, or name one with PYTHON=/path/to/python"
    exit 1
  }
  say "making .venv with $("$python" --version) ($python)"
  "$python" -m venv --clear .venv
  echo "$PWD" >.venv/.place # a virtual environment cannot be moved
fi

# uv installs in a fraction of pip's time; where it cannot be had, or its configuration is not pip's, pip does it.
export UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never UV_LINK_MODE="${UV_LINK_MODE:-hardlink}" PIP_DISABLE_PIP_VERSION_CHECK=1
say "installing the packages of requirements.txt (a minute or two the first time)"
pip=(.venv/bin/python -m pip --quiet --quiet)
if "${pip[@]}" install "$(grep '^uv==' requirements.txt)" &&
  .venv/bin/uv pip install --quiet --python .venv/bin/python -r requirements.txt; then
  install=(.venv/bin/uv pip install --quiet --python .venv/bin/python)
else
  say "uv did not succeed; using pip"
  "${pip[@]}" install -r requirements.txt
  install=("${pip[@]}" install)
fi
"${install[@]}" --no-deps --no-build-isolation --editable .
.venv/bin/python -m compileall -q forecast
# Building a sampler takes longer than everything else that a first run does; it is kept in build/.
say "fitting the starter study's trends (once)"
.venv/bin/forecast fit training_cost_trend --no-compare >/dev/null 2>&1 || say "they will be fitted when they are needed"
echo "$state" >.venv/.state
say "done"
