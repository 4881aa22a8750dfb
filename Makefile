# Two commands on a fresh machine: `make demo` and `make test`. Both create .venv where it is missing and reuse it.
# PYTHON selects the interpreter (3.11 to 3.13), WORKERS the number of test processes. Each test file runs in one
# process, because its tests share expensive fixtures; each process needs 1 to 2 GB for TensorFlow.
PYTHON ?= $(firstword $(foreach name,python3.13 python3.12 python3.11 python3,$(shell $(name) -c 'import sys; print("$(name)") if (3, 11) <= sys.version_info < (3, 14) else None' 2>/dev/null)))
BIN := .venv/bin
WORKERS ?= 2
# TensorFlow without the code for GPUs, a wheel of half the size; TENSORFLOW=gpu installs it with this code and with CUDA.
TENSORFLOW ?= cpu
INSTALL = $(BIN)/python .ci/requires.py $(TENSORFLOW) $(1) > .venv/requires.txt && \
	$(BIN)/python -m pip install --disable-pip-version-check --requirement .venv/requires.txt && \
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --editable .

# What computes; the rest of the suite is the same on every backend, or runs too long with JAX on a CPU.
JAX_TESTS := tests/test_backend.py tests/test_stored_ascent.py tests/backend tests/networks tests/dreams tests/evidence tests/comparison tests/attribution
JAX_CACHE := JAX_COMPILATION_CACHE_DIR="$(CURDIR)/build/jax" JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0.1

.PHONY: demo test thorough jax lint types js check docs wheel bench lock fuzz clean

demo: .venv/installed
	$(BIN)/dreamfilters demo

test: .venv/tested
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

# All tests: more kills, damages and mutated files, and every combination of parameters.
thorough: .venv/tested
	DREAMFILTERS_TESTS=thorough $(MAKE) --no-print-directory test

# The tests of what computes, where Keras runs on JAX, in an environment of its own without TensorFlow.
jax: .venv-jax/tested
	KERAS_BACKEND=jax $(JAX_CACHE) .venv-jax/bin/python -m pytest --numprocesses $(WORKERS) --dist loadfile \
		--no-loadscope-reorder -m 'not slow' $(JAX_TESTS)

lint: .venv/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/tested
	$(BIN)/mypy

# The scripts of the viewer need no build; node only checks them: lint, types, unit tests.
js:
	@if command -v npm > /dev/null; then $(MAKE) --no-print-directory node_modules/.package-lock.json && npm run --silent check; \
	else echo "The scripts of the viewer are not checked: npm is not installed (it comes with node 20.19 or later)."; fi

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

check: lint types js test

docs: .venv/documented
	$(BIN)/python -m sphinx --builder html --fail-on-warning --nitpicky --keep-going --quiet docs build/docs
	@echo "build/docs/index.html"

wheel: .venv/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check build 'setuptools>=77'
	$(BIN)/python -m tests.wheel

bench: .venv/tested
	$(BIN)/python -m tests.benchmarks

# Thousands of mutated files; the suite opens 200, CI 600. Faults are stored in build/fuzz/faults.
fuzz: .venv/tested
	$(BIN)/python -m tests.fuzz --jobs $(WORKERS)

# Renews the versions and checksums that CI installs, for Python 3.11 to 3.13: all extras but those for GPUs.
LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --custom-compile-command 'make lock'
lock: .venv/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check uv
	$(LOCK) pyproject.toml .ci/requirements.in --override .ci/overrides.txt \
		$(addprefix --extra ,test jax embedding umap matplotlib cluster docs) --output-file .ci/requirements.txt
	$(LOCK) .ci/keras-hub.in --no-deps --output-file .ci/keras-hub.txt

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "dreamfilters needs Python 3.11, 3.12 or 3.13: none was found; set PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml .ci/requires.py
	$(call INSTALL)
	@touch $@

.venv/tested: .venv/bin/python pyproject.toml .ci/requires.py
	$(call INSTALL,test)
	@touch $@ .venv/installed

.venv-jax/tested: pyproject.toml .ci/install-jax .ci/requirements.txt
	PYTHON=$(PYTHON) bash .ci/install-jax

.venv/documented: .venv/bin/python pyproject.toml .ci/requires.py
	$(call INSTALL,docs)
	@touch $@ .venv/installed

clean:
	rm -rf .venv .venv-jax node_modules build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .coverage
