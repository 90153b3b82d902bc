# Every target makes its own environment first: nothing but python3 (3.11 or newer, with venv), make and a package index
# is needed. Another interpreter: make PYTHON=python3.12 test. Another place for the environment: make VENV=/tmp/venv test.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Twice quiet: errors only.
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check

.PHONY: help install demo test test-clients lint format run bench lock clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    a sample provider, the proxy and three real SDKs, end to end, in under a minute"
	@echo "make run     the proxy on http://127.0.0.1:4000 (ARGS=\"--port 4001\" adds options of mergecost serve)"
	@echo "make test    every test (ARGS=\"tests/proxy -x\" adds options of pytest)"
	@echo "make test-clients  Claude Code, Codex, Gemini CLI, opencode and aider through the proxy (needs npm, PyPI, 2 GB)"
	@echo "make lint    style, types and import contracts"
	@echo "make format  rewrite the code in the project's style"
	@echo "make bench   requests per second and CPU per request beside a direct call"
	@echo "make lock    pin every dependency anew (needs uv)"

install: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "mergecost needs Python 3.11 or newer, and $(PYTHON) is not: $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Installing into $(VENV) (once, about a minute) ..."
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps -e .
	@touch $@

demo: $(INSTALLED)
	@$(BIN)/python -m attribution.demo $(ARGS)

run: $(INSTALLED)
	@$(BIN)/mergecost serve $(ARGS)

test: $(INSTALLED)
	@$(BIN)/python -m pytest $(ARGS)

test-clients: $(INSTALLED)
	@$(BIN)/python -m tests.clients.install
	@$(BIN)/python -m pytest tests/clients $(ARGS)

lint: $(INSTALLED)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PYTHONPATH=. $(BIN)/lint-imports --no-logo

format: $(INSTALLED)
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

bench: $(INSTALLED)
	@$(BIN)/python -m benchmarks $(ARGS)

# No index addresses in the lock file: it serves every index that holds the same files.
lock:
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/" >&2; exit 1; }
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --all-extras pyproject.toml -o requirements.lock --quiet

clean:
	@rm -rf $(VENV) .clients .demo .bench build dist *.egg-info
