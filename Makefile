# Two commands for a newcomer: `make demo` shows the whole job, `make test` proves it. `make help` lists the rest.
# Needs Python 3.11 or newer (with its venv module) and make; everything else goes into .venv.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL := $(PIP) install -c constraints.txt
WHEEL := build/wheel

# The first interpreter that is new enough; override with `make PYTHON=/path/to/python3 ...`.
PYTHON := $(shell for name in python3 python3.13 python3.12 python3.11; do \
	if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$$name"; break; fi; done)

.NOTPARALLEL:
.PHONY: help setup demo check test test-python test-wheel test-slow fuzz bench bench-scale accuracy models clean

help:
	@echo 'make demo       set up .venv and run the whole job on the built-in scene, into demo/'
	@echo 'make test       set up .venv and run all checks and tests'
	@echo 'make check      lint, format, types, import directions'
	@echo 'make test-slow  the tests that take minutes'
	@echo 'make fuzz       damaged files for twenty minutes; TWIN_FUZZ_SECONDS=60 for one'
	@echo 'make bench      benchmarks'
	@echo 'make bench-scale  ingest, size, memory and 200 million points beside a peer, into docs/benchmarks.md'
	@echo 'make accuracy   the classification on every labelled file and scene, into docs/accuracy.md'
	@echo 'make models     3D models of 2448 made buildings, Delft and AHN, into docs/accuracy.md (TWIN_VAL3DITY: the judge)'
	@echo 'make setup      only set up .venv, with what the tests need'
	@echo 'make clean      remove .venv, build/ and demo/'

# Stamps, so that a second call costs nothing. The build backend comes from the same pins as all the rest, which is
# why the project itself installs without an isolated build environment.
$(VENV)/.runtime: pyproject.toml constraints.txt
	@if [ -z '$(PYTHON)' ]; then \
		echo 'Python 3.11 or newer is needed, and none was found; install one, or say make PYTHON=/path/to/python3' >&2; exit 1; fi
	@echo 'Setting up $(VENV) (about 2 GB; some minutes the first time) ...'
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) hatchling editables
	@$(INSTALL) --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@echo 'Adding what the tests need ...'
	@$(INSTALL) --no-build-isolation -e '.[dev]'
	@if command -v c++ >/dev/null 2>&1; then $(INSTALL) meshoptimizer || \
		echo 'meshoptimizer could not be built; the tests that compare with it will skip.'; fi
	@touch $@

setup: $(VENV)/.dev

demo: $(VENV)/.runtime
	@$(BIN)/twin demo demo

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test: check test-python test-wheel

test-python: $(VENV)/.dev
	$(BIN)/python -m pytest

# The built wheel, unpacked where no module of the checkout can be imported by accident: every file travels, the command
# line answers, and what reads files of the package finds them. Packaging mistakes show here and nowhere else. The
# whole job is not run again: kernels of another folder would be compiled anew, which takes minutes.
WHEEL_TESTS := acceptance_page code_maps config crs flood_scenario geoid learned legend report_page zeros

test-wheel: $(VENV)/.dev
	@rm -rf build/dist $(WHEEL) build/away
	@mkdir -p build/away
	@$(PIP) wheel --no-deps --no-build-isolation --wheel-dir build/dist .
	@$(BIN)/python -m zipfile -e build/dist/city_twin-*.whl $(WHEEL)
	cd build/away && PYTHONPATH="$(CURDIR)/$(WHEEL)" TWIN_EXPECTED_UNDER="$(CURDIR)/$(WHEEL)" \
		"$(CURDIR)/$(BIN)/python" -P -m pytest -c "$(CURDIR)/pyproject.toml" \
		"$(CURDIR)/tests/integration/test_packaging.py" "$(CURDIR)/tests/integration/cli/test_cli_contract.py" \
		$(foreach name,$(WHEEL_TESTS),"$(CURDIR)/tests/unit/test_$(name).py")

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow --timeout 1800

fuzz: $(VENV)/.dev
	$(BIN)/python -m pytest -m fuzz --timeout 0

bench: $(VENV)/.dev
	$(BIN)/python -m pytest tests/benchmarks --benchmark-enable --benchmark-only -m ''

bench-scale: $(VENV)/.dev
	$(BIN)/python tests/benchmarks/survey_scale --out docs/benchmarks.md

accuracy: $(VENV)/.dev
	$(BIN)/python tests/benchmarks/accuracy --out docs/accuracy.md

models: $(VENV)/.dev
	$(BIN)/python tests/benchmarks/models --out docs/accuracy.md

clean:
	rm -rf $(VENV) build dist demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
