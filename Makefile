# Quietline. Two commands on a fresh machine: `make run` and `make test`.

PYTHON ?= python3
VENV   ?= .venv
ARCH   ?= arm64
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: demo-campaign help run test test-interop test-faults test-reach test-mutants test-property test-histories tables check token ticket rotate recover demo backup restore reach-example bench package recipients doctor content-check openapi pins format clean test-canary bench-directory pictures client fuzz test-soak test-schema

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.local ## serve both faces on 127.0.0.1:8000 and say what to open
	@exec $(BIN)/python -m chalicelib.local.run

WORKERS ?= 2
test: $(VENV)/.engines ## run the tests, two files at a time: WORKERS=2
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --ignore tests/e2e/test_schemathesis.py
	@# By itself: schemathesis gives all operations one name, and of a name workers run one.
	@$(BIN)/python -m pytest tests/e2e/test_schemathesis.py

COUNT ?= 1000
test-interop: $(VENV)/.dev ## messages sealed in a browser's WebCrypto open here, and back: COUNT=1000, and every bit
	@QUIETLINE_INTEROP_COUNT=$(COUNT) $(BIN)/python -m pytest tests/interop tests/browser -k "interop or chromium_and_python"

# FULL=1 breaks as often as we ever did (hours); without it, ten minutes at most on two cores.
KILLS ?= $(if $(FULL),1000,40)
POWER_CUTS ?= $(if $(FULL),1000,100)
MESSAGES ?= $(if $(FULL),10000,2000)
CUTS ?= $(if $(FULL),1000,100)
TURNS ?= $(if $(FULL),5000,300)
test-faults: RUNS = $(if $(FULL),20000,400)
test-faults: $(VENV)/.engines ## break everything on purpose, with bars and a report: KILLS= POWER_CUTS= MESSAGES= CUTS= TURNS= RUNS= REPORT=file.md FULL=1
	@QUIETLINE_KILLS=$(KILLS) QUIETLINE_POWER_CUTS=$(POWER_CUTS) QUIETLINE_MESSAGES=$(MESSAGES) QUIETLINE_RUNS=$(RUNS) \
		QUIETLINE_CUTS=$(CUTS) QUIETLINE_CLOCK_STEPS=$(TURNS) QUIETLINE_KEY_TURNS=$(TURNS) \
		QUIETLINE_EVERY_FAULT=$(FULL) $(BIN)/python tests/faults/drawing.py --title "Broken on purpose" --report "$(REPORT)" -- \
		$(BIN)/python -m pytest -p telling -n $(WORKERS) --dist loadfile --timeout $(if $(FULL),86400,600) \
		tests/faults tests/unit/test_overflow.py tests/aws/test_overflow_queue.py tests/property/test_life_of_a_request.py

JOBS ?= 2
test-mutants: $(VENV)/.engines ## plant one bug after the other, each of which a test must catch: ONLY="name name" JOBS=2
	@$(BIN)/python tests/mutating.py --jobs $(JOBS) $(ONLY)

SEED ?= $(shell date +%s)
test-property: RUNS = 3000
test-property: $(VENV)/.engines ## lead any lives against a model of the design: RUNS=3000, on tables 1 or 3 for each 100 of them, SEED=
	@echo "SEED=$(SEED)"
	@QUIETLINE_RUNS=$(RUNS) QUIETLINE_SEED=$(SEED) $(BIN)/python -m pytest -n $(WORKERS) tests/property/test_life_of_a_request.py --timeout 86400

HISTORIES ?= 200
test-histories: $(VENV)/.engines ## record what many see at once, and check that one after the other could have seen it: HISTORIES=200
	@QUIETLINE_HISTORIES=$(HISTORIES) $(BIN)/python -m pytest tests/faults/test_histories.py --timeout 86400

