# Every command a newcomer or a contributor needs; `make` alone lists them.
# GNU make 3.81 (macOS) is enough, and so is any Python of 3.11 or newer.

VENV := .venv
BIN := $(VENV)/bin
LOCKED := pyproject.toml uv.lock tools/install-venv
# One stamp for what the commands need, one for what the tests need on top.
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
COMPARE := $(VENV)/.installed-compare
MUTATE := $(VENV)/.installed-mutate
SPARK := $(VENV)/.installed-spark
# docs/reliability.md is generated from the results of these tests, collected in this file.
PROVING := $(addprefix tests/integration/,peers dialects faults bad_records load)
PROOFS := $(VENV)/proofs.jsonl
FAULTS := $(VENV)/faults.json
RUNNING_SQL := tests/unit/analytics tests/unit/contract tests/unit/dagster/test_checks.py \
  $(addprefix tests/integration/,analytics dialects bad_records load/test_load_again.py load/test_readme.py)
# Tests of one file share a worker, so that a server that a file starts is started once; in the order of
# the folders, so that long tests do not come last. One worker more than there are CPUs, of at most four: tests
# of other processes wait for disks, for servers and for each other.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1); [ "$$n" -lt 3 ] && echo $$((n + 1)) || echo 4)
PARALLEL := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# Simulated hourly loads of `make bench`: 8,760 are a year, and take an hour or more. For three million records:
# make bench BENCH_ARGS="first --size 3000000 --repeats 1"
BENCH_HOURS ?= 720
BENCH_ARGS ?=
# COVERAGE=1 measures line coverage, but of the tests that tests/conftest.py leaves out, and fails below the share
# in pyproject.toml: CI does. It takes a tenth more.
COVERAGE ?=
PYTEST_ARGS ?= $(PARALLEL) --durations=20 $(if $(COVERAGE),--cov --cov-report=)
FAST := tests/architecture tests/property tests/unit
# Empty, so that modules are compiled once and not by every command that a test starts.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-fast test-spark duckdb2 check audit lint format docs alarms recording reliability coverage bench compare soak pictures mutate simulate simulate-capacity dev build release release-files system-deps clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUN) ## Load a built-in emulator into data/ and show what to look at next
	$(BIN)/cbr-warehouse demo

# Where nothing may be skipped, pyspark is installed as well.
test: $(if $(filter 1,$(REQUIRE_ALL)),$(SPARK),$(DEV)) ## Run every test (REQUIRE_ALL=1: none may be skipped for a missing package)
	$(BIN)/pytest $(PYTEST_ARGS)

test-fast: $(DEV) ## Run the tests that need no server and no other process: unit, property and architecture
	$(BIN)/pytest $(PARALLEL) --durations=20 $(FAST)

test-spark: $(SPARK) ## Run the tests of engine = "spark" on a real cluster on loopback (needs Java 17; installs pyspark, 400 MB)
	$(BIN)/pytest --durations=10 $(SPARK_ARGS) tests/integration/spark

duckdb2: $(DEV) ## Run the tests of all that runs SQL on DuckDB 2, beside the locked version (docs/adr/0005)
	$(BIN)/uv run --no-sync --with duckdb==2.0.1 python -m pytest $(PARALLEL) $(RUNNING_SQL)

check: $(DEV) ## Check formatting, lint, types and the lock file, as CI and pre-commit do
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/uv lock --check --offline --quiet

audit: $(DEV) ## Ask the OSV database for known vulnerabilities of the locked packages (needs the network)
	$(BIN)/uv audit --frozen

lint: $(DEV) ## Check lint alone
	$(BIN)/ruff check .

format: $(DEV) ## Format the code and apply lint fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(DEV) ## Regenerate docs/tables.md, scale.md, analytics.md, alarms.md, controls.md, emulator.md, column lineage and names for Dagster, layers in CONTRIBUTING.md, counts in reliability.md
	$(BIN)/python -m cbr_warehouse.contract.docs_page > docs/tables.md
	$(BIN)/python -m cbr_warehouse.analytics.docs_page > docs/analytics.md
	$(BIN)/python -m cbr_warehouse.analytics.alarms_page > docs/alarms.md
	$(BIN)/python -m cbr_warehouse.controls.docs_page > docs/controls.md
	$(BIN)/python -m cbr_emulator.docs_page > docs/emulator.md
	$(BIN)/python tools/analytics_columns.py
	cd tests && ../$(BIN)/python -m support.dagster_snapshot > data/dagster/code_location.json
	$(BIN)/python tools/layers.py
	$(BIN)/python tools/scale.py
	$(BIN)/pytest -q --collect-only --faults $(FAULTS) tests >/dev/null
	$(BIN)/python tools/reliability.py --faults $(FAULTS)

