# Two commands matter: `make demo` tells the story, `make test` proves it. Both need Python >= 3.11 and a package index.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test matrix lint audit fuzz bench picture lock clean

demo: $(VENV)/installed
	@$(BIN)/python -m tests.fakes.github --port 0 --stage $(VENV)/github.toml \
		-- $(BIN)/launchplane-gate demo --github-stage $(VENV)/github.toml

# What is marked as thorough is slow, and runs with LAUNCHPLANE_GATE_THOROUGH=1 alone, as in CI. Hundreds of processes
# load the same modules: they may keep what they compile. Many tests wait, so that four at once keep two cores busy.
test: $(VENV)/installed-dev
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 4 --dist worksteal $(REPORTS) $(if $(LAUNCHPLANE_GATE_THOROUGH),,-m 'not thorough')

matrix: $(VENV)/installed-dev  # a process is killed at each point, where `make test` tries a few
	LAUNCHPLANE_GATE_MATRIX=whole $(BIN)/pytest -n 3 tests/line/test_crash_matrix.py tests/line/test_state_machine.py

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy .github/gate/comment.py
	$(BIN)/launchplane-gate policy check

# What strangers would look for: in the packages, in the workflows that hold secrets, in the schemas that are shipped.
audit: $(VENV)/installed-dev
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive launchplane_gate plugins .github/gate
	$(BIN)/zizmor --quiet --offline .github/workflows .github/actions
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-actions .github/actions/*/action.yml
	$(BIN)/check-jsonschema --quiet --check-metaschema launchplane_gate/authoring/schemas/*.json

# Each parser of what strangers send, for some seconds, led by what of it was reached; where atheris can be had.
fuzz: $(VENV)/installed-dev
	$(BIN)/python -m tests.fuzz $(or $(FUZZ_S),5)

bench: $(VENV)/installed-dev
	$(BIN)/python -m tests.benchmarks

picture: $(VENV)/installed-dev  # the demo's terminal, as the README shows it
	$(BIN)/python -m tests.picture .github/demo.svg

# What is pinned stays so; `make lock UPGRADE=--upgrade` takes the newest that fit. The second file holds what only
# development needs, and fits the first, without which it is not whole. One lock is for every platform and Python.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command 'make lock' $(UPGRADE) pyproject.toml
lock: $(VENV)/installed-dev
	$(COMPILE) --group build $(addprefix --extra=,attest console github launchplane opa page postgres) -o requirements.lock
	$(COMPILE) --all-extras -c requirements.lock \
		$$(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' requirements.lock) -o requirements-dev.lock

clean:
	rm -rf $(VENV) .tools dist build .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "launchplane-gate needs Python 3.11 or newer; name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

# What is installed has a hash in the lock, whatever an index says; nothing is built but ourselves, by what is locked.
LOCKED = $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.lock

$(VENV)/installed: $(VENV)/bin/python pyproject.toml requirements.lock
	@echo "Installing into $(VENV) (once) ..."
	@$(LOCKED)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.lock
	@echo "Installing what the tests need into $(VENV) (once) ..."
	@$(LOCKED) -r requirements-dev.lock
	@touch $@
