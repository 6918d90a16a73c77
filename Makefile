# demo   install, then the whole job on a small set that is made on the spot
# test   install, then every test (slow ones too), with coverage
# lint   ruff and mypy            bench   measurements (they assert no times)
# wheel  what runs in the page fetched and verified, then a wheel that ships it, in dist/
# VENV=folder puts the virtual environment elsewhere; PYTHON=python3.12 makes it with another Python.

PYTHON ?= python3
VENV ?= .venv
BIN := $(abspath $(VENV))/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
EPOCHS ?= 12

.PHONY: demo test lint bench wheel clean

demo: $(VENV)/installed
	rm -rf demo && mkdir demo
	cd demo && $(BIN)/generators sample
	cd demo && $(BIN)/datatools convert
	cd demo && $(BIN)/datatools stats --plot stats.png
	cd demo && $(BIN)/generators overlay --report overlay
	cd demo && $(BIN)/datatools balance --target equal
	cd demo && $(BIN)/detector train --epochs $(EPOCHS) --img-size 256
	cd demo && $(BIN)/detector evaluate
	cd demo && $(BIN)/detector detect data/balanced/images/val
	@echo "Look at demo/runs/detect/1/, demo/overlay/report.html, demo/stats.png and demo/runs/train/1/."

test: $(VENV)/installed-test
	$(BIN)/python -m coverage erase
	$(BIN)/python -m pytest --cov --cov-report= $(TESTS)
	$(BIN)/python -m coverage report --fail-under=85

lint: $(VENV)/installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy datatools generators detector

bench: $(VENV)/installed-test
	$(BIN)/python tests/benchmarks/convert.py $(MANY)
	$(BIN)/python tests/benchmarks/balance.py
	$(BIN)/python tests/benchmarks/scale.py --records 80000 --pictures 4000
	$(BIN)/python tests/benchmarks/landmarks.py
	$(BIN)/python tests/benchmarks/overlay.py
	[ -z "$$PEER_MASKTHEFACE" ] || $(BIN)/python tests/benchmarks/overlay_peer.py
	$(BIN)/python tests/benchmarks/loader.py
	$(BIN)/python tests/benchmarks/evaluate.py --pictures 1000
	$(BIN)/python tests/benchmarks/train.py
	$(BIN)/python tests/benchmarks/inference.py

wheel: $(VENV)/installed
	$(BIN)/detector serve --fetch-runtime
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: setup.cfg constraints.txt | $(VENV)/bin/python
	$(PIP) --editable ".[landmarks]"
	@touch $@

# labelImg's own writers are an oracle of the tests; its window (PyQt5) is not needed for that
$(VENV)/installed-test: $(VENV)/installed
	$(PIP) --editable ".[test,landmarks]"
	$(PIP) --no-deps labelImg || echo "labelImg cannot be installed here: its tests will say that they skip"
	$(BIN)/detector serve --fetch-runtime || echo "the page's runtime cannot be fetched: browser mode's tests will say that they skip"
	@touch $@

$(VENV)/installed-lint: $(VENV)/installed
	$(PIP) --editable ".[lint]"
	@touch $@