CASES ?= 5000
test-schema: $(VENV)/.dev ## invent requests from the contract and hold both faces to it: CASES=5000 REPORT=file.md
	@QUIETLINE_SCHEMA_CASES=$(CASES) $(BIN)/python tests/faults/drawing.py --title "Bad input, by the contract" --report "$(REPORT)" -- \
		$(BIN)/python -m pytest -p telling --timeout 86400 tests/e2e/test_schemathesis.py

fuzz: RUNS = $(if $(FULL),1000000,200000)
fuzz: $(VENV)/.fuzz ## feed the parsers what nobody would send: RUNS=200000 each, ONLY="token form", FULL=1, PROVE=1 plants bugs, REPORT=file.md
	@$(BIN)/python tests/faults/drawing.py --title "Bad input, by the million" --report "$(REPORT)" -- \
		$(BIN)/python tests/fuzz/run_fuzz.py --runs $(RUNS) --only "$(ONLY)" $(if $(PROVE),--prove)

MINUTES ?= $(if $(FULL),20,8)
RATE ?= 20
KILL_EVERY ?= 30
test-soak: $(VENV)/.dev ## mixed work at a steady rate while servers are killed in turns: MINUTES=8 RATE=20 KILL_EVERY=30 REPORT=file.md FULL=1
	@$(BIN)/python tests/faults/drawing.py --title "Soak" --words-too -- \
		$(BIN)/python tests/soak/soak.py --minutes $(MINUTES) --rate $(RATE) --kill-every $(KILL_EVERY) --report "$(REPORT)"

test-canary: $(VENV)/.engines ## plant a marker in every slot of every route, on both stores, in every weather; minutes
	@QUIETLINE_CANARY_ALL=1 $(BIN)/python -m pytest tests/privacy --timeout 1800

TABLES ?= 20000
TOTAL ?= 42
test-reach: $(VENV)/.dev ## let an attacker try published figures: TABLES=20000, hours; and every table with regions up to TOTAL=42
	@QUIETLINE_REACH_EXAMPLES=$(TABLES) QUIETLINE_REACH_TOTAL=$(TOTAL) $(BIN)/python -m pytest tests/property/test_reach_attacker.py --timeout 86400

tables: $(VENV)/.local ## make the DynamoDB tables on the engine that AWS_ENDPOINT_URL_DYNAMODB names
	@$(BIN)/python -c "from chalicelib.wiring import House; House.from_environment().make_tables()"

check: $(VENV)/.dev ## what CI checks: lint, types, layers, drift, content
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m chalicelib.local.contract --check
	$(BIN)/python -m chalicelib.local.client --check
	$(BIN)/python -m chalicelib.local.content_check
	$(BIN)/python tests/pins.py
	$(BIN)/python tests/bank_holidays.py

token: $(VENV)/.local ## a sign-in token: make token ROLE=practitioner|supervisor|... [SUB=name]
	@$(BIN)/python -m chalicelib.local.issuer token --role "$(ROLE)" --sub "$(SUB)"

ticket: $(VENV)/.local ## a code that signs in once, for the desk's sign-in window: make ticket ROLE=practitioner|... [SUB=name]
	@$(BIN)/python -m chalicelib.local.issuer ticket --role "$(ROLE)" --sub "$(SUB)"

rotate: $(VENV)/.local ## make a new desk key the current one; running servers follow
	@$(BIN)/python -m chalicelib.local.keys rotate

recover: $(VENV)/.local ## open one request with the recovery key: make recover KEY=file REQUEST=id BY=name
	@$(BIN)/python -m chalicelib.local.keys recover --key "$(KEY)" --request "$(REQUEST)" --by "$(BY)"

demo: $(VENV)/.local ## a day at the helpline, against a running server
	@$(BIN)/python -m chalicelib.local.demo

reach-example: $(VENV)/.local ## two years of made-up counts, published, and what the report says: make reach-example [INTO=FOLDER]
	@$(BIN)/python -m chalicelib.local.reach_example --into "$(INTO)"