ESTATES ?= 200
alarms: $(DEV) ## Measure precision and recall of every alarm on ESTATES simulated estates (ALARM_ARGS=--verbose prints what is wrong)
	cd tests && ../$(BIN)/python -m support.alarm_accuracy --estates $(ESTATES) $(ALARM_ARGS)
	$(BIN)/python -m cbr_warehouse.analytics.alarms_page > docs/alarms.md
	$(BIN)/python -m cbr_warehouse.controls.docs_page > docs/controls.md

recording: $(DEV) ## Record docs/demo.cast and docs/demo.svg, what a new user sees
	$(BIN)/python tools/record_demo.py

reliability: $(DEV) ## Try everything that could lose data, and write the results to docs/reliability.md
	rm -f $(PROOFS)
	$(BIN)/pytest $(PARALLEL) --proofs $(PROOFS) $(PROVING)
	$(BIN)/python tools/reliability.py $(PROOFS)

coverage: $(DEV) ## Write the line coverage of the last COVERAGE=1 make test to docs/reliability.md
	$(BIN)/python tools/reliability.py --coverage

bench: $(COMPARE) ## Measure loads beside dlt, pandas and DuckDB alone, and write docs/performance.md (BENCH_ARGS, BENCH_HOURS)
	$(BIN)/python benchmarks/performance --hours $(BENCH_HOURS) $(BENCH_ARGS)
	$(BIN)/python benchmarks/analytics_at_scale.py | tee benchmarks/performance/analytics.txt
	$(BIN)/python benchmarks/many_sources.py > benchmarks/performance/many_sources.md
	$(BIN)/python benchmarks/inventory_year.py > benchmarks/performance/inventory_year.md
	$(BIN)/python tools/performance.py
	$(BIN)/python tools/scale.py

compare: $(COMPARE) ## Load from the same hostile sources with dlt beside, and print what each lost
	$(BIN)/python benchmarks/compare

MINUTES ?= 10
soak: $(DEV) ## Load every minute for MINUTES with Dagster, kill everything at times, and print what was late, stuck or lost
	$(BIN)/python benchmarks/scheduled/soak.py --minutes $(MINUTES) $(SOAK_ARGS)

pictures: $(DEV) ## Take the pictures of Dagster's pages in docs/images/ again (needs chromium)
	$(BIN)/python tools/dagster_pictures.py

SAMPLE ?= 150
SEED ?= 1
ROOM ?= extract,raw,tables,load,warehouse
mutate: $(MUTATE) ## Change the code in small ways, and list the changes that no test notices (SAMPLE, SEED, ROOM)
	$(BIN)/python tools/mutate.py --sample $(SAMPLE) --seed $(SEED) --room $(ROOM)
	$(BIN)/python tools/mutation_page.py

LOADS ?= 5000
SIMULATE_ARGS ?=
# SEED has a default for make mutate: only one that was given selects a life.
simulate: $(DEV) ## Simulate LOADS loads of lives full of faults, a night's worth with LOADS=100000; SEED=81x336 lives one again
	cd tests && ../$(BIN)/python -m simulation $(if $(filter command%,$(origin SEED)),--seed $(SEED),--loads $(LOADS)) $(SIMULATE_ARGS)

CAPACITY_ARGS ?=
simulate-capacity: $(DEV) ## Simulate a year of hourly loads of 1,000 sources, and write docs/scale.md (CAPACITY_ARGS)
	$(BIN)/python benchmarks/capacity $(CAPACITY_ARGS)
	$(BIN)/python tools/scale.py

dev: $(DEV) ## Start Dagster's web interface on this checkout (state in .dagster/)
	[ -e "$${DAGSTER_HOME:-.dagster}/dagster.yaml" ] || $(BIN)/cbr-warehouse dagster-home "$${DAGSTER_HOME:-.dagster}"
	DAGSTER_HOME="$${DAGSTER_HOME:-$(CURDIR)/.dagster}" VIRTUAL_ENV="$(CURDIR)/$(VENV)" PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dg dev -w workspace.yaml

VERSION ?=
release: $(DEV) ## Commit and tag VERSION with its section of the changelog, and build its files (RELEASE_ARGS=--dry-run)
	$(BIN)/python tools/release.py $(VERSION) $(RELEASE_ARGS)

release-files: $(DEV) ## Build wheel, source distribution, requirements, SBOM and checksums of this commit into dist/
	$(BIN)/python tools/release.py --files

build: $(DEV) ## Build the wheel and the source distribution into dist/
	$(BIN)/hatchling build

system-deps: ## Install what tests need from Debian (as root)
	@tools/system-deps

clean: ## Remove what these commands made, but no data
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find pipelines tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN): $(LOCKED)
	tools/install-venv run
	touch $@

$(DEV): $(LOCKED)
	tools/install-venv dev
	touch $(RUN) $@

$(COMPARE): $(LOCKED)
	tools/install-venv compare
	touch $@

$(MUTATE): $(LOCKED)
	tools/install-venv mutate
	touch $(RUN) $(DEV) $@

$(SPARK): $(LOCKED)
	tools/install-venv spark
	touch $(RUN) $(DEV) $@
