# Two commands matter: `make demo` tells the story, `make test` proves it. Both need Python >= 3.11 and a package index.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test matrix lint bench picture lock clean

demo: $(VENV)/installed
	@$(BIN)/python -m tests.fakes.github --port 0 --stage $(VENV)/github.toml \
		-- $(BIN)/launchplane-gate demo --github-stage $(VENV)/github.toml

# What is marked as thorough is slow, and runs with LAUNCHPLANE_GATE_THOROUGH=1 alone, as in CI. Hundreds of processes
# load the same modules: they may keep what they compile. Many tests wait, so that four at once keep two cores busy.
test: $(VENV)/installed-dev
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 4 --dist worksteal $(if $(LAUNCHPLANE_GATE_THOROUGH),,-m 'not thorough')

matrix: $(VENV)/installed-dev  # a process is killed at each point, where `make test` tries a few
	LAUNCHPLANE_GATE_MATRIX=whole $(BIN)/pytest -n 3 tests/line/test_crash_matrix.py tests/line/test_state_machine.py

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/launchplane-gate policy check

bench: $(VENV)/installed-dev
	$(BIN)/python -m tests.benchmarks

picture: $(VENV)/installed-dev  # the demo's terminal, as the README shows it
	$(BIN)/python -m tests.picture .github/demo.svg

lock: $(VENV)/installed-dev
	$(BIN)/pip freeze --exclude-editable | grep -v '^launchplane' > requirements.lock

clean:
	rm -rf $(VENV) .tools dist build .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "launchplane-gate needs Python 3.11 or newer; name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml requirements.lock
	@echo "Installing into $(VENV) (once) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[attest]'
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo "Installing what the tests need into $(VENV) (once) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
	@touch $@
