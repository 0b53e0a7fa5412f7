#!/bin/sh
# Every check of the code that is not a test; stops at the first that finds something.
set -eu
cd "$(dirname "$0")/.."
heading() { printf '\n==== %s\n' "$*"; }
heading "ruff check"
.venv/bin/python -m ruff check .
heading "ruff format --check"
.venv/bin/python -m ruff format --check .
heading "mypy"
.venv/bin/python -m mypy
heading "import-linter: a room looks only down"
.venv/bin/lint-imports --no-logo
