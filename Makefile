# Earnest's tasks. `make install` is enough to run it, `make test` to change it.
.POSIX:
.PHONY: install demo test lint bench mutants openapi messages lock format clean

BIN = .venv/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet install --no-deps --require-hashes

install: .venv/installed

.venv/installed: requirements.lock pyproject.toml tools/make-venv
	tools/make-venv
	$(PIP) -r requirements.lock
	$(BIN)/python -m pip --disable-pip-version-check --quiet install --no-deps --no-build-isolation --editable .
	touch $@

# A filled marketplace to look around in, till Ctrl-C; PORT=8001 for another port.
PORT = 8000
demo: .venv/installed
	$(BIN)/earnest demo --port $(PORT)

.venv/dev: .venv/installed requirements-dev.lock
	$(PIP) -r requirements-dev.lock
	touch $@

# Without PostgreSQL, a browser or curl (3) the tests that need it are left out, and say so.
test: .venv/dev
	$(BIN)/python -m tools.postgres install >/dev/null || test $$? -eq 3
	$(BIN)/python -m tools.browser install >/dev/null || test $$? -eq 3
	$(BIN)/python -m tools.debian curl || test $$? -eq 3
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Results go to bench/results; bench/README.md says what they mean. Without PostgreSQL (3) what needs it is left out.
bench: .venv/dev
	$(BIN)/python -m tools.postgres install >/dev/null || test $$? -eq 3
	$(BIN)/python -m bench.run

# Changes the rules in small ways, one at a time, and sees whether a test notices; tests/README.md says more.
mutants: .venv/dev
	rm -rf mutants
	EARNEST_TEST_EFFORT=mutants $(BIN)/mutmut run
	$(BIN)/mutmut results

# The kept document, and the examples in it, as the API is now; a test compares.
openapi: .venv/dev
	$(BIN)/python -m tools.openapi

# What the pages say, for translators; a test compares.
messages: .venv/dev
	$(BIN)/python -m tools.messages

# Takes the newest versions that pyproject.toml and package.json allow.
lock: .venv/dev
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url \
		--no-emit-trusted-host --no-emit-find-links --no-header --extra build --output-file requirements.lock pyproject.toml
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url \
		--no-emit-trusted-host --no-emit-find-links --no-header --extra build --extra dev --output-file requirements-dev.lock pyproject.toml
	cd tests/browser && npm update --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund

clean:
	rm -rf .venv build mutants tests/browser/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
