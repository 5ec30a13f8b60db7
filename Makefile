# Every target that needs Python calls `install`, which takes seconds when the lock has not changed.
PORT ?= 8000
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install demo test fuzz faults faults-long twins mutants check lint bench bench-smoke test-browser test-postgresql backup-drill messages lock

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

fuzz: install ## Strangers' input for SECONDS on each target, or on TARGET only; SEED repeats a round
	FUZZ_SECONDS=$(or $(SECONDS),60) FUZZ_TARGET=$(TARGET) FUZZ_SEED=$(SEED) $(BIN)/python -m pytest -q -s -n 0 -p no:randomly -k nothing_crashes tests/fuzz

faults: install ## A short seeded set of crashes, kills and provider faults (FAULT_SEED=7 repeats it)
	$(BIN)/python -m pytest -q -s -n 0 $(ARGS) tests/faults

faults-long: install ## Every fault point, 200 kills and 100,000 provider faults: an hour and more
	FAULT_POINTS=all FAULT_KILLS=200 PROVIDER_FAULTS=100000 $(BIN)/python -m pytest -q -s -n 0 $(ARGS) tests/faults

twins: install ## Take each guard out of a copy: some test must fail (ARGS="--only NAME")
	POSTGRESQL_URL=$${POSTGRESQL_URL:-postgres://postgres@127.0.0.1:5432/postgres} $(BIN)/python -m tests.twins $(ARGS)

mutants: install ## Break the gate, the signature, the ledger and the code limits in small ways: some test must fail
	POSTGRESQL_URL=$${POSTGRESQL_URL:-postgres://postgres@127.0.0.1:5432/postgres} $(BIN)/python -m tests.twins.mutants $(or $(MODULE),all) $(ARGS)

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

backup-drill: install ## Back up, restore into a scratch database, verify, drop it
	$(BIN)/python manage.py backup_drill $(ARGS)

messages: install ## Bring the Spanish catalogue up to date with the code, and compile it (needs gettext)
	$(BIN)/python manage.py makemessages -l es --no-obsolete --add-location file --ignore 'tests/*' --ignore 'bench/*' --ignore 'sandbox/*' --settings tests.settings
	msgcat --width=110 locale/es/LC_MESSAGES/django.po | sed '/^"POT-Creation-Date/d;/^"Report-Msgid-Bugs-To/d' > locale/es/LC_MESSAGES/django.po.new
	mv locale/es/LC_MESSAGES/django.po.new locale/es/LC_MESSAGES/django.po
	msgfmt --check-format --statistics -o locale/es/LC_MESSAGES/django.mo locale/es/LC_MESSAGES/django.po

lock: ## Renew the locks after a change in pyproject.toml (needs uv)
	uv pip compile -q --generate-hashes --universal --python-version 3.11 --no-header --no-annotate pyproject.toml -o requirements.txt
	uv pip compile -q --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --group dev pyproject.toml -o requirements-dev.txt
