# `make demo` and `make test` need Python 3.10 or later and make; all else is set up in the checkout, in .venv and .build.

PYTHON ?= python3
BUILD := .build
BIN := .venv/bin
HERE := $(CURDIR)/$(BUILD)

# Whatever the tools write stays in the checkout.
export TMPDIR := $(HERE)/tmp
export PIP_CACHE_DIR := $(HERE)/cache/pip
export XDG_CACHE_HOME := $(HERE)/cache
export XDG_CONFIG_HOME := $(HERE)/config
export AZURE_CONFIG_DIR := $(HERE)/azure
export AZURE_EXTENSION_DIR := $(HERE)/extensions
export AZURE_CORE_COLLECT_TELEMETRY := 0
# What is started again and again, as the sandbox is, is compiled once.
unexport PYTHONDONTWRITEBYTECODE

# Where the tests find the installed wheel.
export ACRCMK_EXTENSION_DIR := $(AZURE_EXTENSION_DIR)
export ACRCMK_WHEEL_DIR := $(HERE)/wheel

# An end-to-end test is an Azure CLI and a sandbox, which wait for each other a third of the time.
WORKERS ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$((cores + (cores + 1) / 2)))
PYTEST := $(BIN)/python -m pytest
SANDBOX := $(BIN)/python -m sandbox --directory $(BUILD)/sandbox

# For less than all: make bench BENCH='--profile instant --rounds 1'
BENCH ?=

.DEFAULT_GOAL := help
.PHONY: help demo sandbox test bench unit lint format readme wheel clean FORCE

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(BUILD)/extension.stamp ## Encrypt a registry with one command, in an Azure on loopback
	@$(SANDBOX) exec -- $(BIN)/python demo/demo.py

sandbox: $(BUILD)/extension.stamp ## A shell in which az talks to an Azure on loopback
	@$(SANDBOX) shell

test: $(BUILD)/extension.stamp ## Run all tests
	$(PYTEST) --numprocesses $(WORKERS) --maxprocesses 6 --dist worksteal

bench: $(BUILD)/extension.stamp ## Measure against core az, into benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks.bench $(BENCH)

unit: $(BUILD)/venv.stamp ## Run the unit tests only
	$(PYTEST) tests/unit

lint: $(BUILD)/venv.stamp ## Check style, format and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache --no-logo

format: $(BUILD)/venv.stamp ## Repair style and format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

readme: $(BUILD)/venv.stamp ## Write the table of findings in README.md from the catalogue
	$(BIN)/python scripts/findings.py

wheel: $(BUILD)/wheel.stamp ## Build the wheel, into .build/wheel
	@ls $(BUILD)/wheel/*.whl

clean: ## Remove all that was set up
	rm -rf .venv .build build *.egg-info

# A virtual environment that was begun and not finished is made anew. pip compiles all modules: where Python may not write
# bytecode by itself, each `az` would else compile what it uses, again and again.
$(BUILD)/venv.stamp: requirements-dev.txt
	@mkdir -p '$(TMPDIR)'
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed: make PYTHON=...")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@echo 'Installing Azure CLI and the tools into .venv. This takes a minute or two, once.'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@

# The names of the sources, touched only when one appears or goes: the wheel is then built again, as when one changes.
SOURCES := $(shell find azext_acrcmk -type f -not -name '*.pyc' | LC_ALL=C sort)
$(BUILD)/sources: FORCE
	@mkdir -p $(BUILD)
	@echo '$(SOURCES)' | cmp -s - $@ || echo '$(SOURCES)' >$@

# Without removing setuptools' build folder first, a deleted module would live on in the wheel.
$(BUILD)/wheel.stamp: $(BUILD)/venv.stamp $(BUILD)/sources $(SOURCES) setup.py pyproject.toml README.md HISTORY.rst LICENSE
	@rm -rf build *.egg-info $(BUILD)/wheel
	@$(BIN)/python -m build --wheel --no-isolation --outdir $(BUILD)/wheel . >$(BUILD)/wheel.log 2>&1 || { cat $(BUILD)/wheel.log; exit 1; }
	@rm -rf build *.egg-info
	@touch $@

# The proxy does not exist: the installation needs no network, and reaches none.
$(BUILD)/extension.stamp: $(BUILD)/wheel.stamp
	@rm -rf $(BUILD)/extensions
	@mkdir -p $(BUILD)/extensions
	HTTPS_PROXY=http://127.0.0.1:9 $(BIN)/az extension add --source $(BUILD)/wheel/*.whl --yes --only-show-errors
	@touch $@
