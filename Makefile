.DEFAULT_GOAL := help
.PHONY: help demo install-demo test lint image bench bench-plan record-metrics scale fuzz fuzz-decoders explore prove mutants crash-points perturb operations traces metastability mutants-all soak cluster manifests

help: ## what there is to make; bare `make` says it too
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' Makefile

demo: ## the main job on a real API server, from YAML to Ready and back; ends by itself
	@tests/cluster/demo

install-demo: ## the chart on a real API server: two replicas in containers, Ready, failover, removal; ends by itself; IMAGE=folder of an image; RECORD=1: its time into docs/install.md
	@RECORD=$(RECORD) tests/cluster/install-demo $(IMAGE)

test: ## all tests, on a real API server, with Flux and Helm (built once, kept in ~/.cache)
	tests/cluster/ensure >/dev/null
	tests/cluster/ensure flux >/dev/null
	tests/cluster/ensure argocd >/dev/null
	tests/cluster/ensure helm >/dev/null
	tests/cluster/ensure prometheus >/dev/null
	tests/cluster/ensure node >/dev/null
	tests/cluster/ensure release >/dev/null
	deploy/image/build --debug >/dev/null
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-6} cargo test --locked # most tests wait, so more of them than cores
	cargo test --locked --features otlp --test otlp
	$(MAKE) --no-print-directory explore

lint: ## format, clippy, documentation, and licences and sources of the dependencies (deny.toml)
	cargo fmt --all --check
	cargo clippy --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked
	.ci/deny

image: ## the operator's image as an OCI layout in target/image, with its SBOM; TWICE=1: built twice, the digests must be equal, and RECORD=1: into docs/install.md; FEATURES=otlp: with it
	@RECORD=$(RECORD) deploy/image/build $(if $(TWICE),--twice)

bench: ## the operator beside three baselines with N (1000) resources, docs/performance.md; BENCH=plan: `osp plan` of 10 000 organizations, docs/development/bench.md
	@if [ "$(BENCH)" = plan ]; then $(MAKE) --no-print-directory bench-plan; else \
	  tests/cluster/ensure >/dev/null && cargo bench --locked --bench operator; fi

bench-plan:
	cargo build --locked --release --bin osp
	OSP_BENCH_BINARY=$${CARGO_TARGET_DIR:-$(CURDIR)/target}/release/osp cargo test --locked --test it -- --ignored --exact --nocapture osp_plan::bench::bench_plan_of_ten_thousand_organizations

record-metrics: ## MINUTES (60) of the operator under a real Prometheus, with edits, drift, faults and a failover; for docs/dashboard.svg
	OSP_RECORD_MINUTES=$${MINUTES:-60} cargo test --locked --test it -- --ignored --exact --nocapture monitoring::recording::the_dashboards_queries_show_something_of_an_hour_of_edits_drift_and_faults

scale: ## a million resources in the real queue and rate limiters, in virtual time; figures in docs/scale.md
	cargo test --locked --release --lib -- --ignored --exact --nocapture controller::scale::scale_of_a_million_resources

fuzz: ## looks FUZZ_SECONDS (300) long for a text that breaks `osp validate`, with stable Rust; docs/development/fuzz.md
	@fuzz/run

fuzz-decoders: ## FUZZ_RUNS (10000000) mutated texts for each reader of what Scalekit and Secrets say; docs/development/fuzz.md
	cargo test --locked --profile fuzz --lib -- --ignored --exact --nocapture scalekit::tests::fuzz::long

# The decision alone, with optimisation: built in a minute.
CORE = cargo test --locked --manifest-path tests/core/Cargo.toml --target-dir $${CARGO_TARGET_DIR:-target}/core --

explore: ## every state of small worlds, by the shipped decision, as CI does; WORLD=part of a name
	$(CORE) --exact --nocapture reconcile::tests::explorer::every_state_keeps_every_property

prove: ## at least 50 million states of the same worlds, with more changes, faults and kills on each way, and the figures into docs/proof.md; takes up to an hour and some gigabytes
	$(CORE) --ignored --exact --nocapture reconcile::tests::explorer::prove::prove

crash-points: ## SIGKILL before and after every request of creations, edits, deletions and a hand-over
	tests/cluster/ensure >/dev/null
	cargo test --locked --test it -- --ignored --exact --nocapture killed::every_crash_point

perturb: ## what passes between operator and API server is lost, late, doubled or cut, in every way and place; SEED=of an earlier run
	tests/cluster/ensure >/dev/null
	cargo test --locked --test it -- --ignored --exact --nocapture perturbed::every_plan

operations: ## EDITS (2000) generated edits of resources, each compared with a new resource of the same spec; SEED=of an earlier run
	tests/cluster/ensure >/dev/null
	cargo test --locked --test it -- --ignored --exact --nocapture operations::many_edits

traces: ## the real operator along each of the ways through the explorer's worlds in tests/it/traced/ways.txt; WAY=number of one
	tests/cluster/ensure >/dev/null
	cargo test --locked --test it -- --ignored --exact --nocapture traced::every_way

metastability: ## a thousand edits in SECONDS_DOWN (300) seconds of 503 and 429, and how the operator goes on afterwards
	tests/cluster/ensure >/dev/null
	cargo test --locked --test it -- --ignored --exact --nocapture metastable::a_thousand_edits_in_an_outage

soak: ## SOAK_MINUTES (30) of edits, faults and kills of two operators; SEED=of an earlier run
	tests/cluster/ensure >/dev/null
	cargo test --locked --test it -- --ignored --exact --nocapture soak::long

mutants: ## errors that are put into the decision, each of which a property must find; the table into docs/proof.md
	$(CORE) --ignored --exact --nocapture reconcile::tests::explorer::mutants::each_mutant_is_killed_by_its_property

mutants-all: ## all that cargo-mutants would change in the decision and the readers, in one build with a switch for each; FILE=name of one; ALONE=1: and a build for each that can not have one; figures in docs/proof.md
	@ALONE="$(ALONE)" tests/core/mutate "$(FILE)"

cluster: ## a real API server for people; prints `export KUBECONFIG=…`, ends with Ctrl-C
	@tail -f /dev/null | tests/cluster/start --with-controller-manager | sed -u 's/^/export KUBECONFIG=/'

manifests: ## regenerate from the code what is committed: crds/, deploy/kustomize/, docs/conditions.md, docs/api-reference.md, docs/development/failures.md, the pictures of osp in docs/, the recording in README.md
	UPDATE=1 cargo test --locked --test it committed