demo-campaign: $(VENV)/.local ## the campaign of June 2018 from start to finish, on a server of its own
	@$(BIN)/python -m chalicelib.local.demo_campaign

bench: $(VENV)/.bench $(VENV)/.engines ## measure against peers, side by side, ten minutes: make bench [BENCH="--quick|--full"]
	@$(BIN)/python benchmarks/run.py $(BENCH)

bench-directory: $(VENV)/.bench ## measure the directory with 10,000 services, beside Powertools and FastAPI on Mangum
	@$(BIN)/python benchmarks/run.py --only directory

package: $(VENV)/.local ## a zip and a template for each face on AWS, in dist/: make package [ARCH=arm64|x86_64]
	@$(BIN)/python -m chalicelib.local.aws.package --arch $(ARCH)

recipients: $(VENV)/.local ## the stacks' parameter Recipients: make recipients KEYS="kms-1=public.json recovery-1=recovery.pem"
	@$(BIN)/python -m chalicelib.local.recipients $(KEYS)

doctor: $(VENV)/.local ## say what is wrong with a deployment's settings: make doctor [ENV=settings.json]
	@$(BIN)/python -m chalicelib.local.doctor $(ENV)

backup: $(VENV)/.local ## a copy of the requests while the server runs: make backup TO=FILE
	@$(BIN)/python -m chalicelib.local.backup --to "$(TO)"

restore: $(VENV)/.local ## put a copy back, and undo what it brought back: make restore FROM=FILE, with the server stopped
	@$(BIN)/python -m chalicelib.local.backup --from "$(FROM)"

pictures: $(VENV)/.dev ## take the README's pictures anew, in Chromium
	@QUIETLINE_PICTURES=docs/pictures $(BIN)/python -m pytest tests/browser/test_pictures.py

content-check: $(VENV)/.local ## refuse incomplete content, warn about stale content, packaged and published
	@$(BIN)/python -m chalicelib.local.content_check --published

openapi: $(VENV)/.local ## write the contract anew from the models
	@$(BIN)/python -m chalicelib.local.contract

client: $(VENV)/.dev ## write the Python client in examples/ anew from the contract
	@$(BIN)/python -m chalicelib.local.client

format: $(VENV)/.dev ## put code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove what was installed and built; data and keys stay
	rm -rf $(VENV) .engines dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Quietline needs Python 3.11 or newer; say which with PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.local: $(VENV)/bin/python requirements-local.txt
	@echo "Installing what is needed to run (once) ..." >&2
	@$(PIP) install -r requirements-local.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.local requirements-dev.txt
	@echo "Installing what is needed to test (once) ..." >&2
	@$(PIP) install -r requirements-dev.txt
	@touch $@

$(VENV)/.engines: $(VENV)/.dev tests/engines.py tests/aws/requirements.txt
	@echo "Installing the engines that stand in for AWS in tests (once) ..." >&2
	@PYTHONPATH=.:tests/package $(BIN)/python tests/engines.py
	@PYTHONPATH=tests/package $(BIN)/python -c "import cloud; cloud.install()"
	@touch $@

$(VENV)/.bench: $(VENV)/.dev benchmarks/requirements.txt
	@echo "Installing the peers to measure against (once) ..." >&2
	@$(PYTHON) -m venv benchmarks/.venv
	@benchmarks/.venv/bin/python -m pip --disable-pip-version-check --quiet install -r benchmarks/requirements.txt
	@touch $@

$(VENV)/.fuzz: $(VENV)/.dev tests/fuzz/requirements.txt
	@echo "Installing the fuzzer (once) ..." >&2
	@$(PIP) install --only-binary=:all: -r tests/fuzz/requirements.txt || \
		{ echo "atheris, the fuzzer, has no wheel for this system: make fuzz needs Linux (x86_64, aarch64) and Python 3.11 to 3.13."; exit 1; }
	@touch $@
