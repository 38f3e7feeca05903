CARGO ?= cargo
# Arguments for the demo and the benchmarks: make demo ARGS="--seed 7"
ARGS ?=

# What is fuzzed, and for how long.
TARGET ?= message
SECONDS ?= 60

.DEFAULT_GOAL := help
.PHONY: programs help fuzz demo install local-cloud deploy undeploy test check purity fence shape deny infra bench-memory bench-diff bench-lambda bench-segments sim sim-teeth scale scale-scan

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# In the profile of the tests: what moves bytes is optimised in it, and it is built in minutes (nine, cold, on two cores).
demo: ## Copy, interrupt, resume and prove on this machine: no account, no network
	$(CARGO) run -p longhaul-cli --bin longhaul -- demo $(ARGS)

install: ## Install the longhaul command
	$(CARGO) install --locked --path crates/longhaul-cli

local-cloud: programs ## Deploy the stack to an emulator of AWS on this machine, and walk through it
	target/debug/local-cloud $(ARGS)

deploy: ## Build and deploy the stack to AWS
	./scripts/deploy.sh $(ARGS)

undeploy: ## Delete the stack, and say what stays
	./scripts/undeploy.sh $(ARGS)

# Some tests and the benchmarks start the programs themselves, so these are built first; with all targets, since the features
# that tests add would otherwise build half of the dependencies a second time.
# The simulation is built and tested on its own: it asks the core for a switch that nothing that is shipped may have.
programs:
	$(CARGO) build --workspace --exclude simulation --all-targets

# Tests that need python3 and have none are named at the end. The emulator and the stores that others wrote are installed
# beforehand: a download may take longer than a test may.
test: export LONGHAUL_NOT_RUN_FILE = $(CURDIR)/target/not-run.txt
test: programs ## Run all tests
	@rm -f $(LONGHAUL_NOT_RUN_FILE)
	$(or $(CARGO_TARGET_DIR),target)/debug/install-emulator
	$(or $(CARGO_TARGET_DIR),target)/debug/install-foreign-stores
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		set -ex; $(CARGO) nextest run --workspace --exclude simulation; \
		$(CARGO) nextest run --cargo-profile sim -p simulation; \
	else \
		set -ex; $(CARGO) test --workspace --exclude simulation --lib --bins --tests -- \
			--skip stress:: --skip crash:: --skip round_trip::; \
		$(CARGO) test --workspace --exclude simulation --test it -- stress:: crash:: round_trip::; \
		$(CARGO) test --profile sim -p simulation --lib --bins --tests; \
	fi
	$(CARGO) test --doc --workspace --exclude simulation
	@if [ -s $(LONGHAUL_NOT_RUN_FILE) ]; then echo "NOT RUN, since this machine lacks something:"; sort -u $(LONGHAUL_NOT_RUN_FILE); fi

# LLVM's own coverage pass works on the stable toolchain. With --target, build scripts and macros go without it.
fuzz: export RUSTFLAGS = -Ccodegen-units=1 -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
	-Cllvm-args=-sanitizer-coverage-trace-compares
fuzz: export LONGHAUL_FUZZ_TARGET = $(TARGET)
fuzz: FUZZ_HOST = $(shell rustc -vV | sed -n 's/^host: //p')
fuzz: ## Fuzz a parser of the core, guided by coverage: make fuzz TARGET=message SECONDS=60 (wants a C++ compiler)
	$(CARGO) build --release --target $(FUZZ_HOST) --target-dir target/fuzz -p fuzz --features libfuzzer
	mkdir -p target/fuzz/found/$(TARGET)
	target/fuzz/$(FUZZ_HOST)/release/fuzz-target target/fuzz/found/$(TARGET) tests/fuzz/corpus/$(TARGET) \
		-max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=1024 -max_len=8192 -artifact_prefix=target/fuzz/$(TARGET)-

check: ## Check format, lints, documentation, purity of the core, the way of imports, and dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps
	./scripts/purity.sh
	python3 -B -m unittest discover -q -s scripts -p '*_test.py'
	./scripts/fence.py
	./scripts/deny.sh
	./scripts/lint-infra.sh

purity: ## Check that the core knows no AWS, database, HTTP, clock or environment
	./scripts/purity.sh

fence: ## Check that imports run one way, and that no folder is a heap
	./scripts/fence.py

shape: ## Measure functions and files: make shape, scripts/shape.py --compare REV counts code and assertions
	./scripts/shape.py

deny: ## Check licences, sources and duplicate versions of dependencies
	./scripts/deny.sh

infra: ## Check the templates
	./scripts/lint-infra.sh

# With SEED one seed is replayed with its steps; with SEEDS many are run on all cores, without steps.
sim: ## Simulate: make sim SEED=7 replays a seed, make sim SEEDS=100000 runs many
	$(CARGO) run --profile sim -p simulation --bin simulate -- $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),2000)) $(ARGS)

sim-teeth: ## Plant defects into the core, and show that the simulation finds each
	$(CARGO) run --profile sim -p simulation --bin simulate -- --teeth

scale: ## Count what a 50 TB object asks for, under virtual time
	$(CARGO) run --profile sim -p simulation --bin scale -- $(ARGS)

scale-scan: ## Scan ten million keys a side in ranges, under virtual time
	$(CARGO) run --profile sim -p simulation --bin scale-scan -- $(ARGS)

bench-memory: programs ## Measure memory while copying
	target/debug/memory $(ARGS)

bench-diff: programs ## Measure the comparison of two long listings
	target/debug/diff $(ARGS)

bench-segments: programs ## Measure one giant over 1, 2, 4 and 8 workers
	target/debug/bench-segments $(ARGS)

bench-lambda: programs ## Measure size and start of the Lambdas, as they are deployed
	$(CARGO) build --profile lambda -p worker -p jobsender
	target/debug/bench-lambda $(ARGS)
