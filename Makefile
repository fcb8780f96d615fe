# `verify` only reads, `fix` writes. Everything here runs on two cores and without a network
# beyond the registries that cargo and apt use.

CARGO ?= cargo
SEED ?=
SEEDS ?= 20000
MODE ?= bully
SOAK ?= 600
MODEL ?= 480
FUZZ ?= 60

.PHONY: help demo test verify check lint docs features mutants sim model fuzz fuzz-runs soak deny fix dist deb image test-install bench bench-all

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

demo: ## three nodes on this machine: a leader, its death, its successor
	$(CARGO) run --release --locked -- demo

test: ## all tests, and what they need
	scripts/deps
	$(CARGO) test --workspace --locked

verify: check test test-install seeds mutants fuzz-runs ## all that CI asks
check: lint features docs deny

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) clippy -p bully --no-default-features --locked -- -D warnings

features: ## the library without its program brings no clap, axum or reqwest
	scripts/library-dependencies

docs: ## the documentation builds without a warning
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

mutants: ## each known breakage of the rules is caught by the check that is named for it
	scripts/mutants

seeds: ## SEEDS=20000 random runs of quorum mode, from the first on
	MODE=quorum SEED=1 SEEDS=$(SEEDS) $(CARGO) run --profile sim --locked -p bully-sim

sim: ## SEEDS=20000 random runs of MODE=bully or quorum, or the one run SEED=n
	MODE=$(MODE) SEED=$(SEED) SEEDS=$(SEEDS) $(CARGO) run --profile sim --locked -p bully-sim

model: ## MODEL=480 seconds of exhaustive search of quorum mode, then random walks, or the one walk SEED=n
	MODEL=$(MODEL) SEED=$(SEED) $(CARGO) run --profile sim --locked -p bully-model

fuzz: ## FUZZ=60 seconds of hostile input for each thing that reads any
	scripts/deps fuzz
	scripts/fuzz $(FUZZ)

fuzz-runs: ## the same number of runs for each, the same each time
	scripts/deps fuzz
	scripts/fuzz

bench: ## a few trials of every figure, beside other systems, within 10 minutes of the build
	scripts/bench run

bench-all: ## all trials, and every run of 30 minutes: hours
	scripts/bench run --all

dist: ## the static binary as a tarball: completions, manual page, service, licences
	scripts/dist

deb: dist ## a Debian package of it
	scripts/deb

image: dist ## a container image of it, where podman is installed
	scripts/image

test-install: ## what is shipped, unpacked, installed, run and removed
	scripts/test-install

soak: ## SOAK=600 seconds of writers with tokens through random faults, and as long of faults and of a switch that flaps in bully mode
	SOAK=$(SOAK) SEED=$(SEED) $(CARGO) test --release --locked -p bully --test soak -- --nocapture
	SOAK=$(SOAK) SEED=$(SEED) $(CARGO) test --release --locked -p bully --test lan -- --nocapture chaos flapping

deny: ## licences, sources and bans of the dependencies; CI does not go without
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		$(CARGO) deny --all-features check bans licenses sources; \
	elif [ "$$CI" = true ]; then \
		echo "cargo-deny is not installed (.ci/run does it, or cargo install --locked cargo-deny)" >&2; exit 1; \
	else \
		echo "skipped: cargo-deny is not installed (cargo install --locked cargo-deny)"; \
	fi

fix: ## formats, and mends what clippy can mend
	$(CARGO) clippy --workspace --all-targets --fix --allow-dirty --allow-staged
	$(CARGO) fmt --all
