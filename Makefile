# Two commands matter: `make demo` and `make test`. Each does all set-up itself, from a fresh clone, in any order, twice.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
PEERS := .venv-peers
BIN := $(VENV)/bin
export REGULARS_DATABASE ?= regulars.duckdb

.PHONY: help demo test lint build-check pytest mutation docs lock bench bench-predictions clean

help:  ## what there is to say
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

demo: $(VENV)/.runtime  ## a sample shop, from files to segments, in one go
	@$(BIN)/python scripts/demo.py

# The linter and the builds have a warehouse each and run beside each other; the rest uses both processors itself.
test: $(VENV)/.test  ## everything CI runs
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint build-check
	@$(MAKE) --no-print-directory pytest mutation

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python scripts/in_scratch_warehouse.py lint

build-check: $(VENV)/.test
	$(BIN)/python scripts/in_scratch_warehouse.py build

pytest: $(VENV)/.test
	$(BIN)/pytest --numprocesses 2 --dist loadgroup --ignore=tests/python/mutation

# On its own: it uses both processors itself.
mutation: $(VENV)/.test
	$(BIN)/pytest tests/python/mutation

docs: $(VENV)/.runtime  ## the dbt docs as one static file, and the data dictionary
	$(BIN)/regulars docs dictionary
	$(BIN)/regulars docs site

bench: $(VENV)/.test  ## build time and memory beside one hand-written SQL script
	$(BIN)/python benchmarks/scale.py --customers 200000

bench-predictions: $(VENV)/.test $(PEERS)/.installed  ## how good the predictions are, beside other tools
	$(BIN)/python benchmarks/prediction_quality_data.py build/predictions
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/prediction_quality.py --lines build/predictions/uk.parquet --as-of 2011-09-09 --goals
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/prediction_quality.py --lines build/predictions/cdnow.parquet --as-of 1997-10-01

# -- set-up: the first Python from 3.11 to 3.13 that runs here, wheels only, every file checked against its hash
$(VENV)/bin/python:
	@for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    if "$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	        "$$candidate" -m venv $(VENV) && exit 0; fi; done; \
	echo "error: no Python 3.11, 3.12 or 3.13 with venv found; install one, or say where it is: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1

$(VENV)/.runtime: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what Regulars needs (once, about a minute)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: requirements-test.txt $(VENV)/.runtime
	@echo "Installing what its tests need"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-test.txt
	@touch $@

# An environment of their own: what other tools need must not decide what Regulars runs with.
$(PEERS)/.installed: requirements-peers.txt | $(VENV)/bin/python
	@echo "Installing the tools to compare with (once)"
	@$(BIN)/python -m venv $(PEERS) && echo '*' > $(PEERS)/.gitignore
	@$(PEERS)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-peers.txt
	@touch $@

lock:  ## resolve the locks anew (needs uv); wheels only, hashes, no registry address
	uv pip compile pyproject.toml --group test --universal --python-version 3.11 --only-binary :all: --generate-hashes \
	    --no-emit-index-url --no-header --quiet -o requirements-test.txt
	uv pip compile pyproject.toml --universal --python-version 3.11 --only-binary :all: --generate-hashes \
	    --no-emit-index-url --no-header --quiet --constraint requirements-test.txt -o requirements.txt
	uv pip compile --group peers --universal --python-version 3.11 --only-binary :all: --generate-hashes \
	    --no-emit-index-url --no-header --quiet --constraint requirements-test.txt -o requirements-peers.txt

clean:  ## remove what can be made again (not regulars.duckdb: it may be a shop)
	rm -rf $(VENV) $(PEERS) target logs demo .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info
