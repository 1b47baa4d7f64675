# Every target sets up what it needs. `make` alone lists them.

VENV_PYTHON := .venv/bin/python
READY := .venv/.ready
COMPOSE ?= docker compose
SOURCES := shared services scripts tests $(wildcard examples benchmarks)
LABELS = $(shell scripts/image_labels.sh)
RELEASE = $(shell scripts/image_labels.sh --tags $(VERSION))
BENCH_PROGRAMS := benchmarks/build/load_client benchmarks/build/ideal_sender

.DEFAULT_GOAL := help
.PHONY: help setup run format check bench bench-quick soak test test-slow test-faults test-all test-clients sbom audit docs images up down clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## .venv with the pinned packages; Python 3.11 or newer, or name one: PYTHON=...

$(READY): requirements/dev.txt scripts/setup.sh
	@PYTHON="$(PYTHON)" scripts/setup.sh
	@touch $@

run: $(READY) ## both services without Docker, on the test pattern; PORT=8000 VIDEO_SOURCE=...
	@$(VENV_PYTHON) -m scripts.run
ifdef PORT
run: export RINGCAST_API__PORT := $(PORT)
endif

format: $(READY) ## layout and safe fixes by ruff
	$(VENV_PYTHON) -m ruff check --fix $(SOURCES)
	$(VENV_PYTHON) -m ruff format $(SOURCES)

check: $(READY) ## layout, lint, types, spelling, architecture: under ten seconds
	$(VENV_PYTHON) -m ruff format --check $(SOURCES)
	$(VENV_PYTHON) -m ruff check $(SOURCES)
	$(VENV_PYTHON) -m mypy
	$(VENV_PYTHON) -m codespell_lib
	$(VENV_PYTHON) -m pytest -q tests/test_architecture.py

# The real clients: a test that does not find one fails, it is not skipped.
test-clients:
	@scripts/apt_install.sh $$(cat tests/apt-packages.txt) \
		|| echo "going on without: tests with these clients will fail" >&2

test: $(READY) test-clients ## the quick tests; PYTEST_ARGS=...
	$(VENV_PYTHON) -m pytest -m "not slow and not docker and not faults" $(PYTEST_ARGS)

test-slow: $(READY) test-clients ## the rest: the long tests, and those with Docker
	$(VENV_PYTHON) -m pytest -m "(slow or docker) and not faults" $(PYTEST_ARGS)

test-faults: $(READY) test-clients ## every fault of docs/operating.md provoked, in containers too
	$(VENV_PYTHON) -m pytest -m faults $(PYTEST_ARGS)

test-all: test test-slow test-faults ## every test

bench: $(READY) $(BENCH_PROGRAMS) ## what clients cost, beside the ideal and the usual; asserts nothing; 9 minutes
	$(VENV_PYTHON) -m benchmarks.bench

bench-quick: $(READY) $(BENCH_PROGRAMS) ## a part of it: 90 seconds
	$(VENV_PYTHON) -m benchmarks.bench --quick

soak: $(READY) $(BENCH_PROGRAMS) ## clients come and go, services are killed: flat, or it fails; DURATION=1h (30s, 3m)
	$(VENV_PYTHON) -m benchmarks.soak --duration $(or $(DURATION),1h) $(if $(OUTPUT),--output $(OUTPUT))

benchmarks/build/%: benchmarks/%.c
	@command -v $(CC) >/dev/null || { echo "the bench needs a C compiler ($(CC)): apt install gcc libc6-dev" >&2; exit 1; }
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra -std=gnu17 -o $@ $<

sbom: $(READY) ## what the services are made of, as CycloneDX: artifacts/sbom-api.json, sbom-video.json
	@mkdir -p artifacts
	for service in api video; do \
		$(VENV_PYTHON) -W ignore::UserWarning:cyclonedx.model.bom -m cyclonedx_py requirements \
			requirements/$$service.txt --pyproject pyproject.toml --mc-type application --sv 1.6 \
			--of JSON --output-reproducible --validate -o artifacts/sbom-$$service.json || exit 1; \
	done

audit: $(READY) ## known vulnerabilities of the pinned packages; says so when it cannot look them up
	@PATH="$(CURDIR)/.venv/bin:$$PATH" $(VENV_PYTHON) -m scripts.audit

docs: $(READY) ## docs/configuration.md and config.example.jsonc anew from the settings
	$(VENV_PYTHON) -m scripts.configuration_docs

images: ## both container images, tagged with the version; VERSION=1.2.3 (default: pyproject.toml's)
	env $(RELEASE) $(COMPOSE) build

up: ## both services in containers, in the background
	env $(LABELS) $(COMPOSE) up --detach --build
	@echo "http://localhost:$(or $(PORT),8000)/"

down: ## the containers stopped and removed
	$(COMPOSE) down --volumes

clean: ## what the other targets leave behind, but .venv
	rm -rf build dist benchmarks/build *.egg-info artifacts htmlcov .coverage* \
		.mypy_cache .ruff_cache .pytest_cache .hypothesis
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
