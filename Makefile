CARGO ?= cargo
# Arguments for the demo and the benchmarks: make demo ARGS="--seed 7"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo install test check purity deny bench-memory bench-diff

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Copy, interrupt, resume and prove on this machine: no account, no network
	$(CARGO) run --release -q -p longhaul-cli --bin longhaul -- demo $(ARGS)

install: ## Install the longhaul command
	$(CARGO) install --locked --path crates/longhaul-cli

# Some tests start the programs themselves, so they are built first.
test: ## Run all tests
	$(CARGO) build --workspace --bins
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		set -ex; $(CARGO) nextest run --workspace; \
	else \
		set -ex; $(CARGO) test --workspace --lib --bins --tests; \
	fi
	$(CARGO) test --doc --workspace

check: ## Check format, lints, documentation, purity of the core, and dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps
	./scripts/purity.sh
	./scripts/deny.sh

purity: ## Check that the core knows no AWS, database, HTTP, clock or environment
	./scripts/purity.sh

deny: ## Check licences, sources and duplicate versions of dependencies
	./scripts/deny.sh

bench-memory: ## Measure memory while copying
	$(CARGO) run --release -p benchmarks --bin memory -- $(ARGS)

bench-diff: ## Measure the comparison of two long listings
	$(CARGO) run --release -p benchmarks --bin diff -- $(ARGS)
