# Everything from a machine with Python 3.11 or newer, make and git. `make help` lists the targets.

# The first interpreter that is new enough; another one: make PYTHON=/path/to/python ...
PYTHON ?= $(shell for python in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
# What the tests of one target may take, and how long the long crash run lasts.
CHAOS_SECONDS ?= 600
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-index-url \
	--no-annotate --custom-compile-command "make lock" --no-header

# Where it is set, each of the many processes that tests start would compile the whole package again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help venv demo test check format simulation integration crash chaos bench docs lock lock-broker clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  %-12s %s\n' "$$name" "$$text"; done

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found; say where: make PYTHON=/path/to/python ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# pip checks every file against the lock; the project itself is then linked in, without looking at the network again.
$(RUNTIME): requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing the locked packages into $(VENV) (once, about a minute)"
	@$(PIP) install --quiet --require-hashes -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements-dev.lock $(RUNTIME)
	@echo "Installing the locked tools into $(VENV)"
	@$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

venv: $(DEV) ## Make .venv with everything locked in it

demo: $(RUNTIME) ## Broker, worker and a synthetic corridor; Ctrl-C ends all of it
	@$(BIN)/sstl demo $(ARGS)

test: check simulation integration crash ## All tests: check, simulated worlds, integration on a real Kafka, a short crash run

check: $(DEV) ## Format, lint, types, layers and the quick tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n auto tests/unit tests/property tests/topology

format: $(DEV) ## Format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

simulation: $(DEV) ## How often intervals hold the truth
	$(BIN)/python -m pytest -n auto tests/simulation

integration: $(DEV) ## Tests with a real worker on a real Kafka
	$(BIN)/python -m pytest tests/integration

crash: $(DEV) ## A short seeded run of kills and pauses
	$(BIN)/python -m pytest tests/crash

chaos: $(DEV) ## The long run of kills and pauses (CHAOS_SECONDS=600)
	SSTL_TEST_CHAOS_SECONDS=$(CHAOS_SECONDS) $(BIN)/python -m pytest tests/crash -s --timeout=0 $(ARGS)

bench: $(DEV) ## Benchmarks; prints ratios of one run
	$(BIN)/python -m bench $(ARGS)

docs: $(DEV) ## Make the table of indicators anew from the registry
	$(BIN)/python -m sstl.cli.indicator_page docs/indicators.md

lock: $(DEV) ## Lock the dependencies anew, with hashes
	$(COMPILE) --extra embedded -o requirements.lock pyproject.toml requirements-build.in
	$(COMPILE) --extra embedded --extra export --group dev -c requirements.lock -o requirements-dev.lock pyproject.toml

lock-broker: $(DEV) ## Lock Apache Kafka and the checksums of its jars anew
	$(BIN)/python -m sstl.embedded.relock

clean: ## Remove the environment and what tools left behind
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
