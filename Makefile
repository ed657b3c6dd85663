# `make run` and `make test` do all the set-up themselves.

# What `tools/profile` writes, and how the compiler is told of it. It fits what is built for a target by its name.
HOST = $(shell rustc --print host-tuple)
PROFILE := $(wildcard candor.profdata)
USE_PROFILE := $(PROFILE:%=-Cprofile-use=$(CURDIR)/% -Cllvm-args=-pgo-warn-missing-function=false)

.PHONY: run test setup check dist bench instructions baseline front fuzz geo sbom tracker simulate faults faults-full

# Everything on this machine, with the built-in demo policy: http://127.0.0.1:8080/
run: setup
	cargo build --release --locked -p candor -p candor-clickhouse
	exec ./target/release/candor up

# All tests, against the real ClickHouse engine.
test:
	./tools/setup --tests
	cargo build --locked --workspace --bins
	cargo test --locked --workspace --no-fail-fast

# Formatting, dependencies, lints and documentation.
check:
	cargo fmt --all --check
	./tools/deny
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items

# The program for collectors under load, target/dist/candor: more than ten minutes, and best after `tools/profile`.
dist:
	RUSTFLAGS="$(USE_PROFILE)" CANDOR_BUILD="dist$(PROFILE:%=, with a profile)" cargo build --locked --profile dist --target $(HOST) -p candor
	install -D target/$(HOST)/dist/candor target/dist/candor

# Builds the tracker that the program carries, and prints its size; commit what it writes.
tracker:
	cd tracker && npm ci --silent && npm run --silent build

# The sink in a million worlds where everything goes wrong; CANDOR_SIMULATION_FIRST begins at another seed.
simulate:
	CANDOR_SIMULATION_SCHEDULES=$${CANDOR_SIMULATION_SCHEDULES:-1000000} cargo test --release --locked -p candor-tests --test simulation no_schedule -- --nocapture

# Hostile bytes for every parser, more than 10,000,000; built as tests are, so that numbers that overflow are seen.
fuzz: setup
	CANDOR_FUZZ_INPUTS=$${CANDOR_FUZZ_INPUTS:-500000} cargo test --locked --workspace --no-fail-fast --lib --bins --test hostile -- --nocapture hostile

# The faults of docs/faults.md, at the size of every test run.
faults:
	./tools/setup --tests
	cargo build --locked --workspace --bins
	./tools/faults

# The same for hours, with the figures of docs/faults.md, which it writes: commit it. TESTS="e2e:name" does one again.
faults-full:
	./tools/setup --tests
	cargo build --locked --workspace --bins
	CANDOR_FAULTS=full ./tools/faults --report $(TESTS)

# Nanoseconds per event, stage by stage.
bench: setup
	cargo bench --locked -p candor-benches

# Instructions of an event against benches/baseline.toml: more than 2 % above it fails. Needs valgrind.
instructions:
	./tools/setup --tests
	cargo run --quiet --release --locked -p candor-benches --bin instructions

# Writes down what an event takes now, in instructions and allocations: commit benches/baseline.toml.
baseline:
	./tools/setup --tests
	cargo run --quiet --release --locked -p candor-benches --bin instructions -- --accept
	CANDOR_BLESS=1 cargo test --locked --workspace --test allocations

# Honest visitors among 10,000 idle and 1,000 slow connections: their p99, and what a connection takes.
front: setup
	cargo build --release --locked -p candor -p candor-clickhouse
	CANDOR_FRONT=full cargo test --release --locked -p candor-tests --test front -- --nocapture figures

# What the programs are made of, as CycloneDX: target/sbom.json.
sbom:
	./tools/sbom

# Fetches where addresses are: countries and networks, free of charge, pinned.
geo:
	./tools/setup --geo

# Fetches the embedded ClickHouse and the user agent rules from the npm registry, pinned.
setup:
	./tools/setup
