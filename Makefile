# Two commands do all the set-up: `make demo` and `make test`. Both may be run again at any time.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test test-fast coverage browser lint docs clean

demo: $(INSTALLED)
	$(BIN)/gradsentry scan examples/facts/poisoned.jsonl --label-column poisoned \
		--out build/demo --force

test: $(INSTALLED) lint
	$(BIN)/python -m pytest

# Without the modules that are marked as slow: under two minutes, and no network.
test-fast: $(INSTALLED)
	$(BIN)/python -m pytest -m 'not slow'

# All tests again, and an error if they run less than 95% of the lines.
coverage: $(INSTALLED)
	$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered --cov-fail-under=95

# Debian's Chromium, if no browser is here and this is allowed: tests of pages need one.
browser:
	command -v chromium || command -v chromium-browser || command -v google-chrome || \
		{ apt-get update --quiet=2 && apt-get install --yes --quiet=2 chromium >/dev/null; } || \
		echo "No Chromium: the tests of pages will be skipped."

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The documentation as a site, in build/site; a broken link is an error.
docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# constraints.txt holds the versions that were tested together. On a machine without a GPU, install
# the CPU build of PyTorch into .venv first if your package index serves the CUDA build.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* htmlcov
