# Two commands are enough: `make run` and `make test`. Nothing here calls sudo; the network is used once.
# Recipes use relative paths only, so that the checkout may lie in a folder with spaces in its name.

.DEFAULT_GOAL := help
.NOTPARALLEL:
SHELL := /bin/sh
python := .venv/bin/python
workers ?= $(shell nproc 2>/dev/null || echo 2)
participants ?= 15
seed ?= 1

# Caches of matplotlib, fontconfig and the tools stay in the checkout: the home folder may be read-only.
export MPLCONFIGDIR := $(CURDIR)/.cache/matplotlib
export MPLBACKEND := Agg
export PYTHONUTF8 := 1
# Hundreds of commands are started by the tests: each would compile the whole program anew where this is set.
unexport PYTHONDONTWRITEBYTECODE
cache_home := $(CURDIR)/.cache

.PHONY: help setup setup-run run test test-postgresql test-long walk validation traceability translations bench lint format lock third-party clean

help: ## Show this list
	@echo "theratrial: research software, not a medical device"
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

setup: ## Set up .venv with everything, also the developer's tools
	@./scripts/system-packages.sh test
	@./scripts/setup.sh dev
	@./scripts/conformance.sh

setup-run:
	@./scripts/system-packages.sh run
	@./scripts/setup.sh run

run: setup-run ## Set up and start the demonstration site; without a terminal or with SERVE=0 say the result
	@XDG_CACHE_HOME="$(cache_home)" $(python) scripts/demo.py --participants $(participants) --seed $(seed) --workers $(workers)

test: setup ## Set up and run the tests (about a quarter of an hour on 2 cores); PYTEST_ARGS="-k name" picks some
	@XDG_CACHE_HOME="$(cache_home)" $(python) -m pytest -n auto -m "not long and not walk" $(PYTEST_ARGS)

# In CI the tests in which the two databases could differ; `make test-postgresql postgresql=tests/web` runs all of them.
postgresql ?= $(addprefix tests/web/test_web_,ledger_triggers.py ledger_verify.py ledger_pages.py forms.py signing.py \
	locks.py queries.py pharmacy.py consent.py exports.py faults.py)

test-postgresql: setup ## Run tests of the site on PostgreSQL (a server of their own, gone afterwards)
	@XDG_CACHE_HOME="$(cache_home)" POSTGRESQL_TESTS="$(postgresql)" ./scripts/test-postgresql.sh -n auto \
		-m "not long and not walk" $(PYTEST_ARGS)

test-long: setup ## Run the slow tests: simulations, coverage, whole documents (ten minutes and more)
	@XDG_CACHE_HOME="$(cache_home)" $(python) -m pytest -n auto -m "long and not walk" $(PYTEST_ARGS)

walk: setup ## Walk through the site as its people do, in Chromium: a participant's journey, every page of every role; deep fuzzing
	@XDG_CACHE_HOME="$(cache_home)" $(python) -m pytest -m walk $(PYTEST_ARGS)

validation: setup ## Run every test that compares with a number of others and write docs/validation.md (slow)
	@XDG_CACHE_HOME="$(cache_home)" $(python) scripts/validation_page.py $(VALIDATION_ARGS)

traceability: setup ## Run the tests that prove requirements and write docs/validation/traceability.md
	@XDG_CACHE_HOME="$(cache_home)" $(python) scripts/traceability.py --run

translations: setup ## Collect the interface's sentences into locale/fa and compile them (needs gettext); list core sentences without Persian
	@$(python) scripts/translations.py --missing
	@$(python) scripts/core_sentences.py

bench: setup ## Run the benchmarks, each a ratio measured in one run
	@set -e; for file in benchmarks/[!_]*.py; do echo "== $$file"; XDG_CACHE_HOME="$(cache_home)" $(python) "$$file"; done

lint: setup ## ruff, mypy and the layers of the house
	@./scripts/lint.sh

format: setup ## Let ruff lay out the code
	@$(python) -m ruff format .
	@$(python) -m ruff check --fix .

lock: setup ## Pin the dependencies again (needs uv); UPGRADE=1 takes the newest
	@$(python) scripts/lock.py $(if $(UPGRADE),--upgrade)
	@./scripts/setup.sh dev
	@./scripts/conformance.sh
	@$(python) scripts/third_party.py

third-party: setup ## Write THIRD_PARTY.md from the lock
	@$(python) scripts/third_party.py

clean: ## Remove everything that make made, .venv and demo/ among it
	rm -rf .venv .cache demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache benchmarks/results
	find src tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
