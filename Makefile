# Everything starts from a bare Debian with Python 3.11, git and make; `.venv` is made on the way.
PYTHON ?= python3
BIN := .venv/bin
LOCK := requirements/dev.txt
UV := $(BIN)/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

.PHONY: setup serve demo quality quality-quick bench test test-fast storm compose-test docs check format lock clean

setup: .venv/ready

# uv itself comes from the lock, by pip, hashes checked; then it installs the rest in half a minute. Where Python may
# not write bytecode, each process would compile torch's sources: 5 s of each start instead of 2.
.venv/ready: $(LOCK) pyproject.toml tests/clients/typescript/package-lock.json
	$(PYTHON) -m venv .venv
	awk '/^uv==/ {on=1} on {print} on && !/\\$$/ {exit}' $(LOCK) > .venv/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .venv/uv.txt
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r $(LOCK)
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	$(BIN)/python -m tests.clients.typescript.packages
	touch $@

serve: setup
	$(BIN)/imprint serve

demo: setup
	$(BIN)/python examples/digits.py

# The peers get an environment of their own, with the same torch; docs/evidence/performance.md is written anew.
.venv-peers/ready: .venv/ready requirements/peers.txt
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-peers
	$(BIN)/uv pip install --quiet --python .venv-peers/bin/python -r requirements/peers.txt
	touch $@

bench: .venv-peers/ready
	$(BIN)/python -m benchmarks.performance

# On the photographs in ../shared/data: half an hour on two cores, and docs/evidence/quality.md is written anew; or a few of them.
quality: setup
	$(BIN)/python -m benchmarks.quality

quality-quick: setup
	$(BIN)/python -m benchmarks.quality --quick

# Two test processes on two cores: each with one thread of its own, or they wait for each other.
test: setup
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup

# Without those of tests/slow_tests.py: under two minutes.
test-fast: setup
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup -m 'not slow and not storm and not compose'

# The long forms of the tests with faults, and those that have one form; their results become docs/evidence/reliability.md.
FAULT_TESTS := $(addprefix tests/,worker/jobs/prepare/test_hostile.py worker/queue/test_supervisor.py \
	worker/reporting/test_recorder.py worker/training/engine/test_checkpoint.py \
	worker/training/engine/test_checkpoint_killed.py app/uploads/test_endpoints.py app/models/test_weights.py \
	e2e/test_idempotent_kill.py)
storm: setup
	OMP_NUM_THREADS=1 $(BIN)/pytest $(FAULT_TESTS) --measurements docs/evidence/reliability.json
	OMP_NUM_THREADS=1 $(BIN)/pytest tests -m storm --timeout 3600 --measurements docs/evidence/reliability.json

# The whole stack in containers, which takes Docker, root and some 15 GB; what it saw becomes docs/evidence/compose.md.
compose-test: setup
	$(BIN)/pytest -x -m compose tests/compose --timeout 3600 --measurements docs/evidence/compose.json

# What is generated from the code; a test fails where the committed file is stale.
docs: setup
	$(BIN)/python -m app.cli.settings_reference docs/reference/settings.md
	$(BIN)/python -m app.cli.api_reference docs/reference

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# After a change of the dependencies in pyproject.toml. The peers share torch with us, and nothing else.
lock: setup
	$(COMPILE) pyproject.toml --extra worker --group dev -o $(LOCK)
	$(COMPILE) pyproject.toml -c $(LOCK) -o requirements/api.txt
	$(COMPILE) pyproject.toml --extra worker -c $(LOCK) -o requirements/worker.txt
	grep -oE '^torch(vision)?==[^ ]+' $(LOCK) > .venv/torch.txt
	$(COMPILE) requirements/peers.in -c .venv/torch.txt -o requirements/peers.txt

clean:
	rm -rf .venv .venv-peers demo-data .pytest_cache .mypy_cache .ruff_cache
