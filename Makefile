# Every target sets up what it needs: a fresh clone with Python 3.11 is enough.
.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
SCRIPTS := start-service.sh .ci/run deploy/containers.sh tests/deploy/install-tools tests/kubernetes/install-server $(wildcard tests/container/images/*/start)

.PHONY: help setup test test-unit test-container test-kubernetes lint format lock docs bench kafka deploy-tools clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/ready: requirements.txt requirements-dev.txt requirements-demo.txt requirements-duckdb.txt | $(BIN)/python
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements-demo.txt
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements-duckdb.txt
	@touch $@

setup: $(VENV)/ready ## the virtual environment with everything in it

test: setup ## unit, integration, deploy, e2e
	$(BIN)/pytest

test-unit: setup ## the fast ones
	$(BIN)/pytest tests/unit

test-container: setup ## the image and compose, on a real Docker engine (as root on Debian it is installed)
	$(BIN)/pytest tests/container --override-ini timeout=600

test-kubernetes: setup .tools/ready .tools/server/ready ## the manifests, on a real API server (Go; builds for a while)
	$(BIN)/pytest tests/kubernetes --override-ini timeout=600

lint: setup ## ruff, mypy, import contracts, shellcheck
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck $(SCRIPTS)

format: setup ## what ruff can mend by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: setup ## requirements.txt and its sisters from the .in files
	$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-strip-extras --python-version 3.11 --no-emit-index-url --no-header requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-strip-extras --python-version 3.11 --no-emit-index-url --no-header requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-deps --no-emit-index-url --no-header requirements-demo.in -o requirements-demo.txt
	$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-deps --python-version 3.11 --no-emit-index-url --no-header requirements-duckdb.in -o requirements-duckdb.txt

docs: setup ## what is generated from the code
	$(BIN)/python app.py describe docs

bench: setup ## trigger-to-verdict latency and intake over HTTP and Kafka, beside their floors
	$(BIN)/python -m bench.latency
	$(BIN)/python -m bench.intake
	$(BIN)/python -m bench.kafka

kafka: setup ## a Kafka broker in the foreground (Java 17 and Maven), until Ctrl-C
	@$(BIN)/python -m standalone.kafka

deploy-tools: .tools/ready ## kustomize and KEDA's schemas, for the tests of the manifests (Go)

.tools/ready: tests/deploy/install-tools
	tests/deploy/install-tools
	@touch $@

.tools/server/ready: tests/kubernetes/install-server tests/kubernetes/server/go.mod
	tests/kubernetes/install-server
	@touch $@

clean: ## everything that was made here
	rm -rf $(VENV) .stringx .kafka .tools .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
