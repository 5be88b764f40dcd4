# Paths are relative, so that the clone may lie anywhere.
PYTHON := .venv/bin/python
MANAGE := $(PYTHON) manage.py
WITH_DATABASE := $(PYTHON) -m commandbus_site.embedded_postgres run
PORT ?= 8000
COMMANDBUS_HTTPS ?= off

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.* ## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

.PHONY: demo
demo: install ## Run the worked example; LEDGER=path runs it on another ledger
	@$(MANAGE) migrate --verbosity 0
	@$(WITH_DATABASE) $(MANAGE) demo $(if $(LEDGER),--ledger "$(LEDGER)")

.PHONY: run
run: export COMMANDBUS_HTTPS := $(COMMANDBUS_HTTPS)
run: install ## Run site and workers until Ctrl-C; PORT=8001 takes another port
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) collectstatic --no-input --verbosity 0
	@echo "The site: http://localhost:$(PORT)/"
	@$(MANAGE) create_first_operator
	@$(WITH_DATABASE) $(PYTHON) -m honcho --env /dev/null start --port $(PORT)

.PHONY: test
test: install-dev ## Run all tests, two at a time
	@$(WITH_DATABASE) $(PYTHON) -m pytest -n 2 --dist loadfile

.PHONY: check
check: install-dev ## Check format, lint, types, migrations, REST schema and the production configuration
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy
	@$(WITH_DATABASE) $(MANAGE) makemigrations --check --dry-run
	@$(MANAGE) spectacular --validate --fail-on-warn --file /dev/null
	@DEBUG=off COMMANDBUS_HTTPS=on $(MANAGE) check --deploy --fail-level WARNING

.PHONY: fuzz
fuzz: install-dev ## Ask the REST API thousands of things nobody thought of; SEED=7, CASES=1
	@$(WITH_DATABASE) $(PYTHON) -m tests.fuzz $(if $(SEED),--seed $(SEED)) $(if $(CASES),--cases $(CASES))

.PHONY: screenshots
screenshots: install-dev ## Take the screenshots of the operators' guide anew; needs chromium
	@$(WITH_DATABASE) $(PYTHON) -m docs.screenshots

.PHONY: stop-db
stop-db: ## Stop the embedded PostgreSQL
	@$(PYTHON) -m commandbus_site.embedded_postgres stop

.PHONY: clean
clean: ## Remove all that make has made, the embedded database included
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m commandbus_site.embedded_postgres remove; fi
	@rm -rf .venv var .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: install
install: .venv/requirements ## Install what running needs

.PHONY: install-dev
install-dev: .venv/requirements-dev ## Install what developing needs as well

.venv/requirements: requirements.txt | $(PYTHON)
	@echo "Installing $< ..."
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.venv/requirements-dev: requirements-dev.txt requirements.txt | $(PYTHON)
	@echo "Installing $< ..."
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@ .venv/requirements

$(PYTHON):
	@for python in python3.11 python3; do \
		if $$python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2> /dev/null; then \
			$$python -m venv .venv || { rm -rf .venv; exit 1; }; \
			exit 0; \
		fi; \
	done; \
	echo "Python 3.11 is needed; neither python3.11 nor python3 is one." >&2; \
	exit 1
