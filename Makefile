# Firstread's two commands: `make run` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help run test frontend api docs screenshots clean

SHELL := /bin/sh
# Python and frontend packages arrive side by side; what `clean` removes, nobody makes meanwhile.
ifeq ($(filter clean,$(MAKECMDGOALS)),)
MAKEFLAGS += --jobs=2
endif
VENV := .venv
PY := $(VENV)/bin/python
DATA ?=
ARGS ?=

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

run: $(VENV)/.worker frontend/dist/index.html ## start everything on this machine (DATA=folder imports that folder)
	@$(PY) manage.py up $(if $(DATA),--data "$(DATA)") $(ARGS)

test: $(VENV)/bin/python ## lint, types, contracts, unit, API, integration and browser tests
	+@.ci/steps

frontend: frontend/dist/index.html ## build the frontend where it changed

api: $(VENV)/.dev ## write docs/openapi.yaml and the TypeScript types from the code
	@$(PY) manage.py spectacular --file docs/openapi.yaml --validate --fail-on-warn
	@frontend/npm run --silent api

docs: $(VENV)/.dev ## build the documentation into site/
	@$(VENV)/bin/mkdocs build --strict --quiet

screenshots: $(VENV)/.dev frontend/dist/index.html ## pictures for docs/reference/tools.md (DATA=folder of DICOM series)
	@$(PY) -m config.embedded exec -- $(PY) -m bench.pictures "$(DATA)"

clean: ## remove what was built (never data)
	rm -rf $(VENV) frontend/node_modules frontend/dist site build *.egg-info

$(VENV)/bin/python:
	@.ci/python -m venv $(VENV)

# torch first and alone: what needs it must find it installed.
$(VENV)/.worker: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing Python packages (a few minutes the first time) ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check -c requirements.lock "$$(grep '^torch==' requirements.lock)"
	@$(PY) -m pip install --quiet --disable-pip-version-check -c requirements.lock ".[embedded,worker]"
	@touch $@

# All of the lock in one pass: nothing is left to find out, unless another Python needs another package. What is
# compiled is what is imported.
$(VENV)/.dev: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing Python packages and test tools (a few minutes the first time) ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-compile --no-deps -r requirements.lock .
	@$(PY) -m pip check >/dev/null || \
		$(PY) -m pip install --quiet --disable-pip-version-check -c requirements.lock ".[embedded,worker,dev]"
	@touch $(VENV)/.worker $@

frontend/node_modules/.installed: frontend/package-lock.json | $(VENV)/bin/python
	@echo "Installing frontend packages ..."
	@frontend/npm ci --no-audit --no-fund --loglevel=error
	@touch $@

FRONTEND_SOURCES := $(shell find frontend/src frontend/public -type f 2>/dev/null) frontend/index.html frontend/vite.config.ts
frontend/dist/index.html: frontend/node_modules/.installed $(FRONTEND_SOURCES)
	@echo "Building the frontend ..."
	@frontend/npm run --silent build -- --logLevel error
	@touch $@
