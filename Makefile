# Every target that needs Python calls `install`, which takes seconds when the lock has not changed.
PORT ?= 8000
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install demo test check lint bench bench-smoke test-browser test-postgresql lock

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

install: $(STAMP) ## Make .venv from the hashed lock

$(STAMP): requirements-dev.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make install PYTHON=/path/to/python3.11"; exit 1; }
	$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements-dev.txt
	@touch $@

demo: install ## Sandbox, server and worker with believable data (PORT=8000)
	$(BIN)/python manage.py demo --port $(PORT)

test: install ## The whole suite but browser tests, on DATABASE_URL (default SQLite)
	$(BIN)/python -m pytest -n auto -m "not browser" $(ARGS) tests

test-postgresql: install ## The same suite on PostgreSQL (POSTGRESQL_URL)
	DATABASE_URL=$${POSTGRESQL_URL:-postgres://postgres@127.0.0.1:5432/postgres} $(BIN)/python -m pytest -n auto -m "not browser" $(ARGS) tests

test-browser: install ## Chromium through the journeys of each role
	$(BIN)/python -m pytest -m browser $(ARGS) tests/browser

check: install ## Lint, format, types, layers, migrations, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layers.py tests/test_docs.py tests/test_migrations.py tests/test_no_secrets.py

bench: install ## Ratios against anchors measured in the same run (needs PostgreSQL; ARGS=--json)
	$(BIN)/python -m bench $(ARGS)

bench-smoke: install ## The same, tiny: that it runs, not how fast
	$(BIN)/python -m bench --smoke $(ARGS)

lock: ## Renew the locks after a change in pyproject.toml (needs uv)
	uv pip compile -q --generate-hashes --universal --python-version 3.11 --no-header --no-annotate pyproject.toml -o requirements.txt
	uv pip compile -q --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --group dev pyproject.toml -o requirements-dev.txt
