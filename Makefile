# `make demo` and `make test` need make and a Python from 3.10 to 3.13 with its module venv; all else is set up in the
# checkout, in .venv and .build. GNU make 3.81 is enough, as macOS has it. All paths in rules are relative, because those
# of targets can't have spaces, and the checkout's may.

# Another Python than the first that fits (scripts/venv.sh): make PYTHON=/path/to/python3 demo
PYTHON ?=
BUILD := .build
BIN := .venv/bin
HERE := $(CURDIR)/$(BUILD)

# Where a person's az has its sign-in, before it is set for the tools below.
AZURE_CONFIG_OF_PERSON := $(or $(AZURE_CONFIG_DIR),$(HOME)/.azure)

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

# For less than all: make matrix MATRIX='--python 3.12 --cli 2.80.0'
MATRIX ?=

# As make live LIVE='--location northeurope --yes'
LIVE ?=

# Where the files of a release will be found.
URL ?=

# For less than all: make bench BENCH='--profile instant --rounds 1'
BENCH ?=

.DEFAULT_GOAL := help
.PHONY: help demo demo-fleet sandbox test bench unit lint format docs docs-output docs-pictures templates wheel release matrix live clean FORCE

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(BUILD)/extension.stamp ## Encrypt a registry with one command, in an Azure on loopback
	@$(SANDBOX) exec -- $(BIN)/python demo/demo.py

demo-fleet: $(BUILD)/extension.stamp ## List 300 registries with all kinds of damage, and open the report
	@$(SANDBOX) exec -- $(BIN)/python demo/fleet.py $(BUILD)/demo-fleet

sandbox: $(BUILD)/extension.stamp ## A shell in which az talks to an Azure on loopback
	@$(SANDBOX) shell

test: $(BUILD)/extension.stamp ## Run all tests
	$(PYTEST) --numprocesses $(WORKERS) --maxprocesses 6 --dist worksteal

bench: $(BUILD)/extension.stamp ## Measure against core az, into benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks.bench $(BENCH)
	$(if $(BENCH),,$(BIN)/python -m benchmarks.migrate)

unit: $(BUILD)/venv.stamp ## Run the unit tests only
	$(PYTEST) tests/unit tests/live

lint: $(BUILD)/venv.stamp ## Check style, format and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache --no-logo

format: $(BUILD)/venv.stamp ## Repair style and format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(BUILD)/venv.stamp ## Write the generated parts of README.md and docs: findings, options, permissions
	$(BIN)/python -m scripts.docs

docs-output: $(BUILD)/extension.stamp ## Run the commands of the documentation in the sandbox, and write their output and picture
	$(BIN)/python -m scripts.docs_output

docs-pictures: $(BUILD)/extension.stamp ## Take the pictures of the report in docs, which needs Chromium
	@$(BIN)/python -m scripts.report_pictures

templates: $(BUILD)/venv.stamp ## Write templates/, the tutorial's case in all formats
	PYTHONPATH=. $(BIN)/python scripts/templates.py

wheel: $(BUILD)/wheel.stamp ## Build the wheel, into .build/wheel
	@ls $(BUILD)/wheel/*.whl

release: $(BUILD)/wheel.stamp ## Wheel, checksum, index and SBOM, into dist; URL=https://... says where they will be
	@$(BIN)/python scripts/release.py --wheel $(BUILD)/wheel/*.whl --output dist --url '$(URL)'

matrix: $(BUILD)/wheel.stamp ## The main commands on the oldest and newest Azure CLI, with each Python that is there
	@$(BIN)/python -m scripts.matrix --wheel $(BUILD)/wheel/*.whl $(MATRIX)

# With the az and the sign-in that a person has, and the extension of this checkout.
live: $(BUILD)/extension.stamp ## Ask the real Azure, in a subscription of yours, what no document says (docs/live.md)
	@AZURE_CONFIG_DIR='$(AZURE_CONFIG_OF_PERSON)' $(BIN)/python -m live $(LIVE)

clean: ## Remove all that was set up
	rm -rf .venv .build

$(BUILD)/venv.stamp: requirements-dev.txt scripts/venv.sh scripts/shebangs.py
	@mkdir -p '$(TMPDIR)'
	@PYTHON='$(PYTHON)' sh scripts/venv.sh
	@touch $@

# The names of the sources, touched only when one appears or goes: the wheel is then built again, as when one changes.
SOURCES := $(shell find azext_acrcmk -type f -not -name '*.pyc' | LC_ALL=C sort)
$(BUILD)/sources: FORCE
	@mkdir -p $(BUILD)
	@echo '$(SOURCES)' | cmp -s - $@ || echo '$(SOURCES)' >$@

$(BUILD)/wheel.stamp: $(BUILD)/venv.stamp $(BUILD)/sources $(SOURCES) scripts/wheel.py setup.py pyproject.toml README.md HISTORY.rst LICENSE
	@rm -rf $(BUILD)/wheel
	@$(BIN)/python scripts/wheel.py --output $(BUILD)/wheel
	@touch $@

# The proxy does not exist: the installation needs no network, and reaches none.
$(BUILD)/extension.stamp: $(BUILD)/wheel.stamp
	@rm -rf $(BUILD)/extensions
	@mkdir -p $(BUILD)/extensions
	HTTPS_PROXY=http://127.0.0.1:9 $(BIN)/az extension add --source $(BUILD)/wheel/*.whl --yes --only-show-errors
	@touch $@
