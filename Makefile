# Everything here needs Python 3.11 or newer, and nothing else; tests with Node tools are skipped where those are absent.
# PYTHON=/path/to/python names one that is not found by itself.

PYTHON ?=
BIN := .venv/bin
INSTALLED := .venv/.installed
PACKAGES := conformance mocks scenarios reports

.DEFAULT_GOAL := help
.PHONY: help install demo test lint bench many-cases sweep lock clean

help:
	@echo "make install   create .venv with bin/joinedup from requirements.lock"
	@echo "make demo      install, then check a bundled agency and play its journeys"
	@echo "make test      install, then run every test"
	@echo "make lint      install, then formatting, types and layers"
	@echo "make bench     install, then measure beside rivals, with a table of what is met (five minutes)"
	@echo "make many-cases  send 24,000 generated and 12,000 odd requests to the bundled agencies (five minutes)"
	@echo "make sweep     look for every defect of the test service, in every style (half an hour)"
	@echo "make lock      renew requirements.lock from pyproject.toml"
	@echo "make clean     remove what the other targets made"

install: $(INSTALLED)

# The stamp is written last, so that an installation that broke off starts again. Bytecode is written here, because
# many containers forbid it later (PYTHONDONTWRITEBYTECODE), and each of a run's processes would compile everything.
$(INSTALLED): requirements.lock pyproject.toml
	@set -e; python="$(PYTHON)"; \
	for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	  test -n "$$python" || ! "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || python="$$name"; \
	done; \
	test -n "$$python" || { echo "Python 3.11 or newer was not found. Install it, or say where it is: make PYTHON=/path/to/python" >&2; exit 2; }; \
	"$$python" -m venv .venv
	$(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q $(PACKAGES)
	@touch $@

demo: install
	$(BIN)/joinedup check --quick

test: install
	$(BIN)/pytest -n 2 --dist loadfile

# mypy follows the packages through links, because it does not follow setuptools' import hook. It takes packages or
# files, so it runs twice; the second time it looks for modules where pytest does, in each folder of tests that is
# no package.
lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@mkdir -p .types/joinedup
	@for package in $(PACKAGES); do ln -sfn "../../$$package" ".types/joinedup/$$package"; done
	$(BIN)/mypy
	MYPYPATH=$$(find tests -type d -not -name __pycache__ -not -path '*/node_modules*' | while read -r folder; do \
	  test -e "$$folder/__init__.py" || echo "$$folder"; done | paste -sd : -) $(BIN)/mypy tests
	$(BIN)/pytest -q tests/test_layers.py

bench: install
	$(BIN)/python tests/bench.py

many-cases: install
	$(BIN)/python tests/many_cases.py

sweep: install
	$(BIN)/python tests/sweep.py

# setuptools builds the project itself, without a download that no hash covers.
lock:
	echo 'setuptools>=77' | uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	  --custom-compile-command 'make lock' --extra dev pyproject.toml - --output-file requirements.lock

clean:
	rm -rf .venv .types .joinedup .hypothesis .schemathesis .pytest_cache .mypy_cache .ruff_cache
	rm -rf build dist allure-results bench.json ./*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
