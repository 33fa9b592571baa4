# `make demo` and `make test` need Python 3.10 or later and make; all else is set up in the checkout, in .venv and .build.

PYTHON ?= python3
BUILD := $(CURDIR)/.build
BIN := $(CURDIR)/.venv/bin

# Whatever the tools write stays in the checkout.
export TMPDIR := $(BUILD)/tmp
export PIP_CACHE_DIR := $(BUILD)/cache/pip
export XDG_CACHE_HOME := $(BUILD)/cache
export XDG_CONFIG_HOME := $(BUILD)/config
export AZURE_CONFIG_DIR := $(BUILD)/azure
export AZURE_EXTENSION_DIR := $(BUILD)/extensions
export AZURE_CORE_COLLECT_TELEMETRY := 0

# Where the tests find the installed wheel.
export ACRCMK_EXTENSION_DIR := $(AZURE_EXTENSION_DIR)
export ACRCMK_WHEEL_DIR := $(BUILD)/wheel

# An end-to-end test keeps one Azure CLI and one sandbox busy for each worker.
WORKERS ?= auto
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help demo sandbox test unit lint format wheel clean FORCE

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(BUILD)/extension.stamp ## Encrypt a registry with one command, in an Azure on loopback
	@$(BIN)/python -m sandbox exec -- $(BIN)/python demo/demo.py

sandbox: $(BUILD)/extension.stamp ## A shell in which az talks to an Azure on loopback
	@$(BIN)/python -m sandbox shell

test: $(BUILD)/extension.stamp ## Run all tests
	$(PYTEST) --numprocesses $(WORKERS) --maxprocesses 4

unit: $(BUILD)/venv.stamp ## Run the unit tests only
	$(PYTEST) tests/unit

lint: $(BUILD)/venv.stamp ## Check style, format and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache

format: $(BUILD)/venv.stamp ## Repair style and format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

wheel: $(BUILD)/wheel.stamp ## Build the wheel, into .build/wheel
	@ls $(ACRCMK_WHEEL_DIR)/*.whl

clean: ## Remove all that was set up
	rm -rf .venv .build build *.egg-info

# A virtual environment that was begun and not finished is made anew.
$(BUILD)/venv.stamp: requirements-dev.txt
	@mkdir -p $(TMPDIR)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed: make PYTHON=...")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@

# The names of the sources, touched only when one appears or goes: the wheel is then built again, as when one changes.
SOURCES := $(shell find azext_acrcmk -type f -not -name '*.pyc' | LC_ALL=C sort)
$(BUILD)/sources: FORCE
	@mkdir -p $(BUILD)
	@echo '$(SOURCES)' | cmp -s - $@ || echo '$(SOURCES)' >$@

# Without removing setuptools' build folder first, a deleted module would live on in the wheel.
$(BUILD)/wheel.stamp: $(BUILD)/venv.stamp $(BUILD)/sources $(SOURCES) setup.py pyproject.toml README.md HISTORY.rst LICENSE
	@rm -rf build *.egg-info $(ACRCMK_WHEEL_DIR)
	@$(BIN)/python -m build --wheel --no-isolation --outdir $(ACRCMK_WHEEL_DIR) . >$(BUILD)/wheel.log 2>&1 || { cat $(BUILD)/wheel.log; exit 1; }
	@rm -rf build *.egg-info
	@touch $@

# The proxy does not exist: the installation needs no network, and reaches none.
$(BUILD)/extension.stamp: $(BUILD)/wheel.stamp
	@rm -rf $(AZURE_EXTENSION_DIR)
	@mkdir -p $(AZURE_EXTENSION_DIR)
	HTTPS_PROXY=http://127.0.0.1:9 $(BIN)/az extension add --source $(ACRCMK_WHEEL_DIR)/*.whl --yes --only-show-errors
	@touch $@
