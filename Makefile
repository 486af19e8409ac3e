# Pellucid from a bare clone: each target makes .venv and installs what it needs, once.
#
#   make demo    train a network to read handwritten digits, then show what it says about one
#   make test    run the tests
#   make check   formatting, lint, types
#   make bench   run the benchmarks beside the peers (they get an environment of their own)
#   make bench-quick   four of them against the fastest peers, in under three minutes
#   make clean   remove what the other targets made, except runs/
#
# PYTHON=... chooses the Python that .venv is made with; ARGS=... is handed on to pytest or the
# benchmarks.

SHELL := /bin/sh
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
CANDIDATES := $(PYTHON) python3.13 python3.12 python3.11 python3 python

.DEFAULT_GOAL := help
.PHONY: help demo test check bench bench-quick clean

help:
	@sed -n 's/^#   //p' Makefile

demo: $(INSTALLED)
	$(VENV)/bin/pellucid train digits
	$(VENV)/bin/pellucid predict runs/latest --sample 7

test: $(INSTALLED)
	$(RUN) -m pytest -q -n auto $(ARGS)

check: $(INSTALLED)
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy

bench: $(INSTALLED)
	$(RUN) benchmarks/run.py $(ARGS)

bench-quick: $(INSTALLED)
	$(RUN) benchmarks/run.py --quick $(ARGS)

clean:
	rm -rf $(VENV) .venv-peers build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache
	rm -f src/pellucid/kernels/*.so
	find src tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. A candidate counts if it runs, is new enough and can make environments.
$(RUN):
	@for python in $(CANDIDATES); do \
	    if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	        >/dev/null 2>&1; then \
	        echo "Making $(VENV) with $$($$python --version)"; \
	        exec $$python -m venv $(VENV); \
	    fi; \
	done; \
	echo "Pellucid needs Python 3.11 or newer with its venv module, and none was found." >&2; \
	echo "Install one (on Debian or Ubuntu: apt install python3 python3-venv), or name it:" >&2; \
	echo "make PYTHON=/path/to/python3" >&2; \
	exit 1

$(INSTALLED): pyproject.toml setup.py $(wildcard src/pellucid/kernels/native/*) | $(RUN)
	@echo "Installing Pellucid and what it needs into $(VENV) (once; a minute or more)"
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
